//! How long it takes until a component is ready.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use patinox::prelude::*;
use patinox::{Allocation, ArtifactStore, StoreConfig};

use crate::{Rounds, component, host, print, runtime};

/// From the bytes of a component to one that is ready, its code in the store;
/// a store of its own each time, as in a new process. An argument names a large
/// one beside the small.
pub(crate) fn store(rounds: Rounds, large: impl Iterator<Item = PathBuf>) {
    let text = patinox_artifacts::prebuilt::text().to_owned();
    for path in std::iter::once(text).chain(large) {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || {
            let config = StoreConfig::new(folder.path().join("store"), folder.path().join("key"));
            ArtifactStore::open(config).expect("a store")
        };
        let runtime = runtime(1);
        let ready = || {
            let started = Instant::now();
            let host = host(Config {
                allocation: Allocation::OnDemand { slots: None },
                compile_worker: Some(env!("CARGO_BIN_EXE_patinox").into()),
                store: Some(open()),
                ..Config::default()
            });
            let ready = black_box(component(&runtime, &host, &path));
            let took = started.elapsed();
            drop(ready);
            took
        };
        let compiled = ready();
        let times = (0..rounds.few).map(|_| ready()).collect();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        println!("store/{name}: compiled and kept in {compiled:.2?}");
        print(&format!("store/{name}"), times);
    }
}

/// From the bytes of a small component that nobody has seen to one that is ready,
/// by a worker that is started for it and by one that is there already.
pub(crate) fn compile(rounds: Rounds) {
    let runtime = runtime(2);
    for (name, ready_workers) in [("compile/started", 0), ("compile/ready", 1)] {
        let host = host(Config {
            allocation: Allocation::OnDemand { slots: None },
            compile_worker: Some(env!("CARGO_BIN_EXE_patinox").into()),
            ready_workers,
            ..Config::default()
        });
        let load = |number: usize| {
            let text = format!(
                r#"(component (core module $m (func (export "run")))
                    (core instance $i (instantiate $m))
                    (func (export "run-{name}{number}") (canon lift (core func $i "run"))))"#,
                name = if ready_workers == 0 { "a" } else { "b" },
            );
            let bytes = wat::parse_str(text).expect("the text is a component");
            // Somebody else comes a while later: what is started ahead is there.
            std::thread::park_timeout(Duration::from_millis(30));
            let started = Instant::now();
            let loaded = runtime.block_on(host.load(bytes));
            black_box(loaded.expect("a component"));
            started.elapsed()
        };
        load(0);
        print(name, (1..=rounds.few).map(load).collect());
    }
}
