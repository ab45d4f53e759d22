//! From what was typed to what the tool's schema takes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use patinox_tools::{Checker, Tool, json};
use serde_json::{Map, Value};

use super::{Given, Text, invalid, shown};
use crate::again::quote;
use crate::error::Error;

/// How many references are followed to a schema.
///
/// It stops one that refers to itself.
const MAX_REFERENCES: usize = 8;

/// Turns what was given into the object that the tool takes.
pub(crate) fn fit(given: Given, tool: &dyn Tool) -> Result<Value, Error> {
    let named = match given {
        Given::Whole(value) => return Ok(value),
        Given::Named(named) => named,
    };
    let schema = &tool.spec().input_schema;
    let mut object = Map::new();
    for (key, text) in named {
        let schema = property(schema, &key);
        let value = match text {
            Text::Json(value) => value,
            Text::Typed(text) => typed(&key, text, schema.as_ref())?,
            Text::File(bytes) => file(&key, bytes, schema.as_ref())?,
        };
        object.insert(key, value);
    }
    Ok(Value::Object(object))
}

/// The schema of an argument, with the definitions that it may refer to.
fn property(schema: &Value, key: &str) -> Option<Value> {
    let named = schema.get("properties").and_then(|all| all.get(key));
    let other = || schema.get("additionalProperties");
    let mut own = named.or_else(other).filter(|own| own.is_object())?;
    for _ in 0..MAX_REFERENCES {
        let reference = own.get("$ref").and_then(Value::as_str);
        let Some(pointer) = reference.and_then(|reference| reference.strip_prefix('#')) else {
            break;
        };
        own = schema.pointer(pointer)?;
    }
    let mut own = own.clone();
    for definitions in ["$defs", "definitions"] {
        if let (Some(all), Some(own)) = (schema.get(definitions), own.as_object_mut()) {
            own.insert(definitions.to_owned(), all.clone());
        }
    }
    Some(own)
}

/// What a file holds: bytes where the tool takes bytes, else as if typed.
fn file(key: &str, bytes: Vec<u8>, schema: Option<&Value>) -> Result<Value, Error> {
    if schema.is_some_and(takes_bytes) {
        return Ok(Value::String(STANDARD.encode(bytes)));
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        invalid(
            format!("argument `{}` is not UTF-8 text", shown(key)),
            "this tool takes no bytes here; give a text".to_owned(),
        )
    })?;
    typed(key, text, schema)
}

/// Whether a value is bytes, written as base64, or nothing.
fn takes_bytes(schema: &Value) -> bool {
    let own = schema.get("contentEncoding").and_then(Value::as_str);
    own.is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64"))
        || forms(schema).any(takes_bytes)
}

/// The forms that a value may have, where there are several.
fn forms(schema: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["anyOf", "oneOf"].into_iter();
    lists
        .filter_map(|key| schema.get(key)?.as_array())
        .flatten()
}

/// Reads `key=value` by what the schema takes: the text itself, or the JSON
/// that it spells. Where both fit and differ, neither is guessed.
fn typed(key: &str, text: String, schema: Option<&Value>) -> Result<Value, Error> {
    let Some((schema, checker)) = schema.and_then(|s| Some((s, Checker::new(s).ok()?))) else {
        return Ok(Value::String(text));
    };
    let Ok(spelled) = json::parse(&text, u64::MAX) else {
        return Ok(Value::String(text));
    };
    let text = Value::String(text);
    let fits = |value: &Value| checker.check(value).is_ok();
    match (fits(&text), fits(&spelled)) {
        // A 64-bit integer may be either, and is the same.
        (true, true) if spelled.is_number() && is_wide(schema) => Ok(spelled),
        (true, true) => Err(ambiguous(key, &text, &spelled)),
        (false, true) => Ok(spelled),
        // Neither fits: the error is to be about what was meant.
        (false, false) if !takes_text(schema) => Ok(spelled),
        (true | false, false) => Ok(text),
    }
}

/// Whether some form of the value is a text.
fn takes_text(schema: &Value) -> bool {
    let mut forms = forms(schema).peekable();
    match forms.peek() {
        Some(_) => forms.any(takes_text),
        None => schema.get("type").is_none_or(|ty| ty == "string"),
    }
}

/// Whether a schema is that of a 64-bit integer, bare or optional.
fn is_wide(schema: &Value) -> bool {
    let has = |ty: &str| forms(schema).any(|form| form.get("type").is_some_and(|t| t == ty));
    (has("integer") && has("string")) || forms(schema).any(is_wide)
}

fn ambiguous(key: &str, text: &Value, spelled: &Value) -> Error {
    let key = shown(key);
    let short = |value: &Value| shown(&value.to_string());
    let word = |value: &Value| quote(&format!("{key}:={}", short(value)));
    Error::ambiguous(
        format!(
            "argument `{key}` could be the text `{}` or the JSON `{}`",
            short(text),
            short(spelled)
        ),
        format!("write `{}` or `{}`", word(text), word(spelled)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use patinox_policy::Failure as _;
    use serde_json::json;

    #[track_caller]
    fn check(text: &str, schema: &Value, expected: &Value) {
        let value = typed("k", text.to_owned(), Some(schema));
        assert_eq!(value.expect("a value"), *expected);
    }

    #[test]
    fn reads_by_the_schema() {
        let integer = json!({ "type": "integer" });
        let text = json!({ "type": "string" });
        check("5", &text, &json!("5"));
        check("5", &integer, &json!(5));
        check("five", &integer, &json!("five"));
        check("5.5", &integer, &json!(5.5));
        check("true", &json!({ "type": "boolean" }), &json!(true));
        check("[1, 2]", &json!({ "type": "array" }), &json!([1, 2]));
        check("{}", &text, &json!("{}"));
        let wide = json!({ "anyOf": [integer, { "type": "string", "pattern": "^[0-9]+$" }] });
        check("7", &wide, &json!(7));
        let maybe_wide = json!({ "anyOf": [wide, { "type": "null" }] });
        check("7", &maybe_wide, &json!(7));
        check("null", &maybe_wide, &Value::Null);
        let maybe_text = json!({ "anyOf": [text, { "type": "null" }] });
        check("hello", &maybe_text, &json!("hello"));
        let variant =
            json!({ "oneOf": [{ "type": "string", "enum": ["all"] }, { "type": "object" }] });
        check("all", &variant, &json!("all"));
        check(r#"{"some": 1}"#, &variant, &json!({ "some": 1 }));
    }

    #[track_caller]
    fn ambiguous(text: &str, schema: &Value) -> String {
        let error = typed("k", text.to_owned(), Some(schema)).expect_err("two readings");
        format!("{error} | {}", error.hint().unwrap_or_default())
    }

    #[test]
    fn does_not_guess() {
        let maybe_text = json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] });
        let texts = [ambiguous("null", &maybe_text), ambiguous("5", &json!({}))];
        insta::assert_snapshot!(texts.join("\n"), @r#"
        argument `k` could be the text `"null"` or the JSON `null` | write `'k:="null"'` or `k:=null`
        argument `k` could be the text `"5"` or the JSON `5` | write `'k:="5"'` or `k:=5`
        "#);
    }

    #[test]
    fn a_file_is_bytes_where_the_tool_takes_bytes() {
        let bytes = json!({ "type": "string", "contentEncoding": "base64" });
        let maybe = json!({ "anyOf": [bytes, { "type": "null" }] });
        for schema in [bytes, maybe] {
            let value = file("k", b"\xff\0".to_vec(), Some(&schema)).expect("bytes");
            assert_eq!(value, json!("/wA="));
        }
        let list = json!({ "type": "array" });
        let value = file("k", b"[1]\n".to_vec(), Some(&list)).expect("a list");
        assert_eq!(value, json!([1]));
        let error = file("k", b"\xff".to_vec(), Some(&json!({ "type": "string" })));
        assert_eq!(
            error.expect_err("no text").to_string(),
            "argument `k` is not UTF-8 text"
        );
    }

    #[test]
    fn a_reference_is_followed() {
        let schema = json!({
            "properties": { "n": { "$ref": "#/$defs/number" }, "loop": { "$ref": "#/properties/loop" } },
            "$defs": { "number": { "anyOf": [{ "$ref": "#/$defs/own" }] }, "own": { "type": "integer" } },
        });
        let number = property(&schema, "n").expect("a schema");
        check("5", &number, &json!(5));
        assert!(property(&schema, "loop").is_some());
        assert_eq!(property(&schema, "none"), None);
    }
}
