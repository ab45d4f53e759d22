//! What the host holds for one call, and nothing beyond it.

use std::sync::Arc;
use std::time::Instant;

use patinox_telemetry::{CallId, Clock};
use wasmtime::component::ResourceTable;

use crate::budget::MemoryBudget;
use crate::imports::{Captured, Meter};
use crate::sandbox::{ProgressSink, Run};

/// The most host resources (streams, pollables) that a call holds at once.
///
/// They are host memory that no other limit sees.
const MAX_HOST_RESOURCES: usize = 1_000;

/// The data of one store.
pub(crate) struct State {
    pub(crate) id: CallId,
    pub(crate) started: Instant,
    pub(crate) clock: Clock,
    pub(crate) meter: Meter,
    pub(crate) memory: MemoryBudget,
    pub(crate) table: ResourceTable,
    pub(crate) stdout: Captured,
    pub(crate) stderr: Captured,
    pub(crate) log: Captured,
    pub(crate) progress: Option<ProgressSink>,
}

impl State {
    pub(crate) fn new(run: &Run, clock: &Clock) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HOST_RESOURCES);
        Self {
            id: run.id,
            started: run.started,
            clock: *clock,
            meter: Meter::new(run.limits.fuel, run.deadline(), run.cancel.clone()),
            memory: MemoryBudget::new(run.limits.memory_bytes),
            table,
            stdout: Captured::new(run.limits.stdout_bytes),
            stderr: Captured::new(run.limits.stderr_bytes),
            log: Captured::new(run.limits.log_bytes),
            progress: run.progress.as_ref().map(Arc::clone),
        }
    }
}
