//! What a host lets go of, in order, and that nothing of it hurts a call.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use patinox::telemetry::Event;
use patinox::{
    Allocation, ArtifactStore, Called, Config, Detector, Failure as _, Host, Loaded,
    PressureConfig, Profile, Request, Stage, Step, StoreConfig,
};
use serde_json::json;

use crate::support::{self, code, forge, guests, soon};

const SLOTS: u32 = 64;

fn config() -> Config {
    Config {
        allocation: Allocation::Pool { slots: Some(SLOTS) },
        ..support::config()
    }
}

/// A call that sleeps, on its own task.
fn sleep(host: &Host, hostile: &Loaded, ms: u64) -> tokio::task::JoinHandle<Called> {
    let (host, hostile) = (host.clone(), hostile.clone());
    tokio::spawn(async move {
        let request = Request::new("sleep", json!({ "ms": ms }));
        host.call(&hostile, request).await
    })
}

async fn answers(host: &Host, hostile: &Loaded) -> &'static str {
    code(&soon(sleep(host, hostile, 1)).await.expect("no panic"))
}

fn slots(host: &Host) -> Option<u32> {
    host.allocated(Profile::Lean).expect("an engine").pool_slots
}

fn of<'a>(steps: &'a [Step], name: &str) -> &'a Step {
    let found = steps.iter().find(|step| step.name == name);
    found.expect("such a step")
}

fn resident() -> u64 {
    let machine = Detector::new().detect();
    machine.memory_resident_bytes.expect("a figure").value
}

/// The memory is really gone, also while the component stays loaded.
#[tokio::test(flavor = "multi_thread")]
async fn memory_that_is_kept_for_the_next_calls_goes() {
    let host = Host::new(config()).expect("a host");
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let calls = (0..40).map(|_| {
        let (host, hostile) = (host.clone(), hostile.clone());
        tokio::spawn(async move {
            let bytes = Request::new("flood-result", json!({ "bytes": 900_000 }));
            host.call(&hostile, bytes).await
        })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(code(&soon(call).await.expect("no panic")), "ok");
    }
    let together: Vec<_> = (0..40).map(|_| sleep(&host, &hostile, 200)).collect();
    for call in together {
        assert_eq!(code(&soon(call).await.expect("no panic")), "ok");
    }

    let before = resident();
    let steps = host.reclaim(Stage::EvictIdle).await.expect("a thread");
    assert!(steps.iter().all(|step| step.stage == Stage::EvictIdle));
    let freed = of(&steps, "warm memories").freed;
    assert!(40 <= freed.count && 1 << 20 <= freed.bytes, "{freed:?}");
    let less = before.saturating_sub(resident());
    assert!(freed.bytes / 2 <= less, "{freed:?}, but {less} bytes less");
    assert_eq!(host.reclaimed(Stage::EvictIdle).freed.bytes, freed.bytes);

    // Nothing is kept now, and calls go on.
    let steps = host.reclaim(Stage::EvictIdle).await.expect("a thread");
    assert_eq!(of(&steps, "warm memories").freed.count, 0);
    assert_eq!(answers(&host, &hostile).await, "ok");
    assert_eq!(slots(&host), Some(SLOTS));
}

#[tokio::test(flavor = "multi_thread")]
async fn pools_shrink_and_have_their_size_again() {
    let host = Host::new(config()).expect("a host");
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    assert_eq!(slots(&host), Some(64));
    let call_slots = || host.allocated(Profile::Lean).expect("an engine").call_slots;
    let all = call_slots();
    // What runs runs on.
    let long = sleep(&host, &hostile, 600);
    assert_eq!(answers(&host, &hostile).await, "ok");
    let mut fewer = 0;
    for gone in [24, 8, 0] {
        let steps = host.reclaim(Stage::ShrinkPools).await.expect("a thread");
        let freed = of(&steps, "pool slots").freed.count;
        assert_eq!(freed, gone);
        fewer += usize::try_from(freed).expect("few");
        assert_eq!(call_slots(), all - fewer);
        assert_eq!(answers(&host, &hostile).await, "ok");
    }
    host.restore().await.expect("a thread");
    assert_eq!(call_slots(), all);
    assert_eq!(answers(&host, &hostile).await, "ok");
    assert_eq!(code(&soon(long).await.expect("no panic")), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_lost_while_pools_come_and_go() {
    let host = Host::new(config()).expect("a host");
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let done = Arc::new(AtomicBool::new(false));
    let answered: Arc<[AtomicUsize; 4]> = Arc::default();
    let callers = (0..4).map(|caller| {
        let (host, hostile, done) = (host.clone(), hostile.clone(), Arc::clone(&done));
        let answered = Arc::clone(&answered);
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                assert_eq!(answers(&host, &hostile).await, "ok");
                answered[caller].fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    let all_have = |calls| {
        let counts = answered.iter().map(|count| count.load(Ordering::Relaxed));
        counts.min().is_some_and(|fewest| calls <= fewest)
    };
    let pools_come_and_go = async {
        for round in 0.. {
            host.reclaim(Stage::ShrinkPools).await.expect("a thread");
            host.restore().await.expect("a thread");
            if 10 <= round && all_have(50) {
                break;
            }
        }
    };
    soon(pools_come_and_go).await;
    done.store(true, Ordering::Relaxed);
    for caller in callers {
        soon(caller).await.expect("no call was lost");
    }
}

#[tokio::test]
async fn half_of_the_stored_code_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (entries, key) = (folder.path().join("entries"), folder.path().join("key"));
    let store = ArtifactStore::open(StoreConfig::new(&entries, key)).expect("a store");
    let host = Host::new(Config {
        store: Some(store),
        ..support::config()
    });
    let host = host.expect("a host");
    for name in ["a", "b", "c", "d"] {
        let component = format!(
            r#"(component (core module $m (func (export "run")))
                (core instance $i (instantiate $m))
                (func (export "{name}") (canon lift (core func $i "run"))))"#
        );
        support::load(&host, &forge::component(&component)).await;
    }
    let count = || fs::read_dir(&entries).expect("a folder").count();
    assert_eq!(count(), 4);
    let steps = host.reclaim(Stage::DropCaches).await.expect("a thread");
    let freed = of(&steps, "stored artifacts").freed;
    assert_eq!((freed.attempted, freed.count), (2, 2));
    assert!(1_000 < freed.bytes, "{freed:?}");
    assert_eq!(count(), 2);
}

#[tokio::test]
async fn what_has_run_for_long_is_ended_and_the_rest_runs_on() {
    let host = Host::new(Config {
        // The machine is never looked at meanwhile.
        pressure: Some(PressureConfig {
            every: Duration::from_secs(3_600),
            stuck_after: Duration::from_millis(200),
            ..PressureConfig::default()
        }),
        ..support::config()
    });
    let host = host.expect("a host");
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let long = sleep(&host, &hostile, 9_000);
    tokio::time::sleep(Duration::from_millis(250)).await;
    let short = sleep(&host, &hostile, 300);
    tokio::task::yield_now().await;
    let steps = host.reclaim(Stage::CancelStuck).await.expect("a thread");
    assert_eq!(of(&steps, "long calls and loads").freed.count, 1);
    let called = soon(long).await.expect("no panic");
    let error = called.result.unwrap_err();
    assert_eq!(error.code().as_str(), "limit/busy");
    let said = error.to_string();
    let rule = "the host ended the call to relieve its machine: it had run for ";
    assert!(said.starts_with(rule), "{said}");
    assert_eq!(code(&soon(short).await.expect("no panic")), "ok");
}

#[tokio::test]
async fn work_that_is_refused_is_taken_again() {
    let host = support::host();
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let mut events = host.events();
    let steps = host.reclaim(Stage::RefuseWork).await.expect("a thread");
    let stages: Vec<_> = steps.iter().map(|step| step.stage).collect();
    assert!(stages.is_sorted(), "{stages:?}");
    let refused = support::call(&host, &hostile, "sleep", json!({ "ms": 1 })).await;
    let error = refused.result.unwrap_err();
    assert_eq!(error.code().as_str(), "limit/busy");
    let said = "the host is busy: it takes no new work for now";
    assert_eq!(error.to_string(), said);
    host.restore().await.expect("a thread");
    assert_eq!(answers(&host, &hostile).await, "ok");

    // Each step is told.
    for step in &steps {
        match soon(events.next()).await {
            Some(Event::Reclaimed(told)) => {
                assert_eq!((told.what, told.cause), (step.name, "asked"));
            }
            other => panic!("{other:?}"),
        }
    }
}
