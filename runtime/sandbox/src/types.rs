//! The types of a component's functions, in our own terms.

use std::fmt;

/// The deepest a type may nest, so that nothing that walks one needs much
/// stack. It admits every component that real toolchains make.
pub(crate) const MAX_TYPE_DEPTH: usize = 64;

/// A function's parameters and result.
///
/// `Display` writes it as WIT does: `func(text: string, max: option<u32>) -> u64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionType {
    /// The parameters, in order.
    pub params: Vec<Field>,
    /// What it returns; `None` for nothing.
    pub result: Option<ValueType>,
}

/// A named part of a record, or a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, in kebab-case.
    pub name: String,
    /// Its type.
    pub ty: ValueType,
}

/// One case of a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its name, in kebab-case.
    pub name: String,
    /// What it carries; `None` for nothing.
    pub payload: Option<ValueType>,
}

/// A type of the component model that has a form in JSON.
///
/// Resources, streams, futures and maps have none; a function that takes or
/// returns one cannot be called as a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the component model's")]
pub enum ValueType {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    /// `list<u8>`: base64 in JSON.
    Bytes,
    List(Box<Self>),
    Record(Vec<Field>),
    Tuple(Vec<Self>),
    Variant(Vec<Case>),
    Enum(Vec<String>),
    Flags(Vec<String>),
    Option(Box<Self>),
    Result {
        ok: Option<Box<Self>>,
        err: Option<Box<Self>>,
    },
}

impl FunctionType {
    /// Whether it takes or returns integers of 64 bits.
    #[must_use]
    pub fn has_wide_integers(&self) -> bool {
        let params = self.params.iter().map(|param| &param.ty);
        params.chain(&self.result).any(ValueType::has_wide_integers)
    }
}

impl ValueType {
    fn has_wide_integers(&self) -> bool {
        match self {
            Self::S64 | Self::U64 => true,
            Self::Bool
            | Self::S8
            | Self::U8
            | Self::S16
            | Self::U16
            | Self::S32
            | Self::U32
            | Self::F32
            | Self::F64
            | Self::Char
            | Self::String
            | Self::Bytes
            | Self::Enum(_)
            | Self::Flags(_) => false,
            Self::List(item) | Self::Option(item) => item.has_wide_integers(),
            Self::Record(fields) => fields.iter().any(|field| field.ty.has_wide_integers()),
            Self::Tuple(items) => items.iter().any(Self::has_wide_integers),
            Self::Variant(cases) => {
                let mut payloads = cases.iter().filter_map(|case| case.payload.as_ref());
                payloads.any(Self::has_wide_integers)
            }
            Self::Result { ok, err } => {
                let mut sides = ok.iter().chain(err);
                sides.any(|side| side.has_wide_integers())
            }
        }
    }
}

impl fmt::Display for FunctionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("func(")?;
        separated(f, &self.params, |f, p| write!(f, "{}: {}", p.name, p.ty))?;
        f.write_str(")")?;
        match &self.result {
            Some(ty) => write!(f, " -> {ty}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::S8 => f.write_str("s8"),
            Self::U8 => f.write_str("u8"),
            Self::S16 => f.write_str("s16"),
            Self::U16 => f.write_str("u16"),
            Self::S32 => f.write_str("s32"),
            Self::U32 => f.write_str("u32"),
            Self::S64 => f.write_str("s64"),
            Self::U64 => f.write_str("u64"),
            Self::F32 => f.write_str("f32"),
            Self::F64 => f.write_str("f64"),
            Self::Char => f.write_str("char"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("list<u8>"),
            Self::List(item) => write!(f, "list<{item}>"),
            Self::Option(inner) => write!(f, "option<{inner}>"),
            Self::Tuple(items) => {
                f.write_str("tuple<")?;
                separated(f, items, |f, item| write!(f, "{item}"))?;
                f.write_str(">")
            }
            Self::Record(fields) => braced(f, "record", fields, |f, field| {
                write!(f, "{}: {}", field.name, field.ty)
            }),
            Self::Variant(cases) => braced(f, "variant", cases, |f, case| match &case.payload {
                Some(ty) => write!(f, "{}({ty})", case.name),
                None => f.write_str(&case.name),
            }),
            Self::Enum(names) => braced(f, "enum", names, |f, name| f.write_str(name)),
            Self::Flags(names) => braced(f, "flags", names, |f, name| f.write_str(name)),
            Self::Result { ok, err } => result(f, ok.as_deref(), err.as_deref()),
        }
    }
}

fn result(
    f: &mut fmt::Formatter<'_>,
    ok: Option<&ValueType>,
    err: Option<&ValueType>,
) -> fmt::Result {
    match (ok, err) {
        (None, None) => f.write_str("result"),
        (Some(ok), None) => write!(f, "result<{ok}>"),
        (None, Some(err)) => write!(f, "result<_, {err}>"),
        (Some(ok), Some(err)) => write!(f, "result<{ok}, {err}>"),
    }
}

fn braced<T>(
    f: &mut fmt::Formatter<'_>,
    keyword: &str,
    items: &[T],
    write_one: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    write!(f, "{keyword} {{ ")?;
    separated(f, items, write_one)?;
    f.write_str(" }")
}

fn separated<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    write_one: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        write_one(f, item)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_reads_as_in_wit() {
        let ty = FunctionType {
            params: vec![
                Field {
                    name: "text".to_owned(),
                    ty: ValueType::String,
                },
                Field {
                    name: "max".to_owned(),
                    ty: ValueType::Option(Box::new(ValueType::U32)),
                },
            ],
            result: Some(ValueType::Result {
                ok: None,
                err: Some(Box::new(ValueType::Enum(vec![
                    "a".to_owned(),
                    "b".to_owned(),
                ]))),
            }),
        };
        let expected = "func(text: string, max: option<u32>) -> result<_, enum { a, b }>";
        assert_eq!(ty.to_string(), expected);
    }
}
