//! Values to JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};
use wasmtime::component::Val;

use crate::types::ValueType;

/// Beyond this a JSON number may lose its last digits in other people's
/// parsers (RFC 8259 §6).
const MAX_EXACT: u64 = 1 << 53;

/// Why a value has no JSON form.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unencodable {
    /// It does not have the type it should have.
    #[error("a value that is no `{expected}`")]
    Mismatch { expected: String },
    /// It has more bytes as JSON than are taken.
    #[error("a value that is too long")]
    TooLong,
    /// It takes more of the host's memory than it may.
    #[error("a value that is too large")]
    TooLarge,
}

/// What a JSON value takes in the host's memory, in bytes, without what it
/// points to.
const VALUE_BYTES: usize = size_of::<Value>();

/// What an entry of an object takes beside its name and its value: its hash,
/// its place in the order, and its share of the room to grow.
const ENTRY_BYTES: usize = 96;

/// Bytes of JSON, and of the host's memory for it, that may still come.
///
/// It counts no more JSON than there will be, and stops a small result in the
/// guest's memory from becoming gigabytes in the host's.
pub(crate) struct Room {
    json: u64,
    memory: u64,
}

impl Room {
    pub(crate) const fn new(json_bytes: u64, memory_bytes: u64) -> Self {
        Self {
            json: json_bytes,
            memory: memory_bytes,
        }
    }

    fn take(&mut self, json: usize, memory: usize) -> Result<(), Unencodable> {
        let left = |room: u64, bytes| room.checked_sub(u64::try_from(bytes).ok()?);
        self.json = left(self.json, json).ok_or(Unencodable::TooLong)?;
        self.memory = left(self.memory, memory).ok_or(Unencodable::TooLarge)?;
        Ok(())
    }

    /// Takes what so many items need beside their text, before any is made:
    /// a comma or a bracket each.
    fn items(&mut self, count: usize) -> Result<(), Unencodable> {
        self.take(count, count.saturating_mul(VALUE_BYTES))
    }

    /// Takes what an entry of an object needs beside its value: quotation
    /// marks and a colon, and a comma or a bracket.
    fn entry(&mut self, name: &str) -> Result<(), Unencodable> {
        let memory = VALUE_BYTES.saturating_add(ENTRY_BYTES);
        self.take(name.len() + 3, memory.saturating_add(name.len()))
    }

    fn text(&mut self, text: String) -> Result<Value, Unencodable> {
        // With the byte that every value has, both quotation marks.
        self.take(text.len() + 1, text.len())?;
        Ok(Value::String(text))
    }
}

type Encoded = Result<Value, Unencodable>;

/// Encodes a value. It takes the value apart, so that a large result is not
/// held twice.
pub(crate) fn encode(ty: &ValueType, value: Val, room: &mut Room) -> Encoded {
    // Every value has at least one byte; what an option holds counts itself.
    if !matches!(ty, ValueType::Option(_)) {
        room.take(1, 0)?;
    }
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
        (ValueType::String, Val::String(v)) | (ValueType::Enum(_), Val::Enum(v)) => room.text(v)?,
        (ValueType::Flags(_), Val::Flags(names)) => {
            room.items(names.len())?;
            let names = names.into_iter().map(|name| room.text(name));
            Value::Array(names.collect::<Result<_, _>>()?)
        }
        (ValueType::Bytes, Val::List(items)) => bytes(items, ty, room)?,
        (ValueType::Variant(cases), Val::Variant(name, value)) => {
            let case = cases.iter().find(|case| case.name == name);
            let case = case.ok_or_else(|| mismatch(ty))?;
            match &case.payload {
                None => room.text(name)?,
                Some(_) => single(name, payload(case.payload.as_ref(), value, room)?, room)?,
            }
        }
        (ty, value) => compound(ty, value, room)?,
    };
    Ok(value)
}

fn compound(ty: &ValueType, value: Val, room: &mut Room) -> Encoded {
    let value = match (ty, value) {
        (ValueType::List(item), Val::List(items)) => {
            room.items(items.len())?;
            let mut array = Vec::with_capacity(items.len());
            for value in items {
                array.push(encode(item, value, room)?);
            }
            Value::Array(array)
        }
        (ValueType::Tuple(types), Val::Tuple(items)) if types.len() == items.len() => {
            room.items(items.len())?;
            let items = types.iter().zip(items);
            let items = items.map(|(ty, value)| encode(ty, value, room));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        (ValueType::Record(fields), Val::Record(values)) if fields.len() == values.len() => {
            let mut object = Map::with_capacity(fields.len());
            // The engine names its fields as their type does, in its order.
            for (field, (name, value)) in fields.iter().zip(values) {
                room.entry(&name)?;
                object.insert(name, encode(&field.ty, value, room)?);
            }
            Value::Object(object)
        }
        (ValueType::Option(inner), Val::Option(value)) => option(inner, value, room)?,
        (ValueType::Result { ok, .. }, Val::Result(Ok(value))) => {
            single("ok".to_owned(), payload(ok.as_deref(), value, room)?, room)?
        }
        (ValueType::Result { err, .. }, Val::Result(Err(value))) => single(
            "err".to_owned(),
            payload(err.as_deref(), value, room)?,
            room,
        )?,
        _ => return Err(mismatch(ty)),
    };
    Ok(value)
}

fn mismatch(ty: &ValueType) -> Unencodable {
    Unencodable::Mismatch {
        expected: ty.to_string(),
    }
}

fn single(name: String, value: Value, room: &mut Room) -> Encoded {
    room.entry(&name)?;
    room.take(1, 0)?;
    Ok(Value::Object(Map::from_iter([(name, value)])))
}

fn payload(ty: Option<&ValueType>, value: Option<Box<Val>>, room: &mut Room) -> Encoded {
    match (ty, value) {
        (Some(ty), Some(value)) => encode(ty, *value, room),
        (None, None) => Ok(Value::Null),
        (ty, _) => Err(Unencodable::Mismatch {
            expected: ty.map_or_else(|| "_".to_owned(), ToString::to_string),
        }),
    }
}

fn option(inner: &ValueType, value: Option<Box<Val>>, room: &mut Room) -> Encoded {
    let Some(value) = value else {
        return Ok(Value::Null);
    };
    let value = encode(inner, *value, room)?;
    if inner.is_nullable() {
        return single("some".to_owned(), value, room);
    }
    Ok(value)
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

fn bytes(items: Vec<Val>, ty: &ValueType, room: &mut Room) -> Encoded {
    room.take(items.len(), items.len().saturating_mul(2))?;
    let byte = |value| match value {
        Val::U8(byte) => Ok(byte),
        _ => Err(mismatch(ty)),
    };
    let bytes: Vec<u8> = items.into_iter().map(byte).collect::<Result<_, _>>()?;
    Ok(Value::String(STANDARD.encode(bytes)))
}
