//! What a command needs to run: settings, a runtime, a host.

use std::error::Error as _;
use std::future::Future;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use patinox_config::{
    Environment, Flag, Format, Inputs, Key, PROJECT_FILE, Project, Settings, resolve,
};
use patinox_host::{
    Allocation, ArtifactStore, AuditLog, Config, GrantStore, Host, Installed, Loaded, Storage,
    StoreConfig, StoreError, TrustStore,
};
use patinox_policy::{LimitError, cut, escape_line};
use patinox_resources::{Constraints, Detector, Registry};
use patinox_telemetry::{Clock, Recorder, Sink, TracingSink};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::again::Again;
use crate::args::{Global, OutputFormat};
use crate::error::Error;
use crate::grants::Grants;
use crate::output::Output;
use crate::permitted::Permitted;
use crate::source::Source;

mod logging;
mod progress;

/// The configuration file of the system.
const SYSTEM_FILE: &str = "/etc/patinox/config.toml";

/// Compiling shows that it goes on once it takes longer than this.
const QUIET_LOAD: Duration = Duration::from_millis(400);

/// What compiled code may always take of a disk: the largest component that is
/// loaded comes to less than that.
const CACHE_BYTES_LEAST: u64 = 256 << 20;

/// How long a cancelled call may take to tell what it spent.
const GRACE: Duration = Duration::from_millis(500);

/// How long what a call had may take to be removed.
const CLEANED_WITHIN: Duration = Duration::from_secs(5);

/// A command's surroundings.
pub(crate) struct Session {
    pub(crate) settings: Settings,
    pub(crate) output: Output,
    pub(crate) again: Again,
    runtime: Runtime,
    /// Where the hosts of the command write down what they hold.
    registry: Registry,
    /// Whether it was told that nothing is written down.
    unaudited: Once,
}

impl Session {
    /// Reads the settings, starts logging and a runtime of so many threads
    /// beside the one that waits.
    pub(crate) fn start(
        global: &Global,
        limits: &[String],
        threads: NonZeroUsize,
        again: Again,
    ) -> Result<Self, Error> {
        let settings = settings(global, limits)?;
        logging::start(&settings)?;
        let output = Output::new(settings.output_format() == Format::Json, global.quiet);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads.get())
            .enable_all()
            .build()
            .map_err(|source| Error::Start {
                what: "no threads can be made",
                source,
            })?;
        Ok(Self {
            settings,
            output,
            again,
            runtime,
            registry: Registry::new(),
            unaudited: Once::new(),
        })
    }

    /// Makes a host by what a component may do; it hands on what is granted of the
    /// environment.
    pub(crate) fn host(&self, permitted: &Permitted) -> Result<Host, Error> {
        self.host_for(permitted, [].into_iter())
    }

    /// The same, of one that these judge.
    pub(crate) fn host_for<'a>(
        &self,
        permitted: &Permitted,
        judges: impl Iterator<Item = &'a Grants>,
    ) -> Result<Host, Error> {
        let mut variables = self.variables(permitted);
        variables.extend(judges.flat_map(Grants::variables));
        Ok(Host::new(Config {
            variables: variables.into_iter().collect(),
            limits: permitted.limits,
            // A command calls once, or as often as a person can watch.
            allocation: Allocation::OnDemand { slots: None },
            ..self.config()
        })?)
    }

    /// The variables of this program that are handed on: by this command, or by what is
    /// granted in every process.
    fn variables(&self, permitted: &Permitted) -> Vec<(String, String)> {
        let given = self.grants().ok();
        // What is wrong with it is told by whoever loads something.
        let given = given.and_then(|store| store.all(Clock::system().steady()).ok());
        let given = given.unwrap_or_default().into_iter().map(|one| one.grant);
        permitted
            .grants
            .clone()
            .and(given.collect(), Vec::new())
            .variables()
    }

    /// What a host is made of by the settings. Its instances come from a pool,
    /// as a server's do.
    pub(crate) fn config(&self) -> Config {
        let sink: Box<dyn Sink> = Box::new(TracingSink);
        Config {
            limits: self.settings.limits(),
            load: self.settings.load_limits(),
            // `main` looks for the worker's argument first of all.
            compile_worker: std::env::current_exe().ok(),
            store: self.store(),
            storage: self.storage(),
            grants: self.grants().ok(),
            audit: self.audit_log(),
            own_folders: self.own_folders(),
            own_files: self.settings.files().to_vec(),
            admission: self.settings.admission(),
            recorder: Recorder::new([sink]),
            registry: self.registry.clone(),
            ..Config::default()
        }
    }

    /// Where compiled code is kept; nowhere if there is no such place, or it is
    /// not safe. Then components are compiled each time.
    fn store(&self) -> Option<ArtifactStore> {
        match self.open_store()? {
            Ok(store) => Some(store),
            Err(error) => {
                let cause = error.source().map(ToString::to_string);
                tracing::warn!(cause, "compiled code is not kept: {error}");
                None
            }
        }
    }

    /// What is not in the reach of guests, whatever is granted.
    fn own_folders(&self) -> Vec<PathBuf> {
        let settings = &self.settings;
        let folders = [settings.state_folder(), settings.data_folder()];
        folders.into_iter().flatten().collect()
    }

    /// Where guests keep what is granted to them: nothing is made before one is granted
    /// a namespace.
    fn storage(&self) -> Option<Storage> {
        let state = self.settings.state_folder()?;
        Some(Storage::Folder(state.join("storage")))
    }

    /// The files that are trusted.
    pub(crate) fn trust(&self) -> Result<TrustStore, Error> {
        let state = self.settings.state_folder().ok_or(Error::NoState)?;
        Ok(trust_in(&state))
    }

    /// What is granted in every process.
    pub(crate) fn grants(&self) -> Result<GrantStore, Error> {
        let state = self.settings.state_folder().ok_or(Error::NoState)?;
        let store = GrantStore::in_folder(state.join("grants"));
        Ok(store.audited(audit_in(&state)))
    }

    /// What was called, granted and denied.
    pub(crate) fn audit(&self) -> Result<AuditLog, Error> {
        let state = self.settings.state_folder().ok_or(Error::NoState)?;
        Ok(audit_in(&state))
    }

    /// The same, to write to; nowhere where there is no such place, or it is not safe.
    fn audit_log(&self) -> Option<AuditLog> {
        let log = self.audit().ok()?;
        match log.check() {
            Ok(()) => Some(log),
            Err(error) => {
                let cause = error.source().map(ToString::to_string);
                tracing::warn!(cause, "nothing is written down: {error}");
                let told = || {
                    self.output
                        .hint(&format!("nothing is written down: {error}"))
                };
                self.unaudited.call_once(told);
                None
            }
        }
    }

    /// The components that are installed.
    pub(crate) fn installed(&self) -> Result<Installed, Error> {
        let data = self.settings.data_folder().ok_or(Error::NoData)?;
        Ok(Installed::in_folder(data.join("catalog")))
    }

    /// Opens what is kept between processes; `None` where no place is known.
    pub(crate) fn open_store(&self) -> Option<Result<ArtifactStore, StoreError>> {
        let folder = self.settings.cache_folder()?.join("artifacts");
        let key = self.settings.state_folder()?.join("artifact-key");
        let space = Detector::new().folder(&folder);
        let mut config = StoreConfig::new(folder, key);
        if let Some(space) = space {
            let bounds = CACHE_BYTES_LEAST.min(config.max_bytes)..=config.max_bytes;
            config.max_bytes = Constraints::cache_bytes(&space, bounds);
        }
        Some(ArtifactStore::open(config))
    }

    /// Runs a command to its end, or to the first Ctrl-C.
    ///
    /// What still compiles or reads in the background is left behind; it ends
    /// with the process.
    pub(crate) fn run<T>(
        self,
        work: impl AsyncFnOnce(&Self, CancellationToken) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let cancel = CancellationToken::new();
        let done = self.runtime.block_on(async {
            // From here on Ctrl-C is ours, before anything waits.
            let interrupts = signal(SignalKind::interrupt()).ok();
            let interrupted = interrupted(interrupts, cancel.clone());
            let done = tokio::select! {
                biased;
                done = work(&self, cancel) => done,
                () = interrupted => Err(Error::Cancelled),
            };
            // Folders of the calls; what takes longer goes when another host begins.
            let _ = tokio::time::timeout(CLEANED_WITHIN, self.registry.settled()).await;
            done
        });
        self.runtime.shutdown_background();
        done
    }

    /// Loads a component; shows on a terminal that it goes on.
    pub(crate) async fn load(
        &self,
        host: &Host,
        (source, grants): (&Source, &Grants),
        cancel: &CancellationToken,
    ) -> Result<Loaded, Error> {
        self.loading(source.load(host, grants), cancel).await
    }

    /// Waits for what loads; shows on a terminal that it goes on.
    pub(crate) async fn loading<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
        cancel: &CancellationToken,
    ) -> Result<T, Error> {
        let work = unless_cancelled(cancel, work);
        tokio::pin!(work);
        match tokio::time::timeout(QUIET_LOAD, &mut work).await {
            Ok(done) => done,
            Err(_) if !self.output.is_live() => work.await,
            Err(_) => progress::show("compiling", work).await,
        }
    }
}

/// Runs what may wait for a file or for stdin, where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    cancel: &CancellationToken,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work);
    unless_cancelled(cancel, async {
        done.await.map_err(|error| Error::Start {
            what: "a thread ended without an answer",
            source: error.into(),
        })?
    })
    .await
}

async fn unless_cancelled<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let done = cancel.run_until_cancelled(work).await;
    done.unwrap_or(Err(Error::Cancelled))
}

/// Cancels the call at the first Ctrl-C; ends what does not end by that soon
/// after, or at the second.
async fn interrupted(interrupts: Option<Signal>, cancel: CancellationToken) {
    let Some(mut interrupts) = interrupts else {
        // Without a handler Ctrl-C ends the process by itself.
        return std::future::pending().await;
    };
    interrupts.recv().await;
    cancel.cancel();
    // At the second, or when the time is over: either way it ends.
    let _ = tokio::time::timeout(GRACE, interrupts.recv()).await;
}

/// What was called, granted and denied, in the state folder.
fn audit_in(state: &Path) -> AuditLog {
    AuditLog::in_folder(state.join("audit"))
}

fn trust_in(state: &Path) -> TrustStore {
    TrustStore::in_folder(state.join("trust"))
}

/// The current folder, if it has a file that is to be read, and what is trusted.
fn project(global: &Global, environment: &Environment) -> Result<Option<Project>, Error> {
    let folder = std::env::current_dir().ok().filter(|_| !global.no_project);
    let may_be_there = |folder: &PathBuf| {
        let file = folder.join(PROJECT_FILE).symlink_metadata();
        file.map_or_else(|error| error.kind() != ErrorKind::NotFound, |_| true)
    };
    let Some(folder) = folder.filter(may_be_there) else {
        return Ok(None);
    };
    let state = environment.folders().state;
    let trusted = state.map_or_else(|| Ok(Vec::new()), |state| trust_in(&state).all())?;
    let trusted = trusted.into_iter();
    Ok(Some(Project {
        folder,
        trusted: trusted.map(|one| (one.path, one.digest)).collect(),
    }))
}

fn settings(global: &Global, limits: &[String]) -> Result<Settings, Error> {
    let format = |key, name, format: Option<OutputFormat>| {
        format.map(|format| Flag {
            key,
            name,
            value: format.as_str().to_owned(),
        })
    };
    let level = log_level(global).map(|(name, level)| Flag {
        key: Key::LogLevel,
        name,
        value: level.to_owned(),
    });
    let output = format(Key::OutputFormat, "--output", global.output);
    let log = format(Key::LogFormat, "--log-format", global.log_format);
    let limits = limits.iter().map(|limit| split_limit(limit));
    let environment = Environment::capture();
    Ok(resolve(&Inputs {
        system_file: Some(SYSTEM_FILE.into()),
        config_file: global.config.clone(),
        project: project(global, &environment)?,
        environment,
        limits: limits.collect::<Result<_, _>>()?,
        flags: [output, log, level].into_iter().flatten().collect(),
        defaults: Vec::new(),
    })?)
}

const fn log_level(global: &Global) -> Option<(&'static str, &'static str)> {
    match (global.quiet, global.verbose) {
        (true, _) => Some(("--quiet", "off")),
        (false, 0) => None,
        (false, 1) => Some(("--verbose", "info")),
        (false, _) => Some(("--verbose", "debug")),
    }
}

/// Reads `NAME=VALUE`.
pub(crate) fn split_limit(limit: &str) -> Result<(String, String), Error> {
    if let Some((name, value)) = limit.split_once('=').filter(|(_, value)| !value.is_empty()) {
        return Ok((name.to_owned(), value.to_owned()));
    }
    match limit.trim_end_matches('=').parse() {
        Ok(name) => Err(Error::LimitWithoutValue { name }),
        Err(_) => {
            let name = cut(&escape_line(limit), 80).into_owned();
            Err(LimitError::Unknown { name }.into())
        }
    }
}
