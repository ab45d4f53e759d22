//! What events other than calls came to.

use std::sync::{Mutex, PoisonError};

use super::list::{
    ALERTS, CLEANUP_FAILURES, LOAD_DURATION, LOAD_DURATION_BOUNDS, LOADS, PRESSURE_CHANGES,
    RECLAIM_ATTEMPTED, RECLAIM_BYTES, RECLAIM_FAILURES, RECLAIM_FREED, RECLAIM_SECONDS,
};
use super::{Histogram, Measures, float};
use crate::Event;

/// They are few, so one lock does.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Measures>);

impl Counters {
    pub(crate) fn count(&self, event: &Event) {
        // The calls are counted apart.
        if matches!(event, Event::CallEnded(_) | Event::CallJudged(_)) {
            return;
        }
        let mut measures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::CallEnded(_) | Event::CallJudged(_) => {}
            Event::AlertChanged(alert) => {
                let labels = &[alert.severity.as_str(), alert.state.as_str()];
                measures.number(&ALERTS, labels, 1.0);
            }
            Event::ComponentLoaded(loaded) => {
                let code = match loaded.from_store {
                    true => "stored",
                    false => "compiled",
                };
                measures.number(&LOADS, &[code], 1.0);
                if !loaded.from_store {
                    let mut took = Histogram::new(LOAD_DURATION_BOUNDS);
                    took.observe(loaded.compile.as_secs_f64());
                    measures.histogram(&LOAD_DURATION, &[], &took);
                }
            }
            Event::PressureChanged(change) => {
                measures.number(&PRESSURE_CHANGES, &[change.level], 1.0);
            }
            Event::CleanupFailed(failed) => {
                measures.number(&CLEANUP_FAILURES, &[failed.kind, word(failed.reason)], 1.0);
            }
            Event::Reclaimed(step) => {
                let stage = &[step.stage];
                measures.number(&RECLAIM_ATTEMPTED, stage, float(step.attempted));
                measures.number(&RECLAIM_FREED, stage, float(step.freed));
                measures.number(&RECLAIM_BYTES, stage, float(step.freed_bytes));
                measures.number(&RECLAIM_SECONDS, stage, step.took.as_secs_f64());
                let failed = u64::from(!step.causes.is_empty());
                measures.number(&RECLAIM_FAILURES, stage, float(failed));
            }
        }
    }

    pub(crate) fn measure(&self, measures: &mut Measures) {
        measures.extend(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A reason as one word.
fn word(reason: &str) -> &str {
    match reason {
        "took too long" => "time-out",
        reason => reason,
    }
}
