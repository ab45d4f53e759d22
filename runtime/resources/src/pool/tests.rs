#![cfg(not(feature = "shuttle"))]

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::Semaphore;

use super::*;

/// Numbers, from 0 on, which count how many of them are alive.
#[derive(Clone, Default)]
struct Numbers(Arc<Shared>);

#[derive(Default)]
struct Shared {
    next: AtomicUsize,
    alive: AtomicUsize,
    fails: AtomicBool,
    panics: AtomicBool,
    /// Makes and checks wait for a permit of this, if there is one.
    hold: StdMutex<Option<Arc<Semaphore>>>,
    unfit: StdMutex<Vec<usize>>,
}

struct Number {
    number: usize,
    of: Numbers,
}

impl Drop for Number {
    fn drop(&mut self) {
        self.of.0.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Numbers {
    fn alive(&self) -> usize {
        self.0.alive.load(Ordering::SeqCst)
    }

    /// From now on makes and checks wait.
    fn hold(&self) -> Arc<Semaphore> {
        let hold = Arc::new(Semaphore::new(0));
        *self.0.hold.lock().unwrap() = Some(Arc::clone(&hold));
        hold
    }

    async fn wait(&self) {
        let hold = self.0.hold.lock().unwrap().clone();
        if let Some(hold) = hold {
            hold.acquire().await.unwrap().forget();
        }
    }

    fn unfit(&self, number: usize) {
        self.0.unfit.lock().unwrap().push(number);
    }
}

impl Maker for Numbers {
    type Value = Number;
    type Error = &'static str;

    async fn make(&self) -> Result<Number, &'static str> {
        self.wait().await;
        assert!(!self.0.panics.load(Ordering::SeqCst), "out of order");
        if self.0.fails.load(Ordering::SeqCst) {
            return Err("no more numbers");
        }
        self.0.alive.fetch_add(1, Ordering::SeqCst);
        Ok(Number {
            number: self.0.next.fetch_add(1, Ordering::SeqCst),
            of: self.clone(),
        })
    }

    async fn check(&self, value: &mut Number) -> bool {
        self.wait().await;
        assert!(!self.0.panics.load(Ordering::SeqCst), "out of order");
        !self.0.unfit.lock().unwrap().contains(&value.number)
    }
}

fn pool(config: PoolConfig) -> (Pool<Numbers>, Numbers) {
    let numbers = Numbers::default();
    (Pool::new(config, numbers.clone()), numbers)
}

/// Idle, leased, making, waiting.
fn counts(pool: &Pool<Numbers>) -> [usize; 4] {
    let PoolCounts {
        size: _,
        idle,
        leased,
        making,
        waiting,
    } = pool.counts();
    [idle, leased, making, waiting]
}

type Checkout<'p> =
    Pin<Box<dyn Future<Output = Result<Lease<Numbers>, PoolError<&'static str>>> + 'p>>;

/// Asks for a value without a deadline, and polls that once.
fn ask(pool: &Pool<Numbers>) -> Checkout<'_> {
    let mut checkout: Checkout<'_> = Box::pin(pool.checkout(None));
    assert!(poll(&mut checkout).is_pending(), "nobody has to wait");
    checkout
}

fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

/// What must be there at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    match poll(&mut Box::pin(future)) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("it waits"),
    }
}

fn take(pool: &Pool<Numbers>) -> Lease<Numbers> {
    now(pool.checkout(None)).unwrap()
}

fn number(polled: Poll<Result<Lease<Numbers>, PoolError<&'static str>>>) -> usize {
    match polled {
        Poll::Ready(Ok(lease)) => lease.number,
        Poll::Ready(Err(error)) => panic!("{error}"),
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn values_are_used_again_and_are_never_more_than_the_size() {
    let (pool, numbers) = pool(PoolConfig::of(2));
    let (one, two) = (take(&pool), take(&pool));
    assert_eq!((one.number, two.number, two.uses()), (0, 1, 1));
    let waits = ask(&pool);
    assert_eq!(counts(&pool), [0, 2, 0, 1]);
    drop(waits);
    assert_eq!(counts(&pool), [0, 2, 0, 0]);
    drop(one);
    let again = take(&pool);
    assert_eq!((again.number, again.uses(), numbers.alive()), (0, 2, 2));
    let PoolTotals {
        made,
        reused,
        waited,
        ..
    } = pool.totals();
    assert_eq!((made, reused, waited), (2, 1, 1));
}

#[test]
fn those_who_wait_have_their_turn_in_order_and_nobody_overtakes() {
    let (pool, _) = pool(PoolConfig::of(1));
    let held = take(&pool);
    let (mut first, mut second) = (ask(&pool), ask(&pool));
    drop(held);
    // It is the first one's, before he knows it.
    let mut third = ask(&pool);
    assert!(poll(&mut second).is_pending());
    let held = poll(&mut first);
    assert!(poll(&mut third).is_pending());
    drop(held);
    assert!(poll(&mut third).is_pending());
    assert_eq!(number(poll(&mut second)), 0);
    assert_eq!(number(poll(&mut third)), 0);
    assert_eq!(counts(&pool), [1, 0, 0, 0]);
}

#[test]
fn who_leaves_gives_his_turn_to_the_next() {
    let (pool, _) = pool(PoolConfig::of(1));
    let held = take(&pool);
    let (first, second, mut third) = (ask(&pool), ask(&pool), ask(&pool));
    drop(first);
    drop(held);
    // It was handed to him, and he never looked.
    drop(second);
    assert_eq!(number(poll(&mut third)), 0);
    assert_eq!(counts(&pool), [1, 0, 0, 0]);
}

#[test]
fn a_full_queue_turns_away_at_once() {
    let (pool, _) = pool(PoolConfig {
        queue: 1,
        ..PoolConfig::of(1)
    });
    let _held = take(&pool);
    let _waits = ask(&pool);
    let busy = now(pool.checkout(None)).err().unwrap();
    assert_eq!(busy, PoolError::Busy { size: 1, queue: 1 });
    let text = "the pool is busy: all 1 values are out, and 1 wait already";
    assert_eq!(busy.to_string(), text);
    assert_eq!(pool.totals().busy, 1);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_wait_and_what_is_there_needs_none() {
    let (pool, numbers) = pool(PoolConfig::of(1));
    let soon = || Some(Instant::now() + Duration::from_secs(1));
    let held = pool.checkout(soon()).await.unwrap();
    let started = Instant::now();
    let late = pool.checkout(soon()).await.err();
    assert_eq!(late, Some(PoolError::Late));
    assert_eq!(started.elapsed(), Duration::from_secs(1));
    assert_eq!(counts(&pool), [0, 1, 0, 0]);
    drop(held);
    let past = Some(Instant::now() - Duration::from_secs(1));
    drop(pool.checkout(past).await.unwrap());
    // A check that takes too long, and then a make.
    let hold = numbers.hold();
    assert_eq!(pool.checkout(soon()).await.err(), Some(PoolError::Late));
    assert_eq!((numbers.alive(), counts(&pool)), (0, [0; 4]));
    assert_eq!(pool.checkout(soon()).await.err(), Some(PoolError::Late));
    assert_eq!(counts(&pool), [0; 4]);
    hold.add_permits(1);
    assert_eq!(pool.checkout(soon()).await.unwrap().number, 1);
    assert_eq!(pool.totals().late, 3);
}

#[test]
fn a_make_that_fails_leaves_its_place_to_the_next() {
    let (pool, numbers) = pool(PoolConfig::of(1));
    let hold = numbers.hold();
    let (mut first, mut second) = (ask(&pool), ask(&pool));
    assert_eq!(counts(&pool), [0, 0, 1, 1]);
    numbers.0.fails.store(true, Ordering::SeqCst);
    hold.add_permits(1);
    let Poll::Ready(Err(error)) = poll(&mut first) else {
        panic!("it cannot be made");
    };
    assert_eq!(error, PoolError::Make("no more numbers"));
    numbers.0.fails.store(false, Ordering::SeqCst);
    assert!(poll(&mut second).is_pending());
    assert_eq!(counts(&pool), [0, 0, 1, 0]);
    hold.add_permits(1);
    assert_eq!(number(poll(&mut second)), 0);
    assert_eq!(pool.totals().failed, 1);
}

#[test]
fn panics_lose_no_place() {
    let (pool, numbers) = pool(PoolConfig::of(1));
    let panicked = |pool: &Pool<Numbers>| {
        let taken = catch_unwind(AssertUnwindSafe(|| now(pool.checkout(None)).is_ok()));
        assert!(taken.is_err());
    };
    numbers.0.panics.store(true, Ordering::SeqCst);
    panicked(&pool);
    assert_eq!(counts(&pool), [0; 4]);
    numbers.0.panics.store(false, Ordering::SeqCst);
    drop(take(&pool));
    // In a check: the value is gone with it.
    numbers.0.panics.store(true, Ordering::SeqCst);
    panicked(&pool);
    assert_eq!((counts(&pool), numbers.alive()), ([0; 4], 0));
    // While it is held: so is that one.
    numbers.0.panics.store(false, Ordering::SeqCst);
    let held = catch_unwind(AssertUnwindSafe(|| {
        let _held = take(&pool);
        panic!("half way");
    }));
    assert!(held.is_err());
    assert_eq!((counts(&pool), numbers.alive()), ([0; 4], 0));
}

#[test]
fn what_is_made_or_checked_for_nobody_is_dropped() {
    let (pool, numbers) = pool(PoolConfig::of(1));
    drop(take(&pool));
    let hold = numbers.hold();
    let checked = ask(&pool);
    assert_eq!((counts(&pool), numbers.alive()), ([0, 1, 0, 0], 1));
    drop(checked);
    assert_eq!((counts(&pool), numbers.alive()), ([0; 4], 0));
    drop(ask(&pool));
    assert_eq!(counts(&pool), [0; 4]);
    hold.add_permits(1);
    assert_eq!(take(&pool).number, 1);
}

#[test]
fn what_is_unfit_goes_and_the_next_one_is_tried() {
    let (pool, numbers) = pool(PoolConfig::of(3));
    drop([take(&pool), take(&pool), take(&pool)]);
    numbers.unfit(2);
    numbers.unfit(1);
    assert_eq!(take(&pool).number, 0);
    numbers.unfit(0);
    assert_eq!(take(&pool).number, 3);
    let PoolTotals { unfit, retired, .. } = pool.totals();
    assert_eq!((unfit, retired, numbers.alive()), (3, 3, 1));
}

#[test]
fn only_what_is_idle_and_good_is_taken_where_that_is_asked_for() {
    let (pool, numbers) = pool(PoolConfig::of(3));
    let idle = || now(pool.checkout_idle()).map(|lease| lease.number);
    assert_eq!((idle(), numbers.alive()), (None, 0));
    drop([take(&pool), take(&pool)]);
    assert_eq!(idle(), Some(1));
    numbers.unfit(1);
    assert_eq!(idle(), Some(0));
    numbers.unfit(0);
    assert_eq!((idle(), numbers.alive()), (None, 0));
    assert_eq!(counts(&pool), [0; 4]);
}

#[test]
fn each_strategy_uses_its_own() {
    let order = |reuse| {
        let (pool, _) = pool(PoolConfig {
            reuse,
            ..PoolConfig::of(3)
        });
        let mut all: VecDeque<_> = (0..3).map(|_| take(&pool)).collect();
        // They come back as 1, 0, 2.
        drop(all.remove(1));
        drop(all);
        let mut order = String::new();
        for _ in 0..4 {
            order += &take(&pool).number.to_string();
        }
        let two = [take(&pool), take(&pool)];
        order + &format!(" {}{}", two[0].number, two[1].number)
    };
    assert_eq!(order(Reuse::MostRecentlyUsed), "2222 20");
    assert_eq!(order(Reuse::LeastRecentlyUsed), "1021 02");
    assert_eq!(order(Reuse::RoundRobin), "0120 12");
}

#[tokio::test(start_paused = true)]
async fn a_life_ends_by_age_idleness_and_uses() {
    let second = Duration::from_secs(1);
    let lives = |config: PoolConfig| pool(config).0;
    let old = lives(PoolConfig {
        max_age: Some(3 * second),
        ..PoolConfig::of(1)
    });
    for expected in [0, 0, 1] {
        assert_eq!(take(&old).number, expected);
        tokio::time::advance(second + second / 2).await;
    }
    // Out, it goes when it comes back.
    let held = take(&old);
    tokio::time::advance(3 * second).await;
    drop(held);
    assert_eq!(counts(&old), [0; 4]);
    let idle = lives(PoolConfig {
        max_idle: Some(2 * second),
        ..PoolConfig::of(2)
    });
    drop(take(&idle));
    tokio::time::advance(second).await;
    assert_eq!((idle.evict(), take(&idle).number), (0, 0));
    tokio::time::advance(second).await;
    drop([take(&idle), take(&idle)]);
    tokio::time::advance(2 * second).await;
    assert_eq!((idle.evict(), counts(&idle)), (2, [0; 4]));
    let used = lives(PoolConfig {
        max_uses: NonZeroU32::new(2),
        ..PoolConfig::of(1)
    });
    let numbers: Vec<_> = (0..5).map(|_| take(&used).number).collect();
    assert_eq!(numbers, [0, 0, 1, 1, 2]);
}

#[test]
fn what_is_made_ahead_is_not_used_yet() {
    let (pool, numbers) = pool(PoolConfig {
        ready: 2,
        max_uses: NonZeroU32::new(1),
        ..PoolConfig::of(3)
    });
    assert_eq!(now(pool.warm()), Ok(2));
    assert_eq!(now(pool.warm()), Ok(0));
    assert_eq!(counts(&pool), [2, 0, 0, 0]);
    let one = take(&pool);
    assert_eq!((one.uses(), pool.totals().reused), (1, 0));
    // There is room for one that is ready, and not for two.
    let two = take(&pool);
    assert_eq!(now(pool.warm()), Ok(1));
    assert_eq!(counts(&pool), [1, 2, 0, 0]);
    drop((one, two));
    assert_eq!((counts(&pool), numbers.alive()), ([1, 0, 0, 0], 1));
    numbers.0.fails.store(true, Ordering::SeqCst);
    assert_eq!(now(pool.warm()), Err("no more numbers"));
    assert_eq!(counts(&pool), [1, 0, 0, 0]);
}

#[test]
fn a_pool_grows_and_shrinks_while_it_is_used() {
    let (pool, numbers) = pool(PoolConfig::of(1));
    let held = take(&pool);
    let (mut one, mut two, mut three) = (ask(&pool), ask(&pool), ask(&pool));
    assert_eq!(pool.resize(3), 0);
    assert_eq!(counts(&pool), [0, 1, 2, 1]);
    let one = poll(&mut one);
    let two = poll(&mut two);
    assert!(poll(&mut three).is_pending());
    assert_eq!(pool.resize(1), 0);
    // Two have to go before anybody gets one.
    drop(held);
    drop(one);
    assert!(poll(&mut three).is_pending());
    assert_eq!(numbers.alive(), 1);
    assert_eq!(number(two), 2);
    assert_eq!(number(poll(&mut three)), 2);
    pool.resize(3);
    drop([take(&pool), take(&pool), take(&pool)]);
    assert_eq!((pool.resize(1), counts(&pool)), (2, [1, 0, 0, 0]));
    assert_eq!((pool.resize(0), numbers.alive()), (1, 0));
    let mut none = ask(&pool);
    pool.resize(1);
    assert_eq!(number(poll(&mut none)), 5);
}

#[test]
fn a_closed_pool_gives_nothing_out_and_takes_everything_back() {
    let (pool, numbers) = pool(PoolConfig::of(2));
    drop(take(&pool));
    let (one, two) = (take(&pool), take(&pool));
    let mut waits = ask(&pool);
    drop(one);
    // Handed to him already: it is his, though the pool is closed by then.
    let mut later = ask(&pool);
    pool.close();
    assert_eq!(number(poll(&mut waits)), 0);
    let closed = |polled| matches!(polled, Poll::Ready(Err(PoolError::Closed)));
    assert!(closed(poll(&mut later)));
    assert!(matches!(now(pool.checkout(None)), Err(PoolError::Closed)));
    assert_eq!(now(pool.warm()), Ok(0));
    drop(two);
    assert_eq!((counts(&pool), numbers.alive()), ([0; 4], 0));
}

#[test]
fn a_lease_can_be_retired_and_taken_out() {
    let (pool, numbers) = pool(PoolConfig::of(1));
    take(&pool).retire();
    assert_eq!(numbers.alive(), 0);
    let value = take(&pool).into_inner();
    assert_eq!((value.number, numbers.alive()), (1, 1));
    // It is no longer counted: there is room for another.
    assert_eq!(take(&pool).number, 2);
    let held = take(&pool);
    let mut waits = ask(&pool);
    held.retire();
    assert_eq!(number(poll(&mut waits)), 3);
}

/// A value whose destructor panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("boom");
    }
}

struct Bombs;

impl Maker for Bombs {
    type Value = Bomb;
    type Error = ();

    async fn make(&self) -> Result<Bomb, ()> {
        Ok(Bomb)
    }
}

#[test]
fn a_destructor_that_panics_leaves_its_place() {
    let pool = Pool::new(PoolConfig::of(1), Bombs);
    for _ in 0..3 {
        let lease = now(pool.checkout(None)).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| lease.retire())).is_err());
    }
    assert_eq!(pool.counts().leased + pool.counts().making, 0);
}

/// What can be done to a pool.
#[derive(Clone, Copy, Debug)]
enum Step {
    Ask,
    /// Drops whatever stands at this place among the futures and leases.
    Leave(usize),
    Return(usize),
    Retire(usize),
    Poll(usize),
    Resize(usize),
    Evict,
    Warm,
    Fail(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Ask),
        1 => any::<usize>().prop_map(Step::Leave),
        3 => any::<usize>().prop_map(Step::Return),
        1 => any::<usize>().prop_map(Step::Retire),
        3 => any::<usize>().prop_map(Step::Poll),
        1 => (0_usize..5).prop_map(Step::Resize),
        1 => Just(Step::Evict),
        1 => Just(Step::Warm),
        1 => any::<bool>().prop_map(Step::Fail),
    ]
}

proptest! {
    /// Whatever is done to it: never more values than the size allows, but for
    /// those that were out when it shrank; what is counted is what there is; those
    /// who wait get theirs in order; and in the end nothing is out.
    #[test]
    fn nothing_is_lost(
        steps in prop::collection::vec(step(), 0..60),
        size in 0_usize..4,
        reuse in prop::sample::select(vec![
            Reuse::MostRecentlyUsed, Reuse::LeastRecentlyUsed, Reuse::RoundRobin,
        ]),
    ) {
        let (pool, numbers) = pool(PoolConfig { reuse, ready: 1, queue: 8, ..PoolConfig::of(size) });
        let (mut waiting, mut leases) = (Vec::new(), Vec::new());
        let mut most = size;
        for step in steps {
            match step {
                Step::Ask => {
                    let mut checkout: Checkout<'_> = Box::pin(pool.checkout(None));
                    match poll(&mut checkout) {
                        Poll::Ready(Ok(lease)) => leases.push(lease),
                        Poll::Ready(Err(PoolError::Busy { .. })) => {
                            prop_assert!(8 <= pool.counts().waiting);
                        }
                        Poll::Ready(Err(_)) => {}
                        Poll::Pending => waiting.push(checkout),
                    }
                }
                Step::Leave(at) if !waiting.is_empty() => drop(waiting.remove(at % waiting.len())),
                Step::Return(at) if !leases.is_empty() => drop(leases.remove(at % leases.len())),
                Step::Retire(at) if !leases.is_empty() => leases.remove(at % leases.len()).retire(),
                Step::Poll(at) if !waiting.is_empty() => {
                    let at = at % waiting.len();
                    if let Poll::Ready(done) = poll(&mut waiting[at]) {
                        drop(waiting.remove(at));
                        leases.extend(done.ok());
                    }
                }
                Step::Resize(to) => {
                    pool.resize(to);
                    most = most.max(to);
                }
                Step::Evict => { pool.evict(); }
                Step::Warm => { let _ = now(pool.warm()); }
                Step::Fail(fails) => numbers.0.fails.store(fails, Ordering::SeqCst),
                _ => {}
            }
            let [idle, leased, making, queued] = counts(&pool);
            prop_assert_eq!(idle + leased, numbers.alive());
            prop_assert!(idle + leased + making <= most);
            prop_assert!(leases.len() <= leased);
            // Whoever waits does so for a reason.
            prop_assert!(queued == 0 || (idle == 0 && pool.counts().size <= leased + making));
        }
        drop((waiting, leases));
        let [idle, leased, making, queued] = counts(&pool);
        prop_assert_eq!([leased, making, queued], [0; 3]);
        prop_assert_eq!(idle, numbers.alive());
        prop_assert!(idle <= pool.counts().size);
        pool.drain();
        prop_assert_eq!(numbers.alive(), 0);
    }

    /// Those who wait are served in the order in which they came, whoever leaves.
    #[test]
    fn turns_are_in_order(leave in prop::collection::vec(any::<bool>(), 1..20)) {
        let (pool, _) = pool(PoolConfig::of(1));
        let mut held = Some(take(&pool));
        let mut queue: Vec<_> = leave.iter().map(|_| Some(ask(&pool))).collect();
        for (waits, leaves) in queue.iter_mut().zip(&leave) {
            if *leaves {
                *waits = None;
            }
        }
        for at in 0..queue.len() {
            if leave[at] {
                continue;
            }
            drop(held.take());
            for later in queue.iter_mut().skip(at + 1).flatten() {
                prop_assert!(poll(later).is_pending());
            }
            let Some(mut mine) = queue[at].take() else { unreachable!() };
            let Poll::Ready(Ok(lease)) = poll(&mut mine) else {
                panic!("it is his turn");
            };
            held = Some(lease);
        }
    }
}
