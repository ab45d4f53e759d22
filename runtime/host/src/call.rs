//! One call, from its request to the event that records it.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use patinox_policy::{Access, Denial, Limits, Principal, Usage, cut, escape_line};
use patinox_sandbox::{Approver, GuestOutput, ProgressSink};
use patinox_telemetry::{CallEnded, CallId, Event, Outcome, trace};
use patinox_tools::{Judgement, Tool, ToolCall, Validated};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::admission::{self, Entered, MemoryClass, NotAdmitted, Priority};
use crate::audit;
use crate::host::Parts;
use crate::prompt::{Asks, Prompt};
use crate::{Loaded, PatinoxError};

/// The longest name of a tool that an event repeats, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// The longest text about an answer of another type, in bytes.
const MAX_MISFIT_BYTES: usize = 1 << 10;

/// What to call, with what, under which limits.
#[derive(Clone)]
pub struct Request {
    tool: Option<String>,
    arguments: Value,
    /// Whether `serde_json` wrote the arguments of a Rust value.
    typed: bool,
    limits: Option<Limits>,
    cancel: CancellationToken,
    progress: Option<ProgressSink>,
    observe: bool,
    prompt: Option<Arc<dyn Prompt>>,
    principal: Principal,
    priority: Priority,
}

impl Request {
    pub(crate) const fn arguments(&self) -> &Value {
        &self.arguments
    }

    pub(crate) const fn asked_by(&self) -> &Principal {
        &self.principal
    }

    /// A request for a tool by its name, with its arguments as an object.
    #[must_use]
    pub fn new(tool: impl Into<String>, arguments: Value) -> Self {
        Self {
            tool: Some(tool.into()),
            ..Self::only(arguments)
        }
    }

    /// A request for a tool by its name, with a Rust value as its arguments: see
    /// [`Host::call_typed`](crate::Host::call_typed).
    ///
    /// # Errors
    ///
    /// If the value has no form in JSON.
    pub fn typed(tool: impl Into<String>, input: impl Serialize) -> Result<Self, PatinoxError> {
        let arguments = serde_json::to_value(input).map_err(PatinoxError::Untyped)?;
        let arguments = match arguments {
            Value::Null => Value::Object(Map::new()),
            arguments => arguments,
        };
        Ok(Self {
            typed: true,
            ..Self::new(tool, arguments)
        })
    }

    /// A request for the only tool of a component.
    #[must_use]
    pub fn only(arguments: Value) -> Self {
        Self {
            tool: None,
            arguments,
            typed: false,
            limits: None,
            cancel: CancellationToken::new(),
            progress: None,
            observe: false,
            prompt: None,
            principal: Principal::local(),
            priority: Priority::default(),
        }
    }

    /// Runs under these limits instead of the host's.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Asks in somebody's name; without it, in the local principal's.
    #[must_use]
    pub fn principal(mut self, principal: Principal) -> Self {
        self.principal = principal;
        self
    }

    /// Says how soon it is wanted.
    #[must_use]
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Ends when the token is cancelled, also while it waits for its turn.
    #[must_use]
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// Keeps what the guest does by its grants: [`Called::uses`].
    #[must_use]
    pub const fn observe(mut self) -> Self {
        self.observe = true;
        self
    }

    /// Has a person asked, while the call waits, about folders and namespaces that it is
    /// not granted. Without it everything that is not granted is refused at once.
    #[must_use]
    pub fn prompt(mut self, prompt: Arc<dyn Prompt>) -> Self {
        self.prompt = Some(prompt);
        self
    }

    /// Hands progress reports to a sink, on the thread of the call: it must
    /// not block.
    #[must_use]
    pub fn progress(mut self, sink: ProgressSink) -> Self {
        self.progress = Some(sink);
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The arguments may hold what must not reach a log.
        f.debug_struct("Request")
            .field("tool", &self.tool)
            .field("limits", &self.limits)
            .field("principal", &self.principal)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}

/// What came of a call: what was spent and said is told in either case.
#[derive(Debug)]
pub struct Called {
    /// The call's id, which its event carries too.
    pub id: CallId,
    /// The answer, or why there is none.
    pub result: Result<Value, PatinoxError>,
    /// What the call spent.
    pub usage: Usage,
    /// What the guest wrote beside its answer: hostile text.
    pub output: GuestOutput,
    /// What the guest asked to do and was not allowed to, each once; of many the first
    /// ones.
    pub denials: Vec<Denial>,
    /// What the guest did by a grant, each once; of many the first ones. Only where the
    /// request [observes](Request::observe) it.
    pub uses: Vec<Access>,
    /// What validators said of it, in that order.
    pub judgements: Vec<Judgement>,
}

impl Called {
    fn of(
        id: CallId,
        done: Result<Validated, PatinoxError>,
        now: Instant,
        started: Instant,
    ) -> Self {
        match done {
            Ok(Validated { done, judgements }) => Self {
                id,
                judgements,
                result: done.result.map_err(PatinoxError::from),
                usage: done.usage,
                output: done.output,
                denials: done.denials,
                uses: done.uses,
            },
            Err(error) => Self::never_ran(id, error, now.saturating_duration_since(started)),
        }
    }

    /// One of which no guest ran.
    fn never_ran(id: CallId, error: PatinoxError, wall: Duration) -> Self {
        Self {
            id,
            result: Err(error),
            usage: Usage {
                wall,
                ..Usage::default()
            },
            output: GuestOutput::default(),
            denials: Vec::new(),
            uses: Vec::new(),
            judgements: Vec::new(),
        }
    }

    /// The answer as a Rust value.
    ///
    /// # Errors
    ///
    /// The call's own, or `caller/mistyped` if the answer does not fit.
    pub fn typed<Out: DeserializeOwned>(self) -> Result<Out, PatinoxError> {
        let answer = patinox_sandbox::from_json(self.result?);
        answer.map_err(|error| {
            let reason = escape_line(&error.to_string()).into_owned();
            let reason = cut(&reason, MAX_MISFIT_BYTES).into_owned();
            PatinoxError::Mistyped { reason }
        })
    }
}

pub(crate) async fn call(parts: &Parts, component: &Loaded, request: Request) -> Called {
    // A call that need not wait never gives others their turn, and neither
    // would a loop of such calls.
    tokio::task::coop::consume_budget().await;
    let clock = parts.config.clock;
    // Until the event is recorded.
    let _begun = parts.running.begin();
    let (started_at, started) = (clock.wall(), clock.monotonic());
    let id = CallId::new(started_at);
    let found = find(component, request.tool.as_deref());
    let name = match &found {
        Ok(tool) => tool.spec().name.clone(),
        Err(_) => {
            let asked = request.tool.as_deref().unwrap_or_default();
            cut(asked, MAX_NAME_BYTES).into_owned()
        }
    };
    let span = trace::call_span(id, &name, component.digest());
    let begun = match &parts.config.audit {
        None => Ok(None),
        Some(log) => Box::pin(audit::begin(parts, log, component, (id, &name), &request)).await,
    };
    let called = match begun {
        Ok(begun) => {
            let done = match found {
                Ok(tool) => {
                    let who = (request.principal.clone(), request.priority);
                    let call = tool_call(parts, component, &**tool, request, (id, started));
                    let call = pin!(admitted(parts, component, tool, call, who));
                    let run = parts.running.run(call);
                    run.instrument(span.clone()).await
                }
                Err(error) => Err(error.into()),
            };
            let called = Called::of(id, done, clock.monotonic(), started);
            if let Some(begun) = begun {
                Box::pin(begun.ended(&called)).await;
            }
            called
        }
        Err(error) => Called::never_ran(id, error.into(), Duration::ZERO),
    };
    parts.record_judgements(id, &called.judgements);
    let outcome = outcome(&called);
    trace::ended(&span, &outcome);
    parts.record(&Event::CallEnded(CallEnded {
        call: id,
        component: component.digest().to_owned(),
        tool: name,
        outcome,
        usage: called.usage,
        started_at,
    }));
    called
}

/// What a tool is called with.
fn tool_call(
    parts: &Parts,
    component: &Loaded,
    tool: &dyn Tool,
    request: Request,
    (id, started): (CallId, Instant),
) -> ToolCall {
    let mut arguments = request.arguments;
    if request.typed {
        tool.adapt(&mut arguments);
    }
    ToolCall {
        id,
        arguments,
        limits: request.limits.unwrap_or(parts.config.limits),
        started,
        cancel: request.cancel,
        progress: request.progress,
        observe: request.observe,
        approver: asks(component, &tool.spec().name, (id, request.prompt)),
    }
}

/// What asks for one call, if somebody is to be asked, and the component can be granted
/// something.
fn asks(
    component: &Loaded,
    tool: &str,
    (call, prompt): (CallId, Option<Arc<dyn Prompt>>),
) -> Option<Arc<dyn Approver>> {
    let (prompt, effective) = (prompt?, component.effective()?);
    Some(Arc::new(Asks {
        prompt,
        effective: Arc::clone(effective),
        call,
        tool: tool.to_owned(),
    }))
}

/// Calls a tool once it may begin. The permit is held until the result is
/// there, encoded.
async fn admitted(
    parts: &Parts,
    component: &Loaded,
    tool: &Arc<dyn Tool>,
    call: ToolCall,
    (principal, priority): (Principal, Priority),
) -> Result<Validated, PatinoxError> {
    let limits = call.limits;
    let validators = component.validators();
    let request = admission::Request {
        component: component.shared_digest(),
        tool: Some(&tool.spec().name),
        principal,
        memory_class: memory_class(component, &limits),
        priority,
        started: call.started,
        deadline: call.started + Duration::from_millis(limits.wall_ms),
    };
    if call.cancel.is_cancelled() {
        return Err(patinox_sandbox::Error::Cancelled.into());
    }
    let late = |why: NotAdmitted| why.explain(&limits, call.started);
    // Most calls need not wait, and then nothing listens for the cancel.
    let entered = parts.gate.enter(request, || held_bytes(&call.arguments));
    let permit = match entered.map_err(late)? {
        Entered::Runs(permit) => permit,
        Entered::Waits(waiting) => {
            let turn = Box::pin(call.cancel.run_until_cancelled(waiting.turn()));
            let cancelled = patinox_sandbox::Error::Cancelled;
            turn.await.ok_or(cancelled)?.map_err(late)?
        }
    };
    let done = match validators.is_empty() {
        true => contained(tool.call(call)).await.map(Validated::from),
        // What judges is large, and most calls are not judged.
        false => {
            let of = component.component().map(|_| component.shared_digest());
            let nobody = Arc::default();
            let judged = validators.call((tool, of.unwrap_or(&nobody)), call);
            Box::pin(contained(judged)).await
        }
    };
    drop(permit);
    done
}

/// What the call is counted as: the largest instance of it, as one lives at a time.
fn memory_class(component: &Loaded, limits: &Limits) -> MemoryClass {
    let judging = component.validators().memory_bytes();
    match component.component() {
        None if judging == 0 => MemoryClass::None,
        None => MemoryClass::of(&Limits {
            memory_bytes: judging,
            ..*limits
        }),
        Some(_) => MemoryClass::of(&Limits {
            memory_bytes: judging.max(limits.memory_bytes),
            ..*limits
        }),
    }
}

/// About how much memory a value takes up, in bytes: not what its text has.
fn held_bytes(value: &Value) -> u64 {
    /// A key of an object: its text and its place in the tree.
    const KEY_BYTES: usize = 64;
    let mut bytes = 0_usize;
    // However deep it is.
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        bytes = bytes.saturating_add(size_of::<Value>());
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => bytes = bytes.saturating_add(text.capacity()),
            Value::Array(values) => left.extend(values),
            Value::Object(fields) => {
                for (key, value) in fields {
                    bytes = bytes.saturating_add(KEY_BYTES).saturating_add(key.len());
                    left.push(value);
                }
            }
        }
    }
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Turns a panic of the engine, or of a tool of an embedder, into the error of
/// this call alone. Panics in imports never come this far.
async fn contained<T>(call: impl Future<Output = T>) -> Result<T, PatinoxError> {
    AssertUnwindSafe(call)
        .catch_unwind()
        .await
        .map_err(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            PatinoxError::Worker(
                text.unwrap_or_else(|| "a panic without a text".to_owned())
                    .into(),
            )
        })
}

fn find<'a>(
    component: &'a Loaded,
    name: Option<&str>,
) -> Result<&'a Arc<dyn Tool>, patinox_tools::Error> {
    match name {
        Some(name) => component.tools().get(name),
        None => component.tools().only(),
    }
}

fn outcome(called: &Called) -> Outcome {
    match &called.result {
        Ok(_) => Outcome::Ok,
        Err(error) => Outcome::failed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use patinox_policy::Failure as _;

    #[test]
    fn a_value_is_weighed_by_what_it_takes_up() {
        let word = size_of::<Value>() as u64;
        let weigh = |text: &str| held_bytes(&serde_json::from_str(text).expect("JSON"));
        assert_eq!(weigh("null"), word);
        // Two bytes each as text.
        assert_eq!(weigh(&format!("[0{}]", ",0".repeat(999))), 1_001 * word);
        let text = weigh(&format!("\"{}\"", "x".repeat(1_000)));
        assert!((1_000..1_100 + word).contains(&text), "{text}");
        assert!(weigh(r#"{"a": {"b": 1}}"#) > 3 * word + 128);
        // No recursion: as deep as memory bears.
        let mut deep = Value::Null;
        for _ in 0..100_000 {
            deep = Value::Array(vec![deep]);
        }
        assert_eq!(held_bytes(&deep), 100_001 * word);
        // Nor does its end recurse.
        while let Value::Array(mut inner) = deep {
            deep = inner.pop().unwrap_or_default();
        }
    }

    #[tokio::test]
    async fn a_panic_ends_its_own_call() {
        let done = contained(async { panic!("out of order") }).await;
        let error = done.expect_err("the call has no result");
        assert_eq!(error.code().as_str(), "host/internal");
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("out of order"));
    }
}
