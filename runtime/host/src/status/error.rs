//! Why there is no socket.

use std::fmt;
use std::io;

use patinox_policy::{Code, Failure, RecoveryStrategy, debug_failure};

use super::socket::MAX_PATH_BYTES;

/// Why a host cannot be watched, or the hosts of a folder cannot be found.
///
/// It names no path: whoever gave the folder knows where it lies.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// The system refused something.
    #[error("cannot {doing}")]
    Io {
        /// What was refused, as in `make the status socket`.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Something else stands where the folder should.
    #[error("the status folder must be a folder, not {found}")]
    WrongKind {
        /// What it is.
        found: &'static str,
    },
    /// The folder belongs to somebody else.
    #[error("the status folder must belong to user {us}, not to user {owner}")]
    NotOurs {
        /// Whose it is.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// Others may look into the folder, or put something there.
    #[error("the status folder must have mode `0700`, not mode `{mode:04o}`")]
    Mode {
        /// Its permission bits.
        mode: u32,
    },
    /// The system takes no longer paths for a socket.
    #[error("the path of the status socket has {bytes} bytes, at most {MAX_PATH_BYTES} fit")]
    PathTooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// This process has as many sockets as it may.
    #[error("this process has {count} status sockets, and may have no more")]
    TooMany {
        /// How many.
        count: u32,
    },
}

impl StatusError {
    /// Whether somebody else is to blame, who may write where the folder lies.
    pub(crate) const fn is_others(&self) -> bool {
        matches!(
            self,
            Self::WrongKind { .. } | Self::NotOurs { .. } | Self::Mode { .. }
        )
    }
}

impl StatusError {
    /// For what the system refuses.
    pub(super) fn io<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> Self + Copy {
        move |source| Self::Io {
            doing,
            source: source.into(),
        }
    }
}

impl Failure for StatusError {
    fn code(&self) -> Code {
        match self {
            Self::Io { .. } | Self::WrongKind { .. } => Code::Unreadable,
            Self::NotOurs { .. }
            | Self::Mode { .. }
            | Self::PathTooLong { .. }
            | Self::TooMany { .. } => Code::InvalidConfig,
        }
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Io { .. } => "check who may write to the status folder, and that it is there",
            Self::WrongKind { .. } => "move away what is there: the folder is made anew",
            Self::NotOurs { .. } => "name a folder of your own: `HostBuilder::status_folder`",
            Self::Mode { .. } => "close it to others: `chmod 700`",
            Self::PathTooLong { .. } => {
                "name a folder with a shorter path: `HostBuilder::status_folder`"
            }
            Self::TooMany { .. } => "let go of hosts that are not needed any more",
        };
        Some(hint.to_owned())
    }
}

impl fmt::Debug for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_failure(self, f)
    }
}
