use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use super::*;

mod crowd;
mod interleaved;

/// Longer than any test here takes.
const LONG: Duration = Duration::from_secs(600);

/// For the timers of what waits; nobody drives it.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn gate(concurrency: u64, queue: u64) -> Gate {
    Gate::new(Admission { concurrency, queue }, None)
}

fn counts(gate: &Gate) -> (u64, u64, usize) {
    gate.lanes().counts()
}

fn request(component: &str, wait: Duration) -> Request {
    Request {
        component: component.into(),
        principal: Principal::local(),
        memory_class: MemoryClass::of(&Limits::default()),
        memories: 1,
        priority: Priority::Normal,
        deadline: Instant::now() + wait,
    }
}

/// Somebody at the gate.
type Caller = Pin<Box<dyn Future<Output = Result<Permit, NotAdmitted>>>>;

fn caller(gate: &Gate, component: &str) -> Caller {
    let (gate, request) = (gate.clone(), request(component, LONG));
    Box::pin(async move { gate.admit(request).await })
}

fn poll(caller: &mut Caller) -> Option<Result<Permit, NotAdmitted>> {
    match caller
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(admitted) => Some(admitted),
        Poll::Pending => None,
    }
}

/// One who need not wait.
#[track_caller]
fn admitted(gate: &Gate, component: &str) -> Permit {
    let admitted = poll(&mut caller(gate, component));
    admitted.expect("he waits").expect("he is turned away")
}

/// One who waits.
#[track_caller]
fn waits(gate: &Gate, component: &str) -> Caller {
    let mut caller = caller(gate, component);
    assert!(poll(&mut caller).is_none(), "he need not wait");
    caller
}

/// One who is turned away.
#[track_caller]
fn turned_away(gate: &Gate, component: &str) -> Busy {
    match poll(&mut caller(gate, component)) {
        Some(Err(NotAdmitted::Busy(busy))) => busy,
        other => panic!("he is not turned away: {other:?}"),
    }
}

#[track_caller]
fn his_turn(caller: &mut Caller) -> Permit {
    let admitted = poll(caller).expect("it is not his turn");
    admitted.expect("he is turned away")
}

#[test]
fn the_first_to_come_is_the_first_to_go() {
    let runtime = runtime();
    let _context = runtime.enter();
    let gate = gate(1, 3);
    let mut permit = admitted(&gate, "c");
    let mut callers: Vec<_> = (0..3).map(|_| waits(&gate, "c")).collect();
    while !callers.is_empty() {
        drop(permit);
        // Nobody behind the first may go, in whatever order they are asked.
        for later in callers.iter_mut().skip(1).rev() {
            assert!(poll(later).is_none());
        }
        permit = his_turn(&mut callers.remove(0));
        assert_eq!(counts(&gate), (1, callers.len() as u64, 1));
    }
    drop(permit);
    assert_eq!(counts(&gate), (0, 0, 0));
}

#[test]
fn nobody_overtakes_one_who_has_not_heard_yet_that_it_is_his_turn() {
    let runtime = runtime();
    let _context = runtime.enter();
    let gate = gate(1, 1);
    let permit = admitted(&gate, "c");
    let mut first = waits(&gate, "c");
    drop(permit);
    // His place in the queue is free, his permit is not.
    let mut second = waits(&gate, "c");
    turned_away(&gate, "c");
    let permit = his_turn(&mut first);
    assert!(poll(&mut second).is_none());
    drop(permit);
    drop(his_turn(&mut second));
    assert_eq!(counts(&gate), (0, 0, 0));
}

#[test]
fn exactly_so_many_run_and_wait() {
    let runtime = runtime();
    let _context = runtime.enter();
    for (concurrency, queue) in [(1, 0), (1, 1), (3, 0), (2, 5), (64, 256)] {
        let gate = gate(concurrency, queue);
        let permits: Vec<_> = (0..concurrency).map(|_| admitted(&gate, "c")).collect();
        let callers: Vec<_> = (0..queue).map(|_| waits(&gate, "c")).collect();
        let busy = turned_away(&gate, "c");
        assert_eq!(
            busy.reason,
            BusyReason::Full(Admission { concurrency, queue })
        );
        assert_eq!(counts(&gate), (concurrency, queue, 1));
        drop(callers);
        assert_eq!(counts(&gate), (concurrency, 0, 1));
        drop(permits);
        assert_eq!(counts(&gate), (0, 0, 0));
    }
}

#[test]
fn a_busy_component_takes_no_permit_of_another() {
    let runtime = runtime();
    let _context = runtime.enter();
    let gate = gate(2, 2);
    let _busy = [admitted(&gate, "busy"), admitted(&gate, "busy")];
    let mut waiting = [waits(&gate, "busy"), waits(&gate, "busy")];
    let other = admitted(&gate, "other");
    let _another = admitted(&gate, "other");
    // What they share is the queue, and that is full.
    turned_away(&gate, "other");
    turned_away(&gate, "busy");
    assert_eq!(counts(&gate), (4, 2, 2));
    // A permit of one is not passed on to the other.
    drop(other);
    assert!(waiting.iter_mut().all(|caller| poll(caller).is_none()));
    let _again = admitted(&gate, "other");
    // A place that one leaves is anybody's.
    let [first, _second] = waiting;
    drop(first);
    let _waits = waits(&gate, "other");
    turned_away(&gate, "busy");
}

#[test]
fn who_stops_waiting_gives_his_place_to_those_behind_him() {
    let runtime = runtime();
    let _context = runtime.enter();
    let gate = gate(1, 3);
    let permit = admitted(&gate, "c");
    let [first, mut second, mut third] = [0; 3].map(|_| waits(&gate, "c"));
    drop(first);
    assert_eq!(counts(&gate), (1, 2, 1));
    drop(permit);
    // It was his turn, and he left before he heard of it.
    let mut fourth = waits(&gate, "c");
    assert!(poll(&mut third).is_none());
    let permit = his_turn(&mut second);
    drop(permit);
    drop(third);
    drop(his_turn(&mut fourth));
    assert_eq!(counts(&gate), (0, 0, 0));
}

#[test]
fn who_never_came_takes_nothing() {
    let gate = gate(1, 0);
    drop(caller(&gate, "c"));
    assert_eq!(counts(&gate), (0, 0, 0));
}

#[tokio::test]
async fn waiting_ends_at_the_deadline_and_leaves_nothing() {
    let gate = gate(1, 1);
    let permit = gate.admit(request("c", Duration::ZERO)).await.unwrap();
    let wait = Duration::from_millis(5);
    let request = request("c", wait);
    let deadline = request.deadline;
    let late = gate.admit(request).await.unwrap_err();
    assert_eq!(late, NotAdmitted::Late);
    assert!(deadline <= Instant::now());
    assert_eq!(counts(&gate), (1, 0, 1));
    drop(permit);
    assert_eq!(counts(&gate), (0, 0, 0));
}

#[test]
fn a_permit_is_lost_by_no_panic() {
    let gate = gate(1, 0);
    let permit = admitted(&gate, "c");
    let call = std::panic::AssertUnwindSafe(move || {
        let _permit = permit;
        panic!("a tool panics, on purpose");
    });
    std::panic::catch_unwind(call).unwrap_err();
    assert_eq!(counts(&gate), (0, 0, 0));
}

#[test]
fn memory_is_classed_by_its_limit() {
    let class = |memory_bytes| {
        MemoryClass::of(&Limits {
            memory_bytes,
            ..Limits::default()
        })
    };
    assert_eq!(class(0), MemoryClass::Small);
    assert_eq!(class(16 << 20), MemoryClass::Small);
    assert_eq!(class((16 << 20) + 1), MemoryClass::Medium);
    assert_eq!(class(64 << 20), MemoryClass::Medium);
    assert_eq!(class((64 << 20) + 1), MemoryClass::Large);
}
