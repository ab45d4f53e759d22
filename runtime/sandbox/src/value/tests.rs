//! Values go to JSON and back without loss.

use proptest::prelude::*;
use serde_json::json;
use wasmtime::component::Val;

use super::*;
use crate::types::Case;

fn field(name: &str, ty: ValueType) -> Field {
    Field {
        name: name.to_owned(),
        ty,
    }
}

fn function(ty: ValueType) -> FunctionType {
    FunctionType {
        params: vec![field("v", ty)],
        result: None,
    }
}

/// Decodes and encodes one value.
fn round_trip(
    ty: &ValueType,
    json: &serde_json::Value,
) -> Result<serde_json::Value, ArgumentError> {
    let mut arguments = function(ty.clone()).decode(&json!({ "v": json }))?;
    Ok(encode(
        ty,
        arguments.0.remove(0),
        &mut Room::new(u64::MAX, u64::MAX),
    )
    .expect("a decoded value has its type"))
}

#[track_caller]
#[expect(
    clippy::needless_pass_by_value,
    reason = "a row reads better without `&`"
)]
fn refused(ty: ValueType, json: &serde_json::Value, expected: &str) {
    assert_eq!(round_trip(&ty, json).unwrap_err().to_string(), expected);
}

#[test]
fn says_which_argument_and_what_was_expected() {
    refused(
        ValueType::U8,
        &json!(300),
        "argument `v` must be an integer from 0 to 255, not `300`",
    );
    refused(
        ValueType::U32,
        &json!(1.0),
        "argument `v` must be an integer from 0 to 4294967295, not `1.0`",
    );
    refused(
        ValueType::S8,
        &json!("1"),
        "argument `v` must be an integer from -128 to 127, not the string `1`",
    );
    refused(
        ValueType::Char,
        &json!("ab"),
        "argument `v` must be a string of one character, not the string `ab`",
    );
    refused(
        ValueType::Bytes,
        &json!("a"),
        "argument `v` must be a base64 string, not the string `a`",
    );
    refused(
        ValueType::U64,
        &json!("+1"),
        "argument `v` must be an unsigned 64-bit integer, as a number or a decimal string, not the string `+1`",
    );
    refused(
        ValueType::F32,
        &json!(1e300),
        "argument `v` must be a number that fits 32 bits, not `1e+300`",
    );
    refused(
        ValueType::List(Box::new(ValueType::Record(vec![field(
            "max",
            ValueType::Bool,
        )]))),
        &json!([{ "max": true }, { "max": 1 }]),
        "argument `v[1].max` must be true or false, not `1`",
    );
    let colours = || vec!["red".to_owned(), "green".to_owned()];
    refused(
        ValueType::Enum(colours()),
        &json!("blue"),
        "argument `v` must be one of `red`, `green`, not the string `blue`",
    );
    refused(
        ValueType::Flags(colours()),
        &json!(["red", "red"]),
        "argument `v` must be an array of `red`, `green`, each once, not the string `red`",
    );
}

#[test]
fn names_what_is_missing_or_unknown() {
    let function = FunctionType {
        params: vec![
            field("text", ValueType::String),
            field("max", ValueType::Option(Box::new(ValueType::U32))),
        ],
        result: None,
    };
    let error = |json| function.decode(&json).unwrap_err().to_string();
    assert_eq!(
        error(json!({})),
        "argument `text` is missing: it must be a string"
    );
    assert_eq!(
        error(json!({ "text": "", "maxx": 1 })),
        "the arguments must be an object of `text`, `max`, not one with `maxx`"
    );
    assert_eq!(
        error(json!([])),
        "the arguments must be an object of `text`, `max`, not an array of 0"
    );
    assert!(function.decode(&json!({ "text": "a" })).is_ok());
    assert!(
        function
            .decode(&json!({ "text": "a", "max": null }))
            .is_ok()
    );
}

#[test]
fn wide_integers_go_out_as_strings_beyond_2_to_the_53() {
    for (inside, outside) in [
        (
            json!(9_007_199_254_740_992_u64),
            json!(9_007_199_254_740_992_u64),
        ),
        (json!(9_007_199_254_740_993_u64), json!("9007199254740993")),
        (json!("18446744073709551615"), json!("18446744073709551615")),
    ] {
        assert_eq!(round_trip(&ValueType::U64, &inside), Ok(outside));
    }
    assert_eq!(
        round_trip(&ValueType::S64, &json!(i64::MIN)),
        Ok(json!(i64::MIN.to_string()))
    );
}

#[test]
fn what_is_not_finite_goes_out_by_name() {
    assert_eq!(
        encode(
            &ValueType::F64,
            Val::Float64(f64::NAN),
            &mut Room::new(u64::MAX, u64::MAX)
        ),
        Ok(json!("NaN"))
    );
    assert_eq!(
        encode(
            &ValueType::F32,
            Val::Float32(f32::NEG_INFINITY),
            &mut Room::new(u64::MAX, u64::MAX)
        ),
        Ok(json!("-Infinity"))
    );
    assert_eq!(
        encode(
            &ValueType::F32,
            Val::Float32(0.1),
            &mut Room::new(u64::MAX, u64::MAX)
        ),
        Ok(json!(0.1))
    );
}

#[test]
fn an_option_of_an_option_keeps_both_nones_apart() {
    let ty = ValueType::Option(Box::new(ValueType::Option(Box::new(ValueType::Bool))));
    for json in [
        json!(null),
        json!({ "some": null }),
        json!({ "some": true }),
    ] {
        assert_eq!(round_trip(&ty, &json), Ok(json));
    }
}

#[test]
fn encoding_stops_at_the_room_it_has() {
    let ty = ValueType::List(Box::new(ValueType::Result {
        ok: None,
        err: None,
    }));
    let items = |count| Val::List(vec![Val::Result(Ok(None)); count]);
    let json = encode(&ty, items(3), &mut Room::new(40, u64::MAX)).expect("38 bytes");
    assert_eq!(json.to_string(), r#"[{"ok":null},{"ok":null},{"ok":null}]"#);
    let long = encode(&ty, items(100), &mut Room::new(40, u64::MAX));
    assert_eq!(long, Err(Unencodable::TooLong));
}

fn names() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::btree_set("[a-z]{1,4}(-[a-z0-9]{1,3})?", 1..5)
        .prop_map(|names| names.into_iter().collect())
}

fn types() -> impl Strategy<Value = ValueType> {
    let leaf = prop_oneof![
        Just(ValueType::Bool),
        Just(ValueType::S8),
        Just(ValueType::U8),
        Just(ValueType::S16),
        Just(ValueType::U16),
        Just(ValueType::S32),
        Just(ValueType::U32),
        Just(ValueType::S64),
        Just(ValueType::U64),
        Just(ValueType::F32),
        Just(ValueType::F64),
        Just(ValueType::Char),
        Just(ValueType::String),
        Just(ValueType::Bytes),
        names().prop_map(ValueType::Enum),
        names().prop_map(ValueType::Flags),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let maybe = proptest::option::of(inner.clone());
        prop_oneof![
            inner
                .clone()
                .prop_filter("`list<u8>` is `Bytes`", |item| *item != ValueType::U8)
                .prop_map(|item| ValueType::List(Box::new(item))),
            inner
                .clone()
                .prop_map(|item| ValueType::Option(Box::new(item))),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(ValueType::Tuple),
            (names(), proptest::collection::vec(inner, 5)).prop_map(|(names, types)| {
                let fields = names.iter().zip(types);
                ValueType::Record(fields.map(|(name, ty)| field(name, ty)).collect())
            }),
            (names(), proptest::collection::vec(maybe.clone(), 5)).prop_map(|(names, types)| {
                let case = |(name, payload)| Case { name, payload };
                ValueType::Variant(names.into_iter().zip(types).map(case).collect())
            }),
            (maybe.clone(), maybe).prop_map(|(ok, err)| ValueType::Result {
                ok: ok.map(Box::new),
                err: err.map(Box::new),
            }),
        ]
    })
}

/// Values of a type; floats are finite, as JSON has no others coming in.
fn values(ty: &ValueType) -> BoxedStrategy<Val> {
    let boxed = |ty: &ValueType| values(ty).prop_map(|value| Some(Box::new(value)));
    let side = |ty: &Option<Box<ValueType>>| match ty {
        Some(ty) => values(ty).prop_map(|v| Some(Box::new(v))).boxed(),
        None => Just(None).boxed(),
    };
    match ty {
        ValueType::Bool => any::<bool>().prop_map(Val::Bool).boxed(),
        ValueType::S8 => any::<i8>().prop_map(Val::S8).boxed(),
        ValueType::U8 => any::<u8>().prop_map(Val::U8).boxed(),
        ValueType::S16 => any::<i16>().prop_map(Val::S16).boxed(),
        ValueType::U16 => any::<u16>().prop_map(Val::U16).boxed(),
        ValueType::S32 => any::<i32>().prop_map(Val::S32).boxed(),
        ValueType::U32 => any::<u32>().prop_map(Val::U32).boxed(),
        ValueType::S64 => any::<i64>().prop_map(Val::S64).boxed(),
        ValueType::U64 => any::<u64>().prop_map(Val::U64).boxed(),
        ValueType::F32 => finite(any::<f32>()).prop_map(Val::Float32).boxed(),
        ValueType::F64 => finite(any::<f64>()).prop_map(Val::Float64).boxed(),
        ValueType::Char => any::<char>().prop_map(Val::Char).boxed(),
        ValueType::String => any::<String>().prop_map(Val::String).boxed(),
        ValueType::Bytes => proptest::collection::vec(any::<u8>().prop_map(Val::U8), 0..9)
            .prop_map(Val::List)
            .boxed(),
        ValueType::List(item) => proptest::collection::vec(values(item), 0..4)
            .prop_map(Val::List)
            .boxed(),
        ValueType::Tuple(items) => items
            .iter()
            .map(values)
            .collect::<Vec<_>>()
            .prop_map(Val::Tuple)
            .boxed(),
        ValueType::Record(fields) => {
            let names: Vec<_> = fields.iter().map(|field| field.name.clone()).collect();
            let parts: Vec<_> = fields.iter().map(|field| values(&field.ty)).collect();
            let zip =
                move |parts: Vec<Val>| Val::Record(names.clone().into_iter().zip(parts).collect());
            parts.prop_map(zip).boxed()
        }
        ValueType::Enum(names) => proptest::sample::select(names.clone())
            .prop_map(Val::Enum)
            .boxed(),
        ValueType::Flags(names) => proptest::sample::subsequence(names.clone(), 0..=names.len())
            .prop_map(Val::Flags)
            .boxed(),
        ValueType::Option(inner) => prop_oneof![Just(None), boxed(inner)]
            .prop_map(Val::Option)
            .boxed(),
        ValueType::Result { ok, err } => {
            prop_oneof![side(ok).prop_map(Ok), side(err).prop_map(Err)]
                .prop_map(Val::Result)
                .boxed()
        }
        ValueType::Variant(cases) => proptest::sample::select(cases.clone())
            .prop_flat_map(|case| {
                let name = case.name;
                side_of(case.payload).prop_map(move |value| Val::Variant(name.clone(), value))
            })
            .boxed(),
    }
}

fn side_of(ty: Option<ValueType>) -> BoxedStrategy<Option<Box<Val>>> {
    match ty {
        Some(ty) => values(&ty).prop_map(|value| Some(Box::new(value))).boxed(),
        None => Just(None).boxed(),
    }
}

fn finite<T: Copy + Into<f64> + std::fmt::Debug>(
    floats: impl Strategy<Value = T>,
) -> impl Strategy<Value = T> {
    floats.prop_filter("finite", |float| (*float).into().is_finite())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_value_survives_json_and_its_text(
        (ty, value) in types().prop_flat_map(|ty| {
            let values = values(&ty);
            (Just(ty), values)
        })
    ) {
        let json = encode(&ty, value.clone(), &mut Room::new(u64::MAX, u64::MAX)).expect("the value has its type");
        let text = json.to_string();
        // It never counts more than the text has.
        let exact = &mut Room::new(u64::try_from(text.len()).unwrap(), u64::MAX);
        prop_assert!(encode(&ty, value.clone(), exact).is_ok(), "{}", text);
        let read: serde_json::Value = serde_json::from_str(&text).expect("what we write is JSON");
        let arguments = function(ty).decode(&json!({ "v": read }));
        prop_assert_eq!(arguments.map(|a| a.0), Ok(vec![value]), "{}", text);
    }

    #[test]
    fn no_json_panics(ty in types(), text in ".{0,40}", number: f64, deep in 0..60_usize) {
        let mut json = json!([text, number, null, { "ok": text }]);
        for _ in 0..deep {
            json = json!([json]);
        }
        if let Err(error) = round_trip(&ty, &json) {
            prop_assert!(error.to_string().len() <= patinox_policy::MAX_MESSAGE_BYTES);
        }
    }
}
