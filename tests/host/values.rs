//! JSON goes through a real function of every WIT type and comes back.

use std::collections::BTreeSet;

use patinox::{Host, Loaded};
use serde_json::{Value, json};

use crate::support::{self, code, forge, guests};

/// The functions that answer with their `value`: what goes in, and what comes
/// out where that differs.
fn echoes() -> Vec<(&'static str, Vec<Value>)> {
    let mut all = numbers();
    all.extend(texts());
    all.extend(compounds());
    all.extend(options());
    all
}

fn numbers() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("same-bool", vec![json!(true), json!(false)]),
        ("same-s8", vec![json!(i8::MIN), json!(0), json!(i8::MAX)]),
        ("same-s16", vec![json!(i16::MIN), json!(i16::MAX)]),
        ("same-s32", vec![json!(i32::MIN), json!(i32::MAX)]),
        (
            "same-s64",
            vec![
                json!(i64::MIN.to_string()),
                json!(i64::MAX.to_string()),
                json!(-(1_i64 << 53)),
                json!(1_i64 << 53),
                json!("-9007199254740993"),
            ],
        ),
        ("same-u8", vec![json!(0), json!(u8::MAX)]),
        ("same-u16", vec![json!(0), json!(u16::MAX)]),
        ("same-u32", vec![json!(0), json!(u32::MAX)]),
        (
            "same-u64",
            vec![
                json!(0),
                json!(1_u64 << 53),
                json!("9007199254740993"),
                json!("18446744073709551615"),
            ],
        ),
        (
            "same-f32",
            vec![json!(0.1), json!(-1.5), json!(3.402_823_5e38), json!(1e-45)],
        ),
        (
            "same-f64",
            vec![
                json!(0.1),
                json!(-0.0),
                json!(f64::MAX),
                json!(f64::MIN_POSITIVE),
                json!(5e-324),
            ],
        ),
        ("same-celsius", vec![json!(-273.15)]),
    ]
}

fn texts() -> Vec<(&'static str, Vec<Value>)> {
    let nasty = json!("grüße \u{1f980} \u{0}\u{1b}[2J\u{202e}\n");
    vec![
        (
            "same-char",
            vec![json!("a"), json!("\u{1f980}"), json!("\u{0}")],
        ),
        ("same-string", vec![json!(""), nasty.clone()]),
        ("same-URL", vec![json!("https://example.com/?q=1#x")]),
        (
            "same-bytes",
            vec![json!(""), json!("AA=="), json!("AP/+gA=="), json!("aGk=")],
        ),
        ("same-strings", vec![json!([]), json!(["", "a", nasty])]),
        (
            "same-enum",
            vec![json!("red"), json!("dark-green"), json!("blue")],
        ),
        ("same-scale", vec![json!("one"), json!("kilo")]),
        (
            "same-flags",
            vec![
                json!([]),
                json!(["can-read", "can-run"]),
                json!(["can-read", "can-write", "can-run"]),
            ],
        ),
        (
            "same-many-flags",
            vec![
                json!(["flag0", "flag31"]),
                (0..32).map(|n| json!(format!("flag{n}"))).collect(),
            ],
        ),
    ]
}

fn compounds() -> Vec<(&'static str, Vec<Value>)> {
    let segment = json!({
        "starting-point": { "x": i32::MIN, "y": 0 },
        "end-point": { "x": 1, "y": i32::MAX },
        "type": "edge",
    });
    let mut untyped = segment.clone();
    untyped["type"] = Value::Null;
    let shapes = vec![
        json!("nothing"),
        json!({ "circle": 1.5 }),
        json!({ "labelled-shape": "nothing" }),
        json!({ "segment": segment }),
        json!({ "polygon": [{ "x": 1, "y": 2 }, { "x": 3, "y": 4 }] }),
        json!({ "perhaps": null }),
        json!({ "perhaps": 7 }),
    ];
    vec![
        (
            "same-points",
            vec![json!([]), json!([{ "x": 1, "y": -1 }, { "x": 0, "y": 0 }])],
        ),
        (
            "same-matrix",
            vec![json!([]), json!([[], [1, -2], [i16::MAX, i16::MIN]])],
        ),
        ("same-tuple", vec![json!([255, "a", true])]),
        (
            "same-pairs",
            vec![json!([["a", 1], ["b", "18446744073709551615"]])],
        ),
        ("same-record", vec![segment, untyped]),
        ("same-variant", shapes.clone()),
        ("same-variants", vec![json!([]), Value::Array(shapes)]),
        (
            "same-result",
            vec![json!([{ "ok": 7 }]), json!([{ "err": "no" }])],
        ),
        (
            "same-outcomes",
            vec![
                json!({
                    "both": { "ok": 1 },
                    "ok-only": { "err": null },
                    "err-only": { "ok": null },
                    "neither": { "ok": null },
                }),
                json!({
                    "both": { "err": "a" },
                    "ok-only": { "ok": 2 },
                    "err-only": { "err": "b" },
                    "neither": { "err": null },
                }),
            ],
        ),
    ]
}

fn options() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("same-option", vec![Value::Null, json!(0), json!(7)]),
        (
            "same-nested-option",
            vec![Value::Null, json!({ "some": null }), json!({ "some": 7 })],
        ),
        (
            "same-options",
            vec![
                json!({ "simple": null, "nested": null, "listed": [] }),
                json!({ "simple": 1, "nested": { "some": null }, "listed": [null, "a"] }),
                json!({ "simple": 0, "nested": { "some": 2 }, "listed": [""] }),
            ],
        ),
    ]
}

/// Calls of the other functions: arguments, and the answer or the error.
fn others() -> Vec<(&'static str, Value, Result<Value, &'static str>)> {
    let (yes, no) = (json!({ "succeed": true }), json!({ "succeed": false }));
    let failed = "the tool failed: asked to fail";
    vec![
        ("double-number", json!({ "value": 21 }), Ok(json!(42))),
        (
            "shapes.describe",
            json!({ "shape": { "circle": 2 } }),
            Ok(json!("a circle of radius 2")),
        ),
        ("values.describe", json!({}), Ok(json!("values"))),
        ("result-both", yes.clone(), Ok(json!(7))),
        ("result-both", no.clone(), Err(failed)),
        ("result-ok-only", yes.clone(), Ok(json!(7))),
        ("result-ok-only", no.clone(), Err("the tool failed")),
        ("result-err-only", yes.clone(), Ok(Value::Null)),
        ("result-err-only", no.clone(), Err(failed)),
        ("result-neither", yes, Ok(Value::Null)),
        ("result-neither", no, Err("the tool failed")),
        (
            "result-variant",
            json!({ "error": { "perhaps": 7 } }),
            Err(r#"the tool failed: {"perhaps":7}"#),
        ),
        ("no-parameter", json!({}), Ok(json!(7))),
        ("no-result", json!({ "value": 1 }), Ok(Value::Null)),
        ("neither", json!({}), Ok(Value::Null)),
        (
            "several-parameters",
            json!({ "first-number": "-9223372036854775808", "list": ["red", "blue"] }),
            Ok(json!(
                "-9223372036854775808 None [Colour::Red, Colour::Blue]"
            )),
        ),
        (
            "several-parameters",
            json!({ "list": [], "text": "a", "first-number": 1 }),
            Ok(json!("1 Some(\"a\") []")),
        ),
    ]
}

async fn types() -> Option<(Host, Loaded)> {
    let bytes = guests::built("fixture-types")?;
    let host = support::host();
    let component = support::load(&host, &bytes).await;
    Some((host, component))
}

#[tokio::test]
async fn every_value_comes_back_as_it_went_in() {
    let Some((host, types)) = types().await else {
        return;
    };
    for (function, values) in echoes() {
        for value in values {
            let arguments = json!({ "value": value });
            let called = support::call(&host, &types, function, arguments).await;
            let answer = called.result.as_ref().ok();
            assert_eq!(answer, Some(&value), "{function}: {called:?}");
        }
    }
}

#[tokio::test]
async fn every_other_function_answers_as_it_should() {
    let Some((host, types)) = types().await else {
        return;
    };
    for (function, arguments, expected) in others() {
        let called = support::call(&host, &types, function, arguments).await;
        let got = called.result.as_ref().map_err(ToString::to_string);
        let expected = expected.as_ref().map_err(|text| (*text).to_owned());
        assert_eq!(got, expected, "{function}");
        let code = code(&called);
        assert!(matches!(code, "ok" | "component/error"), "{function}");
    }
}

#[tokio::test]
async fn no_function_is_left_out_of_these_tables() {
    let Some((_, types)) = types().await else {
        return;
    };
    let tools = types.tools().iter();
    let tools: BTreeSet<_> = tools.map(|tool| tool.spec().name.clone()).collect();
    let echoes = echoes().into_iter().map(|(name, _)| name);
    let others = others().into_iter().map(|(name, ..)| name);
    let tested: BTreeSet<_> = echoes.chain(others).map(str::to_owned).collect();
    assert_eq!(tools, tested);
    assert_eq!(types.tools().left_out(), []);
}

/// Other ways to write a value, and what comes back.
#[tokio::test]
async fn a_value_may_be_written_in_more_than_one_way() {
    let Some((host, types)) = types().await else {
        return;
    };
    for (function, given, expected) in [
        ("same-s64", json!("7"), json!(7)),
        ("same-s64", json!(i64::MIN), json!("-9223372036854775808")),
        ("same-u64", json!(u64::MAX), json!("18446744073709551615")),
        ("same-f64", json!(1), json!(1.0)),
        ("same-f32", json!(0.100_000_001), json!(0.1)),
        (
            "same-flags",
            json!(["can-run", "can-read"]),
            json!(["can-read", "can-run"]),
        ),
        (
            "same-options",
            json!({ "listed": [] }),
            json!({ "simple": null, "nested": null, "listed": [] }),
        ),
    ] {
        let called = support::call(&host, &types, function, json!({ "value": given })).await;
        assert_eq!(called.result.unwrap(), expected, "{function}");
    }
}

#[tokio::test]
async fn a_value_that_does_not_fit_never_reaches_the_guest() {
    let Some((host, types)) = types().await else {
        return;
    };
    for (function, value) in [
        ("same-bool", json!(1)),
        ("same-u8", json!(256)),
        ("same-u8", json!(1.0)),
        ("same-u8", json!("1")),
        ("same-s8", json!(-129)),
        ("same-u64", json!(-1)),
        ("same-u64", json!("18446744073709551616")),
        ("same-u64", json!("+1")),
        ("same-s64", json!("-0")),
        ("same-s64", json!(1e3)),
        ("same-f32", json!(1e39)),
        ("same-f64", json!("NaN")),
        ("same-char", json!("")),
        ("same-char", json!("ab")),
        ("same-string", Value::Null),
        ("same-bytes", json!("a")),
        ("same-bytes", json!([1, 2])),
        ("same-tuple", json!([1, "a"])),
        ("same-tuple", json!([1, "a", true, 0])),
        ("same-record", json!({ "starting-point": { "x": 1 } })),
        ("same-points", json!([{ "x": 1, "y": 2, "z": 3 }])),
        ("same-variant", json!("circle")),
        ("same-variant", json!({ "circle": 1.0, "nothing": null })),
        ("same-enum", json!("Red")),
        ("same-flags", json!(["can-read", "can-read"])),
        ("same-flags", json!(["can-fly"])),
        ("same-nested-option", json!(7)),
        ("same-outcomes", json!({})),
    ] {
        let called = support::call(&host, &types, function, json!({ "value": value })).await;
        assert_eq!(code(&called), "caller/invalid-arguments", "{function}");
        assert_eq!(called.usage.fuel, 0, "{function}");
        let text = called.result.unwrap_err().to_string();
        assert!(text.starts_with("argument `value"), "{function}: {text}");
    }
}

/// JSON has no such numbers, so none goes in; a guest can still make them.
#[tokio::test]
async fn a_float_that_is_no_number_comes_out_as_its_name() {
    let host = support::host();
    for (float, body, expected) in [
        ("f64", "f64.const nan", "NaN"),
        ("f64", "f64.const inf", "Infinity"),
        ("f64", "f64.const -inf", "-Infinity"),
        ("f32", "f32.const nan:0x200000", "NaN"),
        ("f32", "f32.const -inf", "-Infinity"),
    ] {
        let component = support::load(&host, &forge::run(float, float, body)).await;
        let called = support::call(&host, &component, "run", json!({})).await;
        assert_eq!(called.result.unwrap(), expected, "{body}");
    }
}

/// What no value of the type is, is the guest's fault and no value.
#[tokio::test]
async fn a_result_that_breaks_its_type_is_refused() {
    let host = support::host();
    for (wit, body) in [
        ("char", "i32.const 0xd800"),
        ("char", "i32.const 0x110000"),
        (
            "string",
            "(i32.store (i32.const 4) (i32.const -1)) i32.const 0",
        ),
        (
            "string",
            "(i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 1))
             (i32.store8 (i32.const 16) (i32.const 0xff)) i32.const 0",
        ),
        ("string", "i32.const 65535"),
        ("string", "i32.const 2"),
        (
            "(list u64)",
            "(i32.store (i32.const 4) (i32.const 0x10000000)) i32.const 0",
        ),
    ] {
        let component = support::load(&host, &forge::run(wit, "i32", body)).await;
        let called = support::call(&host, &component, "run", json!({})).await;
        assert_eq!(code(&called), "component/invalid-output", "{wit}: {body}");
        assert!(0 < called.usage.fuel);
    }
}
