//! What real tools cost in each language, what an import of an embedder's costs,
//! what a service costs; and what others take for the same.
//!
//! Two things take turns, so that whatever else the machine does meets both;
//! what is told is the median of each. Names choose some sections. Method and
//! numbers: `benches/README.md`.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot run has nothing else to say, and says it here"
)]

#[expect(dead_code, reason = "others use the rest")]
#[path = "call/floor.rs"]
mod floor;
#[path = "tools/others.rs"]
mod others;
#[path = "tools/service.rs"]
mod service;
#[path = "tools/validators.rs"]
mod validators;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use floor::{Floor, Val};
use patinox::prelude::*;
use patinox::{ArtifactStore, CodeAccess, StoreConfig};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

/// The component of `call.rs`.
const ECHO: &str = include_str!("call/echo.wat");

/// The WIT of the fixture `shop`.
const STORE: &str = include_str!("../components/fixtures/shop/wit/deps/store.wit");

/// How much of each is done.
#[derive(Clone, Copy)]
struct Rounds {
    turns: usize,
    calls: usize,
    touches: u32,
    seconds: f64,
}

const ALL: Rounds = Rounds {
    turns: 41,
    calls: 40,
    touches: 20_000,
    seconds: 2.0,
};

const ONCE: Rounds = Rounds {
    turns: 1,
    calls: 2,
    touches: 100,
    seconds: 0.2,
};

fn main() -> ExitCode {
    // It is also what compiles for its own hosts, and the floor of the service.
    if let Some(done) = patinox::compile_worker() {
        return done;
    }
    let words: Vec<_> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == service::FLOOR) {
        service::floor();
        return ExitCode::SUCCESS;
    }
    let rounds = match words.iter().any(|word| word == "--test") {
        true => ONCE,
        false => ALL,
    };
    let named = words.iter().filter(|one| !one.starts_with("--"));
    let (files, named): (Vec<_>, Vec<_>) = named.partition(|one| Path::new(one).is_file());
    let wants = |name: &str| named.is_empty() || named.iter().any(|one| *one == name);
    for (name, measure) in [
        ("languages", languages as fn(Rounds)),
        ("import", import),
        ("service", service::measure),
        ("process", others::process),
        ("artifacts", artifacts),
        ("validators", validators::measure),
    ] {
        if wants(name) {
            measure(rounds);
        }
    }
    if wants("extism") {
        others::extism(rounds, files.first().map(Path::new));
    }
    ExitCode::SUCCESS
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

fn host() -> HostOf {
    let worker = std::env::current_exe().expect("this program");
    HostOf(Host::builder().compile_worker(worker))
}

/// A host that is not made yet.
struct HostOf(patinox::HostBuilder);

impl HostOf {
    fn import(self, import: Import) -> Self {
        Self(self.0.import(import))
    }

    fn make(self) -> Host {
        self.0.build().expect("a host")
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// A tool as it is shipped, one function of it, and what it is called with.
struct Tool {
    name: &'static str,
    path: Option<&'static Path>,
    tool: &'static str,
    export: &'static [&'static str],
    arguments: Value,
    params: Vec<Val>,
}

fn text(text: &str) -> Val {
    Val::String(text.to_owned())
}

fn tools() -> [Tool; 4] {
    [
        Tool {
            name: "c/hash",
            path: patinox_artifacts::hash(),
            tool: "text",
            export: &["patinox:hash/digests@0.1.0", "text"],
            arguments: json!({ "text": "hello" }),
            params: vec![text("hello"), Val::Option(None)],
        },
        Tool {
            name: "rust/text",
            path: patinox_artifacts::text(),
            tool: "count",
            export: &["patinox:text/operations@0.1.0", "count"],
            arguments: json!({ "text": "hello" }),
            params: vec![text("hello"), Val::Option(None)],
        },
        Tool {
            name: "javascript/json",
            path: patinox_artifacts::json(),
            tool: "diff",
            export: &["patinox:json/documents@0.1.0", "diff"],
            arguments: json!({ "before": "[1]", "after": "[2]" }),
            params: vec![text("[1]"), text("[2]")],
        },
        Tool {
            name: "python/eval",
            path: patinox_artifacts::eval(),
            tool: "expression",
            export: &["patinox:eval/python@0.1.0", "expression"],
            arguments: json!({ "expression": "1+1" }),
            params: vec![text("1+1"), Val::Option(None)],
        },
    ]
}

/// A call of each shipped tool, beside the engine alone on the same component.
fn languages(rounds: Rounds) {
    let (runtime, host) = (runtime(), host().make());
    for tool in tools() {
        let Some(path) = tool.path else {
            println!("{:<28} left out: nothing built it", tool.name);
            continue;
        };
        let bytes = std::fs::read(path).expect("a component");
        let floor = Floor::pooled(&bytes, tool.export);
        let loaded = runtime.block_on(host.load(bytes)).expect("a component");
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds.turns {
            runtime.block_on(async {
                for _ in 0..rounds.calls {
                    theirs.push(floor.time(&tool.params).await);
                }
                for _ in 0..rounds.calls {
                    let request = Request::new(tool.tool, tool.arguments.clone());
                    let started = Instant::now();
                    let called = host.call(&loaded, request).await;
                    ours.push(started.elapsed());
                    called.result.expect("an answer");
                }
            });
        }
        told(tool.name, median(ours), median(theirs));
    }
}

fn told(name: &str, ours: Duration, floor: Duration) {
    let ratio = ours.as_secs_f64() / floor.as_secs_f64();
    println!("{name:<28} host {ours:>9.2?}  floor {floor:>9.2?}  ratio {ratio:.2}");
}

/// Loading from the store: code that is mapped beside code that is read.
fn artifacts(rounds: Rounds) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = |access| {
        let (entries, key) = (
            folder.path().join("artifacts"),
            folder.path().join("key/key"),
        );
        let config = StoreConfig {
            access,
            ..StoreConfig::new(entries, key)
        };
        ArtifactStore::open(config).expect("a store")
    };
    let runtime = runtime();
    let [mapped, read] = [CodeAccess::Map, CodeAccess::Read]
        .map(|access| HostOf(host().0.store(store(access))).make());
    for tool in tools() {
        let Some(path) = tool.path else {
            println!("{:<28} left out: nothing built it", tool.name);
            continue;
        };
        let bytes = std::fs::read(path).expect("a component");
        let load = |host: &Host| {
            let started = Instant::now();
            let loaded = runtime.block_on(host.load(bytes.clone()));
            loaded.expect("it loads");
            started.elapsed()
        };
        // Compiled and kept, and its tag checked, once.
        load(&mapped);
        load(&read);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds.turns {
            ours.push(load(&mapped));
            theirs.push(load(&read));
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "artifacts/{:<18} mapped {ours:>8.2?}  read {theirs:>8.2?}  ratio {:.2}",
            tool.name,
            theirs.as_secs_f64() / ours.as_secs_f64()
        );
    }
}

/// A call of an embedder's function that does nothing, beside the engine's own
/// ways to define one.
fn import(rounds: Rounds) {
    const QUERY: &str = "acme:store/query@1.0.0";
    let Some(path) = patinox_artifacts::fixture_shop() else {
        println!("import/empty                 left out: nothing built it");
        return;
    };
    let bytes = std::fs::read(path).expect("a component");
    let functions = Import::new(STORE, QUERY)
        .and_then(|import| import.function("touch", |_, ()| async {}))
        .and_then(|import| import.function("find", |_, (_,): (String,)| async { None::<()> }))
        .and_then(|import| {
            import.function("search", |_, _: (String, Value)| async {
                Err::<(), _>("none")
            })
        });
    let (runtime, host) = (
        runtime(),
        host().import(functions.expect("an import")).make(),
    );
    let grant = "import=acme:store/query".parse().expect("a grant");
    let request = LoadRequest::bytes(bytes.clone()).grant(grant);
    let shop = runtime.block_on(host.load(request)).expect("a component");
    let floors = [true, false]
        .map(|typed| Floor::pooled_with_touch(&bytes, &["touch-often"], ((QUERY, "touch"), typed)));
    let (mut ours, mut typed, mut dynamic) = (Vec::new(), Vec::new(), Vec::new());
    let limits = Limits {
        host_calls: u64::MAX,
        ..Limits::default()
    };
    for _ in 0..rounds.turns {
        for (floor, times) in floors.iter().zip([&mut typed, &mut dynamic]) {
            let time = |times| runtime.block_on(floor.time(&[Val::U32(times)]));
            times.push(each(time(rounds.touches), time(0), rounds.touches));
        }
        let time = |times: u32| {
            let request = Request::new("touch-often", json!({ "times": times })).limits(limits);
            let called = runtime.block_on(host.call(&shop, request));
            called.result.expect("an answer");
            called.usage.wall
        };
        ours.push(each(time(rounds.touches), time(0), rounds.touches));
    }
    let (ours, typed, dynamic) = (median(ours), median(typed), median(dynamic));
    let above = ours.saturating_sub(dynamic);
    println!(
        "import/empty                 host {ours:.0?}  engine, typed {typed:.0?}  engine, dynamic {dynamic:.0?}  above it {above:.0?}"
    );
}

/// What each of so many took.
fn each(all: Duration, none: Duration, count: u32) -> Duration {
    all.saturating_sub(none) / count.max(1)
}
