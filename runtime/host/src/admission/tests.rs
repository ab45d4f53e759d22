use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use patinox_policy::Admission;

use super::*;

mod crowd;
mod fair;
mod interleaved;

/// Longer than any test here takes.
const LONG: Duration = Duration::from_secs(600);

/// For the timers of what waits; nobody drives it.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn gate(concurrency: u64, queue: u64) -> Gate {
    let admission = Admission {
        concurrency,
        queue,
        ..Admission::default()
    };
    gate_of(admission, u64::MAX)
}

fn gate_of(admission: Admission, memory_bytes: u64) -> Gate {
    let ceilings = Ceilings {
        admission,
        memory_bytes,
        waiting_bytes: 1 << 20,
    };
    Gate::new(ceilings, None, &Registry::default())
}

fn counts(gate: &Gate) -> (u64, u64, usize) {
    gate.lanes().counts()
}

/// Who asks for what.
#[derive(Clone)]
struct Asked {
    component: Arc<str>,
    tool: &'static str,
    principal: Principal,
    memory_class: MemoryClass,
    priority: Priority,
    deadline: Instant,
    bytes: u64,
}

fn request(component: &str, wait: Duration) -> Asked {
    Asked {
        component: component.into(),
        tool: "run",
        principal: Principal::local(),
        memory_class: MemoryClass::of(&Limits::default()),
        priority: Priority::Normal,
        deadline: Instant::now() + wait,
        bytes: 0,
    }
}

async fn admit(gate: Gate, asked: Asked) -> Result<Permit, NotAdmitted> {
    let request = Request {
        component: &asked.component,
        tool: Some(asked.tool),
        principal: asked.principal,
        memory_class: asked.memory_class,
        priority: asked.priority,
        started: tokio::time::Instant::now().into_std(),
        deadline: asked.deadline,
    };
    gate.admit(request, || asked.bytes).await
}

/// Somebody at the gate.
type Caller = Pin<Box<dyn Future<Output = Result<Permit, NotAdmitted>>>>;

fn caller(gate: &Gate, component: &str) -> Caller {
    Box::pin(admit(gate.clone(), request(component, LONG)))
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
    at_once(gate, request(component, LONG))
}

/// One who need not wait, by all that he asks for.
#[track_caller]
fn at_once(gate: &Gate, asked: Asked) -> Permit {
    let mut caller: Caller = Box::pin(admit(gate.clone(), asked));
    let admitted = poll(&mut caller);
    admitted.expect("he waits").expect("he is turned away")
}

/// One who waits, by all that he asks for.
#[track_caller]
fn waits_for(gate: &Gate, asked: Asked) -> Caller {
    let mut caller: Caller = Box::pin(admit(gate.clone(), asked));
    assert!(poll(&mut caller).is_none(), "he need not wait");
    caller
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
    refused(gate, request(component, LONG))
}

#[track_caller]
fn refused(gate: &Gate, asked: Asked) -> Busy {
    let mut caller: Caller = Box::pin(admit(gate.clone(), asked));
    match poll(&mut caller) {
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
        let admission = Admission {
            concurrency,
            queue,
            ..Admission::default()
        };
        let lack = Lack::Component;
        assert_eq!(busy.reason, BusyReason::Full { lack, admission });
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
    let permit = admit(gate.clone(), request("c", Duration::ZERO))
        .await
        .unwrap();
    let wait = Duration::from_millis(5);
    let request = request("c", wait);
    let deadline = request.deadline;
    let late = admit(gate.clone(), request).await.unwrap_err();
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
    let large = (64 << 20) + 1;
    assert_eq!(class(large), MemoryClass::Large(large));
    assert_eq!(class(large).bytes(), large);
    assert_eq!(class(1).bytes(), 16 << 20);
}
