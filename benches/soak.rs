//! Honest and hostile calls against one host, for long: what is left after each
//! must be nothing.
//!
//! At quiet points, when every call has ended, live heap bytes, descriptors,
//! threads, tasks, slots and entries are counted. Of the heap at most a byte a call
//! may be left; of everything else nothing. Method and numbers: `benches/README.md`.
//!
//! ```text
//! soak --minutes 30        30 minutes, and at least a million calls
//! soak --test              a minute
//! ```

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a run that cannot go on has nothing else to say"
)]

use std::alloc::System;
use std::fmt;
use std::process::ExitCode;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use patinox::prelude::*;
use patinox::{
    AlertConfig, Allocation, Detector, EntryCounts, Kind, Limits, MonitoringConfig, PressureConfig,
    ProcessTime, Profile, Registry, Stage,
};
use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::runtime::{Builder, Handle};
use tokio::time::timeout;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How many threads a runtime has for what blocks. They start before anything is
/// counted, and stay.
const BLOCKING: usize = 4;

/// How many call at once.
const CALLERS: u64 = 4;

/// How many calls there are from one quiet point to the next.
const ROUND: u64 = 20_000;

/// What comes before anything is counted: pools fill, threads start.
const WARM_UP: u64 = 2;

/// One call in so many is hostile.
const HOSTILE_OF: u64 = 10;

/// How long loading may take, or a round with all that is counted after it: many
/// times what it does.
const PATIENCE: Duration = Duration::from_mins(2);

/// The most bytes that a call may leave.
const BYTES_A_CALL: i64 = 1;

/// What is counted where nothing runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Quiet {
    heap_bytes: i64,
    rest: Rest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rest {
    descriptors: u64,
    threads: usize,
    tasks: usize,
    free_slots: usize,
    instances: usize,
    entries: usize,
    cleanups: usize,
}

impl Rest {
    /// Whether nothing is left beside what there was before. A thread that nobody
    /// needs any more may have gone.
    const fn is_no_more_than(self, before: Self) -> bool {
        self.descriptors <= before.descriptors
            && self.threads <= before.threads
            && self.tasks <= before.tasks
            && before.free_slots <= self.free_slots
            && self.instances <= before.instances
            && self.entries <= before.entries
            && self.cleanups <= before.cleanups
    }
}

impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes on the heap, {}", self.heap_bytes, self.rest)
    }
}

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            descriptors,
            threads,
            tasks,
            free_slots,
            instances,
            entries,
            cleanups,
        } = self;
        write!(
            f,
            "{descriptors} descriptors, {threads} threads, {tasks} tasks, {free_slots} free slots, \
             {instances} instances, {entries} entries, {cleanups} clean-ups"
        )
    }
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let minutes = minutes(&arguments);
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(BLOCKING)
        .thread_keep_alive(Duration::MAX)
        .enable_all()
        .build()
        .expect("a runtime");
    let verdict = runtime.block_on(soak(Duration::from_secs_f64(minutes * 60.0)));
    // What hangs is told; nobody waits for it.
    runtime.shutdown_background();
    verdict
}

/// How long it is to run.
fn minutes(arguments: &[String]) -> f64 {
    let place = arguments.iter().position(|word| word == "--minutes");
    let number = place.and_then(|place| arguments.get(place + 1));
    match number {
        Some(number) => number.parse().expect("a number of minutes"),
        None => 1.0,
    }
}

async fn soak(span: Duration) -> ExitCode {
    let host = host();
    let Some((text, hostile)) = in_time("loading", load(&host)).await else {
        return ExitCode::FAILURE;
    };
    let started = Instant::now();
    let (mut calls, mut first) = (0, None);
    for round in 0_u64.. {
        let quiet = async {
            calls_end(&host, (&text, &hostile), round).await;
            between(&host, (&text, &hostile)).await;
            quiet(&host, first).await
        };
        let Some(quiet) = in_time("a round", quiet).await else {
            return ExitCode::FAILURE;
        };
        if round < WARM_UP {
            continue;
        }
        let Some(before) = first else {
            println!("after a warm-up: {quiet}");
            println!("open are {}", open_files().join(", "));
            first = Some(quiet);
            continue;
        };
        calls += ROUND;
        let left = quiet.heap_bytes - before.heap_bytes;
        let minutes = started.elapsed().as_secs_f64() / 60.0;
        if (round - WARM_UP).is_multiple_of(10) || span <= started.elapsed() {
            println!(
                "{minutes:5.1} min  {calls:>9} calls  {left:>9} bytes left  {}",
                quiet.rest
            );
        }
        if !quiet.rest.is_no_more_than(before.rest) {
            println!(
                "something is left.\nbefore: {}\nnow:    {}",
                before.rest, quiet.rest
            );
            println!("open are {}", open_files().join(", "));
            return ExitCode::FAILURE;
        }
        if span <= started.elapsed() {
            return verdict(&host, i64::try_from(calls).unwrap_or(i64::MAX), left);
        }
    }
    ExitCode::SUCCESS
}

/// What it gives, unless it takes too long, which is told.
async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> Option<T> {
    let ended = timeout(PATIENCE, work).await;
    if ended.is_err() {
        println!("{what} has not ended within {PATIENCE:?}");
    }
    ended.ok()
}

/// What is called: a component that is honest, and one that is not.
async fn load(host: &Host) -> (Loaded, Loaded) {
    let text = host.load_file(patinox_artifacts::prebuilt::text()).await;
    let hostile = host.load_file(patinox_artifacts::prebuilt::hostile()).await;
    let [text, hostile] = [text, hostile].map(|loaded| loaded.expect("a component"));
    all_threads_are_free().await;
    (text, hostile)
}

/// Calls as often as a round says.
async fn calls_end(host: &Host, (text, hostile): (&Loaded, &Loaded), round: u64) {
    let tasks = (0..CALLERS).map(|caller| {
        let (host, text, hostile) = (host.clone(), text.clone(), hostile.clone());
        tokio::spawn(async move {
            for number in 0..ROUND / CALLERS {
                let number = round * ROUND + caller * ROUND / CALLERS + number;
                one(&host, &text, &hostile, number).await;
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    for task in tasks {
        task.await.expect("no call panics");
    }
}

/// What a host does now and then.
async fn between(host: &Host, (text, hostile): (&Loaded, &Loaded)) {
    let steps = host.reclaim(Stage::ShrinkPools).await.expect("a thread");
    assert!(
        steps.iter().all(|step| step.trouble.is_empty()),
        "{steps:?}"
    );
    host.restore().await.expect("a thread");
    // Where the pool was replaced, each component is linked to it anew, as always.
    for number in [1, HOSTILE_OF] {
        one(host, text, hostile, number).await;
    }
}

/// Waits until each thread of the runtime that there can be for what blocks is free:
/// all of them wait for all. The first time that starts them.
async fn all_threads_are_free() {
    let all = Arc::new(Barrier::new(BLOCKING));
    let threads = (0..BLOCKING).map(|_| {
        let all = Arc::clone(&all);
        tokio::task::spawn_blocking(move || all.wait())
    });
    let threads: Vec<_> = threads.collect();
    for thread in threads {
        thread.await.expect("no thread panics");
    }
}

fn verdict(host: &Host, calls: i64, left: i64) -> ExitCode {
    let alerts = host.alerts();
    let alerts: Vec<_> = alerts.iter().map(ToString::to_string).collect();
    let none = "none".to_owned();
    println!(
        "alerts: {}",
        if alerts.is_empty() {
            none
        } else {
            alerts.join("; ")
        }
    );
    if left <= calls.saturating_mul(BYTES_A_CALL) {
        println!("{left} bytes are left of {calls} calls: less than {BYTES_A_CALL} a call");
        return ExitCode::SUCCESS;
    }
    println!("{left} bytes are left of {calls} calls: more than {BYTES_A_CALL} a call");
    ExitCode::FAILURE
}

/// A host with all that watches it: `patinox top` too, for who wants to see it work.
fn host() -> Host {
    let host = Host::builder()
        .allocation(Allocation::Pool { slots: Some(64) })
        .pressure(PressureConfig::default())
        .monitoring(MonitoringConfig::default())
        .alerts(AlertConfig::default())
        .status_socket(true);
    host.build().expect("a host")
}

/// The call of this number: one in ten is hostile, each in another way.
async fn one(host: &Host, text: &Loaded, hostile: &Loaded, number: u64) {
    if !number.is_multiple_of(HOSTILE_OF) {
        let words = format!("to be or not to be, {number}");
        let called = host.call(text, Request::new("count", json!({ "text": words })));
        let called = called.await;
        assert!(called.result.is_ok(), "{called:?}");
        return;
    }
    let (tool, arguments, limits) = attack(number / HOSTILE_OF);
    let request = Request::new(tool, arguments).limits(limits);
    // Every now and then nobody waits for the end.
    if number.is_multiple_of(HOSTILE_OF * 7) {
        let call = host.call(hostile, request);
        let dropped = timeout(Duration::from_micros(300), call);
        drop(dropped.await);
        return;
    }
    let called = host.call(hostile, request).await;
    assert!(called.result.is_err(), "{tool}: {called:?}");
}

/// One of the ways to misbehave, under limits that end it soon.
fn attack(number: u64) -> (&'static str, Value, Limits) {
    let limits = Limits {
        fuel: 2_000_000,
        wall_ms: 200,
        memory_bytes: 4 << 20,
        result_bytes: 4 << 10,
        ..Limits::default()
    };
    let (tool, arguments) = match number % 10 {
        0 => ("spin", json!({})),
        1 => ("hoard", json!({ "bytes": 64 << 20 })),
        2 => ("trap", json!({})),
        3 => ("recurse", json!({})),
        4 => ("fail", json!({ "bytes": 100_000 })),
        5 => ("exit-with", json!({ "code": 7 })),
        6 => ("flood-result", json!({ "bytes": 100_000 })),
        7 => ("hold-streams", json!({ "n": 100_000 })),
        8 => ("no-such-tool", json!({ "number": number })),
        _ => ("sleep", json!({ "ms": "not a number" })),
    };
    (tool, arguments, limits)
}

/// Who looks on by `patinox top`: he comes and goes, and is not counted.
fn readers(counts: &EntryCounts) -> usize {
    counts.of(Kind::Connection).entries
}

/// How many are open: the fewest of some looks, as the threads that look at the
/// machine have a file open for a moment, and for longer where others have the cores.
async fn descriptors(registry: &Registry, before: Option<u64>) -> u64 {
    let mut fewest = u64::MAX;
    for look in 0..500 {
        let watched = readers(&registry.counts());
        let machine = Detector::new().detect();
        let used = machine.descriptors.and_then(|held| held.used);
        let after = readers(&registry.counts());
        // One who comes or goes meanwhile may be counted or not.
        if watched == after {
            let readers = u64::try_from(after).unwrap_or(0);
            let used = used.map_or(0, |used| used.value.saturating_sub(readers));
            fewest = fewest.min(used);
        }
        // One look at least must have counted.
        let most = before.unwrap_or(u64::MAX - 1);
        if 5 <= look && fewest <= most {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    fewest
}

/// What the open descriptors lead to.
fn open_files() -> Vec<String> {
    let folder = std::fs::read_dir("/dev/fd").into_iter().flatten();
    let links = folder.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    links.map(|link| link.display().to_string()).collect()
}

/// Waits until all has ended, and counts.
async fn quiet(host: &Host, before: Option<Quiet>) -> Quiet {
    all_threads_are_free().await;
    let registry = host.registry();
    registry.settled().await;
    let metrics = Handle::current().metrics();
    let is_over = || {
        // The last of a task goes a moment after whoever waits for it has its answer.
        metrics.num_alive_tasks() == 0 && registry.counts().of(Kind::Instance).entries == 0
    };
    let began = Instant::now();
    while !is_over() && began.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let descriptors = descriptors(registry, before.map(|quiet| quiet.rest.descriptors)).await;
    let counts = registry.counts();
    let stats = HEAP.stats();
    let [allocated, freed] = [stats.bytes_allocated, stats.bytes_deallocated];
    let [allocated, freed] = [allocated, freed].map(|bytes| i64::try_from(bytes).unwrap_or(0));
    Quiet {
        heap_bytes: allocated - freed,
        rest: Rest {
            descriptors,
            threads: ProcessTime::of(std::process::id()).map_or(0, |time| time.threads),
            tasks: metrics.num_alive_tasks(),
            free_slots: host.allocated(Profile::Lean).expect("an engine").free_slots,
            instances: counts.of(Kind::Instance).entries,
            entries: counts.total().entries - readers(&counts),
            cleanups: registry.cleanups_pending(),
        },
    }
}
