//! Who holds what, as a host writes it down.

use std::time::Duration;

use patinox::telemetry::Event;
use patinox::{AsyncGuard, Config, Entry, EntryCounts, Host, Kind, Owner, Request};
use serde_json::json;

use crate::support::{self, guests, soon};

fn of(host: &Host, kind: Kind) -> (usize, u64) {
    let counts: EntryCounts = host.registry().counts();
    let count = counts.of(kind);
    (count.entries, count.size_bytes)
}

#[tokio::test]
async fn what_a_host_holds_is_written_down_and_goes_with_it() {
    let host = support::host();
    let registry = host.registry().clone();
    assert_eq!(registry.counts().total().entries, 0);
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let (artifacts, bytes) = of(&host, Kind::Artifact);
    assert!(artifacts == 1 && 10_000 < bytes, "{artifacts} {bytes}");
    // Its compiler has ended.
    assert_eq!(of(&host, Kind::Process), (0, 0));

    // Instances, with the memory that each has.
    let calls = (0..3).map(|_| {
        let (host, hostile) = (host.clone(), hostile.clone());
        tokio::spawn(async move {
            let request = Request::new("sleep", json!({ "ms": 300 }));
            host.call(&hostile, request).await
        })
    });
    let calls: Vec<_> = calls.collect();
    let entries = soon(async {
        loop {
            let entries = registry.of(Kind::Instance);
            if entries.len() == 3 && entries.iter().all(|entry| 0 < entry.size_bytes) {
                return entries;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    for entry in entries {
        assert_eq!(entry.owner.name(), Some(hostile.digest()));
        assert!(entry.size_bytes <= host.limits().memory_bytes, "{entry:?}");
    }
    for call in calls {
        let called = soon(call).await.expect("no panic");
        assert_eq!(called.result.ok(), Some(json!(300)));
        // What it held at most is what was written down.
        assert!(0 < called.usage.memory_bytes_peak);
    }
    assert_eq!(of(&host, Kind::Instance), (0, 0));

    // A call that is dropped leaves nothing either.
    let request = Request::new("sleep", json!({ "ms": 60_000 }));
    let dropped = tokio::time::timeout(Duration::from_millis(20), host.call(&hostile, request));
    assert!(dropped.await.is_err());
    assert_eq!(of(&host, Kind::Instance), (0, 0));

    drop((host, hostile));
    let none = async {
        while 0 < registry.counts().total().entries {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon(none).await;
}

#[tokio::test]
async fn a_worker_and_the_threads_of_a_host_are_written_down() {
    let host = Host::new(Config {
        ready_workers: 1,
        pressure: Some(patinox::PressureConfig::default()),
        ..support::config()
    });
    let host = host.expect("a host");
    let registry = host.registry().clone();
    let tasks = || {
        let mut names: Vec<_> = registry
            .of(Kind::Task)
            .iter()
            .map(|entry| entry.owner.to_string())
            .collect();
        names.sort_unstable();
        names
    };
    assert_eq!(tasks(), ["pressure"]);
    let text = support::load(&host, &guests::prebuilt_text()).await;
    let idle = async {
        // The one that waits for the next component.
        while registry.of(Kind::Process).len() != 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon(idle).await;
    assert_eq!(tasks(), ["pressure", "swap", "workers"]);
    drop((text, host));
    let none = async {
        while 0 < registry.counts().total().entries {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon(none).await;
}

#[tokio::test]
async fn shutdown_cleans_up_and_tells_what_is_left() {
    let host = Host::new(Config {
        ready_workers: 1,
        ..support::config()
    });
    let host = host.expect("a host");
    let registry = host.registry().clone();
    let mut events = host.events();
    let text = support::load(&host, &guests::prebuilt_text()).await;
    let ready = async {
        while registry.of(Kind::Process).len() != 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon(ready).await;
    let entry = |kind, name| registry.register(kind, Owner::new(name), 1);
    let slow = AsyncGuard::new(entry(Kind::Folder, "slow"), (), async |()| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(())
    });
    let fails = AsyncGuard::new(entry(Kind::Connection, "fails"), (), async |()| {
        Err(std::io::Error::other("it is\nopen").into())
    });
    let held = entry(Kind::Folder, "held");
    drop((slow, fails));

    let done = soon(host.shutdown(Duration::from_millis(20))).await;
    assert_eq!((done.cancelled, done.stuck), (0, 0));
    // Not the worker, and not the folder whose clean-up had only begun.
    let names = |entries: Vec<&Entry>| {
        let names = entries.iter().map(|entry| entry.owner.to_string());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(done.leaked.held().collect()), ["held"]);
    assert_eq!(names(done.leaked.failed().collect()), ["fails"]);
    assert_eq!(done.leaked.entries.len(), 2);

    // Whoever listens was told of it.
    let failed = async {
        loop {
            if let Some(Event::CleanupFailed(failed)) = events.next().await {
                return failed;
            }
        }
    };
    let failed = soon(failed).await;
    assert_eq!(failed.kind, "connection");
    assert_eq!(failed.owner.as_deref(), Some("fails"));
    assert_eq!(failed.reason, "failed");
    assert_eq!(failed.causes, ["it is\nopen"]);
    drop((held, text));
}
