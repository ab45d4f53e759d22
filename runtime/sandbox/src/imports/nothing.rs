//! Interfaces that are linked with nothing behind them.
//!
//! What others' toolchains produce imports most of WASI, used or not. Here it
//! finds every function, and each answers that there is nothing, by the type
//! that the component itself gives it: an error says that access is denied, a
//! list is empty, an option is none.
//!
//! What only describes a request, `wasi:http/types`, lets it be described, so
//! that the guest is told where it counts: when it sends the request.

use bytes::Bytes;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, Resource, ResourceAny, ResourceType, Val};
use wasmtime::{Engine, Result, StoreContextMut};
use wasmtime_wasi_io::poll::{DynPollable, Pollable};
use wasmtime_wasi_io::streams::{
    DynInputStream, DynOutputStream, Error as StreamFailure, OutputStream, StreamResult,
};

use super::linked::component::{Linker, LinkerInstance};
use crate::error::Stop;
use crate::state::State;

/// The interfaces, without version; a `*` stands for the rest of a package.
const INTERFACES: &[&str] = &[
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
    "wasi:http/*",
    "wasi:sockets/*",
];

/// The interface whose functions agree to whatever is said to them.
const DESCRIBES: &str = "wasi:http/types";

/// The error cases by which WASI's interfaces say that something may not be.
const DENIALS: &[&str] = &["access-denied", "access", "HTTP-request-denied"];

/// What may be written at once to a body that is never sent.
const WRITE_BYTES: usize = 64 << 10;

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
        let name = super::without_version(import);
        if !covers(name) {
            continue;
        }
        let ComponentItem::ComponentInstance(interface) = external.ty else {
            continue;
        };
        let answer = if name == DESCRIBES { agree } else { refuse };
        let mut instance = linker.instance(import)?;
        for (name, external) in interface.exports(engine) {
            define(&mut instance, name, &external.ty, answer)?;
        }
    }
    Ok(())
}

/// What a function answers whose result is of this type.
type Answer = fn(&mut StoreContextMut<'_, State>, &Type) -> Result<Val>;

fn define(
    instance: &mut LinkerInstance<'_, State>,
    name: &str,
    ty: &ComponentItem,
    answer: Answer,
) -> Result<()> {
    match ty {
        ComponentItem::ComponentFunc(_) => instance.func_new(name, move |store, ty, values| {
            respond(store, ty, values, answer)
        }),
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
fn respond(
    mut store: StoreContextMut<'_, State>,
    ty: &ComponentFunc,
    (params, results): (&[Val], &mut [Val]),
    answer: Answer,
) -> Result<()> {
    give_back(&mut store, params)?;
    for (result, ty) in results.iter_mut().zip(ty.results()) {
        *result = answer(&mut store, &ty)?;
    }
    Ok(())
}

/// There is nothing, and nothing may be.
fn refuse(store: &mut StoreContextMut<'_, State>, ty: &Type) -> Result<Val> {
    match ty {
        Type::Result(ty) => denial(ty.err()).ok_or_else(|| Stop::NothingBehind.into()),
        ty => empty(store, ty),
    }
}

/// Whatever is said is fine, and comes to nothing.
fn agree(store: &mut StoreContextMut<'_, State>, ty: &Type) -> Result<Val> {
    match ty {
        Type::Result(ty) => {
            let ok = ty.ok().map(|ty| empty(store, &ty).map(Box::new));
            Ok(Val::Result(Ok(ok.transpose()?)))
        }
        ty => empty(store, ty),
    }
}

/// The least value of a type.
fn empty(store: &mut StoreContextMut<'_, State>, ty: &Type) -> Result<Val> {
    Ok(match ty {
        Type::Bool => Val::Bool(false),
        Type::List(_) => Val::List(Vec::new()),
        Type::Option(_) => Val::Option(None),
        Type::Variant(ty) => {
            let plain = ty.cases().find(|case| case.ty.is_none());
            let case = plain.ok_or(Stop::NothingBehind)?;
            Val::Variant(case.name.to_owned(), None)
        }
        Type::Own(ty) if *ty == ResourceType::host::<DynOutputStream>() => {
            let sink: DynOutputStream = Box::new(Sink);
            let sink = store.data_mut().table.push(sink)?;
            Val::Resource(sink.try_into_resource_any(store)?)
        }
        Type::Own(ty) if *ty == ResourceType::host::<Nothing>() => {
            let nothing = Resource::<Nothing>::new_own(0);
            Val::Resource(nothing.try_into_resource_any(store)?)
        }
        _ => return Err(Stop::NothingBehind.into()),
    })
}

/// Takes what is written to the body of a request that is never sent.
struct Sink;

#[wasmtime_wasi_io::async_trait]
impl Pollable for Sink {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi_io::async_trait]
impl OutputStream for Sink {
    fn write(&mut self, _: Bytes) -> StreamResult<()> {
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}

/// Ends the loan of each resource, wherever in a value it is. Without it the
/// engine ends the guest at the end of the call, for a handle that we never
/// gave back. What is given for good is gone.
fn give_back(store: &mut StoreContextMut<'_, State>, params: &[Val]) -> Result<()> {
    let mut left: Vec<&Val> = params.iter().collect();
    while let Some(value) = left.pop() {
        match value {
            Val::Resource(handle) => end(store, *handle)?,
            Val::List(items) | Val::Tuple(items) => left.extend(items),
            Val::Record(fields) => left.extend(fields.iter().map(|(_, value)| value)),
            Val::Variant(_, Some(value))
            | Val::Option(Some(value))
            | Val::Result(Ok(Some(value)) | Err(Some(value))) => left.push(value),
            _ => {}
        }
    }
    Ok(())
}

/// What a typed handle stands for is not tracked, which is all that is wanted
/// here; it is dropped with nothing done.
fn end(store: &mut StoreContextMut<'_, State>, handle: ResourceAny) -> Result<()> {
    let ty = handle.ty();
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

/// The answer that something may not be, where a type has one.
fn denial(error: Option<Type>) -> Option<Val> {
    let error = match error {
        Some(Type::Enum(ty)) => {
            let name = ty.names().find(|name| DENIALS.contains(name))?;
            Some(Box::new(Val::Enum(name.to_owned())))
        }
        Some(Type::Variant(ty)) => {
            let is_denial = |name: &str| DENIALS.contains(&name);
            let mut cases = ty.cases();
            let case = cases.find(|case| case.ty.is_none() && is_denial(case.name))?;
            Some(Box::new(Val::Variant(case.name.to_owned(), None)))
        }
        Some(_) => return None,
        None => None,
    };
    Some(Val::Result(Err(error)))
}
