//! What is granted and revoked while calls run.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use patinox::{
    CancellationToken, Config, Given, Grant, GrantStore, Host, Limits, LoadRequest, Loaded, Request,
};
use patinox_telemetry::Clock;
use serde_json::json;

use super::files::Place;
use crate::support::{self, code, guests};

/// Within what a revocation has to act.
const WITHIN: Duration = Duration::from_millis(100);

/// How often it is tried: other tests run on the same cores.
const ROUNDS: usize = 5;

fn grant(place: &Place, mode: &str) -> Grant {
    let text = format!("fs={}:{mode}@/data", place.data().display());
    text.parse().expect("a grant")
}

/// Whether this process has something open there.
pub(super) fn has_open(path: &Path) -> bool {
    let open = fs::read_dir("/proc/self/fd").expect("a list").flatten();
    let mut targets = open.filter_map(|one| fs::read_link(one.path()).ok());
    targets.any(|target| target == path)
}

pub(super) async fn until(is_so: impl Fn() -> bool) -> Duration {
    let started = Instant::now();
    support::soon(async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    started.elapsed()
}

fn stay_with(file: &str, how: &str) -> Request {
    let limits = Limits {
        wall_ms: 60_000,
        fuel: u64::MAX / 2,
        fs_bytes: u64::MAX / 2,
        host_calls: u64::MAX / 2,
        ..Limits::default()
    };
    let arguments = json!({ "path": file, "how": how });
    Request::new("stay-with", arguments).limits(limits)
}

async fn load(host: &Host, grant: Option<Grant>) -> Option<Loaded> {
    let bytes = LoadRequest::bytes(guests::built("fixture-probe")?);
    let request = grant.into_iter().fold(bytes, LoadRequest::grant);
    Some(host.load(request).await.expect("a component"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_revoked_ends_in_a_call_that_runs() {
    let (place, host) = (Place::new(), support::host());
    let granted = grant(&place, "rw");
    let Some(probe) = load(&host, Some(granted.clone())).await else {
        return;
    };
    for (file, how) in [
        ("/data/a.txt", "read"),
        ("/data/new.txt", "write"),
        ("/data", "list"),
    ] {
        let mut fastest = Duration::MAX;
        for _ in 0..ROUNDS {
            let (host, probe) = (host.clone(), probe.clone());
            let call = async {
                let called = host.call(&probe, stay_with(file, how)).await;
                (called, Instant::now())
            };
            let revoke = async {
                let inside = place.path().join(file.trim_start_matches('/'));
                until(|| has_open(&inside)).await;
                let at = Instant::now();
                assert_eq!(host.revoke(&probe, &granted), 1);
                at
            };
            let ((called, ended), revoked) =
                support::soon(async { tokio::join!(call, revoke) }).await;
            assert_eq!(code(&called), "policy/denied", "{how}: {called:?}");
            fastest = fastest.min(ended - revoked);
            until(|| !has_open(&place.data())).await;
            // Granted again, it works again.
            host.grant(&probe, granted.clone()).await.expect("a grant");
        }
        assert!(fastest < WITHIN, "{how}: {fastest:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_guest_only_holds_is_closed_as_well() {
    let (place, host) = (Place::new(), support::host());
    let granted = grant(&place, "ro");
    let Some(probe) = load(&host, Some(granted.clone())).await else {
        return;
    };
    let file = place.data().join("a.txt");
    let mut fastest = Duration::MAX;
    for _ in 0..ROUNDS {
        let cancel = CancellationToken::new();
        let call = host.call(
            &probe,
            stay_with("/data/a.txt", "hold").cancel(cancel.clone()),
        );
        let revoke = async {
            until(|| has_open(&file)).await;
            host.revoke(&probe, &granted);
            let took = until(|| !has_open(&file) && !has_open(&place.data())).await;
            cancel.cancel();
            took
        };
        let (called, took) = support::soon(async { tokio::join!(call, revoke) }).await;
        assert_eq!(code(&called), "cancelled", "{called:?}");
        fastest = fastest.min(took);
        host.grant(&probe, granted.clone()).await.expect("a grant");
    }
    assert!(fastest < WITHIN, "{fastest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_is_closed_though_nobody_asks() {
    let (place, host) = (Place::new(), support::host());
    let Some(probe) = load(&host, None).await else {
        return;
    };
    let file = place.data().join("a.txt");
    let mut fastest = Duration::MAX;
    for _ in 0..ROUNDS {
        let end = Clock::system().wall() + Duration::from_millis(700);
        let granted = grant(&place, "ro").until(end);
        host.grant(&probe, granted.clone()).await.expect("a grant");
        let cancel = CancellationToken::new();
        let call = host.call(
            &probe,
            stay_with("/data/a.txt", "hold").cancel(cancel.clone()),
        );
        let closed = async {
            until(|| has_open(&file)).await;
            until(|| !has_open(&file)).await;
            cancel.cancel();
            end.elapsed().expect("no sooner than it ended")
        };
        let (called, late) = support::soon(async { tokio::join!(call, closed) }).await;
        assert_eq!(code(&called), "cancelled", "{called:?}");
        fastest = fastest.min(late);
        host.revoke(&probe, &granted);
    }
    assert!(fastest < WITHIN, "{fastest:?}");
}

/// As another process would write it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_counts_while_it_is_kept() {
    let (place, kept) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let folder = kept.path().join("grants");
    let host = Host::new(Config {
        grants: Some(GrantStore::in_folder(&folder)),
        ..support::config()
    })
    .expect("a host");
    let Some(probe) = load(&host, None).await else {
        return;
    };
    let asks = async || {
        let arguments = json!({ "path": "/data/a.txt" });
        let called = support::call(&host, &probe, "read-file", arguments).await;
        code(&called)
    };
    assert_eq!(asks().await, "policy/denied");
    let store = GrantStore::in_folder(&folder);
    let granted = grant(&place, "ro");
    let give = |component: &str, grant: &Grant| {
        let (component, name) = (component.to_owned(), "probe".to_owned());
        let grant = grant.clone();
        let given = Given {
            component,
            name,
            grant,
        };
        store
            .add(&[given], Clock::system().wall())
            .expect("it is kept");
    };
    // To somebody else, and what cannot be granted: nothing comes of it.
    give(&format!("sha256:{}", "0".repeat(64)), &granted);
    let state = format!("fs={}:ro@/state", folder.display()).parse();
    give(probe.digest(), &state.expect("a grant"));
    give(probe.digest(), &"model=fast".parse().expect("a grant"));
    tokio::time::sleep(2 * WITHIN).await;
    assert_eq!(asks().await, "policy/denied");
    assert_eq!(probe.policy().expect("a component").granted(), []);
    give(probe.digest(), &granted);
    support::soon(async { while asks().await != "ok" {} }).await;
    // A call that runs is held to what is kept.
    let call = host.call(&probe, stay_with("/data/a.txt", "read"));
    let file = place.data().join("a.txt");
    let revoke = async {
        until(|| has_open(&file)).await;
        let revoked = store.revoke(probe.digest(), Some(&granted));
        assert_eq!(revoked.expect("it is kept").len(), 1);
        until(|| !has_open(&file)).await
    };
    let (called, took) = support::soon(async { tokio::join!(call, revoke) }).await;
    assert_eq!(code(&called), "policy/denied", "{called:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    // What cannot be read grants nothing, and who loads something is told.
    give(probe.digest(), &granted);
    support::soon(async { while asks().await != "ok" {} }).await;
    fs::write(folder.join("grants.json"), "{").expect("a file");
    support::soon(async { while asks().await != "policy/denied" {} }).await;
    let request = LoadRequest::bytes(guests::prebuilt_text());
    let error = host.load(request).await.expect_err("it is wrong somewhere");
    assert!(error.to_string().contains("what was granted"), "{error}");
}

#[tokio::test]
async fn a_host_says_what_its_own_components_may_do() {
    let (host, other) = (support::host(), support::host());
    let Some(probe) = load(&host, None).await else {
        return;
    };
    let grant = |text: &str| text.parse::<Grant>().expect("a grant");
    let refused = other.grant(&probe, grant("env=A=1")).await;
    let refused = refused.expect_err("it is another one's");
    assert_eq!(refused.to_string(), "another host has loaded the component");
    host.grant(&probe, grant("env=A=1")).await.expect("a grant");
    assert_eq!(other.revoke(&probe, &grant("env=A=1")), 0);
    let conflict = host.grant(&probe, grant("env=A=2")).await;
    assert!(conflict.is_err(), "{conflict:?}");
    // Again and again, each time for longer: there is one.
    for seconds in 1..2_000 {
        let end = Clock::system().wall() + Duration::from_secs(seconds);
        let given = host.grant(&probe, grant("env=A=1").until(end)).await;
        given.expect("a grant");
    }
    assert_eq!(probe.policy().expect("a component").granted().len(), 1);
    assert_eq!(host.revoke(&probe, &grant("env=A=1")), 1);
    // One that has ended is in nobody's way.
    let ended = grant("env=A=1").until(std::time::UNIX_EPOCH);
    host.grant(&probe, ended).await.expect("a grant");
    host.grant(&probe, grant("env=A=2")).await.expect("a grant");
}
