//! The demo: what it promises, and that each row can be repeated.

use std::time::Duration;

use serde_json::Value;

use super::shell::{Shell, keys};

/// What the demo may take, ten times: a guard, not a measure.
const AT_MOST: Duration = Duration::from_secs(3 * 10);

const MAX_LINES: usize = 24;

/// A terminal, with the program's name as it is when it is installed.
const MAX_COLUMNS: usize = 100;

#[test]
fn it_fits_on_a_terminal() {
    let shell = Shell::new();
    let ended = shell.run(&["demo"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stderr, "");
    assert!(ended.took < AT_MOST, "{ended:?}");
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert!(lines.len() <= MAX_LINES, "{}", ended.stdout);
    for line in lines {
        assert!(line.chars().count() <= MAX_COLUMNS, "{line}");
    }
    insta::with_settings!({ filters => [
        (r"\d+(\.\d+)?[kMG]? +memory +[0-9.]+ [KM]iB +time +[0-9.]+ ms", "[cost]"),
        (r"fuel +\[cost\]", "[cost]"),
        (r"\d+ms spent", "[time] spent"),
        (r"ran \d+ ms and spent [0-9.]+[MG] fuel", "ran [time] and spent [fuel]"),
    ] }, {
        insta::assert_snapshot!(ended.stdout, @r#"
        six calls of untrusted tools, each in a sandbox of its own, with what is granted
        1. a tool at work              [cost]
           lines 201, words 1596, sentences 54, characters 11357, bytes 11357, frequent-words: license 34
           $ patinox call 'demo:text#count' text=@demo:license 'options:={"top":1,"shortest":6}'
        2. one that loops for ever     [cost]
           stopped: limit `fuel` of 200M reached, 200M spent
           $ patinox call 'demo:hostile#spin' --limit fuel=200M
        3. one that writes a file      [cost]
           denied: writing `/notes` is not granted
           hint: allow it with --allow 'fs=./notes:rw@/notes'
           $ patinox call 'demo:files#write' path=/notes/today.txt text=hello
        4. the same, with a folder     [cost]   result 5
           $ patinox call 'demo:files#write' path=/notes/today.txt text=hello --allow fs=scratch@/notes
        5. one that remembers          [cost]
           denied: writing the key-value namespace `notes` is not granted
           hint: allow it with --allow 'kv=notes:rw'
           $ patinox call 'demo:notes#add' 'text=buy milk'
        6. the same, remembering       [cost]   result 1
           $ patinox call 'demo:notes#add' 'text=buy milk' --allow kv=notes:rw
        the loop, its limit lifted: ran [time] and spent [fuel], until this demo stopped it

        next: look into a component, then call one of your own
           $ patinox inspect demo:text
           $ patinox call --help
        "#);
    });
}

#[test]
fn every_command_repeats_what_was_shown() {
    let shell = Shell::new();
    let ended = shell.run(&["demo", "-o", "json"]);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    let document = ended.document();
    assert_eq!(keys(&document), ["ok", "result"]);
    let result = &document["result"];
    assert_eq!(keys(result), ["rows", "lifted", "next"]);
    assert_eq!(keys(&result["lifted"]), ["what", "usage"]);
    let rows = result["rows"].as_array().expect("rows");
    let codes: Vec<_> = rows.iter().map(repeat).collect();
    assert_eq!(codes, [0, 4, 3, 0, 3, 0]);
    for next in result["next"].as_array().expect("two steps") {
        let again = shell.end(shell.line(next.as_str().expect("a command")));
        assert_eq!(again.code, Some(0), "{again:?}");
    }
}

/// Runs the command of a row as it is printed, and as `-o json`, each where nothing was
/// kept before: the outcome is that of the row.
#[track_caller]
fn repeat(row: &Value) -> i32 {
    let command = row["command"].as_str().expect("a command");
    let run = |command: &str| {
        let shell = Shell::new();
        shell.end(shell.line(command))
    };
    let (text, json) = (run(command), run(&format!("{command} -o json")));
    let document = json.document();
    assert_eq!(document["ok"], row["ok"], "{command}");
    assert_eq!(document["result"], row["result"], "{command}");
    assert_eq!(document["error"]["code"], row["error"]["code"], "{command}");
    assert_eq!(text.code, json.code, "{command}");
    text.code.expect("an exit code")
}

#[test]
fn text_and_document_show_the_same_commands() {
    let shell = Shell::new();
    let text = shell.run(&["demo"]).stdout;
    let shown: Vec<_> = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("$ "))
        .collect();
    let document = shell.run(&["demo", "-o", "json"]).document();
    let result = &document["result"];
    let rows = result["rows"].as_array().expect("rows");
    let next = result["next"].as_array().expect("two steps");
    let commands = rows.iter().map(|row| &row["command"]).chain(next);
    let commands: Vec<_> = commands.filter_map(Value::as_str).collect();
    assert_eq!(shown, commands);
}

/// A setting that a command depends on stands in the command.
#[test]
fn the_configuration_stands_in_the_commands() {
    let shell = Shell::new().file("own.toml", "[limits]\nmemory = '48MiB'\n");
    let document = shell
        .run(&["--config", "own.toml", "demo", "-o", "json"])
        .document();
    for row in document["result"]["rows"].as_array().expect("rows") {
        let command = row["command"].as_str().expect("a command");
        assert!(command.ends_with(" --config own.toml"), "{command}");
    }
}

#[test]
fn a_setting_in_its_way_is_told() {
    let shell = Shell::new().variable("PATINOX_LIMITS__FUEL", "1k");
    let ended = shell.run(&["demo"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(4), ""));
    insta::assert_snapshot!(ended.stderr, @"
    error: the demo did not go as it should: a tool at work ended in `limit/fuel`
    hint: a setting of your own may be in its way: see `PATINOX_*`
    ");
}
