//! What can go wrong with a component and with a call.

mod exhausted;
mod hints;
mod precompiled;
mod raised;
mod starved;

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use patinox_policy::{
    Code, Denial, Failure, Fault, LimitName, Limits, MAX_MESSAGE_BYTES, RecoveryStrategy, cut,
    escape_line,
};

use hints::{
    MEMORIES_HERE_HINT, MEMORY_HERE_HINT, MISMATCHED_HINT, MISSING_FUNCTION_HINT, MISSING_HINT,
    NO_ROOM_HINT, NO_WORKER_HINT, NOT_A_VALIDATOR_HINT, NOT_A_WORKER_HINT, allow_hint, denied,
    folder_hint, grant_hint, limit_hint, not_a_component_hint,
};

pub use exhausted::Exhausted;
pub use precompiled::NotPrecompiled;
pub(crate) use raised::{Context, Raised, Stop};
pub use starved::Starved;

use crate::authority::Denied;
use crate::compile::WorkerFault;
use crate::screen::{NotAComponent, Refused};

/// Room for our own words around a guest's, within the longest message.
const MAX_GUEST_TEXT_BYTES: usize = MAX_MESSAGE_BYTES - 256;

/// When to load again what a busy machine did not compile: at once it would be as
/// busy.
const STARVED_AFTER: Duration = Duration::from_secs(30);

/// Names of missing imports that a message lists.
const MAX_NAMES: usize = 20;

/// Why a component cannot be loaded, or why a call has no answer.
///
/// ```
/// use patinox_policy::{Failure, Fault, LoadLimits};
/// use patinox_sandbox::{Component, Engine, EngineConfig, Error};
///
/// let engine = Engine::new(EngineConfig::default());
/// let error = Component::new(&engine, b"(component)", &LoadLimits::default()).unwrap_err();
/// assert_eq!(error.fault(), Fault::Component);
/// assert_eq!(error.to_string(), "not a component but WebAssembly text");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not a component that can be loaded.
    #[error("{}", not_a_component(.0))]
    NotAComponent(NotAComponent),
    /// The component's file cannot be read.
    #[error("the component's file cannot be read")]
    Unreadable(#[source] io::Error),
    /// A directory, pipe or device where the component's file should be.
    #[error("{}", if *is_folder { "a folder, not a file" } else { "not a file" })]
    NotAFile {
        /// Whether it is a folder.
        is_folder: bool,
    },
    /// The component imports what this host does not offer.
    #[error("the component imports what this host does not offer: {}", list(names))]
    MissingImports {
        /// The names of the imports.
        names: Vec<String>,
    },
    /// The component imports a function in a form that is not this host's.
    #[error("an import is not what this host offers: {}", guest_text(reason))]
    MismatchedImport {
        /// Which, and how.
        reason: String,
    },
    /// The component imports an interface of the embedder's that it has not
    /// been granted.
    #[error("the component imports what it has not been granted: {}", list(names))]
    NotGranted {
        /// The names of the imports.
        names: Vec<String>,
    },
    /// The call failed after it was denied something.
    #[error("{}, and then {failure}", denied(denials))]
    Denied {
        /// What was denied, in the order in which it was asked for: one at least.
        denials: Vec<Denial>,
        /// How the call failed: by its component.
        failure: Box<Self>,
    },
    /// A folder of the host cannot be granted.
    #[error(
        "the folder that is granted as `{}` cannot be opened",
        guest_text(guest)
    )]
    Folder {
        /// What the guest calls it.
        guest: String,
        /// Why.
        source: io::Error,
    },
    /// The component used what it was granted while it was asked for its tools.
    #[error(
        "the component calls `{}` while it is asked for its tools, \
         when nothing that was granted may be used",
        guest_text(name)
    )]
    TooEarly {
        /// What it called.
        name: String,
    },
    /// The function cannot be called.
    #[error("the component has no such function that can be called")]
    NotCallable,
    /// The component is no validator.
    #[error("the component is no validator: it does not export `patinox:tool/validation`")]
    NotAValidator,
    /// A limit stopped the call.
    #[error("{}", limit_message(*name, *allowed, *spent))]
    Limit {
        /// Which.
        name: LimitName,
        /// Its value.
        allowed: u64,
        /// What the call came to, where it is known.
        spent: Option<u64>,
    },
    /// A limit of a call, tighter than the one that was set: this host has
    /// neither the address space nor the slots for more.
    #[error(
        "limit `{name}` reached: this host has room for {}, and {} were needed",
        name.quantity(*allowed), name.quantity(*spent)
    )]
    TooLargeHere {
        /// Which.
        name: LimitName,
        /// What there is room for.
        allowed: u64,
        /// What the call came to.
        spent: u64,
    },
    /// A limit of loading, tighter than the one that was set: there is no
    /// worker to compile what is larger.
    #[error("without a compile worker, {}", limit_message(*name, *allowed, Some(*spent)))]
    NoWorker {
        /// Which.
        name: LimitName,
        /// Its value without a worker.
        allowed: u64,
        /// What the component came to.
        spent: u64,
    },
    /// This machine had too little of something to load the component: another
    /// time it may have more.
    #[error("{}", why.message(*allowed))]
    Starved {
        /// Of what.
        why: Starved,
        /// The limit that was reached, or that counts there.
        allowed: u64,
    },
    /// This host has no compiler, and the artifact store no code that runs
    /// here.
    #[error("this host has no compiler, and {0}")]
    NotPrecompiled(NotPrecompiled),
    /// The compile worker does not work.
    #[error(transparent)]
    Worker(WorkerFault),
    /// The guest trapped.
    #[error("the tool crashed: {}", bounded(reason))]
    Trap {
        /// The engine's word for it.
        reason: String,
    },
    /// The guest's stack overflowed.
    #[error("the tool crashed: its stack overflowed")]
    Stack,
    /// The tool answered with its error.
    #[error("the tool failed{}{}", if text.is_empty() { "" } else { ": " }, bounded(text))]
    ToolError {
        /// What the tool said: cut at the limit and escaped.
        text: String,
    },
    /// The guest gave what its type does not allow.
    #[error("the tool broke its contract: {}", bounded(reason))]
    InvalidOutput {
        /// In what.
        reason: String,
    },
    /// The guest ended itself.
    #[error("the tool ended itself with status {status}")]
    Exit {
        /// The status that it gave; data, never ours.
        status: u8,
    },
    /// No room for one more instance, and this call may not wait for it.
    #[error("the host is busy")]
    Busy,
    /// The system has no more of something for this process.
    #[error("{}", _0.message())]
    Exhausted(Exhausted, #[source] io::Error),
    /// The system refused what one more instance takes: address space, or
    /// another mapping.
    #[error("the system has no room for one more instance: {0}")]
    NoRoom(String),
    /// Somebody cancelled the call.
    #[error("the call was cancelled")]
    Cancelled,
    /// A fault of the host.
    #[error("the host failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    pub(crate) fn internal(error: wasmtime::Error) -> Self {
        Self::Internal(error.into())
    }

    /// The error that a tool gave, cut at its limit and escaped.
    #[must_use]
    pub fn tool_error(text: &str, limits: &Limits) -> Self {
        let limit = usize::try_from(limits.error_text_bytes).unwrap_or(usize::MAX);
        Self::ToolError {
            text: escaped_within(text, limit.min(MAX_GUEST_TEXT_BYTES)),
        }
    }

    /// The same, of a call that was denied something before: where its component
    /// failed, most likely for that.
    pub(crate) fn after(self, denied: &[Denied]) -> Self {
        if denied.is_empty() || self.fault() != Fault::Component {
            return self;
        }
        let reasons = denied.iter().filter(|denied| denied.explains(&self));
        let denials: Vec<_> = reasons.map(|denied| denied.denial.clone()).collect();
        match denials.is_empty() {
            true => self,
            false => Self::Denied {
                denials,
                failure: Box::new(self),
            },
        }
    }

    /// The same, of a call whose component was refused more by a limit and could have
    /// gone on: where it failed instead, for that.
    pub(crate) fn by_limit(self, refused: Option<(LimitName, u64)>, limits: &Limits) -> Self {
        match refused {
            Some((name, spent)) if self.fault() == Fault::Component => {
                Self::limit(name, limits, Some(spent))
            }
            _ => self,
        }
    }

    /// The error of a limit of a call.
    #[must_use]
    pub fn limit(name: LimitName, limits: &Limits, spent: Option<u64>) -> Self {
        Self::Limit {
            name,
            allowed: limits.get(name).unwrap_or_default(),
            spent,
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Not(kind) => Self::NotAComponent(kind),
            Refused::Imports(names) => Self::MissingImports { names },
            Refused::Limit {
                name,
                allowed,
                found,
            } => Self::Limit {
                name,
                allowed,
                spent: Some(found),
            },
        }
    }
}

impl Failure for Error {
    fn code(&self) -> Code {
        match self {
            Self::NotAComponent(NotAComponent::Asynchronous) => Code::Unsupported,
            Self::NotAComponent(_) => Code::Malformed,
            Self::Unreadable(source) if source.kind() == io::ErrorKind::NotFound => Code::NotFound,
            Self::Folder { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Code::NotFound
            }
            Self::Unreadable(_) | Self::NotAFile { .. } | Self::Folder { .. } => Code::Unreadable,
            Self::MissingImports { .. } | Self::MismatchedImport { .. } => Code::MissingImports,
            Self::NotGranted { .. } | Self::TooEarly { .. } => Code::Denied,
            Self::Denied { denials, .. } => denials.last().map_or(Code::Denied, Failure::code),
            Self::NotCallable | Self::NotAValidator => Code::Unsupported,
            Self::Limit { name, .. }
            | Self::TooLargeHere { name, .. }
            | Self::NoWorker { name, .. } => Code::Limit(*name),
            Self::Starved { why, .. } => Code::Limit(why.limit()),
            Self::Trap { .. } => Code::Trap,
            Self::Stack => Code::Stack,
            Self::ToolError { .. } => Code::ToolError,
            Self::InvalidOutput { .. } => Code::InvalidOutput,
            Self::Exit { .. } => Code::Exit,
            Self::Busy | Self::NoRoom(_) | Self::Exhausted(..) => Code::Busy,
            Self::Cancelled => Code::Cancelled,
            Self::NotPrecompiled(_) => Code::NotPrecompiled,
            Self::Worker(_) | Self::Internal(_) => Code::Internal,
        }
    }

    fn recovery(&self) -> RecoveryStrategy {
        match self {
            // Another tool may do what this one cannot.
            Self::Trap { .. } | Self::Stack | Self::InvalidOutput { .. } | Self::Exit { .. } => {
                RecoveryStrategy::Fallback
            }
            Self::Starved { .. } => RecoveryStrategy::Retry {
                after: Some(STARVED_AFTER),
            },
            Self::Worker(WorkerFault::BrokeOff | WorkerFault::NotStarted(_))
            | Self::Busy
            | Self::NoRoom(_)
            | Self::Exhausted(..)
            | Self::Internal(_) => RecoveryStrategy::Retry { after: None },
            Self::NotAComponent(_)
            | Self::Unreadable(_)
            | Self::NotAFile { .. }
            | Self::MissingImports { .. }
            | Self::MismatchedImport { .. }
            | Self::NotGranted { .. }
            | Self::Denied { .. }
            | Self::Folder { .. }
            | Self::TooEarly { .. }
            | Self::NotCallable
            | Self::NotAValidator
            | Self::Limit { .. }
            | Self::TooLargeHere { .. }
            | Self::NoWorker { .. }
            | Self::NotPrecompiled(_)
            | Self::Worker(_)
            | Self::ToolError { .. }
            | Self::Cancelled => RecoveryStrategy::Fail,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotAComponent(kind) => Some(not_a_component_hint(kind).to_owned()),
            Self::Limit {
                name,
                allowed,
                spent,
            } => limit_hint(*name, *allowed, *spent),
            Self::Starved { why, .. } => Some(why.hint()),
            Self::NoRoom(_) => Some(NO_ROOM_HINT.to_owned()),
            Self::Exhausted(what, _) => Some(what.hint().to_owned()),
            Self::TooLargeHere {
                name: LimitName::Memory,
                ..
            } => Some(MEMORY_HERE_HINT.to_owned()),
            Self::TooLargeHere { .. } => Some(MEMORIES_HERE_HINT.to_owned()),
            Self::NoWorker { .. } => Some(NO_WORKER_HINT.to_owned()),
            Self::Worker(WorkerFault::NotAWorker) => Some(NOT_A_WORKER_HINT.to_owned()),
            Self::MissingImports { names } => Some(match names.iter().all(|n| n.contains('/')) {
                true => MISSING_HINT.to_owned(),
                false => MISSING_FUNCTION_HINT.to_owned(),
            }),
            Self::MismatchedImport { .. } => Some(MISMATCHED_HINT.to_owned()),
            Self::NotGranted { names } => grant_hint(names),
            Self::Denied { denials, .. } => allow_hint(denials),
            Self::Folder { source, .. } => Some(folder_hint(source).to_owned()),
            Self::NotPrecompiled(why) => Some(why.hint().to_owned()),
            Self::NotAValidator => Some(NOT_A_VALIDATOR_HINT.to_owned()),
            _ => None,
        }
    }
}

fn not_a_component(kind: &NotAComponent) -> String {
    match kind {
        NotAComponent::Empty => "not a component but an empty file".to_owned(),
        NotAComponent::CoreModule => "not a component but a core module".to_owned(),
        NotAComponent::Text => "not a component but WebAssembly text".to_owned(),
        NotAComponent::Precompiled => "not a component but precompiled machine code".to_owned(),
        NotAComponent::Asynchronous => "the component is built of asynchronous functions, \
            which this host does not run"
            .to_owned(),
        NotAComponent::CutShort => "the component is cut short".to_owned(),
        NotAComponent::UnknownVersion => "a component of an unknown format version".to_owned(),
        NotAComponent::Unknown => "not a WebAssembly component".to_owned(),
        NotAComponent::TooLarge {
            what,
            found,
            allowed,
        } => format!("the component is too large: {found} {what}, at most {allowed}"),
        NotAComponent::Invalid { reason } => {
            let reason = guest_text(reason);
            format!("the component is invalid: {reason}")
        }
    }
}

fn limit_message(name: LimitName, allowed: u64, spent: Option<u64>) -> String {
    let allowed = name.quantity(allowed);
    let spent = spent.map(|spent| format!(", {} spent", name.quantity(spent)));
    format!(
        "limit `{name}` of {allowed} reached{}",
        spent.unwrap_or_default()
    )
}

fn list(names: &[String]) -> String {
    let shown = names.iter().take(MAX_NAMES);
    let shown: Vec<_> = shown
        .map(|name| format!("`{}`", cut(&escape_line(name), 160)))
        .collect();
    let more = names.len().saturating_sub(MAX_NAMES);
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{rest}", shown.join(", "))
}

/// Text that a guest had a hand in, for one line of a message.
fn guest_text(text: &str) -> String {
    escaped_within(text, MAX_GUEST_TEXT_BYTES)
}

/// Escapes what fits; escaping makes a hostile text many times as long, so it
/// is cut before and after.
fn escaped_within(text: &str, max_bytes: usize) -> String {
    let text = cut(text, max_bytes);
    cut(&escape_line(&text), max_bytes).into_owned()
}

/// A text that is escaped already, with room for our own words around it.
fn bounded(text: &str) -> Cow<'_, str> {
    cut(text, MAX_GUEST_TEXT_BYTES)
}
