//! The threads of a pool, interleaved in many ways by `shuttle`: nothing is lost
//! and nobody waits for ever, which it finds as a deadlock.

#![cfg(feature = "shuttle")]

use std::convert::Infallible;

use shuttle::future::block_on;
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread;

use super::*;

/// Schedules that are tried of each.
const SCHEDULES: usize = 2_000;

struct Counted(Arc<AtomicUsize>);

struct One(Arc<AtomicUsize>);

impl Drop for One {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Maker for Counted {
    type Value = One;
    type Error = Infallible;

    async fn make(&self) -> Result<One, Infallible> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(One(Arc::clone(&self.0)))
    }

    async fn check(&self, _: &mut One) -> bool {
        shuttle::future::yield_now().await;
        true
    }
}

type Work = fn(&Pool<Counted>);

/// Three threads each do their work on one pool of one value, in many orders. In
/// the end nothing is out, and so many values are left.
#[track_caller]
fn race(works: [Work; 3], left: std::ops::RangeInclusive<usize>) {
    let race = move || {
        let alive = Arc::new(AtomicUsize::new(0));
        let pool = Pool::new(PoolConfig::of(1), Counted(Arc::clone(&alive)));
        let threads = works.map(|work| {
            let pool = pool.clone();
            thread::spawn(move || work(&pool))
        });
        for thread in threads {
            thread.join().unwrap();
        }
        let PoolCounts {
            size: _,
            idle,
            leased,
            making,
            waiting,
        } = pool.counts();
        assert_eq!((leased, making, waiting), (0, 0, 0));
        let alive = alive.load(Ordering::SeqCst);
        assert_eq!(idle, alive);
        assert!(left.contains(&alive), "{alive}");
    };
    shuttle::check_random(race, SCHEDULES);
}

fn take(pool: &Pool<Counted>) -> Lease<Counted> {
    block_on(pool.checkout(None)).expect("a value")
}

fn use_once(pool: &Pool<Counted>) {
    drop(take(pool));
}

fn retire(pool: &Pool<Counted>) {
    take(pool).retire();
}

/// Asks, and leaves if it is not there at the first look.
fn ask_and_leave(pool: &Pool<Counted>) {
    let mut checkout = Box::pin(pool.checkout(None));
    let once = std::future::poll_fn(|context| {
        let polled = checkout.as_mut().poll(context);
        std::task::Poll::Ready(polled.is_ready())
    });
    block_on(once);
}

/// Asks, of a pool that may be closed.
fn ask(pool: &Pool<Counted>) {
    drop(block_on(pool.checkout(None)));
}

fn resize(pool: &Pool<Counted>) {
    pool.resize(2);
    pool.resize(1);
}

#[test]
fn interleavings_of_checkouts_and_returns() {
    race([use_once, use_once, use_once], 1..=1);
}

#[test]
fn interleavings_of_leaving_and_handing_over() {
    race([ask_and_leave, use_once, use_once], 0..=1);
}

/// What is handed over is room for a value, and not one.
#[test]
fn interleavings_of_leaving_and_retiring() {
    race([ask_and_leave, retire, retire], 0..=1);
}

#[test]
fn interleavings_of_resizing() {
    race([resize, use_once, use_once], 0..=1);
}

#[test]
fn interleavings_of_closing() {
    race([Pool::close, ask, ask], 0..=0);
}
