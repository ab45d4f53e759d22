//! Why there is no value.

use std::error::Error;
use std::fmt;

/// Why there is no value for whoever asked.
#[derive(Debug, PartialEq, Eq)]
pub enum PoolError<E> {
    /// All values are out, and no more may wait.
    Busy {
        /// How many values there may be.
        size: usize,
        /// How many may wait.
        queue: usize,
    },
    /// The deadline passed.
    Late,
    /// One cannot be made.
    Make(E),
    /// The pool is closed.
    Closed,
}

impl<E> fmt::Display for PoolError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy { size, queue } => write!(
                f,
                "the pool is busy: all {size} values are out, and {queue} wait already"
            ),
            Self::Late => f.write_str("no value of the pool came back before the deadline"),
            Self::Make(_) => f.write_str("a value for the pool cannot be made"),
            Self::Closed => f.write_str("the pool is closed"),
        }
    }
}

impl<E: Error + 'static> Error for PoolError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Make(error) => Some(error),
            Self::Busy { .. } | Self::Late | Self::Closed => None,
        }
    }
}
