//! How large a pool is, and how long its values live.

use std::num::NonZeroU32;
use std::time::Duration;

/// Which idle value is used next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// The one that came back last: it is the warmest, and the others grow idle
    /// and can go.
    #[default]
    MostRecentlyUsed,
    /// The one that has been idle longest: none grows stale.
    LeastRecentlyUsed,
    /// Each in its turn, in the order in which they were made: all are used
    /// equally often.
    RoundRobin,
}

/// How large a pool is, and how long its values live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// How many values there may be, those being made included.
    pub size: usize,
    /// How many are made ahead by [`warm`](crate::Pool::warm).
    pub ready: usize,
    /// How many may wait for one.
    pub queue: usize,
    /// Which idle value is used next.
    pub reuse: Reuse,
    /// How long after it was made a value goes; `None` for never. One that is out
    /// goes when it comes back.
    pub max_age: Option<Duration>,
    /// How long a value may be idle; `None` for ever.
    pub max_idle: Option<Duration>,
    /// How often a value may be used; `None` for any number of times.
    pub max_uses: Option<NonZeroU32>,
}

impl PoolConfig {
    /// So many values, none made ahead, 1 024 waiters at most, the most recently
    /// used first, and no end to a value's life.
    #[must_use]
    pub const fn of(size: usize) -> Self {
        Self {
            size,
            ready: 0,
            queue: 1_024,
            reuse: Reuse::MostRecentlyUsed,
            max_age: None,
            max_idle: None,
            max_uses: None,
        }
    }
}
