//! The order of the steps of a call that is judged.

mod held;
mod layer;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patinox_policy::{Limits, Position};
use patinox_sandbox::{
    Error as SandboxError, FinishedCall, GuestOutput, Judging, ProposedCall, Subject, ToolRef,
};
use serde_json::Value;

use crate::judgement::{Judgement, ValidationStage};
use crate::tool::weigh;
use crate::{Error, Tool, ToolCall, ToolResult, Validator, json};
use held::Held;
pub use layer::{ToolRequest, ValidatedService};

/// What may take the place of diagnostics beside what the limits of the three outputs
/// allow, in bytes: progress, and what was denied and used.
const MAX_REST_BYTES: u64 = 64 << 10;

/// Validators in their order, each before a tool, after it, or both. Cheap to clone.
///
/// A later one sees what an earlier one has put in the place of something, and nothing
/// else; so the one that must have the last word stands last.
#[derive(Clone, Debug, Default)]
pub struct Validators(Arc<[(Position, Arc<dyn Validator>)]>);

/// What came of a call that was judged.
#[derive(Debug)]
pub struct Validated {
    /// What its caller may see.
    pub done: ToolResult,
    /// What the validators said, in that order.
    pub judgements: Vec<Judgement>,
}

impl From<ToolResult> for Validated {
    /// Of a call that nobody judged.
    fn from(done: ToolResult) -> Self {
        Self {
            done,
            judgements: Vec::new(),
        }
    }
}

impl Validators {
    /// The same, and then this one.
    #[must_use]
    pub fn and(&self, position: Position, validator: Arc<dyn Validator>) -> Self {
        let all = self.0.iter().cloned();
        Self(all.chain([(position, validator)]).collect())
    }

    /// The same, and then all of these.
    #[must_use]
    pub fn and_all(&self, others: &Self) -> Self {
        Self(self.0.iter().chain(&*others.0).cloned().collect())
    }

    /// The most memory of a guest that one of their judgements takes.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        let each = self.0.iter().map(|(_, validator)| validator.memory_bytes());
        each.max().unwrap_or(0)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each with its place.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Position, &Arc<dyn Validator>)> {
        self.0
            .iter()
            .map(|(position, validator)| (*position, validator))
    }

    fn at(&self, position: Position) -> impl Iterator<Item = &dyn Validator> {
        let is_there = move |at: Position| at == position || at == Position::Both;
        let here = self.0.iter().filter(move |(at, _)| is_there(*at));
        here.map(|(_, validator)| &**validator)
    }

    /// Calls a tool of that component (empty for one in the host's own code) and has its
    /// arguments judged before it, its result and all else that it leaves after it. Until
    /// then nobody sees any of that, progress included.
    ///
    /// What is put in the place of the arguments or the result passes the limits and the
    /// tool's schema again. The time of validators is none of the tool's. Without a
    /// validator this is a call and no more.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends what runs and frees all it held.
    pub async fn call(
        &self,
        (tool, component): (&Arc<dyn Tool>, &Arc<str>),
        call: ToolCall,
    ) -> Validated {
        let called = async |call| Ok::<_, Infallible>(tool.call(call).await);
        match self.around((tool, component), call, called).await {
            Ok(validated) => validated,
            Err(never) => match never {},
        }
    }

    /// The same around whatever calls the tool.
    async fn around<E>(
        &self,
        (tool, component): (&Arc<dyn Tool>, &Arc<str>),
        call: ToolCall,
        inner: impl AsyncFnOnce(ToolCall) -> Result<ToolResult, E>,
    ) -> Result<Validated, E> {
        let mut judge = Judge {
            validators: self,
            tool,
            subject: ToolRef {
                name: tool.spec().name.as_str().into(),
                component: Arc::clone(component),
            },
            limits: call.limits,
            judging: Judging {
                call: call.id,
                until: Instant::now(),
                most_bytes: call.limits.arguments_bytes.max(call.limits.result_bytes),
                cancel: call.cancel.clone(),
            },
            judgements: Vec::new(),
        };
        let done = judge.run(call, inner).await?;
        Ok(Validated {
            done,
            judgements: judge.judgements,
        })
    }
}

/// One call, as it is judged.
struct Judge<'a> {
    validators: &'a Validators,
    tool: &'a Arc<dyn Tool>,
    subject: ToolRef,
    limits: Limits,
    judging: Judging,
    judgements: Vec<Judgement>,
}

impl Judge<'_> {
    async fn run<E>(
        &mut self,
        mut call: ToolCall,
        inner: impl AsyncFnOnce(ToolCall) -> Result<ToolResult, E>,
    ) -> Result<ToolResult, E> {
        let bytes = match weigh(&call.arguments, &call.limits) {
            Ok(bytes) => bytes,
            Err((error, bytes)) => return Ok(ToolResult::refused(error, call.started, bytes)),
        };
        let began = Instant::now();
        let arguments = match self.before(&mut call).await {
            Ok(arguments) => arguments,
            Err(error) => return Ok(ToolResult::refused(error, call.started, bytes)),
        };
        call.started += began.elapsed();
        let held = Held::of(&mut call);
        let mut done = inner(call).await?;
        if let Err(error) = self.after(&arguments, &mut done, &held).await {
            done.result = Err(error);
            empty(&mut done);
            return Ok(done);
        }
        held.tell();
        Ok(done)
    }

    /// Has the arguments judged; what the tool gets, as text.
    async fn before(&mut self, call: &mut ToolCall) -> Result<Arc<str>, Error> {
        // The arguments of a call that waits for a person, or for its turn, are as old as
        // that.
        self.until(call.limits.wall_ms);
        let arguments = self.checked(std::mem::take(&mut call.arguments)).await?;
        let mut text: Arc<str> = arguments.to_string().into();
        call.arguments = arguments;
        for validator in self.validators.at(Position::Before) {
            let subject = Subject::ToolCall(ProposedCall {
                tool: self.subject.clone(),
                arguments: Arc::clone(&text),
            });
            let Some(other) = self
                .ask(validator, ValidationStage::ToolCall, &subject)
                .await?
            else {
                continue;
            };
            let parsed = json::parse(other, self.limits.arguments_bytes);
            let other = match parsed {
                Ok(other) => self.checked(other).await,
                Err(error) => Err(error.into()),
            };
            match other {
                Ok(other) => {
                    text = other.to_string().into();
                    call.arguments = other;
                }
                Err(error) => return Err(self.does_not_hold(&error.to_string(), error)),
            }
        }
        Ok(text)
    }

    /// Has all judged that a call leaves.
    async fn after(
        &mut self,
        arguments: &Arc<str>,
        done: &mut ToolResult,
        held: &Held,
    ) -> Result<(), Error> {
        if let Err(Error::Sandbox(SandboxError::Cancelled)) = &done.result {
            // Nobody waits for it any more, and nothing is shown.
            empty(done);
            held.drop_all();
            return Ok(());
        }
        self.until(self.limits.wall_ms);
        for validator in self.validators.at(Position::After) {
            self.judge_result(validator, arguments, done).await?;
            self.judge_diagnostics(validator, done, held).await?;
        }
        Ok(())
    }

    async fn judge_result(
        &mut self,
        validator: &dyn Validator,
        arguments: &Arc<str>,
        done: &mut ToolResult,
    ) -> Result<(), Error> {
        let Some(outcome) = outcome(&done.result) else {
            return Ok(());
        };
        let has_answered = outcome.is_ok();
        let subject = Subject::ToolResult(FinishedCall {
            tool: self.subject.clone(),
            arguments: Arc::clone(arguments),
            outcome,
        });
        let Some(other) = self
            .ask(validator, ValidationStage::ToolResult, &subject)
            .await?
        else {
            return Ok(());
        };
        if !has_answered {
            return Err(self.refuse("a tool's own error cannot be replaced"));
        }
        let bytes = u64::try_from(other.len()).unwrap_or(u64::MAX);
        let parsed = json::parse(other, self.limits.result_bytes);
        let other = parsed.map_err(|error| self.refuse(&error.to_string()))?;
        let (other, fits) = self.fits(other).await?;
        fits.map_err(|reason| self.refuse(&reason))?;
        done.usage.result_bytes = bytes;
        done.result = Ok(other);
        Ok(())
    }

    async fn judge_diagnostics(
        &mut self,
        validator: &dyn Validator,
        done: &mut ToolResult,
        held: &Held,
    ) -> Result<(), Error> {
        let text = diagnostics(done, held);
        if text.is_empty() {
            return Ok(());
        }
        let subject = Subject::Diagnostics(text.into());
        let Some(other) = self
            .ask(validator, ValidationStage::Diagnostics, &subject)
            .await?
        else {
            return Ok(());
        };
        let Limits {
            stdout_bytes,
            stderr_bytes,
            log_bytes,
            ..
        } = self.limits;
        let most = [stdout_bytes, stderr_bytes, log_bytes].into_iter();
        let most = most.fold(MAX_REST_BYTES, u64::saturating_add);
        let bytes = u64::try_from(other.len()).unwrap_or(u64::MAX);
        if most < bytes {
            return Err(self.refuse(&format!("it has {bytes} bytes, of at most {most}")));
        }
        // It is one text from here on, and nothing else of it is left.
        held.drop_all();
        empty(done);
        done.output.stderr = other;
        done.result = std::mem::replace(&mut done.result, Ok(Value::Null)).map_err(alone);
        Ok(())
    }

    /// Asks one validator: a text that takes the place of the subject, if it gives one.
    async fn ask(
        &mut self,
        validator: &dyn Validator,
        stage: ValidationStage,
        subject: &Subject,
    ) -> Result<Option<String>, Error> {
        let judged = validator.check(subject, &self.judging).await;
        if let Err(Error::Sandbox(SandboxError::Cancelled)) = judged.verdict {
            return Err(SandboxError::Cancelled.into());
        }
        let (judgement, text) = Judgement::of(validator, stage, judged);
        let refusal = judgement.refusal();
        self.judgements.push(judgement);
        match refusal {
            Some(refusal) => Err(refusal),
            None => Ok(text),
        }
    }

    /// That what the last validator gave cannot take the place of the subject.
    fn refuse(&mut self, reason: &str) -> Error {
        let last = self.judgements.last_mut();
        let refusal = last.and_then(|last| {
            last.does_not_hold(reason);
            last.refusal()
        });
        refusal.unwrap_or_else(|| SandboxError::Internal("nobody judged".into()).into())
    }

    fn does_not_hold(&mut self, reason: &str, error: Error) -> Error {
        match error {
            Error::Sandbox(SandboxError::Internal(_)) => error,
            _ => self.refuse(reason),
        }
    }

    /// The arguments, if the tool takes them.
    async fn checked(&self, arguments: Value) -> Result<Value, Error> {
        if !self.tool.is_heavy(&arguments) {
            self.tool.check(&arguments)?;
            return Ok(arguments);
        }
        let tool = Arc::clone(self.tool);
        in_background(move || tool.check(&arguments).map(|()| arguments)).await?
    }

    /// Whether it could be the tool's result.
    async fn fits(&self, result: Value) -> Result<(Value, Result<(), String>), Error> {
        let tool = Arc::clone(self.tool);
        in_background(move || {
            let fits = tool.check_result(&result);
            (result, fits)
        })
        .await
    }

    fn until(&mut self, wall_ms: u64) {
        self.judging.until = Instant::now() + Duration::from_millis(wall_ms);
    }
}

async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| SandboxError::Internal(error.into()).into())
}

/// What a call that ended by itself came to, as its caller would see it; `None` for one
/// that a limit or a trap ended.
fn outcome(result: &Result<Value, Error>) -> Option<Result<Arc<str>, Arc<str>>> {
    match result {
        Ok(answer) => Some(Ok(answer.to_string().into())),
        Err(Error::Sandbox(error)) => match failure(error) {
            SandboxError::ToolError { .. } | SandboxError::InvalidOutput { .. } => {
                Some(Err(failure(error).to_string().into()))
            }
            _ => None,
        },
        Err(_) => None,
    }
}

/// What happened, without what was denied before.
fn failure(error: &SandboxError) -> &SandboxError {
    match error {
        SandboxError::Denied { failure, .. } => failure,
        other => other,
    }
}

fn alone(error: Error) -> Error {
    match error {
        Error::Sandbox(SandboxError::Denied { failure, .. }) => Error::Sandbox(*failure),
        other => other,
    }
}

/// Leaves nothing but the result.
fn empty(done: &mut ToolResult) {
    done.output = GuestOutput::default();
    done.denials = Vec::new();
    done.uses = Vec::new();
}

/// All that a call leaves beside its result, as one text: each part below its name.
fn diagnostics(done: &ToolResult, held: &Held) -> String {
    let ToolResult {
        output,
        denials,
        uses,
        ..
    } = done;
    let denials = denials.iter().map(|denial| format!("{denial}\n"));
    let uses = uses.iter().map(|access| format!("{access}\n"));
    let parts = [
        ("stdout", output.stdout.clone()),
        ("stderr", output.stderr.clone()),
        ("log", output.log.clone()),
        ("progress", held.text()),
        ("denied", denials.collect()),
        ("used", uses.collect()),
    ];
    let written = parts.into_iter().filter(|(_, text)| !text.is_empty());
    let parts: Vec<_> = written
        .map(|(name, text)| format!("{name}:\n{}", text.trim_end_matches('\n')))
        .collect();
    parts.join("\n\n")
}
