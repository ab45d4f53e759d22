//! An edge service that offers tools over HTTP:
//! `axum_service ADDRESS NAME=COMPONENT…`.
//!
//! ```text
//! GET  /tools                    every tool with its schemas
//! POST /tools/COMPONENT/TOOL     calls one; the body is its arguments, as JSON
//! ```
//!
//! A client that hangs up ends its guest. When too many calls run and wait, more
//! are answered 429 with `Retry-After`. What faces strangers wants time limits for
//! their connections too, by a proxy in front or by `tower`.
#![expect(clippy::print_stdout, reason = "an example tells where it listens")]

use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use patinox::prelude::*;
use patinox::{Admission, Fault, PressureConfig, RecoveryStrategy, Report, Shutdown, json};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Python and JavaScript bring an interpreter of many megabytes: compiled in
    // processes of their own, which cannot hold up the service.
    match patinox::compile_worker() {
        Some(_) => Ok(()),
        None => serve(),
    }
}

#[tokio::main]
async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let address = words.next().ok_or("ADDRESS is missing")?;
    let host = Host::builder()
        .compile_worker(std::env::current_exe()?)
        // Of one component; a service that shares its machine keeps both low.
        .admission(Admission {
            concurrency: 4,
            queue: 4,
            ..Admission::default()
        })
        // Turns requests away while the machine is short of memory.
        .pressure(PressureConfig::default())
        // `patinox top` shows what it does.
        .status_socket(true)
        .build()?;
    for word in words {
        let (name, path) = word.split_once('=').ok_or("write NAME=COMPONENT")?;
        host.catalog().add(name, host.load_file(path).await?)?;
    }
    let most = usize::try_from(host.limits().arguments_bytes)?;
    let router = Router::new()
        .route("/tools", get(list))
        .route("/tools/{component}/{tool}", post(call))
        .layer(DefaultBodyLimit::max(most))
        .with_state(host.clone());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    tokio::select! {
        served = axum::serve(listener, router) => served?,
        ended = ended(&host) => println!("cancelled {} calls", ended.cancelled),
    }
    Ok(())
}

/// After Ctrl-C or a SIGTERM nothing begins any more, and what runs has five
/// seconds to end by itself. Who is slow to send his request holds nobody up.
async fn ended(host: &Host) -> Shutdown {
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
    host.shutdown(Duration::from_secs(5)).await
}

async fn list(State(host): State<Host>) -> Response {
    let components = host.catalog().list().into_iter();
    let tools = components.map(|(name, loaded)| {
        let specs: Vec<_> = loaded
            .tools()
            .iter()
            .map(|tool| json!(tool.spec()))
            .collect();
        (name, json!(specs))
    });
    Json(serde_json::Value::from_iter(tools)).into_response()
}

/// The future of a handler is dropped when its client hangs up, and with it the
/// guest.
async fn call(
    State(host): State<Host>,
    Path((component, tool)): Path<(String, String)>,
    body: String,
) -> Response {
    let Some(loaded) = host.catalog().get(&component) else {
        let message = format!("there is no component `{component}`");
        return (StatusCode::NOT_FOUND, Json(json!({ "message": message }))).into_response();
    };
    // Strict where a parser of strangers' JSON has to be: depth, duplicate keys.
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

/// The status says who must act; the body says what happened.
fn refused(error: &dyn Failure) -> Response {
    let status = match (error.fault(), error.code().as_str()) {
        // It shuts down, so coming back is of no use.
        (_, "limit/busy") if error.recovery() == RecoveryStrategy::Fail => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        (_, "limit/busy") => StatusCode::TOO_MANY_REQUESTS,
        (_, "caller/unknown-tool") => StatusCode::NOT_FOUND,
        (Fault::Caller, _) => StatusCode::BAD_REQUEST,
        (Fault::Policy, _) => StatusCode::FORBIDDEN,
        (Fault::Limit, _) => StatusCode::UNPROCESSABLE_ENTITY,
        (Fault::Component | Fault::Upstream, _) => StatusCode::BAD_GATEWAY,
        (Fault::Cancelled | Fault::Host, _) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut report = Report::of(error);
    // A hint is for whoever must act.
    report.hint = report.hint.filter(|_| error.fault() == Fault::Caller);
    let mut response = (status, Json(report)).into_response();
    if let RecoveryStrategy::Retry { after: Some(after) } = error.recovery() {
        let seconds = after.as_secs_f64().ceil().max(1.0).to_string();
        if let Ok(seconds) = seconds.parse() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
    }
    response
}
