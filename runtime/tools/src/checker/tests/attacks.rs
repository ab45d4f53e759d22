//! Schemas and values that attack the checker.

use std::time::{Duration, Instant};

use patinox_policy::{MAX_MESSAGE_BYTES, Report};
use proptest::prelude::*;
use serde_json::{Map, json};

use super::super::*;

/// A guard against hangs: what is bounded ends far earlier.
const SOON: Duration = Duration::from_secs(60);

#[track_caller]
fn refused(schema: &Value, expected: &str) {
    assert_eq!(Checker::new(schema).unwrap_err(), expected);
}

#[test]
fn refuses_schemas_that_are_none() {
    refused(
        &json!({ "type": "strng" }),
        "`/type` must fit one of the forms that the schema allows",
    );
    refused(
        &json!({ "minLength": -1 }),
        "`/minLength` must be at least 0",
    );
    refused(
        &json!({ "$schema": "https://evil.test/meta" }),
        "its `$schema` is neither 2020-12 nor draft 7",
    );
}

#[test]
fn refuses_what_leads_outside() {
    let outside = "a `$ref` does not point inside the document as `#/…`";
    for reference in [
        "http://evil.test/a",
        "file:///etc/passwd",
        "other.json",
        "#anchor",
        "//x",
        "#%zz",
    ] {
        refused(&json!({ "$ref": reference }), outside);
        refused(
            &json!({ "$defs": { "unused": { "$ref": reference } } }),
            outside,
        );
    }
    refused(&json!({ "$ref": 1 }), outside);
    refused(
        &json!({ "$ref": "#/$defs/none" }),
        "a `$ref` points at no schema of the document",
    );
    refused(
        &json!({ "items": { "$id": "http://evil.test/" } }),
        "`$id` is only allowed at the top",
    );
    refused(
        &json!({ "not": { "$schema": "http://evil.test/" } }),
        "`$schema` is only allowed at the top",
    );
    refused(
        &json!({ "$dynamicRef": "#a" }),
        "`$dynamicRef` is not supported",
    );
}

/// In draft 7 a checker may read a text as JSON, once for each keyword.
#[test]
fn what_a_text_holds_is_never_read() {
    let keywords = vec![json!({ "contentMediaType": "application/json" }); 300];
    let encoded = json!({ "contentEncoding": "base64" });
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "allOf": [{ "allOf": keywords }, encoded],
    });
    let checker = Checker::new(&schema).unwrap();
    let text = format!("[{}0]", "0,".repeat(500_000));
    let started = Instant::now();
    assert!(checker.check(&json!(text)).is_ok());
    assert!(checker.check(&json!("neither JSON nor base64")).is_ok());
    // Read 300 times it takes 8 s where the code is optimised.
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn regular_expressions_run_in_linear_time() {
    let rule = "is not a regular expression of linear time and modest size";
    for (pattern, path) in [("(?=a)b", "/pattern"), (r"(a)\1", "/pattern")] {
        refused(&json!({ "pattern": pattern }), &format!("`{path}` {rule}"));
    }
    refused(
        &json!({ "pattern": r"\p{L}{1,10000}" }),
        &format!("`/pattern` {rule}"),
    );
    let checker = Checker::new(&json!({ "pattern": "^(a+)+$" })).unwrap();
    let started = Instant::now();
    assert!(
        checker
            .check(&json!(format!("{}b", "a".repeat(100_000))))
            .is_err()
    );
    assert!(started.elapsed() < SOON);
    let many: Map<_, _> = (0..257)
        .map(|i| (i.to_string(), json!({ "pattern": "a" })))
        .collect();
    refused(
        &json!({ "properties": many }),
        "it has more than 256 regular expressions",
    );
}

#[test]
fn a_reference_that_leads_to_itself_is_refused() {
    let back = "a `$ref` leads back to itself";
    refused(&json!({ "$ref": "#" }), back);
    refused(
        &json!({ "anyOf": [{ "type": "string" }, { "not": { "$ref": "#" } }] }),
        back,
    );
}

/// `d0` applies `d1` twice, that one `d2`, …: 2^30 schemas in a few lines.
fn doubling(keyword: &str, times: usize) -> Value {
    let one = |i: usize| {
        let next = json!({ "$ref": format!("#/$defs/d{}", i + 1) });
        (format!("d{i}"), json!({ keyword: [next, next] }))
    };
    let mut defs: Map<_, _> = (0..times).map(one).collect();
    defs.insert(format!("d{times}"), json!({ "type": "string" }));
    json!({ "$ref": "#/$defs/d0", "$defs": defs })
}

#[test]
fn references_that_double_are_refused() {
    let rule = "its parts refer to each other too often";
    for keyword in ["allOf", "anyOf", "oneOf"] {
        refused(&doubling(keyword, 30), rule);
        assert!(Checker::new(&doubling(keyword, 8)).is_ok());
    }
    let unevaluated = |inner: Value, _| json!({ "allOf": [inner], "unevaluatedProperties": false });
    assert!(Checker::new(&(0..12).fold(json!({}), unevaluated)).is_ok());
}

/// Each level tries both branches of the next: 2^depth, decided by the value.
#[test]
fn recursion_that_doubles_is_cut_by_the_depth_of_the_value() {
    let branch = json!({ "properties": { "a": { "$ref": "#" } } });
    let checker = Checker::new(&json!({ "anyOf": [branch, branch, { "type": "null" }] })).unwrap();
    let nested =
        |depth: usize, leaf: Value| (0..depth).fold(leaf, |inner, _| json!({ "a": inner }));
    assert_eq!(checker.check(&nested(8, json!(null))), Ok(()));
    let started = Instant::now();
    let error = checker.check(&nested(100, json!(1))).unwrap_err();
    let expected = "the value must be smaller or less deep, for this schema to be checked in time";
    assert_eq!(error.to_string(), expected);
    assert!(checker.check(&nested(14, json!({ "a": 1 }))).is_ok() || started.elapsed() < SOON);
}

#[test]
fn a_check_at_its_bound_ends_soon() {
    let entries: Vec<_> = (0..5_000).collect();
    let heavy = [
        (
            json!({ "items": { "enum": entries } }),
            json!(vec![0; 19_000]),
        ),
        (
            json!({ "pattern": "^(a?){400}b$" }),
            json!("a".repeat(100_000)),
        ),
        (doubling("anyOf", 20), json!("x")),
        (
            json!({ "items": doubling("allOf", 10) }),
            json!(vec!["x"; 10_000]),
        ),
    ];
    for (schema, value) in heavy {
        let started = Instant::now();
        if let Ok(checker) = Checker::new(&schema) {
            let _ = checker.check(&value);
        }
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    }
}

#[test]
fn a_million_wrong_items_are_one_error() {
    let strings = json!({ "type": "array", "items": { "type": "string" } });
    let checker = Checker::new(&json!({ "anyOf": [strings, { "type": "null" }] })).unwrap();
    let error = checker.check(&json!(vec![1; 1_000_000])).unwrap_err();
    assert_eq!(error.to_string(), "the value must fit the schema");
}

#[test]
fn neither_compiling_nor_checking_overflows_a_small_stack() {
    let chain = |count: usize, wrap: fn(Value) -> Value| {
        let one = |i: usize| {
            (
                format!("d{i}"),
                wrap(json!({ "$ref": format!("#/$defs/d{}", i + 1) })),
            )
        };
        let mut defs: Map<_, _> = (0..count).map(one).collect();
        defs.insert(
            format!("d{count}"),
            json!({ "properties": { "a": { "$ref": "#/$defs/d0" } } }),
        );
        json!({ "$ref": "#/$defs/d0", "$defs": defs })
    };
    let deep = |value| (0..9).fold(value, |inner, _| json!({ "not": { "anyOf": [inner] } }));
    let wide = |value| {
        (0..9).fold(
            value,
            |inner, _| json!({ "properties": { "a": { "items": inner } } }),
        )
    };
    let schemas = [
        chain(120, |value| value),
        chain(120, |value| json!({ "allOf": [value] })),
        chain(12, deep),
        chain(120, wide),
        json!({ "anyOf": [{ "type": "string" }, { "items": { "$ref": "#" } }] }),
    ];
    let small = thread::Builder::new().stack_size(1 << 20);
    let work = move || {
        let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!({ "a": [inner] }));
        for schema in schemas {
            let Ok(checker) = Checker::new(&schema) else {
                continue;
            };
            for depth in [1, 2, 3, 8, 60, 64, 200] {
                let _ = checker.check(&nested(depth));
            }
        }
    };
    small.spawn(work).unwrap().join().unwrap();
}

#[test]
fn a_message_is_short_whatever_the_schema_and_the_value() {
    let long = "\u{202e}".repeat(10_000);
    let schema =
        json!({ "properties": { &long: { "enum": [&long, &long, &long] } }, "required": [&long] });
    let checker = Checker::new(&schema).unwrap();
    for value in [json!({ &long: format!("{long}x") }), json!({})] {
        let report = Report::of(&checker.check(&value).unwrap_err());
        assert!(
            report.message.len() <= MAX_MESSAGE_BYTES,
            "{}",
            report.message.len()
        );
        assert!(!report.message.contains('\u{202e}'));
    }
}

fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        prop_oneof!["string", "number", "object", "array", "null"]
            .prop_map(|t| json!({ "type": t })),
        "[a-z^$.*+?(){},0-9]{0,8}".prop_map(|pattern| json!({ "pattern": pattern })),
        Just(json!({ "$ref": "#" })),
        Just(json!({ "$ref": "#/items" })),
        any::<i8>().prop_map(|least| json!({ "minimum": least, "minLength": least })),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let map = proptest::collection::btree_map("[ab]", inner.clone(), 1..3);
        prop_oneof![
            (
                prop_oneof!["allOf", "anyOf", "oneOf", "prefixItems"],
                proptest::collection::vec(inner.clone(), 1..3)
            )
                .prop_map(|(keyword, schemas)| json!({ keyword: schemas })),
            (
                prop_oneof![
                    "not",
                    "items",
                    "contains",
                    "unevaluatedItems",
                    "propertyNames"
                ],
                inner
            )
                .prop_map(|(keyword, schema)| json!({ keyword: schema })),
            (
                prop_oneof!["properties", "patternProperties", "dependentSchemas"],
                map
            )
                .prop_map(
                    |(keyword, schemas)| json!({ keyword: schemas, "unevaluatedProperties": false })
                ),
        ]
    })
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<i8>().prop_map(Value::from),
        "[ab]{0,3}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[abc]", inner, 0..4)
                .prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn the_answer_is_the_engines_own(schema in schemas(), value in values()) {
        let Ok(checker) = Checker::new(&schema) else { return Ok(()) };
        let patterns = PatternOptions::regex();
        let theirs = jsonschema::options().offline().with_pattern_options(patterns);
        let theirs = theirs.build(&schema).unwrap();
        let ours = checker.check(&value);
        prop_assert_eq!(ours.is_ok(), theirs.is_valid(&value), "{:?}", ours);
        if let Err(error) = ours {
            prop_assert!(Report::of(&error).message.len() <= MAX_MESSAGE_BYTES);
        }
    }

    #[test]
    fn no_json_panics_as_a_schema(schema in values(), value in values()) {
        if let Ok(checker) = Checker::new(&schema) {
            let _ = checker.check(&value);
        }
    }
}
