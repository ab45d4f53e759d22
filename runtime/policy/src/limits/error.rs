//! A limit that cannot be set.

use std::fmt;

use super::name::{LimitName, LimitScope};
use crate::{Code, Failure, RecoveryStrategy, cut, debug_failure, escape_line, nearest};

/// The longest piece of a caller's own text that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 80;

/// A limit that was asked for and cannot be set.
///
/// ```
/// use patinox_policy::{Failure, Limits};
///
/// let error = Limits::default().set("memory", "64").unwrap_err();
/// assert_eq!(error.to_string(), "limit `memory` needs a unit, not `64`");
/// assert_eq!(error.hint().as_deref(), Some("write it like `memory=64MiB`"));
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// No limit has this name.
    #[error("there is no limit `{name}`")]
    Unknown {
        /// What was asked for, cut and escaped.
        name: String,
    },
    /// The value breaks the limit's rule.
    #[error("limit `{name}` {rule}, not `{value}`")]
    Value {
        /// The limit.
        name: LimitName,
        /// What was given, cut and escaped.
        value: String,
        /// The rule, as a clause.
        rule: String,
    },
    /// The limit exists, but elsewhere.
    #[error("limit `{name}` is one of {}, not of {asked}", name.scope())]
    Misplaced {
        /// The limit.
        name: LimitName,
        /// Where it was asked for.
        asked: LimitScope,
    },
}

impl Failure for LimitError {
    fn code(&self) -> Code {
        Code::InvalidLimit
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown { name } => {
                let names = || LimitName::ALL.into_iter().map(LimitName::as_str);
                match nearest(name, names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the limits are {}", names().collect::<Vec<_>>().join(", ")),
                }
            }
            Self::Value { name, .. } => format!("write it like `{name}={}`", name.unit().example()),
            Self::Misplaced { name, .. } => {
                let section = name.scope().section();
                format!("set `{name}` under `[{section}]` in the configuration file")
            }
        })
    }
}

impl fmt::Debug for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_failure(self, f)
    }
}

pub(super) fn echo(text: &str) -> String {
    cut(&escape_line(text), MAX_ECHO_BYTES).into_owned()
}
