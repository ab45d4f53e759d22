//! Tools of handler components: they list them themselves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use patinox_policy::LimitName;
use patinox_sandbox::{Error as SandboxError, GuestToolSpec, Run, Sandbox};
use serde_json::Value;

use crate::checker::MAX_PATTERNS;
use crate::tool::weigh;
use crate::{
    Checker, Error, Mismatch, Tool, ToolAnnotations, ToolCall, ToolResult, ToolSpec, json, spec,
};

/// The longest answer that is parsed where others wait, in bytes: about a
/// millisecond.
const MAX_PARSED_AT_ONCE: usize = 64 << 10;

/// A tool that a component lists.
#[derive(Debug)]
pub(crate) struct Listed {
    sandbox: Sandbox,
    spec: ToolSpec,
    input: Arc<Checker>,
    output: Option<Arc<Checker>>,
}

/// Asks a component for its tools, under all limits and with nothing granted.
pub(crate) async fn list(sandbox: &Sandbox, run: Run) -> Result<Vec<Listed>, Error> {
    let limits = run.limits;
    let listed = sandbox.list_tools(&run).await.result?;
    let bytes = listed.iter().map(text_bytes).sum();
    if limits.result_bytes < bytes {
        // A thousand schemas of 64 KiB would take gigabytes, compiled.
        return Err(SandboxError::limit(LimitName::Result, &limits, Some(bytes)).into());
    }
    let sandbox = sandbox.clone();
    // Compiling a thousand schemas takes a while.
    let task = tokio::task::spawn_blocking(move || {
        let specs = spec::vet(listed, ToolAnnotations::of(&sandbox))?;
        let tools = specs.into_iter().map(|spec| Listed::new(&sandbox, spec));
        let tools: Vec<_> = tools.collect::<Result<_, _>>()?;
        refuse_too_many_patterns(&tools)?;
        Ok(tools)
    });
    let tools: Result<_, String> = task.await.map_err(internal)?;
    tools.map_err(|reason| Error::InvalidList { reason })
}

/// The length of all that a component says of a tool.
fn text_bytes(tool: &GuestToolSpec) -> u64 {
    let optional = [&tool.title, &tool.output_schema];
    let optional = optional.into_iter().filter_map(|text| text.as_deref());
    let texts = [&tool.name, &tool.description, &tool.input_schema];
    let texts = texts.into_iter().map(String::as_str).chain(optional);
    texts.map(|text| text.len() as u64).sum()
}

fn refuse_too_many_patterns(tools: &[Listed]) -> Result<(), String> {
    let checkers = tools
        .iter()
        .flat_map(|tool| [Some(&tool.input), tool.output.as_ref()]);
    let patterns: usize = checkers.flatten().map(|checker| checker.patterns()).sum();
    if patterns > MAX_PATTERNS {
        return Err(format!(
            "its schemas have {patterns} regular expressions, of at most {MAX_PATTERNS}"
        ));
    }
    Ok(())
}

fn internal(error: tokio::task::JoinError) -> Error {
    SandboxError::Internal(error.into()).into()
}

impl Listed {
    fn new(sandbox: &Sandbox, spec: ToolSpec) -> Result<Self, String> {
        let checker = |which: &str, schema: &Value| {
            let checker = Checker::new(schema).map(Arc::new);
            checker.map_err(|why| format!("the {which} schema of tool `{}`: {why}", spec.name))
        };
        let output = spec.output_schema.as_ref();
        Ok(Self {
            input: checker("input", &spec.input_schema)?,
            output: output.map(|schema| checker("output", schema)).transpose()?,
            sandbox: sandbox.clone(),
            spec,
        })
    }

    async fn run(&self, arguments: Value, run: Run) -> ToolResult {
        let started = run.started;
        let bytes = match weigh(&arguments, &run.limits) {
            Ok(bytes) => bytes,
            Err((error, bytes)) => return ToolResult::refused(error, started, bytes),
        };
        let arguments = match checked(&self.input, arguments, &run).await {
            Ok((arguments, Ok(()))) => arguments,
            Ok((_, Err(mismatch))) => return ToolResult::refused(mismatch.into(), started, bytes),
            Err(error) => return ToolResult::refused(error, started, bytes),
        };
        let text = arguments.to_string();
        drop(arguments);
        let mut outcome = self.sandbox.call_tool(&self.spec.name, &text, &run).await;
        outcome.usage.arguments_bytes = bytes;
        let result = match outcome.result {
            Ok(answer) => self.read(answer, &run).await,
            Err(error) => Err(error.into()),
        };
        // Reading the answer counts too: the limit holds to the finished result.
        let result = result.and_then(|answer| {
            if deadline(&run) < Instant::now() {
                Err(past(&run))
            } else {
                Ok(answer)
            }
        });
        outcome.usage.wall = started.elapsed();
        ToolResult {
            result,
            usage: outcome.usage,
            output: outcome.output,
            denials: outcome.denials,
            uses: outcome.uses,
        }
    }

    /// Reads an answer as the text of a stranger.
    async fn read(&self, answer: String, run: &Run) -> Result<Value, Error> {
        let limit = run.limits.result_bytes;
        let answer = if answer.len() <= MAX_PARSED_AT_ONCE {
            json::parse(answer, limit)
        } else {
            in_time(run, move || json::parse(answer, limit)).await?
        };
        let answer = answer.map_err(|error| broken(format!("its answer is {error}")))?;
        let Some(output) = &self.output else {
            return Ok(answer);
        };
        let (answer, verdict) = checked(output, answer, run).await?;
        verdict.map_err(|mismatch| broken(mismatch.said_of("its answer", "its answer's ")))?;
        Ok(answer)
    }
}

fn broken(reason: String) -> Error {
    SandboxError::InvalidOutput { reason }.into()
}

/// Checks a value, on a thread of its own where that may take long: the caller
/// has his answer in time, while the thread ends at the bound of one check.
async fn checked(
    checker: &Arc<Checker>,
    value: Value,
    run: &Run,
) -> Result<(Value, Result<(), Mismatch>), Error> {
    if !checker.is_heavy(&value) {
        let verdict = checker.check(&value);
        return Ok((value, verdict));
    }
    let checker = Arc::clone(checker);
    in_time(run, move || {
        let verdict = checker.check(&value);
        (value, verdict)
    })
    .await
}

/// Does work on a thread of its own; the wall limit and the call's cancel hold
/// here too.
async fn in_time<T: Send + 'static>(
    run: &Run,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let task = tokio::task::spawn_blocking(work);
    tokio::select! {
        done = task => done.map_err(internal),
        () = run.cancel.cancelled() => Err(SandboxError::Cancelled.into()),
        () = tokio::time::sleep_until(deadline(run).into()) => Err(past(run)),
    }
}

fn deadline(run: &Run) -> Instant {
    run.started + Duration::from_millis(run.limits.wall_ms)
}

fn past(run: &Run) -> Error {
    let spent = Instant::now().duration_since(run.started).as_millis();
    let spent = u64::try_from(spent).ok();
    SandboxError::limit(LimitName::Wall, &run.limits, spent).into()
}

impl Tool for Listed {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn check(&self, arguments: &Value) -> Result<(), Error> {
        Ok(self.input.check(arguments)?)
    }

    fn is_heavy(&self, arguments: &Value) -> bool {
        self.input.is_heavy(arguments)
    }

    fn check_result(&self, result: &Value) -> Result<(), String> {
        let checked = self.output.as_ref().map(|output| output.check(result));
        let said = |mismatch: Mismatch| mismatch.said_of("the result", "the result's ");
        checked.transpose().map(drop).map_err(said)
    }

    fn call(&self, call: ToolCall) -> BoxFuture<'_, ToolResult> {
        let (arguments, run) = call.into_parts();
        Box::pin(self.run(arguments, run))
    }
}
