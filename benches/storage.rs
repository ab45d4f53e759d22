//! What it costs to keep something and to read it, on a connection that is leased and
//! on one that is opened for it; and what a call pays for a storage that it does not
//! use.
//!
//! Method and numbers: `benches/README.md`.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot run has nothing else to say"
)]

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use patinox::prelude::*;
use patinox::{LoadRequest, Stage};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn host(folder: &Path) -> Host {
    let storage = folder.join("storage");
    let host = Host::builder().storage(storage).build();
    host.expect("a host")
}

/// One value of 1 KiB.
fn operations(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let (host, runtime) = (host(folder.path()), runtime());
    let storage = host.storage().expect("a storage");
    let value = vec![7_u8; 1 << 10];
    let set = async || {
        let entry = vec![("key".to_owned(), value.clone())];
        storage.set("bench", entry, u64::MAX).await.expect("kept");
    };
    let get = async || {
        let got = storage.get("bench", vec!["key".to_owned()], u64::MAX).await;
        black_box(got.expect("a value"))
    };
    runtime.block_on(set());
    assert_eq!(runtime.block_on(get()), [Some(value.clone())]);
    // What is idle is closed, so that the next one opens it.
    let close = async || host.reclaim(Stage::EvictIdle).await.expect("it ends");
    let mut group = criterion.benchmark_group("storage");
    group.bench_function("get/leased", |bencher| {
        bencher.to_async(&runtime).iter(get);
    });
    group.bench_function("get/opened", |bencher| {
        bencher.to_async(&runtime).iter(async || {
            close().await;
            get().await
        });
    });
    group.bench_function("set/leased", |bencher| {
        bencher.to_async(&runtime).iter(set);
    });
    group.bench_function("set/opened", |bencher| {
        bencher.to_async(&runtime).iter(async || {
            close().await;
            set().await;
        });
    });
    group.finish();
}

/// A component that answers with a number, of a module that runs and one with a memory;
/// the second is linked to the storage beside that.
const WITHOUT: &str = r#"(component
  (core module $memory
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024))
  (core instance $memory (instantiate $memory))
  (core module $m (func (export "run") (result i32) i32.const 7))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))"#;
const LINKED: &str = r#"(component
  (import "wasi:keyvalue/store@0.2.0-draft" (instance $store
    (export "bucket" (type $bucket (sub resource)))
    (type $cases (variant (case "no-such-store") (case "access-denied") (case "other" string)))
    (export "error" (type $error (eq $cases)))
    (export "open" (func (param "identifier" string)
      (result (result (own $bucket) (error $error)))))))
  (core module $memory
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024))
  (core instance $memory (instantiate $memory))
  (core func $open (canon lower (func $store "open")
    (memory $memory "memory") (realloc (func $memory "realloc"))))
  (core module $m
    (import "store" "open" (func (param i32 i32 i32)))
    (func (export "run") (result i32) i32.const 7))
  (core instance $i (instantiate $m
    (with "store" (instance (export "open" (func $open))))))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))"#;

fn unused(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let (host, runtime) = (host(folder.path()), runtime());
    let mut group = criterion.benchmark_group("storage/unused");
    for (name, text, grant) in [
        ("without", WITHOUT, None),
        ("linked", LINKED, Some("kv=notes:rw")),
    ] {
        let component = wat::parse_str(text).expect("a component");
        let grant = grant.map(|grant| grant.parse().expect("a grant"));
        let request = LoadRequest::bytes(component);
        let request = grant.into_iter().fold(request, LoadRequest::grant);
        let component = runtime.block_on(host.load(request)).expect("a component");
        let run = async || {
            let request = Request::new("run", json!({}));
            host.call(&component, request).await.result.expect("7")
        };
        assert_eq!(runtime.block_on(run()), json!(7));
        group.bench_function(name, |bencher| {
            bencher
                .to_async(&runtime)
                .iter(async || black_box(run().await));
        });
    }
    group.finish();
}

criterion_group!(benches, operations, unused);
criterion_main!(benches);
