//! A worker that is none, and no worker.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use patinox::{Config, Failure as _, Fault, Host, LoadLimits, PatinoxError, RecoveryStrategy};

use crate::support::{self, forge, guests, soon};

/// What loading comes to, with this program as worker and so much time.
async fn with(worker: PathBuf, compile_wall_ms: u64) -> String {
    let host = host(worker, compile_wall_ms);
    told(&soon(host.load(forge::echo())).await.expect_err("no worker"))
}

fn host(worker: PathBuf, compile_wall_ms: u64) -> Host {
    let load = LoadLimits {
        compile_wall_ms,
        ..LoadLimits::default()
    };
    let config = Config {
        load,
        compile_worker: Some(worker),
        ..Config::default()
    };
    Host::new(config).expect("a host")
}

/// What the log has of it: a caller is only referred to that.
fn told(error: &PatinoxError) -> String {
    let hint = error.hint().unwrap_or_default();
    format!("{}: {error} | {hint}", error.code())
}

/// Longer than it takes any program to say something.
const AMPLE: u64 = 60_000;

/// A program of the system.
async fn system(name: &str) -> String {
    let folders = [Path::new("/bin"), Path::new("/usr/bin")];
    let paths = folders.map(|folder| folder.join(name));
    let path = paths.into_iter().find(|path| path.exists());
    with(path.expect("a program that every system has"), AMPLE).await
}

/// A shell script that says this.
async fn script(text: &str) -> String {
    script_within(text, AMPLE).await
}

async fn script_within(text: &str, compile_wall_ms: u64) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    with(write(folder.path(), text), compile_wall_ms).await
}

/// A shell script in this folder.
fn write(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("worker");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a file");
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(&path, mode).expect("a mode");
    path
}

const NONE: &str = "host/internal: the program that is named as compile worker is none | the program that `compile_worker` names must call `patinox::compile_worker` before anything else, and start no thread before";
const BROKE_OFF: &str = "host/internal: the compile worker broke off | ";

#[tokio::test]
async fn a_program_that_is_no_worker_is_told_as_such() {
    assert_eq!(system("true").await, NONE);
    assert_eq!(system("cat").await, NONE);
    assert_eq!(script("exit 3").await, NONE);
    assert_eq!(script("echo patinox").await, NONE);
    assert_eq!(script("yes").await, NONE);
    let missing = with("/no/such/program".into(), AMPLE).await;
    assert_eq!(
        missing,
        "host/internal: the compile worker cannot be started | "
    );
}

#[tokio::test]
async fn a_worker_that_lies_is_cut_off() {
    // A status that there is none of; a payload without end; an absurd length;
    // half an answer.
    assert_eq!(script("printf 'patinox!\\377'; yes").await, BROKE_OFF);
    let endless = "printf 'patinox!\\0\\377\\377\\377\\377\\0\\0\\0\\0'; yes";
    assert_eq!(script(endless).await, BROKE_OFF);
    let absurd = "printf 'patinox!\\0\\377\\377\\377\\377\\377\\377\\377\\377'; sleep 1000";
    assert_eq!(script(absurd).await, BROKE_OFF);
    assert_eq!(script("printf 'patinox!\\0\\1'").await, BROKE_OFF);
    assert_eq!(script("printf 'patinox!'; exit 1").await, BROKE_OFF);
    // Code that is none.
    let garbage = "printf 'patinox!\\0\\4\\0\\0\\0\\0\\0\\0\\0code'";
    assert_eq!(script(garbage).await, "host/internal: the host failed | ");
}

/// What it started is killed with it; else this would wait for them.
#[tokio::test]
async fn a_worker_that_says_nothing_is_not_waited_for() {
    // It is not the component's fault: its code may be there another time.
    let limit = "limit/compile-wall: limit `compile-wall` of 1s reached before the component was compiled: its compiler has computed for 0.0 s | load it again when less runs here, or give it more time: set `compile-wall` under `[load]` in the configuration file, or `PATINOX_LOAD__COMPILE_WALL`; an embedder by `HostBuilder::load_limits`";
    assert_eq!(script_within("sleep 1000 & sleep 1000", 1_000).await, limit);
    assert_eq!(
        script_within("printf 'patinox!'; sleep 1000", 1_000).await,
        limit
    );
}

/// What kept a compiler from its work is not held against the component.
#[tokio::test]
async fn what_a_busy_machine_did_not_compile_it_may_compile_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let been = folder.path().join("been");
    let text = format!(
        "[ -e {0} ] && exec {1} \"$@\"\ntouch {0}\nprintf 'patinox!'\nsleep 1000",
        been.display(),
        support::PROGRAM
    );
    let host = host(write(folder.path(), &text), 5_000);
    let error = soon(host.load(forge::echo())).await.expect_err("asleep");
    let busy = told(&error);
    assert!(
        busy.contains(": its compiler has computed for 0.0 s"),
        "{busy}"
    );
    let after = Some(Duration::from_secs(30));
    assert_eq!(error.recovery(), RecoveryStrategy::Retry { after });
    let loaded = soon(host.load(forge::echo())).await;
    assert!(loaded.is_ok(), "{:?}", loaded.map_err(|error| told(&error)));
}

#[tokio::test]
async fn without_a_worker_less_is_taken() {
    let host = Host::new(Config::default()).expect("a host");
    let functions = |count: usize| {
        let functions = "(func)".repeat(count);
        forge::component(&format!(
            r#"(component (core module {functions})
                (core module $m (func (export "run")))
                (core instance $i (instantiate $m))
                (func (export "run") (canon lift (core func $i "run"))))"#
        ))
    };
    let refused = async |count| {
        let error = soon(host.load(functions(count))).await.expect_err("large");
        assert_eq!(error.fault(), Fault::Limit);
        told(&error)
    };
    insta::assert_snapshot!(refused(30_000).await, @"limit/functions: without a compile worker, limit `functions` of 25k reached, 30k spent | name a program as `compile_worker` that calls `patinox::compile_worker` first: it takes what is four times larger");
    insta::assert_snapshot!(refused(200_000).await, @"limit/functions: limit `functions` of 100k reached, 200k spent | set `functions` under `[load]` in the configuration file, or `PATINOX_LOAD__FUNCTIONS`; an embedder by `HostBuilder::load_limits`");
    assert!(soon(host.load(functions(100))).await.is_ok());
}

/// Wherever the memory ends, it is not the component that is wrong.
#[tokio::test]
async fn a_compiler_without_memory_is_no_fault_of_the_component() {
    let least = 64 << 20;
    for step in 0..12 {
        let load = LoadLimits {
            compile_memory_bytes: least + step * (256 << 10),
            ..LoadLimits::default()
        };
        let host = Host::new(Config {
            load,
            ..support::config()
        });
        let host = host.expect("a host");
        match soon(host.load(guests::prebuilt_text())).await {
            Ok(_) => return,
            Err(error) => assert_eq!(error.code().as_str(), "limit/compile-memory", "{step}"),
        }
    }
}
