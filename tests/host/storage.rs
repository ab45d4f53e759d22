//! What guests keep: there for the next call, the next host and after a kill, and for
//! nobody to whom it is not granted.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::SystemTime;

use patinox::{
    CancellationToken, Code, Failure as _, Host, KeyValue, Keys, LoadRequest, Loaded, Request,
    Storage, StorageError, StorageFuture,
};
use serde_json::{Value, json};

use crate::support::{self, code, guests, soon};

const WRITE: &str = "kv=notes:rw";

fn host(storage: Storage) -> Host {
    Host::new(patinox::Config {
        storage: Some(storage),
        ..support::config()
    })
    .expect("a host")
}

fn request(grant: &str) -> LoadRequest {
    LoadRequest::bytes(guests::prebuilt_notes()).grant(grant.parse().expect("a grant"))
}

async fn notes(folder: &Path) -> (Host, Loaded) {
    let host = host(Storage::Folder(folder.to_owned()));
    let notes = host.load(request(WRITE)).await.expect("a component");
    (host, notes)
}

async fn add(host: &Host, notes: &Loaded, text: &str) -> u64 {
    let called = support::call(host, notes, "add", json!({ "text": text })).await;
    called.result.expect("a number").as_u64().expect("a number")
}

/// The numbers of all notes.
async fn all(folder: &Path) -> BTreeSet<u64> {
    let (host, notes) = notes(folder).await;
    let (mut ids, mut after) = (BTreeSet::new(), 0);
    loop {
        let options = json!({ "options": { "after": after, "limit": 1_000 } });
        let called = support::call(&host, &notes, "list", options).await;
        let page = called.result.expect("a page");
        let found = page["notes"].as_array().expect("notes").iter();
        ids.extend(found.filter_map(|note| note["id"].as_u64()));
        if page["complete"] == json!(true) {
            return ids;
        }
        after = ids.last().copied().expect("a note");
    }
}

/// Says to the test `child` what it is to do.
const ROLE: &str = "PATINOX_TEST_STORAGE";

/// This test binary, at work in a folder.
fn child_in(folder: &Path, role: &str) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "host::storage::child", "--nocapture"])
        .env(ROLE, role)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child")
}

/// Not a test by itself: what the others start.
#[tokio::test]
async fn child() {
    #[expect(clippy::disallowed_methods, reason = "how a test tells its child")]
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let most = role.parse().expect("a number");
    let (host, notes) = notes(Path::new("storage")).await;
    for number in 0..most {
        let id = add(&host, &notes, &format!("note {number}")).await;
        println!("kept {id}");
    }
}

/// What a child says it has kept, to its end.
fn said(child: &mut Child) -> impl Iterator<Item = u64> + use<> {
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let lines = lines.map_while(Result::ok);
    lines.filter_map(|line| line.strip_prefix("kept ")?.parse().ok())
}

#[tokio::test]
async fn ten_processes_at_once_lose_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut children: Vec<_> = (0..10).map(|_| child_in(folder.path(), "20")).collect();
    let mut kept = BTreeSet::new();
    for child in &mut children {
        kept.extend(said(child));
        assert!(child.wait().expect("an end").success());
    }
    assert_eq!(kept, (1..=200).collect());
    assert_eq!(all(&folder.path().join("storage")).await, kept);
}

#[tokio::test]
async fn what_was_acknowledged_outlives_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut kept = BTreeSet::new();
    for round in 1..=5 {
        let mut child = child_in(folder.path(), "1000000");
        let mut said = said(&mut child);
        // Somewhere in its work, which is another place each time.
        kept.extend(said.by_ref().take(7 * round));
        child.kill().expect("it runs");
        kept.extend(said);
        child.wait().expect("it is gone");
        let found = all(&folder.path().join("storage")).await;
        assert!(kept.is_subset(&found), "{:?}", kept.difference(&found));
    }
    assert!(5 * 7 <= kept.len());
}

#[tokio::test]
async fn a_grant_that_has_ended_is_one_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host(Storage::Folder(folder.path().join("storage")));
    let grant = WRITE
        .parse::<patinox::Grant>()
        .expect("a grant")
        .until(SystemTime::UNIX_EPOCH);
    let request = LoadRequest::bytes(guests::prebuilt_notes()).grant(grant);
    let notes = host.load(request).await.expect("a component");
    for (tool, arguments) in [("add", json!({ "text": "x" })), ("list", json!({}))] {
        let called = support::call(&host, &notes, tool, arguments).await;
        assert_eq!(code(&called), "policy/expired", "{called:?}");
    }
    assert_eq!(all(&folder.path().join("storage")).await, BTreeSet::new());
}

#[tokio::test]
async fn what_was_used_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (host, notes) = notes(&folder.path().join("storage")).await;
    let used = async |tool: &str, arguments: Value| {
        let request = Request::new(tool, arguments).observe();
        let called = soon(host.call(&notes, request)).await;
        let uses = called
            .uses
            .iter()
            .map(|access| access.narrowest().to_string());
        uses.collect::<Vec<_>>()
    };
    assert_eq!(used("add", json!({ "text": "x" })).await, ["kv=notes:rw"]);
    assert_eq!(used("list", json!({})).await, ["kv=notes:ro"]);
}

#[tokio::test]
async fn where_nothing_can_be_kept_it_is_not_granted() {
    let without = Host::new(patinox::Config {
        storage: None,
        ..support::config()
    })
    .expect("a host");
    let error = without.load(request(WRITE)).await.expect_err("a refusal");
    assert_eq!(error.code(), Code::InvalidConfig);
    assert_eq!(
        error.to_string(),
        "`kv=notes:rw` cannot be granted yet: this host was given no storage"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let host = host(Storage::Folder(file.join("storage")));
    let error = host.load(request(WRITE)).await.expect_err("a refusal");
    assert_eq!(error.code(), Code::Unreadable);
    assert_eq!(error.to_string(), "the storage cannot be used");
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("mode `0700`"), "{hint}");
    // Who is granted nothing needs none.
    let none = LoadRequest::bytes(guests::prebuilt_notes());
    host.load(none).await.expect("a component");
}

/// To open and close a file takes all locks of the process on it away.
#[tokio::test]
async fn no_folder_that_holds_it_can_be_granted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::create_dir_all(path.join("a/b")).expect("a folder");
    std::os::unix::fs::symlink("a", path.join("link")).expect("a link");
    let host = Host::new(patinox::Config {
        storage: Some(Storage::Folder(path.join("a/storage"))),
        own_folders: vec![path.join("own")],
        ..support::config()
    })
    .expect("a host");
    let load = async |folder: &str| {
        let grant = format!("fs={}:ro@/data", path.join(folder).display());
        let request = LoadRequest::bytes(guests::prebuilt_hostile());
        let grant = grant.parse().expect("a grant");
        host.load(request.grant(grant)).await
    };
    load("a/b").await.expect("a component");
    for made in [false, true] {
        for holds in ["", "a", "link"] {
            let error = load(holds).await.expect_err("a refusal");
            assert_eq!(error.code(), Code::Unreadable, "{holds}: {error}");
            assert!(
                error.hint().expect("a hint").contains("further down"),
                "{error:?}"
            );
        }
        // Nor one that lies in it, or another of the host's own.
        if made {
            for lies_in in ["a/storage", "link/storage", "own", "own/deep"] {
                load(lies_in).await.expect_err("a refusal");
            }
        }
        std::fs::create_dir_all(path.join("own/deep")).expect("a folder");
        host.load(request(WRITE)).await.expect("a component");
    }
}

#[tokio::test]
async fn a_host_that_is_shut_down_has_let_go_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (host, notes) = notes(&folder.path().join("storage")).await;
    add(&host, &notes, "x").await;
    drop(notes);
    let ended = host.shutdown(support::SOON).await;
    assert!(ended.leaked.entries.is_empty(), "{:?}", ended.leaked);
    assert!(!folder.path().join("storage/patinox.sqlite-wal").exists());
}

/// An embedder's own storage, which never answers.
#[derive(Debug)]
struct Silent;

impl Silent {
    fn never<T: Send + 'static>() -> StorageFuture<'static, T> {
        Box::pin(std::future::pending())
    }
}

impl KeyValue for Silent {
    fn check(&self) -> StorageFuture<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn get(&self, _: &str, _: Vec<String>, _: u64) -> StorageFuture<'_, Vec<Option<Vec<u8>>>> {
        Self::never()
    }

    fn set(&self, _: &str, _: Vec<(String, Vec<u8>)>, _: u64) -> StorageFuture<'_, ()> {
        Self::never()
    }

    fn delete(&self, _: &str, _: Vec<String>) -> StorageFuture<'_, ()> {
        Self::never()
    }

    fn exists(&self, _: &str, _: String) -> StorageFuture<'_, bool> {
        Self::never()
    }

    fn keys(&self, _: &str, _: Option<u64>) -> StorageFuture<'_, Keys> {
        let error = StorageError::Failed("/a/path of the host".into());
        Box::pin(std::future::ready(Err(error)))
    }

    fn increment(&self, _: &str, _: String, _: u64, _: u64) -> StorageFuture<'_, u64> {
        Self::never()
    }
}

#[tokio::test]
async fn a_storage_that_does_not_answer_holds_no_call_beyond_its_time() {
    let host = host(Storage::Custom(Arc::new(Silent)));
    let notes = host.load(request(WRITE)).await.expect("a component");
    let mut limits = *host.limits();
    limits.set("wall", "100ms").expect("a value");
    let add = || Request::new("add", json!({ "text": "x" }));
    let late = soon(host.call(&notes, add().limits(limits))).await;
    assert_eq!(code(&late), "limit/wall", "{late:?}");
    let stop = CancellationToken::new();
    let call = host.call(&notes, add().cancel(stop.clone()));
    let (called, ()) = tokio::join!(soon(call), async { stop.cancel() });
    assert_eq!(code(&called), "cancelled", "{called:?}");
    // The guest is told that it failed, and not why.
    let called = support::call(&host, &notes, "list", json!({})).await;
    let error = called.result.expect_err("an error").to_string();
    assert_eq!(error, "the tool failed: the storage cannot be used");
}
