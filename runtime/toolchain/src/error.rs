//! What can go wrong between a guest's source and its component.

use std::io;
use std::path::PathBuf;

use patinox_policy::{Code, Failure, RecoveryStrategy};

use crate::Language;

/// Why a guest was not built.
///
/// ```
/// use patinox_policy::{Code, Failure};
/// use patinox_toolchain::{Wit, docs};
///
/// let error = docs::embed(b"\0asm", &Wit::default()).unwrap_err();
/// assert_eq!(error.to_string(), "not a WebAssembly component");
/// assert_eq!(error.code(), Code::Malformed);
/// ```
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No way to build a guest on this machine.
    #[error("no toolchain for {language} guests: missing {}", missing.join(", "))]
    MissingToolchain {
        /// Of guests in which language.
        language: Language,
        /// What is not there.
        missing: Vec<String>,
        /// The command that installs it.
        command: String,
    },
    /// A tool that should be there does not start.
    #[error("`{program}` does not start")]
    Start {
        /// The tool.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The toolchain refused the source.
    #[error("`{command}` failed:\n{output}")]
    Build {
        /// The tool, and what it was asked for.
        command: String,
        /// The end of what the tool said, escaped for a terminal.
        output: String,
    },
    /// A tool said something that we cannot read.
    #[error("`{command}` answered something unexpected: {reason}")]
    Unexpected {
        /// The tool, and what it was asked for.
        command: String,
        /// What we do not understand.
        reason: String,
    },
    /// The interface definition of a guest does not parse.
    #[error("the WIT of this component cannot be read: {reason}")]
    Wit {
        /// What the parser said.
        reason: String,
    },
    /// The manifest of a guest is not one.
    #[error("`{}` is not the manifest of a guest: {}", path.display(), reason.trim_end())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The bytes are not a component.
    #[error("not a WebAssembly component")]
    NotAComponent,
    /// A file of a build cannot be written.
    #[error("`{}` cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Failure for Error {
    fn code(&self) -> Code {
        match self {
            Self::MissingToolchain { .. } | Self::Start { .. } => Code::MissingToolchain,
            Self::Build { .. }
            | Self::Unexpected { .. }
            | Self::Wit { .. }
            | Self::Manifest { .. }
            | Self::Write { .. } => Code::BuildFailed,
            Self::NotAComponent => Code::Malformed,
            Self::Read { .. } => Code::Unreadable,
        }
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::MissingToolchain { command, .. } => Some(format!("install it with `{command}`")),
            Self::Start { .. } => Some("install Rust from https://rustup.rs".to_owned()),
            Self::Build { .. }
            | Self::Unexpected { .. }
            | Self::Wit { .. }
            | Self::Manifest { .. }
            | Self::Write { .. }
            | Self::NotAComponent
            | Self::Read { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use patinox_policy::Fault;

    use super::*;

    #[test]
    fn a_missing_toolchain_is_told_with_one_command() {
        let error = Error::MissingToolchain {
            language: Language::Rust,
            missing: vec!["rustc-web".to_owned(), "wasi-libc".to_owned()],
            command: "apt-get install rustc-web wasi-libc".to_owned(),
        };
        assert_eq!(
            error.to_string(),
            "no toolchain for Rust guests: missing rustc-web, wasi-libc"
        );
        assert_eq!(error.code(), Code::MissingToolchain);
        assert_eq!(error.fault(), Fault::Caller);
        assert_eq!(
            error.hint().unwrap(),
            "install it with `apt-get install rustc-web wasi-libc`"
        );
    }
}
