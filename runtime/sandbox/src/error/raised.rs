//! What ended a call, and what that means.

use std::time::Instant;

use patinox_policy::{LimitName, Limits, Usage};
use wasmtime::Trap;
use wasmtime::component::ResourceTableError;

use super::{Error, guest_text};
use crate::budget::{Budget, Refusal};
use crate::slots::NoSlot;
use crate::value::Unencodable;

/// Why the host ended a call from within an import.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error("a limit")]
    Limit(LimitName, Option<u64>),
    #[error("cancelled")]
    Cancelled,
    #[error("exit with status {0}")]
    Exit(u8),
    #[error("a host function panicked: {0}")]
    Panic(String),
    #[error("called a function with nothing behind it")]
    NothingBehind,
    #[error("called `{0}` while it was asked for its tools")]
    TooEarly(String),
    /// What was denied is told with the call.
    #[error("called a function that is not granted any more")]
    Denied,
    #[error("the embedder's {0}")]
    Embedder(String),
}

impl Stop {
    /// The same, of a function of the embedder's.
    pub(crate) fn of(self, path: &str) -> Self {
        match self {
            Self::Embedder(why) => Self::Embedder(format!("{path}: {why}")),
            stop => stop,
        }
    }

    /// What an argument of a host function that has no form in JSON means.
    pub(crate) fn of_argument(error: &Unencodable) -> Self {
        match error {
            Unencodable::TooLong | Unencodable::TooLarge => {
                Self::Limit(LimitName::HostcallBytes, None)
            }
            Unencodable::Mismatch { .. } => Self::Embedder(error.to_string()),
        }
    }
}

/// What ended a call, before it is known what that means.
#[derive(Debug)]
pub(crate) enum Raised {
    /// The engine, before the guest's function was reached.
    Starting(wasmtime::Error),
    /// The engine, while the guest ran.
    Engine(wasmtime::Error),
    /// What was known before there was a store.
    Early(Error),
    /// A limit, with what was spent where that is known.
    Limit(LimitName, Option<u64>),
    /// The tool's own error.
    Tool(String),
    /// A result that is not what it should be.
    Output(String),
    Cancelled,
}

/// What an error is explained by.
pub(crate) struct Context<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) usage: &'a Usage,
    pub(crate) budget: &'a Budget,
}

impl From<Error> for Raised {
    fn from(error: Error) -> Self {
        Self::Early(error)
    }
}

impl From<NoSlot> for Raised {
    fn from(no_slot: NoSlot) -> Self {
        match no_slot {
            NoSlot::Late => Self::Limit(LimitName::Wall, None),
            // Whoever finds them closed asks again; a call that gets here is turned away.
            NoSlot::Busy | NoSlot::Closed => Self::Early(Error::Busy),
            NoSlot::TooHeavy { weight, share } => Self::Early(Error::TooLargeHere {
                name: LimitName::Memories,
                allowed: u64::try_from(share).unwrap_or(u64::MAX),
                spent: weight.into(),
            }),
        }
    }
}

impl Raised {
    /// What it means where there is no store yet.
    pub(crate) fn before(self, limits: &Limits, started: Instant) -> Error {
        let usage = Usage {
            wall: started.elapsed(),
            ..Usage::default()
        };
        self.explain(&Context {
            limits,
            usage: &usage,
            budget: &Budget::new(limits, u64::MAX),
        })
    }

    pub(crate) fn explain(self, context: &Context<'_>) -> Error {
        match self {
            Self::Cancelled => Error::Cancelled,
            Self::Early(error) => error,
            Self::Limit(name, spent) => context.limit(name, spent),
            Self::Tool(text) => Error::tool_error(&text, context.limits),
            Self::Output(reason) => Error::InvalidOutput {
                reason: guest_text(&reason),
            },
            Self::Starting(error) => context.engine(error, true),
            Self::Engine(error) => context.engine(error, false),
        }
    }
}

impl Context<'_> {
    fn limit(&self, name: LimitName, spent: Option<u64>) -> Error {
        let known = match name {
            LimitName::Fuel => Some(self.usage.fuel),
            LimitName::Wall => u64::try_from(self.usage.wall.as_millis()).ok(),
            _ => None,
        };
        Error::limit(name, self.limits, spent.or(known))
    }

    fn engine(&self, error: wasmtime::Error, starting: bool) -> Error {
        if let Some(stop) = error.downcast_ref::<Stop>() {
            return self.stop(stop, &error);
        }
        if let Some((name, spent)) = limit_behind(&error) {
            return self.limit(name, spent);
        }
        let trap = error.downcast_ref::<Trap>().copied();
        if trap == Some(Trap::StackOverflow) {
            return Error::Stack;
        }
        if let Some(refused) = self.refused() {
            return refused;
        }
        match trap {
            Some(trap) => Error::Trap {
                reason: trap
                    .to_string()
                    .trim_start_matches("wasm trap: ")
                    .to_owned(),
            },
            None if starting && is_host_fault(&error) => Error::of_machine(error),
            None => Error::InvalidOutput {
                reason: guest_text(&error.root_cause().to_string()),
            },
        }
    }

    /// What the guest was refused while it ran: a guest that ends by a trap
    /// after that ran into the limit.
    fn refused(&self) -> Option<Error> {
        if let Some(Refusal { total, allowed }) = self.budget.memory_refused() {
            let name = LimitName::Memory;
            return Some(match allowed < self.limits.memory_bytes {
                true => Error::TooLargeHere {
                    name,
                    allowed,
                    spent: total,
                },
                false => Error::limit(name, self.limits, Some(total)),
            });
        }
        let elements = self.budget.table_refused()?;
        let name = LimitName::TableElements;
        Some(Error::limit(name, self.limits, Some(elements)))
    }

    fn stop(&self, stop: &Stop, error: &wasmtime::Error) -> Error {
        match stop {
            Stop::Limit(name, spent) => self.limit(*name, *spent),
            Stop::Cancelled => Error::Cancelled,
            Stop::Exit(status) => Error::Exit { status: *status },
            Stop::Panic(text) => Error::Internal(text.clone().into()),
            Stop::Embedder(_) => Error::Internal(stop.to_string().into()),
            Stop::TooEarly(name) => Error::TooEarly { name: name.clone() },
            Stop::NothingBehind | Stop::Denied => Error::Trap {
                reason: error.root_cause().to_string(),
            },
        }
    }
}

/// Whether an instance could not be made because of this machine, not of the
/// component. The engine has no type for it.
fn is_host_fault(error: &wasmtime::Error) -> bool {
    let mut causes = error.chain().map(|cause| cause.to_string());
    causes.any(|cause| cause.contains("os error") || cause.contains("mmap"))
}

/// The limit that the engine stopped at, with what was spent where it says so.
///
/// It has no type for most of them, so their texts are all there is; each has
/// an attack among the tests, which holds it.
fn limit_behind(error: &wasmtime::Error) -> Option<(LimitName, Option<u64>)> {
    if matches!(error.downcast_ref::<Trap>(), Some(Trap::OutOfFuel)) {
        return Some((LimitName::Fuel, None));
    }
    if matches!(
        error.downcast_ref::<ResourceTableError>(),
        Some(ResourceTableError::Full)
    ) {
        return Some((LimitName::HostResources, None));
    }
    let cause = error.root_cause().to_string();
    if cause.starts_with("too much data") {
        return Some((LimitName::HostcallBytes, None));
    }
    if cause.ends_with("store handle limit exceeded") {
        return Some((LimitName::Handles, None));
    }
    let count = cause.strip_prefix("resource limit exceeded: ")?;
    let (what, count) = count.split_once(" count too high at ")?;
    let name = match what {
        "instance" => LimitName::CoreInstances,
        "memory" => LimitName::Memories,
        "table" => LimitName::Tables,
        _ => return None,
    };
    Some((name, count.parse().ok()))
}
