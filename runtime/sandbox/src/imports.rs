//! What a guest can call, and the one wrapper through which it does.
//!
//! Every import is linked by [`linked::component::Linker`]: the generated code
//! of typed interfaces and the interfaces with [nothing behind them](nothing)
//! alike. The wrapper counts the call, charges fuel for it, checks cancel and
//! deadline, lets other tasks run, and catches a panic.

mod allowance;
mod cli;
mod clocks;
mod context;
mod embedder;
mod io;
pub(crate) mod linked;
mod logging;
pub(crate) mod nothing;
mod random;
mod weight;
mod wrapper;

use wasmtime::component::HasSelf;

use crate::bindings::offered::Offered;
use crate::state::State;
use linked::component::Linker;

pub(crate) use allowance::Allowance;
pub(crate) use cli::{Captured, Kept};
pub use embedder::{Caller, Import, ImportError, Imports};
pub(crate) use wrapper::Meter;

/// Links every typed interface that the host offers.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    Offered::add_to_linker::<State, HasSelf<State>>(linker, |state| state)
}

/// The typed interfaces that the host offers, without version. A test holds
/// them to what is linked.
const OFFERED: [&str; 14] = [
    "patinox:tool/context",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:logging/logging",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// Whether an interface of this name can be linked, whatever its version and
/// whatever engine.
pub(crate) fn is_known(import: &str) -> bool {
    let interface = without_version(import);
    OFFERED.contains(&interface) || nothing::covers(interface)
}

/// Whether an interface of this name is linked, whatever its version.
pub(crate) fn is_offered(linker: &Linker<State>, import: &str) -> bool {
    let interface = without_version(import);
    let mut linked = linker.linked().iter();
    linked.any(|name| without_version(name) == interface) || nothing::covers(interface)
}

fn without_version(import: &str) -> &str {
    import.split_once('@').map_or(import, |(name, _)| name)
}

#[cfg(test)]
mod tests;
