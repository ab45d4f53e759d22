//! Calls: every way of giving arguments, and what comes out.

use serde_json::{Value, json};

use super::shell::{Ended, Shell, keys};
use crate::support::{forge, guests};

const FIELDS: [&str; 9] = [
    "fuel",
    "memory_bytes_peak",
    "wall_ms",
    "host_calls",
    "arguments_bytes",
    "result_bytes",
    "stdout_bytes",
    "stderr_bytes",
    "log_bytes",
];

/// Counts the words of `to be or not to be`, however it gets there.
#[track_caller]
fn counts_six(shell: &Shell, arguments: &[&str]) {
    let words = [&["call", "demo:text#count"], arguments, &["-o", "json"]].concat();
    let ended = shell.run(&words);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    let document = ended.document();
    assert_eq!(keys(&document), ["ok", "result", "call", "usage"]);
    assert_eq!(keys(&document["usage"]), FIELDS);
    assert_eq!(document["result"]["words"], 6, "{arguments:?}");
}

#[test]
fn arguments_come_in_every_way() {
    const TEXT: &str = "to be or not to be";
    let whole = json!({ "text": TEXT, "options": { "top": 1 } }).to_string();
    let shell = Shell::new()
        .file("notes.txt", TEXT)
        .file("top.json", "{\"top\": 1}\n");
    counts_six(&shell, &[&whole]);
    counts_six(&shell, &["text=to be or not to be"]);
    counts_six(&shell, &["text:=\"to be or not to be\""]);
    counts_six(&shell, &["text=@notes.txt"]);
    counts_six(&shell, &["text=@notes.txt", r#"options={"top": 1}"#]);
    counts_six(&shell, &["text=@notes.txt", r#"options:={"top": 1}"#]);
    counts_six(&shell, &["text=@notes.txt", "options=@top.json"]);
    counts_six(&shell, &["text=@notes.txt", "options=null"]);
    counts_six(&Shell::new().stdin(whole), &["-"]);
    counts_six(&Shell::new().stdin(TEXT), &["text=@-"]);
    let license = Shell::new().run(&["call", "demo:text#count", "text=@demo:license"]);
    assert!(license.stdout.contains("\"words\": "), "{license:?}");
}

#[test]
fn a_component_is_a_file_and_its_only_tool_needs_no_name() {
    let shell = Shell::new().file("echo.wasm", forge::echo());
    for target in ["echo.wasm", "./echo.wasm#echo", "echo.wasm#"] {
        let ended = shell.run(&["call", target, "text=hello\tyou"]);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(0), "hello\tyou\n")
        );
    }
}

#[test]
fn a_file_may_have_a_hash_in_its_name() {
    let shell = Shell::new().file("c#.wasm", forge::echo());
    let ended = shell.run(&["call", "c#.wasm", "text=hello"]);
    assert_eq!(ended.stdout, "hello\n", "{ended:?}");
}

/// What is said of a key is what the tool says it takes.
#[test]
fn a_value_is_read_by_the_type_that_the_tool_wants() {
    let sleep = |word: &str| Shell::new().run(&["call", "demo:hostile#sleep", word]);
    assert_eq!(sleep("ms=1").stdout, "1\n");
    assert_eq!(sleep("ms:=1").stdout, "1\n");
    assert_eq!(sleep("ms:=\"1\"").stdout, "1\n");
    let shell = Shell::new().file("echo.wasm", forge::echo());
    for text in ["1", "null", "{}", "true"] {
        let ended = shell.run(&["call", "echo.wasm", &format!("text={text}")]);
        assert_eq!(ended.stdout, format!("{text}\n"));
    }
}

/// The listing of a component with several tools is made of commands that run.
#[test]
fn every_command_of_the_listing_is_ready() {
    let shell = Shell::new();
    let ended = shell.run(&["call", "demo:text"]);
    let commands = ended
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("    "));
    let commands: Vec<_> = commands.collect();
    assert_eq!(commands.len(), 3, "{ended:?}");
    for command in commands {
        let called = shell.end(shell.line(command));
        assert_eq!(called.code, Some(0), "{command}: {called:?}");
    }
}

#[test]
fn a_long_listing_is_cut_between_tools() {
    let functions: String = (0..200)
        .map(|n| format!("(func (export \"tool-number-{n}\") (canon lift (core func $i \"f\")))"))
        .collect();
    let component = forge::component(&format!(
        "(component (core module $m (func (export \"f\")))
            (core instance $i (instantiate $m)) {functions})"
    ));
    let shell = Shell::new().file("many.wasm", component);
    let ended = shell.run(&["call", "many.wasm"]);
    let last = ended.stderr.lines().last().unwrap_or_default();
    insta::assert_snapshot!(last, @"  and 151 more: `patinox inspect many.wasm`");
}

#[test]
fn a_person_gets_text_and_what_it_cost() {
    let shell = Shell::new().file("echo.wasm", forge::echo());
    let ended = shell.run(&["call", "echo.wasm", "text=hello"]);
    insta::with_settings!({ filters => [
        (r"fuel [0-9.]+k?, memory [0-9.]+ [KM]iB, [0-9.]+ ms", "[cost]"),
    ] }, {
        insta::assert_snapshot!(format!("{}{}", ended.stdout, ended.stderr), @"
        hello
        ([cost])
        ");
    });
    let quiet = shell.run(&["call", "echo.wasm", "text=hello", "-q"]);
    assert_eq!(
        (quiet.stdout.as_str(), quiet.stderr.as_str()),
        ("hello\n", "")
    );
}

/// Escape sequences and what turns a text around never reach the terminal, in
/// a result, an error, or what the guest writes beside them.
#[test]
fn a_guest_cannot_steer_the_terminal() {
    let unsafe_in = |text: &str| {
        text.chars()
            .find(|c| is_unsafe(*c))
            .map(|c| c.escape_unicode().to_string())
    };
    let evil = "a\u{1b}[2Jb\u{9b}c\u{202e}d\u{200b}e";
    let shell = Shell::new().file("echo.wasm", forge::echo());
    let check = |ended: &Ended| {
        assert_eq!(unsafe_in(&ended.stdout), None, "{ended:?}");
        assert_eq!(unsafe_in(&ended.stderr), None, "{ended:?}");
    };
    let word = format!("text={evil}");
    let text = shell.run(&["call", "echo.wasm", &word]);
    check(&text);
    assert!(text.stdout.starts_with("a\\u{1b}[2Jb"), "{text:?}");
    let json = shell.run(&["call", "echo.wasm", &word, "-o", "json"]);
    check(&json);
    assert_eq!(json.document()["result"], evil);
    let failed = ["call", "demo:hostile#fail", "bytes=100"];
    check(&shell.run(&failed));
    check(&shell.run(&[&failed[..], &["-o", "json"]].concat()));
}

/// C0 but for line feed and tab, C1, bidirectional and zero-width characters.
fn is_unsafe(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn what_a_guest_writes_is_told_apart() {
    let shell = Shell::new();
    let words = ["call", "demo:hostile#flood-stdout", "bytes=3"];
    let text = shell.run(&words);
    assert_eq!(text.stdout, "3\n");
    assert!(text.stderr.starts_with("tool stdout: xxx\n"), "{text:?}");
    let document = shell
        .run(&[&words[..], &["-o", "json"]].concat())
        .document();
    assert_eq!(keys(&document), ["ok", "result", "call", "usage", "output"]);
    assert_eq!(document["output"], json!({ "stdout": "xxx" }));
    assert_eq!(document["usage"]["stdout_bytes"], 3);
}

#[test]
fn limits_come_from_flags_over_variables_over_the_file() {
    let spin = ["call", "demo:hostile#spin", "-o", "json"];
    let fuel = |shell: &Shell, flags: &[&str]| {
        let document = shell.run(&[&spin[..], flags].concat()).document();
        assert_eq!(document["error"]["code"], "limit/fuel");
        document["usage"]["fuel"].clone()
    };
    let shell = Shell::new().file(".config/patinox/config.toml", "[limits]\nfuel = '1M'\n");
    assert_eq!(fuel(&shell, &[]), 1_000_000);
    let shell = shell.variable("PATINOX_LIMITS__FUEL", "2M");
    assert_eq!(fuel(&shell, &[]), 2_000_000);
    assert_eq!(fuel(&shell, &["--limit", "fuel=3M"]), 3_000_000);
    let shell = shell.file("other.toml", "[limits]\nwall = '9s'\n");
    assert_eq!(fuel(&shell, &["--config", "other.toml"]), 2_000_000);
}

#[test]
fn the_format_can_be_a_setting() {
    let shell = Shell::new()
        .file("echo.wasm", forge::echo())
        .variable("PATINOX_OUTPUT__FORMAT", "json");
    let ended = shell.run(&["call", "echo.wasm", "text=hello"]);
    assert_eq!(ended.document()["result"], "hello");
    let failed = shell.run(&["call", "none.wasm"]);
    assert_eq!(failed.document()["error"]["code"], "caller/not-found");
    let text = shell.run(&["call", "echo.wasm", "text=hello", "-o", "text"]);
    assert_eq!(text.stdout, "hello\n");
}

/// A component whose tools are only known when it is asked for them.
#[test]
fn a_handler_lists_its_own_tools() {
    let Some(handler) = guests::built("fixture-handler") else {
        return;
    };
    let shell = Shell::new().file("handler.wasm", handler);
    let ended = shell.run(&["call", "handler.wasm#add", "a=2", "b=3", "-o", "json"]);
    let expected: Value = json!({ "sum": 5 });
    assert_eq!(ended.document()["result"], expected, "{ended:?}");
    let listed = shell.run(&["call", "handler.wasm"]);
    assert_eq!(listed.code, Some(2));
    assert!(
        listed.stderr.contains("'handler.wasm#add' a=1 b=1"),
        "{listed:?}"
    );
}

/// Threads have one heap together then: with heaps of their own there is no
/// room left for the program itself, which would end by a signal.
#[test]
fn a_guest_does_not_end_the_program_where_address_space_is_short() {
    let shell = Shell::new();
    for _ in 0..10 {
        let line = "ulimit -v 300000; patinox call 'demo:hostile#hoard' bytes=60000000";
        let ended = shell.end(shell.line(line));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stdout, "60000000\n", "{ended:?}");
    }
}
