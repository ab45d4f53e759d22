//! Component-model values and their form in JSON.
//!
//! | WIT | JSON |
//! |---|---|
//! | record | object; an `option` field may be left out |
//! | tuple, list | array |
//! | `list<u8>` | string, base64 with padding (RFC 4648 §4) |
//! | variant | `"case"`, or `{"case": payload}` where it carries one |
//! | enum | string |
//! | flags | array of names |
//! | `option<T>` | `null` or the value; where the value itself may be `null`: `null` or `{"some": value}` |
//! | `result<T, E>` | `{"ok": value}` or `{"err": value}` |
//! | char | string of one character |
//! | `s64`, `u64` | number or decimal string in; out a string beyond 2^53 |
//! | `f32`, `f64` | number; out also `"NaN"`, `"Infinity"`, `"-Infinity"` |
//!
//! Values go in as strictly as they come out: an unknown field, a fraction for
//! an integer or a number out of range is refused, with the path to it.

mod decode;
mod encode;
mod length;
#[cfg(test)]
mod tests;
pub(crate) mod typed;

use patinox_policy::{Code, Failure, RecoveryStrategy, cut, escape_line};
use wasmtime::component::Val;
use wasmtime::component::types::Type;

pub(crate) use decode::decode;
pub(crate) use encode::{Room, Unencodable, encode};
pub use length::json_len;
pub(crate) use length::serialized_len;

use crate::types::{Field, FunctionType, ValueType};

/// The longest piece of an argument that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 120;

/// Arguments that fit a function's parameters, checked and in its order.
#[derive(Clone, Debug)]
pub struct Arguments(pub(crate) Vec<Val>);

/// An argument that does not fit.
///
/// ```
/// use patinox_policy::Failure;
/// use patinox_sandbox::{Field, FunctionType, ValueType};
///
/// let field = Field { name: "count".to_owned(), ty: ValueType::U8 };
/// let function = FunctionType { params: vec![field], result: None };
/// let error = function.decode(&serde_json::json!({ "count": 300 })).unwrap_err();
/// assert_eq!(error.to_string(), "argument `count` must be an integer from 0 to 255, not `300`");
/// assert_eq!(error.code().as_str(), "caller/invalid-arguments");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct ArgumentError {
    /// Where: `options.max`, `lines[2]`; empty for the arguments as a whole.
    pub path: String,
    /// What was expected, as a noun phrase.
    pub expected: String,
    /// What was found, cut and escaped.
    pub found: String,
}

fn subject(path: &str) -> String {
    if path.is_empty() {
        return "the arguments".to_owned();
    }
    format!("argument `{path}`")
}

/// What is found where nothing is.
const MISSING: &str = "left out";

impl ArgumentError {
    fn message(&self) -> String {
        let (subject, expected) = (subject(&self.path), &self.expected);
        match self.found.as_str() {
            MISSING => format!("{subject} is missing: it must be {expected}"),
            found => format!("{subject} must be {expected}, not {found}"),
        }
    }

    pub(crate) fn new(expected: impl Into<String>, found: &serde_json::Value) -> Self {
        Self {
            path: String::new(),
            expected: cut(&expected.into(), MAX_ECHO_BYTES * 4).into_owned(),
            found: describe(found),
        }
    }

    /// Puts a step in front of the path.
    fn within(mut self, step: &str) -> Self {
        let step = cut(&escape_line(step), MAX_ECHO_BYTES).into_owned();
        // A hostile document nests deep; the path that a person reads does not.
        if self.path.len() > 4 * MAX_ECHO_BYTES {
            return self;
        }
        let joint = if self.path.is_empty() || self.path.starts_with('[') {
            ""
        } else {
            "."
        };
        self.path = format!("{step}{joint}{}", self.path);
        self
    }
}

impl Failure for ArgumentError {
    fn code(&self) -> Code {
        Code::InvalidArguments
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }
}

/// What was found, short enough for a message.
fn describe(json: &serde_json::Value) -> String {
    use serde_json::Value;
    match json {
        Value::Null => "null".to_owned(),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(fields) => format!("an object of {}", fields.len()),
        Value::String(text) => {
            let short = cut(text, MAX_ECHO_BYTES);
            format!("the string `{}`", cut(&escape_line(&short), MAX_ECHO_BYTES))
        }
        Value::Bool(_) | Value::Number(_) => format!("`{json}`"),
    }
}

impl FunctionType {
    /// Checks arguments, an object with the parameters' names as keys, before
    /// any instance is made.
    ///
    /// # Errors
    ///
    /// If an argument is missing, unknown, or does not fit its type.
    pub fn decode(&self, arguments: &serde_json::Value) -> Result<Arguments, ArgumentError> {
        let fields = decode::fields(&self.params, arguments)?;
        Ok(Arguments(
            fields.into_iter().map(|(_, value)| value).collect(),
        ))
    }

    /// Brings arguments that `serde_json` wrote of a Rust value to the form
    /// that [`decode`](Self::decode) takes.
    pub fn adapt(&self, arguments: &mut serde_json::Value) {
        let serde_json::Value::Object(arguments) = arguments else {
            return;
        };
        for Field { name, ty } in &self.params {
            if let Some(argument) = arguments.get_mut(name) {
                typed::relax(ty, argument);
            }
        }
    }
}

impl ValueType {
    /// Whether some value of this type is `null` in JSON.
    #[must_use]
    pub const fn is_nullable(&self) -> bool {
        matches!(self, Self::Option(_))
    }
}

impl Field {
    /// Whether the field may be left out.
    #[must_use]
    pub const fn is_optional(&self) -> bool {
        matches!(self.ty, ValueType::Option(_))
    }
}

/// The greatest [`cost`] of what a guest passes to functions of these types,
/// which may have resources. Only what is in a list counts: of the rest there is
/// no more than the type has. A type that is shared many times is walked only so
/// far; beyond that it counts as the worst.
pub(crate) fn cost_of_lists(ty: &Type, nodes: &mut usize) -> u64 {
    cost_of(ty, false, nodes)
}

fn cost_of(ty: &Type, in_list: bool, nodes: &mut usize) -> u64 {
    const NAMED: u64 = 2;
    let Some(left) = nodes.checked_sub(1) else {
        return u64::MAX;
    };
    *nodes = left;
    let mut most = |types: &mut dyn Iterator<Item = Type>| {
        let costs = types.map(|ty| cost_of(&ty, in_list, nodes));
        costs.fold(1, u64::max)
    };
    let named = if in_list { NAMED } else { 1 };
    match ty {
        Type::Flags(flags) if in_list => u64::try_from(flags.names().len()).unwrap_or(u64::MAX),
        Type::List(list) => cost_of(&list.ty(), true, nodes),
        Type::Option(option) => most(&mut std::iter::once(option.ty())),
        Type::Record(record) => named.saturating_mul(most(&mut record.fields().map(|f| f.ty))),
        Type::Tuple(tuple) => most(&mut tuple.types()),
        Type::Variant(variant) => {
            named.saturating_mul(most(&mut variant.cases().filter_map(|case| case.ty)))
        }
        Type::Result(result) => most(&mut result.ok().into_iter().chain(result.err())),
        _ => 1,
    }
}

/// How many bytes of the host's memory one byte of the engine's account can
/// come to, for values of this type.
///
/// The engine accounts a name of flags, fields and cases by its length alone,
/// but makes a string of each; `tests/hostile/growth.rs` measures what comes
/// of it.
pub(crate) fn cost(ty: &ValueType) -> u64 {
    /// A name of a byte takes as much again as the value that it names.
    const NAMED: u64 = 2;
    let most = |costs: &mut dyn Iterator<Item = u64>| costs.max().unwrap_or(1);
    match ty {
        ValueType::Flags(names) => u64::try_from(names.len()).unwrap_or(u64::MAX).max(1),
        ValueType::List(inner) | ValueType::Option(inner) => cost(inner),
        ValueType::Record(fields) => {
            NAMED.saturating_mul(most(&mut fields.iter().map(|field| cost(&field.ty))))
        }
        ValueType::Tuple(items) => most(&mut items.iter().map(cost)),
        ValueType::Variant(cases) => {
            let payloads = cases.iter().filter_map(|case| case.payload.as_ref());
            NAMED.saturating_mul(most(&mut payloads.map(cost)))
        }
        ValueType::Result { ok, err } => {
            most(&mut [ok, err].into_iter().flatten().map(|ty| cost(ty)))
        }
        _ => 1,
    }
}
