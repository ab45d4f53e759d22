//! What a host and its machine have come to.

use patinox_resources::{Hundredths, Kind, Level, Machine, Reading};
use patinox_sandbox::Profile;
use patinox_telemetry::metrics::{
    CALLS_RUNNING, CALLS_WAITING, CLEANUPS_PENDING, ENTRIES, ENTRIES_MADE, ENTRY_BYTES,
    EVENTS_LOST, MACHINE_CORES, MACHINE_CPU, MACHINE_LOAD, MACHINE_MEMORY,
    MACHINE_MEMORY_AVAILABLE, Measures, Metric, POOL_SLOTS, POOL_SLOTS_FREE, POOL_WAITING,
    PRESSURE, PROCESS_CPU, PROCESS_DESCRIPTORS, PROCESS_MEMORY, STORE_BYTES, STORE_ENTRIES,
};

use crate::host::Parts;

/// The slots of a profile, pool and on demand together.
pub(super) struct Slots {
    pub(super) all: u64,
    pub(super) free: u64,
    pub(super) waiting: u64,
}

pub(super) fn of_pools(measures: &mut Measures, host: &Parts) -> Vec<(Profile, Slots)> {
    let mut pools = Vec::new();
    for profile in [Profile::Lean, Profile::Strict] {
        // One that nothing has been loaded for is not made for this.
        let Some(Ok(allocated)) = host.engine.allocated_so_far(profile) else {
            continue;
        };
        let slots = Slots {
            all: number(allocated.call_slots),
            free: number(allocated.free_call_slots),
            waiting: number(allocated.waiting_calls),
        };
        measures.count(&POOL_SLOTS, &[profile.as_str()], slots.all);
        measures.count(&POOL_SLOTS_FREE, &[profile.as_str()], slots.free);
        measures.count(&POOL_WAITING, &[profile.as_str()], slots.waiting);
        pools.push((profile, slots));
    }
    pools
}

pub(super) fn of_host(measures: &mut Measures, host: &Parts) {
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

pub(super) fn of_machine(measures: &mut Measures, machine: &Machine) {
    // Two digits behind the point are enough of a share. Divided once, it is written
    // with no more digits than it has.
    let parts =
        |share: Hundredths, of: f64| f64::from(u32::try_from(share.0).unwrap_or(u32::MAX)) / of;
    measures.count(&MACHINE_CORES, &[], number(machine.cores.value.get()));
    let ratios: [(&'static Metric, _); 2] = [
        (&MACHINE_CPU, &machine.cpu_percent),
        (&PROCESS_CPU, &machine.own_cpu_percent),
    ];
    for (metric, percent) in ratios {
        if let Some(percent) = percent {
            measures.number(metric, &[], parts(percent.value, 10_000.0));
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
        measures.number(&MACHINE_LOAD, &[], parts(load.value.one_minute, 100.0));
    }
    let descriptors = machine.descriptors.as_ref();
    if let Some(used) = descriptors.and_then(|held| held.used.as_ref()) {
        measures.count(&PROCESS_DESCRIPTORS, &[], used.value);
    }
}

pub(super) fn of_pressure(measures: &mut Measures, reading: &Reading) {
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

#[cfg(test)]
mod tests {
    use patinox_resources::{Kind, Resource, Stage};
    use patinox_sandbox::Profile;
    use patinox_telemetry::metrics::label_values;

    use super::*;

    /// By them a rule for alerts is judged.
    #[test]
    fn the_labels_that_figures_have_are_those_that_are_known() {
        let levels = [Level::Normal, Level::Elevated, Level::Critical];
        let profiles = [Profile::Lean, Profile::Strict];
        for (label, values) in [
            ("kind", Kind::ALL.map(Kind::as_str).to_vec()),
            ("level", levels.map(Level::as_str).to_vec()),
            ("profile", profiles.map(Profile::as_str).to_vec()),
            ("resource", Resource::ALL.map(Resource::as_str).to_vec()),
            ("stage", Stage::ALL.map(Stage::as_str).to_vec()),
        ] {
            assert_eq!(label_values(label), Some(values));
        }
    }
}
