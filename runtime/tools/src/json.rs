//! JSON that comes in: from a caller, or from a guest.

use std::fmt;

use patinox_policy::{Code, Failure, LimitName, RecoveryStrategy, cut, escape_line};
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How deep arrays and objects may nest.
///
/// It stops a text of brackets from overflowing the stack of whatever walks
/// the value later; real arguments nest less than ten deep.
pub const MAX_JSON_DEPTH: usize = 128;

/// The longest key that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 80;

/// Parses one JSON text strictly.
///
/// The size is checked before anything is read. Refused beyond what JSON
/// itself refuses: a key that an object has twice (the two readers of a call
/// could each take another one), nesting beyond [`MAX_JSON_DEPTH`], a number
/// that becomes infinite, and an integer that no 64 bits hold (it would lose
/// digits without a word). Fractions are kept as the nearest 64-bit float.
///
/// ```
/// use patinox_tools::json;
///
/// assert_eq!(json::parse("[1, 2]", 1_000)?, serde_json::json!([1, 2]));
/// let error = json::parse(r#"{"a": 1, "a": 2}"#, 1_000).unwrap_err();
/// assert_eq!(error.to_string(), "the key `a` stands twice in one object, at line 1, column 12");
/// # Ok::<(), json::JsonError>(())
/// ```
///
/// # Errors
///
/// If the text is too large or is not such JSON; the error says where.
pub fn parse(text: impl AsRef<[u8]>, max_bytes: u64) -> Result<Value, JsonError> {
    parse_to_depth(text.as_ref(), max_bytes, MAX_JSON_DEPTH)
}

/// As [`parse`], with another depth.
pub(crate) fn parse_to_depth(
    text: &[u8],
    max_bytes: u64,
    max_depth: usize,
) -> Result<Value, JsonError> {
    let bytes = text.len() as u64;
    if bytes > max_bytes {
        return Err(JsonError::TooLarge { bytes, max_bytes });
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    // `Strict` counts the depth itself, and exactly.
    reader.disable_recursion_limit();
    let depth_left = max_depth;
    let value = Strict { depth_left }.deserialize(&mut reader);
    let value = value.and_then(|value| reader.end().map(|()| value));
    let value = value.map_err(|error| JsonError::syntax(&error))?;
    refuse_wide_integers(text)?;
    Ok(value)
}

/// Whether arrays and objects nest at most so deep.
///
/// It looks no deeper than that, so it needs little stack whatever it is given.
pub(crate) fn nests_within(value: &Value, depth: usize) -> bool {
    let inside = |item: &Value| {
        depth
            .checked_sub(1)
            .is_some_and(|left| nests_within(item, left))
    };
    match value {
        Value::Array(items) => depth > 0 && items.iter().all(inside),
        Value::Object(fields) => depth > 0 && fields.values().all(inside),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// A text that is not the JSON that we accept.
///
/// ```
/// use patinox_policy::Failure;
/// use patinox_tools::json;
///
/// let error = json::parse("[1e999]", 1_000).unwrap_err();
/// assert_eq!(error.to_string(), "not valid JSON: number out of range, at line 1, column 6");
/// assert_eq!(error.code().as_str(), "caller/invalid-json");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// More bytes than allowed; nothing was read.
    #[error("the JSON text has {bytes} bytes, of at most {max_bytes}")]
    TooLarge {
        /// What there was.
        bytes: u64,
        /// What is allowed.
        max_bytes: u64,
    },
    /// It breaks a rule of JSON, or one of ours.
    #[error("{rule}, at line {line}, column {column}")]
    Syntax {
        /// The rule, cut and escaped.
        rule: String,
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1.
        column: usize,
    },
}

impl JsonError {
    fn syntax(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let position = format!(" at line {line} column {column}");
        let text = text.strip_suffix(&position).unwrap_or(&text);
        let rule = match (
            text.strip_prefix(OURS),
            text.strip_prefix("EOF while parsing "),
        ) {
            (Some(rule), _) => rule.to_owned(),
            (_, Some(what)) => format!("not valid JSON: the text ends within {what}"),
            _ => format!(
                "not valid JSON: {}",
                cut(&escape_line(text), MAX_ECHO_BYTES)
            ),
        };
        Self::Syntax { rule, line, column }
    }
}

impl Failure for JsonError {
    fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } => Code::Limit(LimitName::Arguments),
            Self::Syntax { .. } => Code::InvalidJson,
        }
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::TooLarge { .. } => Some("raise it with `--limit arguments=SIZE`".to_owned()),
            Self::Syntax { .. } => None,
        }
    }
}

/// What marks our own messages among those of `serde_json`.
const OURS: &str = "\u{1}";

/// Builds a [`Value`] by our rules.
#[derive(Clone, Copy)]
struct Strict {
    depth_left: usize,
}

impl Strict {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        let too_deep = || E::custom(format_args!("{OURS}arrays and objects nest too deep"));
        let depth_left = self.depth_left.checked_sub(1).ok_or_else(too_deep)?;
        Ok(Self { depth_left })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).map(Value::Number);
        number.ok_or_else(|| E::custom(format_args!("{OURS}a number is not finite")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                let key = cut(&escape_line(&key), MAX_ECHO_BYTES).into_owned();
                let twice = format_args!("{OURS}the key `{key}` stands twice in one object");
                return Err(de::Error::custom(twice));
            }
            object.insert(key, entries.next_value_seed(inner)?);
        }
        Ok(Value::Object(object))
    }
}

/// Refuses integers that no 64 bits hold: `serde_json` makes floats of them.
///
/// The text is known to be JSON, so a digit outside a string is a number's.
fn refuse_wide_integers(text: &[u8]) -> Result<(), JsonError> {
    let (mut line, mut line_start) = (1, 0);
    let mut rest = text.iter().copied().enumerate().peekable();
    while let Some((at, byte)) = rest.next() {
        match byte {
            b'\n' => (line, line_start) = (line + 1, at + 1),
            b'"' => {
                while let Some((_, byte)) = rest.next() {
                    match byte {
                        b'\\' => _ = rest.next(),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b'-' | b'0'..=b'9' => {
                let mut token = vec![byte];
                while let Some((_, byte)) = rest.next_if(|(_, byte)| is_of_number(*byte)) {
                    token.push(byte);
                }
                if is_wide_integer(&token) {
                    let rule = "an integer does not fit 64 bits".to_owned();
                    let column = at - line_start + 1;
                    return Err(JsonError::Syntax { rule, line, column });
                }
            }
            _ => {}
        }
    }
    Ok(())
}

const fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

fn is_wide_integer(token: &[u8]) -> bool {
    // Up to 18 digits always fit; this keeps the common case cheap.
    if token.len() <= 18 || token.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return false;
    }
    let token = std::str::from_utf8(token).unwrap_or_default();
    token.parse::<i64>().is_err() && token.parse::<u64>().is_err()
}

#[cfg(test)]
mod tests;
