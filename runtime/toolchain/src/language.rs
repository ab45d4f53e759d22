//! The languages that guests are written in.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The language that a guest is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Built by `cargo`.
    Rust,
    /// Built by `zig cc`.
    C,
    /// JavaScript or TypeScript: bundled by `esbuild`, run by `QuickJS`, which
    /// `componentize-qjs` puts into the component.
    JavaScript,
    /// Run by `CPython`, which `componentize-py` puts into the component.
    Python,
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::C => "C",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
        })
    }
}
