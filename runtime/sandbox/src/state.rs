//! What the host holds for one call, and nothing beyond it.

use std::sync::Arc;
use std::time::Instant;

use patinox_policy::LimitName;
use patinox_telemetry::{CallId, Clock};
use wasmtime::component::ResourceTable;

use crate::authority::{Authority, Denied};
use crate::budget::Budget;
use crate::imports::{Allowance, Caller, Captured, Dice, Folders, Keeping, Kept, Meter};
use crate::sandbox::{ProgressSink, Run};
use crate::value::Room;

/// The data of one store.
pub(crate) struct State {
    pub(crate) id: CallId,
    pub(crate) started: Instant,
    pub(crate) clock: Clock,
    pub(crate) meter: Meter,
    pub(crate) budget: Budget,
    pub(crate) allowance: Allowance,
    pub(crate) table: ResourceTable,
    pub(crate) stdout: Captured,
    pub(crate) stderr: Captured,
    pub(crate) log: Kept,
    pub(crate) progress: Option<ProgressSink>,
    pub(crate) authority: Authority,
    pub(crate) dice: Dice,
    /// What it holds of folders.
    pub(crate) folders: Folders,
    /// What it may keep in the storage.
    pub(crate) keeping: Keeping,
    hostcall_bytes: u64,
}

impl State {
    /// The state of one call, on an engine that gives each memory so much
    /// address space.
    pub(crate) fn new(run: &Run, authority: Authority, clock: &Clock, reach: u64) -> Self {
        let mut table = ResourceTable::new();
        let most = usize::try_from(run.limits.host_resources).unwrap_or(usize::MAX);
        table.set_max_capacity(most);
        Self {
            id: run.id,
            started: run.started,
            clock: *clock,
            meter: Meter::new(run),
            budget: Budget::new(&run.limits, reach),
            allowance: Allowance::new(&run.limits),
            table,
            stdout: Captured::new(run.limits.stdout_bytes),
            stderr: Captured::new(run.limits.stderr_bytes),
            log: Kept::new(run.limits.log_bytes),
            progress: run.progress.as_ref().map(Arc::clone),
            authority,
            dice: Dice::of(run.id),
            folders: Folders::new(&run.limits),
            keeping: Keeping::new(&run.limits),
            hostcall_bytes: run.limits.hostcall_bytes,
        }
    }

    /// Who calls the host.
    pub(crate) fn caller(&self) -> Caller {
        self.meter.caller(self.id)
    }

    /// A limit that was in the way at last of what the guest wanted to be written, and
    /// what that would have come to.
    pub(crate) fn refused(&self) -> Option<(LimitName, u64)> {
        self.folders.refused().or_else(|| self.keeping.refused())
    }

    /// What it was denied, in that order.
    pub(crate) fn take_denials(&mut self) -> Vec<Denied> {
        for (folder, mode) in self.folders.refused_uses() {
            self.authority.may_use(&folder, mode, folder.guest());
        }
        self.authority.take_denials()
    }

    /// The limit `hostcall-bytes`.
    pub(crate) const fn hostcall_bytes(&self) -> u64 {
        self.hostcall_bytes
    }

    /// What the arguments of one call of the embedder's may take.
    pub(crate) const fn room(&self) -> Room {
        let bytes = self.hostcall_bytes / 2;
        Room::new(bytes, bytes)
    }
}
