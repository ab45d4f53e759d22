//! What it costs to read a file of 1 MiB from a folder that was granted, beside
//! the engine's own WASI with nothing of ours around it.
//!
//! Method and numbers: `benches/README.md`.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot run has nothing else to say"
)]

#[path = "files/floor.rs"]
mod floor;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use floor::Floor;
use patinox::prelude::*;
use patinox::{Grant, LoadRequest};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

const MIB: usize = 1 << 20;

/// Reads a file to its end, and answers with how many bytes it has.
const FUNCTION: &str = "measure-file";

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("long"), vec![b'a'; MIB]).expect("a file");
    folder
}

fn reads(criterion: &mut Criterion) {
    let Some(path) = patinox_artifacts::fixture_reader() else {
        return;
    };
    let component = std::fs::read(path).expect("the guest");
    let (folder, runtime) = (folder(), runtime());
    let floor = Floor::new(&component, FUNCTION);
    let length = u64::try_from(MIB).expect("it fits");
    assert_eq!(runtime.block_on(floor.read(folder.path())), length);
    let host = Host::builder().build().expect("a host");
    let grant: Grant = format!("fs={}:ro@/data", folder.path().display())
        .parse()
        .expect("a grant");
    let request = LoadRequest::bytes(component).grant(grant);
    let reader = runtime.block_on(host.load(request)).expect("a component");
    let read = async || {
        let request = Request::new(FUNCTION, json!({ "path": "/data/long" }));
        host.call(&reader, request).await.result.expect("a length")
    };
    assert_eq!(runtime.block_on(read()), json!(length));

    let mut group = criterion.benchmark_group("files/read-1MiB");
    group.bench_function("floor", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(async || black_box(floor.read(folder.path()).await));
    });
    group.bench_function("host", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(async || black_box(read().await));
    });
    group.finish();
}

/// A call that was granted folders, and does without.
fn unused(criterion: &mut Criterion) {
    let component = std::fs::read(patinox_artifacts::prebuilt::text()).expect("a component");
    let (folder, runtime) = (folder(), runtime());
    let host = Host::builder().build().expect("a host");
    let mut group = criterion.benchmark_group("files/unused");
    let folders = format!("fs={}:rw@/data", folder.path().display());
    for (name, grants) in [
        ("without", vec![]),
        ("granted", vec![folders.as_str(), "fs=scratch@/tmp"]),
    ] {
        let grants = grants
            .into_iter()
            .map(|grant| grant.parse().expect("a grant"));
        let request = LoadRequest::bytes(component.clone());
        let request = grants.fold(request, LoadRequest::grant);
        let text = runtime.block_on(host.load(request)).expect("a component");
        let count = async || {
            let request = Request::new("count", json!({ "text": "to be or not to be" }));
            host.call(&text, request).await.result.expect("counts")
        };
        group.bench_function(name, |bencher| {
            bencher
                .to_async(&runtime)
                .iter(async || black_box(count().await));
        });
    }
    group.finish();
}

criterion_group!(benches, reads, unused);
criterion_main!(benches);
