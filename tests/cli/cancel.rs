//! Ctrl-C, as the terminal sends it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::shell::{Shell, collect, keys, within};

/// From the signal to the end.
const AT_MOST: Duration = Duration::from_secs(2);

/// Calls until the component is loaded, then presses Ctrl-C. Gives the exit
/// code, stdout, and what stderr had after the loading.
fn interrupted(words: &[&str]) -> (Option<i32>, String, String) {
    let shell = Shell::new();
    // The line by which we know that the call begins.
    let words = [&["call"], words, &["-v"]].concat();
    let mut child = shell.patinox(&words).spawn().expect("a process");
    let stdout = collect(child.stdout.take().expect("stdout"));
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("a line");
    assert!(line.contains("component loaded"), "{line}");
    // The call itself, and not the loading.
    let log = shell.path().join(".local/state/patinox/audit/audit.jsonl");
    let loaded = Instant::now();
    while !std::fs::read_to_string(&log).is_ok_and(|log| log.contains("call_begun")) {
        assert!(loaded.elapsed() < AT_MOST, "it does not begin");
        std::thread::yield_now();
    }
    let pressed = Instant::now();
    press(&child);
    let stderr = collect(stderr);
    let (stdout, stderr) = (within(&mut child, &stdout), within(&mut child, &stderr));
    let code = child.wait().expect("an end").code();
    assert!(pressed.elapsed() < AT_MOST, "{:?}", pressed.elapsed());
    (code, stdout, stderr)
}

fn press(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a pid"), Signal::INT).expect("a signal");
}

const SPIN: [&str; 5] = [
    "demo:hostile#spin",
    "--limit",
    "fuel=9000000T",
    "--limit",
    "wall=1h",
];

#[test]
fn a_call_that_computes_is_cancelled_and_says_so() {
    let (code, stdout, stderr) = interrupted(&SPIN);
    assert_eq!((code, stdout.as_str()), (Some(130), ""), "{stderr}");
    let told: Vec<_> = stderr
        .lines()
        .filter(|line| !line.contains("INFO"))
        .collect();
    assert!(
        matches!(told.as_slice(), ["error: the call was cancelled", cost] if cost.starts_with("(fuel ")),
        "{stderr}"
    );
}

#[test]
fn a_call_that_sleeps_is_cancelled() {
    let words = ["demo:hostile#sleep", "ms=3600000", "--limit", "wall=1h"];
    let (code, stdout, stderr) = interrupted(&words);
    assert_eq!((code, stdout.as_str()), (Some(130), ""), "{stderr}");
    assert!(stderr.contains("error: the call was cancelled"), "{stderr}");
}

#[test]
fn a_program_gets_its_document() {
    let (code, stdout, stderr) = interrupted(&[&SPIN[..], &["-o", "json"]].concat());
    assert_eq!(code, Some(130), "{stderr}");
    let document: Value = serde_json::from_str(&stdout).expect("one document");
    assert_eq!(keys(&document), ["ok", "error", "call", "usage"]);
    assert_eq!(document["error"]["fault"], "cancelled");
    assert_eq!(document["error"]["code"], "cancelled");
}

/// More than a pipe holds: once it is written, somebody reads.
const MORE_THAN_A_PIPE: usize = 1 << 20;

#[test]
fn waiting_for_stdin_is_cancelled() {
    let shell = Shell::new();
    let command = ["call", "demo:text#count", "text=@-"];
    let mut child = shell.patinox(&command).spawn().expect("a process");
    let stdout = collect(child.stdout.take().expect("stdout"));
    let stderr = collect(child.stderr.take().expect("stderr"));
    let mut stdin = child.stdin.take().expect("stdin");
    stdin
        .write_all(&vec![b'x'; MORE_THAN_A_PIPE])
        .expect("a reader");
    press(&child);
    let (stdout, stderr) = (within(&mut child, &stdout), within(&mut child, &stderr));
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    assert_eq!(
        (stdout.as_str(), stderr.as_str()),
        ("", "error: the call was cancelled\n")
    );
    // Until here it stayed open.
    drop(stdin);
}
