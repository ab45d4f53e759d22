//! JSON to values, by type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use patinox_policy::{cut, escape_line};
use serde_json::{Map, Value};
use wasmtime::component::Val;

use super::{ArgumentError, MAX_ECHO_BYTES, MISSING};
use crate::types::{Case, Field, ValueType};

type Decoded<T = Val> = Result<T, ArgumentError>;

/// Decodes the fields of a record, or a function's parameters.
pub(super) fn fields(fields: &[Field], json: &Value) -> Decoded<Vec<(String, Val)>> {
    let object = object(json, || names_of(fields))?;
    let unknown = |key: &&String| !fields.iter().any(|field| field.name == **key);
    if let Some(key) = object.keys().find(unknown) {
        return Err(ArgumentError {
            found: format!("one with `{}`", cut(&escape_line(key), MAX_ECHO_BYTES)),
            ..ArgumentError::new(object_of(&names_of(fields)), json)
        });
    }
    fields
        .iter()
        .map(|field| one_field(field, object))
        .collect()
}

fn one_field(field: &Field, object: &Map<String, Value>) -> Decoded<(String, Val)> {
    let value = match object.get(&field.name) {
        Some(json) => decode(&field.ty, json),
        None if field.is_optional() => Ok(Val::Option(None)),
        None => Err(ArgumentError {
            found: MISSING.to_owned(),
            ..ArgumentError::new(expectation(&field.ty), &Value::Null)
        }),
    };
    let value = value.map_err(|error| error.within(&field.name))?;
    Ok((field.name.clone(), value))
}

/// Decodes a value.
pub(crate) fn decode(ty: &ValueType, json: &Value) -> Decoded {
    let wrong = || ArgumentError::new(expectation(ty), json);
    match ty {
        ValueType::Bool => json.as_bool().map(Val::Bool).ok_or_else(wrong),
        ValueType::S8 => small(json).map(Val::S8).ok_or_else(wrong),
        ValueType::U8 => small(json).map(Val::U8).ok_or_else(wrong),
        ValueType::S16 => small(json).map(Val::S16).ok_or_else(wrong),
        ValueType::U16 => small(json).map(Val::U16).ok_or_else(wrong),
        ValueType::S32 => small(json).map(Val::S32).ok_or_else(wrong),
        ValueType::U32 => small(json).map(Val::U32).ok_or_else(wrong),
        ValueType::S64 => wide(json, Value::as_i64).map(Val::S64).ok_or_else(wrong),
        ValueType::U64 => wide(json, Value::as_u64).map(Val::U64).ok_or_else(wrong),
        ValueType::F32 => float32(json).map(Val::Float32).ok_or_else(wrong),
        ValueType::F64 => json.as_f64().map(Val::Float64).ok_or_else(wrong),
        ValueType::Char => one_char(json).map(Val::Char).ok_or_else(wrong),
        ValueType::String => string(json)
            .map(|s| Val::String(s.to_owned()))
            .ok_or_else(wrong),
        ValueType::Bytes => bytes(json).ok_or_else(wrong),
        ValueType::List(item) => list(item, json).map(Val::List),
        ValueType::Record(record) => fields(record, json).map(Val::Record),
        ValueType::Tuple(items) => tuple(items, json),
        ValueType::Variant(cases) => variant(cases, json),
        ValueType::Enum(names) => known(names, json).map(Val::Enum).ok_or_else(wrong),
        ValueType::Flags(names) => flags(names, json),
        ValueType::Option(inner) => option(inner, json),
        ValueType::Result { ok, err } => result(ok.as_deref(), err.as_deref(), json),
    }
}

fn small<T: TryFrom<i64>>(json: &Value) -> Option<T> {
    json.as_i64().and_then(|number| T::try_from(number).ok())
}

/// 64-bit integers also come as decimal strings, as they go out.
fn wide<T: std::str::FromStr + ToString>(
    json: &Value,
    number: impl Fn(&Value) -> Option<T>,
) -> Option<T> {
    let Some(text) = json.as_str() else {
        return number(json);
    };
    let value: T = text.parse().ok()?;
    // `+1`, `01` and `-0` parse, but are not how an integer is written.
    (value.to_string() == text).then_some(value)
}

/// A number that fits `f32` in size; its last digits are rounded, as JSON
/// numbers are decimal.
fn float32(json: &Value) -> Option<f32> {
    let wide = json.as_f64()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding is meant; what overflows is refused on the next line"
    )]
    let narrow = wide as f32;
    narrow.is_finite().then_some(narrow)
}

fn one_char(json: &Value) -> Option<char> {
    let mut chars = json.as_str()?.chars();
    chars.next().filter(|_| chars.next().is_none())
}

fn string(json: &Value) -> Option<&str> {
    json.as_str()
}

fn bytes(json: &Value) -> Option<Val> {
    let bytes = STANDARD.decode(json.as_str()?).ok()?;
    Some(Val::List(bytes.into_iter().map(Val::U8).collect()))
}

fn list(item: &ValueType, json: &Value) -> Decoded<Vec<Val>> {
    let items = array(json, || format!("an array of {item}"))?;
    let one = |(i, json)| decode(item, json).map_err(|error| error.within(&format!("[{i}]")));
    items.iter().enumerate().map(one).collect()
}

fn tuple(types: &[ValueType], json: &Value) -> Decoded {
    let expected = || format!("an array of exactly {}", types.len());
    let items = array(json, expected)?;
    if items.len() != types.len() {
        return Err(ArgumentError::new(expected(), json));
    }
    let one = |(i, (ty, json))| {
        decode(ty, json).map_err(|error: ArgumentError| error.within(&format!("[{i}]")))
    };
    let values = types.iter().zip(items).enumerate().map(one);
    values.collect::<Decoded<_>>().map(Val::Tuple)
}

fn variant(cases: &[Case], json: &Value) -> Decoded {
    let expected = || format!("one of {}", quoted(cases.iter().map(describe_case)));
    let (name, payload) = single(json).ok_or_else(|| ArgumentError::new(expected(), json))?;
    let case = cases.iter().find(|case| case.name == name);
    let value = match (case.map(|case| &case.payload), payload) {
        (Some(None), None) => None,
        (Some(Some(ty)), Some(json)) => {
            let value = decode(ty, json).map_err(|error| error.within(name))?;
            Some(Box::new(value))
        }
        _ => return Err(ArgumentError::new(expected(), json)),
    };
    Ok(Val::Variant(name.to_owned(), value))
}

/// `"name"`, or an object of exactly one name with its payload.
fn single(json: &Value) -> Option<(&str, Option<&Value>)> {
    if let Some(name) = json.as_str() {
        return Some((name, None));
    }
    let mut entries = json.as_object()?.iter();
    let (name, payload) = entries.next()?;
    entries.next().is_none().then_some((name, Some(payload)))
}

fn flags(names: &[String], json: &Value) -> Decoded {
    let expected = || format!("an array of {}, each once", quoted(names.iter().cloned()));
    let mut set = Vec::new();
    for json in array(json, expected)? {
        match known(names, json) {
            Some(name) if !set.contains(&name) => set.push(name),
            _ => return Err(ArgumentError::new(expected(), json)),
        }
    }
    Ok(Val::Flags(set))
}

fn option(inner: &ValueType, json: &Value) -> Decoded {
    if json.is_null() {
        return Ok(Val::Option(None));
    }
    let value = if inner.is_nullable() {
        let wrapped = |json: &Value| ArgumentError::new("null or an object with `some`", json);
        match single(json) {
            Some(("some", Some(json))) => decode(inner, json).map_err(|e| e.within("some"))?,
            _ => return Err(wrapped(json)),
        }
    } else {
        decode(inner, json)?
    };
    Ok(Val::Option(Some(Box::new(value))))
}

fn result(ok: Option<&ValueType>, err: Option<&ValueType>, json: &Value) -> Decoded {
    let Some((name @ ("ok" | "err"), Some(payload))) = single(json) else {
        return Err(ArgumentError::new("an object with `ok` or `err`", json));
    };
    let side = |ty: Option<&ValueType>| match ty {
        Some(ty) => decode(ty, payload).map(|value| Some(Box::new(value))),
        None if payload.is_null() => Ok(None),
        None => Err(ArgumentError::new("null", payload)),
    };
    let value = match name {
        "ok" => side(ok).map(Ok),
        _ => side(err).map(Err),
    };
    value.map(Val::Result).map_err(|error| error.within(name))
}

fn known(names: &[String], json: &Value) -> Option<String> {
    let name = json.as_str()?;
    names.iter().find(|known| *known == name).cloned()
}

fn array(json: &Value, expected: impl Fn() -> String) -> Decoded<&Vec<Value>> {
    json.as_array()
        .ok_or_else(|| ArgumentError::new(expected(), json))
}

fn object(json: &Value, names: impl Fn() -> String) -> Decoded<&Map<String, Value>> {
    let expected = || object_of(&names());
    json.as_object()
        .ok_or_else(|| ArgumentError::new(expected(), json))
}

fn object_of(names: &str) -> String {
    match names {
        "" => "an empty object".to_owned(),
        names => format!("an object of {names}"),
    }
}

fn names_of(fields: &[Field]) -> String {
    quoted(fields.iter().map(|field| field.name.clone()))
}

fn describe_case(case: &Case) -> String {
    match &case.payload {
        Some(ty) => format!("{{\"{}\": {ty}}}", case.name),
        None => format!("\"{}\"", case.name),
    }
}

fn quoted(names: impl Iterator<Item = String>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// What a message says is expected.
fn expectation(ty: &ValueType) -> String {
    let integer = |least: &str, greatest: &str| format!("an integer from {least} to {greatest}");
    match ty {
        ValueType::Bool => "true or false".to_owned(),
        ValueType::S8 => integer("-128", "127"),
        ValueType::U8 => integer("0", "255"),
        ValueType::S16 => integer("-32768", "32767"),
        ValueType::U16 => integer("0", "65535"),
        ValueType::S32 => integer("-2147483648", "2147483647"),
        ValueType::U32 => integer("0", "4294967295"),
        ValueType::S64 => "a 64-bit integer, as a number or a decimal string".to_owned(),
        ValueType::U64 => "an unsigned 64-bit integer, as a number or a decimal string".to_owned(),
        ValueType::F32 => "a number that fits 32 bits".to_owned(),
        ValueType::F64 => "a number".to_owned(),
        ValueType::Char => "a string of one character".to_owned(),
        ValueType::String => "a string".to_owned(),
        ValueType::Bytes => "a base64 string".to_owned(),
        ValueType::Enum(names) => format!("one of {}", quoted(names.iter().cloned())),
        ValueType::List(item) => format!("an array of {item}"),
        ValueType::Flags(names) => format!("an array of {}", quoted(names.iter().cloned())),
        ValueType::Record(fields) => format!("an object of {}", names_of(fields)),
        ValueType::Tuple(items) => format!("an array of exactly {}", items.len()),
        ValueType::Variant(cases) => {
            format!("one of {}", quoted(cases.iter().map(describe_case)))
        }
        ValueType::Option(inner) => format!("null or {}", expectation(inner)),
        ValueType::Result { .. } => "an object with `ok` or `err`".to_owned(),
    }
}
