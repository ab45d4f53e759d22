//! Progress that nobody sees before it is judged.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patinox_sandbox::{Progress, ProgressSink};

use crate::ToolCall;

/// How many reports are kept: the newest. The contract lets any other go.
const MAX_REPORTS: usize = 64;

/// What a call reported, and who wants to know.
#[derive(Clone)]
pub(super) struct Held {
    reports: Arc<Mutex<VecDeque<Progress>>>,
    sink: Option<ProgressSink>,
}

impl Held {
    /// Takes the place of the call's sink. Where nobody wants reports none are kept.
    pub(super) fn of(call: &mut ToolCall) -> Self {
        let held = Self {
            reports: Arc::default(),
            sink: call.progress.take(),
        };
        if held.sink.is_some() {
            let reports = Arc::clone(&held.reports);
            call.progress = Some(Arc::new(move |progress| {
                let mut reports = locked(&reports);
                if reports.len() == MAX_REPORTS {
                    reports.pop_front();
                }
                reports.push_back(progress);
            }));
        }
        held
    }

    /// One a line.
    pub(super) fn text(&self) -> String {
        let line = |report: &Progress| {
            let total = report.total.map(|total| format!("/{total}"));
            let message = report.message.as_deref().unwrap_or_default();
            let total = total.unwrap_or_default();
            format!("{}{total} {message}\n", report.done)
        };
        locked(&self.reports).iter().map(line).collect()
    }

    pub(super) fn drop_all(&self) {
        locked(&self.reports).clear();
    }

    /// Tells all that is kept.
    pub(super) fn tell(&self) {
        let reports = std::mem::take(&mut *locked(&self.reports));
        if let Some(sink) = &self.sink {
            reports.into_iter().for_each(|report| sink(report));
        }
    }
}

fn locked<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind it is whole whenever somebody panics.
    part.lock().unwrap_or_else(PoisonError::into_inner)
}
