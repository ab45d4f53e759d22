//! What the files of a folder say, and who may say it.

use std::fs;

use patinox_host::digest;
use serde_json::json;

use super::shell::{Ended, Shell};
use crate::support::guests;

/// A repository that somebody else wrote: it grants itself everything, and brings a
/// configuration, a key, a list of what is trusted and a catalog of its own.
fn hostile() -> Shell {
    let notes = guests::prebuilt_notes();
    let grants = format!(
        "[[components]]\npath = \"notes.wasm\"\ndigest = \"{}\"\n\
         allow = [\"kv=notes:rw\", \"fs=/:rw@/work\", \"env=HOME\"]\n",
        digest(&notes)
    );
    let shell = Shell::new();
    let evil = shell.path().join("evil");
    let write = |name: &str, content: &[u8]| {
        let path = evil.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    };
    let itself = shell.path().join("repository/patinox.toml");
    let trusted = format!(
        "{{\"version\":1,\"trusted\":[{{\"path\":\"{}\",\"digest\":\"{}\"}}]}}",
        itself.display(),
        digest(grants.as_bytes())
    );
    for state in ["trust", ".local/state/patinox/trust", "state/trust"] {
        write(&format!("{state}/trusted.json"), trusted.as_bytes());
    }
    write(".config/patinox/config.toml", grants.as_bytes());
    write("config.toml", grants.as_bytes());
    write(".local/state/patinox/artifact-key", &[0; 32]);
    write(
        ".local/share/patinox/catalog/patinox.lock",
        b"version = 1\n",
    );
    write("notes.wasm", &notes);
    write("patinox.toml", grants.as_bytes());
    let git = "git init -q . && git add -A . && \
               git -c user.name=a -c user.email=a@example.com commit -qm a && \
               cd .. && git clone -q evil repository";
    let made = shell
        .line(&format!("cd evil && {git}"))
        .status()
        .expect("git");
    assert!(made.success());
    shell
}

/// The exit code and what a person reads, without what the call cost.
fn told(ended: &Ended) -> String {
    let lines = ended
        .stderr
        .lines()
        .filter(|line| !line.starts_with("(fuel"));
    let lines: Vec<_> = lines.collect();
    format!(
        "exit {}\n{}",
        ended.code.expect("an exit code"),
        lines.join("\n")
    )
}

/// In the repository.
fn run(shell: &Shell, line: &str) -> Ended {
    let ended = shell.end(shell.line(&format!("cd repository && {line}")));
    ended.assert_no_crash(shell);
    ended
}

const ADD: &str = "patinox call 'notes.wasm#add' text=hello";

#[test]
fn a_cloned_repository_gives_nothing_away() {
    let shell = hostile();
    let refused = run(&shell, ADD);
    insta::assert_snapshot!(told(&refused), @"
    exit 3
    error: the grant `kv=notes:rw` to `notes.wasm`, and 2 more, at `patinox.toml:4:9` counts only where the file is trusted
    hint: read the file; if it may do that, `patinox trust`; else `--no-project`
    ");
    // Nothing was made by it, either.
    assert!(!shell.path().join(".local").exists());
    // Nor is anything granted where the file is not read.
    let denied = run(&shell, &format!("{ADD} --no-project -o json"));
    assert_eq!(denied.document()["error"]["code"], "policy/denied");
    let explained = run(&shell, "patinox explain notes.wasm --no-project -o json");
    assert_eq!(explained.document()["result"]["granted"], json!([]));
    // Flags do not make it the person's own.
    for line in [
        "patinox ls",
        "patinox inspect notes.wasm",
        "patinox demo -q",
    ] {
        assert_eq!(run(&shell, line).code, Some(3), "{line}");
    }
}

#[test]
fn what_a_person_trusts_counts_until_it_changes() {
    let shell = hostile();
    // As somebody would have it who read it: without the whole machine.
    let file = shell.path().join("repository/patinox.toml");
    let text = fs::read_to_string(&file).expect("a file");
    fs::write(&file, text.replace("\"fs=/:rw@/work\", ", "")).expect("a file");
    let trusted = run(&shell, "patinox trust");
    let lines: Vec<_> = trusted.stdout.lines().collect();
    assert_eq!(
        (lines[0], &lines[2..]),
        (
            "trusted: ~/repository/patinox.toml",
            &[
                "from now on there counts",
                "  line 4: the grant `kv=notes:rw` to `notes.wasm`",
                "  line 4: the grant `env=HOME` to `notes.wasm`"
            ][..]
        )
    );
    let added = run(&shell, ADD);
    assert_eq!(added.code, Some(0), "{added:?}");
    let explained = run(&shell, "patinox explain notes.wasm -o json").document();
    let granted = &explained["result"]["granted"][0];
    assert_eq!(
        (&granted["grant"], &granted["by"]),
        (&json!("kv=notes:rw"), &json!("`patinox.toml`, line 4"))
    );
    assert!(
        run(&shell, "patinox trust --list")
            .stdout
            .contains("~/repository/patinox.toml")
    );

    // Other bytes have nothing of that.
    let notes = shell.path().join("repository/notes.wasm");
    let good = fs::read(&notes).expect("a component");
    // A custom section more, of the name `x`.
    let other = [&good[..], &[0, 2, 1, b'x']].concat();
    fs::write(&notes, &other).expect("a component");
    let denied = run(&shell, ADD);
    assert_eq!(denied.code, Some(3), "{denied:?}");
    let note = format!(
        "hint: `patinox.toml:1:1` grants nothing to these bytes and raises no limit of theirs: write `{}` there",
        digest(&other)
    );
    assert!(denied.stderr.contains(&note), "{denied:?}");
    fs::write(&notes, good).expect("a component");
    assert_eq!(run(&shell, ADD).code, Some(0));

    // Another file is another decision, and so is this one in another folder.
    fs::write(&file, format!("{text}\n")).expect("a file");
    let changed = run(&shell, ADD);
    assert_eq!(changed.code, Some(3));
    assert!(
        changed.stderr.contains("has changed since it was"),
        "{changed:?}"
    );
    let copied = shell.end(shell.line("cp -r repository copy && cd copy && patinox ls"));
    assert_eq!(copied.code, Some(3), "{copied:?}");
    let forgotten = run(&shell, "patinox trust --forget");
    assert_eq!(
        forgotten.stdout,
        "no longer trusted: ~/repository/patinox.toml\n"
    );
    assert!(
        run(&shell, "patinox trust --list")
            .stdout
            .contains("nothing is trusted")
    );
}

#[test]
fn a_component_that_is_installed_has_what_its_version_is_granted() {
    let entry = format!(
        "[[components]]\nname = \"notes@0.1.0\"\ndigest = \"{}\"\n\
         allow = [\"kv=notes:rw\"]\nlimits = {{ kv-bytes = \"1KiB\" }}\n",
        digest(&guests::prebuilt_notes())
    );
    let shell = Shell::new().file("conf/config.toml", entry);
    let run = |words: &[&str]| shell.run(&[words, &["--config", "conf/config.toml"]].concat());
    assert_eq!(run(&["install", "demo:notes"]).code, Some(0));
    assert_eq!(run(&["call", "notes#add", "text=hello"]).code, Some(0));
    let full = format!("text={}", "x".repeat(2_000));
    let full = run(&["call", "notes#add", &full, "-o", "json"]);
    assert_eq!(full.document()["error"]["code"], "limit/kv-bytes");
    // Who could write the file could grant himself what he likes.
    for (mode, exit) in [("rw", 2), ("ro", 0)] {
        let grant = format!("fs=conf:{mode}@/w");
        let list = ["call", "demo:files#list", "path=/w", "--allow", &grant];
        assert_eq!(run(&list).code, Some(exit), "{mode}");
    }
    // What is not installed has nothing of it.
    assert_eq!(run(&["call", "demo:notes#add", "text=hello"]).code, Some(3));
    assert_eq!(
        run(&["install", "demo:notes", "--as", "notes@0.2.0"]).code,
        Some(0)
    );
    assert_eq!(
        run(&["call", "notes@0.2.0#add", "text=hello"]).code,
        Some(3)
    );
}

#[test]
fn no_flag_goes_above_a_ceiling() {
    let shell = Shell::new().file(
        "config.toml",
        "[ceiling]\nlimits = { fuel = \"1M\" }\ndeny = [\"kv=notes:ro\", \"fs=secret:ro\"]\n",
    );
    fs::create_dir_all(shell.path().join("secret/deep")).expect("a folder");
    let run = |words: &[&str]| shell.run(&[words, &["--config", "config.toml"]].concat());
    insta::assert_snapshot!(told(&run(&["call", "demo:hostile#spin", "--limit", "fuel=2M"])), @"
    exit 2
    error: limit `fuel` is at most 1M, by `config.toml:2:19`, and not 2M, by `--limit`
    hint: ask for at most 1M
    ");
    // Nor is it said that it may do what is denied.
    let explained = run(&["explain", "demo:notes", "--allow", "kv=notes:rw"]);
    let (may, never) = explained
        .stdout
        .split_once("IT MAY NEVER, WHATEVER IS GRANTED")
        .expect("what is denied");
    assert!(may.contains("given by the command line; but it is denied, see below"));
    assert!(
        never.contains("`kv=notes:ro`, by `config.toml`, line 3"),
        "{never}"
    );
    let spun = run(&["call", "demo:hostile#spin", "-o", "json"]).document();
    assert_eq!(spun["error"]["code"], "limit/fuel");
    let denied = ["call", "demo:notes#add", "text=a", "--allow", "kv=notes:rw"];
    insta::assert_snapshot!(told(&run(&denied)), @"
    exit 3
    error: writing the key-value namespace `notes` is denied: `config.toml`, line 3 denies `kv=notes:ro`, and then the tool failed: the namespace `notes` is not granted
    ");
    for (folder, is_granted) in [
        ("secret", false),
        ("secret/deep", false),
        (".", false),
        ("other", true),
    ] {
        fs::create_dir_all(shell.path().join("other")).expect("a folder");
        let grant = format!("fs={folder}:ro@/data");
        let ended = run(&["call", "demo:files#list", "path=/data", "--allow", &grant]);
        assert_eq!(ended.code == Some(0), is_granted, "{folder}: {ended:?}");
    }
}

#[test]
fn what_is_no_file_of_a_folder_is_not_trusted() {
    let shell = Shell::new().file("patinox.toml", "[limits]\nwall = \"1s\"\n");
    let narrow = shell.run(&["trust"]);
    assert!(
        narrow
            .stdout
            .ends_with("it does not need that: it only narrows\n"),
        "{narrow:?}"
    );
    insta::assert_snapshot!(told(&shell.run(&["trust", "/"])), @"
    exit 2
    error: there is no `patinox.toml` in `/`
    hint: name the folder that has it
    ");
    let shell = shell.file("patinox.toml", "[limits]\nwall = 1\n");
    insta::assert_snapshot!(told(&shell.run(&["trust"])), @r#"
    exit 2
    error: `limits.wall` at `patinox.toml:2:8` needs a unit, not `1`
    hint: write it like `wall = "10s"` under `[limits]`
    "#);
    let list = shell.path().join(".local/state/patinox/trust/trusted.json");
    fs::write(&list, "{\"version\": 1, \"all\": true}").expect("a file");
    insta::assert_snapshot!(told(&shell.run(&["trust", "--list"])), @"
    exit 2
    error: what is trusted cannot be read or kept: its file is wrong somewhere: unknown field `all`, expected one of `version`, `entries`, `trusted` at line 1 column 20
    hint: `patinox trust` writes it: remove `trusted.json` of the folder `trust` in the state folder, and trust again what you trust
    ");
    assert_eq!(shell.run(&["call", "demo:text"]).code, Some(2));
}
