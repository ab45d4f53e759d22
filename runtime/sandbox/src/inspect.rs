//! What a component imports and exports, as types.

use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem, Type};
use wasmtime::component::{Component as Compiled, ComponentExportIndex};

use crate::docs::Docs;
use crate::outline::VALIDATION;
use crate::types::{Case, Field, FunctionType, MAX_TYPE_DEPTH, ValueType};

/// The most nodes of one function's types, written out as a tree.
///
/// A binary shares types, so a small one can describe a tree of 2^60 nodes.
const MAX_TYPE_NODES: usize = 10_000;

/// Interfaces that interpreters export for their own start: `componentize-py`
/// calls it while it builds, and nobody after that. They are known by their
/// function `init` too, as an author may give these names to something else.
const HELPERS: &[&str] = &["exports", "init"];
const HELPERS_PARAMS: &[&str] = &["app-name", "symbols", "stub-wasi"];

/// The same as a function of the world, with the names of its parameters.
const HELPER: &str = "init";
const HELPER_PARAMS: &[&str] = &["shim", "script", "entry-path", "disable-gc"];

/// A function that a component exports.
#[derive(Clone, Debug)]
pub struct Export {
    /// The interface it belongs to, with package and version; `None` for a
    /// function of the world itself.
    pub interface: Option<String>,
    /// Its name, in kebab-case.
    pub name: String,
    /// Its type, or why it cannot be called.
    pub ty: Result<FunctionType, String>,
    /// What the component says of it: hostile text.
    pub docs: Option<String>,
    /// Its place among the component's functions.
    pub(crate) position: usize,
}

impl Export {
    /// Whether it is what a validator is asked by, and no tool.
    #[must_use]
    pub fn is_verdict(&self) -> bool {
        let interface = self.interface.as_deref();
        interface.is_some_and(|interface| interface.starts_with(VALIDATION))
    }
}

/// The functions that a component exports, in its own order.
pub(crate) fn exports(engine: &Engine, component: &Compiled, docs: &Docs) -> Vec<Export> {
    let ty = component.component_type();
    let mut exports = Vec::new();
    for (name, external) in ty.exports(engine) {
        match external.ty {
            ComponentItem::ComponentFunc(function) if !is_helper(name, &function) => {
                exports.push(export(docs, None, (name, &function), exports.len()));
            }
            ComponentItem::ComponentInstance(interface)
                if !are_helpers(engine, name, &interface) =>
            {
                for (function, external) in interface.exports(engine) {
                    if let ComponentItem::ComponentFunc(ty) = external.ty {
                        let position = exports.len();
                        exports.push(export(docs, Some(name), (function, &ty), position));
                    }
                }
            }
            _ => {}
        }
    }
    exports
}

/// Whether an interface is what `componentize-py` calls while it builds.
fn are_helpers(engine: &Engine, name: &str, interface: &ComponentInstance) -> bool {
    let init = || match interface.get_export(engine, HELPER)?.ty {
        ComponentItem::ComponentFunc(init) => Some(init),
        _ => None,
    };
    HELPERS.contains(&name) && init().is_some_and(|init| has_params(&init, HELPERS_PARAMS))
}

fn has_params(function: &ComponentFunc, names: &[&str]) -> bool {
    function
        .params()
        .map(|(name, _)| name)
        .eq(names.iter().copied())
}

/// Whether `componentize-qjs` made it, with which `jco` does so too: there
/// JavaScript has integers of 64 bits as its own numbers, which are doubles.
pub(crate) fn has_doubles_for_integers(engine: &Engine, component: &Compiled) -> bool {
    let ty = component.component_type();
    ty.exports(engine)
        .any(|(name, external)| match external.ty {
            ComponentItem::ComponentFunc(function) => is_helper(name, &function),
            _ => false,
        })
}

/// Whether it is what `componentize-qjs` calls while it builds: a function of
/// the world called `init`, known by its parameters.
fn is_helper(name: &str, function: &ComponentFunc) -> bool {
    name == HELPER && has_params(function, HELPER_PARAMS)
}

fn export(
    docs: &Docs,
    interface: Option<&str>,
    (name, ty): (&str, &ComponentFunc),
    position: usize,
) -> Export {
    Export {
        interface: interface.map(str::to_owned),
        name: name.to_owned(),
        ty: function(ty),
        docs: docs.function(interface, name).map(str::to_owned),
        position,
    }
}

impl Export {
    /// Where it is in a component that has been loaded.
    pub(crate) fn index_in(&self, code: &Compiled) -> Option<ComponentExportIndex> {
        let interface = self.interface.as_ref();
        let parent = match interface {
            Some(interface) => Some(code.get_export_index(None, interface)?),
            None => None,
        };
        code.get_export_index(parent.as_ref(), &self.name)
    }
}

/// The type of a function, or why it cannot be called.
pub(crate) fn function(ty: &ComponentFunc) -> Result<FunctionType, String> {
    if ty.async_() {
        return Err("it is an `async` function".to_owned());
    }
    let mut reader = TypeReader { nodes: 0 };
    let params = ty.params().map(|(name, ty)| reader.field(name, &ty, 0));
    let params = params.collect::<Result<_, _>>()?;
    let mut results = ty.results();
    let result = results.next().map(|ty| reader.read(&ty, 0)).transpose()?;
    Ok(FunctionType { params, result })
}

/// Copies types into ours, within bounds.
struct TypeReader {
    nodes: usize,
}

type Read<T> = Result<T, String>;

impl TypeReader {
    fn read(&mut self, ty: &Type, depth: usize) -> Read<ValueType> {
        self.nodes += 1;
        if MAX_TYPE_NODES < self.nodes || MAX_TYPE_DEPTH < depth {
            return Err(format!(
                "its types are larger than {MAX_TYPE_NODES} parts or {MAX_TYPE_DEPTH} levels"
            ));
        }
        let depth = depth + 1;
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
            Type::Float32 => ValueType::F32,
            Type::Float64 => ValueType::F64,
            Type::Char => ValueType::Char,
            Type::String => ValueType::String,
            Type::List(list) => match self.read(&list.ty(), depth)? {
                ValueType::U8 => ValueType::Bytes,
                item => ValueType::List(Box::new(item)),
            },
            Type::Record(record) => {
                let fields = record.fields().map(|f| self.field(f.name, &f.ty, depth));
                ValueType::Record(fields.collect::<Result<_, _>>()?)
            }
            Type::Tuple(tuple) => {
                let items = tuple.types().map(|ty| self.read(&ty, depth));
                ValueType::Tuple(items.collect::<Result<_, _>>()?)
            }
            Type::Variant(variant) => {
                let cases = variant.cases().map(|case| {
                    Ok(Case {
                        name: case.name.to_owned(),
                        payload: case.ty.map(|ty| self.read(&ty, depth)).transpose()?,
                    })
                });
                ValueType::Variant(cases.collect::<Read<_>>()?)
            }
            Type::Enum(names) => ValueType::Enum(names.names().map(str::to_owned).collect()),
            Type::Flags(names) => ValueType::Flags(names.names().map(str::to_owned).collect()),
            Type::Option(option) => ValueType::Option(Box::new(self.read(&option.ty(), depth)?)),
            Type::Result(result) => ValueType::Result {
                ok: self.boxed(result.ok(), depth)?,
                err: self.boxed(result.err(), depth)?,
            },
            other => return Err(format!("it takes or returns a {}", kind(other))),
        })
    }

    fn field(&mut self, name: &str, ty: &Type, depth: usize) -> Read<Field> {
        Ok(Field {
            name: name.to_owned(),
            ty: self.read(ty, depth)?,
        })
    }

    fn boxed(&mut self, ty: Option<Type>, depth: usize) -> Read<Option<Box<ValueType>>> {
        ty.map(|ty| self.read(&ty, depth).map(Box::new)).transpose()
    }
}

const fn kind(ty: &Type) -> &'static str {
    match ty {
        Type::Own(_) | Type::Borrow(_) => "resource, which has no form in JSON",
        Type::Future(_) | Type::Stream(_) => "stream or future, which has no form in JSON",
        Type::Map(_) => "map, which is not supported",
        _ => "type that is not supported",
    }
}
