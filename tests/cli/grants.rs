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
    error: reading `/data` is not granted, and then the tool failed: /data/a.txt: No such file or directory (os error 44)
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

#[test]
fn what_a_component_may_do_is_explained() {
    let Some(shell) = shell() else {
        return;
    };
    let shell = shell.file("data/a.txt", "inside");
    let words = [
        "explain",
        "probe.wasm",
        "--allow",
        "fs=data:ro",
        "--allow",
        "config=key=s3cr3t",
    ];
    let ended = shell.run(&words);
    ended.assert_no_crash(&shell);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (digest, rest) = ended.stdout.split_once('\n').expect("lines");
    assert!(digest.starts_with("component sha256:"), "{digest}");
    assert_snapshot!(rest, @"
    IT MAY

      compute, tell the time in milliseconds, wait, draw random bytes that follow from the call, log, report its progress
      reading `/data`: `fs=./data:ro@/data`, given by the command line
      the setting `key`: `config=key=…`, given by the command line

    IT COULD ASK FOR, AND WOULD BE DENIED

      requests over HTTP, by `wasi:http/outgoing-handler@0.2.12`: it cannot be granted yet
      variables of the environment, by `wasi:cli/environment@0.2.6`: allow it like `--allow 'env=TZ'`
      a clock finer than a millisecond, by `wasi:clocks/monotonic-clock@0.2.12`: allow it like `--allow 'clock=fine'`
      randomness of the host, by `wasi:random/random@0.2.12`: allow it like `--allow 'random=host'`

    IT REACHES THROUGH OTHERS

      nothing: no tool can call another one yet

    A CALL OF IT HAS AT MOST

      fuel 50G
      wall 10s
      memory 64MiB
    ");
    let text = shell
        .run(&["explain", "demo:text", "--allow", "config=a=b"])
        .stdout;
    assert!(
        text.contains("it imports nothing to ask for it by"),
        "{text}"
    );
    let document = shell
        .run(&[&words[..], &["-o", "json"]].concat())
        .document();
    let result = &document["result"];
    assert_eq!(result["granted"][0]["grant"], "fs=./data:ro@/data");
    assert_eq!(result["granted"][1]["grant"], "config=key=…");
    assert_eq!(result["withheld"][0]["capability"], "http");
    assert_eq!(result["withheld"][0]["example"], serde_json::Value::Null);
}

#[test]
fn one_question_is_answered() {
    let Some(shell) = shell() else {
        return;
    };
    let shell = shell.file("data/a.txt", "inside");
    let would = |grant: &'static str| {
        [
            "explain",
            "probe.wasm",
            "--allow",
            "fs=data:ro",
            "--would",
            grant,
        ]
    };
    for yes in ["fs=data:ro", "fs=./data/sub:ro@/data/sub"] {
        let ended = shell.run(&would(yes));
        let answer = "yes: `fs=./data:ro@/data` allows it\n";
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(0), answer),
            "{ended:?}"
        );
    }
    assert_snapshot!(refused(&shell, &would("fs=data:rw")), @"
    exit 3, policy/denied
    error: no: writing `/data` is not granted
    hint: allow it with --allow 'fs=./data:rw@/data'
    ");
    assert_snapshot!(refused(&shell, &would("env=TZ")), @"
    exit 3, policy/denied
    error: no: the variable `TZ` of the environment is not granted
    hint: allow it with --allow 'env=TZ'
    ");
    assert_snapshot!(refused(&shell, &would("tool=text.*")), @"
    exit 2, caller/usage
    error: `tool=text.*` is more than one thing
    hint: ask for one, without a `*`
    ");
    assert_snapshot!(refused(&shell, &would("everything")), @"
    exit 2, caller/invalid-config
    error: `everything` is no grant: a grant is `capability=scope`, such as `http=GET https://api.example.com/v1/**`
    hint: write it like `env=TZ`
    ");
}

#[test]
fn the_least_that_a_call_needs_is_told() {
    let Some(shell) = shell() else {
        return;
    };
    let shell = shell.file("data/sub/a.txt", "inside");
    let told = |words: &[&str]| {
        let ended = shell.run(&[&["call"], words, &["--suggest"]].concat());
        ended.assert_no_crash(&shell);
        let needed = ended
            .stderr
            .lines()
            .filter(|line| line.starts_with("needed: "));
        needed.collect::<Vec<_>>().join("\n")
    };
    let read = ["probe.wasm#open-file", "path=/data/sub/a.txt"];
    assert_snapshot!(told(&[&read[..], &["--allow", "fs=data:ro", "--allow", "env=A=1"]].concat()), @"needed: --allow fs=./data/sub:ro@/data/sub");
    assert_snapshot!(told(&read), @"needed: --allow fs=./data/sub:ro@/data/sub  (was not granted)");
    assert_snapshot!(told(&["demo:text#count", "text=a", "--allow", "fs=data:ro"]), @"needed: no grant");
    let write = [
        "probe.wasm#change",
        "operation=create",
        "path=new.txt",
        "other=",
    ];
    assert_snapshot!(told(&[&write[..], &["--allow", "fs=data:ro"]].concat()), @"needed: --allow fs=./data:rw@/data  (was not granted; may change things)");
    let words = [&["call"], &read[..], &["--suggest", "-o", "json"]].concat();
    let document = shell.run(&words).document();
    assert_eq!(document["needed"][0]["grant"], "fs=./data/sub:ro@/data/sub");
    assert_eq!(document["needed"][0]["granted"], false);
}

#[test]
fn what_files_say_of_components_that_are_not_there_is_shown() {
    let Some(shell) = shell() else {
        return;
    };
    let nothing = shell.run(&["explain", "probe.wasm"]);
    assert!(!nothing.stdout.contains("NOT THERE"), "{nothing:?}");
    let file = "[[components]]\npath = \"../../probe.wasm\"\ndeny = [\"env=TZ\"]\n\
                [[components]]\npath = \"../../prob.wasm\"\ndeny = [\"env=TZ\"]\n\
                [[components]]\nname = \"probe@1.0.0\"\ndeny = [\"env=TZ\"]\n";
    let folder = shell.path().join(".config/patinox");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("config.toml"), file).expect("a file");
    let explained = shell.run(&["explain", "probe.wasm"]);
    let (_, told) = explained
        .stdout
        .split_once("\n\nFILES")
        .expect("it is told");
    let told = told.replace(&format!("{}/", shell.path().display()), "");
    assert_snapshot!(told.replace("~/", ""), @"
    SPEAK OF COMPONENTS THAT ARE NOT THERE

     `prob.wasm`, at `.config/patinox/config.toml:4:1`
     `probe@1.0.0`, at `.config/patinox/config.toml:7:1`
    ");
    let explained = shell.run(&["explain", "probe.wasm", "-o", "json"]);
    let not_there = explained.document()["result"]["not_there"].clone();
    assert_eq!(not_there[1]["component"], "probe@1.0.0", "{not_there}");
}
