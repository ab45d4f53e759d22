//! What can go wrong between a tool's name and its result.

use patinox_policy::{Code, Failure, RecoveryStrategy, cut, escape_line};
use patinox_sandbox::ArgumentError;

use crate::{JsonError, LeftOut, Mismatch, Refusal};

/// How many names or reasons a message lists.
const MAX_LISTED: usize = 12;

/// The longest text about a component's own list, in bytes.
const MAX_REASON_BYTES: usize = 2 << 10;

/// The longest part of what was given that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 200;

/// Why a component has no tools, or a call no result.
///
/// ```
/// use patinox_policy::{Failure, Fault};
/// use patinox_tools::{Error, json};
///
/// let error = Error::from(json::parse("{", 1_000).unwrap_err());
/// assert_eq!(error.fault(), Fault::Caller);
/// assert_eq!(
///     error.to_string(),
///     "not valid JSON: the text ends within an object, at line 1, column 1"
/// );
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The component could not be run, or ended badly.
    #[error(transparent)]
    Sandbox(#[from] patinox_sandbox::Error),
    /// An argument does not fit a function's type.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// An argument does not fit a component's own schema.
    #[error("{}", .0.said_of("the arguments", "argument "))]
    Mismatch(Mismatch),
    /// What came in is not the JSON that we accept.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The component exports nothing that can be called.
    #[error(
        "the component has no function that can be called{}",
        reasons(left_out)
    )]
    NothingCallable {
        /// What it exports instead.
        left_out: Vec<LeftOut>,
    },
    /// The component lists its tools against the rules.
    #[error("the component's list of tools is not accepted: {}", short(reason))]
    InvalidList {
        /// Which rule, and which tool.
        reason: String,
    },
    /// What is to be listed by a name needs one.
    #[error("`{name}` is no name: it has 1 to 128 characters out of `A-Za-z0-9_.-`")]
    NoName {
        /// What was given, cut and escaped.
        name: String,
    },
    /// Something else has the name.
    #[error("there is a `{name}` already")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The component has no tool of that name.
    #[error("there is no tool `{name}`")]
    UnknownTool {
        /// What was asked for, cut and escaped.
        name: String,
        /// What may have been meant.
        near: Option<String>,
        /// The names that there are.
        known: String,
    },
    /// A validator let the call or its result not pass.
    #[error("{0}")]
    Refused(Refusal),
    /// The component judges calls and has no tools.
    #[error("the component is a validator and has no tools")]
    IsValidator,
    /// The component has several tools and none was named.
    #[error("the component has {count} tools and none was named")]
    ToolRequired {
        /// How many.
        count: usize,
        /// Their names.
        known: String,
    },
}

impl Error {
    pub(crate) fn no_name(name: &str) -> Self {
        Self::NoName {
            name: cut(&escape_line(name), MAX_ECHO_BYTES).into_owned(),
        }
    }
}

impl From<Mismatch> for Error {
    fn from(mismatch: Mismatch) -> Self {
        Self::Mismatch(mismatch)
    }
}

impl Failure for Error {
    fn code(&self) -> Code {
        match self {
            Self::Sandbox(error) => error.code(),
            Self::Argument(error) => error.code(),
            Self::Mismatch(error) => error.code(),
            Self::Json(error) => error.code(),
            Self::NothingCallable { .. } | Self::IsValidator => Code::Unsupported,
            Self::Refused(_) => Code::Validator,
            Self::InvalidList { .. } => Code::InvalidOutput,
            Self::UnknownTool { .. } => Code::UnknownTool,
            Self::ToolRequired { .. } => Code::ToolRequired,
            Self::NoName { .. } | Self::NameTaken { .. } => Code::InvalidConfig,
        }
    }

    fn recovery(&self) -> RecoveryStrategy {
        match self {
            Self::Sandbox(error) => error.recovery(),
            Self::Argument(error) => error.recovery(),
            Self::Mismatch(error) => error.recovery(),
            Self::Json(error) => error.recovery(),
            Self::NothingCallable { .. }
            | Self::Refused(_)
            | Self::IsValidator
            | Self::InvalidList { .. }
            | Self::UnknownTool { .. }
            | Self::ToolRequired { .. }
            | Self::NoName { .. }
            | Self::NameTaken { .. } => RecoveryStrategy::Fail,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Sandbox(error) => error.hint(),
            Self::Argument(error) => error.hint(),
            Self::Mismatch(error) => error.hint(),
            Self::Json(error) => error.hint(),
            Self::NothingCallable { .. } => {
                Some("export a function, of the world or of an interface".to_owned())
            }
            Self::IsValidator => {
                Some("name it with `--validator` where a tool is called".to_owned())
            }
            Self::Refused(Refusal {
                has_failed: true, ..
            }) => Some(
                "a validator has limits of its own: those of its entry in a configuration file, \
                 else 1 s, 64 MiB and 20 G of fuel"
                    .to_owned(),
            ),
            Self::NameTaken { .. } => Some("remove that first, or replace it".to_owned()),
            Self::InvalidList { .. } | Self::NoName { .. } | Self::Refused(_) => None,
            Self::UnknownTool {
                near: Some(near),
                known,
                ..
            } => Some(format!("did you mean `{near}`? The tools are {known}")),
            Self::UnknownTool { known, .. } | Self::ToolRequired { known, .. } => {
                Some(format!("the tools are {known}"))
            }
        }
    }
}

fn reasons(left_out: &[LeftOut]) -> String {
    if left_out.is_empty() {
        return String::new();
    }
    let more = left_out.len().saturating_sub(MAX_LISTED);
    let reasons: Vec<_> = left_out
        .iter()
        .take(MAX_LISTED)
        .map(ToString::to_string)
        .collect();
    let more = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    let reasons = cut(&reasons.join("; "), MAX_REASON_BYTES).into_owned();
    format!(": {reasons}{more}")
}

fn short(reason: &str) -> String {
    let reason = cut(reason, MAX_REASON_BYTES);
    cut(&escape_line(&reason), MAX_REASON_BYTES).into_owned()
}

/// The first few names of many.
pub(crate) fn names<'a>(all: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = all.len().saturating_sub(MAX_LISTED);
    let names: Vec<_> = all
        .take(MAX_LISTED)
        .map(|name| format!("`{name}`"))
        .collect();
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{more}", names.join(", "))
}

#[cfg(test)]
mod tests;
