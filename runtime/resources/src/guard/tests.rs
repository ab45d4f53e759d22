use super::*;
use crate::{Kind, Owner, Registry, State};

use std::future::pending;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use tokio::runtime::{self, Runtime};
use tokio::sync::{Barrier, oneshot};
use tokio::time::{Instant, sleep, timeout};

mod ends;
mod fails;
mod order;

const LONG: Duration = Duration::from_secs(20);

/// How often clean-ups began and ended.
#[derive(Clone, Default)]
struct Seen(Arc<[AtomicUsize; 2]>);

impl Seen {
    fn begin(&self) {
        self.0[0].fetch_add(1, Ordering::SeqCst);
    }

    fn end(&self) {
        self.0[1].fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self) -> [usize; 2] {
        [0, 1].map(|index| self.0[index].load(Ordering::SeqCst))
    }
}

/// Counts, and lets others have a turn in between.
fn counted(registry: &Registry, seen: &Seen) -> AsyncGuard<Seen> {
    let entry = registry.register(Kind::Task, Owner::new("test"), 1);
    AsyncGuard::new(entry, seen.clone(), async |seen: Seen| {
        seen.begin();
        tokio::task::yield_now().await;
        seen.end();
        Ok(())
    })
}

fn hanging(registry: &Registry) -> AsyncGuard<()> {
    let entry = registry.register(Kind::Process, Owner::new("test"), 1);
    AsyncGuard::new(entry, (), async |()| pending().await)
}

fn one_at_once() -> CleanerConfig {
    CleanerConfig {
        at_once: NonZeroUsize::MIN,
    }
}

/// Waits without a runtime of the test's own.
fn settle(registry: &Registry) {
    current().block_on(async { timeout(LONG, registry.settled()).await.unwrap() });
}

fn current() -> Runtime {
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn check_clean(registry: &Registry) {
    assert_eq!(registry.cleanups_pending(), 0);
    assert_eq!(registry.counts().total().entries, 0);
    assert_eq!(registry.failure_counts().total(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_guard_is_cleaned_up_once_by_the_cleaner() {
    let registry = Registry::new();
    let cleaner = Cleaner::start(&registry, CleanerConfig::default()).unwrap();
    let seen = Seen::default();
    drop(counted(&registry, &seen));
    assert_eq!(seen.get(), [0, 0], "a drop does not wait");
    assert_eq!(registry.entries()[0].state, State::Waiting);
    assert_eq!(registry.cleanups_pending(), 1);
    registry.settled().await;
    assert_eq!(seen.get(), [1, 1]);
    check_clean(&registry);
    assert!(cleaner.shutdown(LONG).await.is_empty());
    assert_eq!(seen.get(), [1, 1]);
}

#[test]
fn a_guard_is_cleaned_up_where_there_is_no_runtime() {
    let registry = Registry::new();
    let seen = Seen::default();
    for _ in 0..100 {
        drop(counted(&registry, &seen));
    }
    settle(&registry);
    assert_eq!(seen.get(), [100, 100]);
    check_clean(&registry);
}

#[test]
fn a_guard_dropped_elsewhere_goes_to_the_cleaner() {
    let registry = Registry::new();
    let runtime = current();
    let _cleaner = runtime
        .block_on(async { Cleaner::start(&registry, CleanerConfig::default()) })
        .unwrap();
    let entry = registry.register(Kind::Lease, Owner::NONE, 0);
    let (tell, told) = oneshot::channel();
    let guard = AsyncGuard::new(entry, (), async |()| {
        tell.send(thread::current().id())
            .map_err(|_| "nobody".into())
    });
    thread::spawn(move || drop(guard)).join().unwrap();
    assert_eq!(runtime.block_on(told).unwrap(), thread::current().id());
}

#[tokio::test(start_paused = true)]
async fn a_guard_is_cleaned_up_when_a_panic_unwinds() {
    let registry = Registry::new();
    let _cleaner = Cleaner::start(&registry, CleanerConfig::default()).unwrap();
    let seen = Seen::default();
    let guard = counted(&registry, &seen);
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _guard = guard;
        panic!("on purpose");
    }));
    assert!(unwound.is_err());
    registry.settled().await;
    assert_eq!(seen.get(), [1, 1]);
    check_clean(&registry);
}

#[test]
fn what_a_dying_runtime_leaves_is_cleaned_up_to_its_end() {
    let registry = Registry::new();
    let seen = Seen::default();
    let (go, gone) = oneshot::channel::<()>();
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let began = seen.clone();
    runtime.block_on(async {
        let _kept = tokio::spawn(hold(counted(&registry, &seen)));
        // Of two, one has begun and the other waits.
        let cleaner = Cleaner::start(&registry, one_at_once()).unwrap();
        let entry = registry.register(Kind::Task, Owner::NONE, 1);
        let (begun, has_begun) = oneshot::channel();
        drop(AsyncGuard::new(entry, began, async |seen: Seen| {
            seen.begin();
            begun.send(()).unwrap();
            gone.await.unwrap();
            seen.end();
            Ok(())
        }));
        has_begun.await.unwrap();
        drop(counted(&registry, &seen));
        tokio::spawn(hold(cleaner));
    });
    drop(runtime);
    assert_eq!(
        registry.counts().total().entries,
        registry.cleanups_pending()
    );
    go.send(()).unwrap();
    settle(&registry);
    assert_eq!(seen.get(), [3, 3]);
    check_clean(&registry);
}

async fn hold<T>(_held: T) {
    pending::<()>().await;
}

#[tokio::test(start_paused = true)]
async fn a_value_taken_out_is_not_cleaned_up() {
    let registry = Registry::new();
    let _cleaner = Cleaner::start(&registry, CleanerConfig::default()).unwrap();
    let seen = Seen::default();
    let value = counted(&registry, &seen).into_inner();
    registry.settled().await;
    assert_eq!(value.get(), [0, 0]);
    check_clean(&registry);
}

#[test]
fn a_guard_lends_its_value_also_to_other_threads() {
    fn is_shared<T: Send + Sync>(_: &T) {}
    let registry = Registry::new();
    let entry = registry.register(Kind::Folder, Owner::new("me"), 0);
    let mut guard = AsyncGuard::new(entry, vec![1], async |_| Ok(()))
        .with_priority(Priority::Last)
        .with_limit(LONG);
    is_shared(&guard);
    guard.push(2);
    guard.registered().set_size_bytes(2);
    assert_eq!(*guard, [1, 2]);
    assert_eq!(registry.of(Kind::Folder)[0].size_bytes, 2);
    assert!(format!("{guard:?}").contains("value: [1, 2]"));
    assert_eq!(guard.into_inner(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn clean_waits_for_the_end() {
    let registry = Registry::new();
    let seen = Seen::default();
    counted(&registry, &seen).clean().await.unwrap();
    assert_eq!(seen.get(), [1, 1]);
    check_clean(&registry);
}

#[test]
fn clean_works_where_there_are_no_timers() {
    let registry = Registry::new();
    let seen = Seen::default();
    let bare = runtime::Builder::new_current_thread().build().unwrap();
    bare.block_on(counted(&registry, &seen).clean()).unwrap();
    assert_eq!(seen.get(), [1, 1]);

    let mut clean = Box::pin(counted(&registry, &seen).clean());
    let (wake, woken) = mpsc::channel();
    let waker = std::task::Waker::from(Arc::new(Wakes(wake)));
    let mut cx = std::task::Context::from_waker(&waker);
    while clean.as_mut().poll(&mut cx).is_pending() {
        woken.recv_timeout(LONG).unwrap();
    }
    assert_eq!(seen.get(), [2, 2]);
    settle(&registry);
    check_clean(&registry);
}

struct Wakes(mpsc::Sender<()>);

impl std::task::Wake for Wakes {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

#[tokio::test(start_paused = true)]
async fn a_clean_that_is_dropped_goes_on_elsewhere() {
    let registry = Registry::new();
    let _cleaner = Cleaner::start(&registry, CleanerConfig::default()).unwrap();
    let seen = Seen::default();
    // Not even begun.
    drop(counted(&registry, &seen).clean());
    registry.settled().await;
    assert_eq!(seen.get(), [1, 1]);
    // Half-done: it yields once.
    assert!(
        timeout(Duration::ZERO, counted(&registry, &seen).clean())
            .await
            .is_err()
    );
    assert_eq!(seen.get(), [2, 1]);
    registry.settled().await;
    assert_eq!(seen.get(), [2, 2]);
    check_clean(&registry);
}

#[tokio::test(start_paused = true)]
async fn the_limit_goes_on_where_a_clean_is_dropped() {
    let registry = Registry::new();
    let _cleaner = Cleaner::start(&registry, CleanerConfig::default()).unwrap();
    let begun = Instant::now();
    let clean = hanging(&registry)
        .with_limit(Duration::from_secs(3))
        .clean();
    assert!(timeout(Duration::from_secs(2), clean).await.is_err());
    registry.settled().await;
    assert_eq!(begun.elapsed().as_millis() / 10, 300);
    assert_eq!(registry.failures()[0].chain, ["it had not ended after 3s"]);
}

#[tokio::test(start_paused = true)]
async fn a_clean_up_may_wait_for_another() {
    let registry = Registry::new();
    let _cleaner = Cleaner::start(&registry, one_at_once()).unwrap();
    let seen = Seen::default();
    let inner = counted(&registry, &seen);
    let entry = registry.register(Kind::Task, Owner::NONE, 1);
    drop(AsyncGuard::new(
        entry,
        inner,
        async |inner: AsyncGuard<Seen>| Ok(inner.clean().await?),
    ));
    registry.settled().await;
    assert_eq!(seen.get(), [1, 1]);
    check_clean(&registry);
}

#[test]
fn thousands_from_many_threads_are_each_cleaned_up_once() {
    const THREADS: usize = 8;
    const EACH: usize = 1000;
    let registry = Registry::new();
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let cleaner = runtime
        .block_on(async { Cleaner::start(&registry, CleanerConfig::default()) })
        .unwrap();
    let seen = Seen::default();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (registry, seen, runtime) = (&registry, &seen, &runtime);
            scope.spawn(move || {
                for round in 0..EACH {
                    let guard = counted(registry, seen);
                    match (number + round) % 4 {
                        0 => drop(guard),
                        1 => drop(runtime.spawn(guard.clean())),
                        2 => runtime.spawn(guard.clean()).abort(),
                        _ => drop(guard.with_priority(Priority::First)),
                    }
                }
            });
        }
        // Half-way, the cleaner goes, and threads take over.
        runtime.block_on(async { drop(cleaner) });
    });
    settle(&registry);
    assert_eq!(seen.get(), [THREADS * EACH; 2]);
    check_clean(&registry);
}

#[test]
fn what_comes_and_goes_takes_up_no_more_than_what_is_there() {
    let registry = Registry::new();
    let runtime = current();
    runtime.block_on(async {
        let _cleaner = Cleaner::start(&registry, CleanerConfig::default()).unwrap();
        let owner = Owner::new("gone");
        let mut findings = 0;
        for round in 0..100_000 {
            let entry = registry.register(Kind::Lease, owner.clone(), round);
            let guard = AsyncGuard::new(entry, (), async |()| Ok(()));
            findings += crate::sweep(&registry.entries(), |_| Default::default(), |_| true).len();
            if round % 3 == 0 {
                guard.into_inner();
            } else {
                drop(guard);
            }
            registry.settled().await;
        }
        assert_eq!(findings, 100_000);
    });
    check_clean(&registry);
    assert!(registry.slots() <= 16, "{} slots", registry.slots());
}
