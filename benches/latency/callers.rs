//! How much more two callers do than one.

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::floor::{Floor, Val};
use crate::{Config, ECHO, Rounds, component, host, light_calls, runtime};

/// How often one and two take turns.
const TURNS: usize = 15;

/// How often a line of the cache goes from one thread to the other at a time.
const TRIPS: usize = 4_000;

/// Of a component of half a kilobyte, beside its floor, and of one with a
/// standard library.
pub(crate) fn callers(rounds: Rounds) {
    let calls = rounds.many / 4;
    let host = host(Config::default());
    let loading = runtime(1);
    let echo = wat::parse_str(ECHO).expect("the text is a component");
    let floor = Arc::new(Floor::pooled(&echo, &["echo"]));
    let echo = loading.block_on(host.load(echo)).expect("a component");
    let text = component(&loading, &host, patinox_artifacts::prebuilt::text());
    scaling("callers/echo/floor", calls, |calls| {
        let floor = Arc::clone(&floor);
        async move {
            for _ in 0..calls {
                let params = [Val::String("to be or not to be".to_owned())];
                black_box(floor.call(&params).await);
            }
        }
    });
    for (name, tool, component) in [("echo", "echo", echo), ("text", "count", text)] {
        scaling(&format!("callers/{name}"), calls, |calls| {
            let (host, component) = (host.clone(), component.clone());
            async move {
                light_calls(&host, &component, tool, calls).await;
            }
        });
    }
}

/// So many calls by one caller, and by two on two threads, in turns.
fn scaling<Work>(name: &str, calls: usize, work: impl Fn(usize) -> Work)
where
    Work: Future<Output = ()> + Send + 'static,
{
    let per_second = |callers: usize| {
        let runtime = runtime(callers);
        let mut all = JoinSet::new();
        let started = Instant::now();
        for _ in 0..callers {
            all.spawn_on(work(calls / callers), runtime.handle());
        }
        runtime.block_on(all.join_all());
        f64::from(u32::try_from(calls).unwrap_or(u32::MAX)) / started.elapsed().as_secs_f64()
    };
    let mut turns: Vec<_> = (0..TURNS)
        .map(|_| {
            let (one, two) = (per_second(1), per_second(2));
            (two / one, one, two, trip())
        })
        .collect();
    turns.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    let of = |at: usize| turns.get(at).copied().unwrap_or_default();
    let (ratio, one, two, _) = of(TURNS / 2);
    let (least, most) = (of(0).0, of(TURNS - 1).0);
    let mut trips: Vec<_> = turns.iter().map(|turn| turn.3).collect();
    trips.sort_unstable();
    let trip = trips.get(TURNS / 2).copied().unwrap_or_default();
    println!(
        "{name:<20} 1: {one:.0}/s  2: {two:.0}/s  ratio {ratio:.2}, {least:.2} to {most:.2}  \
         {} ns from one processor to the other",
        trip.as_nanos()
    );
}

/// How long a line of the cache takes from one processor to the other, the
/// least of several tries: two callers do as much more as they are near.
fn trip() -> Duration {
    let tries = (0..20).map(|_| {
        let line = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&line);
        let other = thread::spawn(move || bounce(&theirs, 1));
        let took = bounce(&line, 0);
        other.join().expect("no panic");
        took
    });
    tries.min().unwrap_or_default()
}

/// Waits for its turn, passes it on, over and over: what one pass took.
fn bounce(line: &AtomicUsize, mine: usize) -> Duration {
    let mut started = Instant::now();
    for turn in (mine..TRIPS).step_by(2) {
        let mut spins = 0_usize;
        while line.load(Ordering::Acquire) != turn {
            spins += 1;
            // Both may be on one processor at first.
            if spins.is_multiple_of(1 << 14) {
                thread::yield_now();
            }
            spin_loop();
        }
        if turn < TRIPS / 10 {
            // From here on both are awake.
            started = Instant::now();
        }
        line.store(turn + 1, Ordering::Release);
    }
    started.elapsed() / u32::try_from(TRIPS - TRIPS / 10).unwrap_or(u32::MAX)
}
