//! The engine as generated bindings see it: the same, but for the linker.

pub(crate) use wasmtime::*;

/// The component module of the engine, with our linker in place of its own.
pub(crate) mod component {
    pub(crate) use crate::imports::wrapper::{Linker, LinkerInstance};
    pub(crate) use wasmtime::component::*;
}
