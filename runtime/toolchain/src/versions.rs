//! Every version that a build, a test or CI depends on and that no
//! `Cargo.lock` holds.

/// The target that Rust guests are built for.
pub const TARGET: &str = "wasm32-wasip2";

/// The Rust release that the host is built with; `rust-toolchain.toml` names
/// the same.
pub const RUST: &str = "1.95.0";

/// The oldest Rust release that builds a guest: major and minor number.
///
/// Debian's own `rustc` is far older and lies at the same place as
/// `rustc-web`'s.
pub const OLDEST_GUEST_RUST: (u32, u32) = (1, 95);

/// A program that builds guests of a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// The package that has it, as its registry calls it.
    pub package: &'static str,
    /// The version that set-up installs and CI uses.
    pub pinned: &'static str,
    /// The oldest that builds a guest: major and minor number.
    pub oldest: (u32, u32),
}

/// `zig`, whose `cc` builds C: from `PyPI`.
pub const ZIG: Release = Release {
    package: "ziglang",
    pinned: "0.17.1",
    oldest: (0, 14),
};

/// `wit-bindgen`, which makes bindings for C: from crates.io. This repository's
/// build has it as a library.
pub const WIT_BINDGEN: Release = Release {
    package: "wit-bindgen-cli",
    pinned: "0.60.0",
    oldest: (0, 40),
};

/// `wasm-tools`, which makes a component of a core module: from crates.io. This
/// repository's build has it as a library.
pub const WASM_TOOLS: Release = Release {
    package: "wasm-tools",
    pinned: "1.254.0",
    oldest: (1, 220),
};

/// Node.js, which runs the tools for JavaScript: from the distribution.
pub const NODE: Release = Release {
    package: "nodejs",
    pinned: "18",
    oldest: (18, 0),
};

/// `componentize-qjs`, for JavaScript: from npm.
pub const COMPONENTIZE_QJS: Release = Release {
    package: "componentize-qjs",
    pinned: "0.4.5",
    oldest: (0, 4),
};

/// `esbuild`, which bundles JavaScript and TypeScript: from npm.
pub const ESBUILD: Release = Release {
    package: "esbuild",
    pinned: "0.28.2",
    oldest: (0, 19),
};

/// `componentize-py`, for Python: from `PyPI`.
pub const COMPONENTIZE_PY: Release = Release {
    package: "componentize-py",
    pinned: "0.25.1",
    oldest: (0, 17),
};

/// `cargo-deny`: licences, sources, advisories.
pub const CARGO_DENY: &str = "0.20.2";

/// `cargo-llvm-cov`: counts the lines that tests run.
pub const CARGO_LLVM_COV: &str = "0.9.1";

/// `cargo-nextest`: runs the tests.
pub const CARGO_NEXTEST: &str = "0.9.143";

#[cfg(test)]
mod tests {
    use super::*;

    fn components(name: &str) -> String {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../components/");
        std::fs::read_to_string(format!("{folder}{name}")).unwrap()
    }

    #[test]
    fn what_set_up_installs_is_what_is_pinned_here() {
        let python = components("requirements.txt");
        for Release {
            package, pinned, ..
        } in [ZIG, COMPONENTIZE_PY]
        {
            assert!(
                python.contains(&format!("\n{package}=={pinned} ")),
                "{package}"
            );
        }
        let npm = components("package.json");
        for Release {
            package, pinned, ..
        } in [COMPONENTIZE_QJS, ESBUILD]
        {
            let line = format!("\"{package}\": \"{pinned}\"");
            assert!(npm.contains(&line), "{package}");
        }
    }

    /// What `docs/authoring.md` tells an author to install.
    #[test]
    fn the_page_for_authors_names_the_same() {
        let page = components("../docs/authoring.md");
        for Release {
            package, pinned, ..
        } in [ZIG, COMPONENTIZE_PY]
        {
            assert!(
                page.contains(&format!("pip install {package}=={pinned}")),
                "{package}"
            );
        }
        for Release {
            package, pinned, ..
        } in [COMPONENTIZE_QJS, ESBUILD]
        {
            assert!(page.contains(&format!("{package}@{pinned}")), "{package}");
        }
        for Release {
            package, pinned, ..
        } in [WIT_BINDGEN, WASM_TOOLS]
        {
            let command = format!("cargo install {package}@{pinned}");
            assert!(page.contains(&command), "{package}");
        }
    }

    #[test]
    fn the_pinned_rust_is_the_one_that_rust_toolchain_names() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../rust-toolchain.toml");
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(&format!("channel = \"{RUST}\"")));
        assert!(text.contains(&format!("targets = [\"{TARGET}\"]")));
    }
}
