use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use super::*;

type Taking = Pin<Box<dyn Future<Output = Result<Slot, NoSlot>>>>;

/// For the timers of what waits; nobody drives it.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Later than any test here takes.
fn later() -> Instant {
    Instant::now() + Duration::from_secs(600)
}

fn take(slots: &Slots, weight: u32, depth: u32) -> Taking {
    let slots = slots.clone();
    Box::pin(async move { slots.take(weight, depth, later()).await })
}

fn poll(taking: &mut Taking) -> Option<Result<Slot, NoSlot>> {
    match taking
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(taken) => Some(taken),
        Poll::Pending => None,
    }
}

/// What is taken without waiting.
#[track_caller]
fn at_once(slots: &Slots, weight: u32, depth: u32) -> Result<Slot, NoSlot> {
    poll(&mut take(slots, weight, depth)).expect("it waits")
}

/// One that waits.
#[track_caller]
fn waits(slots: &Slots, weight: u32) -> Taking {
    let mut taking = take(slots, weight, 0);
    assert!(poll(&mut taking).is_none());
    taking
}

#[test]
fn nested_calls_have_a_share_by_depth() {
    for (total, expected) in [
        (0, [0, 0, 0, 0, 0]),
        (1, [1, 0, 0, 0, 0]),
        (2, [1, 1, 0, 0, 0]),
        (3, [2, 1, 0, 0, 0]),
        (8, [6, 1, 1, 0, 0]),
        (16, [12, 1, 1, 1, 1]),
        (32, [24, 4, 2, 1, 1]),
        (256, [192, 32, 16, 8, 8]),
    ] {
        assert_eq!(shares(total), expected, "{total}");
    }
}

#[test]
fn each_depth_takes_of_its_own_alone() {
    let runtime = runtime();
    let _context = runtime.enter();
    let slots = Slots::new(8);
    let mut root: Vec<_> = (0..6).map(|_| at_once(&slots, 1, 0).unwrap()).collect();
    assert_eq!(slots.free(), 2);
    let mut next = waits(&slots, 1);
    let _first = at_once(&slots, 1, 1).unwrap();
    assert_eq!(at_once(&slots, 1, 1).unwrap_err(), NoSlot::Busy);
    let _second = at_once(&slots, 1, 2).unwrap();
    // Nothing is kept for these in so few.
    for depth in [3, 4, 5, u32::MAX] {
        assert_eq!(at_once(&slots, 1, depth).unwrap_err(), NoSlot::Busy);
    }
    root.pop();
    assert!(poll(&mut next).unwrap().is_ok());
}

#[test]
fn with_a_single_slot_no_call_nests() {
    let runtime = runtime();
    let _context = runtime.enter();
    let slots = Slots::new(1);
    assert_eq!(at_once(&slots, 1, 1).unwrap_err(), NoSlot::Busy);
    assert_eq!(at_once(&slots, 9, 1).unwrap_err(), NoSlot::Busy);
    let slot = at_once(&slots, 1, 0).unwrap();
    assert_eq!(slots.free(), 0);
    drop(slot);
    assert_eq!(slots.free(), 1);
}

#[test]
fn what_can_never_be_had_is_told_at_once() {
    let runtime = runtime();
    let _context = runtime.enter();
    let slots = Slots::new(8);
    let error = at_once(&slots, 7, 0).unwrap_err();
    let (weight, share) = (7, 6);
    assert_eq!(error, NoSlot::TooHeavy { weight, share });
    assert_eq!(
        error.to_string(),
        "an instance takes 7 slots, of 6 that there are for it"
    );
    let (weight, share) = (2, 1);
    let nested = at_once(&slots, 2, 1).unwrap_err();
    assert_eq!(nested, NoSlot::TooHeavy { weight, share });
    assert!(at_once(&Slots::new(0), 1, 0).is_err());
    assert_eq!(slots.free(), 8);
}

#[test]
fn an_instance_without_memories_takes_one() {
    let runtime = runtime();
    let _context = runtime.enter();
    let slots = Slots::new(8);
    let _slot = at_once(&slots, 0, 0).unwrap();
    assert_eq!(slots.free(), 7);
}

#[test]
fn a_heavy_one_is_not_overtaken() {
    let runtime = runtime();
    let _context = runtime.enter();
    let slots = Slots::new(4);
    let (first, second) = (at_once(&slots, 1, 0), at_once(&slots, 1, 0));
    let mut heavy = waits(&slots, 3);
    let mut light = waits(&slots, 1);
    drop(first);
    assert!(poll(&mut light).is_none() && poll(&mut heavy).is_none());
    drop(second);
    // Nobody polls it, and yet its slots are its own.
    assert!(poll(&mut light).is_none());
    let held = poll(&mut heavy).unwrap().unwrap();
    drop(held);
    assert!(poll(&mut light).unwrap().is_ok());
    assert_eq!(slots.free(), 4);
}

#[test]
fn one_that_stops_waiting_gives_back_what_it_had_of_it() {
    let runtime = runtime();
    let _context = runtime.enter();
    let slots = Slots::new(4);
    let held = at_once(&slots, 2, 0);
    // It has got the third slot of root calls already.
    let heavy = waits(&slots, 2);
    let mut light = waits(&slots, 1);
    drop(heavy);
    assert!(poll(&mut light).unwrap().is_ok());
    // Given a turn, and gone before it was polled.
    let (gone, mut next) = (waits(&slots, 3), waits(&slots, 3));
    drop(held);
    assert!(poll(&mut next).is_none());
    drop(gone);
    assert!(poll(&mut next).unwrap().is_ok());
    assert_eq!(slots.free(), 4);
}

#[tokio::test]
async fn waiting_ends_at_the_deadline() {
    let slots = Slots::new(2);
    let slot = slots.take(1, 0, Instant::now()).await.unwrap();
    let soon = Instant::now() + Duration::from_millis(5);
    assert_eq!(slots.take(1, 0, soon).await.unwrap_err(), NoSlot::Late);
    assert!(soon <= Instant::now());
    drop(slot);
    assert_eq!(slots.free(), 2);
}

#[test]
fn those_that_wait_are_counted() {
    let runtime = runtime();
    let _context = runtime.enter();
    let slots = Slots::new(2);
    assert_eq!(slots.waiting(), 0);
    let held = at_once(&slots, 1, 0).unwrap();
    let (mut first, second) = (waits(&slots, 1), waits(&slots, 1));
    assert_eq!(slots.waiting(), 2);
    drop(held);
    let held = poll(&mut first).unwrap().unwrap();
    assert_eq!(slots.waiting(), 1);
    drop(second);
    assert_eq!(slots.waiting(), 0);
    drop(held);
    // Nested calls never wait.
    let _nested = at_once(&slots, 1, 1).unwrap();
    assert_eq!(at_once(&slots, 1, 1).unwrap_err(), NoSlot::Busy);
    assert_eq!(slots.waiting(), 0);
}

#[test]
fn closed_ones_send_away_who_comes_and_who_waits() {
    let runtime = runtime();
    let _context = runtime.enter();
    let slots = Slots::new(2);
    let held = at_once(&slots, 1, 0).unwrap();
    let mut waiting = waits(&slots, 1);
    assert!(!slots.close_unused() && slots.are_used());
    slots.close();
    assert_eq!(poll(&mut waiting).unwrap().unwrap_err(), NoSlot::Closed);
    assert_eq!(at_once(&slots, 1, 0).unwrap_err(), NoSlot::Closed);
    assert_eq!(at_once(&slots, 1, 1).unwrap_err(), NoSlot::Closed);
    assert!(slots.are_used());
    drop(held);
    assert!(!slots.are_used());
    assert_eq!(at_once(&slots, 1, 0).unwrap_err(), NoSlot::Closed);
}

#[test]
fn those_that_nobody_holds_are_closed_and_their_number_is_handed_on() {
    let runtime = runtime();
    let _context = runtime.enter();
    let slots = Slots::new(64);
    assert_eq!(slots.of_roots(), (Slots::roots_of(64), 48));
    assert_eq!(slots.withhold(16), 24);
    let next = Slots::new(64);
    next.withhold_as(&slots);
    assert!(slots.close_unused());
    assert_eq!(at_once(&slots, 1, 0).unwrap_err(), NoSlot::Closed);
    assert_eq!(next.of_roots(), (24, 24));
    next.restore();
    assert_eq!(next.of_roots(), (48, 48));
}

/// What may be done to slots, by index among those there are.
#[derive(Clone, Debug)]
enum Step {
    Take { weight: u32, depth: u32 },
    Poll(usize),
    Cancel(usize),
    GiveBack(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4_u32, 0..6_u32).prop_map(|(weight, depth)| Step::Take { weight, depth }),
        3 => any::<usize>().prop_map(Step::Poll),
        1 => any::<usize>().prop_map(Step::Cancel),
        2 => any::<usize>().prop_map(Step::GiveBack),
    ]
}

fn nth<T>(all: &mut Vec<T>, index: usize) -> Option<T> {
    (!all.is_empty()).then(|| all.remove(index % all.len()))
}

proptest! {
    #[test]
    fn shares_add_up_and_never_shrink(total in 0..5_000_usize) {
        let (these, more) = (shares(total), shares(total + 1));
        prop_assert_eq!(these.iter().sum::<usize>(), total);
        prop_assert!(total < 2 || 0 < these[0] && 0 < these[1]);
        for depth in 1..=MAX_DEPTH {
            prop_assert!(these[depth] <= more[depth]);
            prop_assert!(depth == MAX_DEPTH || these[depth + 1] <= these[depth]);
        }
    }

    /// Whoever waits, and whenever he goes: no slot is lost and none is made.
    #[test]
    fn every_slot_comes_back(total in 0..12_u32, steps in prop::collection::vec(step(), 0..60)) {
        let runtime = runtime();
        let _context = runtime.enter();
        let slots = Slots::new(total);
        let all = usize::try_from(total).unwrap();
        let (mut waiting, mut held) = (Vec::new(), Vec::new());
        for step in steps {
            let polled = match step {
                Step::Take { weight, depth } => Some((take(&slots, weight, depth), weight, depth)),
                Step::Poll(index) => nth(&mut waiting, index),
                Step::Cancel(index) => {
                    drop(nth(&mut waiting, index));
                    None
                }
                Step::GiveBack(index) => {
                    drop(nth(&mut held, index));
                    None
                }
            };
            if let Some((mut taking, weight, depth)) = polled {
                match poll(&mut taking) {
                    Some(Ok(slot)) => held.push((slot, weight.max(1))),
                    Some(Err(error)) => prop_assert!(error != NoSlot::Late),
                    None => {
                        prop_assert_eq!(depth, 0, "a nested call waits");
                        waiting.push((taking, weight, depth));
                    }
                }
            }
            let weights = held.iter().map(|(_, weight)| usize::try_from(*weight).unwrap());
            prop_assert!(weights.sum::<usize>() + slots.free() <= all);
        }
        drop(waiting);
        let weights = held.iter().map(|(_, weight)| usize::try_from(*weight).unwrap());
        prop_assert_eq!(weights.sum::<usize>() + slots.free(), all);
        drop(held);
        prop_assert_eq!(slots.free(), all);
    }
}
