//! `patinox top`: the program, on hosts of the test's own.

mod tmux;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;

use insta::assert_snapshot;
use patinox::status::StatusConfig;
use patinox::{Config, Host, Limits, Loaded, Request};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::shell::{Ended, Shell, keys};
use crate::support::{self, guests, soon};

/// Below the home folder of a shell, and where its hosts put their sockets.
const RUN: &str = "run";

/// A shell whose hosts lie in a folder of its own, and that folder.
fn shell() -> (Shell, PathBuf) {
    let shell = Shell::new();
    let run = shell.path().join(RUN);
    fs::create_dir(&run).expect("a folder");
    let path = run.display().to_string();
    let shell = shell.variable("XDG_RUNTIME_DIR", &path);
    // Nobody else's hosts are found.
    let temporary = shell.path().display().to_string();
    (shell.variable("TMPDIR", &temporary), run.join("patinox"))
}

/// A host that can be watched.
fn host(folder: &Path) -> Host {
    Host::new(Config {
        status: Some(StatusConfig {
            folder: Some(folder.to_owned()),
        }),
        ..support::config()
    })
    .expect("a host")
}

/// A host, with calls that go on and on for as long as the set is there.
async fn at_work(folder: &Path) -> (Host, Loaded, JoinSet<()>) {
    let host = host(folder);
    let text = support::load(&host, &guests::prebuilt_text()).await;
    let mut calls = JoinSet::new();
    let caller = (host.clone(), text.clone());
    calls.spawn(async move {
        let (host, text) = caller;
        loop {
            let request = Request::new("count", json!({ "text": "to be or not to be" }));
            host.call(&text, request).await;
            tokio::task::yield_now().await;
        }
    });
    (host, text, calls)
}

/// Runs the program, while the hosts of this process go on.
async fn run(shell: Shell, arguments: &'static [&'static str]) -> (Shell, Ended) {
    let ran = tokio::task::spawn_blocking(move || {
        let ended = shell.run(arguments);
        (shell, ended)
    });
    ran.await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_program_sees_two_hosts_at_once() {
    let (shell, folder) = shell();
    let (busy, text, _calls) = at_work(&folder).await;
    let limits = Limits {
        fuel: 1,
        ..Limits::default()
    };
    let request = Request::new("extract", json!({ "text": "a", "pattern": "a" }));
    soon(busy.call(&text, request.limits(limits))).await;
    let idle = host(&folder);
    let (_shell, ended) = run(shell, &["top", "-o", "json"]).await;
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );

    let document = ended.document();
    assert_eq!(keys(&document), ["ok", "result"]);
    assert_eq!(document["ok"], true);
    let result = &document["result"];
    assert_eq!(keys(result), ["folders", "hosts", "removed", "troubles"]);
    assert_eq!(
        (&result["removed"], &result["troubles"]),
        (&json!([]), &json!([]))
    );
    let [first, second] = result["hosts"].as_array().expect("hosts").as_slice() else {
        panic!("{result}");
    };
    for (seen, host) in [(first, &busy), (second, &idle)] {
        assert_eq!(keys(seen), ["socket", "status", "rates", "tools"]);
        let path = host.status_socket().expect("a socket");
        assert_eq!(seen["socket"], path.display().to_string());
        assert_eq!(seen["status"]["version"], 1);
        assert_eq!(seen["status"]["host"]["pid"], std::process::id());
        assert!(0.0 < seen["rates"]["seconds"].as_f64().expect("a span"));
    }
    assert!(1.0 < first["rates"]["calls_per_second"].as_f64().expect("a rate"));
    assert_eq!(second["rates"]["calls_per_second"], 0.0);
    assert_eq!(second["tools"], json!([]));
    let [count, extract] = first["tools"].as_array().expect("tools").as_slice() else {
        panic!("{first}");
    };
    // The most calls first.
    assert_eq!(
        (&count["tool"], &extract["tool"]),
        (&json!("count"), &json!("extract"))
    );
    assert_eq!(
        (&extract["calls"], &extract["errors"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&extract["busy"], &extract["policy"]),
        (&json!(0), &json!(0))
    );
    let number = |row: &Value, name: &str| row[name].as_f64().expect("a number");
    assert!(1.0 < number(&count["rates"], "calls_per_second"));
    assert!(number(count, "p50_seconds") <= number(count, "p95_seconds"));
    assert!(1_000.0 < number(count, "fuel_per_call"));
    assert!(0.0 < number(count, "memory_bytes_peak_per_call"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pipe_gets_one_look() {
    let (shell, folder) = shell();
    let (_busy, _text, _calls) = at_work(&folder).await;
    let (shell, ended) = run(shell, &["top"]).await;
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    ended.assert_no_crash(&shell);
    let lines: Vec<_> = ended.stdout.lines().collect();
    let pid = std::process::id();
    assert!(
        lines[0].ends_with(&format!(" {pid}: ~/run/patinox/{pid}.sock")),
        "{ended:?}"
    );
    for label in [
        "host", "calls", "refused", "machine", "process", "pressure", "pools", "count",
    ] {
        let begin = format!("  {label} ");
        assert!(
            lines.iter().any(|line| line.starts_with(&begin)),
            "{label}: {ended:?}"
        );
    }
    assert!(!ended.stdout.contains('\u{1b}'), "{ended:?}");
}

#[test]
fn no_host_is_an_answer_and_says_how_to_get_one() {
    let (shell, _) = shell();
    let ended = shell.run(&["top"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.assert_no_crash(&shell);
    assert_snapshot!(ended.stdout, @"no host that can be watched was found");
    assert_snapshot!(ended.stderr, @"
    hint: a program shows its host by `Host::builder().status_socket(true)`; as this one does:
      cargo run --release --example axum_service 127.0.0.1:8080
    ");
    let ended = shell.run(&["top", "-q"]);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    let ended = shell.run(&["top", "-o", "json"]);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    let document = ended.document();
    assert_eq!(document["ok"], true);
    assert_eq!(document["result"]["hosts"], json!([]));
    // To look makes nothing.
    let made = fs::read_dir(shell.path().join(RUN)).expect("a folder");
    assert_eq!(made.count(), 0);
}

fn make(folder: &Path) {
    fs::create_dir(folder).expect("a folder");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).expect("a mode");
}

#[test]
fn the_socket_of_a_dead_host_is_removed_and_nothing_else() {
    let (shell, folder) = shell();
    make(&folder);
    let dead = folder.join("7.sock");
    drop(UnixListener::bind(&dead).expect("a socket"));
    drop(UnixListener::bind(folder.join("mine")).expect("a socket"));
    fs::write(folder.join("8.sock"), "mine").expect("a file");
    let document = shell.run(&["top", "-o", "json"]).document();
    assert_eq!(
        document["result"]["removed"],
        json!([dead.display().to_string()])
    );
    assert_eq!(document["result"]["hosts"], json!([]));
    let left = fs::read_dir(&folder).expect("a folder");
    assert_eq!(left.count(), 2);

    drop(UnixListener::bind(&dead).expect("a socket"));
    let ended = shell.run(&["top", "-q"]);
    assert_snapshot!(ended.stdout, @"
    no host that can be watched was found

    removed ~/run/patinox/7.sock: its host is dead
    ");
}

/// A socket at which everybody is told this, and then nothing.
fn stranger(path: &Path, told: Vec<u8>) {
    let listener = UnixListener::bind(path).expect("a socket");
    // It ends with the test.
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            // Who has heard enough hangs up.
            drop(stream.write_all(&told));
            held.push(stream);
        }
    });
}

#[test]
fn whatever_a_stranger_says_is_told_and_steers_nothing() {
    let (shell, folder) = shell();
    make(&folder);
    let socket = |pid: u32| folder.join(format!("{pid}.sock"));
    stranger(&socket(1), b"\x1b[2Jhello\n".to_vec());
    stranger(&socket(2), b"{\"version\":2}\n".to_vec());
    stranger(&socket(3), Vec::new());
    stranger(&socket(4), vec![b'['; 6 << 20]);
    stranger(
        &socket(5),
        b"{\"version\":1,\"refused\":\"\\u001b[2Jfull\"}\n".to_vec(),
    );
    let odd =
        "{\"version\":1,\"host\":{\"program\":\"\\u001b]0;x\\u0007\"},\"condition\":\"\\n\"}\n";
    stranger(&socket(6), odd.as_bytes().to_vec());

    let ended = shell.run(&["top", "-o", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stdout.contains('\u{1b}'), "{ended:?}");
    let result = &ended.document()["result"];
    let [seen] = result["hosts"].as_array().expect("hosts").as_slice() else {
        panic!("{result}");
    };
    assert_eq!(seen["status"]["host"]["program"], "\u{1b}]0;x\u{7}");
    assert_eq!(seen["rates"], Value::Null);

    let ended = shell.run(&["top"]);
    ended.assert_no_crash(&shell);
    assert!(
        ended
            .stdout
            .starts_with("\\u{1b}]0;x\\u{7} 0: ~/run/patinox/6.sock\n"),
        "{ended:?}"
    );
    assert_snapshot!(ended.stderr, @"
    hint: ~/run/patinox/1.sock: it is no status: expected value at line 1 column 1
    hint: ~/run/patinox/2.sock: the host tells its status in version 2, and this program reads 1
    hint: ~/run/patinox/3.sock: it says nothing
    hint: ~/run/patinox/4.sock: a line of its has more than 4194304 bytes
    hint: ~/run/patinox/5.sock: it refused: \\u{1b}[2Jfull
    ");
}

#[test]
fn a_folder_that_was_named_has_to_be_in_order() {
    let shell = Shell::new().file("open/x", "").mode("open", 0o755);
    let refused = super::refusals::refused;
    assert_snapshot!(refused(&shell, &["top", "--folder", "open"]), @"
    exit 2, caller/invalid-config
    error: the status folder must have mode `0700`, not mode `0755`
    hint: close it to others: `chmod 700`
    ");
    assert_snapshot!(refused(&shell, &["top", "--folder", "open/x"]), @"
    exit 2, caller/unreadable
    error: the status folder must be a folder, not a file
    hint: move away what is there: the folder is made anew
    ");
    // One that is not there yet holds nothing.
    let ended = shell.run(&["top", "--folder", "none", "-q"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_snapshot!(ended.stdout, @"no host that can be watched was found");
    let ended = shell.run(&["top", "--folder", "none"]);
    assert!(
        ended.stderr.contains("none: there is no such folder"),
        "{ended:?}"
    );
    // Of two usual ones the other may be in order.
    let (shell, folder) = self::shell();
    make(&folder);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("a mode");
    let ended = shell.run(&["top"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told = "~/run/patinox: the status folder must have mode `0700`, not mode `0755`\n";
    assert!(ended.stderr.contains(told), "{ended:?}");
}
