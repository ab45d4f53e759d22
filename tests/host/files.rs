//! Folders: only what was granted, only to be read, and never further.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use patinox::{Called, Failure as _, Grant, Host, LoadRequest, Loaded};
use patinox_telemetry::Clock;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{self, code, guests};

/// A folder to grant, with something outside of it that nobody may reach.
pub(super) struct Place {
    whole: TempDir,
}

impl Place {
    pub(super) fn new() -> Self {
        let whole = tempfile::tempdir().expect("a folder");
        let place = Self { whole };
        let data = place.data();
        fs::create_dir_all(data.join("sub/deep")).expect("a folder");
        fs::write(data.join("a.txt"), "inside").expect("a file");
        fs::write(data.join("sub/b.txt"), "b".repeat(200_000)).expect("a file");
        fs::write(place.outside(), "s3cr3t").expect("a file");
        fs::create_dir(place.path().join("data-2")).expect("a folder");
        fs::write(place.path().join("data-2/c.txt"), "s3cr3t").expect("a file");
        symlink("a.txt", data.join("to-a")).expect("a link");
        symlink("sub/../a.txt", data.join("to-a-by-sub")).expect("a link");
        symlink("../secret.txt", data.join("up")).expect("a link");
        symlink(place.outside(), data.join("absolute")).expect("a link");
        symlink("..", data.join("sub/parent")).expect("a link");
        symlink("../..", data.join("sub/out")).expect("a link");
        symlink("loop", data.join("loop")).expect("a link");
        symlink("/proc/self/root", data.join("magic")).expect("a link");
        UnixListener::bind(data.join("socket")).expect("a socket");
        rustix::fs::mkfifoat(rustix::fs::CWD, data.join("pipe"), rustix::fs::Mode::RWXU)
            .expect("a pipe");
        place
    }

    pub(super) fn path(&self) -> &Path {
        self.whole.path()
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(super) fn outside(&self) -> PathBuf {
        self.path().join("secret.txt")
    }

    fn grant(&self) -> String {
        format!("fs={}:ro@/data", self.data().display())
    }

    /// All there is, with its kind, content and time of change.
    pub(super) fn all(&self) -> BTreeMap<PathBuf, String> {
        let mut all = BTreeMap::new();
        let mut left = vec![self.path().to_owned()];
        while let Some(path) = left.pop() {
            let found = path.symlink_metadata().expect("it is there");
            let content = match found.file_type() {
                kind if kind.is_file() => format!("{:?}", fs::read(&path).expect("a file")),
                kind if kind.is_symlink() => format!("{:?}", fs::read_link(&path).expect("a link")),
                kind if kind.is_fifo() || kind.is_socket() => String::new(),
                _ => {
                    let inside = fs::read_dir(&path).expect("a folder").flatten();
                    left.extend(inside.map(|entry| entry.path()));
                    String::new()
                }
            };
            let changed = (
                found.mtime(),
                found.mtime_nsec(),
                found.mode(),
                found.nlink(),
            );
            all.insert(path, format!("{changed:?} {content}"));
        }
        all
    }
}

async fn probe(host: &Host, grants: &[String]) -> Option<Loaded> {
    let request = LoadRequest::bytes(guests::built("fixture-probe")?);
    let parsed = |text: &String| text.parse::<Grant>().expect("a grant");
    let request = grants.iter().map(parsed).fold(request, LoadRequest::grant);
    Some(host.load(request).await.expect("a component"))
}

pub(super) struct Asked {
    pub(super) host: Host,
    pub(super) probe: Loaded,
}

impl Asked {
    pub(super) async fn of(grants: &[String]) -> Option<Self> {
        Self::on(support::host(), grants).await
    }

    pub(super) async fn on(host: Host, grants: &[String]) -> Option<Self> {
        let probe = probe(&host, grants).await?;
        Some(Self { host, probe })
    }

    pub(super) async fn call(&self, tool: &str, arguments: Value) -> Called {
        support::call(&self.host, &self.probe, tool, arguments).await
    }

    pub(super) async fn ask(&self, tool: &str, path: &str) -> Result<Value, String> {
        let called = self.call(tool, json!({ "path": path })).await;
        called.result.map_err(|error| error.to_string())
    }

    pub(super) async fn change(
        &self,
        operation: &str,
        path: &str,
        other: &str,
    ) -> Result<String, String> {
        let arguments = json!({ "operation": operation, "path": path, "other": other });
        let called = self.call("change", arguments).await;
        match called.result {
            Ok(answer) => Ok(answer.as_str().expect("a text").to_owned()),
            Err(error) => {
                let text = error.to_string();
                Err(text.rsplit(": ").next().unwrap_or_default().to_owned())
            }
        }
    }
}

#[tokio::test]
async fn what_is_granted_can_be_read() {
    let place = Place::new();
    let Some(asked) = Asked::of(&[place.grant()]).await else {
        return;
    };
    let inside = json!("aW5zaWRl");
    for path in [
        "/data/a.txt",
        "/data/sub/../a.txt",
        "/data/to-a",
        "/data/to-a-by-sub",
        "/data/sub/parent/a.txt",
    ] {
        assert_eq!(
            asked.ask("read-file", path).await,
            Ok(inside.clone()),
            "{path}"
        );
    }
    let long = asked
        .ask("read-file", "/data/sub/b.txt")
        .await
        .expect("a file");
    assert_eq!(
        long.as_str().map(str::len),
        Some(200_000_usize.div_ceil(3) * 4)
    );
    assert_eq!(
        asked.ask("open-file", "/data/sub/b.txt").await,
        Ok(json!(200_000))
    );
    assert_eq!(
        asked.ask("list-folder", "/data/sub").await,
        Ok(json!(["b.txt", "deep", "out", "parent"]))
    );
    assert_eq!(asked.ask("list-folder", "/").await, Ok(json!([])));
    let folders = asked.call("open-directories", json!({})).await;
    assert_eq!(folders.result.expect("a list"), json!(["/data", "/"]));
    for (path, found) in [
        ("/data/a.txt", json!(["file", 6])),
        ("/data/to-a", json!(["link", 5])),
        ("/data/up", json!(["link", 13])),
        ("/", json!(["folder", 0])),
    ] {
        assert_eq!(asked.ask("describe", path).await, Ok(found), "{path}");
    }
    assert_eq!(
        asked.change("readlink-at", "to-a", "").await,
        Ok("a.txt".to_owned())
    );
    assert_eq!(
        asked.change("same", "a.txt", "to-a").await,
        Ok("(true, true)".to_owned())
    );
    assert_eq!(
        asked.change("same", "a.txt", "sub/b.txt").await,
        Ok("(false, false)".to_owned())
    );
}

#[tokio::test]
async fn nothing_leads_out_of_what_is_granted() {
    let place = Place::new();
    let Some(asked) = Asked::of(&[place.grant()]).await else {
        return;
    };
    for (path, refused) in [
        ("../secret.txt", "not-permitted"),
        ("sub/../../secret.txt", "not-permitted"),
        ("..", "not-permitted"),
        ("../data-2/c.txt", "not-permitted"),
        ("../data/a.txt", "not-permitted"),
        ("up", "not-permitted"),
        ("absolute", "not-permitted"),
        ("sub/out/secret.txt", "not-permitted"),
        ("magic/etc/passwd", "not-permitted"),
        ("/etc/passwd", "not-permitted"),
        ("/", "not-permitted"),
        ("loop", "loop"),
        ("", "no-entry"),
        ("a.txt/", "not-directory"),
        ("a.txt/../a.txt", "not-directory"),
        ("none", "no-entry"),
        ("pipe", "access"),
        ("socket", "access"),
    ] {
        for operation in ["open", "open-folder", "stat-at"] {
            let told = asked.change(operation, path, "").await;
            let is_other = operation == "stat-at" && refused == "access";
            let is_file = operation == "open-folder" && refused == "access";
            let expected = match (is_other, is_file) {
                (true, _) => continue,
                (_, true) => "not-directory",
                _ => refused,
            };
            assert_eq!(told, Err(expected.to_owned()), "{operation} {path}");
        }
    }
    for (path, refused) in [
        ("absolute", "not-permitted"),
        ("magic", "not-permitted"),
        ("a.txt", "invalid"),
    ] {
        let told = asked.change("readlink-at", path, "").await;
        assert_eq!(told, Err(refused.to_owned()), "{path}");
    }
    assert_eq!(
        asked.change("open-nofollow", "to-a", "").await,
        Err("loop".to_owned())
    );
    let long = "a/".repeat(3_000);
    assert_eq!(
        asked.change("open", &long, "").await,
        Err("name-too-long".to_owned())
    );
    assert_eq!(
        asked.change("open", "a\0.txt", "").await,
        Err("invalid".to_owned())
    );
}

#[tokio::test]
async fn what_may_be_read_may_not_be_changed() {
    let place = Place::new();
    let Some(asked) = Asked::of(&[place.grant()]).await else {
        return;
    };
    let before = place.all();
    let operations = [
        "open-write",
        "open-mutate",
        "create",
        "create-new",
        "truncate",
        "create-directory-at",
        "remove-directory-at",
        "unlink-file-at",
        "rename-at",
        "link-at",
        "symlink-at",
        "set-times-at",
        "set-times",
        "set-size",
        "write",
        "write-via-stream",
        "append-via-stream",
    ];
    let paths = [
        ("a.txt", "new.txt"),
        ("sub", "sub-2"),
        ("sub/deep", "deep/"),
        ("to-a", "../out.txt"),
        ("../secret.txt", "new.txt"),
        ("up", "/new.txt"),
        ("absolute", "sub/../../new.txt"),
        ("new.txt/", "a.txt"),
        (".", "new"),
    ];
    for operation in operations {
        for (path, other) in paths {
            let told = asked.change(operation, path, other).await;
            assert!(told.is_err(), "{operation} {path} {other}: {told:?}");
        }
    }
    assert_eq!(place.all(), before);
    let arguments = json!({ "operation": "create", "path": "sub/new.txt", "other": "" });
    let error = asked
        .call("change", arguments)
        .await
        .result
        .expect_err("a refusal");
    assert_eq!(error.code().as_str(), "policy/denied");
    let text = error.to_string();
    assert!(
        text.starts_with("writing `/data/sub` is not granted"),
        "{text}"
    );
    let data = place.data();
    let hint = format!(
        "allow it with --allow 'fs={}/sub:rw@/data/sub'",
        data.display()
    );
    assert_eq!(error.hint(), Some(hint));
}

#[tokio::test]
async fn what_was_not_granted_is_told_by_its_path() {
    let Some(asked) = Asked::of(&[]).await else {
        return;
    };
    let called = asked
        .call("read-file", json!({ "path": "/data/sub/b.txt" }))
        .await;
    assert_eq!(code(&called), "policy/denied");
    let error = called.result.expect_err("a refusal");
    let text = error.to_string();
    assert!(
        text.starts_with("reading `/data/sub` is not granted, and then the tool failed: "),
        "{text}"
    );
    assert_eq!(
        error.hint().as_deref(),
        Some("allow it with --allow 'fs=./data/sub:ro@/data/sub'")
    );
    let place = Place::new();
    let Some(asked) = Asked::of(&[place.grant()]).await else {
        return;
    };
    for path in ["/etc/passwd", "/data-2/c.txt", "/dat/a"] {
        let called = asked.call("read-file", json!({ "path": path })).await;
        assert_eq!(code(&called), "policy/denied", "{path}: {called:?}");
    }
}

/// What a tool looks for and can do without is told, and blamed for nothing.
#[tokio::test]
async fn what_the_failure_does_not_name_is_not_blamed() {
    let Some(asked) = Asked::of(&[]).await else {
        return;
    };
    // That one says nothing of the path.
    let called = asked.call("describe", json!({ "path": "/data/sub" })).await;
    assert_eq!(code(&called), "component/error", "{called:?}");
    let [denial] = called.denials.as_slice() else {
        panic!("{called:?}");
    };
    assert_eq!(denial.to_string(), "reading `/data` is not granted");
}

/// What a guest asks for is kept only as far as it could be granted: of a longer path the
/// folder above it.
#[tokio::test]
async fn a_long_path_is_not_kept() {
    let place = Place::new();
    for grants in [vec![], vec![place.grant()]] {
        let Some(asked) = Asked::of(&grants).await else {
            return;
        };
        let path = format!("/data/{}", "a".repeat(1 << 20));
        let called = asked.call("describe", json!({ "path": path })).await;
        assert_eq!(code(&called), "component/error");
        let told: Vec<_> = called.denials.iter().map(ToString::to_string).collect();
        let expected = match grants.is_empty() {
            true => vec!["reading `/data` is not granted"],
            false => vec![],
        };
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn two_folders_are_two_and_one_in_another_stands_by_its_own_grant() {
    let place = Place::new();
    let data = place.data();
    let grants = [
        place.grant(),
        format!("fs={}:ro@/data/sub", place.path().join("data-2").display()),
        format!("fs={}:ro@/b", data.join("sub").display()),
    ];
    let Some(asked) = Asked::of(&grants).await else {
        return;
    };
    let secret = json!("czNjcjN0");
    assert_eq!(asked.ask("read-file", "/data/sub/c.txt").await, Ok(secret));
    assert_eq!(
        asked.ask("list-folder", "/b").await,
        Ok(json!(["b.txt", "deep", "out", "parent"]))
    );
    // A link of the one does not lead into the other.
    assert!(asked.ask("read-file", "/b/parent/a.txt").await.is_err());
}

#[tokio::test]
async fn what_has_ended_opens_nothing_more() {
    let place = Place::new();
    let Some(bytes) = guests::built("fixture-probe") else {
        return;
    };
    let host = support::host();
    let soon = Clock::system().wall() + Duration::from_secs(2);
    let grant = place.grant().parse::<Grant>().expect("a grant").until(soon);
    let probe = host
        .load(LoadRequest::bytes(bytes).grant(grant))
        .await
        .expect("a component");
    let asked = Asked { host, probe };
    assert!(asked.ask("read-file", "/data/a.txt").await.is_ok());
    let ended = async {
        while asked.ask("read-file", "/data/a.txt").await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    support::soon(ended).await;
    let called = asked
        .call("read-file", json!({ "path": "/data/a.txt" }))
        .await;
    assert_eq!(code(&called), "policy/expired", "{called:?}");
}

#[tokio::test]
async fn a_call_has_at_most_64_files_open() {
    let place = Place::new();
    let Some(asked) = Asked::of(&[place.grant()]).await else {
        return;
    };
    let hoard = |times: u32| json!({ "path": "/data/a.txt", "times": times });
    let called = asked.call("hoard-files", hoard(200)).await;
    assert_eq!(called.result.expect("a count"), 64);
    let called = asked.call("hoard-files", hoard(10)).await;
    assert_eq!(called.result.expect("a count"), 10);
}

#[tokio::test]
async fn a_folder_that_cannot_be_granted_is_told_when_it_is_loaded() {
    let place = Place::new();
    let Some(bytes) = guests::built("fixture-probe") else {
        return;
    };
    let host = support::host();
    let file = place.outside();
    for (path, code, hint) in [
        (
            Path::new("/proc/self"),
            "caller/unreadable",
            "granted to nobody",
        ),
        (Path::new("/sys"), "caller/unreadable", "granted to nobody"),
        (&file, "caller/unreadable", "the folder that it lies in"),
        (Path::new("/nowhere/at/all"), "caller/not-found", "make it"),
    ] {
        let grant = format!("fs={}:ro@/data", path.display())
            .parse()
            .expect("a grant");
        let loaded = host
            .load(LoadRequest::bytes(bytes.clone()).grant(grant))
            .await;
        let error = loaded.expect_err("a refusal");
        assert_eq!(error.code().as_str(), code, "{error}");
        let text = error.to_string();
        assert_eq!(
            text,
            "the folder that is granted as `/data` cannot be opened"
        );
        assert!(error.hint().expect("a hint").contains(hint), "{error:?}");
    }
}

/// What lies below a folder is found by many names, so that none of them may be granted.
#[tokio::test]
async fn a_folder_that_is_denied_keeps_those_around_it_from_being_granted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    fs::create_dir_all(path.join("a/private/deep")).expect("a folder");
    fs::create_dir_all(path.join("a/open")).expect("a folder");
    symlink("a/private", path.join("link")).expect("a link");
    let host = support::host();
    let load = async |granted: &str, denied: &str| {
        let grant = |folder: &str| format!("fs={}:ro@/data", path.join(folder).display());
        let request = LoadRequest::bytes(guests::prebuilt_hostile())
            .grant(grant(granted).parse().expect("a grant"))
            .deny(grant(denied).parse().expect("a grant"));
        host.load(request).await
    };
    for granted in ["", "a", "a/private", "a/private/deep", "link", "link/deep"] {
        for denied in ["a/private", "link"] {
            let error = load(granted, denied).await.expect_err("a refusal");
            let text = error.to_string();
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            assert!(
                format!("{text} {cause:?}").contains("denied"),
                "{granted}: {text} {cause:?}"
            );
        }
    }
    load("a/open", "a/private").await.expect("a component");
    load("a/open", "a/not-there").await.expect("a component");
    load("a", "a/not-there").await.expect_err("a refusal");
}
