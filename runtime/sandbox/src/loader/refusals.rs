//! What could not be compiled.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use patinox_policy::{LimitName, cut};

use crate::compile::Failed;
use crate::error::Starved;

use super::Key;
use tokio::time::Instant;

/// Refusals that are remembered. It stops a bomb that is sent again and again;
/// beyond it the oldest is forgotten, at most half a megabyte is kept.
const MAX_REFUSALS: usize = 1_000;

/// The longest reason that is kept, in bytes.
const MAX_REASON_BYTES: usize = 400;

/// The components that would be refused again, with the reason. Other limits
/// make another key: raised, they are tried again.
#[derive(Default)]
pub(super) struct Refusals(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    reasons: HashMap<Key, Refusal>,
    /// The oldest first.
    order: VecDeque<Key>,
}

enum Refusal {
    Invalid(String),
    Limit(LimitName),
    /// So often in a row there was too little time to compile it, the last time
    /// then.
    Starved {
        why: Starved,
        times: u32,
        at: Instant,
    },
}

/// After so many times what there was too little time to compile is not tried
/// again for a while. It stops a bomb whose senders keep the machine busy.
const STARVED_TIMES: u32 = 3;

/// How long that is.
const STARVED_FOR: Duration = Duration::from_mins(10);

impl Refusals {
    pub(super) fn get(&self, key: &Key) -> Option<Failed> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(match kept.reasons.get(key)? {
            Refusal::Invalid(reason) => Failed::Invalid {
                reason: reason.clone(),
            },
            Refusal::Limit(name) => Failed::Limit(*name),
            Refusal::Starved { why, times, at } => {
                let is_over = STARVED_FOR <= Instant::now().saturating_duration_since(*at);
                if *times < STARVED_TIMES || is_over {
                    return None;
                }
                Failed::Starved(*why)
            }
        })
    }

    /// Remembers what would fail in the same way again, and nothing else.
    pub(super) fn remember(&self, key: Key, failed: &Failed) {
        let refusal = match failed {
            Failed::Invalid { reason } => {
                Refusal::Invalid(cut(reason, MAX_REASON_BYTES).into_owned())
            }
            Failed::Limit(name) => Refusal::Limit(*name),
            Failed::Starved(why @ Starved::Compiling { .. }) => Refusal::Starved {
                why: *why,
                times: 1,
                at: Instant::now(),
            },
            Failed::Starved(_) | Failed::Abandoned | Failed::Worker(_) | Failed::Unlinked(_) => {
                return;
            }
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refusal = match (refusal, kept.reasons.get(&key)) {
            (Refusal::Starved { why, at, .. }, Some(Refusal::Starved { times, .. })) => {
                let times = times.saturating_add(1);
                Refusal::Starved { why, times, at }
            }
            (refusal, _) => refusal,
        };
        if kept.reasons.insert(key, refusal).is_none() {
            kept.order.push_back(key);
        }
        while MAX_REFUSALS < kept.order.len() {
            if let Some(oldest) = kept.order.pop_front() {
                kept.reasons.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::WorkerFault;
    use crate::error::Starved;
    use crate::screen::Digest;
    use patinox_policy::LoadLimits;

    fn digest(number: usize) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    fn key(number: usize) -> Key {
        (digest(number), LoadLimits::default())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_starved_three_times_waits_for_a_while() {
        let refusals = Refusals::default();
        let why = Starved::Compiling {
            computed: None,
            is_busy: true,
        };
        for _ in 0..3 {
            assert!(refusals.get(&key(0)).is_none());
            refusals.remember(key(0), &Failed::Starved(why));
        }
        let found = refusals.get(&key(0));
        assert!(matches!(found, Some(Failed::Starved(_))));
        assert!(refusals.get(&key(1)).is_none());
        tokio::time::advance(STARVED_FOR).await;
        assert!(refusals.get(&key(0)).is_none());
    }

    #[test]
    fn what_fails_again_is_remembered_and_nothing_else() {
        let refusals = Refusals::default();
        let limit = || Failed::Limit(LimitName::CompileCpu);
        refusals.remember(key(0), &limit());
        assert!(matches!(refusals.get(&key(0)), Some(Failed::Limit(_))));
        let mut raised = LoadLimits::default();
        raised.compile_cpu_ms += 1;
        assert!(refusals.get(&(digest(0), raised)).is_none());
        let others = [
            Failed::Starved(Starved::Waiting),
            Failed::Abandoned,
            Failed::Worker(WorkerFault::NotAWorker),
        ];
        for failed in others {
            refusals.remember(key(1), &failed);
            assert!(refusals.get(&key(1)).is_none(), "{failed:?}");
        }
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let refusals = Refusals::default();
        for number in 0..=MAX_REFUSALS {
            let reason = "x".repeat(5_000);
            refusals.remember(key(number), &Failed::Invalid { reason });
        }
        assert!(refusals.get(&key(0)).is_none());
        let Some(Failed::Invalid { reason }) = refusals.get(&key(MAX_REFUSALS)) else {
            panic!("it was the last");
        };
        assert!(reason.len() <= MAX_REASON_BYTES, "{}", reason.len());
    }
}
