//! Who knows how a part is, and who asks them all.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patinox_policy::cut;

use crate::contain::contain;
use crate::metrics::{Calls, Counters, HEALTH, MONITOR_FAILURES, Measures, prometheus, short};
use crate::{Event, Sink};

/// The longest reason, in bytes.
const MAX_REASON_BYTES: usize = 512;

/// How a part is. What comes later is worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// It does what it should.
    #[default]
    Healthy,
    /// It does, and not as well as it should.
    Degraded,
    /// It does not.
    Unhealthy,
}

impl Condition {
    /// The condition as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }

    /// The condition as a figure: 0, 1 or 2.
    #[must_use]
    pub const fn figure(self) -> f64 {
        match self {
            Self::Healthy => 0.0,
            Self::Degraded => 1.0,
            Self::Unhealthy => 2.0,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The checks of a host, by name: whether its machine has what calls need, whether
/// there is room in its pools, how much of the machine it takes itself, and whether
/// what is to go does go.
pub const HOST_CHECKS: [&str; 4] = ["resources", "pool", "impact", "cleanup"];

/// How a part is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Its name, in kebab-case.
    pub name: &'static str,
    /// How it is.
    pub condition: Condition,
    /// Why, as a line for a person.
    pub reason: String,
}

/// One source of health and figures.
pub trait Monitor: Send + Sync {
    /// Its name, in kebab-case.
    fn name(&self) -> &'static str;

    /// Looks at what it knows: adds its figures, and tells how it is. It may block
    /// for a moment. Should it panic, that is its health.
    fn look(&self, measures: &mut Measures) -> Vec<Health>;
}

/// Asks monitors, and counts events. Cheap to clone; every clone is the same.
///
/// It is a [`Sink`]: what it is told of is counted at once, without waiting for
/// anybody.
///
/// ```
/// use patinox_telemetry::metrics::{Measures, PROCESS_MEMORY};
/// use patinox_telemetry::{Condition, Health, Monitor, Monitors};
///
/// struct Kettle;
///
/// impl Monitor for Kettle {
///     fn name(&self) -> &'static str {
///         "kettle"
///     }
///     fn look(&self, measures: &mut Measures) -> Vec<Health> {
///         measures.number(&PROCESS_MEMORY, &[], 4096.0);
///         let reason = "it boils".to_owned();
///         vec![Health { name: "kettle", condition: Condition::Degraded, reason }]
///     }
/// }
///
/// let monitors = Monitors::default();
/// monitors.add(Kettle);
/// assert_eq!(monitors.tick().condition(), Condition::Degraded);
/// let text = monitors.prometheus();
/// assert!(text.contains("\npatinox_process_memory_resident_bytes 4096.0\n"));
/// assert!(text.contains("\npatinox_health{check=\"kettle\"} 1.0\n"));
/// ```
#[derive(Clone, Default)]
pub struct Monitors(Arc<Inner>);

#[derive(Default)]
struct Inner {
    monitors: Mutex<Vec<Arc<dyn Monitor>>>,
    calls: Calls,
    counters: Counters,
    /// How often each panicked.
    panics: Mutex<Measures>,
    last: Mutex<Arc<Snapshot>>,
}

/// How all was at one look.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The figures.
    pub measures: Measures,
    /// How each part was, in the order of the monitors.
    pub health: Vec<Health>,
}

impl Snapshot {
    /// How the worst part was.
    #[must_use]
    pub fn condition(&self) -> Condition {
        let all = self.health.iter().map(|health| health.condition);
        all.max().unwrap_or_default()
    }
}

impl Monitors {
    /// Asks one more from now on.
    pub fn add(&self, monitor: impl Monitor + 'static) {
        lock(&self.0.monitors).push(Arc::new(monitor));
    }

    /// Asks all of them, and keeps what they say.
    pub fn tick(&self) -> Arc<Snapshot> {
        // Asked without a lock: they may take a moment.
        let monitors = lock(&self.0.monitors).clone();
        let mut measures = Measures::default();
        let mut health = Vec::new();
        for monitor in monitors {
            health.extend(self.ask(&*monitor, &mut measures));
        }
        for part in &mut health {
            part.reason = cut(&part.reason, MAX_REASON_BYTES).into_owned();
            measures.number(&HEALTH, &[part.name], part.condition.figure());
        }
        measures.extend(&lock(&self.0.panics));
        self.0.counters.measure(&mut measures);
        self.0.calls.measure(&mut measures);
        let snapshot = Arc::new(Snapshot { measures, health });
        *lock(&self.0.last) = Arc::clone(&snapshot);
        snapshot
    }

    /// What the last look saw; nothing before the first.
    #[must_use]
    pub fn last(&self) -> Arc<Snapshot> {
        Arc::clone(&lock(&self.0.last))
    }

    /// Looks, and writes all figures in the exposition format of Prometheus, of
    /// the type `text/plain; version=0.0.4`.
    #[must_use]
    pub fn prometheus(&self) -> String {
        prometheus(self.tick().measures.clone())
    }

    /// Forgets what was counted of components that are gone, once there are as many
    /// series as there may be, so that those of others are told apart again. It is
    /// asked by digest, of those that are in `loaded`; what has no digest stays.
    pub fn forget_unless(&self, loaded: impl FnOnce() -> Vec<String>) {
        if !self.0.calls.is_full() {
            return;
        }
        let loaded = loaded();
        let names: HashSet<_> = loaded.iter().map(|digest| short(digest)).collect();
        let is_digest = |component: &str| component.starts_with("sha256:");
        let is_kept = |component: &str| !is_digest(component) || names.contains(component);
        self.0.calls.retain(is_kept);
    }

    /// What it adds is taken whole, or not at all.
    fn ask(&self, monitor: &dyn Monitor, measures: &mut Measures) -> Vec<Health> {
        let mut added = Measures::default();
        match contain(|| monitor.look(&mut added)) {
            Some(health) => {
                measures.extend(&added);
                health
            }
            None => {
                lock(&self.0.panics).number(&MONITOR_FAILURES, &[monitor.name()], 1.0);
                vec![Health {
                    name: monitor.name(),
                    condition: Condition::Unhealthy,
                    reason: "its monitor panicked".to_owned(),
                }]
            }
        }
    }
}

impl Sink for Monitors {
    fn record(&self, event: &Event) {
        match event {
            Event::CallEnded(call) => self.0.calls.count(call),
            event => self.0.counters.count(event),
        }
    }
}

impl fmt::Debug for Monitors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let monitors = lock(&self.0.monitors);
        let names = monitors.iter().map(|monitor| monitor.name());
        f.debug_struct("Monitors")
            .field("monitors", &names.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

fn lock<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that runs under a lock panics half way.
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
