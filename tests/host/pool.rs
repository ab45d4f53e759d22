//! Where instances get their memory: a pool, what is beside it, and what a
//! machine with little address space has.

use std::path::Path;
use std::time::Duration;

use patinox::{Allocation, Config, Detector, Failure as _, Host, Limits, Loaded, Profile};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{self, Neighbour, call, code, forge, guests, soon};

fn host(allocation: Allocation) -> Host {
    let config = Config {
        allocation,
        ..Config::default()
    };
    Host::new(config).expect("a host")
}

/// Calls that wait in the host, so many at once; all of them must come back.
async fn crowd(host: &Host, hostile: &Loaded, calls: usize) {
    let mut crowd = JoinSet::new();
    for _ in 0..calls {
        let (host, hostile) = (host.clone(), hostile.clone());
        crowd.spawn(async move { call(&host, &hostile, "sleep", json!({ "ms": 50 })).await });
    }
    while let Some(called) = crowd.join_next().await {
        let called = called.expect("a call");
        assert_eq!(code(&called), "ok", "{called:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_slots_all_run() {
    for allocation in [
        Allocation::Pool { slots: Some(4) },
        Allocation::OnDemand { slots: Some(4) },
    ] {
        let host = host(allocation);
        let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
        soon(crowd(&host, &hostile, 60)).await;
        // All slots are back.
        soon(crowd(&host, &hostile, 60)).await;
    }
}

/// It takes as many slots as it has memories, which is more than there are.
#[tokio::test]
async fn a_component_larger_than_the_pool_runs_beside_it() {
    let host = host(Allocation::Pool { slots: Some(2) });
    let memories = "(memory 1)".repeat(8);
    let component = forge::component(&format!(
        r#"(component
            (core module $m {memories} (func (export "run") (result i32) (i32.const 8)))
            (core instance $i (instantiate $m))
            (func (export "run") (result u32) (canon lift (core func $i "run"))))"#
    ));
    let component = support::load(&host, &component).await;
    for _ in 0..10 {
        let called = call(&host, &component, "run", json!({})).await;
        assert_eq!(called.result.ok(), Some(json!(8)));
    }
}

/// A component of so many memories, with a tool that does nothing.
fn with_memories(count: usize) -> Vec<u8> {
    let memories = "(memory 1)".repeat(count);
    forge::component(&format!(
        r#"(component
            (core module $m {memories} (func (export "run")))
            (core instance $i (instantiate $m))
            (func (export "run") (canon lift (core func $i "run"))))"#
    ))
}

/// However few slots there are, it is the component's own limit that it is told.
#[tokio::test]
async fn a_component_larger_than_its_limit_ends_by_it() {
    for allocation in [
        Allocation::Pool { slots: Some(2) },
        Allocation::OnDemand { slots: Some(2) },
    ] {
        let host = host(allocation);
        let component = support::load(&host, &with_memories(100)).await;
        let called = call(&host, &component, "run", json!({})).await;
        assert_eq!(code(&called), "limit/memories", "{called:?}");
    }
}

/// A machine below a folder, with or without swap.
pub(super) fn machine(root: &Path, swaps: &str) {
    let folder = root.join("proc");
    std::fs::create_dir_all(&folder).expect("a folder");
    let head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
    std::fs::write(folder.join("swaps"), format!("{head}{swaps}")).expect("a file");
}

/// What the kernel says of written pages is not true of those it has swapped
/// out: one call could see what another wrote. So the pool that asks it takes
/// no more calls once there is swap.
#[tokio::test]
async fn swap_that_appears_moves_calls_at_once() {
    let root = tempfile::tempdir().expect("a folder");
    machine(root.path(), "");
    let host = Host::new(Config {
        detector: Detector::below(root.path()),
        ..Config::default()
    })
    .expect("a host");
    let neighbour = Neighbour::of(&host).await;
    let scans = || {
        host.allocated(Profile::Lean)
            .expect("an engine")
            .pagemap_scan
    };
    assert!(scans());
    neighbour.still_answers(10).await;

    // A call that is under way stays where it is.
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let long = call(&host, &hostile, "sleep", json!({ "ms": 1_000 }));
    let change = async {
        neighbour.still_answers(10).await;
        machine(root.path(), "/swapfile file 65532 0 -2\n");
        while scans() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            neighbour.still_answers(2).await;
        }
    };
    let (called, ()) = tokio::join!(long, soon(change));
    assert_eq!(called.result.ok(), Some(json!(1_000)));
    neighbour.still_answers(10).await;

    // Once in doubt, it stays so.
    machine(root.path(), "");
    neighbour.still_answers(10).await;
    assert!(!scans());
}

#[tokio::test]
async fn a_machine_that_says_nothing_of_swap_is_not_trusted() {
    let root = tempfile::tempdir().expect("a folder");
    let host = Host::new(Config {
        detector: Detector::below(root.path()),
        ..Config::default()
    })
    .expect("a host");
    let allocated = host.allocated(Profile::Lean).expect("an engine");
    assert!(!allocated.pagemap_scan, "{allocated:?}");
    Neighbour::of(&host).await.still_answers(10).await;
}

/// Address space that something else has taken meanwhile is no fault of the
/// host, and there is nothing broken once it is given back.
#[tokio::test]
async fn a_call_for_which_there_is_no_address_space_finds_the_host_busy() {
    let host = host(Allocation::OnDemand { slots: None });
    let text = support::load(&host, &guests::prebuilt_text()).await;
    let count = async || call(&host, &text, "count", json!({ "text": "to be" })).await;
    assert_eq!(code(&count().await), "ok");
    let before = getrlimit(Resource::As);
    limit(used_bytes() + (64 << 20));
    let refused = count().await;
    setrlimit(Resource::As, before).expect("the limit as it was");
    assert_eq!(code(&refused), "limit/busy", "{refused:?}");
    let error = refused.result.expect_err("no room");
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("`ulimit -v"), "{hint}");
    assert_eq!(code(&count().await), "ok");
}

/// The address space that this process has mapped.
fn used_bytes() -> u64 {
    let used = Detector::new().address_space().used_bytes;
    used.expect("it is known").value
}

/// Bounds the address space of this process, in bytes.
fn limit(bytes: u64) {
    let limit = Rlimit {
        current: Some(bytes),
        maximum: getrlimit(Resource::As).maximum,
    };
    setrlimit(Resource::As, limit).expect("a lower limit");
}

/// Alone in its process, as `ulimit -v` holds for all of it.
async fn under(bytes: u64) -> patinox::Allocated {
    let before = getrlimit(Resource::As);
    limit(bytes);
    let host = support::host();
    Neighbour::of(&host).await.still_answers(10).await;
    // A component of the other profile takes what is then left.
    let nested = support::load(&host, &forge::nested_echo()).await;
    let called = call(&host, &nested, "run", json!({})).await;
    assert_eq!(called.result.ok(), Some(json!(7)));
    let allocated = host.allocated(Profile::Lean).expect("an engine");
    setrlimit(Resource::As, before).expect("the limit as it was");
    allocated
}

#[tokio::test]
async fn runs_in_two_gigabytes_of_address_space() {
    let allocated = under(2 << 30).await;
    assert_eq!(allocated.memory_reservation_bytes, 64 << 20);
    assert!(allocated.pool_slots.is_some(), "{allocated:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_run_in_what_a_gigabyte_bears() {
    limit(used_bytes() + (1 << 30));
    let host = support::host();
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    soon(crowd(&host, &hostile, 60)).await;
    Neighbour::of(&host).await.still_answers(10).await;
    let allocated = host.allocated(Profile::Lean).expect("an engine");
    assert_eq!(allocated.memory_reservation_bytes, 64 << 20);
    assert!(allocated.pool_slots.is_some(), "{allocated:?}");
}

/// Where memories reserve less than `memory` allows, one that would grow beyond
/// that is told what there is.
#[tokio::test]
async fn a_memory_beyond_its_address_space_ends_by_the_limit() {
    limit(used_bytes() + (1 << 30));
    let config = Config {
        limits: Limits {
            memory_bytes: 256 << 20,
            ..Limits::default()
        },
        ..support::config()
    };
    let host = Host::new(config).expect("a host");
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let hoard = async |bytes: u64| call(&host, &hostile, "hoard", json!({ "bytes": bytes })).await;
    assert_eq!(code(&hoard(50_000_000).await), "ok");
    let refused = hoard(100_000_000).await;
    assert_eq!(code(&refused), "limit/memory", "{refused:?}");
    let error = refused.result.expect_err("no room");
    let message = error.to_string();
    assert!(message.contains("has room for 64MiB"), "{message}");
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("`ulimit -v"), "{hint}");
}

/// What is within the limit and beyond what there is room for is told so, and
/// is no fault of the host.
#[tokio::test]
async fn a_component_for_which_there_is_no_room_ends_by_a_limit() {
    limit(used_bytes() + (600 << 20));
    let host = support::host();
    let component = support::load(&host, &with_memories(8)).await;
    let called = call(&host, &component, "run", json!({})).await;
    assert_eq!(code(&called), "limit/memories", "{called:?}");
}

#[tokio::test]
async fn has_a_small_pool_in_sixteen_gigabytes_of_address_space() {
    let allocated = under(16 << 30).await;
    assert_eq!(allocated.pool_slots, Some(32), "{allocated:?}");
    assert_eq!(allocated.memory_reservation_bytes, 256 << 20);
}

#[tokio::test]
async fn has_a_wide_pool_in_a_terabyte_of_address_space() {
    let allocated = under(1 << 40).await;
    assert_eq!(allocated.memory_reservation_bytes, 4 << 30);
    assert!(allocated.pool_slots.is_some_and(|slots| 16 <= slots));
}
