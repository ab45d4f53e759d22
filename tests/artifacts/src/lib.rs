//! The guests of `components`, built and described, as files.
//!
//! **Owns** the path of each guest. Each is `None` where no toolchain for its
//! language was found; a test then says what it left out, or takes the prebuilt
//! component. With `CI=true` a missing toolchain fails the build instead.
//!
//! **Never** runs one.
//!
//! ```
//! match patinox_artifacts::text() {
//!     Some(path) => assert!(path.ends_with("text.wasm")),
//!     None => assert!(patinox_artifacts::prebuilt::text().exists()),
//! }
//! ```
#![forbid(unsafe_code)]

use std::path::Path;

/// Every guest: the name of its package, and where its component lies.
pub const ALL: [(&str, Option<&str>); 20] = [
    ("crash", option_env!("PATINOX_GUEST_CRASH")),
    ("eval", option_env!("PATINOX_GUEST_EVAL")),
    ("files", option_env!("PATINOX_GUEST_FILES")),
    (
        "fixture-greedy",
        option_env!("PATINOX_GUEST_FIXTURE_GREEDY"),
    ),
    (
        "fixture-handler",
        option_env!("PATINOX_GUEST_FIXTURE_HANDLER"),
    ),
    ("fixture-judge", option_env!("PATINOX_GUEST_FIXTURE_JUDGE")),
    ("fixture-probe", option_env!("PATINOX_GUEST_FIXTURE_PROBE")),
    (
        "fixture-reader",
        option_env!("PATINOX_GUEST_FIXTURE_READER"),
    ),
    (
        "fixture-resource",
        option_env!("PATINOX_GUEST_FIXTURE_RESOURCE"),
    ),
    ("fixture-shop", option_env!("PATINOX_GUEST_FIXTURE_SHOP")),
    ("fixture-types", option_env!("PATINOX_GUEST_FIXTURE_TYPES")),
    ("hash", option_env!("PATINOX_GUEST_HASH")),
    ("hostile", option_env!("PATINOX_GUEST_HOSTILE")),
    ("injection", option_env!("PATINOX_GUEST_INJECTION")),
    ("json", option_env!("PATINOX_GUEST_JSON")),
    ("notes", option_env!("PATINOX_GUEST_NOTES")),
    ("schema", option_env!("PATINOX_GUEST_SCHEMA")),
    ("secrets", option_env!("PATINOX_GUEST_SECRETS")),
    ("text", option_env!("PATINOX_GUEST_TEXT")),
    ("units", option_env!("PATINOX_GUEST_UNITS")),
];

/// The tool `text`.
#[must_use]
pub fn text() -> Option<&'static Path> {
    component("text")
}

/// The tool `files`.
#[must_use]
pub fn files() -> Option<&'static Path> {
    component("files")
}

/// The tool `notes`.
#[must_use]
pub fn notes() -> Option<&'static Path> {
    component("notes")
}

/// The tool `hash`, in C.
#[must_use]
pub fn hash() -> Option<&'static Path> {
    component("hash")
}

/// The tool `json`, in TypeScript.
#[must_use]
pub fn json() -> Option<&'static Path> {
    component("json")
}

/// The tool `eval`, in Python.
#[must_use]
pub fn eval() -> Option<&'static Path> {
    component("eval")
}

/// One attack a function.
#[must_use]
pub fn hostile() -> Option<&'static Path> {
    component("hostile")
}

/// Lists its tools at run time.
#[must_use]
pub fn fixture_handler() -> Option<&'static Path> {
    component("fixture-handler")
}

/// One function for each kind of WIT type.
#[must_use]
pub fn fixture_types() -> Option<&'static Path> {
    component("fixture-types")
}

/// A WIT resource in its signatures.
#[must_use]
pub fn fixture_resource() -> Option<&'static Path> {
    component("fixture-resource")
}

/// Asks an interface of the embedder's own.
#[must_use]
pub fn fixture_shop() -> Option<&'static Path> {
    component("fixture-shop")
}

/// Reports what a guest can see of its host.
#[must_use]
pub fn fixture_probe() -> Option<&'static Path> {
    component("fixture-probe")
}

/// Reads a file, and nothing else.
#[must_use]
pub fn fixture_reader() -> Option<&'static Path> {
    component("fixture-reader")
}

/// The guest of a package.
#[must_use]
pub fn component(package: &str) -> Option<&'static Path> {
    let (_, path) = ALL.into_iter().find(|(name, _)| *name == package)?;
    path.map(Path::new)
}

/// The components that the program carries, unpacked; always there.
pub mod prebuilt {
    use std::path::Path;

    /// The tool `text`.
    #[must_use]
    pub fn text() -> &'static Path {
        Path::new(env!("PATINOX_PREBUILT_TEXT"))
    }

    /// The tool `files`.
    #[must_use]
    pub fn files() -> &'static Path {
        Path::new(env!("PATINOX_PREBUILT_FILES"))
    }

    /// The tool `notes`.
    #[must_use]
    pub fn notes() -> &'static Path {
        Path::new(env!("PATINOX_PREBUILT_NOTES"))
    }

    /// The validator `secrets`.
    #[must_use]
    pub fn secrets() -> &'static Path {
        Path::new(env!("PATINOX_PREBUILT_SECRETS"))
    }

    /// One attack a function.
    #[must_use]
    pub fn hostile() -> &'static Path {
        Path::new(env!("PATINOX_PREBUILT_HOSTILE"))
    }
}

#[cfg(test)]
mod tests;
