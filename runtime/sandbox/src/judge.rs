//! What a validator is asked, and what it says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use patinox_policy::{LimitName, Limits};
use patinox_telemetry::CallId;
use tokio_util::sync::CancellationToken;

use crate::bindings::validation::exports::patinox::tool::validation as wit;
use crate::error::Raised;
use crate::instance::Instance;
use crate::sandbox::{Outcome, Run, Sandbox};

/// Which tool a call is for: `tool-ref` of `patinox:tool/validation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolRef {
    /// Its name.
    pub name: Arc<str>,
    /// The digest of the component that has it; empty for a tool in the host's own code.
    pub component: Arc<str>,
}

/// A call that has not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedCall {
    /// The tool that will be called.
    pub tool: ToolRef,
    /// Its arguments: a JSON object that fits the tool.
    pub arguments: Arc<str>,
}

/// A call that has ended by itself, well or badly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedCall {
    /// The tool that was called.
    pub tool: ToolRef,
    /// What it was called with, after any [`Verdict::Replace`].
    pub arguments: Arc<str>,
    /// Its result as JSON, or the text of its own error, as a caller would see it.
    pub outcome: Result<Arc<str>, Arc<str>>,
}

/// What is judged. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// What a person or a program asks of an agent.
    Input(Arc<str>),
    /// A call before it begins.
    ToolCall(ProposedCall),
    /// A call after it ended, before anybody sees its result.
    ToolResult(FinishedCall),
    /// What else leaves a call, as one text.
    Diagnostics(Arc<str>),
    /// What an agent answers.
    Output(Arc<str>),
}

/// The judgement of a validator. Its texts are a stranger's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Pass it on as it is.
    Allow,
    /// Stop here, for this reason.
    Deny(String),
    /// Pass this on in its place: it has the form of what was judged.
    Replace(String),
    /// Pass it on, and record this remark.
    Warn(String),
}

/// What one judgement runs under.
#[derive(Clone, Debug)]
pub struct Judging {
    /// The call that it is about.
    pub call: CallId,
    /// Until when room for an instance is waited for: the validator's own time begins
    /// once it is there.
    pub until: Instant,
    /// The most bytes that a verdict may carry: what the call itself may.
    pub most_bytes: u64,
    /// Ends it when the call is cancelled.
    pub cancel: CancellationToken,
}

impl Sandbox {
    /// Asks a validator for its verdict, in an instance of its own.
    ///
    /// # Errors
    ///
    /// In the outcome: that the component is no validator, a limit, a trap or a cancel.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the guest and frees all it held.
    pub async fn judge(
        &self,
        subject: &Subject,
        limits: &Limits,
        judging: &Judging,
    ) -> Outcome<Verdict> {
        let mut run = Run {
            id: judging.call,
            cancel: judging.cancel.clone(),
            ..Run::new(Limits {
                wall_ms: milliseconds(judging.until.saturating_duration_since(Instant::now())),
                ..*limits
            })
        };
        let placed = match Instance::found_place(self.component(), &run).await {
            Ok(placed) => placed,
            Err(error) => return Instance::refuse(&run, error),
        };
        run.limits = Limits {
            result_bytes: judging.most_bytes,
            ..*limits
        };
        run.started = Instant::now();
        let mut instance = match Instance::on(placed, self, &run) {
            Ok(instance) => instance,
            Err(error) => return Instance::refuse(&run, error),
        };
        let said = instance
            .judge(async |guest, store| {
                let validation = guest.patinox_tool_validation();
                validation.call_check(store, &subject.into()).await
            })
            .await;
        let verdict = said.map(Verdict::from).and_then(|verdict| {
            let bytes = u64::try_from(verdict.text().len()).unwrap_or(u64::MAX);
            match run.limits.result_bytes < bytes {
                true => Err(Raised::Limit(LimitName::Result, Some(bytes))),
                false => Ok((verdict, bytes)),
            }
        });
        match verdict {
            Ok((verdict, bytes)) => instance.finish(Ok(verdict), bytes),
            Err(raised) => instance.finish(Err(raised), 0),
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Verdict {
    /// What it says with it; empty where it only allows.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Allow => "",
            Self::Deny(text) | Self::Replace(text) | Self::Warn(text) => text,
        }
    }
}

impl From<wit::Verdict> for Verdict {
    fn from(verdict: wit::Verdict) -> Self {
        match verdict {
            wit::Verdict::Allow => Self::Allow,
            wit::Verdict::Deny(reason) => Self::Deny(reason),
            wit::Verdict::Replace(text) => Self::Replace(text),
            wit::Verdict::Warn(remark) => Self::Warn(remark),
        }
    }
}

impl From<&Subject> for wit::Subject {
    fn from(subject: &Subject) -> Self {
        match subject {
            Subject::Input(text) => Self::Input(text.as_ref().to_owned()),
            Subject::ToolCall(call) => Self::ToolCall(wit::ProposedCall {
                tool: (&call.tool).into(),
                arguments: call.arguments.as_ref().to_owned(),
            }),
            Subject::ToolResult(call) => Self::ToolResult(wit::FinishedCall {
                tool: (&call.tool).into(),
                arguments: call.arguments.as_ref().to_owned(),
                outcome: match &call.outcome {
                    Ok(result) => Ok(result.as_ref().to_owned()),
                    Err(text) => Err(wit::ToolError::Failed(text.as_ref().to_owned())),
                },
            }),
            Subject::Diagnostics(text) => Self::Diagnostics(text.as_ref().to_owned()),
            Subject::Output(text) => Self::Output(text.as_ref().to_owned()),
        }
    }
}

impl From<&ToolRef> for wit::ToolRef {
    fn from(tool: &ToolRef) -> Self {
        Self {
            name: tool.name.as_ref().to_owned(),
            component: tool.component.as_ref().to_owned(),
        }
    }
}
