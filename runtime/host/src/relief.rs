//! What a host lets go of when its machine runs short.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use patinox_resources::{
    Cause, CleanupError, Demand, Freed, Level, Pressure, PressureWatch, Reading, Reclaim,
    Reclaimer, Sampler, Stage, Step,
};
use patinox_sandbox::{Engine, Loader};
use patinox_telemetry::{Event, PressureChanged, Reclaimed};

use crate::admission::{Gate, NewCalls, is_needed_critical};
use crate::host::Parts;

/// Makes what relieves a host, of all that it has.
pub(crate) fn reclaimer(
    host: &Weak<Parts>,
    (engine, loader, gate): (&Engine, &Loader, &Gate),
    stuck_after: Duration,
) -> Reclaimer {
    let mut sources = loader.sources();
    sources.extend(engine.sources());
    sources.push(Box::new(LongCalls {
        host: Weak::clone(host),
        stuck_after,
    }));
    sources.push(Box::new(NewCalls(gate.clone())));
    let host = Weak::clone(host);
    Reclaimer::new(sources, move |step| {
        if let Some(host) = host.upgrade() {
            host.record(&event(step));
        }
    })
}

fn event(step: &Step) -> Event {
    Event::Reclaimed(Reclaimed {
        stage: step.stage.as_str(),
        what: step.name,
        cause: step.cause.as_str(),
        attempted: step.freed.attempted,
        freed: step.freed.count,
        freed_bytes: step.freed.bytes,
        took: step.took,
        causes: step.trouble.clone(),
    })
}

/// Calls that have run for long when something is critical.
struct LongCalls {
    host: Weak<Parts>,
    stuck_after: Duration,
}

impl Reclaim for LongCalls {
    fn name(&self) -> &'static str {
        "long calls"
    }

    fn stage(&self) -> Stage {
        Stage::CancelStuck
    }

    fn reclaim(&self, demand: &Demand) -> Result<Freed, CleanupError> {
        // A full disk is no reason to end what computes.
        if demand.cause != Cause::Asked && !is_needed_critical(demand) {
            return Ok(Freed::default());
        }
        let host = self.host.upgrade();
        Ok(host.map_or_else(Freed::default, |host| {
            host.running.end_longer_than(self.stuck_after)
        }))
    }
}

/// Looks at the machine until the host is gone: lets go of what the look calls
/// for, and records what changes.
pub(crate) fn watch(
    parts: &Arc<Parts>,
    pressure: Pressure,
    every: Duration,
) -> std::io::Result<PressureWatch> {
    let sampler = Sampler::new(parts.config.detector.clone());
    let parts = Arc::downgrade(parts);
    PressureWatch::start(pressure, sampler, every, move |reading, is_new| {
        if let Some(parts) = parts.upgrade() {
            look(&parts, reading, is_new);
        }
    })
}

fn look(parts: &Parts, reading: &Reading, is_new: bool) {
    let tell = || {
        let reasons = reading.pressed.iter().map(ToString::to_string);
        parts.record(&Event::PressureChanged(PressureChanged {
            level: reading.level().as_str(),
            reasons: reasons.collect(),
        }));
    };
    // Whoever hears that it is over finds all as it was.
    let is_over = reading.level() == Level::Normal;
    if is_new && !is_over {
        tell();
    }
    let _: Vec<Step> = parts.reclaimer.look(reading, Instant::now());
    if is_new && is_over {
        tell();
    }
}
