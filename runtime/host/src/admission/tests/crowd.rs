//! A crowd of calls, each of several instances, in fewer slots than callers.

use std::sync::Arc;

use patinox_sandbox::{NoSlot, Slots};
use tokio::task::{JoinSet, yield_now};

use super::*;

const CALLERS: usize = 64;

/// No call here takes longer, however slow the machine; one that stands still
/// does.
const WALL: Duration = Duration::from_secs(30);

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Finished,
    Busy,
    Late,
}

impl From<NoSlot> for End {
    fn from(why: NoSlot) -> Self {
        match why {
            NoSlot::Busy => Self::Busy,
            NoSlot::Late => Self::Late,
            NoSlot::TooHeavy { .. } | NoSlot::Closed => panic!("{why}"),
        }
    }
}

/// The life of one instance, with what its guest calls meanwhile.
async fn instance(
    slots: &Slots,
    depth: u32,
    deadline: Instant,
    calls: impl Future<Output = Result<(), End>>,
) -> Result<(), End> {
    let slot = slots.take(1, depth, deadline).await?;
    yield_now().await;
    let called = calls.await;
    yield_now().await;
    drop(slot);
    called
}

async fn nothing() -> Result<(), End> {
    yield_now().await;
    Ok(())
}

/// A validator, the tool with a nested call of its own, a validator.
async fn call(gate: &Gate, slots: &Slots) -> Result<(), End> {
    let request = request("tool", WALL);
    let deadline = request.deadline;
    let _permit = admit(gate.clone(), request)
        .await
        .map_err(|why| match why {
            NotAdmitted::Busy(_) => End::Busy,
            NotAdmitted::Late => End::Late,
        })?;
    instance(slots, 0, deadline, nothing()).await?;
    let nested = instance(slots, 1, deadline, nothing());
    instance(slots, 0, deadline, nested).await?;
    instance(slots, 0, deadline, nothing()).await
}

/// Runs the crowd and tells how many finished.
async fn finished(slots: u32, concurrency: u64, queue: u64) -> usize {
    let everything = Arc::new((gate(concurrency, queue), Slots::new(slots)));
    let mut calls = JoinSet::new();
    for _ in 0..CALLERS {
        let everything = Arc::clone(&everything);
        calls.spawn(async move { call(&everything.0, &everything.1).await });
    }
    let ends: Vec<_> = calls.join_all().await;
    let ends = ends
        .into_iter()
        .map(|end| end.err().unwrap_or(End::Finished));
    let ends: Vec<_> = ends.collect();
    assert!(!ends.contains(&End::Late), "{ends:?}");
    let (gate, slots_left) = &*everything;
    assert_eq!(counts(gate), (0, 0, 0));
    assert_eq!(slots_left.free(), slots as usize);
    ends.iter().filter(|end| **end == End::Finished).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_stands_still_in_two_slots() {
    // One slot is for tools, so the one for nested calls is always free.
    assert_eq!(finished(2, 64, 0).await, CALLERS);
    assert_eq!(finished(2, 4, 60).await, CALLERS);
    // These come before any of them ends, or some find a place that one left.
    assert!(24 <= finished(2, 8, 16).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_nested_call_that_finds_no_slot_ends_its_call_alone() {
    // Six tools at once share one slot for what they call.
    assert!(0 < finished(8, 64, 0).await);
    // There is none for what they call: every call ends, as busy.
    assert_eq!(finished(1, 64, 0).await, 0);
}
