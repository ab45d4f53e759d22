//! Why a host without a compiler cannot run a component.

use std::fmt;

/// Why the artifact store has no code for a component that can run here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotPrecompiled {
    /// The host was given no store.
    NoStore,
    /// It has nothing of the component.
    Absent,
    /// What it has is no entry of this key, or was changed.
    BadEntry {
        /// What is wrong with it.
        reason: String,
    },
    /// It has code for another engine, kind of machine or settings.
    OtherEngine {
        /// What that was compiled for and is not so here, if anything.
        theirs: Option<String>,
        /// What is so here and was not there, if anything.
        ours: Option<String>,
    },
}

impl NotPrecompiled {
    pub(crate) const fn hint(&self) -> &'static str {
        match self {
            Self::NoStore => "give the host a store that `patinox precompile` filled",
            Self::Absent => "`patinox precompile COMPONENT --store DIR --key-file FILE` adds it",
            Self::BadEntry { .. } => {
                "give the host the key file that the store was filled with, or fill it anew \
                 by `patinox precompile`"
            }
            Self::OtherEngine { .. } => {
                "run `patinox precompile` of the same version on a machine as this one is, \
                 with as much address space"
            }
        }
    }
}

impl fmt::Display for NotPrecompiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStore => f.write_str("it has no artifact store"),
            Self::Absent => f.write_str("its artifact store does not have the component"),
            Self::BadEntry { reason } => {
                write!(
                    f,
                    "the component's entry in its artifact store is refused: {reason}"
                )
            }
            Self::OtherEngine { theirs, ours } => {
                f.write_str("its artifact store has the component for another engine")?;
                if let Some(theirs) = theirs {
                    write!(f, "; compiled for `{theirs}`")?;
                }
                match ours {
                    Some(ours) => write!(f, "; here it is `{ours}`"),
                    None => Ok(()),
                }
            }
        }
    }
}
