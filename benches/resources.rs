//! What the parts of `resources` cost, beside the plain way.
//!
//! Method and numbers: `benches/README.md`.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use patinox_resources::{Detector, Sampler};

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

criterion_group!(benches, detect);
criterion_main!(benches);
