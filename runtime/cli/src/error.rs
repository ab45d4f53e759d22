//! What can go wrong at the command line.

use std::path::PathBuf;

use patinox_host::PatinoxError;
use patinox_policy::{Code, Failure, LimitError, RecoveryStrategy};

/// Why a command did not do what it should.
///
/// Texts of the user's own are cut and escaped where they are put in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Host(#[from] PatinoxError),
    #[error(transparent)]
    Config(#[from] patinox_config::Error),
    #[error(transparent)]
    Tools(#[from] patinox_tools::Error),
    #[error(transparent)]
    Limit(#[from] LimitError),
    #[error("{message}")]
    Usage { message: String },
    #[error("{message}")]
    Argument { message: String, hint: String },
    #[error("{form} cannot be called yet: `{source_text}`")]
    UnsupportedSource {
        form: &'static str,
        source_text: String,
        hint: String,
    },
    #[error("there is no embedded {kind} `{name}`")]
    UnknownDemo {
        kind: &'static str,
        name: String,
        known: String,
    },
    #[error("the component has {count} tools and none was named")]
    ToolRequired { count: usize, commands: String },
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot read standard input")]
    Stdin(#[source] std::io::Error),
    #[error("the call was cancelled")]
    Cancelled,
    #[error("cannot start: {what}")]
    Start {
        what: &'static str,
        source: std::io::Error,
    },
}

impl Failure for Error {
    fn code(&self) -> Code {
        match self {
            Self::Host(error) => error.code(),
            Self::Config(error) => error.code(),
            Self::Tools(error) => error.code(),
            Self::Limit(error) => error.code(),
            Self::Usage { .. } => Code::Usage,
            Self::Argument { .. } => Code::InvalidArguments,
            Self::UnsupportedSource { .. } => Code::UnsupportedSource,
            Self::UnknownDemo { .. } => Code::NotFound,
            Self::ToolRequired { .. } => Code::ToolRequired,
            Self::Unreadable { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound => Code::NotFound,
                _ => Code::Unreadable,
            },
            Self::Stdin(_) => Code::Unreadable,
            Self::Cancelled => Code::Cancelled,
            Self::Start { .. } => Code::Internal,
        }
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Host(error) => error.hint(),
            Self::Config(error) => error.hint(),
            Self::Tools(error) => error.hint(),
            Self::Limit(error) => error.hint(),
            Self::Argument { hint, .. } | Self::UnsupportedSource { hint, .. } => {
                Some(hint.clone())
            }
            Self::UnknownDemo { known, .. } => Some(format!("there are {known}")),
            Self::ToolRequired { commands, .. } => Some(format!("name one:\n{commands}")),
            Self::Usage { .. } => Some("`patinox --help` shows what there is".to_owned()),
            Self::Unreadable { .. } | Self::Stdin(_) | Self::Cancelled | Self::Start { .. } => None,
        }
    }
}
