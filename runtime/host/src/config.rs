//! What a host is made of.

use std::path::PathBuf;
use std::sync::Arc;

use patinox_policy::{Admission, Limits, LoadLimits};
use patinox_resources::{Detector, Registry};
use patinox_sandbox::{Allocation, ArtifactStore, Import, Router, Variables};
use patinox_telemetry::{Clock, Recorder};

use crate::GrantStore;
use crate::admission::PressureConfig;
use crate::audit::AuditLog;
use crate::monitoring::{AlertConfig, MonitoringConfig};
use crate::status::StatusConfig;
use crate::store::Storage;

/// What a host is made of. Every part has a safe default.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The ceilings of a call that asks for no others.
    pub limits: Limits,
    /// The ceilings of loading a component.
    pub load: LoadLimits,
    /// The program that compiles components, each in a process of its own that
    /// is limited; it must call [`compile_worker`](crate::compile_worker) before
    /// anything else. An embedder's own program may be it.
    ///
    /// Without one, components are compiled in this process, one at a time,
    /// and only those that are four times smaller than `load` says: then
    /// nothing bounds the time and the memory that a compiler takes.
    #[cfg(feature = "compile")]
    pub compile_worker: Option<PathBuf>,
    /// How many workers are started ahead, from the first component that is
    /// compiled on, so that the next one need not wait for a process to start: for
    /// hosts that load again and again. Each compiles one component, and goes when
    /// none has come for a minute. By default none.
    #[cfg(feature = "compile")]
    pub ready_workers: usize,
    /// Where compiled code is kept for the next process; `None` for nowhere.
    pub store: Option<ArtifactStore>,
    /// How instances get their memory: from a pool, for whoever calls more than
    /// once.
    pub allocation: Allocation,
    /// What tells what the machine has, which decides how large the pool is. The
    /// disk of the [`store`](Self::store) is looked at too, unless nothing is
    /// written to it, and that of the [`storage`](Self::storage).
    pub detector: Detector,
    /// How many calls run at once, and how many wait.
    pub admission: Admission,
    /// From where on calls are turned away as the machine runs short, and how
    /// often it is looked at, on a thread of its own; `None`, the default, for not
    /// at all.
    pub pressure: Option<PressureConfig>,
    /// How the host counts what happens and looks at itself, on a thread of its own;
    /// `None`, the default, for not at all: see [`Host::monitors`](crate::Host::monitors).
    pub monitoring: Option<MonitoringConfig>,
    /// What the host tells when something is wrong, at each look of its
    /// monitoring; `None`, the default, for nothing. Without
    /// [`monitoring`](Self::monitoring) that is on by default then.
    pub alerts: Option<AlertConfig>,
    /// The socket that `patinox top` reads; `None`, the default, for none. Without
    /// [`monitoring`](Self::monitoring) that is on by default then.
    pub status: Option<StatusConfig>,
    /// Where it is written down who holds what: instances, code, processes,
    /// background tasks. By default one of this host's own.
    pub registry: Registry,
    /// Where events go. By default nowhere.
    pub recorder: Recorder,
    /// What tells the time.
    pub clock: Clock,
    /// Interfaces of the embedder's own that components may import, where that
    /// is granted to them.
    pub imports: Vec<Import>,
    /// The host's own variables that `env=NAME` hands on where it is granted. By default
    /// none: the host reads no environment.
    pub variables: Variables,
    /// Below which folder calls get folders of their own where `fs=scratch@…` is granted.
    /// It is made when it is needed first, and has to be ours alone. `None`, the default,
    /// for `patinox-scratch-UID` in the temporary folder.
    pub scratch: Option<PathBuf>,
    /// Where guests keep what is granted to them by `kv=…`; `None`, the default, for
    /// nowhere: it cannot be granted then.
    pub storage: Option<Storage>,
    /// What people grant while the host runs, and take back; `None`, the default, for
    /// nothing. Its folder is in no guest's reach.
    pub grants: Option<GrantStore>,
    /// Where it is written down what was called, granted and denied; `None`, the default,
    /// for nowhere. With one, a call that cannot be written down does not begin.
    pub audit: Option<AuditLog>,
    /// Folders of the program's own, beside those that it names here: what holds them or
    /// lies in them is granted to nobody.
    pub own_folders: Vec<PathBuf>,
    /// Files of the program's own: no folder that holds one is granted to be written.
    pub own_files: Vec<PathBuf>,
    /// What chooses where each instance runs; `None`, the default, for the pool as
    /// long as there is room: [`InOrder`](crate::InOrder).
    pub router: Option<Arc<dyn Router>>,
}
