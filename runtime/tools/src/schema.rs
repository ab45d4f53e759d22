//! JSON Schema (2020-12) from the types of a component's functions.
//!
//! A schema admits what [`FunctionType::decode`] takes. Three things it cannot
//! say, and `decode` alone refuses: `1.0` for an integer, a decimal string
//! outside of 64 bits, and a string that is not base64.

use patinox_sandbox::{Case, Field, FunctionType, ValueType, json_len};
use serde_json::{Map, Value, json};

use crate::json::nests_within;
use crate::spec::MAX_SCHEMA_BYTES;

/// How deep a derived schema may nest, so that who reads JSON to a depth of
/// 128 can read it inside a message.
const MAX_DERIVED_DEPTH: usize = 112;

/// The first magnitude that rounds to infinity in 32 bits.
const F32_OVERFLOW: f64 = 3.402_823_567_797_336_6e38;

/// Which way a value goes: floats that are not finite only come out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

/// The schema of a function's arguments: an object with its parameters.
///
/// ```
/// use patinox_sandbox::{Field, FunctionType, ValueType};
/// use patinox_tools::schema;
/// use serde_json::json;
///
/// let text = Field { name: "text".to_owned(), ty: ValueType::String };
/// let function = FunctionType { params: vec![text], result: None };
/// let expected = json!({
///     "type": "object",
///     "properties": { "text": { "type": "string" } },
///     "required": ["text"],
///     "additionalProperties": false,
/// });
/// assert_eq!(schema::input(&function), expected);
/// ```
#[must_use]
pub fn input(function: &FunctionType) -> Value {
    record(&function.params, Way::In)
}

/// The schema of a function's success: of `result<T, E>` that is `T`. `None`
/// where it returns nothing.
#[must_use]
pub fn output(function: &FunctionType) -> Option<Value> {
    match function.result.as_ref()? {
        ValueType::Result { ok, .. } => ok.as_deref().map(|ty| of(ty, Way::Out)),
        ty => Some(of(ty, Way::Out)),
    }
}

/// Whether a derived schema is small enough to show to anybody.
pub(crate) fn is_presentable(schema: &Value) -> bool {
    nests_within(schema, MAX_DERIVED_DEPTH) && json_len(schema, MAX_SCHEMA_BYTES).is_ok()
}

fn of(ty: &ValueType, way: Way) -> Value {
    match ty {
        ValueType::Bool => json!({ "type": "boolean" }),
        ValueType::S8 => integer(i8::MIN, i8::MAX),
        ValueType::U8 => integer(u8::MIN, u8::MAX),
        ValueType::S16 => integer(i16::MIN, i16::MAX),
        ValueType::U16 => integer(u16::MIN, u16::MAX),
        ValueType::S32 => integer(i32::MIN, i32::MAX),
        ValueType::U32 => integer(u32::MIN, u32::MAX),
        ValueType::S64 => wide(&integer(i64::MIN, i64::MAX), "^(0|-?[1-9][0-9]{0,18})$"),
        ValueType::U64 => wide(&integer(u64::MIN, u64::MAX), "^(0|[1-9][0-9]{0,19})$"),
        ValueType::F32 => float(
            json!({
                "type": "number",
                "exclusiveMinimum": -F32_OVERFLOW,
                "exclusiveMaximum": F32_OVERFLOW,
            }),
            way,
        ),
        ValueType::F64 => float(json!({ "type": "number" }), way),
        ValueType::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
        ValueType::String => json!({ "type": "string" }),
        ValueType::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        ValueType::List(item) => json!({ "type": "array", "items": of(item, way) }),
        ValueType::Record(fields) => record(fields, way),
        ValueType::Tuple(items) => tuple(items, way),
        ValueType::Variant(cases) => variant(cases, way),
        ValueType::Enum(names) => json!({ "type": "string", "enum": names }),
        ValueType::Flags(names) => json!({
            "type": "array",
            "items": { "type": "string", "enum": names },
            "uniqueItems": true,
        }),
        ValueType::Option(inner) => option(inner, way),
        ValueType::Result { ok, err } => json!({ "oneOf": [
            single("ok", ok.as_deref(), way),
            single("err", err.as_deref(), way),
        ] }),
    }
}

fn integer<T: Into<Value>>(least: T, greatest: T) -> Value {
    let (least, greatest): (Value, Value) = (least.into(), greatest.into());
    json!({ "type": "integer", "minimum": least, "maximum": greatest })
}

/// Beyond 2^53 many readers of JSON lose digits of a number, so a decimal
/// string stands beside it.
fn wide(integer: &Value, pattern: &str) -> Value {
    json!({ "anyOf": [integer, { "type": "string", "pattern": pattern }] })
}

fn float(number: Value, way: Way) -> Value {
    match way {
        Way::In => number,
        Way::Out => json!({ "anyOf": [
            number,
            { "type": "string", "enum": ["NaN", "Infinity", "-Infinity"] },
        ] }),
    }
}

fn record(fields: &[Field], way: Way) -> Value {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    if !fields.is_empty() {
        let property = |field: &Field| (field.name.clone(), of(&field.ty, way));
        let properties: Map<_, _> = fields.iter().map(property).collect();
        schema.insert("properties".to_owned(), Value::Object(properties));
    }
    // What comes out is always whole.
    let is_required = |field: &&Field| way == Way::Out || !field.is_optional();
    let required: Vec<_> = fields
        .iter()
        .filter(is_required)
        .map(|f| f.name.as_str())
        .collect();
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    schema.insert("additionalProperties".to_owned(), false.into());
    Value::Object(schema)
}

fn tuple(items: &[ValueType], way: Way) -> Value {
    if items.is_empty() {
        // JSON Schema has no empty `prefixItems`.
        return json!({ "type": "array", "maxItems": 0 });
    }
    let schemas: Vec<_> = items.iter().map(|item| of(item, way)).collect();
    json!({
        "type": "array",
        "prefixItems": schemas,
        "items": false,
        "minItems": items.len(),
        "maxItems": items.len(),
    })
}

fn variant(cases: &[Case], way: Way) -> Value {
    let bare: Vec<_> = cases.iter().filter(|case| case.payload.is_none()).collect();
    let bare: Vec<_> = bare.iter().map(|case| case.name.as_str()).collect();
    let mut forms = Vec::new();
    if !bare.is_empty() {
        forms.push(json!({ "type": "string", "enum": bare }));
    }
    let loaded = cases.iter().filter(|case| case.payload.is_some());
    forms.extend(loaded.map(|case| single(&case.name, case.payload.as_ref(), way)));
    match forms.len() {
        1 => forms.remove(0),
        _ => json!({ "oneOf": forms }),
    }
}

/// An object of exactly one name: `null` where there is no type.
fn single(name: &str, ty: Option<&ValueType>, way: Way) -> Value {
    let value = ty.map_or_else(|| json!({ "type": "null" }), |ty| of(ty, way));
    json!({
        "type": "object",
        "properties": { name: value },
        "required": [name],
        "additionalProperties": false,
    })
}

fn option(inner: &ValueType, way: Way) -> Value {
    let some = if inner.is_nullable() {
        single("some", Some(inner), way)
    } else {
        of(inner, way)
    };
    let nothing = json!({ "type": "null" });
    match some {
        // One list of forms reads better than one inside another.
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("anyOf") => {
            let forms = fields.into_iter().flat_map(|(_, forms)| match forms {
                Value::Array(forms) => forms,
                form => vec![form],
            });
            json!({ "anyOf": forms.chain([nothing]).collect::<Vec<_>>() })
        }
        some => json!({ "anyOf": [some, nothing] }),
    }
}

#[cfg(test)]
mod tests;
