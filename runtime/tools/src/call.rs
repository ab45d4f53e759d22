//! One call of a tool, and what comes of it.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use patinox_policy::{Access, Denial, Limits, Usage};
use patinox_sandbox::{Approver, Approving, GuestOutput, ProgressSink, Run};
use patinox_telemetry::CallId;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::Error;

/// A call that has been admitted and not begun.
pub struct ToolCall {
    /// Its id; the guest may ask for it.
    pub id: CallId,
    /// The arguments: a JSON object.
    pub arguments: Value,
    /// Its ceilings.
    pub limits: Limits,
    /// When it asked to be admitted; `wall` counts from here.
    pub started: Instant,
    /// Ends the call when it is cancelled.
    pub cancel: CancellationToken,
    /// Takes progress reports.
    pub progress: Option<ProgressSink>,
    /// Whether [`ToolResult::uses`] is wanted.
    pub observe: bool,
    /// Who is asked about what is not granted; without one nobody is.
    pub approver: Option<Arc<dyn Approver>>,
}

impl ToolCall {
    /// Takes the arguments out of it; what is left is what a guest runs under.
    pub(crate) fn into_parts(self) -> (Value, Run) {
        let run = Run {
            id: self.id,
            limits: self.limits,
            started: self.started,
            cancel: self.cancel,
            progress: self.progress,
            observe: self.observe,
            approving: self.approver.map(Approving::new),
        };
        (self.arguments, run)
    }
}

impl fmt::Debug for ToolCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The arguments may hold what must not reach a log.
        f.debug_struct("ToolCall")
            .field("id", &self.id)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What came of a call: what was spent and said is told in either case.
#[derive(Debug)]
pub struct ToolResult {
    /// The answer, or why there is none.
    pub result: Result<Value, Error>,
    /// What the call spent.
    pub usage: Usage,
    /// What the guest wrote beside its answer.
    pub output: GuestOutput,
    /// What the guest asked to do and was not allowed to.
    pub denials: Vec<Denial>,
    /// What the guest did by a grant, where the call observes it.
    pub uses: Vec<Access>,
}

impl ToolResult {
    /// A call that ended before any guest ran.
    pub(crate) fn refused(error: Error, started: Instant, arguments_bytes: u64) -> Self {
        Self {
            result: Err(error),
            usage: Usage {
                wall: started.elapsed(),
                arguments_bytes,
                ..Usage::default()
            },
            output: GuestOutput::default(),
            denials: Vec::new(),
            uses: Vec::new(),
        }
    }
}
