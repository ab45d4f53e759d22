//! What the parts of `resources` cost, beside the plain way.
//!
//! Method and numbers: `benches/README.md`.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot run has nothing else to say"
)]

use std::collections::HashMap;
use std::convert::Infallible;
use std::hint::black_box;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Instant;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use patinox_resources::{
    Detector, EvictIdle, Kind, Maker, Owner, Pool, PoolConfig, Reclaimer, Registered, Registry,
    Sampler, Shared, Stage, SweepLimits, sweep,
};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;

/// A look at the whole machine, beside one file of it.
fn detect(criterion: &mut Criterion) {
    let folders = [std::env::temp_dir(), "/".into()];
    let detector = Detector::new().with_folders(folders);
    let mut group = criterion.benchmark_group("resources/detect");
    group.bench_function("one-file", |bencher| {
        bencher.iter(|| black_box(detector.memory_resident_bytes()));
    });
    group.bench_function("all", |bencher| {
        bencher.iter(|| black_box(detector.detect()))
    });
    let mut sampler = Sampler::new(detector.clone());
    group.bench_function("all-and-busy", |bencher| {
        bencher.iter(|| black_box(sampler.sample(Instant::now())));
    });
    group.finish();
}

/// Reading a value that others may replace, beside a lock around it and an `Arc`
/// that nobody replaces; alone, and while another thread reads too.
fn shared(criterion: &mut Criterion) {
    let value: Vec<u64> = (0..100).collect();
    let plain = Arc::new(value.clone());
    let locked = RwLock::new(Arc::new(value.clone()));
    let shared = Shared::new(value);
    let look = |value: &[u64]| value.first().copied();
    for readers in ["alone", "beside-another"] {
        let is_over = AtomicBool::new(false);
        let read = || {
            while !is_over.load(Ordering::Relaxed) {
                black_box(shared.with(|value| look(value)));
                black_box(look(&locked.read().expect("no panic")));
            }
        };
        thread::scope(|scope| {
            if readers == "beside-another" {
                scope.spawn(read);
            }
            let mut group = criterion.benchmark_group(format!("resources/shared/{readers}"));
            group.bench_function("plain-arc", |bencher| {
                bencher.iter(|| black_box(look(&Arc::clone(&plain))));
            });
            group.bench_function("lock", |bencher| {
                bencher.iter(|| black_box(look(&locked.read().expect("no panic"))));
            });
            group.bench_function("with", |bencher| {
                bencher.iter(|| black_box(shared.with(|value| look(value))));
            });
            group.bench_function("load", |bencher| {
                bencher.iter(|| black_box(look(&shared.load())));
            });
            group.finish();
            is_over.store(true, Ordering::Relaxed);
        });
    }
}

/// Numbers, which cost nothing to make.
struct Numbers;

impl Maker for Numbers {
    type Value = u64;
    type Error = Infallible;

    async fn make(&self) -> Result<u64, Infallible> {
        Ok(7)
    }
}

/// A value taken and given back, beside a lock around a list of them; and how long
/// 64 tasks that want one of two wait at most.
fn pool(criterion: &mut Criterion) {
    let pool = Pool::new(PoolConfig::of(64), Numbers);
    let list = Mutex::new(vec![7_u64]);
    let mut group = criterion.benchmark_group("resources/pool");
    group.bench_function("lock-and-list", |bencher| {
        bencher.iter(|| {
            let value = list.lock().expect("no panic").pop();
            list.lock().expect("no panic").extend(black_box(value));
        });
    });
    group.bench_function("checkout", |bencher| {
        bencher.iter(|| {
            let checkout = pin!(pool.checkout(None));
            let lease = checkout.poll(&mut Context::from_waker(Waker::noop()));
            let Poll::Ready(Ok(lease)) = lease else {
                return;
            };
            black_box(*lease);
        });
    });
    group.finish();
    for values in [64, 8] {
        let pool = Pool::new(PoolConfig::of(values), Numbers);
        crowd(&format!("64-tasks-{values}"), values, move || {
            let pool = pool.clone();
            async move { pool.checkout(None).await.expect("a value") }
        });
        // Fair as well, and of nothing but permits.
        let permits = Arc::new(Semaphore::new(values));
        crowd(&format!("64-tasks-{values}/semaphore"), values, move || {
            let permits = Arc::clone(&permits);
            async move { permits.acquire_owned().await.expect("a permit") }
        });
    }
}

/// 64 tasks on two threads use so many values, 2 000 times each, and give way after
/// each; or while they hold it, where there are fewer than tasks, so that they
/// queue.
fn crowd<T, F>(name: &str, values: usize, take: impl Fn() -> F + Clone + Send + 'static)
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    const TASKS: usize = 64;
    let mut runtime = Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).build().expect("a runtime");
    let use_it = move || {
        let take = take.clone();
        async move {
            let mut took = Vec::new();
            for _ in 0..2_000 {
                let started = Instant::now();
                let value = black_box(take().await);
                let queue = (values < TASKS).then_some(value);
                took.push(started.elapsed());
                tokio::task::yield_now().await;
                drop(queue);
            }
            took
        }
    };
    let mut took = runtime.block_on(async {
        let tasks: Vec<_> = (0..TASKS).map(|_| tokio::spawn(use_it())).collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.expect("no panic"));
        }
        all
    });
    took.sort_unstable();
    let at = |part: usize| {
        took.get(took.len() * part / 1_000)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "resources/pool/{name}  p50 {:?}  p99 {:?}  p99.9 {:?}",
        at(500),
        at(990),
        at(999)
    );
}

/// An entry made and removed among 100 000 others, beside a map under a lock; and
/// all of them swept.
fn registry(criterion: &mut Criterion) {
    const HELD: u64 = 100_000;
    let registry = Registry::new();
    let owner = Owner::new("somebody");
    let held: Vec<_> = (0..HELD)
        .map(|_| registry.register(Kind::Instance, owner.clone(), 1))
        .collect();
    let map: Mutex<HashMap<u64, (Owner, Instant)>> = Mutex::default();
    let mut next = 0;
    while next < HELD {
        let entry = (owner.clone(), Instant::now());
        map.lock().expect("no panic").insert(next, entry);
        next += 1;
    }
    let mut group = criterion.benchmark_group("resources/registry");
    group.bench_function("map-and-lock", |bencher| {
        bencher.iter(|| {
            next += 1;
            let entry = (owner.clone(), Instant::now());
            map.lock().expect("no panic").insert(next, entry);
            black_box(map.lock().expect("no panic").remove(&next));
        });
    });
    group.bench_function("register-and-remove", |bencher| {
        bencher.iter(|| black_box(registry.register(Kind::Instance, owner.clone(), 1)));
    });
    group.bench_function("sweep-100000", |bencher| {
        let limits = SweepLimits::default();
        bencher.iter(|| black_box(sweep(&registry.entries(), |_| limits, |_| false)));
    });
    group.finish();
    drop(held);
}

/// A value that has an entry.
struct Registers(Registry);

impl Maker for Registers {
    type Value = Registered;
    type Error = Infallible;

    async fn make(&self) -> Result<Registered, Infallible> {
        Ok(self.0.register(Kind::Lease, Owner::NONE, 1))
    }
}

/// 1 000 idle values with an entry each let go of, beside a list of them dropped.
fn reclaim(criterion: &mut Criterion) {
    const IDLE: usize = 1_000;
    let registry = Registry::new();
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let config = PoolConfig {
        ready: IDLE,
        ..PoolConfig::of(IDLE)
    };
    let pool = Pool::new(config, Registers(registry.clone()));
    let source = EvictIdle::new("values", pool.clone(), &[]);
    let reclaimer = Reclaimer::new(vec![Box::new(source)], |_| {});
    let mut group = criterion.benchmark_group("resources/reclaim");
    group.bench_function("list-of-1000", |bencher| {
        let list = || {
            let entries = (0..IDLE).map(|_| registry.register(Kind::Lease, Owner::NONE, 1));
            entries.collect::<Vec<_>>()
        };
        bencher.iter_batched(list, drop, BatchSize::PerIteration);
    });
    group.bench_function("pool-of-1000", |bencher| {
        let fill = || {
            let made = runtime.block_on(pool.warm());
            assert_eq!(made, Ok(IDLE));
        };
        bencher.iter_batched(
            fill,
            |()| {
                let steps = reclaimer.run(Stage::EvictIdle);
                assert_eq!(steps.first().map(|step| step.freed.count), Some(1_000));
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, detect, shared, pool, registry, reclaim);
criterion_main!(benches);
