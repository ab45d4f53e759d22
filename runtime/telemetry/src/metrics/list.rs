//! All the figures that there are.

use super::{Metric, MetricKind};

/// Calls that have ended, by how.
pub static CALLS: Metric = Metric {
    name: "patinox_calls",
    kind: MetricKind::Counter,
    help: "Calls that have ended, by how",
    labels: &["component", "tool", "outcome"],
};

/// The bounds of [`CALL_DURATION`].
pub(super) const CALL_DURATION_BOUNDS: &[f64] = &[
    0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0,
];

/// How long calls took, waits included.
pub static CALL_DURATION: Metric = Metric {
    name: "patinox_call_duration_seconds",
    kind: MetricKind::Histogram,
    help: "How long calls took, waits included",
    labels: &["component", "tool"],
};

/// The bounds of [`CALL_FUEL`].
pub(super) const CALL_FUEL_BOUNDS: &[f64] = &[1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11];

/// What calls computed, in units of fuel.
pub static CALL_FUEL: Metric = Metric {
    name: "patinox_call_fuel",
    kind: MetricKind::Histogram,
    help: "What calls computed, in units of fuel",
    labels: &["component", "tool"],
};

/// The bounds of [`CALL_MEMORY`].
pub(super) const CALL_MEMORY_BOUNDS: &[f64] = &[
    65_536.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
];

/// The most linear memory that calls held at once.
pub static CALL_MEMORY: Metric = Metric {
    name: "patinox_call_memory_peak_bytes",
    kind: MetricKind::Histogram,
    help: "The most linear memory that calls held at once",
    labels: &["component", "tool"],
};

/// Calls and loads that have begun and not ended, those that wait included.
pub static CALLS_RUNNING: Metric = Metric {
    name: "patinox_calls_running",
    kind: MetricKind::Gauge,
    help: "Calls and loads that have begun and not ended, those that wait included",
    labels: &[],
};

/// Calls that wait for their turn.
pub static CALLS_WAITING: Metric = Metric {
    name: "patinox_calls_waiting",
    kind: MetricKind::Gauge,
    help: "Calls that wait to be admitted",
    labels: &[],
};

/// Components that were loaded: compiled for it, or found in the artifact store.
pub static LOADS: Metric = Metric {
    name: "patinox_loads",
    kind: MetricKind::Counter,
    help: "Components that were loaded: compiled for it, or found in the artifact store",
    labels: &["code"],
};

/// The bounds of [`LOAD_DURATION`].
pub(super) const LOAD_DURATION_BOUNDS: &[f64] =
    &[0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 120.0];

/// How long compiling components took.
pub static LOAD_DURATION: Metric = Metric {
    name: "patinox_load_compile_seconds",
    kind: MetricKind::Histogram,
    help: "How long compiling components took",
    labels: &[],
};

/// Events that a listener did not take in time, or a sink panicked at.
pub static EVENTS_LOST: Metric = Metric {
    name: "patinox_events_lost",
    kind: MetricKind::Counter,
    help: "Events that a listener did not take in time, or a sink panicked at",
    labels: &[],
};

/// Resources that are held, by kind.
pub static ENTRIES: Metric = Metric {
    name: "patinox_resource_entries",
    kind: MetricKind::Gauge,
    help: "Resources that are held, by kind",
    labels: &["kind"],
};

/// What the resources that are held take up, by kind.
pub static ENTRY_BYTES: Metric = Metric {
    name: "patinox_resource_bytes",
    kind: MetricKind::Gauge,
    help: "What the resources that are held take up, by kind",
    labels: &["kind"],
};

/// Resources that were ever made, by kind.
pub static ENTRIES_MADE: Metric = Metric {
    name: "patinox_resources_made",
    kind: MetricKind::Counter,
    help: "Resources that were ever made, by kind",
    labels: &["kind"],
};

/// Clean-ups that have not ended.
pub static CLEANUPS_PENDING: Metric = Metric {
    name: "patinox_cleanups_pending",
    kind: MetricKind::Gauge,
    help: "Clean-ups that have not ended",
    labels: &[],
};

/// Clean-ups that failed, by the kind of what was to be cleaned up and by reason.
pub static CLEANUP_FAILURES: Metric = Metric {
    name: "patinox_cleanup_failures",
    kind: MetricKind::Counter,
    help: "Clean-ups that failed, by the kind of what was to be cleaned up and by reason",
    labels: &["kind", "reason"],
};

/// Memories that the instances of calls of a profile may have at once.
pub static POOL_SLOTS: Metric = Metric {
    name: "patinox_pool_slots",
    kind: MetricKind::Gauge,
    help: "Memories that the instances of calls of a profile may have at once",
    labels: &["profile"],
};

/// Those of them that no instance has.
pub static POOL_SLOTS_FREE: Metric = Metric {
    name: "patinox_pool_slots_free",
    kind: MetricKind::Gauge,
    help: "Those of them that no instance has",
    labels: &["profile"],
};

/// Calls that wait for one of them.
pub static POOL_WAITING: Metric = Metric {
    name: "patinox_pool_waiting",
    kind: MetricKind::Gauge,
    help: "Calls that wait for one of them",
    labels: &["profile"],
};

/// Components whose compiled code is kept.
pub static STORE_ENTRIES: Metric = Metric {
    name: "patinox_store_entries",
    kind: MetricKind::Gauge,
    help: "Components whose compiled code is kept",
    labels: &[],
};

/// What compiled code takes up on its disk.
pub static STORE_BYTES: Metric = Metric {
    name: "patinox_store_bytes",
    kind: MetricKind::Gauge,
    help: "What compiled code takes up on its disk",
    labels: &[],
};

/// How hard a resource of the machine is pressed: 0 normal, 1 elevated, 2 critical.
pub static PRESSURE: Metric = Metric {
    name: "patinox_pressure_level",
    kind: MetricKind::Gauge,
    help: "How hard a resource of the machine is pressed: 0 normal, 1 elevated, 2 critical",
    labels: &["resource"],
};

/// How often the level of the machine became another one, by the new level.
pub static PRESSURE_CHANGES: Metric = Metric {
    name: "patinox_pressure_changes",
    kind: MetricKind::Counter,
    help: "How often the level of the machine became another one, by the new level",
    labels: &["level"],
};

/// What there was to let go of when the machine ran short, by stage.
pub static RECLAIM_ATTEMPTED: Metric = Metric {
    name: "patinox_reclaim_attempted",
    kind: MetricKind::Counter,
    help: "What there was to let go of when the machine ran short, by stage",
    labels: &["stage"],
};

/// What of it went, by stage.
pub static RECLAIM_FREED: Metric = Metric {
    name: "patinox_reclaim_freed",
    kind: MetricKind::Counter,
    help: "What of it went, by stage",
    labels: &["stage"],
};

/// What that took up, as far as it is known, by stage.
pub static RECLAIM_BYTES: Metric = Metric {
    name: "patinox_reclaim_freed_bytes",
    kind: MetricKind::Counter,
    help: "What that took up, as far as it is known, by stage",
    labels: &["stage"],
};

/// How long letting go took, by stage.
pub static RECLAIM_SECONDS: Metric = Metric {
    name: "patinox_reclaim_seconds",
    kind: MetricKind::Counter,
    help: "How long letting go took, by stage",
    labels: &["stage"],
};

/// Steps of letting go that failed, by stage.
pub static RECLAIM_FAILURES: Metric = Metric {
    name: "patinox_reclaim_failures",
    kind: MetricKind::Counter,
    help: "Steps of letting go that failed, by stage",
    labels: &["stage"],
};

/// Cores that this process may keep busy.
pub static MACHINE_CORES: Metric = Metric {
    name: "patinox_machine_cores",
    kind: MetricKind::Gauge,
    help: "Cores that this process may keep busy",
    labels: &[],
};

/// How busy these cores were since the last look, by anybody: 1 is all of them.
pub static MACHINE_CPU: Metric = Metric {
    name: "patinox_machine_cpu_ratio",
    kind: MetricKind::Gauge,
    help: "How busy these cores were since the last look, by anybody: 1 is all of them",
    labels: &[],
};

/// The memory that this process could use if it were alone.
pub static MACHINE_MEMORY: Metric = Metric {
    name: "patinox_machine_memory_bytes",
    kind: MetricKind::Gauge,
    help: "The memory that this process could use if it were alone",
    labels: &[],
};

/// What of it is free, or can be freed at once.
pub static MACHINE_MEMORY_AVAILABLE: Metric = Metric {
    name: "patinox_machine_memory_available_bytes",
    kind: MetricKind::Gauge,
    help: "What of it is free, or can be freed at once",
    labels: &[],
};

/// Tasks that run or wait for a disk, over the last minute.
pub static MACHINE_LOAD: Metric = Metric {
    name: "patinox_machine_load",
    kind: MetricKind::Gauge,
    help: "Tasks that run or wait for a disk, over the last minute",
    labels: &[],
};

/// How much this process computed since the last look: 1 is one core.
pub static PROCESS_CPU: Metric = Metric {
    name: "patinox_process_cpu_ratio",
    kind: MetricKind::Gauge,
    help: "How much this process computed since the last look: 1 is one core",
    labels: &[],
};

/// The memory that this process has in use.
pub static PROCESS_MEMORY: Metric = Metric {
    name: "patinox_process_memory_resident_bytes",
    kind: MetricKind::Gauge,
    help: "The memory that this process has in use",
    labels: &[],
};

/// Files, sockets and the like that this process has open.
pub static PROCESS_DESCRIPTORS: Metric = Metric {
    name: "patinox_process_descriptors",
    kind: MetricKind::Gauge,
    help: "Files, sockets and the like that this process has open",
    labels: &[],
};

/// How a part is: 0 healthy, 1 degraded, 2 unhealthy.
pub static HEALTH: Metric = Metric {
    name: "patinox_health",
    kind: MetricKind::Gauge,
    help: "How a part is: 0 healthy, 1 degraded, 2 unhealthy",
    labels: &["check"],
};

/// How often a monitor panicked.
pub static MONITOR_FAILURES: Metric = Metric {
    name: "patinox_monitor_failures",
    kind: MetricKind::Counter,
    help: "How often a monitor panicked",
    labels: &["monitor"],
};

/// Alerts that were told, by how bad they are and whether they fire or are over.
pub static ALERTS: Metric = Metric {
    name: "patinox_alerts",
    kind: MetricKind::Counter,
    help: "Alerts that were told, by how bad they are and whether they fire or are over",
    labels: &["severity", "state"],
};

/// Each of them.
pub static ALL: &[&Metric] = &[
    &CALLS,
    &CALL_DURATION,
    &CALL_FUEL,
    &CALL_MEMORY,
    &CALLS_RUNNING,
    &CALLS_WAITING,
    &LOADS,
    &LOAD_DURATION,
    &EVENTS_LOST,
    &ENTRIES,
    &ENTRY_BYTES,
    &ENTRIES_MADE,
    &CLEANUPS_PENDING,
    &CLEANUP_FAILURES,
    &POOL_SLOTS,
    &POOL_SLOTS_FREE,
    &POOL_WAITING,
    &STORE_ENTRIES,
    &STORE_BYTES,
    &PRESSURE,
    &PRESSURE_CHANGES,
    &RECLAIM_ATTEMPTED,
    &RECLAIM_FREED,
    &RECLAIM_BYTES,
    &RECLAIM_SECONDS,
    &RECLAIM_FAILURES,
    &MACHINE_CORES,
    &MACHINE_CPU,
    &MACHINE_MEMORY,
    &MACHINE_MEMORY_AVAILABLE,
    &MACHINE_LOAD,
    &PROCESS_CPU,
    &PROCESS_MEMORY,
    &PROCESS_DESCRIPTORS,
    &HEALTH,
    &MONITOR_FAILURES,
    &ALERTS,
];
