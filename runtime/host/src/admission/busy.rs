//! Too many calls, and when to come back.

use std::fmt;
use std::time::Duration;

use patinox_policy::{Admission, Code, Failure, LimitName, Quantity, RecoveryStrategy, Unit};
use patinox_resources::Resource;

use super::Lack;

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
    /// No more of its kind may run now, and `queue` calls wait.
    Full {
        /// What there is too little of for it to begin.
        lack: Lack,
        /// The ceilings that were reached.
        admission: Admission,
    },
    /// The arguments of the calls that wait take up all that there is for them.
    Waiting {
        /// How much that is, in bytes.
        waiting_bytes: u64,
    },
    /// It waited, and gave its place to a call of a principal of whom fewer wait, or
    /// to one of its own principal that is wanted sooner.
    Displaced(Admission),
    /// It waited for `queue-wall`.
    Waited(Admission),
    /// The machine is short of something; nothing new is let in until there is more.
    /// What waited already has its turn all the same.
    Short(Resource),
    /// Somebody asked the host to take no new work.
    Refusing,
}

impl fmt::Display for BusyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { lack, admission } => {
                let queue = LimitName::Queue.quantity(admission.queue);
                let Some((name, who)) = lack.limit() else {
                    return write!(
                        f,
                        "the host is busy: its calls may come to take all the memory that there \
                         is for calls, and the limit `queue` of {queue} is reached"
                    );
                };
                let most = name.quantity(admission.get(name).unwrap_or_default());
                write!(
                    f,
                    "the {who} is busy: limits `{name}` of {most} and `queue` of {queue} reached"
                )
            }
            Self::Waiting { waiting_bytes } => write!(
                f,
                "the host is busy: the arguments of the calls that wait take up all of the {} \
                 that there is for them",
                LimitName::Memory.quantity(*waiting_bytes)
            ),
            Self::Displaced(admission) => write!(
                f,
                "the host is busy: the limit `queue` of {} is reached, and the call gave its \
                 place to another one",
                LimitName::Queue.quantity(admission.queue)
            ),
            Self::Waited(admission) => write!(
                f,
                "the host is busy: the limit `queue-wall` of {} is reached",
                LimitName::QueueWall.quantity(admission.queue_wall_ms)
            ),
            Self::Short(resource) => {
                write!(f, "the host is busy: its machine is short of `{resource}`")
            }
            Self::Refusing => f.write_str("the host is busy: it takes no new work for now"),
        }
    }
}

impl Busy {
    /// With so many calls in front, of which so many run at once, each taking so long.
    pub(super) fn new(reason: BusyReason, (in_front, at_once): (u64, u64), hold: Duration) -> Self {
        let hold = u64::try_from(hold.as_micros()).unwrap_or(u64::MAX);
        let micros = hold.saturating_mul(in_front.saturating_add(1)) / at_once.max(1);
        Self {
            reason,
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
        let names = |names: &str| format!("{names} under `[admission]` in the configuration file");
        let why = match self.reason {
            BusyReason::Full { lack, .. } => match lack.limit() {
                Some((name, _)) => names(&format!("`{name}` and `queue` stand")),
                None => "`patinox doctor` shows how many calls the machine bears".to_owned(),
            },
            BusyReason::Displaced(_) => names("`queue` stands"),
            BusyReason::Waited(_) => names("`queue-wall` stands"),
            BusyReason::Waiting { .. } | BusyReason::Short(_) => {
                "`patinox doctor` shows what the machine has".to_owned()
            }
            BusyReason::Refusing => "`Host::restore` takes it back".to_owned(),
        };
        Some(format!("try again in {after}; {why}"))
    }
}

impl Lack {
    /// The limit that says how much there is, and who has reached it; `None` for
    /// memory, which follows from the machine.
    const fn limit(self) -> Option<(LimitName, &'static str)> {
        match self {
            Self::Component => Some((LimitName::Concurrency, "component")),
            Self::Tool => Some((LimitName::ToolConcurrency, "tool")),
            Self::Principal => Some((LimitName::PrincipalConcurrency, "principal")),
            Self::Memory => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADMISSION: Admission = Admission {
        concurrency: 64,
        tool_concurrency: 8,
        principal_concurrency: 16,
        queue: 2_000,
        queue_wall_ms: 1_500,
    };

    fn full(lack: Lack) -> BusyReason {
        let admission = ADMISSION;
        BusyReason::Full { lack, admission }
    }

    #[track_caller]
    fn check(at_once: u64, in_front: u64, hold_ms: u64, after_ms: u64) {
        let reason = full(Lack::Component);
        let hold = Duration::from_millis(hold_ms);
        let busy = Busy::new(reason, (in_front, at_once), hold);
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
        let reasons = [
            full(Lack::Component),
            full(Lack::Tool),
            full(Lack::Principal),
            full(Lack::Memory),
            BusyReason::Waiting {
                waiting_bytes: 512 << 20,
            },
            BusyReason::Displaced(ADMISSION),
            BusyReason::Waited(ADMISSION),
            BusyReason::Short(Resource::Memory),
            BusyReason::Refusing,
        ];
        let told = reasons.map(|reason| {
            let busy = Busy::new(reason, (127, 64), Duration::from_millis(750));
            let hint = busy.hint().expect("a hint");
            let (after, hint) = hint.split_once("; ").expect("two parts");
            assert_eq!(after, "try again in 1500ms");
            let after = Some(Duration::from_millis(1_500));
            assert_eq!(busy.recovery(), RecoveryStrategy::Retry { after });
            format!("{busy}\n  {hint}")
        });
        insta::assert_snapshot!(told.join("\n"), @r"
        the component is busy: limits `concurrency` of 64 and `queue` of 2k reached
          `concurrency` and `queue` stand under `[admission]` in the configuration file
        the tool is busy: limits `tool-concurrency` of 8 and `queue` of 2k reached
          `tool-concurrency` and `queue` stand under `[admission]` in the configuration file
        the principal is busy: limits `principal-concurrency` of 16 and `queue` of 2k reached
          `principal-concurrency` and `queue` stand under `[admission]` in the configuration file
        the host is busy: its calls may come to take all the memory that there is for calls, and the limit `queue` of 2k is reached
          `patinox doctor` shows how many calls the machine bears
        the host is busy: the arguments of the calls that wait take up all of the 512MiB that there is for them
          `patinox doctor` shows what the machine has
        the host is busy: the limit `queue` of 2k is reached, and the call gave its place to another one
          `queue` stands under `[admission]` in the configuration file
        the host is busy: the limit `queue-wall` of 1500ms is reached
          `queue-wall` stands under `[admission]` in the configuration file
        the host is busy: its machine is short of `memory`
          `patinox doctor` shows what the machine has
        the host is busy: it takes no new work for now
          `Host::restore` takes it back
        ");
        let busy = Busy::short_of(Resource::Memory, Duration::from_secs(1));
        assert_eq!(busy.after, Duration::from_secs(1));
    }
}
