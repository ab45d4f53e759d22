//! Validators around a service of `tower`.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use tower_layer::Layer;
use tower_service::Service;

use super::{Validated, Validators};
use crate::{Tool, ToolCall, ToolResult};

/// A call of a tool, as a service of `tower` takes it.
pub struct ToolRequest {
    /// The tool.
    pub tool: Arc<dyn Tool>,
    /// The digest of its component; empty for one in the host's own code.
    pub component: Arc<str>,
    /// What it is called with.
    pub call: ToolCall,
}

impl fmt::Debug for ToolRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolRequest")
            .field("tool", &self.tool.spec().name)
            .field("component", &self.component)
            .field("call", &self.call)
            .finish()
    }
}

/// A service that calls tools, with validators around it: see [`Validators`], which is
/// the layer.
#[derive(Clone, Debug)]
pub struct ValidatedService<S> {
    validators: Validators,
    inner: S,
}

/// ```
/// use patinox_tools::{ToolRequest, ToolResult, Validated, ValidatedService, Validators};
/// use tower_layer::Layer as _;
/// use tower_service::Service;
///
/// /// Whatever calls tools, with time limits and retries of its own.
/// fn judged<S>(validators: &Validators, service: S) -> ValidatedService<S>
/// where
///     S: Service<ToolRequest, Response = ToolResult>,
/// {
///     validators.layer(service)
/// }
/// ```
impl<S> Layer<S> for Validators {
    type Service = ValidatedService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ValidatedService {
            validators: self.clone(),
            inner,
        }
    }
}

impl<S> Service<ToolRequest> for ValidatedService<S>
where
    S: Service<ToolRequest, Response = ToolResult> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = Validated;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Validated, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    /// Judges, calls and judges, as [`Validators::call`] does. An error of the service
    /// itself is none of a tool's, and passes as it is.
    fn call(&mut self, request: ToolRequest) -> Self::Future {
        // The one that is ready, and not a copy of it that is not.
        let other = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, other);
        let validators = self.validators.clone();
        Box::pin(async move {
            let ToolRequest {
                tool,
                component,
                call,
            } = request;
            let of = (&tool, &component);
            let called = async |call| {
                let (tool, component) = (Arc::clone(&tool), Arc::clone(&component));
                let request = ToolRequest {
                    tool,
                    component,
                    call,
                };
                inner.call(request).await
            };
            validators.around(of, call, called).await
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Instant;

    use patinox_policy::{Limits, Position};
    use patinox_sandbox::{Subject, Verdict};
    use patinox_telemetry::{CallId, Clock};
    use serde_json::{Value, json};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{NativeTool, NativeValidator, ToolAnnotations, ToolSpec};

    /// A service that calls the tool, once it was asked whether it is ready.
    #[derive(Clone, Default)]
    struct Calls {
        is_ready: bool,
    }

    impl Service<ToolRequest> for Calls {
        type Response = ToolResult;
        type Error = Infallible;
        type Future = BoxFuture<'static, Result<ToolResult, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            self.is_ready = true;
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: ToolRequest) -> Self::Future {
            assert!(std::mem::take(&mut self.is_ready));
            Box::pin(async move { Ok(request.tool.call(request.call).await) })
        }
    }

    fn request(arguments: Value) -> ToolRequest {
        let spec = ToolSpec {
            name: "echo".to_owned(),
            title: None,
            description: String::new(),
            input_schema: json!({ "type": "object", "required": ["n"] }),
            output_schema: None,
            annotations: ToolAnnotations::derived(),
        };
        let echo = NativeTool::new(spec, |call| async move { Ok(call.arguments["n"].clone()) });
        ToolRequest {
            tool: Arc::new(echo.unwrap()),
            component: "".into(),
            call: ToolCall {
                id: CallId::new(Clock::system().wall()),
                arguments,
                limits: Limits::default(),
                started: Instant::now(),
                cancel: CancellationToken::new(),
                progress: None,
                observe: false,
                approver: None,
            },
        }
    }

    async fn answer(judge: NativeValidator, arguments: Value) -> Validated {
        let validators = Validators::default().and(Position::Both, Arc::new(judge));
        let mut service = validators.layer(Calls::default());
        std::future::poll_fn(|cx| service.poll_ready(cx))
            .await
            .unwrap();
        service.call(request(arguments)).await.unwrap()
    }

    #[tokio::test]
    async fn a_service_is_judged_as_a_tool_is() {
        let judge = |verdict: fn(Subject) -> Verdict| {
            NativeValidator::new("n", move |subject| std::future::ready(verdict(subject))).unwrap()
        };
        let allowed = answer(judge(|_| Verdict::Allow), json!({ "n": 1 })).await;
        assert_eq!(allowed.done.result.unwrap(), json!(1));
        assert_eq!(allowed.judgements.len(), 2);
        let replaced = judge(|subject| match subject {
            Subject::ToolCall(_) => Verdict::Replace("{\"n\":2}".to_owned()),
            _ => Verdict::Allow,
        });
        let replaced = answer(replaced, json!({ "n": 1 })).await;
        assert_eq!(replaced.done.result.unwrap(), json!(2));
        let denied = answer(judge(|_| Verdict::Deny("no".to_owned())), json!({ "n": 1 })).await;
        let error = denied.done.result.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the validator `n` refuses the arguments: no"
        );
        // What does not fit the tool is not judged.
        let unfit = answer(judge(|_| Verdict::Allow), json!({})).await;
        assert!(unfit.done.result.is_err() && unfit.judgements.is_empty());
    }
}
