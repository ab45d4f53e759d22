//! Arguments that a tool would take: for a command that is ready to be run.

use serde_json::{Map, Value, json};

/// How deep a sample nests.
///
/// It stops a stranger's schema from filling a line.
const MAX_DEPTH: usize = 6;

/// A word for each argument that the tool requires.
pub(crate) fn words(schema: &Value) -> Vec<String> {
    let required = schema.get("required").and_then(Value::as_array);
    let names = required.into_iter().flatten().filter_map(Value::as_str);
    names
        .map(|name| {
            let own = schema.get("properties").and_then(|all| all.get(name));
            match own.map_or(json!("TEXT"), |own| value(own, MAX_DEPTH)) {
                Value::String(text) => format!("{name}={text}"),
                value @ (Value::Array(_) | Value::Object(_)) => format!("{name}:={value}"),
                value => format!("{name}={value}"),
            }
        })
        .collect()
}

fn value(schema: &Value, depth: usize) -> Value {
    let depth = depth.saturating_sub(1);
    let first = |key: &str| schema.get(key)?.as_array()?.first();
    if let Some(constant) = schema.get("const").or_else(|| first("enum")) {
        return constant.clone();
    }
    if let Some(form) = first("anyOf").or_else(|| first("oneOf")) {
        return value(form, depth);
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("integer" | "number") => number(schema),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some("array") => array(schema, depth),
        Some("object") => object(schema, depth),
        _ if schema.get("contentEncoding").is_some() => json!("AAAA"),
        _ if schema.get("maxLength") == Some(&json!(1)) => json!("a"),
        _ => json!("TEXT"),
    }
}

/// One, or the nearest to it that is allowed.
fn number(schema: &Value) -> Value {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let above = bound("minimum").is_none_or(|least| least <= 1.0);
    let below = bound("maximum").is_none_or(|greatest| 1.0 <= greatest);
    match (above, below) {
        (true, true) => json!(1),
        (false, _) => schema.get("minimum").cloned().unwrap_or_default(),
        (true, false) => schema.get("maximum").cloned().unwrap_or_default(),
    }
}

/// As few items as are allowed.
fn array(schema: &Value, depth: usize) -> Value {
    let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
    let positional = schema.get("prefixItems").and_then(Value::as_array);
    if depth == 0 || least == 0 {
        return json!([]);
    }
    match (positional, schema.get("items")) {
        (Some(items), _) => items.iter().map(|item| value(item, depth)).collect(),
        (None, Some(item)) => Value::Array(vec![value(item, depth)]),
        (None, None) => json!([]),
    }
}

fn object(schema: &Value, depth: usize) -> Value {
    let required = schema.get("required").and_then(Value::as_array);
    let names = required.into_iter().flatten().filter_map(Value::as_str);
    let names = names.take(if depth == 0 { 0 } else { usize::MAX });
    let fields = names.map(|name| {
        let own = schema.get("properties").and_then(|all| all.get(name));
        let own = own.map_or(json!("TEXT"), |own| value(own, depth));
        (name.to_owned(), own)
    });
    Value::Object(fields.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(property: &Value, expected: &str) {
        let schema = json!({ "properties": { "k": property, "x": {} }, "required": ["k"] });
        assert_eq!(words(&schema), [expected]);
    }

    #[test]
    fn samples_are_what_the_schema_takes() {
        check(&json!({ "type": "string" }), "k=TEXT");
        check(&json!({ "type": "integer", "minimum": 0 }), "k=1");
        check(&json!({ "type": "integer", "minimum": 7 }), "k=7");
        check(&json!({ "type": "integer", "maximum": -7 }), "k=-7");
        check(&json!({ "type": "boolean" }), "k=true");
        check(&json!({ "type": "string", "enum": ["a", "b"] }), "k=a");
        check(&json!({ "type": "array" }), "k:=[]");
        let record = json!({
            "type": "object",
            "properties": { "n": { "type": "number" }, "o": {} },
            "required": ["n"],
        });
        check(&record, r#"k:={"n":1}"#);
        check(
            &json!({ "anyOf": [record, { "type": "null" }] }),
            r#"k:={"n":1}"#,
        );
        let pair =
            json!({ "type": "array", "prefixItems": [{ "type": "boolean" }, {}], "minItems": 2 });
        check(&pair, r#"k:=[true,"TEXT"]"#);
        check(&json!({ "contentEncoding": "base64" }), "k=AAAA");
    }
}
