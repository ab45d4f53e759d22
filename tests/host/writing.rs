//! Folders that may be written: only below what was granted, within the limits, and
//! gone with the call where they are the call's own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use patinox::{CancellationToken, Config, Host, Kind, Request};
use serde_json::json;

use super::files::{Asked, Place};
use crate::support::{self, code};

/// The folder of a place, to be written.
fn grant(place: &Place) -> String {
    format!("fs={}:rw@/data", place.data().display())
}

/// What lies outside of the folder that is granted.
fn outside(place: &Place) -> BTreeMap<PathBuf, String> {
    let mut all = place.all();
    // The folder itself changes with what lies in it.
    all.retain(|path, _| !path.starts_with(place.data()));
    all
}

#[tokio::test]
async fn what_is_granted_can_be_written_as_programs_do() {
    let place = Place::new();
    let Some(asked) = Asked::of(&[grant(&place)]).await else {
        return;
    };
    let found = asked.ask("work-in", "/data/sub").await;
    let log = "first\nthird\n";
    assert_eq!(found, Ok(json!(["a", "c", "log", log, "1"])));
    assert!(!place.data().join("sub/work").exists());
    let arguments = json!({ "path": "/data/new.txt", "content": "aGVsbG8=" });
    let called = asked.call("write-file", arguments).await;
    assert_eq!(code(&called), "ok", "{called:?}");
    let new = place.data().join("new.txt");
    assert_eq!(fs::read_to_string(&new).expect("a file"), "hello");
    let mode = std::os::unix::fs::MetadataExt::mode(&new.metadata().expect("a file"));
    assert_eq!(mode & 0o7111, 0, "no program is made: {mode:o}");
    for (operation, path, other, content) in [
        ("write-to", "new.txt", "LLO", "heLLO"),
        ("shorten", "new.txt", "", "he"),
        ("sync", "new.txt", "", "he"),
        ("set-times-of", "new.txt", "", "he"),
        ("set-times-at", "new.txt", "", "he"),
    ] {
        let told = asked.change(operation, path, other).await;
        assert_eq!(told, Ok(String::new()), "{operation}");
        assert_eq!(fs::read_to_string(&new).expect("a file"), content);
    }
    let flags = asked.change("flags", "new.txt", "").await;
    let both = "DescriptorFlags(READ | WRITE)";
    assert_eq!(flags.as_deref(), Ok(both));
}

#[tokio::test]
async fn nothing_outside_of_what_is_granted_is_changed() {
    let place = Place::new();
    let Some(asked) = Asked::of(&[grant(&place)]).await else {
        return;
    };
    let before = outside(&place);
    for operation in [
        "open-write",
        "open-mutate",
        "create",
        "create-new",
        "create-directory-at",
        "remove-directory-at",
        "unlink-file-at",
        "set-times-at",
        "write-to",
        "shorten",
        "set-times-of",
    ] {
        for path in [
            "../secret.txt",
            "../new",
            "../data-2/c.txt",
            "..",
            "../",
            "sub/../../new",
            "sub/out/new",
            "sub/out/secret.txt",
            "magic/tmp/new",
            "/etc/new",
            "/",
            "",
            ".",
            "./",
        ] {
            let told = asked.change(operation, path, "written").await;
            // The folder itself may be opened, and gets new times.
            let is_itself = matches!(path, "." | "./" | "sub/..");
            let is_harmless = matches!(operation, "open-mutate" | "set-times-at");
            assert!(
                told.is_err() || is_itself && is_harmless,
                "{operation} {path}: {told:?}"
            );
        }
    }
    for operation in ["rename-at", "link-itself", "symlink-at"] {
        for (path, other) in [
            ("a.txt", "../new"),
            ("a.txt", "/new"),
            ("a.txt", "sub/out/new"),
            ("a.txt", "magic/tmp/new"),
            ("a.txt", "sub/../../new"),
            ("../secret.txt", "new"),
            ("sub/out/secret.txt", "new"),
            ("/etc/passwd", "new"),
            ("..", "new"),
        ] {
            let told = asked.change(operation, path, other).await;
            assert!(told.is_err(), "{operation} {path} {other}: {told:?}");
        }
    }
    assert_eq!(outside(&place), before);
}

/// By the link itself something may be done; what it leads to is another thing.
#[tokio::test]
async fn links_are_taken_for_what_they_are() {
    let place = Place::new();
    let Some(asked) = Asked::of(&[grant(&place)]).await else {
        return;
    };
    let before = outside(&place);
    for operation in ["open-write", "write-to", "shorten", "truncate", "create"] {
        for path in ["up", "absolute"] {
            let told = asked.change(operation, path, "written").await;
            assert!(told.is_err(), "{operation} {path}: {told:?}");
        }
    }
    for (path, new) in [("up", "moved-up"), ("absolute", "sub/moved")] {
        assert_eq!(
            asked.change("rename-at", path, new).await,
            Ok(String::new())
        );
        assert!(asked.change("write-to", new, "written").await.is_err());
        assert_eq!(
            asked.change("unlink-file-at", new, "").await,
            Ok(String::new())
        );
    }
    for (target, link, told) in [
        ("a.txt", "down", Ok(String::new())),
        ("sub/b.txt", "down-2", Ok(String::new())),
        ("../secret.txt", "no", Err("not-permitted")),
        ("sub/../../secret.txt", "no", Err("not-permitted")),
        ("sub/../a.txt", "no", Err("not-permitted")),
        ("/etc/passwd", "no", Err("not-permitted")),
        ("..", "no", Err("not-permitted")),
        ("a.txt", "down", Err("exist")),
        ("a.txt", "folder/", Err("not-directory")),
    ] {
        let made = asked.change("symlink-at", target, link).await;
        assert_eq!(made, told.map_err(str::to_owned), "{target} {link}");
    }
    assert_eq!(outside(&place), before);
}

/// Somebody has put another name of a file elsewhere into the folder.
#[tokio::test]
async fn a_file_with_another_name_elsewhere_is_not_written() {
    let place = Place::new();
    fs::hard_link(place.outside(), place.data().join("planted")).expect("a link");
    let Some(asked) = Asked::of(&[grant(&place)]).await else {
        return;
    };
    let before = outside(&place);
    for operation in [
        "open-write",
        "write-to",
        "shorten",
        "set-times-of",
        "set-times-at",
    ] {
        let told = asked.change(operation, "planted", "written").await;
        assert_eq!(told, Err("not-permitted".to_owned()), "{operation}");
    }
    assert_eq!(outside(&place), before);
    let copied = asked.change("unlink-file-at", "planted", "").await;
    assert_eq!(copied, Ok(String::new()));
    assert_eq!(
        fs::read_to_string(place.outside()).expect("a file"),
        "s3cr3t"
    );
}

#[tokio::test]
async fn nothing_goes_from_one_grant_to_another() {
    let place = Place::new();
    let other = format!("fs={}:rw@/other", place.path().join("data-2").display());
    let Some(asked) = Asked::of(&[grant(&place), other]).await else {
        return;
    };
    let before = place.all();
    for operation in ["rename-to-second", "link-to-second"] {
        let told = asked.change(operation, "a.txt", "new").await;
        assert_eq!(told, Err("cross-device".to_owned()), "{operation}");
    }
    assert_eq!(place.all(), before);
}

#[tokio::test]
async fn only_files_and_folders_are_written_and_nobody_waits_for_a_pipe() {
    let place = Place::new();
    let Some(asked) = Asked::of(&[grant(&place)]).await else {
        return;
    };
    for (operation, path, told) in [
        ("open-write", "pipe", "access"),
        ("open-write", "socket", "access"),
        ("create", "pipe", "access"),
        ("open-write", "sub", "is-directory"),
        ("create", "sub", "is-directory"),
        ("create-new", "a.txt", "exist"),
        ("create", "new/", "is-directory"),
        ("truncate", "a.txt", "invalid"),
        ("create-directory-at", "sub", "exist"),
        ("create-directory-at", "none/new", "no-entry"),
        ("remove-directory-at", "sub", "not-empty"),
        ("remove-directory-at", "a.txt", "not-directory"),
        ("unlink-file-at", "sub", "is-directory"),
        ("unlink-file-at", "a.txt/", "not-directory"),
        ("rename-at", "sub", "invalid"),
    ] {
        let changed = asked.change(operation, path, "sub/inner");
        let changed = support::soon(changed).await;
        assert_eq!(changed, Err(told.to_owned()), "{operation} {path}");
    }
}

/// A file that seems to be huge takes no room, and is one all the same.
#[tokio::test]
async fn what_a_file_gains_without_being_written_counts() {
    let place = Place::new();
    let Some(asked) = Asked::of(&[grant(&place)]).await else {
        return;
    };
    for operation in ["write-far", "stretch"] {
        let arguments = json!({ "operation": operation, "path": "a.txt", "other": "" });
        let called = asked.call("change", arguments).await;
        assert_eq!(code(&called), "limit/fs-bytes", "{called:?}");
    }
    assert_eq!(
        fs::read_to_string(place.data().join("a.txt")).expect("a file"),
        "inside"
    );
}

/// What lies below a folder, at most one deep.
fn below(folder: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(folder).into_iter().flatten().flatten();
    let inner = folders.flat_map(|entry| fs::read_dir(entry.path()).into_iter().flatten());
    inner.flatten().map(|entry| entry.path()).collect()
}

#[tokio::test]
async fn a_folder_of_the_call_goes_with_it() {
    let base = tempfile::tempdir().expect("a folder");
    let scratch = base.path().join("scratch");
    let host = Host::new(Config {
        scratch: Some(scratch.clone()),
        ..support::config()
    });
    let host = host.expect("a host");
    let grants = ["fs=scratch@/tmp".to_owned()];
    let Some(asked) = Asked::on(host.clone(), &grants).await else {
        return;
    };
    let found = asked.ask("work-in", "/tmp").await;
    assert_eq!(
        found.map(|found| found.as_array().map(Vec::len)),
        Ok(Some(5))
    );
    let arguments = json!({ "path": "/tmp/kept", "content": "aGVsbG8=" });
    let written = asked.call("write-file", arguments).await;
    assert_eq!(code(&written), "ok", "{written:?}");
    assert!(asked.ask("read-file", "/tmp/kept").await.is_err());

    let hostile = support::hostile(&host).await;
    let trapped = support::call(&host, &hostile, "open-files", json!({ "n": 100 })).await;
    assert_eq!(code(&trapped), "limit/fs-open");
    let cancel = CancellationToken::new();
    let request = Request::new("make-files", json!({ "n": 1_000_000 }));
    let mut limits = *host.limits();
    limits.set("fs-files", "1M").expect("a limit");
    limits.set("host-calls", "100M").expect("a limit");
    let call = host.call(&hostile, request.limits(limits).cancel(cancel.clone()));
    let watch = async {
        while below(&scratch).is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        cancel.cancel();
    };
    let (cancelled, ()) = support::soon(async { tokio::join!(call, watch) }).await;
    assert_eq!(code(&cancelled), "cancelled");
    support::soon(host.registry().settled()).await;
    assert_eq!(below(&scratch), Vec::<PathBuf>::new());
    let held = host.registry().counts().of(Kind::Folder);
    assert_eq!(held.entries, 0);
    drop((asked, hostile, host));
    assert_eq!(fs::read_dir(&scratch).expect("a folder").count(), 0);
}

#[tokio::test]
async fn a_place_for_folders_that_is_not_ours_alone_is_told() {
    let base = tempfile::tempdir().expect("a folder");
    let scratch = base.path().join("scratch");
    fs::create_dir(&scratch).expect("a folder");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(&scratch, open).expect("a mode");
    let host = Host::new(Config {
        scratch: Some(scratch),
        ..support::config()
    });
    let host = host.expect("a host");
    let grant = "fs=scratch@/tmp".parse().expect("a grant");
    let request = patinox::LoadRequest::bytes(support::guests::prebuilt_text()).grant(grant);
    let error = host.load(request).await.expect_err("a refusal");
    assert_eq!(
        error.to_string(),
        "the folder that is granted as `/tmp` cannot be opened"
    );
    assert_eq!(patinox::Failure::code(&error).as_str(), "caller/unreadable");
}
