//! Guests that take the processor for longer than their fuel says: what else
//! runs on the same threads has its turn all the same.

use std::time::{Duration, Instant};

use patinox::{Host, Limits, Loaded, Request};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{self, Neighbour, code, forge};

const CHASE: &str = include_str!("../../components/hostile/forged/table/chase.wat");
const DROP_BURN: &str = include_str!("../../components/hostile/forged/table/drop_burn.wat");

const ATTACKERS: usize = 4;

/// A light call, the millisecond between two of them, and turns of others. It
/// takes 16 and 60 ms where the second of these attacks works, or the first.
const A_TURN_EACH: Duration = Duration::from_millis(8);

/// How long they go on.
const WALL: Duration = Duration::from_secs(3);

fn attack(host: &Host, component: &Loaded, arguments: &Value) -> JoinSet<String> {
    let mut calls = JoinSet::new();
    for _ in 0..ATTACKERS {
        let limits = Limits {
            fuel: u64::MAX >> 1,
            wall_ms: u64::try_from(WALL.as_millis()).expect("seconds"),
            ..Limits::default()
        };
        let request = Request::new("run", arguments.clone()).limits(limits);
        let (host, component) = (host.clone(), component.clone());
        calls.spawn(async move { code(&host.call(&component, request).await).to_owned() });
    }
    calls
}

/// What a light call takes beside four attackers on two threads, in the middle.
async fn beside(text: &str, arguments: &Value) -> Duration {
    let host = support::host();
    let neighbour = Neighbour::of(&host).await;
    let component = support::load(&host, &forge::component(text)).await;
    let attackers = attack(&host, &component, arguments);
    let (started, mut calls) = (Instant::now(), 0);
    while started.elapsed() < WALL - Duration::from_millis(500) {
        // As a request that comes in.
        let neighbour = neighbour.clone();
        let answered = tokio::spawn(async move { neighbour.still_answers(2).await });
        answered.await.expect("an answer");
        calls += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let each = started.elapsed() / calls;
    for ended in attackers.join_all().await {
        assert_eq!(ended, "limit/wall");
    }
    eprintln!("{calls} calls, {each:?} each");
    each
}

/// Best of three: the machine may be busy with something else.
async fn starves_nobody(text: &str, arguments: Value) {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        best = best.min(beside(text, &arguments).await);
        if best < A_TURN_EACH {
            return;
        }
    }
    panic!("a light call takes {best:?}");
}

/// Memory that is in no cache: a stop of the engine comes late, so that such a
/// guest gives up its thread's place in the runtime.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_waits_for_memory_starves_nobody() {
    starves_nobody(CHASE, json!({ "rounds": u32::MAX })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_drops_what_it_took_starves_nobody() {
    starves_nobody(DROP_BURN, json!({ "timers": 250, "rounds": 90_000 })).await;
}
