//! Compiles a component, in a child process that has limited itself.
//!
//! A component can be made that keeps a compiler busy for hours, or fills the
//! memory of any machine; a screen refuses those that are known and no others.
//! So the compiler runs in a process of its own, one for each component. Before
//! the child reads a byte of it, it has given itself a ceiling of memory and
//! computing and given up files, network, signals and new processes (`cage`).
//! The parent bounds the time and the answer, and kills it when nobody waits
//! any longer (`parent`).
//!
//! What is contained is exhaustion. A bug of the compiler that makes it emit
//! wrong code is not: what comes back is machine code, and it is run.

#[cfg(feature = "compile")]
mod blame;
#[cfg(feature = "compile")]
mod cage;
mod fault;
#[cfg(feature = "compile")]
mod order;
#[cfg(feature = "compile")]
mod parent;
#[cfg(feature = "compile")]
mod syscalls;
#[cfg(feature = "compile")]
mod wire;
#[cfg(feature = "compile")]
mod worker;

#[cfg(feature = "compile")]
use std::panic::AssertUnwindSafe;

use patinox_policy::{LimitName, LoadLimits};

use crate::error::{Error, Starved};
use crate::screen::NotAComponent;

pub use fault::WorkerFault;
#[cfg(feature = "compile")]
pub(crate) use order::Order;
#[cfg(feature = "compile")]
pub use parent::Worker;
#[cfg(feature = "compile")]
pub(crate) use parent::{Job, Ready};
#[cfg(feature = "compile")]
pub use worker::{COMPILE_WORKER, compile_worker};

/// Why there is no compiled code.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The component breaks a rule, or the compiler cannot take it.
    Invalid { reason: String },
    /// It came to a limit, and would come to it again.
    Limit(LimitName),
    /// The machine had too little for it: the next time it may have more.
    Starved(Starved),
    /// Nobody waits for it any longer.
    Abandoned,
    /// The worker does not do its work.
    Worker(WorkerFault),
    /// It was compiled, or nobody got so far: what else went wrong.
    Unlinked(Error),
}

/// Compiles here and now. Nothing bounds the time or the memory; a panic of the
/// compiler is the component's fault.
#[cfg(feature = "compile")]
pub(crate) fn precompile(engine: &wasmtime::Engine, bytes: &[u8]) -> Result<Vec<u8>, Failed> {
    let work = AssertUnwindSafe(|| engine.precompile_component(bytes));
    match std::panic::catch_unwind(work) {
        Ok(Ok(code)) => Ok(code),
        Ok(Err(error)) if error.is::<wasmtime::OutOfMemory>() => {
            Err(Failed::Limit(LimitName::CompileMemory))
        }
        // The innermost reason: the outer ones name host detail.
        Ok(Err(error)) => Err(Failed::Invalid {
            reason: error.root_cause().to_string(),
        }),
        Err(_) => Err(Failed::cannot_take()),
    }
}

impl Failed {
    #[cfg(feature = "compile")]
    fn cannot_take() -> Self {
        Self::Invalid {
            reason: "the compiler cannot take it".to_owned(),
        }
    }

    /// What the one who loads it is told.
    pub(crate) fn explain(self, limits: &LoadLimits) -> Error {
        match self {
            Self::Invalid { reason } if is_asynchronous(&reason) => {
                Error::NotAComponent(NotAComponent::Asynchronous)
            }
            Self::Invalid { reason } => Error::NotAComponent(NotAComponent::Invalid { reason }),
            Self::Limit(name) => Error::Limit {
                name,
                allowed: limits.get(name).unwrap_or_default(),
                spent: None,
            },
            Self::Starved(why) => Error::Starved {
                why,
                allowed: limits.get(why.limit()).unwrap_or_default(),
            },
            Self::Abandoned => Error::Cancelled,
            Self::Worker(fault) => Error::worker(fault),
            Self::Unlinked(error) => error,
        }
    }
}

/// Whether it is for want of a proposal that the engine has turned off. It has
/// no type for that; a name that the component chose never ends the text.
fn is_asynchronous(reason: &str) -> bool {
    let (rule, _) = reason.rsplit_once(" (at offset ").unwrap_or((reason, ""));
    rule.contains(" requires the component model async") && rule.ends_with(" feature")
}

impl From<WorkerFault> for Failed {
    fn from(fault: WorkerFault) -> Self {
        Self::Worker(fault)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Unlinked(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_component_names_itself_is_not_taken_for_a_rule() {
        let rule = "`task.cancel` requires the component model async feature";
        assert!(is_asynchronous(rule));
        assert!(is_asynchronous(&format!("{rule} (at offset 0x2a)")));
        let named = format!("`{rule}` is not in kebab case (at offset 0x2a)");
        assert!(!is_asynchronous(&named));
        assert!(!is_asynchronous(
            "`component model async` is not in kebab case"
        ));
    }
}
