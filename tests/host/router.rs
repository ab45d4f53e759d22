//! Where calls run, and that none is lost while a place is closed.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use patinox::{
    Admission, Affinity, Allocation, Called, Config, Detector, Host, LeastLoaded, Limits, Loaded,
    Profile, Request, Route, Router, Target, TargetKind, TargetName, Weighted,
};
use serde_json::json;

use super::pool::machine;
use crate::support::{self, code, forge, guests, soon};

const fn name(profile: Profile, kind: TargetKind) -> TargetName {
    TargetName { profile, kind }
}

const POOL: TargetName = name(Profile::Lean, TargetKind::Pool);
const COPIED: TargetName = name(Profile::Lean, TargetKind::PoolWithoutScan);
const BESIDE: TargetName = name(Profile::Lean, TargetKind::OnDemand);

/// A machine of 32 GiB without swap below a folder, which is to be kept, and a host
/// on it.
fn host(config: Config) -> (tempfile::TempDir, Host) {
    let root = tempfile::tempdir().expect("a folder");
    machine(root.path(), "");
    let memory = "MemTotal: 33554432 kB\nMemAvailable: 33554432 kB\n";
    std::fs::write(root.path().join("proc/meminfo"), memory).expect("a file");
    let host = Host::new(Config {
        detector: Detector::below(root.path()),
        ..config
    });
    (root, host.expect("a host"))
}

fn target(host: &Host, name: TargetName) -> Target {
    let found = host
        .targets()
        .into_iter()
        .find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("{name} is not among {:?}", host.targets()))
}

fn used(host: &Host, name: TargetName) -> usize {
    let target = target(host, name);
    target.slots - target.free_slots
}

fn sleep(host: &Host, hostile: &Loaded, ms: u64) -> tokio::task::JoinHandle<Called> {
    let (host, hostile) = (host.clone(), hostile.clone());
    tokio::spawn(async move {
        // Little, so that memory bears as many as there are slots.
        let limits = Limits {
            memory_bytes: 16 << 20,
            ..Limits::default()
        };
        let request = Request::new("sleep", json!({ "ms": ms })).limits(limits);
        host.call(&hostile, request).await
    })
}

/// Waits until something is so.
async fn until(is_so: impl Fn() -> bool) {
    let work = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon(work).await;
}

/// Callers that call until they are told to stop; how each call ended.
struct Load {
    over: Arc<AtomicBool>,
    callers: Vec<tokio::task::JoinHandle<Vec<&'static str>>>,
    begun: Arc<AtomicUsize>,
}

impl Load {
    fn of(host: &Host, component: &Loaded, tool: &'static str, callers: usize) -> Self {
        let (over, begun) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let one = |_| {
            let (host, component) = (host.clone(), component.clone());
            let (over, begun) = (Arc::clone(&over), Arc::clone(&begun));
            tokio::spawn(async move {
                let mut codes = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    AtomicUsize::fetch_add(&begun, 1, Ordering::Relaxed);
                    let arguments = match tool {
                        "sleep" => json!({ "ms": 2 }),
                        _ => json!({}),
                    };
                    let called = host.call(&component, Request::new(tool, arguments)).await;
                    codes.push(code(&called));
                }
                codes
            })
        };
        let callers = (0..callers).map(one).collect();
        Self {
            over,
            callers,
            begun,
        }
    }

    /// So many more calls begin.
    async fn goes_on(&self, calls: usize) {
        let enough = self.begun.load(Ordering::Relaxed) + calls;
        until(|| enough <= self.begun.load(Ordering::Relaxed)).await;
    }

    /// All of them ended well.
    async fn lost_nothing(self) {
        self.over.store(true, Ordering::Relaxed);
        for caller in self.callers {
            let mut codes = soon(caller).await.expect("no panic");
            codes.retain(|code| *code != "ok");
            assert_eq!(codes.first(), None, "{} of them", codes.len());
        }
    }
}

/// Sends all calls to one kind, and writes down what it was told.
#[derive(Debug)]
struct Only(TargetKind, Mutex<Vec<String>>);

impl Router for Only {
    fn route(&self, call: &Route<'_>, targets: &[Target]) -> Option<usize> {
        let names = targets.iter().map(|target| target.name.to_string());
        let names = names.collect::<Vec<_>>().join(" ");
        let digest = call.component.get(..7).unwrap_or_default();
        self.note(format!("{digest} {} of {names}", call.memories));
        targets.iter().position(|target| target.name.kind == self.0)
    }

    fn released(&self, target: TargetName) {
        self.note(format!("released {target}"));
    }
}

impl Only {
    fn note(&self, line: String) {
        self.1.lock().expect("no panic").push(line);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_decides_and_hears_of_the_end() {
    let router = Arc::new(Only(TargetKind::OnDemand, Mutex::default()));
    let (_root, host) = host(Config {
        router: Some(router.clone()),
        ..support::config()
    });
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    assert_eq!((used(&host, POOL), used(&host, BESIDE)), (0, 0));
    let call = sleep(&host, &hostile, 300);
    until(|| used(&host, BESIDE) != 0).await;
    assert_eq!((used(&host, POOL), used(&host, BESIDE)), (0, 1));
    assert_eq!(code(&soon(call).await.expect("no panic")), "ok");
    assert_eq!(used(&host, BESIDE), 0);
    // A call that is dropped is over too.
    let dropped = sleep(&host, &hostile, 10_000);
    until(|| used(&host, BESIDE) != 0).await;
    dropped.abort();
    let _ = dropped.await;
    let told = router.1.lock().expect("no panic").join("\n");
    insta::assert_snapshot!(told, @r"
    sha256: 1 of lean/pool lean/on-demand
    released lean/on-demand
    sha256: 1 of lean/pool lean/on-demand
    released lean/on-demand
    ");
}

/// One that knows of no place for it turns it away, and nothing is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_router_may_turn_calls_away() {
    let router = Arc::new(Only(TargetKind::PoolWithoutScan, Mutex::default()));
    let (_root, host) = host(Config {
        router: Some(router),
        ..support::config()
    });
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let called = soon(sleep(&host, &hostile, 1)).await.expect("no panic");
    assert_eq!(code(&called), "limit/busy");
    assert_eq!((used(&host, POOL), used(&host, BESIDE)), (0, 0));
}

/// What each router makes of sixteen calls at once.
#[tokio::test(flavor = "multi_thread")]
async fn each_router_spreads_calls_in_its_way() {
    let weights = vec![(POOL, 3), (BESIDE, 1)];
    let routers: [(Arc<dyn Router>, [usize; 2]); 3] = [
        (Arc::new(LeastLoaded), [8, 8]),
        (Arc::new(Weighted::new(weights)), [12, 4]),
        (Arc::new(Affinity), [16, 16]),
    ];
    for (router, expected) in routers {
        let shown = format!("{router:?}");
        let (_root, host) = host(Config {
            router: Some(router),
            // As many slots as there are beside it.
            allocation: Allocation::Pool { slots: Some(256) },
            ..support::config()
        });
        let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
        let calls: Vec<_> = (0..16).map(|_| sleep(&host, &hostile, 1_500)).collect();
        until(|| used(&host, POOL) + used(&host, BESIDE) == 16).await;
        let seen = [used(&host, POOL), used(&host, BESIDE)];
        if shown == "Affinity" {
            assert!(seen.contains(&16), "{seen:?}");
        } else {
            // Two that look at the same moment see the same.
            let near = expected[0] - 2..=expected[0] + 2;
            assert!(near.contains(&seen[0]), "{shown}: {seen:?}");
        }
        for call in calls {
            assert_eq!(code(&soon(call).await.expect("no panic")), "ok");
        }
    }
}

/// Pool and on demand, lean and strict: each is emptied while calls go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_drained_under_load_and_no_call_is_lost() {
    let (_root, host) = host(support::config());
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let strict = support::load(&host, &forge::nested_echo()).await;
    assert_eq!(strict.component().expect("one").profile(), Profile::Strict);
    let loads = [
        (Profile::Lean, Load::of(&host, &hostile, "sleep", 8)),
        (Profile::Strict, Load::of(&host, &strict, "run", 4)),
    ];
    for _ in 0..3 {
        for (profile, load) in &loads {
            for kind in [TargetKind::Pool, TargetKind::OnDemand] {
                let target_name = name(*profile, kind);
                load.goes_on(50).await;
                assert!(soon(host.drain(target_name)).await);
                let drained = target(&host, target_name);
                assert!(drained.is_draining, "{drained:?}");
                assert_eq!(drained.free_slots, drained.slots);
                load.goes_on(50).await;
                // Nobody has come meanwhile.
                assert_eq!(used(&host, target_name), 0);
                assert!(host.undrain(target_name));
            }
        }
    }
    for (_, load) in loads {
        load.lost_nothing().await;
    }
    assert!(!soon(host.drain(COPIED)).await);
    assert!(!host.undrain(COPIED));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_are_drained_calls_are_turned_away_until_one_is_back() {
    let (_root, host) = host(support::config());
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let long = sleep(&host, &hostile, 300);
    until(|| used(&host, POOL) != 0).await;
    for target in [POOL, BESIDE] {
        // What runs runs to its end.
        assert!(soon(host.drain(target)).await);
    }
    let call = || async { code(&soon(sleep(&host, &hostile, 1)).await.expect("no panic")) };
    assert_eq!(call().await, "limit/busy");
    assert!(host.undrain(BESIDE));
    assert_eq!(call().await, "ok");
    assert!(host.undrain(POOL));
    assert_eq!(call().await, "ok");
    assert_eq!(code(&soon(long).await.expect("no panic")), "ok");
}

/// Those that wait for a target do not wait for one that takes nobody any more.
#[tokio::test(flavor = "multi_thread")]
async fn those_that_wait_do_not_wait_for_what_takes_nobody() {
    let router = Arc::new(Only(TargetKind::Pool, Mutex::default()));
    let (_root, host) = host(Config {
        router: Some(router),
        allocation: Allocation::Pool { slots: Some(3) },
        admission: Admission {
            concurrency: 1_000,
            queue: 0,
            ..Admission::default()
        },
        ..support::config()
    });
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let beside = target(&host, BESIDE).slots;
    let all = beside + target(&host, POOL).slots;
    let calls: Vec<_> = (0..all).map(|_| sleep(&host, &hostile, 4_000)).collect();
    until(|| target(&host, POOL).free_slots + target(&host, BESIDE).free_slots == 0).await;
    let waiting = sleep(&host, &hostile, 1);
    until(|| target(&host, POOL).waiting != 0).await;
    let drain = tokio::spawn({
        let host = host.clone();
        async move { host.drain(POOL).await }
    });
    // The router chooses the pool, which is not among the targets any more.
    assert_eq!(code(&soon(waiting).await.expect("no panic")), "limit/busy");
    for call in calls {
        call.abort();
    }
    assert!(soon(drain).await.expect("no panic"));
}

/// A call that waits for the pool has its turn on demand when the pool is drained.
#[tokio::test(flavor = "multi_thread")]
async fn those_that_wait_go_to_another_target() {
    let (_root, host) = host(Config {
        allocation: Allocation::Pool { slots: Some(3) },
        admission: Admission {
            concurrency: 1_000,
            queue: 0,
            ..Admission::default()
        },
        ..support::config()
    });
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let all = target(&host, POOL).slots + target(&host, BESIDE).slots;
    let calls: Vec<_> = (0..all).map(|_| sleep(&host, &hostile, 6_000)).collect();
    until(|| target(&host, POOL).free_slots + target(&host, BESIDE).free_slots == 0).await;
    let waiting = sleep(&host, &hostile, 1);
    until(|| target(&host, POOL).waiting != 0).await;
    let drain = tokio::spawn({
        let host = host.clone();
        async move { host.drain(POOL).await }
    });
    until(|| target(&host, BESIDE).waiting != 0).await;
    assert_eq!(target(&host, POOL).waiting, 0);
    for call in calls {
        call.abort();
    }
    assert_eq!(code(&soon(waiting).await.expect("no panic")), "ok");
    assert!(soon(drain).await.expect("no panic"));
}

/// Who takes a drain back while it goes on is heard at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_drain_ends_when_it_is_taken_back() {
    let (_root, host) = host(support::config());
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let long = sleep(&host, &hostile, 5_000);
    until(|| used(&host, POOL) != 0).await;
    let drain = tokio::spawn({
        let host = host.clone();
        async move { host.drain(POOL).await }
    });
    until(|| target(&host, POOL).is_draining).await;
    assert!(host.undrain(POOL));
    assert!(!soon(drain).await.expect("no panic"));
    assert_eq!(used(&host, POOL), 1);
    long.abort();
}

/// The pool that asks the kernel what was written gives way to one that does not,
/// while calls run and wait.
#[tokio::test(flavor = "multi_thread")]
async fn swap_appears_under_load_and_no_call_is_lost() {
    let (root, host) = host(Config {
        allocation: Allocation::Pool { slots: Some(3) },
        ..support::config()
    });
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    assert!(!target(&host, POOL).is_draining);
    let load = Load::of(&host, &hostile, "sleep", 16);
    load.goes_on(100).await;
    machine(root.path(), "/swapfile file 65532 0 -2\n");
    until(|| host.targets().iter().any(|target| target.name == COPIED)).await;
    load.goes_on(100).await;
    load.lost_nothing().await;
    assert_eq!(used(&host, COPIED), 0);
    let strict = support::load(&host, &forge::nested_echo()).await;
    assert_eq!(strict.component().expect("one").profile(), Profile::Strict);
    let kinds = host.targets().into_iter().map(|target| target.name);
    let strict = kinds.filter(|name| name.profile == Profile::Strict);
    let kinds: Vec<_> = strict.map(|name| name.kind.as_str()).collect();
    assert_eq!(kinds, ["pool-without-scan", "on-demand"]);
}
