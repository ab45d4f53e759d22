//! Tools that are not there, and arguments that are not right.

use insta::assert_snapshot;

use super::refused;
use crate::cli::shell::Shell;
use crate::support::forge;

fn called(arguments: &[&str]) -> String {
    read("", arguments)
}

/// Calls with this on its standard input.
fn read(stdin: &str, arguments: &[&str]) -> String {
    let words = [&["call", "demo:text#count"], arguments].concat();
    refused(&Shell::new().stdin(stdin), &words)
}

#[test]
fn an_unknown_tool() {
    assert_snapshot!(refused(&Shell::new(), &["call", "demo:text#cuont", "text=a"]), @"
    exit 2, caller/unknown-tool
    error: there is no tool `cuont`
    hint: did you mean `count`? The tools are `count`, `diff`, `extract`
    ");
    assert_snapshot!(refused(&Shell::new(), &["inspect", "demo:text#\u{202e}"]), @r"
    exit 2, caller/unknown-tool
    error: there is no tool `\u{202e}`
    hint: the tools are `count`, `diff`, `extract`
    ");
}

#[test]
fn no_tool_of_several() {
    assert_snapshot!(refused(&Shell::new(), &["call", "demo:text"]), @"
    exit 2, caller/tool-required
    error: the component has 3 tools and none was named
    hint: name one:
      count(text: string, options: option<record { … }>) -> record { … }
        patinox call 'demo:text#count' text=TEXT
      diff(old: string, new: string, options: option<record { … }>) -> record { … }
        patinox call 'demo:text#diff' old=TEXT new=TEXT
      extract(text: string, pattern: string, options: option<record { … }>) -> result<record { … }, variant { … }>
        patinox call 'demo:text#extract' text=TEXT pattern=TEXT
    ");
}

#[test]
fn an_argument_of_the_wrong_type() {
    assert_snapshot!(called(&["text:=1"]), @"
    exit 2, caller/invalid-arguments
    error: argument `text` must be a string, not `1`
    hint: the tool is `count(text: string, options: option<record { … }>) -> record { … }`
    ");
    assert_snapshot!(called(&["text=a", "options=1"]), @"
    exit 2, caller/invalid-arguments
    error: argument `options` must be an object of `top`, `shortest`, `letter-case`, not `1`
    hint: the tool is `count(text: string, options: option<record { … }>) -> record { … }`
    ");
    assert_snapshot!(called(&["text=a", r#"options:={"top": 256}"#]), @"
    exit 2, caller/invalid-arguments
    error: argument `options.top` must be an integer from 0 to 255, not `256`
    hint: the tool is `count(text: string, options: option<record { … }>) -> record { … }`
    ");
}

#[test]
fn a_missing_argument() {
    assert_snapshot!(called(&[]), @"
    exit 2, caller/invalid-arguments
    error: argument `text` is missing: it must be a string
    hint: the tool is `count(text: string, options: option<record { … }>) -> record { … }`
    ");
}

#[test]
fn an_unknown_argument() {
    assert_snapshot!(called(&["text=a", "txet=b"]), @"
    exit 2, caller/invalid-arguments
    error: the arguments must be an object of `text`, `options`, not one with `txet`
    hint: the tool is `count(text: string, options: option<record { … }>) -> record { … }`
    ");
}

#[test]
fn an_argument_given_twice() {
    assert_snapshot!(called(&["text=a", "text=b"]), @"
    exit 2, caller/invalid-arguments
    error: argument `text` is given twice
    hint: give it once; a list is JSON: `key:='[1, 2]'`
    ");
}

#[test]
fn arguments_that_exclude_each_other() {
    assert_snapshot!(called(&[r#"{"text": "a"}"#, "text=b"]), @r#"
    exit 2, caller/invalid-arguments
    error: `{"text": "a"}` is all arguments, so `text=b` cannot be one beside it
    hint: give all of them at once, or each as `key=value`
    "#);
    assert_snapshot!(called(&["text=@-", "options=@-"]), @"
    exit 2, caller/invalid-arguments
    error: standard input is asked for twice
    hint: use `-` once
    ");
}

/// One function that takes a text or nothing, and does nothing with it.
const MAYBE_TEXT: &str = r#"(component
    (core module $m
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 64)
        (func (export "run") (param i32 i32 i32)))
    (core instance $i (instantiate $m))
    (func (export "run") (param "text" (option string))
        (canon lift (core func $i "run")
            (memory $i "memory") (realloc (func $i "realloc")))))"#;

#[test]
fn an_argument_with_two_readings() {
    let shell = Shell::new().file("maybe.wasm", forge::component(MAYBE_TEXT));
    assert_snapshot!(refused(&shell, &["call", "maybe.wasm", "text=null"]), @r#"
    exit 2, caller/invalid-arguments
    error: argument `text` could be the text `"null"` or the JSON `null`
    hint: write `'text:="null"'` or `text:=null`
    "#);
    // Each way out that the hint names is one.
    for word in ["text=hello", "text:=null", "text:=\"null\""] {
        let ended = shell.run(&["call", "maybe.wasm", word]);
        assert_eq!(ended.code, Some(0), "{word}: {ended:?}");
    }
}

#[test]
fn a_word_that_is_no_argument() {
    assert_snapshot!(called(&["hello"]), @"
    exit 2, caller/invalid-arguments
    error: `hello` is no argument
    hint: write `key=value`, `key:=JSON`, `key=@file`, one JSON object, or `-` for stdin
    ");
    assert_snapshot!(called(&["\u{1b}]0;evil\u{7}"]), @r"
    exit 2, caller/invalid-arguments
    error: `\u{1b}]0;evil\u{7}` is no argument
    hint: write `key=value`, `key:=JSON`, `key=@file`, one JSON object, or `-` for stdin
    ");
}

#[test]
fn what_is_no_json() {
    assert_snapshot!(called(&["{text: 'a'}"]), @r#"
    exit 2, caller/invalid-json
    error: not valid JSON: key must be a string, at line 1, column 2
    hint: write one JSON object, like `{"key": "value"}`, or each as `key=value`
    "#);
    assert_snapshot!(read("", &["-"]), @r#"
    exit 2, caller/invalid-json
    error: not valid JSON: the text ends within a value, at line 1, column 0
    hint: write one JSON object, like `{"key": "value"}`, or each as `key=value`
    "#);
    assert_snapshot!(read("{\"text\": \"a\"} {}", &["-"]), @r#"
    exit 2, caller/invalid-json
    error: not valid JSON: trailing characters, at line 1, column 15
    hint: write one JSON object, like `{"key": "value"}`, or each as `key=value`
    "#);
    assert_snapshot!(called(&["text:=hello"]), @"
    exit 2, caller/invalid-json
    error: argument `text`: not valid JSON: expected value, at line 1, column 1
    hint: text needs no JSON: `text=…`
    ");
    assert_snapshot!(read("{\"text\": NaN}", &["-"]), @r#"
    exit 2, caller/invalid-json
    error: not valid JSON: expected value, at line 1, column 10
    hint: write one JSON object, like `{"key": "value"}`, or each as `key=value`
    "#);
}

#[test]
fn json_that_is_no_object() {
    assert_snapshot!(called(&["[1]"]), @"
    exit 2, caller/invalid-arguments
    error: the arguments must be an object of `text`, `options`, not an array of 1
    hint: the tool is `count(text: string, options: option<record { … }>) -> record { … }`
    ");
    assert_snapshot!(read("5", &["-"]), @"
    exit 2, caller/invalid-arguments
    error: the arguments must be an object of `text`, `options`, not `5`
    hint: the tool is `count(text: string, options: option<record { … }>) -> record { … }`
    ");
}

#[test]
fn a_key_that_stands_twice() {
    assert_snapshot!(called(&[r#"{"text": "a", "text": "b"}"#]), @"
    exit 2, caller/invalid-json
    error: the key `text` stands twice in one object, at line 1, column 20
    hint: each key stands once, numbers are finite, and nothing nests deeper than 128
    ");
}

#[test]
fn json_that_is_too_deep() {
    let deep = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert_snapshot!(read(&deep(129), &["-"]), @"
    exit 2, caller/invalid-json
    error: arrays and objects nest too deep, at line 1, column 130
    hint: each key stands once, numbers are finite, and nothing nests deeper than 128
    ");
    // One less is read, and then is no object.
    assert_snapshot!(read(&deep(128), &["-"]), @"
    exit 2, caller/invalid-arguments
    error: the arguments must be an object of `text`, `options`, not an array of 1
    hint: the tool is `count(text: string, options: option<record { … }>) -> record { … }`
    ");
}

#[test]
fn more_than_the_limit() {
    let text = "x".repeat((4 << 20) + 1);
    assert_snapshot!(read(&text, &["-"]), @"
    exit 4, limit/arguments
    error: limit `arguments` of 4MiB reached
    hint: raise it with `--limit arguments=8MiB`
    ");
    assert_snapshot!(read(&text, &["text=@-"]), @"
    exit 4, limit/arguments
    error: limit `arguments` of 4MiB reached
    hint: raise it with `--limit arguments=8MiB`
    ");
    let shell = Shell::new().file("big.txt", &text);
    assert_snapshot!(refused(&shell, &["call", "demo:text#count", "text=@big.txt"]), @"
    exit 4, limit/arguments
    error: limit `arguments` of 4MiB reached
    hint: raise it with `--limit arguments=8MiB`
    ");
}

#[test]
fn a_file_that_cannot_be_read() {
    let shell = Shell::new().file("bytes", b"\xff\xfe");
    let called = |word| refused(&shell, &["call", "demo:text#count", word]);
    assert_snapshot!(called("text=@none.txt"), @r#"
    exit 2, caller/not-found
    error: cannot read `none.txt`: No such file or directory (os error 2)
    hint: check the path; a text that begins with `@` is `key:='"@…"'`
    "#);
    assert_snapshot!(called("text=@."), @r#"
    exit 2, caller/unreadable
    error: cannot read `.`: Is a directory (os error 21)
    hint: check the path; a text that begins with `@` is `key:='"@…"'`
    "#);
    assert_snapshot!(called("text=@bytes"), @"
    exit 2, caller/invalid-arguments
    error: argument `text` is not UTF-8 text
    hint: this tool takes no bytes here; give a text
    ");
    assert_snapshot!(called("text=@demo:nope"), @"
    exit 2, caller/not-found
    error: there is no embedded text `nope`
    hint: there are `demo:license`
    ");
}
