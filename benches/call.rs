//! A fresh-instance call through the host, beside the engine's own floor.
//!
//! Both call the same component, with fuel, a limiter and the same allocation:
//! what the host adds is admission, the arguments' check, JSON both ways, the
//! deadline, cancel, usage and the event. Method and numbers:
//! `benches/README.md`.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot run has nothing else to say"
)]

#[expect(dead_code, reason = "`tools` uses the rest")]
#[path = "call/floor.rs"]
mod floor;

use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use criterion::{Criterion, criterion_group, criterion_main};
use floor::{Floor, Val};
use patinox::prelude::*;
use patinox::telemetry::{CallEnded, CallId, Event, Outcome, Recorder, Sink, TracingSink};
use patinox::{Allocation, MonitoringConfig, Usage};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

/// The argument: 100 bytes.
const TEXT: &str = "0123456789012345678901234567890123456789\
                    012345678901234567890123456789012345678901234567890123456789";

/// A component with one export, `echo: func(text: string) -> string`, a memory
/// of 17 pages and one data segment, as a small real tool has.
const ECHO: &str = include_str!("call/echo.wat");

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn echo() -> Vec<u8> {
    wat::parse_str(ECHO).expect("the text is a component")
}

fn host(allocation: Allocation, monitoring: Option<MonitoringConfig>) -> Host {
    let sink: Box<dyn Sink> = Box::new(TracingSink);
    Host::new(Config {
        allocation,
        monitoring,
        recorder: Recorder::new([sink]),
        ..Config::default()
    })
    .expect("a host")
}

/// A component, one of its functions, and its arguments in both forms.
struct Case {
    name: &'static str,
    component: Vec<u8>,
    tool: &'static str,
    export: &'static [&'static str],
    arguments: Value,
    params: Vec<Val>,
}

fn cases() -> [Case; 2] {
    let text = || Val::String(TEXT.to_owned());
    let prebuilt = std::fs::read(patinox_artifacts::prebuilt::text());
    [
        Case {
            name: "echo",
            component: echo(),
            tool: "echo",
            export: &["echo"],
            arguments: json!({ "text": TEXT }),
            params: vec![text()],
        },
        // Rust, with the standard library and the WASI imports that it brings.
        Case {
            name: "text",
            component: prebuilt.expect("a component"),
            tool: "count",
            export: &["patinox:text/operations@0.1.0", "count"],
            arguments: json!({ "text": TEXT }),
            params: vec![text(), Val::Option(None)],
        },
    ]
}

fn call(c: &mut Criterion) {
    let on_demand = Allocation::OnDemand { slots: None };
    group(c, "on-demand", on_demand, Floor::on_demand);
    group(c, "pooled", Allocation::default(), Floor::pooled);
}

fn group(
    c: &mut Criterion,
    name: &str,
    allocation: Allocation,
    floor: fn(&[u8], &[&str]) -> Floor,
) {
    let runtime = runtime();
    let monitored = host(allocation, Some(MonitoringConfig::default()));
    let host = host(allocation, None);
    for case in cases() {
        let mut group = c.benchmark_group(format!("call/{name}/{}", case.name));
        let floor = floor(&case.component, case.export);
        group.bench_function("floor", |b| {
            b.to_async(&runtime)
                .iter(|| async { black_box(floor.call(&case.params).await) });
        });
        let component = runtime.block_on(host.load(case.component.clone()));
        let component = component.expect("a component");
        group.bench_function("host", |b| {
            b.to_async(&runtime).iter(|| async {
                let request = Request::new(case.tool, case.arguments.clone());
                let called = host.call(&component, request).await;
                black_box(called.result.expect("a result"))
            });
        });
        let component = runtime.block_on(monitored.load(case.component.clone()));
        let component = component.expect("a component");
        group.bench_function("monitored", |b| {
            b.to_async(&runtime).iter(|| async {
                let request = Request::new(case.tool, case.arguments.clone());
                let called = monitored.call(&component, request).await;
                black_box(called.result.expect("a result"))
            });
        });
        group.finish();
    }
}

/// A whole process: start, load, compile a component of 0.5 KB, call, end.
fn process(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("echo.wasm");
    std::fs::write(&path, echo()).expect("the component is written");
    let mut group = c.benchmark_group("process/call");
    group.sample_size(50);
    group.bench_function("echo", |b| {
        b.iter(|| {
            let status = Command::new(env!("CARGO_BIN_EXE_patinox"))
                .arg("call")
                .arg(&path)
                .arg("text=hello")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            assert!(status.expect("the program runs").success());
        });
    });
    group.bench_function("floor", |b| {
        b.iter(|| Command::new("/bin/true").status().expect("a process"));
    });
    group.finish();
}

/// A look at a host, and the page of figures that comes of it, where each of 1 000
/// tools has been called.
fn monitoring(c: &mut Criterion) {
    let host = host(Allocation::default(), Some(MonitoringConfig::default()));
    let runtime = runtime();
    let component = runtime.block_on(host.load(echo())).expect("a component");
    let monitors = host.monitors().expect("monitors");
    for number in 0..1_000 {
        monitors.record(&Event::CallEnded(CallEnded {
            call: CallId::new(SystemTime::UNIX_EPOCH),
            component: component.digest().to_owned(),
            tool: format!("tool-{number}"),
            outcome: Outcome::Ok,
            usage: Usage::default(),
            started_at: SystemTime::UNIX_EPOCH,
        }));
    }
    let mut group = c.benchmark_group("monitoring");
    group.bench_function("tick", |b| b.iter(|| black_box(monitors.tick())));
    group.bench_function("prometheus", |b| {
        b.iter(|| black_box(monitors.prometheus()))
    });
    group.finish();
}

criterion_group!(benches, call, process, monitoring);
criterion_main!(benches);
