//! What a component imports, answered by type at once: random bytes are zeroes,
//! a list is empty, a resource is nothing.

use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, Linker, LinkerInstance, Resource, ResourceType, Val};
use wasmtime::{Engine, Error, Result, StoreContextMut, StoreLimits};

/// What stands for every resource.
struct Nothing;

/// Links all that a component imports.
pub(super) fn link(
    linker: &mut Linker<StoreLimits>,
    engine: &Engine,
    component: &Component,
) -> Result<()> {
    for (name, external) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(interface) = external.ty else {
            continue;
        };
        let mut instance = linker.instance(name)?;
        for (name, external) in interface.exports(engine) {
            define(&mut instance, name, &external.ty)?;
        }
    }
    Ok(())
}

fn define(
    instance: &mut LinkerInstance<'_, StoreLimits>,
    name: &str,
    ty: &ComponentItem,
) -> Result<()> {
    match ty {
        ComponentItem::ComponentFunc(_) => instance.func_new(name, |store, ty, params, results| {
            answer(store, &ty, params, results)
        }),
        ComponentItem::Resource(_) => {
            let nothing = ResourceType::host::<Nothing>();
            instance.resource(name, nothing, |_, _| Ok(()))
        }
        _ => Ok(()),
    }
}

fn answer(
    mut store: StoreContextMut<'_, StoreLimits>,
    ty: &ComponentFunc,
    params: &[Val],
    results: &mut [Val],
) -> Result<()> {
    for param in params {
        if let Val::Resource(handle) = param {
            handle.try_into_resource::<Nothing>(&mut store)?;
        }
    }
    let asked = match params {
        [Val::U64(bytes)] => usize::try_from(*bytes)?,
        _ => 0,
    };
    for (result, ty) in results.iter_mut().zip(ty.results()) {
        *result = value(&mut store, &ty, asked)?;
    }
    Ok(())
}

fn value(store: &mut StoreContextMut<'_, StoreLimits>, ty: &Type, asked: usize) -> Result<Val> {
    Ok(match ty {
        Type::Bool => Val::Bool(false),
        Type::U8 => Val::U8(0),
        Type::U32 => Val::U32(0),
        Type::U64 => Val::U64(1 << 16),
        Type::List(list) if list.ty() == Type::U8 => Val::List(vec![Val::U8(0); asked]),
        Type::List(_) => Val::List(Vec::new()),
        Type::Option(_) => Val::Option(None),
        Type::Tuple(tuple) => {
            let items = tuple.types().map(|ty| value(store, &ty, asked));
            Val::Tuple(items.collect::<Result<_>>()?)
        }
        Type::Record(record) => {
            let fields = record.fields();
            let fields = fields.map(|f| Ok((f.name.to_owned(), value(store, &f.ty, asked)?)));
            Val::Record(fields.collect::<Result<_>>()?)
        }
        Type::Result(result) => {
            let ok = result.ok().map(|ty| value(store, &ty, asked).map(Box::new));
            Val::Result(Ok(ok.transpose()?))
        }
        Type::Own(_) => {
            let nothing = Resource::<Nothing>::new_own(0);
            Val::Resource(nothing.try_into_resource_any(store)?)
        }
        other => return Err(Error::msg(format!("no answer of type {other:?}"))),
    })
}

/// The same functions, and one that does nothing: what a call of it costs by the
/// engine alone, by its dynamic values and by its static types.
pub(super) fn touch(
    linker: &mut Linker<StoreLimits>,
    (interface, function): (&str, &str),
    typed: bool,
) -> Result<()> {
    linker.allow_shadowing(true);
    let mut instance = linker.instance(interface)?;
    if typed {
        instance.func_wrap_async(function, |_, (): ()| Box::new(async { Ok(()) }))
    } else {
        instance.func_new_async(function, |_, _, _, _| Box::new(async { Ok(()) }))
    }
}
