use super::*;
use crate::{AsyncGuard, Kind, Owner};

use std::pin::pin;
use std::task::{Context, Waker};

fn drop_one(registry: &Registry) {
    let entry = registry.register(Kind::Task, Owner::NONE, 1);
    drop(AsyncGuard::new(entry, (), async |()| Ok(())));
}

/// Whether a worker that waits would be woken. It takes the word away.
fn is_told(registry: &Registry) -> bool {
    let told = pin!(registry.hand_over().came.notified());
    told.poll(&mut Context::from_waker(Waker::noop()))
        .is_ready()
}

fn conclude_all(registry: &Registry) {
    while let Some(job) = registry.hand_over().next() {
        job.conclude(Ok(())).unwrap();
    }
}

#[test]
fn another_worker_is_told_of_what_is_left() {
    let registry = Registry::new();
    let first = Seat::for_cleaner(&registry).unwrap();
    drop_one(&registry);
    assert!(is_told(&registry));
    registry.hand_over().pass_on();
    assert!(!is_told(&registry), "there is no other");
    let second = Seat::taken(&registry, &mut registry.hand_over().lock());
    registry.hand_over().pass_on();
    assert!(is_told(&registry));
    conclude_all(&registry);
    registry.hand_over().pass_on();
    assert!(!is_told(&registry), "nothing is left");
    drop((first, second));
}

#[test]
fn the_queue_gives_back_the_room_of_a_burst() {
    let registry = Registry::new();
    let seat = Seat::for_cleaner(&registry).unwrap();
    for _ in 0..5000 {
        drop_one(&registry);
    }
    assert_eq!(registry.cleanups_pending(), 5000);
    conclude_all(&registry);
    let room: usize = registry
        .hand_over()
        .lock()
        .queues
        .iter()
        .map(VecDeque::capacity)
        .sum();
    assert!(room <= 2 * ROOM_KEPT, "{room}");
    drop(seat);
    assert_eq!(registry.cleanups_pending(), 0);
}

#[tokio::test]
async fn where_no_thread_can_be_had_jobs_wait_for_the_next() {
    let registry = Registry::new();
    let seat = Seat::for_cleaner(&registry).unwrap();
    drop_one(&registry);
    drop(work::Coming(Some(seat)));
    assert_eq!(registry.hand_over().lock().workers, 0);
    assert_eq!(registry.entries()[0].state, State::Waiting);
    drop_one(&registry);
    registry.settled().await;
    assert_eq!(registry.entries(), []);
}
