//! What a guest can call, and the one wrapper through which it does.
//!
//! Every import is linked by [`linked::component::Linker`]: the generated code
//! of typed interfaces and the interfaces with [nothing behind them](nothing)
//! alike. The wrapper counts the call, charges fuel for it, checks cancel and
//! deadline, lets other tasks run, and catches a panic.

mod allowance;
mod cli;
mod clocks;
mod config;
mod context;
mod embedder;
mod filesystem;
mod io;
mod keyvalue;
pub(crate) mod linked;
mod logging;
pub(crate) mod nothing;
mod random;
mod weight;
mod wrapper;

use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, HasSelf};

use crate::bindings::offered::Offered;
use crate::state::State;
use crate::value;
use linked::component::Linker;

pub(crate) use allowance::Allowance;
pub(crate) use cli::{Captured, Kept};
pub use embedder::{Caller, Import, ImportError, Imports};
#[expect(unreachable_pub, reason = "generated code re-exports them")]
pub use filesystem::{Descriptor, Entries};
pub(crate) use filesystem::{Folders, check as check_folders};
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub use keyvalue::Bucket;
pub(crate) use keyvalue::Keeping;
pub(crate) use random::Dice;
pub(crate) use wrapper::Meter;

/// Links every typed interface that the host offers.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    Offered::add_to_linker::<State, HasSelf<State>>(linker, |state| state)
}

/// The typed interfaces that the host offers, without version. A test holds
/// them to what is linked.
const OFFERED: [&str; 21] = [
    "patinox:tool/context",
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:config/store",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:keyvalue/atomics",
    "wasi:keyvalue/batch",
    "wasi:keyvalue/store",
    "wasi:logging/logging",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// The most parts of a component's imported types that are looked at.
const MAX_TYPE_NODES: usize = 100_000;

/// How much of the host's memory a byte that a guest passes to a function by
/// its dynamic type can come to.
pub(crate) fn cost(engine: &Engine, component: &Component, embedders: &Imports) -> u64 {
    let mut nodes = MAX_TYPE_NODES;
    let mut most = 1;
    for (name, external) in component.component_type().imports(engine) {
        let is_embedders = embedders.covers(name);
        if !is_embedders && !nothing::covers(without_version(name)) {
            continue;
        }
        let ComponentItem::ComponentInstance(interface) = external.ty else {
            continue;
        };
        for (_, external) in interface.exports(engine) {
            if let ComponentItem::ComponentFunc(function) = external.ty {
                let params = function.params();
                let cost = params
                    .map(|(_, ty)| value::cost_of_lists(&ty, &mut nodes))
                    .max();
                // Arguments of the embedder's are held twice until they are JSON.
                let copies = if is_embedders { 2 } else { 1 };
                most = most.max(cost.unwrap_or(1).saturating_mul(copies));
            }
        }
    }
    most
}

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
