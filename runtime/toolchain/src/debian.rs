//! Debian's packages that build a guest where the target's own std is missing.

use std::path::Path;

use serde::Serialize;

use crate::environment::Environment;
use crate::run::rustc_release;
use crate::versions::OLDEST_GUEST_RUST;

/// A package of Debian and why it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DebianPackage {
    /// What `apt-get install` takes.
    pub name: &'static str,
    /// What it is for.
    pub reason: &'static str,
}

const RUSTC: DebianPackage = DebianPackage {
    name: "rustc-web",
    reason: "a Rust compiler that is as new as its standard library's source",
};
const CARGO: DebianPackage = DebianPackage {
    name: "cargo-web",
    reason: "the `cargo` of that compiler",
};
const SOURCE: DebianPackage = DebianPackage {
    name: "rust-web-src",
    reason: "the source of Rust's standard library, to build it for `wasm32-wasip2`",
};
const LIBC: DebianPackage = DebianPackage {
    name: "wasi-libc",
    reason: "the C library below it",
};

/// The compiler's place below the root folder.
pub(crate) const RUSTC_PATH: &str = "usr/bin/rustc";
/// `cargo`'s place.
pub(crate) const CARGO_PATH: &str = "usr/bin/cargo";
/// The folder that the C library lies in.
pub(crate) const LIBC_PATH: &str = "usr/lib/wasm32-wasi";
/// The folder that the standard library's source lies in.
pub(crate) const SOURCE_PATH: &str = "usr/lib/rustlib/src/rust";

/// Whether the machine below `root` is a Debian.
pub(crate) fn is_debian(root: &Path) -> bool {
    root.join("etc/debian_version").is_file()
}

/// The packages that are not there, in the order to install them.
pub(crate) fn missing(root: &Path, environment: &Environment) -> Vec<DebianPackage> {
    let there = [
        (RUSTC, has_compiler(root, environment)),
        (CARGO, root.join(CARGO_PATH).is_file()),
        (
            SOURCE,
            root.join(SOURCE_PATH)
                .join("library/std/Cargo.toml")
                .is_file(),
        ),
        (LIBC, root.join(LIBC_PATH).join("libc.a").is_file()),
    ];
    there
        .into_iter()
        .filter_map(|(package, there)| (!there).then_some(package))
        .collect()
}

fn has_compiler(root: &Path, environment: &Environment) -> bool {
    let rustc = root.join(RUSTC_PATH);
    let release = rustc_release(rustc.as_os_str(), root, environment);
    release.is_ok_and(|release| release.is_at_least(OLDEST_GUEST_RUST))
}
