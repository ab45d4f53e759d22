//! Somebody is asked while a call waits.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use patinox::{
    Answer, Called, CancellationToken, Config, Failure as _, Given, GrantStore, Host, Limits,
    LoadRequest, Loaded, Prompt, PromptFuture, Question, Request, Storage,
};
use patinox_telemetry::Clock;
use serde_json::json;

use super::files::Place;
use crate::support::{self, code, guests};

/// Gives the same answer again and again, after a while, and keeps what it was asked.
#[derive(Debug)]
pub(super) struct Person {
    answer: Answer,
    after: Duration,
    folder: PathBuf,
    asked: Mutex<Vec<String>>,
}

impl Person {
    pub(super) fn says(answer: Answer, place: &Place) -> Arc<Self> {
        Self::says_after(answer, Duration::ZERO, place.path())
    }

    fn says_after(answer: Answer, after: Duration, folder: &Path) -> Arc<Self> {
        Arc::new(Self {
            answer,
            after,
            folder: folder.to_owned(),
            asked: Mutex::default(),
        })
    }

    /// What he was asked since the last time.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("no panic"))
    }
}

impl Prompt for Person {
    fn ask<'a>(&'a self, question: &'a Question) -> PromptFuture<'a> {
        let folder = format!("{}/", self.folder.display());
        let grant = question.grant.to_string().replace(&folder, "./");
        let asked = format!("{}: {grant}", question.tool);
        self.asked.lock().expect("no panic").push(asked);
        Box::pin(async {
            tokio::time::sleep(self.after).await;
            self.answer
        })
    }

    fn component(&self) -> &'static str {
        "a component"
    }

    fn folder(&self) -> Option<&Path> {
        Some(&self.folder)
    }
}

struct Setting {
    place: Place,
    store: GrantStore,
    host: Host,
}

impl Setting {
    fn new() -> Self {
        let place = Place::new();
        let store = GrantStore::in_folder(place.path().join("state/grants"));
        let host = host(&place, &store);
        Self { place, store, host }
    }

    /// Another process that goes by the same list.
    fn another(&self) -> Host {
        host(&self.place, &self.store)
    }
}

fn host(place: &Place, store: &GrantStore) -> Host {
    Host::new(Config {
        storage: Some(Storage::Folder(place.path().join("storage"))),
        grants: Some(store.clone()),
        ..support::config()
    })
    .expect("a host")
}

async fn notes(host: &Host) -> Loaded {
    let notes = LoadRequest::bytes(guests::prebuilt_notes());
    host.load(notes).await.expect("a component")
}

async fn add(host: &Host, notes: &Loaded, person: &Arc<Person>) -> String {
    let request = Request::new("add", json!({ "text": "a" })).prompt(Arc::clone(person) as _);
    code(&host.call(notes, request).await).to_owned()
}

async fn probe(host: &Host, grants: &[String]) -> Option<Loaded> {
    let bytes = LoadRequest::bytes(guests::built("fixture-probe")?);
    let grants = grants.iter().map(|grant| grant.parse().expect("a grant"));
    let request = grants.fold(bytes, LoadRequest::grant);
    Some(host.load(request).await.expect("a component"))
}

async fn read(host: &Host, probe: &Loaded, path: &str, person: &Arc<Person>) -> Called {
    let request = Request::new("read-file", json!({ "path": path }));
    host.call(probe, request.prompt(Arc::clone(person) as _))
        .await
}

async fn write(host: &Host, probe: &Loaded, path: &str, person: &Arc<Person>) -> Called {
    let request = Request::new("write-file", json!({ "path": path, "content": "eA==" }));
    host.call(probe, request.prompt(Arc::clone(person) as _))
        .await
}

const ADD: &str = "add: kv=notes:rw";

#[tokio::test]
async fn each_answer_lasts_as_long_as_it_says() {
    let setting = Setting::new();
    let (host, place) = (&setting.host, &setting.place);
    let loaded = notes(host).await;
    let (no, once) = (
        Person::says(Answer::No, place),
        Person::says(Answer::Once, place),
    );
    for _ in 0..2 {
        assert_eq!(add(host, &loaded, &no).await, "policy/denied");
        assert_eq!(no.asked(), [ADD]);
        assert_eq!(add(host, &loaded, &once).await, "ok");
        assert_eq!(once.asked(), [ADD]);
    }
    // For this run: in each call from then on, until it is revoked, and in no other run.
    let run = Person::says(Answer::ThisRun, place);
    assert_eq!(add(host, &loaded, &run).await, "ok");
    assert_eq!(add(host, &loaded, &no).await, "ok");
    assert_eq!((run.asked(), no.asked()), (vec![ADD.to_owned()], vec![]));
    let grant = "kv=notes:rw".parse().expect("a grant");
    assert_eq!(host.revoke(&loaded, &grant), 1);
    assert_eq!(add(host, &loaded, &no).await, "policy/denied");
    assert_eq!(no.asked(), [ADD]);
    // Always: in other processes too, which notice it.
    let other = setting.another();
    let there = notes(&other).await;
    let always = Person::says(Answer::Always, place);
    assert_eq!(add(host, &loaded, &always).await, "ok");
    assert_eq!(add(host, &loaded, &no).await, "ok");
    support::soon(async { while add(&other, &there, &no).await != "ok" {} }).await;
    no.asked();
    let now = Clock::system().wall();
    let kept = setting.store.all(now).expect("a list");
    let [Given { name, grant, .. }] = kept.as_slice() else {
        panic!("{kept:?}");
    };
    assert_eq!(
        (name.as_str(), grant.named().as_str()),
        ("a component", "kv=notes:rw")
    );
    assert_eq!(grant.origin().to_string(), "an answer on the terminal");
    let revoked = setting.store.revoke(loaded.digest(), None);
    assert_eq!(revoked.expect("a list").len(), 1);
    support::soon(async { while add(host, &loaded, &no).await == "ok" {} }).await;
    // Never: nobody is asked again, in no process.
    let never = Person::says(Answer::Never, place);
    for (host, loaded) in [(host, &loaded), (&other, &there)] {
        support::soon(async { while add(host, loaded, &never).await == "ok" {} }).await;
    }
    assert_eq!(never.asked(), [ADD]);
    assert_eq!(add(&other, &there, &always).await, "policy/denied");
    assert_eq!(always.asked(), [ADD]);
    // Whoever grants it has changed his mind.
    setting.store.add(&kept, now).expect("it is kept");
    support::soon(async { while add(host, &loaded, &no).await != "ok" {} }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_opened_in_the_call_that_asks_for_it() {
    let setting = Setting::new();
    let (host, place) = (&setting.host, &setting.place);
    let Some(alone) = probe(host, &[]).await else {
        return;
    };
    let before = place.all();
    let no = Person::says(Answer::No, place);
    let refused = read(host, &alone, "/data/sub/b.txt", &no).await;
    assert_eq!(code(&refused), "policy/denied");
    assert_eq!(no.asked(), ["read-file: fs=./data/sub:ro@/data/sub"]);
    let once = Person::says(Answer::Once, place);
    for _ in 0..2 {
        let called = read(host, &alone, "/data/a.txt", &once).await;
        assert_eq!(called.result.expect("a file"), json!("aW5zaWRl"));
        assert_eq!(called.denials, []);
        assert_eq!(once.asked(), ["read-file: fs=./data:ro@/data"]);
    }
    // Where it is, a link leads no further than before, and neither do dots.
    for path in ["/data/up", "/data/absolute", "/data/magic/etc/passwd"] {
        assert_ne!(code(&read(host, &alone, path, &once).await), "ok", "{path}");
    }
    once.asked();
    for path in [
        "/data/../secret.txt",
        "/data/sub/../../secret.txt",
        "/nowhere/a",
        "/pipe/a",
    ] {
        assert_ne!(code(&read(host, &alone, path, &once).await), "ok", "{path}");
        assert_eq!(once.asked(), Vec::<String>::new(), "{path}");
    }
    assert_eq!(place.all(), before);
    // In a folder that may be read alone, something may be written after all.
    let data = format!("fs={}:ro@/data", place.data().display());
    let reads = probe(host, &[data]).await.expect("it is built");
    let refused = write(host, &reads, "/data/sub/new.txt", &no).await;
    assert_eq!(code(&refused), "policy/denied");
    assert_eq!(no.asked(), ["write-file: fs=./data/sub:rw@/data/sub"]);
    assert_eq!(place.all(), before);
    let run = Person::says(Answer::ThisRun, place);
    let written = write(host, &reads, "/data/sub/new.txt", &run).await;
    assert_eq!(code(&written), "ok", "{written:?}");
    assert_eq!(run.asked(), ["write-file: fs=./data/sub:rw@/data/sub"]);
    assert_eq!(
        std::fs::read(place.data().join("sub/new.txt")).expect("a file"),
        b"x"
    );
    let again = write(host, &reads, "/data/sub/new.txt", &no).await;
    assert_eq!((code(&again), no.asked()), ("ok", vec![]));
    let beside = write(host, &reads, "/data/new.txt", &no).await;
    assert_eq!(code(&beside), "policy/denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_granted_for_this_run_is_closed_when_it_is_revoked() {
    let setting = Setting::new();
    let (host, place) = (&setting.host, &setting.place);
    let Some(probe) = probe(host, &[]).await else {
        return;
    };
    let run = Person::says(Answer::ThisRun, place);
    let arguments = json!({ "path": "/data/a.txt", "how": "hold" });
    let limits = Limits {
        wall_ms: 60_000,
        fuel: u64::MAX / 2,
        ..Limits::default()
    };
    let cancel = CancellationToken::new();
    let request = Request::new("stay-with", arguments).limits(limits);
    let request = request.prompt(run).cancel(cancel.clone());
    let file = place.data().join("a.txt");
    let revoke = async {
        super::live::until(|| super::live::has_open(&file)).await;
        let grant = format!("fs={}:ro@/data", place.data().display());
        assert_eq!(host.revoke(&probe, &grant.parse().expect("a grant")), 1);
        super::live::until(|| !super::live::has_open(&file)).await;
        cancel.cancel();
    };
    let call = host.call(&probe, request);
    let (called, ()) = support::soon(async { tokio::join!(call, revoke) }).await;
    assert_eq!(code(&called), "cancelled");
}

#[tokio::test]
async fn nobody_is_asked_what_nobody_may_grant() {
    let setting = Setting::new();
    let (host, place) = (&setting.host, &setting.place);
    let Some(bytes) = guests::built("fixture-probe") else {
        return;
    };
    // Denied already, the host's own, and a link to it.
    let denied = format!("fs={}:ro", place.path().join("data-2").display());
    let request = LoadRequest::bytes(bytes).deny(denied.parse().expect("a grant"));
    let probe = host.load(request).await.expect("a component");
    let given = Given {
        component: format!("sha256:{}", "0".repeat(64)),
        name: "another".to_owned(),
        grant: "env=A=1".parse().expect("a grant"),
    };
    let now = Clock::system().wall();
    setting.store.add(&[given], now).expect("it is kept");
    std::os::unix::fs::symlink("state", place.path().join("link")).expect("a link");
    let once = Person::says(Answer::Once, place);
    for path in [
        "/data-2/c.txt",
        "/state/grants/grants.json",
        "/link/grants/grants.json",
    ] {
        let called = read(host, &probe, path, &once).await;
        assert_ne!(code(&called), "ok", "{path}: {called:?}");
        assert_eq!(once.asked(), Vec::<String>::new(), "{path}");
    }
    // Nor is anybody worn out.
    let many: Vec<_> = (0..64).map(|number| format!("many-{number}")).collect();
    for name in &many {
        std::fs::create_dir(place.path().join(name)).expect("a folder");
    }
    let no = Person::says(Answer::No, place);
    let paths: Vec<_> = many.iter().map(|name| format!("/{name}/a")).collect();
    let request = Request::new("read-each", json!({ "paths": paths }));
    let called = host
        .call(&probe, request.prompt(Arc::clone(&no) as _))
        .await;
    assert_eq!(called.result.expect("a number"), json!(0));
    assert_eq!(no.asked().len(), 16);
}

#[tokio::test]
async fn what_a_person_takes_is_not_the_calls_time() {
    let setting = Setting::new();
    let (host, place) = (&setting.host, &setting.place);
    let Some(probe) = probe(host, &[]).await else {
        return;
    };
    let after = Duration::from_millis(900);
    let slow = Person::says_after(Answer::Once, after, place.path());
    let limits = Limits {
        wall_ms: 400,
        fuel: u64::MAX / 2,
        ..Limits::default()
    };
    let request = Request::new("read-file", json!({ "path": "/data/a.txt" }));
    let request = request.limits(limits).prompt(Arc::clone(&slow) as _);
    let called = host.call(&probe, request).await;
    assert_eq!(code(&called), "ok", "{called:?}");
    assert!(called.usage.wall < after, "{called:?}");
    // What it takes afterwards is.
    let started = Instant::now();
    let arguments = json!({ "path": "/data/a.txt", "how": "hold" });
    let request = Request::new("stay-with", arguments).limits(limits);
    let called = host
        .call(&probe, request.prompt(Arc::clone(&slow) as _))
        .await;
    let took = started.elapsed();
    assert_eq!(code(&called), "limit/wall", "{called:?}");
    assert!(after + Duration::from_millis(300) < took, "{took:?}");
    assert!(took < after + Duration::from_secs(5), "{took:?}");
    // Whoever cancels need not wait for him.
    let hour = Duration::from_secs(3_600);
    let silent = Person::says_after(Answer::Once, hour, place.path());
    let cancel = CancellationToken::new();
    let request = Request::new("read-file", json!({ "path": "/data/a.txt" }));
    let request = request.prompt(silent.clone()).cancel(cancel.clone());
    let end = async {
        support::soon(async {
            while silent.asked().is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        cancel.cancel();
    };
    let (called, ()) = support::soon(async { tokio::join!(host.call(&probe, request), end) }).await;
    let error = called.result.expect_err("it was cancelled");
    assert_eq!(error.code().as_str(), "cancelled");
}
