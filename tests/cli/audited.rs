//! What was called, granted and denied, as a person reads it.

use std::fs;
use std::thread;

use serde_json::Value;

use super::refusals::refused;
use super::shell::Shell;

fn records(shell: &Shell, arguments: &[&str]) -> Vec<Value> {
    let all = [&["audit", "ls", "-o", "json", "--last", "1000"], arguments].concat();
    let document = shell.run(&all).document();
    assert_eq!(document["result"]["damaged"], 0);
    let records = document["result"]["records"].as_array();
    records.expect("records").clone()
}

#[test]
fn calls_grants_and_denials_are_listed_and_shown() {
    let shell = Shell::new();
    let nothing = shell.run(&["audit", "ls"]);
    assert_eq!(nothing.stdout, "nothing of it was written down\n");
    let add = ["call", "demo:notes#add", "text=s3cr3t"];
    assert_eq!(shell.run(&add).code, Some(3));
    let granted = shell.run(&["grant", "add", "demo:notes", "kv=notes:rw"]);
    assert_eq!(granted.code, Some(0), "{granted:?}");
    assert_eq!(shell.run(&add).code, Some(0));
    let listed = shell.run(&["audit", "ls"]).stdout;
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 7, "{listed}");
    assert!(
        lines[2].ends_with(
            "  add  policy/denied  (writing the key-value namespace `notes`: not-granted)"
        )
    );
    assert!(
        lines[3].ends_with("  granted  kv=notes:rw  (given by `patinox grant add`)"),
        "{listed}"
    );
    assert!(
        lines[4].ends_with("  1 granted") && lines[6].ends_with("  add  ok"),
        "{listed}"
    );
    let denied = records(&shell, &["--denied"]);
    let [denied] = denied.as_slice() else {
        panic!("{denied:?}");
    };
    let call = denied["call"].as_str().expect("an id");
    let shown = shell.run(&["audit", "show", call]).stdout;
    assert!(
        shown.contains("call_begun\n") && shown.contains("  code policy/denied\n"),
        "{shown}"
    );
    let component = denied["component"].as_str().expect("a digest");
    assert_eq!(
        records(
            &shell,
            &["--component", component.get(..20).expect("a digest")]
        )
        .len(),
        7
    );
    assert_eq!(
        records(&shell, &["--component", "sha256:ffffffffffffffff"]).len(),
        0
    );
    let file = shell.path().join(".local/state/patinox/audit/audit.jsonl");
    let written = fs::read_to_string(file).expect("a file");
    assert!(!written.contains("s3cr3t"), "{written}");
    let unknown = refused(&shell, &["audit", "show", "nobody"]);
    assert!(
        unknown.contains("nothing was written down of a call `nobody`"),
        "{unknown}"
    );
}

#[test]
fn many_processes_write_into_one_log() {
    let shell = Shell::new();
    thread::scope(|threads| {
        for _ in 0..6 {
            threads.spawn(|| {
                for _ in 0..3 {
                    let called = shell.run(&["call", "demo:text#count", "text=a", "-q"]);
                    assert_eq!(called.code, Some(0), "{called:?}");
                }
            });
        }
    });
    let ended = records(&shell, &[]);
    let ended = ended
        .iter()
        .filter(|record| record["event"] == "call_ended");
    assert_eq!(ended.count(), 18);
}

/// Who has no place for it can call all the same, and is told.
#[test]
fn without_a_place_for_it_calls_go_on() {
    let shell = Shell::new().file(".local/state/patinox/audit", "a file");
    let called = shell.run(&["call", "demo:text#count", "text=a"]);
    assert_eq!(called.code, Some(0), "{called:?}");
    assert!(
        called.stderr.contains("nothing is written down"),
        "{called:?}"
    );
    let read = refused(&shell, &["audit", "ls"]);
    assert!(
        read.contains("the audit log cannot be written or read"),
        "{read}"
    );
}
