//! Between JSON and whatever `serde` reads and writes, where the two differ
//! from how `serde_json` does it.
//!
//! Our JSON writes an integer beyond 2^53 as a decimal string, bytes as base64
//! and a float that is no number by its name, for readers that are not Rust;
//! here each is read as what it stands for. A `Result` is `ok` or `err`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::value::{MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{Deserialize as _, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

use crate::types::ValueType;

/// Reads a value of the component model, in the form that it has in JSON, as a
/// type of Rust's.
///
/// # Errors
///
/// If it does not fit.
pub fn from_json<T: DeserializeOwned>(json: Value) -> Result<T, Error> {
    T::deserialize(Typed(json))
}

/// Brings what `serde_json` wrote of a Rust value to the form of a type, where
/// that differs.
pub(crate) fn relax(ty: &ValueType, json: &mut Value) {
    match (ty, json) {
        // What does not fit stays as it is, and is refused by its type.
        (ValueType::Bytes, json @ Value::Array(_)) => {
            if let Ok(bytes) = Vec::<u8>::deserialize(&*json) {
                *json = Value::String(STANDARD.encode(bytes));
            }
        }
        (ValueType::List(item), Value::Array(items)) => {
            items.iter_mut().for_each(|json| relax(item, json));
        }
        (ValueType::Tuple(types), Value::Array(items)) => {
            let items = types.iter().zip(items);
            items.for_each(|(ty, json)| relax(ty, json));
        }
        (ValueType::Record(fields), Value::Object(object)) => {
            for field in fields {
                if let Some(json) = object.get_mut(&field.name) {
                    relax(&field.ty, json);
                }
            }
        }
        (ValueType::Variant(cases), Value::Object(object)) => {
            for case in cases {
                if let (Some(ty), Some(json)) = (&case.payload, object.get_mut(&case.name)) {
                    relax(ty, json);
                }
            }
        }
        (ValueType::Option(inner), json) => relax(inner, json),
        (ValueType::Result { ok, err }, Value::Object(object)) => {
            for (theirs, ours, ty) in [("Ok", "ok", ok), ("Err", "err", err)] {
                if let Some(mut json) = object.remove(theirs) {
                    if let Some(ty) = ty {
                        relax(ty, &mut json);
                    }
                    object.insert(ours.to_owned(), json);
                }
            }
        }
        _ => {}
    }
}

struct Typed(Value);

impl IntoDeserializer<'_, Error> for Typed {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Integers, as numbers or decimal strings.
macro_rules! integers {
    ($($method:ident $visit:ident $ty:ty),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0.as_str().map(str::parse::<$ty>) {
                Some(Ok(number)) => visitor.$visit(number),
                _ => self.0.$method(visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Typed {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => {
                whole(SeqDeserializer::new(items.into_iter().map(Self)), visitor)
            }
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(name, json)| (name, Self(json)));
                visitor.visit_map(MapDeserializer::new(fields))
            }
            json => json.deserialize_any(visitor),
        }
    }

    integers! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_i128 visit_i128 i128,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_u128 visit_u128 u128,
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.as_str() {
            Some("NaN") => visitor.visit_f64(f64::NAN),
            Some("Infinity") => visitor.visit_f64(f64::INFINITY),
            Some("-Infinity") => visitor.visit_f64(f64::NEG_INFINITY),
            _ => self.0.deserialize_f64(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            json => visitor.visit_some(Self(json)),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            // What takes nothing has no parameters.
            Value::Object(fields) if fields.is_empty() => visitor.visit_unit(),
            json => json.deserialize_unit(visitor),
        }
    }

    /// The fields of an object are also a tuple, in their order; a text is
    /// also the bytes that it stands for.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(fields) => {
                let values = fields.into_iter().map(|(_, json)| Self(json));
                whole(SeqDeserializer::new(values), visitor)
            }
            Value::String(text) => match STANDARD.decode(&text) {
                Ok(bytes) => whole(SeqDeserializer::new(bytes.into_iter()), visitor),
                Err(_) => Value::String(text).deserialize_seq(visitor),
            },
            json => Self(json).deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_byte_buf(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.as_str().map(|text| STANDARD.decode(text)) {
            Some(Ok(bytes)) => visitor.visit_byte_buf(bytes),
            _ => self.0.deserialize_byte_buf(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::String(name) => {
                let name: StringDeserializer<Error> = name.into_deserializer();
                visitor.visit_enum(name)
            }
            Value::Object(case) if case.len() == 1 => {
                let case = case.into_iter().map(|(name, json)| {
                    let name = match name.as_str() {
                        "ok" if variants == ["Ok", "Err"] => "Ok".to_owned(),
                        "err" if variants == ["Ok", "Err"] => "Err".to_owned(),
                        _ => name,
                    };
                    (name, Self(json))
                });
                let case = MapDeserializer::new(case);
                visitor.visit_enum(serde::de::value::MapAccessDeserializer::new(case))
            }
            json => json.deserialize_enum("", variants, visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool char str string unit_struct map struct identifier ignored_any
    }
}

/// Reads a list, and refuses what the reader leaves of it.
fn whole<'de, T: IntoDeserializer<'de, Error>, V: Visitor<'de>>(
    mut items: SeqDeserializer<impl Iterator<Item = T>, Error>,
    visitor: V,
) -> Result<V::Value, Error> {
    let value = visitor.visit_seq(&mut items)?;
    items.end()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Shape {
        Point,
        Circle(f64),
        Box { wide: u64 },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    struct All {
        large_number: u64,
        bytes: Vec<u8>,
        not_a_number: f64,
        outcome: Result<Option<i64>, String>,
        shapes: Vec<Shape>,
        pair: (bool, char),
        left_out: Option<u8>,
    }

    #[test]
    fn reads_what_our_json_means() {
        let all: All = from_json(json!({
            "large-number": "18446744073709551615",
            "bytes": "aGk=",
            "not-a-number": "-Infinity",
            "outcome": { "ok": "-9007199254740993" },
            "shapes": ["point", { "circle": 1.5 }, { "box": { "wide": "9007199254740993" } }],
            "pair": [true, "é"],
        }))
        .unwrap();
        let expected = All {
            large_number: u64::MAX,
            bytes: b"hi".to_vec(),
            not_a_number: f64::NEG_INFINITY,
            outcome: Ok(Some(-9_007_199_254_740_993)),
            shapes: vec![
                Shape::Point,
                Shape::Circle(1.5),
                Shape::Box {
                    wide: 9_007_199_254_740_993,
                },
            ],
            pair: (true, 'é'),
            left_out: None,
        };
        assert_eq!(all, expected);
        assert!(from_json::<f64>(json!("NaN")).unwrap().is_nan());
        let failed: Result<(), String> = from_json(json!({ "err": "no" })).unwrap();
        assert_eq!(failed, Err("no".to_owned()));
    }

    #[test]
    fn parameters_are_a_struct_or_a_tuple_or_nothing() {
        assert_eq!(from_json::<()>(json!({})).unwrap(), ());
        let pair: (String, u8) = from_json(json!({ "text": "a", "max": 3 })).unwrap();
        assert_eq!(pair, ("a".to_owned(), 3));
        assert!(from_json::<(String,)>(json!({ "text": "a", "max": 3 })).is_err());
        assert!(from_json::<(String, u8)>(json!({ "text": "a" })).is_err());
    }

    #[test]
    fn a_text_of_digits_is_a_text_where_one_is_wanted() {
        assert_eq!(from_json::<String>(json!("12")).unwrap(), "12");
        assert!(from_json::<u8>(json!("300")).is_err());
        assert!(from_json::<Vec<u8>>(json!("no base64!")).is_err());
    }

    #[test]
    fn writes_what_our_json_means() {
        let ty = ValueType::Result {
            ok: Some(Box::new(ValueType::Tuple(vec![
                ValueType::Bytes,
                ValueType::Option(Box::new(ValueType::Bytes)),
            ]))),
            err: None,
        };
        let answer: Result<(Vec<u8>, Option<Vec<u8>>), ()> = Ok((b"hi".to_vec(), None));
        let mut json = serde_json::to_value(answer).unwrap();
        relax(&ty, &mut json);
        assert_eq!(json, json!({ "ok": ["aGk=", null] }));
        let mut json = serde_json::to_value(Err::<(), ()>(())).unwrap();
        relax(&ty, &mut json);
        assert_eq!(json, json!({ "err": null }));
        let some = ValueType::Option(Box::new(ValueType::Bytes));
        let mut json = json!([300]);
        relax(&some, &mut json);
        assert_eq!(json, json!([300]));
    }
}
