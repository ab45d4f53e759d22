//! What is granted on the command line, and what is told of what is not.

use insta::assert_snapshot;

use super::refusals::refused;
use super::shell::Shell;
use crate::support::guests;

fn shell() -> Option<Shell> {
    let probe = guests::built("fixture-probe")?;
    Some(
        Shell::new()
            .file("probe.wasm", probe)
            .variable("CITY", "Bern"),
    )
}

#[test]
fn what_is_denied_is_told_with_the_words_that_allow_it() {
    let Some(shell) = shell() else {
        return;
    };
    assert_snapshot!(refused(&shell, &["call", "probe.wasm#setting", "key=city", "-q"]), @"
    exit 3, policy/denied
    error: the setting `city` is not granted, and then the tool failed: it needs the setting `city`
    hint: allow it with --allow 'config=city='
    ");
    let allowed = shell.run(&[
        "call",
        "probe.wasm#setting",
        "key=city",
        "--allow",
        "config=city=Bern",
        "-q",
    ]);
    assert_eq!(
        (allowed.code, allowed.stdout.as_str()),
        (Some(0), "Bern\n"),
        "{allowed:?}"
    );
    // As it stands in the hint, in a shell.
    let line = "patinox call probe.wasm#setting key=city --allow 'config=city=' -q";
    let allowed = shell.end(shell.line(line));
    assert_eq!(
        (allowed.code, allowed.stdout.as_str()),
        (Some(0), ""),
        "{allowed:?}"
    );
}

#[test]
fn a_variable_is_handed_on_by_its_name() {
    let Some(shell) = shell() else {
        return;
    };
    for (allowed, seen) in [
        (&[] as &[_], "[]\n"),
        (
            &["--allow", "env=CITY"],
            "[\n  [\n    \"CITY\",\n    \"Bern\"\n  ]\n]\n",
        ),
        (
            &["--allow", "env=CITY=Basel"],
            "[\n  [\n    \"CITY\",\n    \"Basel\"\n  ]\n]\n",
        ),
        (&["--allow", "env=NOBODY_SET_IT"], "[]\n"),
    ] {
        let words = [&["call", "probe.wasm#environment", "-q"], allowed].concat();
        let ended = shell.run(&words);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(0), seen),
            "{ended:?}"
        );
    }
}

#[test]
fn a_grant_that_is_none_is_told_before_anything_runs() {
    let shell = Shell::new();
    let told = |grant: &str| {
        refused(
            &shell,
            &["call", "demo:text#count", "text=a", "--allow", grant],
        )
    };
    assert_snapshot!(told("env"), @"
    exit 2, caller/invalid-config
    error: `env` is no grant: a grant is `capability=scope`, such as `http=GET https://api.example.com/v1/**`
    hint: write it like `env=TZ`
    ");
    assert_snapshot!(told("evn=TZ"), @"
    exit 2, caller/invalid-config
    error: `evn=TZ` is no grant: a capability is one of `http, fs, env, config, kv, clock, random, model, tool, import`
    hint: write it like `env=TZ`
    ");
    assert_snapshot!(told("fs=./data:ro"), @"
    exit 2, caller/not-found
    error: the folder that is granted as `/data` cannot be opened: No such file or directory (os error 2)
    hint: make it, or name another one: `fs=./data:ro@/data`
    ");
    assert_snapshot!(told("env=A=s3cr3t%zz"), @"
    exit 2, caller/invalid-config
    error: `env=A=…` is no grant: a `%` stands before two hexadecimal digits; itself it is `%25`
    hint: write it like `env=TZ`
    ");
}

#[test]
fn a_folder_is_read_and_not_written() {
    let Some(shell) = shell() else {
        return;
    };
    let shell = shell.file("data/a.txt", "inside");
    let read = ["call", "probe.wasm#open-file", "path=/data/a.txt", "-q"];
    assert_snapshot!(refused(&shell, &read), @"
    exit 3, policy/denied
    error: reading `/data` is not granted, and then the tool failed: Permission denied (os error 2)
    hint: allow it with --allow 'fs=./data:ro@/data'
    ");
    let ended = shell.run(&[&read[..], &["--allow", "fs=./data:ro@/data"]].concat());
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "6\n"),
        "{ended:?}"
    );
    let write = [
        "call",
        "probe.wasm#change",
        "operation=create",
        "path=new.txt",
        "other=",
        "-q",
        "--allow",
        "fs=data:ro",
    ];
    assert_snapshot!(refused(&shell, &write), @"
    exit 3, policy/denied
    error: writing `/data` is not granted, and then the tool failed: read-only
    hint: allow it with --allow 'fs=./data:rw@/data'
    ");
    assert!(!shell.path().join("data/new.txt").exists());
}
