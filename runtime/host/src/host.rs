//! The type that embedders use.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use patinox_policy::{Limits, Policy};
use patinox_resources::{
    CleanupFailure, Constraints, Kind, Listening, Owner, Pressure, PressureWatch, Reclaimer,
    Registered, Registry, Sampler, Stage, StageTotals, Step,
};
use patinox_sandbox::{
    Allocated, Engine, EngineConfig, Imports, InOrder, KeyValue, Loader, Profile, Sandbox,
};
#[cfg(feature = "compile")]
use patinox_sandbox::{Precompiled, Worker};
use patinox_telemetry::{
    Alert, Alerts, CleanupFailed, Event, Monitors, Sink as _, Snapshot, trace,
};
use patinox_tools::Catalog;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Instrument as _;

use crate::PatinoxError;
use crate::admission::{Ceilings, Gate, PressureConfig, Shortage};
use crate::audit;
use crate::builder::HostBuilder;
use crate::call::{self, Called, Request};
use crate::config::Config;
use crate::events::{Events, Listeners};
use crate::live::Live;
use crate::load::{self, LoadRequest, Loaded};
use crate::monitoring::{AlertConfig, HostMonitor, MonitoringConfig, Ticks, judge};
use crate::relief;
use crate::running::{LETTING_GO, Running, Shutdown};
use crate::status::{self, Served, StatusConfig};
use crate::store::Storage;

/// A running host: loads components and calls their tools.
///
/// Cheap to clone; every clone is the same host. It runs on its caller's tokio
/// runtime, which needs its timer enabled.
#[derive(Clone, Debug)]
pub struct Host(Arc<Parts>, Shown);

/// What shows the host to whoever watches it. It goes with the last [`Host`]: what
/// looks at a host from other threads may have its [`Parts`] for a moment longer.
type Shown = Arc<Mutex<Option<Served>>>;

#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) engine: Engine,
    pub(crate) loader: Loader,
    pub(crate) gate: Gate,
    pub(crate) running: Running,
    pub(crate) listeners: Listeners,
    pub(crate) reclaimer: Reclaimer,
    pub(crate) monitors: Option<Monitors>,
    alerts: Option<Arc<Mutex<Alerts>>>,
    /// Has the monitors look again and again.
    ticks: OnceLock<(Ticks, Registered)>,
    catalog: Catalog<Loaded>,
    /// What those that are loaded may do.
    pub(crate) live: Live,
    /// Looks at the machine for as long as the host is there.
    watch: OnceLock<(PressureWatch, Registered)>,
    /// Has the host told of clean-ups that fail.
    cleanups: OnceLock<Listening>,
}

impl Parts {
    /// Folders that no guest may reach, whatever is granted: what the host trusts lies
    /// there, and the locks of its storage are lost where somebody else in this process
    /// opens and closes its files.
    fn own_folders(&self) -> Vec<PathBuf> {
        let config = &self.config;
        let mut own = config.own_folders.clone();
        own.extend(config.storage.as_ref().and_then(Storage::folder));
        let grants = config.grants.as_ref();
        own.extend(grants.map(|grants| grants.folder().to_owned()));
        let audit = config.audit.as_ref();
        own.extend(audit.map(|audit| audit.folder().to_owned()));
        let store = config.store.as_ref();
        own.extend(store.map(|store| store.folder().path().to_owned()));
        own
    }

    /// Looks whether each folder that a policy grants can be. It waits for the disk.
    pub(crate) fn check_folders(&self, policy: &Policy) -> Result<(), PatinoxError> {
        let (folders, files) = (self.own_folders(), &self.config.own_files);
        Ok(Sandbox::check_folders(
            &self.engine,
            policy,
            (&folders, files),
        )?)
    }

    /// What looks at the machine again and again: at the disk that is written to, too.
    pub(crate) fn sampler(&self) -> Sampler {
        let detector = self.config.detector.clone();
        let store = self.config.store.as_ref();
        let detector = match store.filter(|store| !store.is_read_only()) {
            Some(store) => detector.and_folder(store.folder().path()),
            None => detector,
        };
        Sampler::new(match &self.config.storage {
            Some(Storage::Folder(folder)) => detector.and_folder(folder),
            Some(Storage::Custom(_)) | None => detector,
        })
    }

    /// Tells an event to all who want to know.
    pub(crate) fn record(&self, event: &Event) {
        if let Some(monitors) = &self.monitors {
            monitors.record(event);
        }
        self.config.recorder.record(event);
        self.listeners.tell(event);
    }

    /// Looks at all there is; `None` where nothing is monitored.
    pub(crate) fn look(&self) -> Option<Arc<Snapshot>> {
        self.monitors.as_ref().map(Monitors::tick)
    }

    /// The alerts that are pending or firing.
    pub(crate) fn active_alerts(&self) -> Vec<Alert> {
        let alerts = self.alerts.as_ref();
        alerts.map_or_else(Vec::new, |alerts| lock(alerts).active())
    }
}

impl Host {
    /// Builds a host.
    ///
    /// Takes no memory for instances before the first component is loaded.
    ///
    /// # Errors
    ///
    /// If two imports have one name, or a function of one has no code; if a
    /// threshold makes no sense, or the machine refuses a thread to look at it; if
    /// the folder of the status socket is not ours alone, or its path too long.
    pub fn new(config: Config) -> Result<Self, PatinoxError> {
        let storage = config.storage.as_ref();
        let storage = storage.map(|storage| storage.open(&config.registry));
        let (key_value, relief) = storage.unzip();
        let engine = Engine::new(EngineConfig {
            key_value,
            allocation: config.allocation,
            detector: config.detector.clone(),
            clock: config.clock,
            imports: Imports::new(config.imports.clone())?,
            variables: config.variables.clone(),
            scratch: Some(
                config
                    .scratch
                    .clone()
                    .unwrap_or_else(status::scratch_folder),
            ),
            registry: config.registry.clone(),
            router: config.router.clone().unwrap_or_else(|| Arc::new(InOrder)),
        });
        let loader = loader(&engine, &config);
        let shortage = config.pressure.as_ref().map(|config| {
            let pressure = Pressure::new(config.thresholds.clone())?;
            let every = config.every;
            Ok::<_, PatinoxError>(Shortage { pressure, every })
        });
        let shortage = shortage.transpose()?;
        let gate = Gate::new(ceilings(&config), shortage.clone(), &config.registry);
        let alerts = config.alerts.as_ref().map(AlertConfig::alerts);
        let alerts = alerts.transpose().map_err(PatinoxError::AlertRule)?;
        let needs_it = alerts.is_some() || config.status.is_some();
        let on = || needs_it.then(MonitoringConfig::default);
        let monitoring = config.monitoring.or_else(on);
        let stuck_after = config.pressure.as_ref();
        let stuck_after = stuck_after.map_or_else(
            || PressureConfig::default().stuck_after,
            |config| config.stuck_after,
        );
        let parts = Arc::new_cyclic(|parts| Parts {
            reclaimer: relief::reclaimer(
                parts,
                (&engine, &loader, &gate),
                (relief.unwrap_or_default(), stuck_after),
            ),
            monitors: monitoring.map(|_| Monitors::default()),
            alerts: alerts.map(|alerts| Arc::new(Mutex::new(alerts))),
            ticks: OnceLock::new(),
            config,
            engine,
            loader,
            gate,
            running: Running::default(),
            listeners: Listeners::default(),
            catalog: Catalog::default(),
            live: Live::default(),
            watch: OnceLock::new(),
            cleanups: OnceLock::new(),
        });
        // Nobody else has it yet.
        let _ = parts.cleanups.set(listen(&parts));
        begin(&parts, shortage, monitoring).map_err(PatinoxError::NoThread)?;
        let status = parts.config.status.as_ref();
        let served = status.map(|status| serve_status(status, &parts));
        let served = served.transpose()?.flatten();
        Ok(Self(parts, Arc::new(Mutex::new(served))))
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) const fn parts(&self) -> &Arc<Parts> {
        &self.0
    }

    /// Makes one part by part.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// How the instances of components of a profile get their memory on this
    /// machine.
    ///
    /// # Errors
    ///
    /// If compiled code cannot run on this machine.
    pub fn allocated(&self, profile: Profile) -> Result<Allocated, PatinoxError> {
        Ok(self.0.engine.allocated(profile)?)
    }

    /// The ceilings of a call that asks for no others.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.config.limits
    }

    /// Loads a component, from its bytes or whatever else a [`LoadRequest`]
    /// names: screens, compiles and links it, and finds its tools. Compiling
    /// runs in the worker, if there is one, and on a thread that may block. The
    /// same component loaded several times at once is compiled once.
    ///
    /// A component that lists its tools itself is asked for them here, in an
    /// instance of its own, under the host's limits; that is admitted as a call
    /// is, and may have to wait.
    ///
    /// # Errors
    ///
    /// If the bytes are no component, the component asks for what this host
    /// does not offer or what was not granted, takes more to compile than the
    /// limits allow, or has no tool; if a file or stream cannot be read; or if
    /// the host is too busy to ask for the tools, or shutting down.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills the worker that compiles for it. Without a
    /// worker, a compilation that began goes on to its end in the background.
    pub async fn load(&self, request: impl Into<LoadRequest>) -> Result<Loaded, PatinoxError> {
        // Boxed: it holds a whole store while a handler lists its tools.
        let mut load = Box::pin(load::load(&self.0, request.into()));
        let _begun = self.0.running.begin();
        let load = self.0.running.run(load.as_mut());
        let loaded = load.instrument(trace::load_span()).await;
        audit::loaded(&self.0, loaded).await
    }

    /// Loads a component from a file.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), and if the file cannot be read, is no regular
    /// file, or is larger than the limit `file`.
    ///
    /// # Cancel safety
    ///
    /// As [`load`](Self::load).
    pub async fn load_file(&self, path: impl AsRef<Path>) -> Result<Loaded, PatinoxError> {
        self.load(LoadRequest::file(path)).await
    }

    /// Compiles a component for the artifact store and does no more: what `patinox
    /// precompile` does. It is not linked, asked for its tools or run, so it may
    /// import what only those hosts offer that will run it; what it is granted
    /// plays no part.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), but for imports and tools. A store that cannot
    /// keep the code, or is not there, is no error: [`Precompiled::store`] says
    /// so.
    ///
    /// # Cancel safety
    ///
    /// As [`load`](Self::load).
    #[cfg(feature = "compile")]
    pub async fn precompile(
        &self,
        request: impl Into<LoadRequest>,
    ) -> Result<Precompiled, PatinoxError> {
        // Boxed: it holds what is read, screened and compiled.
        let mut done = Box::pin(load::precompile(&self.0, request.into()));
        let _begun = self.0.running.begin();
        self.0.running.run(done.as_mut()).await
    }

    /// Calls a tool of a loaded component, in an instance of its own.
    ///
    /// Where [`Admission`](patinox_policy::Admission) has no room for it, or the calls that run may come to take
    /// half of the machine's memory, it waits for its turn, for at most
    /// `queue-wall`; the limit `wall` counts that too. Where `queue` calls wait
    /// already it ends as `limit/busy`, with a hint when to come back; or else the
    /// last one does of the principal of whom most wait.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the guest and frees all it held, a place in the
    /// queue included; no event is recorded then.
    pub async fn call(&self, component: &Loaded, request: Request) -> Called {
        call::call(&self.0, component, request).await
    }

    /// Calls a tool with a Rust value as its arguments, for a Rust value.
    ///
    /// `In` is a struct with the names of the parameters, as they are in WIT;
    /// [`Import`](crate::Import) has the table of types. For limits or a cancel, make a
    /// [`Request::typed`] and read what was [`Called::typed`].
    ///
    /// ```no_run
    /// # use patinox_host::{Host, Loaded, PatinoxError};
    /// #[derive(serde::Serialize)]
    /// struct Count<'a> {
    ///     text: &'a str,
    /// }
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Counted {
    ///     words: u64,
    /// }
    ///
    /// # async fn example(host: Host, text: Loaded) -> Result<(), PatinoxError> {
    /// let counted: Counted = host.call_typed(&text, "count", Count { text: "to be" }).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As a call has them; and `caller/invalid-arguments` if `In` has no form
    /// in JSON, `caller/mistyped` if the answer does not fit `Out`.
    ///
    /// # Cancel safety
    ///
    /// As [`call`](Self::call).
    pub async fn call_typed<In: Serialize, Out: DeserializeOwned>(
        &self,
        component: &Loaded,
        tool: &str,
        input: In,
    ) -> Result<Out, PatinoxError> {
        let request = Request::typed(tool, input)?;
        self.call(component, request).await.typed()
    }

    /// What the embedder has put in to be called by name: add to it, replace
    /// and remove while calls run.
    #[must_use]
    pub fn catalog(&self) -> &Catalog<Loaded> {
        &self.0.catalog
    }

    /// Who holds what: each live instance with the memory that it has, within a
    /// MiB, under the digest of its component; the code of each component that is loaded; each
    /// compile worker, with the address space that it may have; each call that had
    /// to wait for its turn, under its principal; and the threads of the host's own.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.0.config.registry
    }

    /// Lets go of what can be let go of up to a stage, in order, whether the machine
    /// is short of something or not, and tells what each step freed. Without a word
    /// a host does so only where it was told to look at its machine:
    /// [`HostBuilder::pressure`].
    ///
    /// The last two stages are felt: they end calls and loads that have run for long,
    /// and have all new ones end as `limit/busy`, until [`restore`](Self::restore).
    ///
    /// It takes as long as what it lets go of does, a store on a disk that hangs
    /// included; whoever cannot wait for that puts a time limit around it.
    ///
    /// # Errors
    ///
    /// If there is no thread to do it on.
    ///
    /// # Cancel safety
    ///
    /// What has begun goes on when this is dropped.
    pub async fn reclaim(&self, up_to: Stage) -> Result<Vec<Step>, PatinoxError> {
        let reclaimer = self.0.reclaimer.clone();
        let steps = tokio::task::spawn_blocking(move || reclaimer.run(up_to)).await;
        steps.map_err(|error| PatinoxError::Worker(error.into()))
    }

    /// Takes back what [`reclaim`](Self::reclaim) took away: work that is refused,
    /// and room for instances.
    ///
    /// # Errors
    ///
    /// If there is no thread to do it on.
    ///
    /// # Cancel safety
    ///
    /// What has begun goes on when this is dropped.
    pub async fn restore(&self) -> Result<(), PatinoxError> {
        let reclaimer = self.0.reclaimer.clone();
        let done = tokio::task::spawn_blocking(move || reclaimer.restore()).await;
        done.map_err(|error| PatinoxError::Worker(error.into()))
    }

    /// What has come of a stage of relief so far.
    #[must_use]
    pub fn reclaimed(&self, stage: Stage) -> StageTotals {
        self.0.reclaimer.totals(stage)
    }

    /// What guests keep, to look into it or to put something there for them: whoever
    /// has the host is asked for no grant. `None` where nothing can be kept.
    #[must_use]
    pub fn storage(&self) -> Option<&Arc<dyn KeyValue>> {
        self.0.engine.key_value()
    }

    /// What counts what happens in this host and knows how it is, where
    /// [`Config::monitoring`] says so: figures, health, the text that Prometheus
    /// reads. An embedder may add monitors of his own.
    #[must_use]
    pub fn monitors(&self) -> Option<&Monitors> {
        self.0.monitors.as_ref()
    }

    /// The alerts that are pending or firing; none without [`Config::alerts`].
    #[must_use]
    pub fn alerts(&self) -> Vec<Alert> {
        self.0.active_alerts()
    }

    /// Where the socket lies that `patinox top` reads, where [`Config::status`] asks
    /// for one; `None` also once the host is shut down.
    #[must_use]
    pub fn status_socket(&self) -> Option<PathBuf> {
        lock(&self.1).as_ref().map(Served::path)
    }

    /// What happens from now on.
    #[must_use]
    pub fn events(&self) -> Events {
        self.0.listeners.listen()
    }

    /// Lets nothing begin any more, waits until the deadline for what runs, cancels
    /// what still does, and then cleans up: ends the compile workers that are
    /// ready, and waits for clean-ups that were handed over, until the deadline or
    /// a second longer than what was cancelled took. It tells what is left, and
    /// removes the status socket. Calls from then on end as `limit/busy`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the host closed and what runs running; it may
    /// be called again.
    pub async fn shutdown(&self, deadline: Duration) -> Shutdown {
        let started = Instant::now();
        let ended = self.0.running.shutdown(deadline).await;
        #[cfg(feature = "compile")]
        {
            let loader = self.0.loader.clone();
            // It waits for processes. Should it panic, they are seen to be left.
            let _ = tokio::task::spawn_blocking(move || loader.close_workers()).await;
        }
        if let Some(storage) = self.storage() {
            let left = deadline.saturating_sub(started.elapsed());
            let close = storage.close();
            // What has not ended by then is seen to be left.
            let _ = tokio::time::timeout(left.max(LETTING_GO), close).await;
        }
        let left = deadline.saturating_sub(started.elapsed());
        let registry = &self.0.config.registry;
        let ended = ended.cleaned(registry, left.max(LETTING_GO)).await;
        // To the end of it somebody may have watched.
        drop(lock(&self.1).take());
        ended
    }
}

/// Opens the socket that tells of a host. In the usual place somebody else may have
/// put something, in the temporary folder anybody: that keeps no host from running.
fn serve_status(config: &StatusConfig, parts: &Arc<Parts>) -> Result<Option<Served>, PatinoxError> {
    match Served::start(config, parts) {
        Err(PatinoxError::Status(error)) if config.folder.is_none() && error.is_others() => {
            tracing::warn!(%error, "the host shows itself to nobody");
            Ok(None)
        }
        served => served.map(Some),
    }
}

/// What there is for calls: as it was asked for, and what the machine bears.
fn ceilings(config: &Config) -> Ceilings {
    let constraints = Constraints::of(&config.detector.detect());
    Ceilings {
        admission: config.admission,
        memory_bytes: constraints.memory_bytes,
        waiting_bytes: constraints.waiting_bytes,
    }
}

fn lock<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind them is whole whenever somebody panics.
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the threads that look at a host and at its machine, where it was told to.
#[cfg(feature = "compile")]
fn loader(engine: &Engine, config: &Config) -> Loader {
    let worker = config.compile_worker.as_ref();
    let ready = |program| Worker::new(program).with_ready(config.ready_workers, config.load);
    Loader::new(engine.clone(), worker.map(ready), config.store.clone())
}

#[cfg(not(feature = "compile"))]
fn loader(engine: &Engine, config: &Config) -> Loader {
    Loader::new(engine.clone(), config.store.clone())
}

fn begin(
    parts: &Arc<Parts>,
    shortage: Option<Shortage>,
    monitoring: Option<MonitoringConfig>,
) -> std::io::Result<()> {
    let registry = &parts.config.registry;
    let task = |name| registry.register(Kind::Task, Owner::new(name), 0);
    if let (Some(monitors), Some(config)) = (&parts.monitors, monitoring) {
        let pressure = shortage.as_ref().map(|shortage| shortage.pressure.clone());
        monitors.add(HostMonitor::new(parts, pressure));
        let (host, alerts) = (Arc::downgrade(parts), parts.alerts.clone());
        let ticks = Ticks::start(monitors.clone(), config.every, move |snapshot| {
            if let Some(alerts) = &alerts {
                judge(&host, alerts, snapshot);
            }
        })?;
        // Nobody else has it yet.
        let _ = parts.ticks.set((ticks, task("monitor")));
    }
    if let Some(Shortage { pressure, every }) = shortage {
        let watch = relief::watch(parts, pressure, every)?;
        // Nobody else has it yet.
        let _ = parts.watch.set((watch, task("pressure")));
    }
    Ok(())
}

/// Records each clean-up that fails, until the host is gone.
fn listen(parts: &Arc<Parts>) -> Listening {
    let host = Arc::downgrade(parts);
    let told = move |failure: &CleanupFailure| {
        if let Some(host) = host.upgrade() {
            host.record(&Event::CleanupFailed(CleanupFailed {
                kind: failure.kind.as_str(),
                owner: failure.owner.name().map(str::to_owned),
                age: failure.age,
                reason: failure.reason.as_str(),
                causes: failure.chain.clone(),
            }));
        }
    };
    parts.config.registry.listen(told)
}
