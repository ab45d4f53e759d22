//! What others take for the same small job.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use patinox::prelude::*;
use serde_json::json;

use super::{ECHO, Rounds, host, median, runtime};

/// What `benches/tools/extism.wat` is called with: 100 bytes.
const TEXT: &str = "0123456789012345678901234567890123456789\
                    012345678901234567890123456789012345678901234567890123456789";

/// The plugin, in the form that Extism takes: it gives back what it gets.
const PLUGIN: &str = include_str!("extism.wat");

/// Calls a plugin once for each line, each time in a fresh instance of code that
/// was compiled before, and says how many nanoseconds it took.
const EXTISM: &str = include_str!("extism.py");

/// `1+1` in Python: by `eval`, a fresh interpreter each time, and by a process.
pub(super) fn process(rounds: Rounds) {
    let Some(path) = patinox_artifacts::eval() else {
        println!("process/python               left out: nothing built it");
        return;
    };
    let (runtime, host) = (runtime(), host().make());
    let eval = runtime.block_on(host.load_file(path)).expect("a component");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds.turns {
        for _ in 0..4 {
            let started = Instant::now();
            let mut python = Command::new("python3");
            python.args(["-c", "print(1+1)"]).stdout(Stdio::null());
            match python.status() {
                Ok(status) => assert!(status.success(), "python3 runs"),
                Err(_) => {
                    println!("process/python               left out: there is no `python3`");
                    return;
                }
            }
            theirs.push(started.elapsed());
            let request = Request::new("expression", json!({ "expression": "1+1" }));
            let started = Instant::now();
            let called = runtime.block_on(host.call(&eval, request));
            ours.push(started.elapsed());
            called.result.expect("an answer");
        }
    }
    told("process/python", "python3", median(ours), median(theirs));
}

/// 100 bytes there and back: by the host, and by Extism's Python package, in a
/// Python that has it.
pub(super) fn extism(rounds: Rounds, python: Option<&Path>) {
    let Some(python) = python else {
        println!("extism/echo                  left out: name a Python that has it, by its path");
        return;
    };
    let plugin = wat::parse_str(PLUGIN).expect("a plugin");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plugin.wasm");
    std::fs::write(&path, plugin).expect("the plugin is written");
    let mut extism = Command::new(python);
    extism.args(["-c", EXTISM]).arg(&path).arg(TEXT);
    extism.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut extism = extism.spawn().expect("a process");
    let mut ask = extism.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(extism.stdout.take().expect("a pipe")).lines();

    let (runtime, host) = (runtime(), host().make());
    let echo = wat::parse_str(ECHO).expect("a component");
    let echo = runtime.block_on(host.load(echo)).expect("a component");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds.turns.saturating_mul(rounds.calls) {
        ask.write_all(b"\n").expect("it listens");
        let answer = answers.next().expect("an answer").expect("a line");
        theirs.push(Duration::from_nanos(answer.parse().expect("nanoseconds")));
        let request = Request::new("echo", json!({ "text": TEXT }));
        let started = Instant::now();
        let called = runtime.block_on(host.call(&echo, request));
        ours.push(started.elapsed());
        called.result.expect("an answer");
    }
    drop(ask);
    let ended = extism.wait().expect("an end");
    assert!(ended.success(), "it ended well");
    told("extism/echo", "extism", median(ours), median(theirs));
}

fn told(name: &str, who: &str, ours: Duration, theirs: Duration) {
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    println!("{name:<28} host {ours:>9.2?}  {who} {theirs:>9.2?}  {ratio:.1} times as fast");
}
