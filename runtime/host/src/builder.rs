//! Makes a host, part by part.

use std::path::PathBuf;
use std::sync::Arc;

use patinox_policy::{Admission, Limits, LoadLimits};
use patinox_resources::{Detector, Registry};
use patinox_sandbox::{Allocation, ArtifactStore, Import, KeyValue, Router};
use patinox_telemetry::{Clock, Recorder};

use crate::status::StatusConfig;
use crate::{
    AlertConfig, AuditLog, Config, GrantStore, Host, MonitoringConfig, PatinoxError,
    PressureConfig, Storage,
};

/// Makes a [`Host`]; each part that is not named has its default.
///
/// ```
/// use patinox_host::Host;
/// use patinox_policy::Limits;
///
/// let limits = Limits { wall_ms: 2_000, ..Limits::default() };
/// let host = Host::builder().limits(limits).build()?;
/// assert_eq!(host.limits().wall_ms, 2_000);
/// # Ok::<(), patinox_host::PatinoxError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "`build` makes the host"]
pub struct HostBuilder(Config);

impl HostBuilder {
    /// Begins with what is written down already.
    pub const fn of(config: Config) -> Self {
        Self(config)
    }

    /// The ceilings of a call that asks for no others.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.0.limits = limits;
        self
    }

    /// The ceilings of loading a component.
    pub const fn load_limits(mut self, limits: LoadLimits) -> Self {
        self.0.load = limits;
        self
    }

    /// The program that compiles components: see [`Config::compile_worker`].
    #[cfg(feature = "compile")]
    pub fn compile_worker(mut self, program: impl Into<PathBuf>) -> Self {
        self.0.compile_worker = Some(program.into());
        self
    }

    /// How many compile workers are started ahead: see
    /// [`Config::ready_workers`].
    #[cfg(feature = "compile")]
    pub const fn ready_workers(mut self, count: usize) -> Self {
        self.0.ready_workers = count;
        self
    }

    /// Where compiled code is kept for the next process.
    pub fn store(mut self, store: ArtifactStore) -> Self {
        self.0.store = Some(store);
        self
    }

    /// Where it is written down what was called, granted and denied: see
    /// [`Config::audit`].
    pub fn audit(mut self, log: AuditLog) -> Self {
        self.0.audit = Some(log);
        self
    }

    /// What people grant while the host runs: see [`Config::grants`].
    pub fn grants(mut self, store: GrantStore) -> Self {
        self.0.grants = Some(store);
        self
    }

    /// How instances get their memory.
    pub const fn allocation(mut self, allocation: Allocation) -> Self {
        self.0.allocation = allocation;
        self
    }

    /// What tells what the machine has.
    pub fn detector(mut self, detector: Detector) -> Self {
        self.0.detector = detector;
        self
    }

    /// How many calls run at once, and how many wait.
    pub const fn admission(mut self, admission: Admission) -> Self {
        self.0.admission = admission;
        self
    }

    /// Turns calls away as the machine runs short of something: see
    /// [`Config::pressure`].
    pub fn pressure(mut self, pressure: PressureConfig) -> Self {
        self.0.pressure = Some(pressure);
        self
    }

    /// Has the host count what happens and look at itself: see
    /// [`Host::monitors`].
    pub const fn monitoring(mut self, monitoring: MonitoringConfig) -> Self {
        self.0.monitoring = Some(monitoring);
        self
    }

    /// Has the host tell when something is wrong: see [`Config::alerts`].
    pub fn alerts(mut self, alerts: AlertConfig) -> Self {
        self.0.alerts = Some(alerts);
        self
    }

    /// Opens a socket that `patinox top` reads, in [the usual
    /// place](crate::status::StatusFolder::usual) unless
    /// [`status_folder`](Self::status_folder) names another one: see
    /// [`Config::status`]. Where somebody else has put something there, the host runs
    /// without, and the log says so. `false` closes it.
    pub fn status_socket(mut self, is_open: bool) -> Self {
        let named = self.0.status.take();
        self.0.status = is_open.then(|| named.unwrap_or_default());
        self
    }

    /// Opens a socket that `patinox top` reads, in this folder; it needs the path too:
    /// `patinox top --folder`.
    pub fn status_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        let folder = Some(folder.into());
        self.0.status = Some(StatusConfig { folder });
        self
    }

    /// Where it is written down who holds what: see [`Host::registry`].
    pub fn registry(mut self, registry: Registry) -> Self {
        self.0.registry = registry;
        self
    }

    /// Where events go, beside those who listen by [`Host::events`].
    pub fn recorder(mut self, recorder: Recorder) -> Self {
        self.0.recorder = recorder;
        self
    }

    /// What tells the time.
    pub const fn clock(mut self, clock: Clock) -> Self {
        self.0.clock = clock;
        self
    }

    /// The host's own variables that `env=NAME` hands on where it is granted.
    pub fn variables(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.0.variables = variables.into_iter().collect();
        self
    }

    /// Below which folder calls get folders of their own where `fs=scratch@…` is granted.
    /// It has to be ours alone.
    pub fn scratch(mut self, folder: impl Into<PathBuf>) -> Self {
        self.0.scratch = Some(folder.into());
        self
    }

    /// The database in which guests keep what is granted to them: see [`Storage::Folder`].
    pub fn storage(mut self, folder: impl Into<PathBuf>) -> Self {
        self.0.storage = Some(Storage::Folder(folder.into()));
        self
    }

    /// The embedder's own storage, in which guests keep what is granted to them.
    pub fn key_value(mut self, storage: Arc<dyn KeyValue>) -> Self {
        self.0.storage = Some(Storage::Custom(storage));
        self
    }

    /// One more interface of the embedder's own that components may import,
    /// where that is granted to them.
    pub fn import(mut self, import: Import) -> Self {
        self.0.imports.push(import);
        self
    }

    /// What chooses where each instance runs: see [`Config::router`].
    pub fn router(mut self, router: Arc<dyn Router>) -> Self {
        self.0.router = Some(router);
        self
    }

    /// Makes the host.
    ///
    /// # Errors
    ///
    /// As [`Host::new`].
    pub fn build(self) -> Result<Host, PatinoxError> {
        Host::new(self.0)
    }
}
