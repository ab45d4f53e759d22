//! Why the store cannot be used.

use std::fmt;
use std::io;

use patinox_policy::{Code, Failure, RecoveryStrategy, debug_failure};

/// Why compiled code cannot be kept or found.
///
/// It names no path: whoever opened the store knows where it lies. Nobody's
/// call fails by it: what cannot be kept is compiled again.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The system refused something.
    #[error("cannot {doing} the {place}")]
    Io {
        /// With what.
        place: StorePlace,
        /// What was refused, as a verb.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
    /// It is something else than it must be.
    #[error("the {place} must be {wanted}, not {found}")]
    WrongKind {
        /// What.
        place: StorePlace,
        /// What it must be.
        wanted: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// It belongs to somebody else.
    #[error("the {place} must belong to user {us}, not to user {owner}")]
    NotOurs {
        /// What.
        place: StorePlace,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// Others may do with it what they must not.
    #[error("the {place} must have {wanted}, not mode `{mode:04o}`")]
    Mode {
        /// What.
        place: StorePlace,
        /// The rule.
        wanted: &'static str,
        /// Its permission bits.
        mode: u32,
    },
    /// The key has several names, one of them perhaps in somebody else's folder.
    #[error("the artifact key must have one name, not {links}")]
    KeyLinked {
        /// How many.
        links: u64,
    },
    /// The key is no key.
    #[error("the artifact key must have 32 bytes, not {bytes}")]
    KeyLength {
        /// How many it has.
        bytes: u64,
    },
    /// The key lies among what it is to protect.
    #[error("the artifact key must not lie in the artifact folder")]
    KeyInside,
    /// The store was opened to be read alone.
    #[error("the artifact store is read-only")]
    ReadOnly,
    /// More than the store keeps.
    #[error("an artifact of {bytes} bytes is not kept: at most {allowed} are")]
    TooLarge {
        /// How many bytes it has.
        bytes: u64,
        /// How many are kept.
        allowed: u64,
    },
}

/// A part of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorePlace {
    /// The folder of the entries.
    Folder,
    /// The folder of the key.
    KeyFolder,
    /// The key.
    Key,
}

impl StoreError {
    /// What is wrong.
    #[must_use]
    pub const fn place(&self) -> StorePlace {
        match self {
            Self::Io { place, .. }
            | Self::WrongKind { place, .. }
            | Self::NotOurs { place, .. }
            | Self::Mode { place, .. } => *place,
            Self::KeyLinked { .. } | Self::KeyLength { .. } | Self::KeyInside => StorePlace::Key,
            Self::TooLarge { .. } | Self::ReadOnly => StorePlace::Folder,
        }
    }

    /// For what the system refuses.
    pub(super) fn io(
        place: StorePlace,
        doing: &'static str,
    ) -> impl FnOnce(io::Error) -> Self + Copy {
        move |source| Self::Io {
            place,
            doing,
            source,
        }
    }
}

impl Failure for StoreError {
    fn code(&self) -> Code {
        match self {
            Self::Io { .. } | Self::WrongKind { .. } => Code::Unreadable,
            Self::NotOurs { .. }
            | Self::Mode { .. }
            | Self::KeyLinked { .. }
            | Self::KeyLength { .. }
            | Self::KeyInside
            | Self::ReadOnly
            | Self::TooLarge { .. } => Code::InvalidConfig,
        }
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Io { place, source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "make room on its disk"
                }
                io::ErrorKind::ReadOnlyFilesystem => "put it where it can be written",
                io::ErrorKind::NotFound if *place == StorePlace::Key => {
                    "name the file that `patinox precompile` wrote, or open the store to be \
                     written: then a key is made"
                }
                _ => "check who may read and write it",
            },
            Self::WrongKind { .. } => "move away what is there: the right thing is made anew",
            Self::NotOurs { .. } => "move it away, or run as its owner: each user has his own",
            Self::Mode { place, mode, .. } => match place {
                StorePlace::Folder => "close it to others: `chmod 700`",
                StorePlace::KeyFolder => "close it to others: `chmod go-w`",
                StorePlace::Key if mode & 0o077 == 0 => "`chmod 600`",
                // Whoever could read the key may have used it already.
                StorePlace::Key => {
                    "`chmod 600` if nobody else can have read it, or else move it away: a new key \
                     is made, and all is compiled anew"
                }
            },
            Self::KeyLinked { .. } | Self::KeyLength { .. } => {
                "copy it again from where it was made, or move it away: a new key is made, and all \
                 is compiled anew"
            }
            Self::KeyInside => "keep them in two folders",
            Self::ReadOnly => "open it to be written as well",
            Self::TooLarge { .. } => "let the store keep more",
        };
        Some(hint.to_owned())
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_failure(self, f)
    }
}

impl fmt::Display for StorePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Folder => "artifact folder",
            Self::KeyFolder => "folder of the artifact key",
            Self::Key => "artifact key",
        })
    }
}
