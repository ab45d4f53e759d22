//! What comes in is read strictly.

use patinox_policy::Report;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const SIZE: u64 = 1 << 20;

#[track_caller]
fn refused(text: &str, expected: &str) {
    let error = parse(text, SIZE).unwrap_err();
    assert_eq!(error.to_string(), expected, "{text}");
    assert_eq!(error.code(), Code::InvalidJson);
}

#[test]
fn says_which_rule_and_where() {
    refused(
        "",
        "not valid JSON: the text ends within a value, at line 1, column 0",
    );
    refused(
        "{\"a\":",
        "not valid JSON: the text ends within a value, at line 1, column 5",
    );
    refused(
        "[1,\n 2",
        "not valid JSON: the text ends within a list, at line 2, column 2",
    );
    refused(
        "nope",
        "not valid JSON: expected ident, at line 1, column 2",
    );
    refused(
        "[1] 2",
        "not valid JSON: trailing characters, at line 1, column 5",
    );
    refused(
        "{}}",
        "not valid JSON: trailing characters, at line 1, column 3",
    );
    refused("NaN", "not valid JSON: expected value, at line 1, column 1");
    refused(
        "-Infinity",
        "not valid JSON: invalid number, at line 1, column 2",
    );
    refused(
        "[1e999]",
        "not valid JSON: number out of range, at line 1, column 6",
    );
    refused(
        "{'a': 1}",
        "not valid JSON: key must be a string, at line 1, column 2",
    );
    refused(
        "[01]",
        "not valid JSON: invalid number, at line 1, column 3",
    );
    refused(
        "\"\\ud800\"",
        "not valid JSON: unexpected end of hex escape, at line 1, column 8",
    );
    refused(
        "\u{feff}{}",
        "not valid JSON: expected value, at line 1, column 1",
    );
}

#[test]
fn a_key_stands_once() {
    refused(
        "{\"a\": 1,\n \"a\": 2}",
        "the key `a` stands twice in one object, at line 2, column 4",
    );
    refused(
        r#"[{"b": {"a": 1, "\u0061": 2}}]"#,
        "the key `a` stands twice in one object, at line 1, column 24",
    );
    refused(
        "{\"\u{202e}\": 1, \"\u{202e}\": 2}",
        "the key `\\u{202e}` stands twice in one object, at line 1, column 16",
    );
    assert!(parse(r#"[{"a": 1}, {"a": 2}]"#, SIZE).is_ok());
}

#[test]
fn integers_keep_their_digits() {
    refused(
        "18446744073709551616",
        "an integer does not fit 64 bits, at line 1, column 1",
    );
    refused(
        "{\"a\":\n  -9223372036854775809}",
        "an integer does not fit 64 bits, at line 2, column 3",
    );
    let exact = [u64::MAX.to_string(), i64::MIN.to_string(), "0".to_owned()];
    for text in exact {
        assert_eq!(parse(&text, SIZE).unwrap().to_string(), text);
    }
    // Digits in a string are no integer, and a fraction is a float.
    let text = r#"["\"18446744073709551616\\", 1e30, 100000000000000000000.0]"#;
    assert_eq!(parse(text, SIZE).unwrap()[1], json!(1e30));
}

#[test]
fn nests_to_the_limit_and_no_deeper() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(nested(MAX_JSON_DEPTH), SIZE).is_ok());
    refused(
        &nested(MAX_JSON_DEPTH + 1),
        "arrays and objects nest too deep, at line 1, column 130",
    );
    refused(
        &"{\"a\":".repeat(100_000),
        "arrays and objects nest too deep, at line 1, column 641",
    );
}

#[test]
fn the_size_is_checked_before_anything_is_read() {
    let error = parse("[broken", 6).unwrap_err();
    assert_eq!(error.to_string(), "the JSON text has 7 bytes, of at most 6");
    assert_eq!(error.code(), Code::Limit(LimitName::Arguments));
    assert!(parse("[1, 2]", 6).is_ok());
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let error = parse(b"\"\xff\"", SIZE).unwrap_err();
    let expected = "not valid JSON: invalid unicode code point, at line 1, column 2";
    assert_eq!(error.to_string(), expected);
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(value in values()) {
        prop_assert_eq!(parse(value.to_string(), SIZE), Ok(value.clone()));
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(parse(pretty, SIZE), Ok(value));
    }

    #[test]
    fn it_accepts_nothing_that_json_does_not(text in r#"[\[\]{}":,0-9eE+\-. a\\nul\n]{0,40}"#) {
        match (parse(&text, SIZE), serde_json::from_str::<Value>(&text)) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs),
            (Ok(_), Err(error)) => prop_assert!(false, "{}", error),
            (Err(error), _) => {
                let report = Report::of(&error);
                prop_assert!(report.message.len() <= patinox_policy::MAX_MESSAGE_BYTES);
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let _ = parse(bytes, SIZE);
    }
}
