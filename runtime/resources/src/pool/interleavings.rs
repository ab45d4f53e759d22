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

fn pool(size: usize) -> (Pool<Counted>, Arc<AtomicUsize>) {
    let alive = Arc::new(AtomicUsize::new(0));
    let pool = Pool::new(PoolConfig::of(size), Counted(Arc::clone(&alive)));
    (pool, alive)
}

fn settled(pool: &Pool<Counted>, alive: &AtomicUsize) {
    let PoolCounts {
        size,
        idle,
        leased,
        making,
        waiting,
    } = pool.counts();
    assert_eq!((leased, making, waiting), (0, 0, 0));
    assert!(idle <= size);
    assert_eq!(idle, alive.load(Ordering::SeqCst));
}

fn spawn(pool: &Pool<Counted>, work: fn(&Pool<Counted>)) -> thread::JoinHandle<()> {
    let pool = pool.clone();
    thread::spawn(move || work(&pool))
}

fn use_once(pool: &Pool<Counted>) {
    drop(block_on(pool.checkout(None)).expect("a value"));
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

#[test]
fn interleavings_of_checkouts_and_returns() {
    shuttle::check_random(
        || {
            let (pool, alive) = pool(1);
            let others = [spawn(&pool, use_once), spawn(&pool, use_once)];
            use_once(&pool);
            for other in others {
                other.join().unwrap();
            }
            settled(&pool, &alive);
            assert_eq!(alive.load(Ordering::SeqCst), 1);
        },
        SCHEDULES,
    );
}

#[test]
fn interleavings_of_leaving_and_handing_over() {
    shuttle::check_random(
        || {
            let (pool, alive) = pool(1);
            let others = [spawn(&pool, ask_and_leave), spawn(&pool, use_once)];
            use_once(&pool);
            for other in others {
                other.join().unwrap();
            }
            settled(&pool, &alive);
        },
        SCHEDULES,
    );
}

#[test]
fn interleavings_of_resizing() {
    shuttle::check_random(
        || {
            let (pool, alive) = pool(1);
            let others = [
                spawn(&pool, use_once),
                spawn(&pool, |pool| {
                    pool.resize(2);
                    pool.resize(1);
                }),
            ];
            use_once(&pool);
            for other in others {
                other.join().unwrap();
            }
            settled(&pool, &alive);
        },
        SCHEDULES,
    );
}

#[test]
fn interleavings_of_closing() {
    shuttle::check_random(
        || {
            let (pool, alive) = pool(1);
            let either = |pool: &Pool<Counted>| drop(block_on(pool.checkout(None)));
            let others = [
                spawn(&pool, either),
                spawn(&pool, either),
                spawn(&pool, Pool::close),
            ];
            for other in others {
                other.join().unwrap();
            }
            settled(&pool, &alive);
            assert_eq!(alive.load(Ordering::SeqCst), 0);
        },
        SCHEDULES,
    );
}

/// What is handed over is room for a value, and not one.
#[test]
fn interleavings_of_leaving_and_retiring() {
    shuttle::check_random(
        || {
            let (pool, alive) = pool(1);
            let retire = |pool: &Pool<Counted>| {
                block_on(pool.checkout(None)).expect("a value").retire();
            };
            let others = [spawn(&pool, ask_and_leave), spawn(&pool, retire)];
            retire(&pool);
            for other in others {
                other.join().unwrap();
            }
            settled(&pool, &alive);
        },
        SCHEDULES,
    );
}
