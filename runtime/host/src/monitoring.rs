//! What a host knows of itself: figures, and how each part is.

use std::fmt;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use patinox_resources::{Hundredths, Kind, Level, Machine, Pressure, Reading, Sampler, Stage};
use patinox_sandbox::Profile;
use patinox_telemetry::metrics::{
    CALLS_RUNNING, CALLS_WAITING, CLEANUPS_PENDING, ENTRIES, ENTRIES_MADE, ENTRY_BYTES,
    EVENTS_LOST, MACHINE_CORES, MACHINE_CPU, MACHINE_LOAD, MACHINE_MEMORY,
    MACHINE_MEMORY_AVAILABLE, Measures, Metric, POOL_SLOTS, POOL_SLOTS_FREE, PRESSURE, PROCESS_CPU,
    PROCESS_DESCRIPTORS, PROCESS_MEMORY, STORE_BYTES, STORE_ENTRIES,
};
use patinox_telemetry::{
    AlertRule, AlertSink, Alerts, Condition, Event, Health, LogSink, Monitor, Monitors, RuleError,
    Snapshot, tell,
};

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
        let mut alerts = alerts.lock().unwrap_or_else(PoisonError::into_inner);
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

/// From this share of the slots on a pool is nearly used up, in percent.
const POOL_NEARLY_FULL: u64 = 90;

/// From this share of the cores or of the memory on we are a burden, in percent.
const BURDEN: u64 = 90;

/// How long a clean-up that failed counts.
const FAILED_LATELY: Duration = Duration::from_mins(10);

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

/// The clean-ups that failed, as they were last seen.
#[derive(Debug, Default)]
struct Failures {
    count: u64,
    at: Option<Instant>,
}

impl HostMonitor {
    pub(crate) fn new(host: &Arc<Parts>, pressure: Option<Pressure>) -> Self {
        let is_ours = pressure.is_none();
        Self {
            host: Arc::downgrade(host),
            sampler: Mutex::new(Sampler::new(host.config.detector.clone())),
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
        let machine = {
            let sampler = self.sampler.lock();
            let mut sampler = sampler.unwrap_or_else(PoisonError::into_inner);
            sampler.sample(Instant::now())
        };
        let reading = match self.is_ours {
            true => self.pressure.update(&machine),
            false => self.pressure.reading(),
        };
        of_machine(measures, &machine);
        of_pressure(measures, &reading);
        of_host(measures, &host);
        let pools = of_pools(measures, &host);
        vec![
            availability(&reading),
            utilisation(&pools, host.gate.waiting()),
            impact(&machine),
            self.cleanup(&host),
        ]
    }
}

impl HostMonitor {
    /// Whether what is to go does go.
    fn cleanup(&self, host: &Parts) -> Health {
        let registry = &host.config.registry;
        let failed = registry.failure_counts().total();
        let pending = registry.cleanups_pending();
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let totals = Stage::ALL.map(|stage| host.reclaimer.totals(stage));
        let sum = |of: fn(&patinox_resources::StageTotals) -> u64| {
            totals.iter().map(of).fold(0, u64::saturating_add)
        };
        let (freed, attempted) = (sum(|it| it.freed.count), sum(|it| it.freed.attempted));
        let (steps, not_done) = (sum(|it| it.steps), sum(|it| it.failed));
        let took = totals.iter().map(|it| it.took).sum::<Duration>();
        let all_failed = failed.saturating_add(not_done);
        if failures.count < all_failed {
            failures.count = all_failed;
            failures.at = Some(Instant::now());
        }
        // Of what failed nobody knows what is left; half of all is no accident.
        let is_half = 0 < steps && steps <= not_done.saturating_mul(2);
        let condition = match failures.at.filter(|at| at.elapsed() < FAILED_LATELY) {
            Some(_) if is_half => Condition::Unhealthy,
            Some(_) => Condition::Degraded,
            None => Condition::Healthy,
        };
        Health {
            name: "cleanup",
            condition,
            reason: format!(
                "{failed} clean-ups failed and {pending} have not ended; \
                 {freed} of {attempted} things were let go of in {took:.1?}, {not_done} of {steps} steps failed"
            ),
        }
    }
}

/// Whether the machine has what calls need.
fn availability(reading: &Reading) -> Health {
    let reasons: Vec<_> = reading.pressed.iter().map(ToString::to_string).collect();
    Health {
        name: "resources",
        condition: match reading.level() {
            Level::Normal => Condition::Healthy,
            Level::Elevated => Condition::Degraded,
            Level::Critical => Condition::Unhealthy,
        },
        reason: match reasons.as_slice() {
            [] => "nothing is short".to_owned(),
            reasons => reasons.join("; "),
        },
    }
}

/// Whether there is room for calls.
fn utilisation(pools: &[(Profile, Slots)], waiting: u64) -> Health {
    let share = |slots: &Slots| {
        let used = slots.all.saturating_sub(slots.free);
        used.saturating_mul(100) / slots.all.max(1)
    };
    let fullest = pools.iter().map(|(_, slots)| share(slots)).max();
    let shown = pools.iter().map(|(profile, slots)| {
        let used = slots.all.saturating_sub(slots.free);
        format!(
            "{used} of {} {} slots are used",
            slots.all,
            profile.as_str()
        )
    });
    let mut shown: Vec<_> = shown.collect();
    shown.push(format!("{waiting} calls wait"));
    Health {
        name: "pool",
        condition: match fullest {
            Some(100) if 0 < waiting => Condition::Unhealthy,
            Some(share) if POOL_NEARLY_FULL <= share => Condition::Degraded,
            _ => Condition::Healthy,
        },
        reason: shown.join(", "),
    }
}

/// How much of the machine we take ourselves.
fn impact(machine: &Machine) -> Health {
    let cores = u64::try_from(machine.cores.value.get()).unwrap_or(u64::MAX);
    let cpu = machine
        .own_cpu_percent
        .as_ref()
        .map(|own| own.value.0 / cores.max(1));
    let resident = machine.memory_resident_bytes.as_ref();
    let memory = resident.zip(machine.memory_bytes_total.as_ref());
    let memory = memory.map(|(own, all)| Hundredths::percent(own.value, all.value).0);
    let is_burden = |share: Option<u64>| share.is_some_and(|share| BURDEN * 100 <= share);
    let shown = |share: Option<u64>| match share {
        Some(share) => format!("{} %", Hundredths(share)),
        None => "an unknown part".to_owned(),
    };
    Health {
        name: "impact",
        condition: match is_burden(cpu) || is_burden(memory) {
            true => Condition::Degraded,
            false => Condition::Healthy,
        },
        reason: format!(
            "this process takes {} of {cores} cores and {} of the memory",
            shown(cpu),
            shown(memory)
        ),
    }
}

/// The slots of a profile, pool and on demand together.
struct Slots {
    all: u64,
    free: u64,
}

fn of_pools(measures: &mut Measures, host: &Parts) -> Vec<(Profile, Slots)> {
    let mut pools = Vec::new();
    for profile in [Profile::Lean, Profile::Strict] {
        // One that nothing has been loaded for is not made for this.
        let Some(Ok(allocated)) = host.engine.allocated_so_far(profile) else {
            continue;
        };
        let slots = Slots {
            all: number(allocated.call_slots),
            free: number(allocated.free_call_slots),
        };
        measures.count(&POOL_SLOTS, &[profile.as_str()], slots.all);
        measures.count(&POOL_SLOTS_FREE, &[profile.as_str()], slots.free);
        pools.push((profile, slots));
    }
    pools
}

fn of_host(measures: &mut Measures, host: &Parts) {
    let registry = &host.config.registry;
    let (counts, made) = (registry.counts(), registry.made());
    for kind in Kind::ALL {
        let (name, held) = (&[kind.as_str()], counts.of(kind));
        measures.count(&ENTRIES, name, number(held.entries));
        measures.count(&ENTRY_BYTES, name, held.size_bytes);
        measures.count(&ENTRIES_MADE, name, number(made.of(kind).entries));
    }
    measures.count(&CLEANUPS_PENDING, &[], number(registry.cleanups_pending()));
    measures.count(&CALLS_RUNNING, &[], number(host.running.count()));
    measures.count(&CALLS_WAITING, &[], host.gate.waiting());
    let lost = host.config.recorder.lost();
    measures.count(
        &EVENTS_LOST,
        &[],
        lost.saturating_add(host.listeners.lost()),
    );
    let store = host.config.store.as_ref();
    if let Some(Ok(entries)) = store.map(|store| store.folder().list()) {
        let bytes = entries.iter().map(|entry| entry.bytes);
        measures.count(&STORE_ENTRIES, &[], number(entries.len()));
        measures.count(&STORE_BYTES, &[], bytes.fold(0, u64::saturating_add));
    }
}

fn of_machine(measures: &mut Measures, machine: &Machine) {
    let hundredths = |share: Hundredths| {
        // Two digits behind the point are enough of a share.
        f64::from(u32::try_from(share.0).unwrap_or(u32::MAX)) / 100.0
    };
    measures.count(&MACHINE_CORES, &[], number(machine.cores.value.get()));
    let ratios: [(&'static Metric, _); 2] = [
        (&MACHINE_CPU, &machine.cpu_percent),
        (&PROCESS_CPU, &machine.own_cpu_percent),
    ];
    for (metric, percent) in ratios {
        if let Some(percent) = percent {
            measures.number(metric, &[], hundredths(percent.value) / 100.0);
        }
    }
    let bytes: [(&'static Metric, _); 3] = [
        (&MACHINE_MEMORY, &machine.memory_bytes_total),
        (&MACHINE_MEMORY_AVAILABLE, &machine.memory_bytes_available),
        (&PROCESS_MEMORY, &machine.memory_resident_bytes),
    ];
    for (metric, bytes) in bytes {
        if let Some(bytes) = bytes {
            measures.count(metric, &[], bytes.value);
        }
    }
    if let Some(load) = &machine.load {
        measures.number(&MACHINE_LOAD, &[], hundredths(load.value.one_minute));
    }
    let descriptors = machine.descriptors.as_ref();
    if let Some(used) = descriptors.and_then(|held| held.used.as_ref()) {
        measures.count(&PROCESS_DESCRIPTORS, &[], used.value);
    }
}

fn of_pressure(measures: &mut Measures, reading: &Reading) {
    for resource in patinox_resources::Resource::ALL {
        let level = match reading.level_of(resource) {
            Level::Normal => 0,
            Level::Elevated => 1,
            Level::Critical => 2,
        };
        measures.count(&PRESSURE, &[resource.as_str()], level);
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
