//! What can go wrong at the command line.

use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;

use patinox_host::status::StatusError;
use patinox_host::{GrantsError, PatinoxError, StoreError, TrustError};
use patinox_policy::{
    Code, Denial, Failure, Fault, GrantError, LimitError, LimitName, RecoveryStrategy,
};

use crate::source::shown;

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
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// What somebody asked whether it would be allowed.
    #[error("no: {denial}")]
    WouldNot {
        denial: Box<Denial>,
        hint: Option<String>,
    },
    #[error("{message}")]
    Usage { message: String, hint: String },
    /// An argument of a tool, before its schema is asked.
    #[error("{message}")]
    Argument {
        message: String,
        code: Code,
        hint: String,
    },
    #[error("limit `{name}` needs a value")]
    LimitWithoutValue { name: LimitName },
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
    #[error("cannot read `{}`", shown(&path.to_string_lossy()))]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("compiled code is not kept: {}", shown(reason))]
    NotKept { reason: String },
    #[error("there is no folder for a cache: `HOME` is not an absolute path")]
    NoCache,
    #[error("there is no folder for what is installed: `HOME` is not an absolute path")]
    NoData,
    #[error("there is no folder for what is trusted and granted: `HOME` is not an absolute path")]
    NoState,
    #[error("there is no `patinox.toml` in `{folder}`")]
    NoProject { folder: String },
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error(transparent)]
    Given(#[from] GrantsError),
    #[error("not as it was installed: {names}")]
    NotAsInstalled { names: String, report: String },
    /// A word that is no path stands for what is installed.
    #[error("`{name}` is not installed")]
    NotInstalled { name: String, hint: String },
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// One of several components.
    #[error("`{name}`: {error}")]
    About { name: String, error: Box<Self> },
    /// One that a file names.
    #[error("a validator cannot be loaded, so nothing passes: {error}, by `{place}`")]
    NoValidator { place: String, error: Box<Self> },
    #[error("the validator `{validator}` has other bytes than `{place}` says: `{found}`")]
    OtherValidator {
        validator: String,
        place: String,
        found: String,
    },
    #[error("cannot read standard input")]
    Stdin(#[source] std::io::Error),
    #[error("the call was cancelled")]
    Cancelled,
    #[error("the demo did not go as it should: {what} ended in `{ended}`")]
    Demo { what: &'static str, ended: Code },
    #[error(transparent)]
    Status(#[from] StatusError),
    #[error("the terminal cannot be drawn on")]
    Terminal(#[source] std::io::Error),
    #[error("cannot start: {what}")]
    Start {
        what: &'static str,
        source: std::io::Error,
    },
}

impl Error {
    /// Names the component, of several, that cannot be loaded.
    pub(crate) fn about(self, name: &str) -> Self {
        match self.fault() {
            Fault::Component | Fault::Limit => Self::About {
                name: shown(name),
                error: Box::new(self),
            },
            // It names it already, or has nothing to do with it.
            _ => self,
        }
    }

    /// The imports that this host does not offer, where that is what is wrong.
    pub(crate) fn missing_imports(&self) -> Option<&[String]> {
        match self {
            Self::Host(error) => error.missing_imports(),
            _ => None,
        }
    }

    /// Two readings, and the message names both.
    pub(crate) const fn ambiguous(message: String, hint: String) -> Self {
        let code = Code::InvalidArguments;
        Self::Argument {
            message,
            code,
            hint,
        }
    }
}

impl Failure for Error {
    fn code(&self) -> Code {
        match self {
            Self::Host(error) => error.code(),
            Self::About { error, .. } => error.code(),
            Self::Config(error) => error.code(),
            Self::Tools(error) => error.code(),
            Self::Limit(error) => error.code(),
            Self::Grant(error) => error.code(),
            Self::WouldNot { denial, .. } => denial.code(),
            Self::Usage { .. } => Code::Usage,
            Self::Argument { code, .. } => *code,
            Self::LimitWithoutValue { .. } => Code::InvalidLimit,
            Self::UnsupportedSource { .. } => Code::UnsupportedSource,
            Self::UnknownDemo { .. } => Code::NotFound,
            Self::ToolRequired { .. } => Code::ToolRequired,
            Self::Unreadable { source, .. } => match source.kind() {
                ErrorKind::NotFound => Code::NotFound,
                _ => Code::Unreadable,
            },
            Self::NotInstalled { .. } => Code::NotFound,
            Self::NotAsInstalled { .. } => Code::Untrusted,
            Self::NoValidator { .. } | Self::OtherValidator { .. } => Code::Validator,
            Self::NoProject { .. } => Code::NotFound,
            Self::Trust(error) => error.code(),
            Self::Given(error) => error.code(),
            Self::NoCache | Self::NoData | Self::NoState => Code::InvalidConfig,
            Self::Cache(CacheError { error, .. }) => error.code(),
            Self::Stdin(_) | Self::NotKept { .. } => Code::Unreadable,
            Self::Cancelled => Code::Cancelled,
            Self::Demo { ended, .. } => *ended,
            Self::Status(error) => error.code(),
            Self::Start { .. } | Self::Terminal(_) => Code::Internal,
        }
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Host(error) => error.hint(),
            Self::About { error, .. } => error.hint(),
            Self::Config(error) => error.hint(),
            Self::Tools(error) => error.hint(),
            Self::Limit(error) => error.hint(),
            Self::Grant(error) => error.hint(),
            Self::WouldNot { hint, .. } => hint.clone(),
            Self::Usage { hint, .. }
            | Self::Argument { hint, .. }
            | Self::NotInstalled { hint, .. }
            | Self::UnsupportedSource { hint, .. } => Some(hint.clone()),
            Self::LimitWithoutValue { name } => {
                let example = name.unit().example();
                Some(format!("write it like `{name}={example}`"))
            }
            Self::UnknownDemo { known, .. } => Some(format!("there are {known}")),
            Self::ToolRequired { commands, .. } => Some(format!("name one:\n{commands}")),
            Self::Unreadable { .. } => {
                Some("check the path; a text that begins with `@` is `key:='\"@…\"'`".to_owned())
            }
            Self::NotAsInstalled { report, .. } => {
                Some(format!("install anew what you trust\n{report}"))
            }
            Self::NoValidator { error, .. } => error.hint(),
            Self::OtherValidator { .. } => Some(
                "find out who changed it; write the digest there if you accept these bytes"
                    .to_owned(),
            ),
            Self::Trust(error) => error.hint(),
            Self::Given(error) => error.hint(),
            Self::NoProject { .. } => Some("name the folder that has it".to_owned()),
            Self::NoState => Some("set it, or `XDG_STATE_HOME`, to a folder".to_owned()),
            Self::NoData => Some("set it, or `XDG_DATA_HOME`, to a folder".to_owned()),
            Self::NoCache => Some("set it, or `XDG_CACHE_HOME`, to a folder".to_owned()),
            Self::Cache(CacheError { error, place }) => {
                let hint = error.hint().unwrap_or_default();
                Some(format!("{hint}; it is `{place}`"))
            }
            Self::Stdin(_) => Some("give the arguments as `key=value`".to_owned()),
            Self::Demo { .. } => {
                Some("a setting of your own may be in its way: see `PATINOX_*`".to_owned())
            }
            Self::NotKept { .. } => {
                Some("make room on its disk, or give another folder".to_owned())
            }
            Self::Status(error) => error.hint(),
            Self::Terminal(_) => Some("`patinox top -o json` needs none".to_owned()),
            Self::Cancelled | Self::Start { .. } => None,
        }
    }
}

/// An error of the store, which does not know how its user names the place.
#[derive(Debug)]
pub(crate) struct CacheError {
    pub(crate) error: StoreError,
    /// For a message: short, cut and escaped.
    pub(crate) place: String,
}

impl fmt::Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for CacheError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}
