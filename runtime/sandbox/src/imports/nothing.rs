//! Interfaces that are linked with nothing behind them.
//!
//! What others' toolchains produce imports most of WASI, used or not. Here it
//! finds every function, and each answers that there is nothing, by the type
//! that the component itself gives it: an error says that access is denied, a
//! list is empty, an option is none.

use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, Resource, ResourceType, Val};
use wasmtime::{Engine, Result, StoreContextMut};
use wasmtime_wasi_io::poll::DynPollable;
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream, Error as StreamFailure};

use super::linked::component::{Linker, LinkerInstance};
use crate::error::Stop;
use crate::state::State;

/// The interfaces, without version; a `*` stands for the rest of a package.
const INTERFACES: &[&str] = &[
    "wasi:cli/environment",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
    "wasi:filesystem/*",
    "wasi:sockets/*",
];

/// The error cases by which WASI's interfaces say that something may not be.
const DENIALS: &[&str] = &["access-denied", "access"];

/// Stands for every resource of these interfaces. None of its operations does
/// anything, so it need not say which it is.
struct Nothing;

/// Whether an interface is linked here.
pub(super) fn covers(interface: &str) -> bool {
    INTERFACES
        .iter()
        .any(|known| match known.strip_suffix('*') {
            Some(package) => interface.starts_with(package),
            None => interface == *known,
        })
}

/// Links what the component imports of these interfaces, in its own version.
pub(crate) fn link(
    linker: &mut Linker<State>,
    engine: &Engine,
    component: &Component,
) -> Result<()> {
    for (import, external) in component.component_type().imports(engine) {
        if !covers(super::without_version(import)) {
            continue;
        }
        let ComponentItem::ComponentInstance(interface) = external.ty else {
            continue;
        };
        let mut instance = linker.instance(import)?;
        for (name, external) in interface.exports(engine) {
            define(&mut instance, name, &external.ty)?;
        }
    }
    Ok(())
}

fn define(instance: &mut LinkerInstance<'_, State>, name: &str, ty: &ComponentItem) -> Result<()> {
    match ty {
        ComponentItem::ComponentFunc(_) => instance.func_new(name, answer),
        ComponentItem::Resource(_) => {
            instance.resource_async(name, resource(name), |_, _| Box::new(async { Ok(()) }))
        }
        _ => Ok(()),
    }
}

/// The host's side of a resource. Some interfaces use those of `wasi:io` under
/// their own names, which must stay the same resource.
fn resource(name: &str) -> ResourceType {
    match name {
        "pollable" => ResourceType::host::<DynPollable>(),
        "input-stream" => ResourceType::host::<DynInputStream>(),
        "output-stream" => ResourceType::host::<DynOutputStream>(),
        "error" => ResourceType::host::<StreamFailure>(),
        _ => ResourceType::host::<Nothing>(),
    }
}

/// Answers a call by its type.
fn answer(
    mut store: StoreContextMut<'_, State>,
    ty: &ComponentFunc,
    (params, results): (&[Val], &mut [Val]),
) -> Result<()> {
    for param in params {
        give_back(&mut store, param)?;
    }
    for (result, ty) in results.iter_mut().zip(ty.results()) {
        *result = match ty {
            Type::List(_) => Val::List(Vec::new()),
            Type::Option(_) => Val::Option(None),
            Type::Own(_) => {
                let nothing = Resource::<Nothing>::new_own(0);
                Val::Resource(nothing.try_into_resource_any(&mut store)?)
            }
            Type::Result(ty) => denial(ty.err()).ok_or(Stop::NothingBehind)?,
            _ => return Err(Stop::NothingBehind.into()),
        };
    }
    Ok(())
}

/// Ends the loan of a resource. Without it the engine ends the guest at the
/// end of the call, for a handle that we never gave back.
fn give_back(store: &mut StoreContextMut<'_, State>, param: &Val) -> Result<()> {
    let Val::Resource(handle) = param else {
        return Ok(());
    };
    let ty = handle.ty();
    // What a typed handle stands for is not tracked, which is all that is
    // wanted here; it is dropped with nothing done.
    if ty == ResourceType::host::<Nothing>() {
        handle.try_into_resource::<Nothing>(store)?;
    } else if ty == ResourceType::host::<DynPollable>() {
        handle.try_into_resource::<DynPollable>(store)?;
    } else if ty == ResourceType::host::<DynInputStream>() {
        handle.try_into_resource::<DynInputStream>(store)?;
    } else if ty == ResourceType::host::<DynOutputStream>() {
        handle.try_into_resource::<DynOutputStream>(store)?;
    } else if ty == ResourceType::host::<StreamFailure>() {
        handle.try_into_resource::<StreamFailure>(store)?;
    }
    Ok(())
}

fn denial(error: Option<Type>) -> Option<Val> {
    let error = match error {
        Some(Type::Enum(names)) => {
            let name = names.names().find(|name| DENIALS.contains(name))?;
            Some(Box::new(Val::Enum(name.to_owned())))
        }
        Some(_) => return None,
        None => None,
    };
    Some(Val::Result(Err(error)))
}
