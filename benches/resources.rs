//! What the parts of `resources` cost, beside the plain way.
//!
//! Method and numbers: `benches/README.md`.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot run has nothing else to say"
)]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use patinox_resources::{Detector, Sampler, Shared};

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

criterion_group!(benches, detect, shared);
criterion_main!(benches);
