//! What a command needs to run: settings, logging, a runtime, a host.

use std::future::Future;
use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use patinox_config::{Environment, Flag, Format, Inputs, Key, Settings, resolve};
use patinox_host::{Config, Host, Loaded};
use patinox_policy::{LimitError, cut, escape_line};
use patinox_telemetry::{Recorder, Sink, TracingSink};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::args::{Global, OutputFormat};
use crate::error::Error;
use crate::output::Output;
use crate::source::Source;

/// Compiling shows that it goes on once it takes longer than this.
const QUIET_LOAD: Duration = Duration::from_millis(400);

/// A command's surroundings.
pub(crate) struct Session {
    pub(crate) settings: Settings,
    pub(crate) output: Output,
    runtime: Runtime,
}

impl Session {
    /// Reads the settings, starts logging and a runtime.
    pub(crate) fn start(global: &Global, limits: &[String]) -> Result<Self, Error> {
        let settings = settings(global, limits)?;
        start_logging(&settings)?;
        let output = Output::new(settings.output_format() == Format::Json, global.quiet);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|source| Error::Start {
                what: "no threads can be made",
                source,
            })?;
        Ok(Self {
            settings,
            output,
            runtime,
        })
    }

    /// Makes a host by the settings.
    pub(crate) fn host(&self) -> Result<Host, Error> {
        let sink: Box<dyn Sink> = Box::new(TracingSink);
        Ok(Host::new(Config {
            limits: self.settings.limits(),
            load: self.settings.load_limits(),
            recorder: Recorder::new([sink]),
            ..Config::default()
        })?)
    }

    /// Runs a command to its end, or to the first Ctrl-C.
    ///
    /// What still compiles in the background is left behind; it ends with the
    /// process.
    pub(crate) fn run<T>(
        self,
        work: impl AsyncFnOnce(&Self, CancellationToken) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let cancel = CancellationToken::new();
        let done = self.runtime.block_on(async {
            let interrupted = interrupted(cancel.clone());
            tokio::select! {
                biased;
                done = work(&self, cancel) => done,
                () = interrupted => Err(Error::Cancelled),
            }
        });
        self.runtime.shutdown_background();
        done
    }

    /// Loads a component; shows on a terminal that it goes on.
    pub(crate) async fn load(&self, host: &Host, source: &Source) -> Result<Loaded, Error> {
        let load = source.load(host);
        tokio::pin!(load);
        match tokio::time::timeout(QUIET_LOAD, &mut load).await {
            Ok(loaded) => loaded,
            Err(_) if !self.output.is_live() => load.await,
            Err(_) => spinning("compiling the component", load).await,
        }
    }
}

/// Cancels the call at the first Ctrl-C; ends what does not end by that soon
/// after, or at the second.
async fn interrupted(cancel: CancellationToken) {
    /// How long a cancelled call may take to tell what it spent.
    const GRACE: Duration = Duration::from_millis(500);
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler Ctrl-C ends the process by itself.
        return std::future::pending().await;
    }
    cancel.cancel();
    let second = tokio::time::timeout(GRACE, tokio::signal::ctrl_c()).await;
    // Either way it is time.
    drop(second);
}

async fn spinning<T>(what: &'static str, work: impl Future<Output = T>) -> T {
    let spinner = ProgressBar::new_spinner().with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(100));
    let done = work.await;
    spinner.finish_and_clear();
    done
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
    Ok(resolve(&Inputs {
        config_file: global.config.clone(),
        environment: Environment::capture(),
        limits: limits.collect::<Result<_, _>>()?,
        flags: [output, log, level].into_iter().flatten().collect(),
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

pub(crate) fn split_limit(limit: &str) -> Result<(String, String), Error> {
    match limit.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => {
            let name = cut(&escape_line(limit), 80).into_owned();
            Err(match limit.parse() {
                Ok(name) => LimitError::Value {
                    name,
                    value: String::new(),
                    rule: "needs a value".to_owned(),
                },
                Err(_) => LimitError::Unknown { name },
            }
            .into())
        }
    }
}

/// Logs go to stderr. Only the program installs a subscriber, and only once;
/// a second session of a process, in tests, keeps the first.
fn start_logging(settings: &Settings) -> Result<(), Error> {
    let Ok(filter) = EnvFilter::try_new(settings.log_level()) else {
        return Err(settings
            .refuse(Key::LogLevel, "must be a log filter")
            .into());
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match settings.log_format() {
        Format::Json => builder.json().try_init(),
        Format::Text => builder.try_init(),
    };
    drop(started);
    Ok(())
}
