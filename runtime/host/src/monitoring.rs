//! What a host knows of itself: figures, and how each part is.

mod figures;
mod health;

use std::fmt;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use patinox_resources::{Kind, Pressure, Sampler};
use patinox_telemetry::metrics::Measures;
use patinox_telemetry::{
    AlertRule, AlertSink, Alerts, Event, Health, LogSink, Monitor, Monitors, RuleError, Snapshot,
    tell,
};

use self::figures::{of_host, of_machine, of_pools, of_pressure};
use self::health::{Failures, availability, impact, utilisation};
use crate::host::Parts;

/// How a host looks at itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonitoringConfig {
    /// How often. A look takes up to a few milliseconds of a core; what is asked in
    /// between looks for itself.
    pub every: Duration,
}

impl Default for MonitoringConfig {
    /// Each ten seconds.
    fn default() -> Self {
        Self {
            every: Duration::from_secs(10),
        }
    }
}

/// What a host tells by itself when something is wrong.
#[derive(Clone)]
pub struct AlertConfig {
    /// When.
    pub rules: Vec<AlertRule>,
    /// After how long it is told again while it goes on.
    pub repeat: Duration,
    /// Whom. The events of the host have them too.
    pub sinks: Vec<Arc<dyn AlertSink>>,
}

impl Default for AlertConfig {
    /// The [default rules](AlertRule::defaults), each hour again, to the log.
    fn default() -> Self {
        Self {
            rules: AlertRule::defaults(),
            repeat: Duration::from_hours(1),
            sinks: vec![Arc::new(LogSink)],
        }
    }
}

impl fmt::Debug for AlertConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertConfig")
            .field("rules", &self.rules)
            .field("repeat", &self.repeat)
            .field("sinks", &self.sinks.len())
            .finish()
    }
}

impl AlertConfig {
    pub(crate) fn alerts(&self) -> Result<Alerts, RuleError> {
        Alerts::new(self.rules.clone(), self.repeat, self.sinks.clone())
    }
}

/// Judges each look, and records what is told.
pub(crate) fn judge(host: &Weak<Parts>, alerts: &Mutex<Alerts>, snapshot: &Snapshot) {
    let (told, sinks) = {
        let mut alerts = lock(alerts);
        (alerts.judge(snapshot, Instant::now()), alerts.sinks())
    };
    // Without the lock: a sink may ask for the alerts of its host.
    tell(&sinks, &told);
    if let Some(host) = host.upgrade() {
        for alert in told {
            host.record(&Event::AlertChanged(alert));
        }
    }
}

/// Looks at a host again and again, on a thread of its own, until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticks {
    /// Nothing is ever sent: that it is gone ends the thread.
    _end: SyncSender<()>,
}

impl Ticks {
    /// Looks at once, and tells each look.
    pub(crate) fn start(
        monitors: Monitors,
        every: Duration,
        mut looked: impl FnMut(&Snapshot) + Send + 'static,
    ) -> io::Result<Self> {
        let (end, ended) = sync_channel::<()>(1);
        let thread = thread::Builder::new().name("patinox-monitor".to_owned());
        thread.spawn(move || {
            loop {
                looked(&monitors.tick());
                if ended.recv_timeout(every) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        })?;
        Ok(Self { _end: end })
    }
}

/// What watches a host.
pub(crate) struct HostMonitor {
    host: Weak<Parts>,
    sampler: Mutex<Sampler>,
    /// That of the host, or one of our own where it does not look.
    pressure: Pressure,
    is_ours: bool,
    failures: Mutex<Failures>,
}

impl HostMonitor {
    pub(crate) fn new(host: &Arc<Parts>, pressure: Option<Pressure>) -> Self {
        let is_ours = pressure.is_none();
        Self {
            host: Arc::downgrade(host),
            sampler: Mutex::new(host.sampler()),
            pressure: pressure.unwrap_or_default(),
            is_ours,
            failures: Mutex::default(),
        }
    }
}

impl Monitor for HostMonitor {
    fn name(&self) -> &'static str {
        "host"
    }

    fn look(&self, measures: &mut Measures) -> Vec<Health> {
        let Some(host) = self.host.upgrade() else {
            return Vec::new();
        };
        let machine = lock(&self.sampler).sample(Instant::now());
        let reading = match self.is_ours {
            true => self.pressure.update(&machine),
            false => self.pressure.reading(),
        };
        of_machine(measures, &machine);
        of_pressure(measures, &reading);
        of_host(measures, &host);
        let pools = of_pools(measures, &host);
        if let Some(monitors) = &host.monitors {
            monitors.forget_unless(|| loaded(&host));
        }
        vec![
            availability(&reading),
            utilisation(&pools),
            impact(&machine),
            lock(&self.failures).cleanup(&host),
        ]
    }
}

/// The digests of what is loaded.
fn loaded(host: &Parts) -> Vec<String> {
    let entries = host.config.registry.entries().into_iter();
    let code = entries.filter(|entry| entry.kind == Kind::Artifact);
    let names = code.filter_map(|entry| entry.owner.name().map(str::to_owned));
    names.collect()
}

fn lock<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that runs under a lock panics half way.
    part.lock().unwrap_or_else(PoisonError::into_inner)
}
