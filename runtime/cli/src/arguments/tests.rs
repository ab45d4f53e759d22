use super::*;
use proptest::prelude::*;
use serde_json::json;

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn given(given: &[&str], stdin: &str) -> Result<Given, Error> {
    read_from(&words(given), &Limits::default(), || stdin.as_bytes())
}

#[track_caller]
fn named(word: &str, stdin: &str, key: &str, expected: Text) {
    let read = given(&[word], stdin).expect("an argument");
    assert_eq!(read, Given::Named([(key.to_owned(), expected)].into()));
}

#[test]
fn reads_words() {
    named("a=1", "", "a", Text::Typed("1".to_owned()));
    named("a=", "", "a", Text::Typed(String::new()));
    named("c=x=y", "", "c", Text::Typed("x=y".to_owned()));
    named("b:=[2]", "", "b", Text::Json(json!([2])));
    named("b:c=1", "", "b:c", Text::Typed("1".to_owned()));
    named("a=@-", "text", "a", Text::File(b"text".to_vec()));
    let license = embedded::text("license").expect("a text");
    named("a=@demo:license", "", "a", Text::File(license.into()));
    let whole = || Given::Whole(json!({ "a": 1 }));
    assert_eq!(given(&[r#" {"a": 1}"#], "").expect("JSON"), whole());
    assert_eq!(given(&["-"], r#"{"a": 1}"#).expect("JSON"), whole());
    assert_eq!(given(&[], "").expect("none"), Given::Named(BTreeMap::new()));
}

fn refused(words: &[&str]) -> String {
    let error = given(words, "no JSON").expect_err("no arguments");
    let hint = error.hint().unwrap_or_default();
    format!("{}: {error} | {hint}", error.code())
}

#[test]
fn refuses_words_that_are_no_arguments() {
    let texts = [
        refused(&["hello"]),
        refused(&["=x"]),
        refused(&[":=1"]),
        refused(&["\"text\""]),
        refused(&["a=1", "a=2"]),
        refused(&["a=1", "a:=2"]),
        refused(&["{\"a\": 1}", "b=2"]),
        refused(&["a=1", "-"]),
        refused(&["-", "-"]),
        refused(&["a=@-", "b=@-"]),
        refused(&["a=@no-such-file"]),
        refused(&["a=@demo:nope"]),
        refused(&["-"]),
        refused(&["{"]),
        refused(&["a:=x"]),
        refused(&["{\"a\": 1, \"a\": 2}"]),
        refused(&["a\u{1b}[2J:=x"]),
    ];
    insta::assert_snapshot!(texts.join("\n"), @r#"
    caller/invalid-arguments: `hello` is no argument | write `key=value`, `key:=JSON`, `key=@file`, one JSON object, or `-` for stdin
    caller/invalid-arguments: `=x` is no argument | write `key=value`, `key:=JSON`, `key=@file`, one JSON object, or `-` for stdin
    caller/invalid-arguments: `:=1` is no argument | write `key=value`, `key:=JSON`, `key=@file`, one JSON object, or `-` for stdin
    caller/invalid-arguments: `"text"` is no argument | write `key=value`, `key:=JSON`, `key=@file`, one JSON object, or `-` for stdin
    caller/invalid-arguments: argument `a` is given twice | give it once; a list is JSON: `key:='[1, 2]'`
    caller/invalid-arguments: argument `a` is given twice | give it once; a list is JSON: `key:='[1, 2]'`
    caller/invalid-arguments: `{"a": 1}` is all arguments, so `b=2` cannot be one beside it | give all of them at once, or each as `key=value`
    caller/invalid-arguments: `-` is all arguments, so `a=1` cannot be one beside it | give all of them at once, or each as `key=value`
    caller/invalid-arguments: `-` is all arguments, so `-` cannot be one beside it | give all of them at once, or each as `key=value`
    caller/invalid-arguments: standard input is asked for twice | use `-` once
    caller/not-found: cannot read `no-such-file` | check the path; a text that begins with `@` is `key:='"@…"'`
    caller/not-found: there is no embedded text `nope` | there are `demo:license`
    caller/invalid-json: not valid JSON: expected ident, at line 1, column 2 | write one JSON object, like `{"key": "value"}`, or each as `key=value`
    caller/invalid-json: not valid JSON: the text ends within an object, at line 1, column 1 | write one JSON object, like `{"key": "value"}`, or each as `key=value`
    caller/invalid-json: argument `a`: not valid JSON: expected value, at line 1, column 1 | text needs no JSON: `a=…`
    caller/invalid-json: the key `a` stands twice in one object, at line 1, column 12 | each key stands once, numbers are finite, and nothing nests deeper than 128
    caller/invalid-json: argument `a\u{1b}[2J`: not valid JSON: expected value, at line 1, column 1 | text needs no JSON: `a\u{1b}[2J=…`
    "#);
}

#[test]
fn nothing_longer_than_the_limit_is_read() {
    let mut limits = Limits::default();
    limits.set("arguments", "10B").expect("a limit");
    for word in ["-", "a=@-", "a=@demo:license", "a:=[1,2,3,4,5,6]"] {
        let error = read_from(&words(&[word]), &limits, || b"0123456789+".as_slice());
        let error = error.expect_err(word);
        assert_eq!(error.code(), Code::Limit(LimitName::Arguments), "{word}");
    }
    let fits = read_from(&words(&["a=@-"]), &limits, || b"0123456789".as_slice());
    assert!(fits.is_ok(), "{fits:?}");
}

proptest! {
    #[test]
    fn no_words_panic(words: Vec<String>, stdin: Vec<u8>) {
        check_report(&words, &stdin);
    }

    // Words near to what is taken, which random text hardly ever is.
    #[test]
    fn no_words_with_our_signs_panic(
        words in prop::collection::vec("[a\u{1b}é]{0,2}:?=?@?[-{}\\[\\]\"0-9a]{0,4}", 0..4),
        stdin: Vec<u8>,
    ) {
        check_report(&words, &stdin);
    }
}

/// Whatever was typed is read, or refused in a line that can be shown.
fn check_report(words: &[String], stdin: &[u8]) {
    if let Err(error) = read_from(words, &Limits::default(), || stdin) {
        let report = patinox_policy::Report::of(&error);
        assert!(report.message.len() <= patinox_policy::MAX_MESSAGE_BYTES);
        assert!(!report.message.contains('\n'), "{}", report.message);
        assert!(report.hint.is_some(), "{}", report.message);
    }
}
