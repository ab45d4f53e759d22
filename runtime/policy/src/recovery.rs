//! Who must act on an error, and what a loop should do about it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::Code;

/// Who must act on an error.
///
/// Edges (command line, HTTP, MCP) match on this alone to choose an exit code
/// or a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// The caller: the request was wrong.
    Caller,
    /// The operator: a policy refused it.
    Policy,
    /// A limit stopped it.
    Limit,
    /// The author of the component.
    Component,
    /// A service that the host talked to.
    Upstream,
    /// Somebody cancelled the call.
    Cancelled,
    /// Us.
    Host,
}

impl Fault {
    /// The name that the JSON form of an error carries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Policy => "policy",
            Self::Limit => "limit",
            Self::Component => "component",
            Self::Upstream => "upstream",
            Self::Cancelled => "cancelled",
            Self::Host => "host",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a loop that called should do next. Matched exhaustively, never by text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryStrategy {
    /// The same request may succeed after a wait.
    Retry {
        /// How long to wait, where the failing side said so.
        after: Option<Duration>,
    },
    /// The same request will fail here; another tool or provider may do it.
    Fallback,
    /// The other side is unwell: stop sending it requests for a while.
    CircuitBreak,
    /// Nothing but a changed request, component or policy will help.
    Fail,
}

/// What every error of Patinox can say of itself.
///
/// `Display` is the message: lower-case, no final dot, at most
/// [`MAX_MESSAGE_BYTES`](crate::MAX_MESSAGE_BYTES), and it never repeats its
/// `source`.
///
/// ```
/// use patinox_policy::{Failure, Fault, Limits};
///
/// let error = Limits::default().set("wall", "-1s").unwrap_err();
/// assert_eq!(error.fault(), Fault::Caller);
/// assert_eq!(error.code().as_str(), "caller/invalid-limit");
/// ```
pub trait Failure: std::error::Error {
    /// The code: one of a closed list, stable across releases.
    fn code(&self) -> Code;

    /// What a loop should do.
    fn recovery(&self) -> RecoveryStrategy;

    /// Who must act. It follows from the code.
    fn fault(&self) -> Fault {
        self.code().fault()
    }

    /// What would help, as a line for a person; shown behind `hint:`.
    fn hint(&self) -> Option<String> {
        None
    }
}
