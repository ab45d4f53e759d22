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

/// `cargo-deny`: licences, sources, advisories.
pub const CARGO_DENY: &str = "0.20.2";

/// `cargo-nextest`: runs the tests.
pub const CARGO_NEXTEST: &str = "0.9.143";

#[cfg(test)]
mod tests {
    #[test]
    fn the_pinned_rust_is_the_one_that_rust_toolchain_names() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../rust-toolchain.toml");
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(&format!("channel = \"{}\"", super::RUST)));
        assert!(text.contains(&format!("targets = [\"{}\"]", super::TARGET)));
    }
}
