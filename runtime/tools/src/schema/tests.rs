//! A schema admits what `decode` takes.

use jsonschema::PatternOptions;
use patinox_sandbox::ArgumentError;
use proptest::prelude::*;

use super::*;

fn field(name: &str, ty: ValueType) -> Field {
    let name = name.to_owned();
    Field { name, ty }
}

fn case(name: &str, payload: Option<ValueType>) -> Case {
    let name = name.to_owned();
    Case { name, payload }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn option(ty: ValueType) -> ValueType {
    ValueType::Option(Box::new(ty))
}

fn shown(schema: &Value) -> String {
    // One line a parameter keeps the snapshots readable.
    let properties = schema["properties"].as_object().unwrap();
    let lines = properties
        .iter()
        .map(|(name, schema)| format!("{name}: {schema}\n"));
    lines.collect()
}

#[test]
fn every_type_has_a_schema() {
    let function = FunctionType {
        params: vec![
            field("bool", ValueType::Bool),
            field("s8", ValueType::S8),
            field("u32", ValueType::U32),
            field("s64", ValueType::S64),
            field("u64", ValueType::U64),
            field("f32", ValueType::F32),
            field("f64", ValueType::F64),
            field("char", ValueType::Char),
            field("string", ValueType::String),
            field("bytes", ValueType::Bytes),
            field("list", ValueType::List(Box::new(ValueType::Bool))),
            field(
                "tuple",
                ValueType::Tuple(vec![ValueType::Bool, ValueType::String]),
            ),
            field("enum", ValueType::Enum(names(&["red", "green"]))),
            field("flags", ValueType::Flags(names(&["read", "write"]))),
            field("option", option(ValueType::Bool)),
            field("wide-option", option(ValueType::U64)),
            field("options", option(option(ValueType::Bool))),
            field(
                "variant",
                ValueType::Variant(vec![
                    case("none", None),
                    case("all", None),
                    case("some", Some(ValueType::Bool)),
                ]),
            ),
            field(
                "result",
                ValueType::Result {
                    ok: Some(Box::new(ValueType::Bool)),
                    err: None,
                },
            ),
            field("empty", ValueType::Record(Vec::new())),
        ],
        result: None,
    };
    insta::assert_snapshot!(shown(&input(&function)), @r#"
    bool: {"type":"boolean"}
    s8: {"type":"integer","minimum":-128,"maximum":127}
    u32: {"type":"integer","minimum":0,"maximum":4294967295}
    s64: {"anyOf":[{"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807},{"type":"string","pattern":"^(0|-?[1-9][0-9]{0,18})$"}]}
    u64: {"anyOf":[{"type":"integer","minimum":0,"maximum":18446744073709551615},{"type":"string","pattern":"^(0|[1-9][0-9]{0,19})$"}]}
    f32: {"type":"number","exclusiveMinimum":-3.4028235677973366e+38,"exclusiveMaximum":3.4028235677973366e+38}
    f64: {"type":"number"}
    char: {"type":"string","minLength":1,"maxLength":1}
    string: {"type":"string"}
    bytes: {"type":"string","contentEncoding":"base64"}
    list: {"type":"array","items":{"type":"boolean"}}
    tuple: {"type":"array","prefixItems":[{"type":"boolean"},{"type":"string"}],"items":false,"minItems":2,"maxItems":2}
    enum: {"type":"string","enum":["red","green"]}
    flags: {"type":"array","items":{"type":"string","enum":["read","write"]},"uniqueItems":true}
    option: {"anyOf":[{"type":"boolean"},{"type":"null"}]}
    wide-option: {"anyOf":[{"type":"integer","minimum":0,"maximum":18446744073709551615},{"type":"string","pattern":"^(0|[1-9][0-9]{0,19})$"},{"type":"null"}]}
    options: {"anyOf":[{"type":"object","properties":{"some":{"anyOf":[{"type":"boolean"},{"type":"null"}]}},"required":["some"],"additionalProperties":false},{"type":"null"}]}
    variant: {"oneOf":[{"type":"string","enum":["none","all"]},{"type":"object","properties":{"some":{"type":"boolean"}},"required":["some"],"additionalProperties":false}]}
    result: {"oneOf":[{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"],"additionalProperties":false},{"type":"object","properties":{"err":{"type":"null"}},"required":["err"],"additionalProperties":false}]}
    empty: {"type":"object","additionalProperties":false}
    "#);
}

#[test]
fn options_are_not_required_going_in() {
    let record = ValueType::Record(vec![
        field("a", ValueType::Bool),
        field("b", option(ValueType::Bool)),
    ]);
    let function = FunctionType {
        params: vec![
            field("r", record.clone()),
            field("o", option(ValueType::F32)),
        ],
        result: Some(record),
    };
    let schema = input(&function);
    assert_eq!(schema["required"], json!(["r"]));
    assert_eq!(schema["properties"]["r"]["required"], json!(["a"]));
    assert_eq!(output(&function).unwrap()["required"], json!(["a", "b"]));
}

#[test]
fn the_output_is_the_success() {
    let output = |result| {
        output(&FunctionType {
            params: Vec::new(),
            result,
        })
    };
    let result = |ok| ValueType::Result {
        ok,
        err: Some(Box::new(ValueType::String)),
    };
    assert_eq!(output(None), None);
    assert_eq!(output(Some(result(None))), None);
    let ok = result(Some(Box::new(ValueType::Bool)));
    assert_eq!(output(Some(ok)), Some(json!({ "type": "boolean" })));
    let float = json!({ "anyOf": [
        { "type": "number" },
        { "type": "string", "enum": ["NaN", "Infinity", "-Infinity"] },
    ] });
    assert_eq!(output(Some(ValueType::F64)), Some(float));
}

#[test]
fn what_is_too_large_is_not_presentable() {
    let nested = |depth| (0..depth).fold(ValueType::Bool, |ty, _| ValueType::List(Box::new(ty)));
    assert!(is_presentable(&of(&nested(60), Way::In)));
    let options = (0..60).fold(ValueType::Bool, |ty, _| option(ty));
    assert!(!is_presentable(&of(&options, Way::In)));
    let many = (0..10_000).map(|i| format!("case-{i}")).collect();
    assert!(!is_presentable(&of(&ValueType::Enum(many), Way::In)));
}

fn some_names() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::btree_set("[a-c]{1,2}", 1..4)
        .prop_map(|names| names.into_iter().collect())
}

fn types() -> impl Strategy<Value = ValueType> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            ValueType::Bool,
            ValueType::S8,
            ValueType::U8,
            ValueType::S16,
            ValueType::U16,
            ValueType::S32,
            ValueType::U32,
            ValueType::S64,
            ValueType::U64,
            ValueType::F32,
            ValueType::F64,
            ValueType::Char,
            ValueType::String,
            ValueType::Bytes,
        ]),
        some_names().prop_map(ValueType::Enum),
        some_names().prop_map(ValueType::Flags),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let maybe = proptest::option::of(inner.clone());
        let many = proptest::collection::vec(inner.clone(), 3);
        prop_oneof![
            inner
                .clone()
                .prop_map(|item| ValueType::List(Box::new(item))),
            inner.prop_map(option),
            many.clone().prop_map(ValueType::Tuple),
            (some_names(), many).prop_map(|(names, types)| {
                let fields = names
                    .into_iter()
                    .zip(types)
                    .map(|(name, ty)| Field { name, ty });
                ValueType::Record(fields.collect())
            }),
            (some_names(), proptest::collection::vec(maybe.clone(), 3)).prop_map(
                |(names, types)| {
                    let cases = names.into_iter().zip(types);
                    ValueType::Variant(
                        cases
                            .map(|(name, payload)| Case { name, payload })
                            .collect(),
                    )
                }
            ),
            (maybe.clone(), maybe).prop_map(|(ok, err)| ValueType::Result {
                ok: ok.map(Box::new),
                err: err.map(Box::new),
            }),
        ]
    })
}

/// JSON that fits nothing in particular. No integral float and no decimal string:
/// of these a schema cannot speak.
fn junk() -> impl Strategy<Value = Value> {
    let junk = json!([
        null, true, 0, -1, 127, 128, 300, 70_000, -40_000, 1_u64 << 40, u64::MAX, i64::MIN, 0.5, 1.5e300,
        "", "YWI=", "abcd", [], ["a"], ["a", "a"], [1, 2, 3], {}, {"a": null}, {"ok": null},
        {"err": true}, {"some": null}, {"a": 1, "b": 2},
    ]);
    prop::sample::select(junk.as_array().unwrap().clone())
}

/// JSON of a type, with a piece of junk in it now and then.
fn nearly(ty: &ValueType) -> BoxedStrategy<Value> {
    prop_oneof![8 => fitting(ty), 1 => junk()].boxed()
}

fn fitting(ty: &ValueType) -> BoxedStrategy<Value> {
    let wrapped = |name: &str, inner: &ValueType| {
        let name = name.to_owned();
        nearly(inner)
            .prop_map(move |value| json!({ &name: value }))
            .boxed()
    };
    match ty {
        ValueType::Bool => any::<bool>().prop_map(Value::from).boxed(),
        ValueType::S8 => any::<i8>().prop_map(Value::from).boxed(),
        ValueType::U8 => any::<u8>().prop_map(Value::from).boxed(),
        ValueType::S16 => any::<i16>().prop_map(Value::from).boxed(),
        ValueType::U16 => any::<u16>().prop_map(Value::from).boxed(),
        ValueType::S32 => any::<i32>().prop_map(Value::from).boxed(),
        ValueType::U32 => any::<u32>().prop_map(Value::from).boxed(),
        ValueType::S64 => prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<i64>().prop_map(|wide| wide.to_string().into()),
        ]
        .boxed(),
        ValueType::U64 => prop_oneof![
            any::<u64>().prop_map(Value::from),
            any::<u64>().prop_map(|wide| wide.to_string().into()),
        ]
        .boxed(),
        ValueType::F32 => any::<f32>().prop_map(Value::from).boxed(),
        ValueType::F64 => any::<f64>().prop_map(Value::from).boxed(),
        ValueType::Char => any::<char>().prop_map(|c| c.to_string().into()).boxed(),
        ValueType::String => any::<String>().prop_map(Value::from).boxed(),
        ValueType::Bytes => prop_oneof![Just("YQ=="), Just(""), Just("YWJj")]
            .prop_map(Value::from)
            .boxed(),
        ValueType::List(item) => proptest::collection::vec(nearly(item), 0..4)
            .prop_map(Value::from)
            .boxed(),
        ValueType::Record(fields) => record_of(fields),
        ValueType::Tuple(items) => items
            .iter()
            .map(nearly)
            .collect::<Vec<_>>()
            .prop_map(Value::from)
            .boxed(),
        ValueType::Enum(names) => prop::sample::select(names.clone())
            .prop_map(Value::from)
            .boxed(),
        ValueType::Flags(names) => prop::sample::subsequence(names.clone(), 0..=names.len())
            .prop_map(Value::from)
            .boxed(),
        ValueType::Variant(cases) => {
            let forms = cases.iter().map(|case| match &case.payload {
                Some(ty) => wrapped(&case.name, ty),
                None => Just(Value::from(case.name.as_str())).boxed(),
            });
            prop::strategy::Union::new(forms).boxed()
        }
        ValueType::Option(inner) if inner.is_nullable() => {
            prop_oneof![Just(Value::Null), wrapped("some", inner)].boxed()
        }
        ValueType::Option(inner) => prop_oneof![Just(Value::Null), nearly(inner)].boxed(),
        ValueType::Result { ok, err } => {
            let side = |name: &str, ty: &Option<Box<ValueType>>| match ty {
                Some(ty) => wrapped(name, ty),
                None => Just(json!({ name: null })).boxed(),
            };
            prop_oneof![side("ok", ok), side("err", err)].boxed()
        }
    }
}

/// A record, now and then with a field left out.
fn record_of(fields: &[Field]) -> BoxedStrategy<Value> {
    let one = |field: &Field| {
        let name = field.name.clone();
        proptest::option::weighted(0.9, nearly(&field.ty))
            .prop_map(move |value| value.map(|value| (name.clone(), value)))
    };
    let fields: Vec<_> = fields.iter().map(one).collect();
    fields
        .prop_map(|fields| fields.into_iter().flatten().collect())
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_schema_admits_what_decode_takes(
        (ty, value) in types().prop_flat_map(|ty| {
            let value = nearly(&ty);
            (Just(ty), value)
        })
    ) {
        let function = FunctionType { params: vec![field("v", ty)], result: None };
        let schema = input(&function);
        let patterns = PatternOptions::regex();
        let options = jsonschema::options().with_pattern_options(patterns).offline();
        let validator = options.build(&schema).unwrap();
        let arguments = json!({ "v": value });
        let decoded = function.decode(&arguments);
        // Nor of strings that are not base64.
        let is_text = |error: &ArgumentError| {
            error.expected == "a base64 string" && error.found.starts_with("the string")
        };
        prop_assume!(!decoded.as_ref().is_err_and(is_text));
        let shown = format!("{arguments}\n{schema}\n{decoded:?}");
        prop_assert_eq!(decoded.is_ok(), validator.is_valid(&arguments), "{}", shown);
    }
}
