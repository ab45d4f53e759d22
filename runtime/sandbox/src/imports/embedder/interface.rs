//! An interface as its WIT has it.

use wit_parser::{
    FunctionKind, Handle, InterfaceId, Resolve, Type, TypeDefKind, TypeId, UnresolvedPackageGroup,
};

use super::ImportError;
use crate::types::{Case, Field, FunctionType, MAX_TYPE_DEPTH, ValueType};

/// The functions of an interface, in its order.
pub(super) fn read(wit: &str, interface: &str) -> Result<Vec<(String, FunctionType)>, ImportError> {
    let resolve = parse(wit).map_err(|reason| ImportError::Wit {
        interface: interface.to_owned(),
        reason,
    })?;
    let id = find(&resolve, interface)?;
    let functions = resolve.interfaces.get(id).map(|found| &found.functions);
    let functions = functions.into_iter().flatten();
    let typed = functions.map(|(name, function)| {
        let unsupported = |reason| ImportError::Unsupported {
            interface: interface.to_owned(),
            function: name.clone(),
            reason,
        };
        let ty = function_type(&resolve, function).map_err(unsupported)?;
        Ok((name.clone(), ty))
    });
    typed.collect()
}

fn parse(wit: &str) -> Result<Resolve, String> {
    let group = UnresolvedPackageGroup::parse("import.wit", wit);
    let group = group.map_err(|(map, error)| error.render(&map))?;
    let mut resolve = Resolve {
        all_features: true,
        ..Resolve::default()
    };
    let pushed = resolve.push_group(group);
    pushed.map_err(|error| error.to_string())?;
    Ok(resolve)
}

fn find(resolve: &Resolve, interface: &str) -> Result<InterfaceId, ImportError> {
    let named = |(id, _)| Some((id, resolve.id_of(id)?));
    let all: Vec<_> = resolve.interfaces.iter().filter_map(named).collect();
    if let Some((id, _)) = all.iter().find(|(_, name)| name == interface) {
        return Ok(*id);
    }
    let found: Vec<_> = all.iter().map(|(_, name)| format!("`{name}`")).collect();
    Err(ImportError::NoSuchInterface {
        interface: interface.to_owned(),
        found: match found.is_empty() {
            true => "none".to_owned(),
            false => found.join(", "),
        },
    })
}

fn function_type(
    resolve: &Resolve,
    function: &wit_parser::Function,
) -> Result<FunctionType, String> {
    if function.kind != FunctionKind::Freestanding {
        return Err("it is no plain function".to_owned());
    }
    let params = function.params.iter();
    let params = params.map(|param| field(resolve, &param.name, &param.ty, 0));
    Ok(FunctionType {
        params: params.collect::<Result<_, _>>()?,
        result: optional(resolve, function.result.as_ref(), 0)?,
    })
}

fn field(resolve: &Resolve, name: &str, ty: &Type, depth: usize) -> Result<Field, String> {
    Ok(Field {
        name: name.to_owned(),
        ty: value(resolve, ty, depth)?,
    })
}

fn optional(
    resolve: &Resolve,
    ty: Option<&Type>,
    depth: usize,
) -> Result<Option<ValueType>, String> {
    ty.map(|ty| value(resolve, ty, depth)).transpose()
}

fn value(resolve: &Resolve, ty: &Type, depth: usize) -> Result<ValueType, String> {
    Ok(match ty {
        Type::Bool => ValueType::Bool,
        Type::S8 => ValueType::S8,
        Type::U8 => ValueType::U8,
        Type::S16 => ValueType::S16,
        Type::U16 => ValueType::U16,
        Type::S32 => ValueType::S32,
        Type::U32 => ValueType::U32,
        Type::S64 => ValueType::S64,
        Type::U64 => ValueType::U64,
        Type::F32 => ValueType::F32,
        Type::F64 => ValueType::F64,
        Type::Char => ValueType::Char,
        Type::String => ValueType::String,
        Type::Id(id) => defined(resolve, *id, depth)?,
        Type::ErrorContext => return Err("it takes or returns an error context".to_owned()),
    })
}

fn defined(resolve: &Resolve, id: TypeId, depth: usize) -> Result<ValueType, String> {
    if MAX_TYPE_DEPTH < depth {
        return Err(format!(
            "its types nest deeper than {MAX_TYPE_DEPTH} levels"
        ));
    }
    let depth = depth.saturating_add(1);
    let kind = resolve.types.get(id).map(|found| &found.kind);
    let kind = kind.ok_or("a type of it is not there")?;
    Ok(match kind {
        TypeDefKind::Type(ty) => value(resolve, ty, depth)?,
        TypeDefKind::Record(record) => {
            let fields = record.fields.iter();
            let fields = fields.map(|f| field(resolve, &f.name, &f.ty, depth));
            ValueType::Record(fields.collect::<Result<_, _>>()?)
        }
        TypeDefKind::Tuple(tuple) => {
            let items = tuple.types.iter().map(|ty| value(resolve, ty, depth));
            ValueType::Tuple(items.collect::<Result<_, _>>()?)
        }
        TypeDefKind::Variant(variant) => {
            let cases = variant.cases.iter().map(|case| {
                Ok::<_, String>(Case {
                    name: case.name.clone(),
                    payload: optional(resolve, case.ty.as_ref(), depth)?,
                })
            });
            ValueType::Variant(cases.collect::<Result<_, _>>()?)
        }
        TypeDefKind::Enum(names) => {
            ValueType::Enum(names.cases.iter().map(|case| case.name.clone()).collect())
        }
        TypeDefKind::Flags(names) => {
            ValueType::Flags(names.flags.iter().map(|flag| flag.name.clone()).collect())
        }
        TypeDefKind::Option(inner) => ValueType::Option(Box::new(value(resolve, inner, depth)?)),
        TypeDefKind::Result(result) => ValueType::Result {
            ok: optional(resolve, result.ok.as_ref(), depth)?.map(Box::new),
            err: optional(resolve, result.err.as_ref(), depth)?.map(Box::new),
        },
        TypeDefKind::List(item) => match value(resolve, item, depth)? {
            ValueType::U8 => ValueType::Bytes,
            item => ValueType::List(Box::new(item)),
        },
        other => return Err(format!("it takes or returns a {}", kind_name(other))),
    })
}

fn kind_name(kind: &TypeDefKind) -> &'static str {
    match kind {
        TypeDefKind::Resource | TypeDefKind::Handle(Handle::Own(_) | Handle::Borrow(_)) => {
            "resource"
        }
        kind => kind.as_str(),
    }
}
