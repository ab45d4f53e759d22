//! How the parts of a host are.

use std::time::{Duration, Instant};

use patinox_resources::{Hundredths, Level, Machine, Reading, Stage};
use patinox_sandbox::Profile;
use patinox_telemetry::{Condition, Health};

use super::figures::Slots;
use crate::host::Parts;

/// From this share of the slots on a pool is nearly used up, in percent.
const POOL_NEARLY_FULL: u64 = 90;

/// From this share of the cores or of the memory on we are a burden, in percent.
const BURDEN: u64 = 90;

/// How long a clean-up that failed counts.
const FAILED_LATELY: Duration = Duration::from_mins(10);

/// Whether the machine has what calls need.
pub(super) fn availability(reading: &Reading) -> Health {
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
pub(super) fn utilisation(pools: &[(Profile, Slots)]) -> Health {
    let share = |slots: &Slots| {
        let used = slots.all.saturating_sub(slots.free);
        used.saturating_mul(100) / slots.all.max(1)
    };
    let condition = |slots: &Slots| match share(slots) {
        100 if 0 < slots.waiting => Condition::Unhealthy,
        share if POOL_NEARLY_FULL <= share => Condition::Degraded,
        _ => Condition::Healthy,
    };
    let worst = pools.iter().map(|(_, slots)| condition(slots)).max();
    let shown = pools.iter().map(|(profile, slots)| {
        let used = slots.all.saturating_sub(slots.free);
        format!(
            "{used} of {} {} slots are used, {} calls wait for one",
            slots.all,
            profile.as_str(),
            slots.waiting
        )
    });
    let shown: Vec<_> = shown.collect();
    Health {
        name: "pool",
        condition: worst.unwrap_or_default(),
        reason: match shown.as_slice() {
            [] => "no component has been loaded".to_owned(),
            shown => shown.join("; "),
        },
    }
}

/// How much of the machine we take ourselves.
pub(super) fn impact(machine: &Machine) -> Health {
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

/// The clean-ups that failed, as they were last seen.
#[derive(Debug, Default)]
pub(super) struct Failures {
    count: u64,
    at: Option<Instant>,
}

impl Failures {
    /// Whether what is to go does go.
    pub(super) fn cleanup(&mut self, host: &Parts) -> Health {
        let registry = &host.config.registry;
        let failed = registry.failure_counts().total();
        let pending = registry.cleanups_pending();
        let totals = Stage::ALL.map(|stage| host.reclaimer.totals(stage));
        let sum = |of: fn(&patinox_resources::StageTotals) -> u64| {
            totals.iter().map(of).fold(0, u64::saturating_add)
        };
        let (freed, attempted) = (sum(|it| it.freed.count), sum(|it| it.freed.attempted));
        let (steps, not_done) = (sum(|it| it.steps), sum(|it| it.failed));
        let took = totals.iter().map(|it| it.took).sum::<Duration>();
        let all_failed = failed.saturating_add(not_done);
        if self.count < all_failed {
            self.count = all_failed;
            self.at = Some(Instant::now());
        }
        // Of what failed nobody knows what is left; half of all is no accident.
        let is_half = 0 < steps && steps <= not_done.saturating_mul(2);
        let condition = match self.at.filter(|at| at.elapsed() < FAILED_LATELY) {
            Some(_) if is_half => Condition::Unhealthy,
            Some(_) => Condition::Degraded,
            None => Condition::Healthy,
        };
        Health {
            name: "cleanup",
            condition,
            reason: match steps {
                0 => format!("{failed} clean-ups failed and {pending} have not ended"),
                _ => format!(
                    "{failed} clean-ups failed and {pending} have not ended; \
                     {freed} of {attempted} things were let go of in {took:.1?}, {not_done} of {steps} steps failed"
                ),
            },
        }
    }
}
