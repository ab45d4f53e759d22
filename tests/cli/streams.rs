//! What goes where: data to stdout, everything else to stderr.

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::shell::Shell;
use crate::support::forge;

const CALL: [&str; 3] = ["call", "echo.wasm", "text=hello"];

fn shell() -> Shell {
    Shell::new().file("echo.wasm", forge::echo())
}

/// Nobody reads: nothing to tell, and nobody to tell it to.
#[test]
fn a_closed_stdout_is_no_error() {
    for words in [
        "demo",
        "call 'demo:text#count' text=a",
        "inspect demo:text",
        "--help",
        "completions bash",
        "doctor -o json",
        "call none.wasm -o json",
    ] {
        let shell = Shell::new();
        let ended = shell.end(shell.line(&format!("{{ patinox {words}; echo $? >code; }} | :")));
        ended.assert_no_crash(&shell);
        let code = std::fs::read_to_string(shell.path().join("code")).expect("a code");
        let expected = if words.contains("none") { "2" } else { "0" };
        assert_eq!(code.trim(), expected, "{words}: {ended:?}");
    }
}

/// A result that is lost is one: a full disk is not a reader that went away.
#[test]
fn a_full_disk_is_an_error() {
    let shell = shell();
    let full = OpenOptions::new().write(true).open("/dev/full");
    let mut command: Command = shell.patinox(&CALL);
    command.stdout(full.expect("a device"));
    let mut child = command.stderr(Stdio::piped()).spawn().expect("a process");
    let stderr = super::shell::collect(child.stderr.take().expect("stderr"));
    let stderr = super::shell::within(&mut child, &stderr);
    assert_eq!(child.wait().expect("an end").code(), Some(70), "{stderr}");
    assert!(
        stderr.starts_with("error: cannot write to standard output: "),
        "{stderr}"
    );
}

#[test]
fn logs_go_to_stderr_as_they_are_asked_for() {
    let shell = shell();
    let with = |flags: &[&str]| shell.run(&[&CALL[..], flags].concat());
    let lines = |flags: &[&str]| {
        let ended = with(flags);
        assert_eq!(ended.stdout, "hello\n", "{ended:?}");
        ended.stderr.lines().count()
    };
    // Only the cost.
    assert_eq!(lines(&[]), 1);
    assert_eq!(lines(&["-q"]), 0);
    assert_eq!(lines(&["-v"]), 3);
    assert!(3 <= lines(&["-vv"]));
    let json = with(&["-v", "--log-format", "json"]).stderr;
    let records: Vec<Value> = json
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    assert_eq!(records.len(), 2, "{json}");
    assert_eq!(records[1]["fields"]["gen_ai.tool.name"], "echo");
    let asked = Shell::new()
        .file("echo.wasm", forge::echo())
        .variable("RUST_LOG", "info");
    assert_eq!(asked.run(&CALL).stderr.lines().count(), 3);
}

/// What failed is told once, by the program, and not again by its log.
#[test]
fn an_error_is_told_once() {
    let ended = Shell::new().run(&["call", "demo:hostile#trap"]);
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert!(
        matches!(lines.as_slice(), [error, cost]
        if error.starts_with("error: ") && cost.starts_with("(fuel ")),
        "{ended:?}"
    );
}

/// A terminal of `script`: colours there, and none where they are not wanted.
#[test]
fn colours_are_for_terminals_that_want_them() {
    let on_terminal = |shell: &Shell| {
        let line = "script -qec 'patinox call none.wasm' /dev/null";
        shell.end(shell.line(line)).stdout
    };
    let piped = Shell::new().run(&["call", "none.wasm"]);
    assert!(!piped.stderr.contains('\u{1b}'), "{piped:?}");
    if !Shell::new()
        .end(Shell::new().line("command -v script"))
        .stdout
        .starts_with('/')
    {
        return crate::support::guests::left_out("colours: there is no `script`");
    }
    let shell = Shell::new().variable("TERM", "xterm");
    let coloured = on_terminal(&shell);
    assert!(coloured.contains("\u{1b}[1;31merror:"), "{coloured:?}");
    let plain = on_terminal(&shell.variable("NO_COLOR", "1"));
    assert!(
        plain.starts_with("error: cannot read `none.wasm`"),
        "{plain:?}"
    );
}

/// What takes long is seen to go on, by a person; nothing of it is left.
#[test]
fn on_a_terminal_compiling_shows_that_it_goes_on() {
    let shell = Shell::new().file("slow.wasm", forge::slow_to_compile());
    let on_a_terminal = "script -qec 'patinox inspect slow.wasm -q' /dev/null";
    let quiet = shell.end(shell.line(on_a_terminal));
    assert!(!quiet.stdout.contains("compiling"), "{quiet:?}");
    std::fs::remove_dir_all(shell.path().join(".cache")).expect("what was compiled");
    let ended = shell.end(shell.line("script -qec 'patinox inspect slow.wasm' /dev/null"));
    assert!(
        ended.stdout.contains("\r| compiling, 0 s\r/ compiling, "),
        "{ended:?}"
    );
    let (_, after) = ended.stdout.rsplit_once("compiling, ").expect("a line");
    let (_, result) = after.split_once(&format!("\r{:40}\r", "")).expect("spaces");
    assert!(result.contains("run("), "{ended:?}");
}
