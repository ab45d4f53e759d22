//! A tool in the embedder's own code.

use std::fmt;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use patinox_policy::{LimitName, Usage};
use patinox_sandbox::{Error as SandboxError, GuestOutput};
use serde_json::Value;

use crate::tool::weigh;
use crate::{Checker, Error, Tool, ToolCall, ToolResult, ToolSpec};

/// A tool in the embedder's own code, beside those of components.
///
/// It is trusted: nothing is metered but its arguments, its answer and its
/// time. It is dropped where it waits when the call is cancelled or `wall` is
/// over, and a panic ends its own call alone.
///
/// ```
/// use patinox_tools::{NativeTool, Tool, ToolAnnotations, ToolSpec};
/// use serde_json::json;
///
/// let spec = ToolSpec {
///     name: "double".to_owned(),
///     title: None,
///     description: "Twice a number.".to_owned(),
///     input_schema: json!({
///         "type": "object",
///         "properties": { "n": { "type": "integer" } },
///         "required": ["n"],
///         "additionalProperties": false,
///     }),
///     output_schema: None,
///     annotations: ToolAnnotations::derived(),
/// };
/// let double = NativeTool::new(spec, |call| async move {
///     match call.arguments["n"].as_i64().and_then(|n| n.checked_mul(2)) {
///         Some(twice) => Ok(json!(twice)),
///         None => Err("that is too large".to_owned()),
///     }
/// })?;
/// assert!(double.check(&json!({ "n": "two" })).is_err());
/// # Ok::<(), String>(())
/// ```
pub struct NativeTool {
    spec: ToolSpec,
    input: Checker,
    code: Box<dyn Fn(ToolCall) -> BoxFuture<'static, Result<Value, String>> + Send + Sync>,
}

impl NativeTool {
    /// Makes a tool. Its code gets arguments that fit the schema, and gives the
    /// answer or its own error, a text for the caller. It must not block.
    ///
    /// # Errors
    ///
    /// If the schema of the arguments is not one that a component could have;
    /// the text says why.
    pub fn new<Fut>(
        spec: ToolSpec,
        code: impl Fn(ToolCall) -> Fut + Send + Sync + 'static,
    ) -> Result<Self, String>
    where
        Fut: Future<Output = Result<Value, String>> + Send + 'static,
    {
        Ok(Self {
            input: Checker::new(&spec.input_schema)?,
            spec,
            code: Box::new(move |call| code(call).boxed()),
        })
    }

    async fn run(&self, call: ToolCall) -> ToolResult {
        let (started, limits, cancel) = (call.started, call.limits, call.cancel.clone());
        let bytes = match weigh(&call.arguments, &limits) {
            Ok(bytes) => bytes,
            Err((error, bytes)) => return ToolResult::refused(error, started, bytes),
        };
        if let Err(mismatch) = self.input.check(&call.arguments) {
            return ToolResult::refused(mismatch.into(), started, bytes);
        }
        let deadline = started + Duration::from_millis(limits.wall_ms);
        let answer = tokio::select! {
            answer = (self.code)(call) => {
                answer.map_err(|text| SandboxError::tool_error(&text, &limits))
            }
            () = cancel.cancelled() => Err(SandboxError::Cancelled),
            () = tokio::time::sleep_until(deadline.into()) => {
                let spent = u64::try_from(started.elapsed().as_millis()).ok();
                Err(SandboxError::limit(LimitName::Wall, &limits, spent))
            }
        };
        let counted = answer.and_then(|answer| {
            let counted = patinox_sandbox::json_len(&answer, limits.result_bytes);
            let late = |spent| SandboxError::limit(LimitName::Result, &limits, Some(spent));
            Ok((counted.map_err(late)?, answer))
        });
        let (result_bytes, result) = match counted {
            Ok((bytes, answer)) => (bytes, Ok(answer)),
            Err(error) => (0, Err(error.into())),
        };
        ToolResult {
            result,
            usage: Usage {
                wall: started.elapsed(),
                arguments_bytes: bytes,
                result_bytes,
                ..Usage::default()
            },
            output: GuestOutput::default(),
            denials: Vec::new(),
            uses: Vec::new(),
        }
    }
}

impl Tool for NativeTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn check(&self, arguments: &Value) -> Result<(), Error> {
        Ok(self.input.check(arguments)?)
    }

    fn is_heavy(&self, arguments: &Value) -> bool {
        self.input.is_heavy(arguments)
    }

    fn call(&self, call: ToolCall) -> BoxFuture<'_, ToolResult> {
        Box::pin(self.run(call))
    }
}

impl fmt::Debug for NativeTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeTool")
            .field("name", &self.spec.name)
            .finish_non_exhaustive()
    }
}
