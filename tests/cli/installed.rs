//! What is installed by name: pinned, listed, called, and nothing else in its place.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::json;

use super::refusals::refused;
use super::shell::{Ended, Shell, keys};
use crate::support::guests;

/// Where it lies, below the home folder.
const CATALOG: &str = ".local/share/patinox/catalog";

#[track_caller]
fn done(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("error"), "{ended:?}");
    ended.stdout.trim_end()
}

/// A home in which `text` is installed.
fn home() -> Shell {
    let shell = Shell::new();
    done(&shell.run(&["install", "demo:text"]));
    shell
}

/// The one component that is there.
fn file(shell: &Shell) -> PathBuf {
    let files = fs::read_dir(shell.path().join(CATALOG)).expect("a folder");
    let mut paths = files.flatten().map(|file| file.path());
    let path = paths.find(|path| path.extension().is_some_and(|end| end == "wasm"));
    path.expect("a component")
}

const COUNT: [&str; 3] = ["call", "text#count", "text=to be or not to be"];

#[test]
fn a_name_stands_for_what_was_installed() {
    let shell = Shell::new();
    assert_eq!(
        done(&shell.run(&["ls"])),
        "nothing is installed: `patinox install PATH` does that"
    );
    let installed = shell
        .run(&["install", "demo:text", "-o", "json"])
        .document();
    let result = &installed["result"];
    assert_eq!(
        keys(result),
        [
            "name",
            "version",
            "digest",
            "size_bytes",
            "source",
            "imports",
            "tools_digest",
            "new"
        ]
    );
    assert_eq!(
        (&result["name"], &result["new"]),
        (&json!("text"), &json!(true))
    );
    let again = shell.run(&["install", "demo:text"]);
    assert!(done(&again).starts_with("is installed already: text@0.1.0\n"));
    assert!(done(&shell.run(&COUNT)).contains("\"words\": 6"));
    assert!(done(&shell.run(&["inspect", "text"])).contains("count("));
    assert!(done(&shell.run(&["explain", "text@0.1.0"])).contains("IT MAY"));
    let shown = shell.run(&["show", "text"]);
    assert!(done(&shown).starts_with("name     text@0.1.0\ndigest   sha256:"));
    assert!(
        shown
            .stdout
            .contains("file     ~/.local/share/patinox/catalog/")
    );
    assert!(done(&shell.run(&["ls"])).starts_with("text@0.1.0  "));
    assert_eq!(done(&shell.run(&["verify"])), "text@0.1.0: as it was");
    assert_eq!(done(&shell.run(&["rm", "text"])), "removed text@0.1.0");
    assert_eq!(done(&shell.run(&["verify"])), "nothing is installed");
    assert_eq!(shell.run(&COUNT).code, Some(2));
}

/// A stranger's folder is the current one, with files that have the name.
#[test]
fn no_file_of_the_current_folder_takes_its_place() {
    let other = guests::prebuilt_hostile();
    let shell = Shell::new().file("text", &other).file("text#count", &other);
    insta::assert_snapshot!(refused(&shell, &COUNT), @"
    exit 2, caller/not-found
    error: `text` is not installed
    hint: write `./text` for the file; `patinox ls` shows what is installed
    ");
    done(&shell.run(&["install", "demo:text"]));
    assert!(done(&shell.run(&COUNT)).contains("\"words\": 6"));
    let by_path = shell.run(&["inspect", "./text"]);
    assert!(done(&by_path).contains("flood-result"));
}

#[test]
fn bytes_that_have_changed_are_not_run() {
    let shell = home();
    let file = file(&shell);
    fs::remove_file(&file).expect("a file");
    fs::write(&file, guests::prebuilt_hostile()).expect("a file");
    insta::assert_snapshot!(refused(&shell, &COUNT), @"
    exit 3, policy/untrusted
    error: `text@0.1.0` is not what was installed: its bytes have changed
    hint: nothing of it was run; install it anew from where it came, if you trust that
    ");
    insta::assert_snapshot!(refused(&shell, &["verify"]), @"
    exit 3, policy/untrusted
    error: not as it was installed: text@0.1.0
    hint: install anew what you trust
    text@0.1.0: `text@0.1.0` is not what was installed: its bytes have changed
    ");
    // Whatever is wrong with them.
    for other in [&b"junk"[..], &guests::prebuilt_text()[..5_000]] {
        fs::write(&file, other).expect("a file");
        assert_eq!(shell.run(&COUNT).code, Some(3));
    }
    fs::remove_file(&file).expect("a file");
    insta::assert_snapshot!(refused(&shell, &COUNT), @"
    exit 3, policy/untrusted
    error: `text@0.1.0` is not what was installed: its file is gone
    hint: install it anew from where it came
    ");
    assert_eq!(shell.run(&["verify"]).code, Some(3));
    symlink("/etc/passwd", &file).expect("a link");
    assert_eq!(shell.run(&["verify"]).code, Some(3));
    assert_ne!(shell.run(&COUNT).code, Some(0));
    // Installed anew it is what it was.
    done(&shell.run(&["install", "demo:text"]));
    assert_eq!(
        done(&shell.run(&["verify", "text"])),
        "text@0.1.0: as it was"
    );
}

#[test]
fn versions_lie_side_by_side() {
    let shell = Shell::new();
    done(&shell.run(&["install", "demo:text", "--as", "tool@1.0.0"]));
    done(&shell.run(&["install", "demo:files", "--as", "tool@1.1.0"]));
    assert!(done(&shell.run(&["call", "tool@1.0.0#count", "text=a b"])).contains("\"words\": 2"));
    assert!(done(&shell.run(&["inspect", "tool"])).contains("search("));
    insta::assert_snapshot!(refused(&shell, &["rm", "tool"]), @"
    exit 2, caller/usage
    error: there are several versions: tool@1.1.0, tool@1.0.0
    hint: name one of them, like `tool@1.1.0`
    ");
    insta::assert_snapshot!(refused(&shell, &["show", "tool@2.0.0"]), @"
    exit 2, caller/not-found
    error: `tool@2.0.0` is not installed
    hint: there are tool@1.1.0, tool@1.0.0
    ");
    let other = refused(&shell, &["install", "demo:hostile", "--as", "tool@1.1.0"]);
    let expected =
        "exit 2, caller/usage\nerror: `tool@1.1.0` is installed already, with the digest ";
    assert!(other.starts_with(expected), "{other}");
    done(&shell.run(&["rm", "tool@1.1.0"]));
    assert!(done(&shell.run(&["call", "tool#count", "text=a b"])).contains("\"words\": 2"));
}

#[test]
fn what_is_no_component_or_no_name_is_not_installed() {
    let shell = Shell::new()
        .file("a.wasm", "no component")
        .file("My Tool.wasm", guests::prebuilt_text());
    insta::assert_snapshot!(refused(&shell, &["install", "a.wasm"]), @"
    exit 5, component/malformed
    error: not a WebAssembly component
    hint: get the file again, or build it for `wasm32-wasip2`
    ");
    insta::assert_snapshot!(refused(&shell, &["install", "My Tool.wasm"]), @"
    exit 2, caller/usage
    error: `My Tool` is no name of a component
    hint: give it one: `--as NAME`, of lower-case letters, digits and hyphens
    ");
    insta::assert_snapshot!(refused(&shell, &["install", "none.wasm"]), @"
    exit 2, caller/not-found
    error: cannot read `none.wasm`: No such file or directory (os error 2)
    hint: check the path
    ");
    insta::assert_snapshot!(refused(&shell, &["install", "demo:text", "--as", "../x"]), @"
    exit 2, caller/usage
    error: `../x` is no name of a component: it has at most 64 lower-case letters, digits and single hyphens, and a letter first
    hint: write it like `text` or `text@1.2.0`
    ");
    insta::assert_snapshot!(refused(&shell, &["install", "demo:text", "--as", "x@1"]), @"
    exit 2, caller/usage
    error: `1` is no version: it is like `1.2.0`, as semantic versions are
    hint: write it like `text` or `text@1.2.0`
    ");
    assert!(!shell.path().join(CATALOG).join("patinox.lock").exists());
    done(&shell.run(&["install", "My Tool.wasm", "--as", "my-tool"]));
}

/// A component that lists its tools itself could list others at any time.
#[test]
fn tools_that_are_listed_at_run_time_are_pinned_too() {
    let Some(handler) = guests::built("fixture-handler") else {
        return;
    };
    let shell = Shell::new().file("handler.wasm", handler);
    done(&shell.run(&["install", "handler.wasm"]));
    assert_eq!(done(&shell.run(&["verify"])), "handler@0.1.0: as it was");
    let lock = shell.path().join(CATALOG).join("patinox.lock");
    let text = fs::read_to_string(&lock).expect("a lock");
    let (before, pinned) = text
        .split_once("tools-digest = \"sha256:")
        .expect("a digest");
    let other = format!(
        "{before}tools-digest = \"sha256:{}{}",
        "0".repeat(64),
        pinned.get(64..).expect("a digest of 64 digits")
    );
    fs::write(&lock, other).expect("a lock");
    insta::assert_snapshot!(refused(&shell, &["inspect", "handler"]), @"
    exit 3, policy/untrusted
    error: `handler@0.1.0` does not list the tools that it listed when it was installed
    hint: look at what it says now by its file, and install it anew if you trust that
    ");
    assert_eq!(shell.run(&["verify"]).code, Some(3));
}

/// What a stranger could put there instead.
#[test]
fn a_lock_that_is_wrong_somewhere_is_told_with_its_line() {
    let shell = home();
    let lock = shell.path().join(CATALOG).join("patinox.lock");
    let good = fs::read_to_string(&lock).expect("a lock");
    fs::write(&lock, good.replace("size-bytes", "grants")).expect("a lock");
    insta::assert_snapshot!(refused(&shell, &["ls"]), @"
    exit 2, caller/invalid-config
    error: `patinox.lock`: line 9: unknown field `grants`, expected one of `name`, `version`, `digest`, `size-bytes`, `source`… [cut]
    hint: it is written by `patinox install`: put back a copy, or remove it and install anew
    ");
    fs::write(&lock, good.replace("\"text\"", "\"../../text\"")).expect("a lock");
    insta::assert_snapshot!(refused(&shell, &["ls"]), @"
    exit 2, caller/usage
    error: `../../text` is no name of a component: it has at most 64 lower-case letters, digits and single hyphens, and a letter first
    hint: write it like `text` or `text@1.2.0`
    ");
    assert_eq!(shell.run(&COUNT).code, Some(2));
}
