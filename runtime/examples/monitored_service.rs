//! A service that is watched: `monitored_service ADDRESS FOLDER NAME=COMPONENT…`.
//! `docs/integration.md` goes through it, step by step.
//!
//! ```text
//! POST /tools/COMPONENT/TOOL     calls one; the body is its arguments, as JSON
//! GET  /live                     200 as long as the process answers
//! GET  /ready                    200 while calls are taken, else 503; each part and why
//! GET  /alerts                   what is pending and what fires
//! GET  /metrics                  what Prometheus reads
//! ```
//!
//! FOLDER is a folder of the service's own, for compiled code and the key to it.
//! Limits, admission and alerts are those of the file that `PATINOX_CONFIG` names,
//! and of `~/.config/patinox/config.toml` without it: `docs/configuration.md`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example tells where it listens, and what goes wrong"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Path as Segments, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use patinox::config::{self, Environment, Format, Inputs, Key, Settings, resolve};
use patinox::prelude::*;
use patinox::telemetry::{
    Alert, AlertSink, Condition, LogSink, Monitors, Recorder, Sink, TracingSink,
};
use patinox::{
    AlertConfig, ArtifactStore, CancellationToken, Code, Fault, LimitName, MonitoringConfig,
    PatinoxError, PressureConfig, RecoveryStrategy, Report, StoreConfig, json,
};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tracing_subscriber::EnvFilter;

/// How long what runs may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// How long clients may take to take their last answers.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// How many alerts wait for whoever passes them on.
const ALERTS_WAITING: usize = 64;

fn main() -> ExitCode {
    // First of all: the same program compiles components, in processes of their own.
    if let Some(done) = patinox::compile_worker() {
        return done;
    }
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", told(&*error));
            ExitCode::FAILURE
        }
    }
}

/// What went wrong, each cause, and what would help, as far as the error knows.
fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let causes = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    let of_host = error.downcast_ref().and_then(PatinoxError::hint);
    let of_config = error.downcast_ref().and_then(config::Error::hint);
    match of_host.or(of_config) {
        Some(hint) => format!("{causes}\nhint: {hint}"),
        None => causes,
    }
}

#[tokio::main]
async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let settings = settings()?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(settings.log_level())?)
        .with_writer(std::io::stderr);
    match settings.log_format() {
        Format::Text => log.init(),
        Format::Json => log.json().init(),
    }
    let mut words = std::env::args().skip(1);
    let address = words.next().ok_or("ADDRESS is missing")?;
    let folder = PathBuf::from(words.next().ok_or("FOLDER is missing")?);
    let (sender, alerts) = channel(ALERTS_WAITING);
    let host = host(&settings, &folder, sender)?;
    tokio::spawn(pass_on(alerts));
    for word in words {
        let (name, path) = word.split_once('=').ok_or("write NAME=COMPONENT")?;
        host.catalog().add(name, host.load_file(path).await?)?;
    }
    // So that the first who asks hears of them.
    if let Some(monitors) = host.monitors() {
        monitors.tick();
    }
    let service = Service {
        host: host.clone(),
        closing: CancellationToken::new(),
    };
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let ended_by = CancellationToken::new();
    let served = axum::serve(listener, router(service.clone())?)
        .with_graceful_shutdown(ended(service, ended_by.clone()));
    // Who is slow to send his request, or to take his answer, holds nobody up.
    let late = async {
        ended_by.cancelled().await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    tokio::select! {
        served = served => served?,
        () = late => {}
    }
    Ok(())
}

/// What the operator says, in a file or by variables, and what this service sets
/// where he says nothing: calls that are short; as many as there are cores, and as
/// many again that wait for something; a queue that is done within `wall`.
fn settings() -> Result<Settings, Box<dyn std::error::Error>> {
    let cores = std::thread::available_parallelism()?.get();
    Ok(resolve(&Inputs {
        environment: Environment::capture(),
        defaults: vec![
            (Key::Limit(LimitName::Wall), "5s".to_owned()),
            (Key::Limit(LimitName::Concurrency), (cores * 2).to_string()),
            (Key::Limit(LimitName::Queue), (cores * 8).to_string()),
            (Key::LogLevel, "warn".to_owned()),
        ],
        ..Inputs::default()
    })?)
}

/// The host: a worker, a store, how much is let in, and what is watched.
fn host(
    settings: &Settings,
    folder: &Path,
    alerts: Sender<Alert>,
) -> Result<Host, Box<dyn std::error::Error>> {
    let store = StoreConfig::new(folder.join("artifacts"), folder.join("key/artifact-key"));
    let rules = settings.alerts();
    let host = Host::builder()
        .compile_worker(std::env::current_exe()?)
        .store(ArtifactStore::open(store)?)
        .limits(settings.limits())
        .load_limits(settings.load_limits())
        .admission(settings.admission())
        .recorder(Recorder::new([Box::new(TracingSink) as Box<dyn Sink>]))
        .pressure(PressureConfig::default())
        .monitoring(MonitoringConfig {
            every: Duration::from_secs(5),
        })
        .alerts(AlertConfig {
            rules: rules.rules,
            repeat: rules.repeat,
            sinks: vec![Arc::new(LogSink), Arc::new(Pager(alerts))],
        })
        .status_socket(true)
        .build()?;
    Ok(host)
}

/// A sink of one's own. It runs on the thread that judges, so it must not wait.
struct Pager(Sender<Alert>);

impl AlertSink for Pager {
    fn alert(&self, alert: &Alert) {
        // Where nobody takes them one more is of no use.
        let _ = self.0.try_send(alert.clone());
    }
}

/// Where a real service would call its pager.
async fn pass_on(mut alerts: Receiver<Alert>) {
    while let Some(alert) = alerts.recv().await {
        eprintln!("alert: {alert}");
    }
}

#[derive(Clone)]
struct Service {
    host: Host,
    closing: CancellationToken,
}

fn router(service: Service) -> Result<Router, Box<dyn std::error::Error>> {
    let most = usize::try_from(service.host.limits().arguments_bytes)?;
    Ok(Router::new()
        .route("/tools/{component}/{tool}", post(call))
        .layer(DefaultBodyLimit::max(most))
        .route("/live", get(|| async { "alive\n" }))
        .route("/ready", get(ready))
        .route("/alerts", get(alerts))
        .route("/metrics", get(metrics))
        .with_state(service))
}

/// After Ctrl-C or a SIGTERM: whoever asks is told to send nobody any more, what
/// runs may end by itself, and what is left is told.
async fn ended(service: Service, done: CancellationToken) {
    let mut terminate = signal(SignalKind::terminate()).ok();
    let terminated = async {
        match &mut terminate {
            Some(terminate) => terminate.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated => {}
    }
    service.closing.cancel();
    let ended = service.host.shutdown(GRACE).await;
    println!("cancelled {} calls; {}", ended.cancelled, ended.leaked);
    done.cancel();
}

/// Answers by the last look of the host, so that it costs nothing to ask often.
///
/// A host that is full is ready: it tells whoever comes to come back. One whose
/// machine has run out of something turns all away.
async fn ready(State(service): State<Service>) -> Response {
    let last = service.host.monitors().map(Monitors::last);
    let parts = last.map_or_else(Vec::new, |last| last.health.clone());
    let closing = service.closing.is_cancelled();
    let is_short = parts
        .iter()
        .any(|part| part.name == "resources" && part.condition == Condition::Unhealthy);
    let status = match closing || is_short {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::OK,
    };
    let parts = parts.into_iter().map(|part| {
        let told = json!({ "condition": part.condition.as_str(), "reason": part.reason });
        (part.name.to_owned(), told)
    });
    let parts = serde_json::Value::from_iter(parts);
    let told = Json(json!({ "closing": closing, "parts": parts }));
    (status, told).into_response()
}

async fn alerts(State(service): State<Service>) -> Response {
    Json(json!(service.host.alerts())).into_response()
}

/// Looks at once. That reads the machine and the store, so it may block.
async fn metrics(State(service): State<Service>) -> Response {
    let page = tokio::task::spawn_blocking(move || {
        let monitors = service.host.monitors();
        monitors.map(Monitors::prometheus)
    });
    match page.await {
        Ok(Some(page)) => {
            let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
            (kind, page).into_response()
        }
        Ok(None) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The future of a handler is dropped when its client hangs up, and with it the
/// guest.
async fn call(
    State(service): State<Service>,
    Segments((component, tool)): Segments<(String, String)>,
    body: String,
) -> Response {
    let host = service.host;
    let Some(loaded) = host.catalog().get(&component) else {
        let message = format!("there is no component `{component}`");
        return (StatusCode::NOT_FOUND, Json(json!({ "message": message }))).into_response();
    };
    let arguments = match json::parse(&body, host.limits().arguments_bytes) {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error),
    };
    let called = host.call(&loaded, Request::new(tool, arguments)).await;
    match called.result {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => refused(&error),
    }
}

/// The status says who must act and whether the same request may do later. A hint is
/// for whoever must act, so clients hear those that are for them.
fn refused(error: &dyn Failure) -> Response {
    let recovery = error.recovery();
    let status = match (error.fault(), recovery) {
        // A full host, or one whose machine is short of something.
        (Fault::Limit, RecoveryStrategy::Retry { .. }) => StatusCode::TOO_MANY_REQUESTS,
        // It is shutting down: another one may take it.
        (Fault::Limit, _) if error.code() == Code::Busy => StatusCode::SERVICE_UNAVAILABLE,
        (Fault::Limit, _) => StatusCode::UNPROCESSABLE_ENTITY,
        (Fault::Caller, _) => StatusCode::BAD_REQUEST,
        (Fault::Policy, _) => StatusCode::FORBIDDEN,
        (Fault::Component | Fault::Upstream, _) => StatusCode::BAD_GATEWAY,
        (Fault::Host, RecoveryStrategy::Retry { .. }) | (Fault::Cancelled, _) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        (Fault::Host, _) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut report = Report::of(error);
    report.hint = report.hint.filter(|_| error.fault() == Fault::Caller);
    let mut response = (status, Json(report)).into_response();
    if let RecoveryStrategy::Retry { after } = recovery {
        let seconds = after.map_or(1.0, |after| after.as_secs_f64().ceil().max(1.0));
        if let Ok(seconds) = seconds.to_string().parse() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
    }
    response
}
