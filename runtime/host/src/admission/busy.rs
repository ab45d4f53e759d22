//! Too many calls, and when to come back.

use std::fmt;
use std::time::Duration;

use patinox_policy::{Admission, Code, Failure, Quantity, RecoveryStrategy, Unit};
use patinox_resources::Resource;

/// The soonest that anybody is asked to come back: sooner would be polling.
const SOONEST: Duration = Duration::from_millis(10);

/// The latest. Beyond it an estimate is worth nothing.
const LATEST: Duration = Duration::from_secs(60);

/// A call was turned away: there is no room for it now.
///
/// ```
/// use patinox_host::{Config, Host};
/// use patinox_policy::Admission;
///
/// // What a service sets that would rather turn a call away than have it wait.
/// let admission = Admission { queue: 0, ..Admission::default() };
/// let host = Host::new(Config { admission, ..Config::default() })?;
/// # Ok::<(), patinox_host::PatinoxError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct Busy {
    /// Why.
    pub reason: BusyReason,
    /// When to come back, from 10 ms to a minute: by how long calls of this
    /// component took lately, or when the machine is looked at again.
    pub after: Duration,
}

/// Why there is no room for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BusyReason {
    /// `concurrency` calls of its component run already, and `queue` calls wait:
    /// these ceilings were reached.
    Full(Admission),
    /// The machine is short of something; nothing new begins until there is
    /// more.
    Short(Resource),
    /// Somebody asked the host to take no new work.
    Refusing,
}

impl fmt::Display for BusyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(ceilings) => write!(
                f,
                "the component is busy: limits `concurrency` of {} and `queue` of {} reached",
                count(ceilings.concurrency),
                count(ceilings.queue)
            ),
            Self::Short(resource) => {
                write!(f, "the host is busy: its machine is short of `{resource}`")
            }
            Self::Refusing => f.write_str("the host is busy: it takes no new work for now"),
        }
    }
}

impl Busy {
    /// With so many calls in front, each taking so long.
    pub(super) fn new(ceilings: Admission, in_front: u64, hold: Duration) -> Self {
        let hold = u64::try_from(hold.as_micros()).unwrap_or(u64::MAX);
        // Those in front leave `concurrency` at a time.
        let micros = hold.saturating_mul(in_front.saturating_add(1)) / ceilings.concurrency.max(1);
        Self {
            reason: BusyReason::Full(ceilings),
            after: Duration::from_micros(micros).clamp(SOONEST, LATEST),
        }
    }

    /// Until the machine, looked at so often, has more of something.
    pub(super) fn short_of(resource: Resource, every: Duration) -> Self {
        Self {
            reason: BusyReason::Short(resource),
            after: every.clamp(SOONEST, LATEST),
        }
    }
}

impl Busy {
    /// Until somebody takes it back.
    pub(super) const fn refusing() -> Self {
        Self {
            reason: BusyReason::Refusing,
            after: Duration::from_secs(1),
        }
    }
}

impl Failure for Busy {
    fn code(&self) -> Code {
        Code::Busy
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Retry {
            after: Some(self.after),
        }
    }

    fn hint(&self) -> Option<String> {
        let after = Quantity {
            value: u64::try_from(self.after.as_millis()).unwrap_or(u64::MAX),
            unit: Unit::Milliseconds,
        };
        let why = match self.reason {
            BusyReason::Full(_) => {
                "`concurrency` and `queue` stand under `[admission]` in the configuration file"
            }
            BusyReason::Short(_) => "`patinox doctor` shows what the machine has",
            BusyReason::Refusing => "`Host::restore` takes it back",
        };
        Some(format!("try again in {after}; {why}"))
    }
}

fn count(value: u64) -> Quantity {
    Quantity {
        value,
        unit: Unit::Count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(concurrency: u64, in_front: u64, hold_ms: u64, after_ms: u64) {
        let ceilings = Admission {
            concurrency,
            ..Admission::default()
        };
        let busy = Busy::new(ceilings, in_front, Duration::from_millis(hold_ms));
        assert_eq!(busy.after, Duration::from_millis(after_ms));
    }

    #[test]
    fn the_hint_is_the_wait_to_be_expected_within_reason() {
        check(1, 0, 100, 100);
        check(1, 3, 100, 400);
        check(4, 3, 100, 100);
        check(64, 0, 100, 10);
        check(1, 256, 10_000, 60_000);
        check(1, u64::MAX, u64::MAX, 60_000);
        check(0, 0, 0, 10);
    }

    #[test]
    fn it_says_what_was_reached_and_when_to_come_back() {
        let ceilings = Admission {
            concurrency: 64,
            queue: 2_000,
        };
        let busy = Busy::new(ceilings, 127, Duration::from_millis(750));
        assert_eq!(
            busy.to_string(),
            "the component is busy: limits `concurrency` of 64 and `queue` of 2k reached"
        );
        assert_eq!(
            busy.hint().as_deref(),
            Some(
                "try again in 1500ms; `concurrency` and `queue` stand under `[admission]` in the configuration file"
            )
        );
        let after = Some(Duration::from_millis(1_500));
        assert_eq!(busy.recovery(), RecoveryStrategy::Retry { after });
        let busy = Busy::short_of(Resource::Memory, Duration::from_secs(1));
        assert_eq!(
            busy.to_string(),
            "the host is busy: its machine is short of `memory`"
        );
        let hint = busy.hint();
        let expected = "try again in 1s; `patinox doctor` shows what the machine has";
        assert_eq!(hint.as_deref(), Some(expected));
    }
}
