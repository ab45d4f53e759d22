//! What a host lets go of when its machine runs short.

mod latest;

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use patinox_resources::{
    Cause, CleanupError, Demand, Freed, Level, Pressure, PressureWatch, Reading, Reclaim,
    Reclaimer, Stage, Step,
};
use patinox_sandbox::{Engine, Loader};
use patinox_telemetry::{Event, PressureChanged, Reclaimed};

use self::latest::Latest;
use crate::admission::{Gate, NewCalls, is_needed_critical};
use crate::host::Parts;

/// After so long new calls are refused without waiting for the stages before.
const OVERDUE_AFTER: Duration = Duration::from_secs(5);

/// Makes what relieves a host, of all that it has.
pub(crate) fn reclaimer(
    host: &Weak<Parts>,
    (engine, loader, gate): (&Engine, &Loader, &Gate),
    (storage, stuck_after): (Vec<Box<dyn Reclaim>>, Duration),
) -> Reclaimer {
    let mut sources = loader.sources();
    sources.extend(storage);
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

/// Calls and loads that have run for long when something is critical.
struct LongCalls {
    host: Weak<Parts>,
    stuck_after: Duration,
}

impl Reclaim for LongCalls {
    fn name(&self) -> &'static str {
        "long calls and loads"
    }

    fn stage(&self) -> Stage {
        Stage::CancelStuck
    }

    fn reclaim(&self, demand: &Demand) -> Result<Freed, CleanupError> {
        // A full disk is no reason to end what computes.
        if demand.cause != Cause::Asked && !is_needed_critical(|resource| demand.level_of(resource))
        {
            return Ok(Freed::default());
        }
        let host = self.host.upgrade();
        Ok(host.map_or_else(Freed::default, |host| {
            host.running.end_longer_than(self.stuck_after)
        }))
    }
}

/// Looks at the machine until the host is gone: lets go of what the look calls
/// for, and records what changes. That is done on a thread of its own, so that the
/// machine is looked at while something that blocks is let go of.
pub(crate) fn watch(
    parts: &Arc<Parts>,
    pressure: Pressure,
    every: Duration,
) -> std::io::Result<PressureWatch> {
    let sampler = parts.sampler();
    let gate = parts.gate.clone();
    let host = Arc::downgrade(parts);
    let mut told = Level::Normal;
    let relief = Latest::start("patinox-relief", move |reading: Reading| {
        if let Some(host) = host.upgrade() {
            let before = std::mem::replace(&mut told, reading.level());
            look(&host, &reading, before != told);
        }
    })?;
    let mut overdue = Overdue::default();
    PressureWatch::start(pressure, sampler, every, move |reading, _| {
        gate.refuse_overdue(overdue.look(reading, Instant::now()));
        if !is_needed_critical(|resource| reading.level_of(resource)) {
            gate.admit_again();
        }
        relief.tell(reading.clone());
    })
}

/// Something a call needs has been critical for so long that new calls are refused,
/// even where what comes before that has not ended.
#[derive(Debug, Default)]
struct Overdue {
    since: Option<Instant>,
}

impl Overdue {
    fn look(&mut self, reading: &Reading, now: Instant) -> bool {
        if !is_needed_critical(|resource| reading.level_of(resource)) {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        OVERDUE_AFTER <= now.saturating_duration_since(since)
    }
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

#[cfg(test)]
mod tests {
    use patinox_resources::{Hundredths, Origin, Pressed, Resource};

    use super::*;

    fn pressed(resource: Resource, level: Level) -> Reading {
        let one = Pressed {
            resource,
            level,
            percent: Hundredths::percent(99, 100),
            origin: Origin::Call("a test"),
        };
        Reading { pressed: vec![one] }
    }

    #[test]
    fn new_calls_are_refused_once_it_is_critical_for_long() {
        let critical = pressed(Resource::Memory, Level::Critical);
        let fine = pressed(Resource::Memory, Level::Elevated);
        let full = pressed(Resource::Disk, Level::Critical);
        let mut overdue = Overdue::default();
        let start = Instant::now();
        let mut look = |reading, seconds| {
            let now = start + Duration::from_secs(seconds);
            overdue.look(reading, now)
        };
        assert!(!look(&fine, 0));
        assert!(!look(&critical, 1));
        assert!(!look(&critical, 5));
        assert!(look(&critical, 6));
        assert!(look(&critical, 60));
        assert!(!look(&fine, 61));
        assert!(!look(&critical, 62));
        assert!(look(&critical, 67));
        // A call can do without a disk.
        assert!(!look(&full, 68));
        assert!(!look(&full, 90));
    }
}
