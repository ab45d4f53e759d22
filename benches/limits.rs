//! What limits cost where they are never near: computing, and a fresh call.
//!
//! Two things are compared by turns, many times, and what is told is the median
//! of each: so a machine that is busy for a while is so to both. `--test` runs
//! each a few times. Method and numbers: `benches/README.md`.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot run has nothing else to say, and says it here"
)]

#[expect(dead_code, reason = "others use the rest")]
#[path = "call/floor.rs"]
mod floor;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use floor::{Floor, Mean, Val};
use patinox::LimitName;
use patinox::prelude::*;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

/// The component of `call.rs`.
const ECHO: &str = include_str!("call/echo.wat");

/// Computes, some 25 ms for the rounds below.
const COMPUTE: &str = include_str!("limits/compute.wat");
const COMPUTE_ROUNDS: u32 = 1_000;

/// 100 bytes.
const TEXT: &str = "0123456789012345678901234567890123456789\
                    012345678901234567890123456789012345678901234567890123456789";

/// How often two things take turns, and how many calls a turn has.
#[derive(Clone, Copy)]
struct Rounds {
    turns: usize,
    calls: usize,
}

fn main() {
    let once = std::env::args().any(|argument| argument == "--test");
    let rounds = match once {
        true => Rounds { turns: 2, calls: 3 },
        false => Rounds {
            turns: 61,
            calls: 2_000,
        },
    };
    for workers in [1, 2] {
        computing(&runtime(workers), workers, rounds.turns);
    }
    let runtime = runtime(1);
    means(&runtime, rounds);
    names(&runtime, rounds);
}

fn runtime(workers: usize) -> Runtime {
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build();
    runtime.expect("a runtime")
}

fn parsed(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the text is a component")
}

/// The nanoseconds of each, by turns.
fn by_turns<const N: usize>(turns: usize, things: [&mut dyn FnMut(); N]) -> [Vec<f64>; N] {
    let mut took = [const { Vec::new() }; N];
    let mut things = things;
    for _ in 0..turns {
        for (thing, took) in things.iter_mut().zip(&mut took) {
            let started = Instant::now();
            thing();
            took.push(started.elapsed().as_secs_f64() * 1e9);
        }
    }
    took
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_unstable_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or_default()
}

/// As in a server: what blocks on the runtime from outside is polled by a thread
/// of its own.
fn on_a_worker<T: Send + 'static>(
    runtime: &Runtime,
    work: impl Future<Output = T> + Send + 'static,
) {
    let done = runtime.block_on(runtime.spawn(work));
    black_box(done.expect("no panic"));
}

/// Long computing: through the host, and with fuel alone.
fn computing(runtime: &Runtime, workers: usize, turns: usize) {
    let component = parsed(COMPUTE);
    let means: [&[Mean]; 2] = [&[], &[Mean::Fuel]];
    let [mut bare, mut fuel] = means.map(|means| {
        let floor = Arc::new(Floor::pooled_with(&component, &["run"], means));
        move || {
            let params = [Val::U32(COMPUTE_ROUNDS)];
            let floor = Arc::clone(&floor);
            on_a_worker(runtime, async move { floor.call(&params).await });
        }
    });
    let host = Host::new(Config::default()).expect("a host");
    let loaded = runtime.block_on(host.load(component));
    let loaded = loaded.expect("a component");
    let mut through_host = || {
        let request = Request::new("run", json!({ "rounds": COMPUTE_ROUNDS }));
        let (host, loaded) = (host.clone(), loaded.clone());
        on_a_worker(runtime, async move {
            let called = host.call(&loaded, request).await;
            called.result.expect("a result")
        });
    };
    let [bare, fuel, host] = by_turns(turns, [&mut bare, &mut fuel, &mut through_host]);
    // Of each turn: a machine that is slower for a while is so to both.
    let ratio = median(
        host.iter()
            .zip(&fuel)
            .map(|(host, fuel)| host / fuel)
            .collect(),
    );
    let [bare, fuel, host] = [bare, fuel, host].map(|nanoseconds| median(nanoseconds) / 1e6);
    let name = format!("compute/{workers}-threads");
    println!(
        "{name:<32} no fuel {bare:.2} ms, fuel {fuel:.2} ms, host {host:.2} ms, ratio {ratio:.3}"
    );
}

/// What each of the engine's means costs a fresh call, beside a call with none.
fn means(runtime: &Runtime, rounds: Rounds) {
    let component = parsed(ECHO);
    let all: [(&str, &[Mean], &[Mean]); 5] = [
        ("fuel", &[], &[Mean::Fuel]),
        ("fuel, yields", &[Mean::Fuel], &[Mean::Fuel, Mean::Yields]),
        ("memory, tables, instances", &[], &[Mean::Limiter]),
        ("handles", &[], &[Mean::Handles]),
        ("hostcall-bytes", &[], &[Mean::HostcallBytes]),
    ];
    for (name, without, with) in all {
        let [mut without, mut with] = [without, with].map(|means| {
            let floor = Floor::pooled_with(&component, &["echo"], means);
            move || runtime.block_on(floor_calls(&floor, rounds.calls))
        });
        print(
            &format!("engine/{name}"),
            by_turns(rounds.turns, [&mut without, &mut with]).map(median),
            rounds.calls,
        );
    }
}

/// What each limit of a call costs through the host, where it is at its default
/// and far, beside the greatest that it can be.
fn names(runtime: &Runtime, rounds: Rounds) {
    let host = Host::new(Config::default()).expect("a host");
    let echo = runtime.block_on(host.load(parsed(ECHO)));
    let echo = echo.expect("a component");
    let of_a_call = LimitName::ALL.into_iter();
    for name in of_a_call.filter(|name| Limits::default().get(*name).is_some()) {
        let mut lifted = Limits::default();
        let (_, greatest) = name.range();
        let set = lifted.set(name.as_str(), &name.quantity(greatest).to_string());
        set.expect("the greatest is allowed");
        let [mut without, mut with] = [lifted, Limits::default()].map(|limits| {
            let (host, echo) = (&host, &echo);
            move || runtime.block_on(host_calls(host, echo, limits, rounds.calls))
        });
        print(
            &format!("limit/{name}"),
            by_turns(rounds.turns, [&mut without, &mut with]).map(median),
            rounds.calls,
        );
    }
}

async fn floor_calls(floor: &Floor, calls: usize) {
    for _ in 0..calls {
        let params = [Val::String(TEXT.to_owned())];
        black_box(floor.call(&params).await);
    }
}

async fn host_calls(host: &Host, echo: &Loaded, limits: Limits, calls: usize) {
    for _ in 0..calls {
        let request = Request::new("echo", json!({ "text": TEXT }));
        let called = host.call(echo, request.limits(limits)).await;
        black_box(called.result.expect("a result"));
    }
}

fn print(name: &str, [without, with]: [f64; 2], calls: usize) {
    let calls = f64::from(u32::try_from(calls).unwrap_or(u32::MAX));
    let (without, with) = (without / calls, with / calls);
    println!(
        "{name:<32} {with:>6.0} ns, without {without:>6.0} ns, {:>+5.0} ns",
        with - without
    );
}
