//! How long things take beside other things: past a deadline, after a cancel,
//! next to busy guests, from the artifact store and from the compiler; and what waiting calls hold.
//!
//! Not a loop of one thing, so not criterion's: it prints the distribution of
//! each. `--test` runs each a few times. Method and numbers: `benches/README.md`.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot run has nothing else to say, and says it here"
)]

#[path = "latency/callers.rs"]
mod callers;
#[expect(dead_code, reason = "others use the rest")]
#[path = "call/floor.rs"]
mod floor;
#[path = "latency/loading.rs"]
mod loading;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use patinox::prelude::*;
use patinox::{Admission, Allocation, CancellationToken, Code};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// The component of `call.rs`.
const ECHO: &str = include_str!("call/echo.wat");

/// How often each thing is done.
#[derive(Clone, Copy)]
struct Rounds {
    few: usize,
    many: usize,
    waiting: usize,
}

const ALL: Rounds = Rounds {
    few: 200,
    many: 400_000,
    waiting: 10_000,
};

const ONCE: Rounds = Rounds {
    few: 3,
    many: 800,
    waiting: 50,
};

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let once = arguments.iter().any(|argument| argument == "--test");
    let named = arguments.into_iter().filter(|one| !one.starts_with("--"));
    let (files, names): (Vec<_>, Vec<_>) = named.partition(|one| Path::new(one).is_file());
    let rounds = if once { ONCE } else { ALL };
    let wants = |name: &str| names.is_empty() || names.iter().any(|one| one == name);
    for (name, measure) in [
        ("fresh", fresh as fn(Rounds)),
        ("deadline", deadline),
        ("cancel", cancel),
        ("light", beside_busy),
        ("callers", callers::callers),
        ("waiting", waiting),
        ("compile", loading::compile),
    ] {
        if wants(name) {
            measure(rounds);
        }
    }
    if wants("store") {
        loading::store(rounds, files.into_iter().map(PathBuf::from));
    }
}

fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// A clock of whoever asks, that does not depend on the runtime that answers.
fn pace() -> Runtime {
    let pace = Builder::new_current_thread().enable_time().build();
    pace.expect("a runtime")
}

fn host(config: Config) -> Host {
    Host::new(config).expect("a host")
}

fn component(runtime: &Runtime, host: &Host, path: &Path) -> Loaded {
    let loaded = runtime.block_on(host.load_file(path));
    loaded.expect("a component")
}

/// Prints the distribution of some times.
fn print(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |per_mille: usize| {
        let index = times.len().saturating_sub(1) * per_mille / 1_000;
        times.get(index).copied().unwrap_or_default()
    };
    let (p50, p99, most) = (at(500), at(990), at(1_000));
    let count = times.len();
    println!("{name:<32} p50 {p50:>10.2?}  p99 {p99:>10.2?}  max {most:>10.2?}  n {count}");
}

/// One fresh call after the other, on a worker as in a server.
fn fresh(rounds: Rounds) {
    let runtime = runtime(1);
    let host = host(Config::default());
    let echo = wat::parse_str(ECHO).expect("the text is a component");
    let echo = runtime.block_on(host.load(echo)).expect("a component");
    let times = runtime.spawn(async move {
        let mut times = Vec::with_capacity(rounds.many);
        for _ in 0..rounds.many {
            let started = Instant::now();
            light_calls(&host, &echo, "echo", 1).await;
            times.push(started.elapsed());
        }
        times
    });
    print("fresh/echo", runtime.block_on(times).expect("no panic"));
}

/// How far past its deadline a spinning guest gets.
fn deadline(rounds: Rounds) {
    let runtime = runtime(1);
    let host = host(Config::default());
    let hostile = component(&runtime, &host, patinox_artifacts::prebuilt::hostile());
    let wall = Duration::from_millis(20);
    let limits = Limits {
        wall_ms: 20,
        ..Limits::default()
    };
    let past = (0..rounds.few).map(|_| {
        let request = Request::new("spin", json!({})).limits(limits);
        let called = runtime.block_on(host.call(&hostile, request));
        let code = called.result.expect_err("it spins for ever").code();
        assert_eq!(code.as_str(), "limit/wall");
        called.usage.wall.saturating_sub(wall)
    });
    print("deadline/spin", past.collect());
}

/// From the cancel of a spinning guest to the end of its call.
fn cancel(rounds: Rounds) {
    let runtime = runtime(2);
    let host = host(Config::default());
    let hostile = component(&runtime, &host, patinox_artifacts::prebuilt::hostile());
    let times = (0..rounds.few).map(|_| {
        let token = CancellationToken::new();
        let request = Request::new("spin", json!({})).cancel(token.clone());
        runtime.block_on(async {
            let (host, hostile) = (host.clone(), hostile.clone());
            let call = tokio::spawn(async move {
                let called = host.call(&hostile, request).await;
                (Instant::now(), called)
            });
            tokio::time::sleep(Duration::from_millis(3)).await;
            let cancelled = Instant::now();
            token.cancel();
            let (ended, called) = call.await.expect("no panic");
            let code = called.result.expect_err("it is cancelled").code();
            assert_eq!(code, Code::Cancelled);
            ended.saturating_duration_since(cancelled)
        })
    });
    print("cancel/spin", times.collect());
}

/// A light call while four guests compute, on two threads.
fn beside_busy(rounds: Rounds) {
    let runtime = runtime(2);
    let host = host(Config::default());
    let hostile = component(&runtime, &host, patinox_artifacts::prebuilt::hostile());
    let text = component(&runtime, &host, patinox_artifacts::prebuilt::text());
    let stop = CancellationToken::new();
    let limits = Limits {
        fuel: u64::MAX >> 1,
        wall_ms: 3_600_000,
        ..Limits::default()
    };
    for _ in 0..4 {
        let request = Request::new("spin", json!({}));
        let request = request.limits(limits).cancel(stop.clone());
        let (host, hostile) = (host.clone(), hostile.clone());
        runtime.spawn(async move { black_box(host.call(&hostile, request).await) });
    }
    let calls = rounds.many / 400;
    print(
        "light/beside-4-busy",
        arriving(&runtime, &host, &text, calls),
    );
    print(
        "light/by-a-timer",
        by_a_timer(&runtime, &host, &text, calls),
    );
    stop.cancel();
}

/// Calls that arrive one each millisecond, each in a task of its own; from the
/// arrival to the answer.
fn arriving(runtime: &Runtime, host: &Host, text: &Loaded, calls: usize) -> Vec<Duration> {
    let (pace, mut all) = (pace(), JoinSet::new());
    for _ in 0..calls {
        pace.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
        let (host, text) = (host.clone(), text.clone());
        let arrived = Instant::now();
        let call = async move {
            light_calls(&host, &text, "count", 1).await;
            arrived.elapsed()
        };
        all.spawn_on(call, runtime.handle());
    }
    runtime.block_on(all.join_all())
}

/// The same by the runtime's own driver, which tells of sockets and timers
/// alike: from the moment at which a timer is due, in steps of a millisecond.
fn by_a_timer(runtime: &Runtime, host: &Host, text: &Loaded, calls: usize) -> Vec<Duration> {
    let (host, text) = (host.clone(), text.clone());
    let times = runtime.spawn(async move {
        let mut times = Vec::with_capacity(calls);
        for _ in 0..calls {
            let due = Instant::now() + Duration::from_millis(2);
            tokio::time::sleep_until(due.into()).await;
            light_calls(&host, &text, "count", 1).await;
            times.push(due.elapsed());
        }
        times
    });
    runtime.block_on(times).expect("no panic")
}

async fn light_calls(host: &Host, component: &Loaded, tool: &str, calls: usize) {
    for _ in 0..calls {
        let request = Request::new(tool, json!({ "text": "to be or not to be" }));
        let called = host.call(component, request).await;
        black_box(called.result.expect("a result"));
    }
}

/// A guest that waits in the host and does nothing else.
const WAIT: &str = include_str!("latency/wait.wat");

/// What so many calls hold that wait in the host at once.
fn waiting(rounds: Rounds) {
    let calls = rounds.waiting;
    let runtime = runtime(2);
    let count = u64::try_from(calls).expect("a small number");
    // A quarter of the slots is kept for nested calls.
    let slots = count.div_ceil(3).saturating_mul(4);
    let _raised = MapCount::raised(slots.saturating_mul(4));
    let host = host(Config {
        allocation: Allocation::Pool {
            slots: u32::try_from(slots).ok(),
        },
        admission: Admission {
            concurrency: count,
            queue: count,
            ..Admission::default()
        },
        ..Config::default()
    });
    let waits = wat::parse_str(WAIT).expect("the text is a component");
    let waits = runtime.block_on(host.load(waits)).expect("a component");
    let before = resident();
    let (done, maps, held) = runtime.block_on(async {
        let mut all = JoinSet::new();
        for _ in 0..calls {
            let (host, waits) = (host.clone(), waits.clone());
            let request = Request::new("run", json!({ "ms": 4_000 }));
            all.spawn(async move { host.call(&waits, request).await.result.is_ok() });
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        let (maps, held) = (maps(), resident().saturating_sub(before));
        (all.join_all().await, maps, held)
    });
    let answered = done.into_iter().filter(|answered| *answered).count();
    let each = held / count / 1024;
    println!("waiting/{calls:<24} answered {answered}  {each} KiB each  {maps} mappings");
}

/// How many mappings a process may have, raised for as long as this lives.
///
/// It is the machine's setting; where it may not be changed it stays as it is.
struct MapCount {
    before: Option<String>,
}

impl MapCount {
    const FILE: &str = "/proc/sys/vm/max_map_count";

    fn raised(wanted: u64) -> Self {
        let before = std::fs::read_to_string(Self::FILE).unwrap_or_default();
        let has = before.trim().parse().unwrap_or(u64::MAX);
        let raised = has < wanted && std::fs::write(Self::FILE, wanted.to_string()).is_ok();
        if raised {
            println!("mappings allowed: {wanted}, before {has}");
        }
        Self {
            before: raised.then_some(before),
        }
    }
}

impl Drop for MapCount {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let restored = std::fs::write(Self::FILE, before);
            restored.expect("what could be raised can be lowered");
        }
    }
}

/// Bytes that this process has resident.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024
}

fn maps() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines().count()
}
