//! A component ready to run, and what comes of a call.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patinox_policy::{Access, Denial, LimitName, Limits, Policy, Usage};
use patinox_resources::Shared;
use patinox_telemetry::{CallId, Clock};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use wasmtime::component::Val;

use crate::approval::Approving;
use crate::authority::Authority;
use crate::bindings::handler::exports::patinox::tool::handler::{ToolError, ToolSpec};
use crate::component::Component;
use crate::engine::Engine;
use crate::error::{Error, Raised};
use crate::imports;
use crate::inspect::Export;
use crate::instance::Instance;
use crate::types::ValueType;
use crate::value::{self, Arguments, Room, Unencodable};

/// What a guest reports of its progress, escaped and cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How much is done, in the guest's own unit.
    pub done: u64,
    /// How much there is to do in all, where the guest knows it.
    pub total: Option<u64>,
    /// A line for people.
    pub message: Option<String>,
}

/// Takes progress reports, on the thread of the call: it must not block.
pub type ProgressSink = Arc<dyn Fn(Progress) + Send + Sync>;

/// What one call runs under.
#[derive(Clone)]
pub struct Run {
    /// The call's id; the guest may ask for it.
    pub id: CallId,
    /// Its ceilings.
    pub limits: Limits,
    /// When it asked to be admitted; `wall` counts from here.
    pub started: Instant,
    /// Ends the call when it is cancelled.
    pub cancel: CancellationToken,
    /// Takes the guest's progress reports.
    pub progress: Option<ProgressSink>,
    /// Whether [`Outcome::uses`] is wanted.
    pub observe: bool,
    /// Who is asked about what is not granted; without one nobody is.
    pub approving: Option<Approving>,
}

impl Run {
    /// A run that begins now.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            id: CallId::new(Clock::system().wall()),
            limits,
            started: Instant::now(),
            cancel: CancellationToken::new(),
            progress: None,
            observe: false,
            approving: None,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.ends().at()
    }

    pub(crate) fn ends(&self) -> Ends {
        Ends {
            soonest: self.started + Duration::from_millis(self.limits.wall_ms),
            approving: self.approving.clone(),
        }
    }

    /// How long it has waited for somebody's answer, which is no time of its own.
    pub(crate) fn has_waited(&self) -> Duration {
        let approving = self.approving.as_ref();
        approving.map_or(Duration::ZERO, Approving::has_waited)
    }
}

/// When a run is over at the latest: later, once it has waited for somebody's answer.
#[derive(Debug)]
pub(crate) struct Ends {
    soonest: Instant,
    approving: Option<Approving>,
}

impl Ends {
    pub(crate) fn at(&self) -> Instant {
        let waited = self.approving.as_ref().map(Approving::has_waited);
        self.soonest + waited.unwrap_or_default()
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("id", &self.id)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What came of a call: what was spent and said is told in either case.
#[derive(Debug)]
pub struct Outcome<T> {
    /// The answer, or why there is none.
    pub result: Result<T, Error>,
    /// What the call spent.
    pub usage: Usage,
    /// What the guest wrote.
    pub output: GuestOutput,
    /// What it asked to do and was not allowed to, each once; of many the first ones.
    pub denials: Vec<Denial>,
    /// What it did by a grant, each once; of many the first ones. Only where the run
    /// observes it.
    pub uses: Vec<Access>,
}

/// What a guest wrote beside its result: hostile text, each cut with a mark at
/// its limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuestOutput {
    /// Standard output, as written.
    pub stdout: String,
    /// Standard error, as written.
    pub stderr: String,
    /// Log lines: level, context, message, escaped.
    pub log: String,
}

/// A tool as a handler component lists it: hostile text, unchecked.
#[derive(Clone, Debug)]
pub struct GuestToolSpec {
    /// The name to call it by.
    pub name: String,
    /// The name to show.
    pub title: Option<String>,
    /// What it does.
    pub description: String,
    /// JSON Schema of the arguments, as text.
    pub input_schema: String,
    /// JSON Schema of the result, as text.
    pub output_schema: Option<String>,
    /// What it claims of its effects.
    pub annotations: Option<GuestAnnotations>,
}

/// What a tool claims of its effects; `None` claims nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct GuestAnnotations {
    /// It changes nothing.
    pub read_only: Option<bool>,
    /// It may delete or overwrite.
    pub destructive: Option<bool>,
    /// A second call changes nothing more.
    pub idempotent: Option<bool>,
    /// It reaches things outside the host.
    pub open_world: Option<bool>,
}

/// A component with what it may do, ready to run.
///
/// Every call gets an instance of its own: no state survives it. Cheap to
/// clone; calls may run at the same time.
#[derive(Clone, Debug)]
pub struct Sandbox {
    component: Component,
    policy: Shared<Policy>,
}

impl Sandbox {
    /// Looks whether the folders that a policy grants are there and can be granted. It
    /// waits for the disk.
    ///
    /// # Errors
    ///
    /// If one is not there or no folder, may not be opened, is one of the kernel's own
    /// (`/proc`, `/sys`), or the kernel resolves no paths below a folder (Linux before
    /// 5.6); if it holds one of the host's own folders, or lies in one, or is to be
    /// written and holds one of its own files; if the engine has
    /// no place for folders of calls where one is granted.
    pub fn check_folders(
        engine: &Engine,
        policy: &Policy,
        own: (&[PathBuf], &[PathBuf]),
    ) -> Result<(), Error> {
        imports::check_folders(engine.scratch(), policy, own)
    }

    /// Makes a sandbox, in which the component may do what its policy grants.
    ///
    /// # Errors
    ///
    /// If the component imports an interface of the embedder's that was not granted.
    pub fn new(component: Component, policy: Policy) -> Result<Self, Error> {
        let names = component.not_granted(policy.granted());
        let policy = Shared::new(policy);
        match names.is_empty() {
            true => Ok(Self { component, policy }),
            false => Err(Error::NotGranted { names }),
        }
    }

    /// What the component may do at this moment.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.load()
    }

    /// Says what the component may do from now on, in calls that run as well: each thing
    /// that a guest does is decided by the policy of that moment, and what it has open is
    /// closed where that has no grant of it any more. What is granted of folders counts
    /// from the next call on.
    ///
    /// Whether the folders are there is not looked at: [`check_folders`](Self::check_folders).
    pub fn set_policy(&self, policy: Policy) {
        self.policy.replace(policy);
    }

    /// The same, for one call; what it uses of that is kept where it is observed.
    pub(crate) fn authority(&self, run: &Run) -> Authority {
        let engine = self.component.engine().clone();
        Authority::new(self.policy.clone(), engine, run)
    }

    /// The component that runs in it.
    #[must_use]
    pub const fn component(&self) -> &Component {
        &self.component
    }

    /// Calls an exported function.
    ///
    /// Where the function returns a `result`, its error is
    /// [`Error::ToolError`] and the answer is what `ok` carries.
    ///
    /// # Errors
    ///
    /// In the outcome: a limit, a trap, a cancel, or the tool's own error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the guest and frees all it held.
    pub async fn call(&self, export: &Export, arguments: &Arguments, run: &Run) -> Outcome<Value> {
        let Ok(ty) = &export.ty else {
            return Instance::refuse(run, Error::NotCallable);
        };
        let mut instance = match Instance::new(self, run).await {
            Ok(instance) => instance,
            Err(outcome) => return *outcome,
        };
        instance.bound_values(ty.result.as_ref());
        let mut results = vec![Val::Bool(false); usize::from(ty.result.is_some())];
        let called = instance
            .call(export.position, &arguments.0, &mut results)
            .await;
        let answered = called.and_then(|()| answer(ty.result.as_ref(), results.pop(), &run.limits));
        match answered {
            Ok((json, result_bytes)) => instance.finish(Ok(json), result_bytes),
            Err(raised) => instance.finish(Err(raised), 0),
        }
    }

    /// Asks a handler component for its tools.
    ///
    /// # Errors
    ///
    /// In the outcome, as [`Self::call`].
    ///
    /// # Cancel safety
    ///
    /// As [`Self::call`].
    pub async fn list_tools(&self, run: &Run) -> Outcome<Vec<GuestToolSpec>> {
        let mut instance = match Instance::new(self, run).await {
            Ok(instance) => instance,
            Err(outcome) => return *outcome,
        };
        instance.grant_nothing();
        let listed = instance
            .handle(async |guest, store| guest.patinox_tool_handler().call_list_tools(store).await)
            .await;
        let specs = listed.map(|specs| specs.into_iter().map(GuestToolSpec::from).collect());
        instance.finish(specs, 0)
    }

    /// Calls a tool of a handler component. The answer is the JSON text that
    /// the guest gave, unchecked but for its length.
    ///
    /// # Errors
    ///
    /// In the outcome, as [`Self::call`].
    ///
    /// # Cancel safety
    ///
    /// As [`Self::call`].
    pub async fn call_tool(&self, name: &str, arguments: &str, run: &Run) -> Outcome<String> {
        let mut instance = match Instance::new(self, run).await {
            Ok(instance) => instance,
            Err(outcome) => return *outcome,
        };
        let arguments = arguments.to_owned();
        let called = instance
            .handle(async |guest, store| {
                guest
                    .patinox_tool_handler()
                    .call_call_tool(store, name, &arguments)
                    .await
            })
            .await;
        let result = called.and_then(|answer| match answer {
            Ok(json) => within(json.len(), run.limits.result_bytes).map(|len| (json, len)),
            Err(error) => Err(Raised::Tool(tool_error(error))),
        });
        match result {
            Ok((json, result_bytes)) => instance.finish(Ok(json), result_bytes),
            Err(raised) => instance.finish(Err(raised), 0),
        }
    }
}

/// Turns what a function returned into the tool's answer and its length.
fn answer(
    ty: Option<&ValueType>,
    value: Option<Val>,
    limits: &Limits,
) -> Result<(Value, u64), Raised> {
    let mut room = Room::new(limits.result_bytes, limits.hostcall_bytes / 2);
    let json = match (ty, value) {
        (Some(ValueType::Result { ok, .. }), Some(Val::Result(Ok(value)))) => {
            encode_side(ok.as_deref(), value, &mut room)?
        }
        (Some(ValueType::Result { err, .. }), Some(Val::Result(Err(value)))) => {
            return Err(Raised::Tool(error_text(&encode_side(
                err.as_deref(),
                value,
                &mut room,
            )?)));
        }
        (Some(ty), Some(value)) => encode(ty, value, &mut room)?,
        _ => Value::Null,
    };
    match value::json_len(&json, limits.result_bytes) {
        Ok(len) => Ok((json, len)),
        Err(spent) => Err(Raised::Limit(LimitName::Result, Some(spent))),
    }
}

fn encode_side(
    ty: Option<&ValueType>,
    value: Option<Box<Val>>,
    room: &mut Room,
) -> Result<Value, Raised> {
    match (ty, value) {
        (Some(ty), Some(value)) => encode(ty, *value, room),
        _ => Ok(Value::Null),
    }
}

fn encode(ty: &ValueType, value: Val, room: &mut Room) -> Result<Value, Raised> {
    value::encode(ty, value, room).map_err(|error| match error {
        Unencodable::TooLong => Raised::Limit(LimitName::Result, None),
        Unencodable::TooLarge => Raised::Limit(LimitName::HostcallBytes, None),
        Unencodable::Mismatch { .. } => Raised::Output(error.to_string()),
    })
}

fn within(len: usize, limit: u64) -> Result<u64, Raised> {
    let len = u64::try_from(len).unwrap_or(u64::MAX);
    if limit < len {
        return Err(Raised::Limit(LimitName::Result, Some(len)));
    }
    Ok(len)
}

/// The error of a tool as text: a string as it is, anything else as JSON.
fn error_text(error: &Value) -> String {
    match error {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn tool_error(error: ToolError) -> String {
    match error {
        ToolError::UnknownTool => "unknown tool".to_owned(),
        ToolError::InvalidArguments(text) => format!("invalid arguments: {text}"),
        ToolError::Unavailable(text) => format!("unavailable: {text}"),
        ToolError::Failed(text) => text,
    }
}

impl From<ToolSpec> for GuestToolSpec {
    fn from(spec: ToolSpec) -> Self {
        Self {
            name: spec.name,
            title: spec.title,
            description: spec.description,
            input_schema: spec.input_schema,
            output_schema: spec.output_schema,
            annotations: spec.annotations.map(|claims| GuestAnnotations {
                read_only: claims.read_only,
                destructive: claims.destructive,
                idempotent: claims.idempotent,
                open_world: claims.open_world,
            }),
        }
    }
}
