//! Values to JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};
use wasmtime::component::Val;

use crate::types::ValueType;

/// Beyond this a JSON number may lose its last digits in other people's
/// parsers (RFC 8259 §6).
const MAX_EXACT: u64 = 1 << 53;

/// Why a value has no JSON form: it does not have the type it should have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a value that is no `{expected}`")]
pub(crate) struct Mismatch {
    expected: String,
}

/// Encodes a value. It takes the value apart, so that a large result is not
/// held twice.
pub(crate) fn encode(ty: &ValueType, value: Val) -> Result<Value, Mismatch> {
    let value = match (ty, value) {
        (ValueType::Bool, Val::Bool(v)) => Value::Bool(v),
        (ValueType::S8, Val::S8(v)) => v.into(),
        (ValueType::U8, Val::U8(v)) => v.into(),
        (ValueType::S16, Val::S16(v)) => v.into(),
        (ValueType::U16, Val::U16(v)) => v.into(),
        (ValueType::S32, Val::S32(v)) => v.into(),
        (ValueType::U32, Val::U32(v)) => v.into(),
        (ValueType::S64, Val::S64(v)) => wide(v, v.unsigned_abs()),
        (ValueType::U64, Val::U64(v)) => wide(v, v),
        (ValueType::F32, Val::Float32(v)) => float32(v),
        (ValueType::F64, Val::Float64(v)) => float64(v),
        (ValueType::Char, Val::Char(v)) => Value::String(v.to_string()),
        (ValueType::String, Val::String(v)) => Value::String(v),
        (ValueType::Enum(_), Val::Enum(v)) => Value::String(v),
        (ValueType::Flags(_), Val::Flags(v)) => v.into(),
        (ValueType::Bytes, Val::List(items)) => bytes(items, ty)?,
        (ValueType::List(item), Val::List(items)) => {
            let items = items.into_iter().map(|value| encode(item, value));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        (ValueType::Tuple(types), Val::Tuple(items)) if types.len() == items.len() => {
            let items = types.iter().zip(items).map(|(ty, value)| encode(ty, value));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        (ValueType::Record(fields), Val::Record(values)) if fields.len() == values.len() => {
            let mut object = Map::with_capacity(fields.len());
            for (field, (_, value)) in fields.iter().zip(values) {
                object.insert(field.name.clone(), encode(&field.ty, value)?);
            }
            Value::Object(object)
        }
        (ValueType::Option(inner), Val::Option(value)) => option(inner, value)?,
        (ValueType::Result { ok, .. }, Val::Result(Ok(value))) => {
            single("ok".to_owned(), payload(ok.as_deref(), value)?)
        }
        (ValueType::Result { err, .. }, Val::Result(Err(value))) => {
            single("err".to_owned(), payload(err.as_deref(), value)?)
        }
        (ValueType::Variant(cases), Val::Variant(name, value)) => {
            let case = cases.iter().find(|case| case.name == name);
            let case = case.ok_or_else(|| mismatch(ty))?;
            match payload(case.payload.as_ref(), value)? {
                Value::Null if case.payload.is_none() => Value::String(name),
                value => single(name, value),
            }
        }
        _ => return Err(mismatch(ty)),
    };
    Ok(value)
}

fn mismatch(ty: &ValueType) -> Mismatch {
    Mismatch {
        expected: ty.to_string(),
    }
}

fn single(name: String, value: Value) -> Value {
    Value::Object(Map::from_iter([(name, value)]))
}

fn payload(ty: Option<&ValueType>, value: Option<Box<Val>>) -> Result<Value, Mismatch> {
    match (ty, value) {
        (Some(ty), Some(value)) => encode(ty, *value),
        (None, None) => Ok(Value::Null),
        (ty, _) => Err(Mismatch {
            expected: ty.map_or_else(|| "_".to_owned(), ToString::to_string),
        }),
    }
}

fn option(inner: &ValueType, value: Option<Box<Val>>) -> Result<Value, Mismatch> {
    let Some(value) = value else {
        return Ok(Value::Null);
    };
    let value = encode(inner, *value)?;
    Ok(if inner.is_nullable() {
        single("some".to_owned(), value)
    } else {
        value
    })
}

fn wide<T: Into<Number> + ToString>(value: T, magnitude: u64) -> Value {
    if magnitude <= MAX_EXACT {
        Value::Number(value.into())
    } else {
        Value::String(value.to_string())
    }
}

fn float64(value: f64) -> Value {
    Number::from_f64(value).map_or_else(|| not_finite(value), Value::Number)
}

/// The shortest decimal that reads back as the same `f32`, not the long one of
/// its widened form: `0.1`, not `0.10000000149011612`.
fn float32(value: f32) -> Value {
    let shortest = value
        .to_string()
        .parse()
        .unwrap_or_else(|_| f64::from(value));
    float64(shortest)
}

fn not_finite(value: f64) -> Value {
    let name = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    Value::String(name.to_owned())
}

fn bytes(items: Vec<Val>, ty: &ValueType) -> Result<Value, Mismatch> {
    let byte = |value| match value {
        Val::U8(byte) => Ok(byte),
        _ => Err(mismatch(ty)),
    };
    let bytes: Vec<u8> = items.into_iter().map(byte).collect::<Result<_, _>>()?;
    Ok(Value::String(STANDARD.encode(bytes)))
}
