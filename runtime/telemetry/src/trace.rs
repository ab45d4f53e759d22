//! Spans: what a trace shows of a call and of loading.
//!
//! Their names and fields are those of `OpenTelemetry`'s conventions for tools of
//! generative AI, so that a bridge such as `tracing-opentelemetry` passes them on as
//! they are; the fields `otel.*` are what it reads.

use patinox_policy::escape_line;
use tracing::Span;
use tracing::field::Empty;

use crate::{CallId, Outcome, names};

/// The span of a call, from its start to its end. Without somebody who listens it
/// costs some nanoseconds.
#[must_use]
pub fn call_span(call: CallId, tool: &str, component: &str) -> Span {
    let span = tracing::info_span!(
        target: "patinox::call",
        "execute_tool",
        { names::OTEL_NAME } = Empty,
        { names::OTEL_STATUS } = Empty,
        { names::OPERATION } = "execute_tool",
        { names::CALL_ID } = %call,
        { names::TOOL_NAME } = Empty,
        { names::COMPONENT } = Empty,
        { names::ERROR_TYPE } = Empty,
    );
    // What is escaped is made only for somebody.
    if !span.is_disabled() {
        let tool = escape_line(tool);
        span.record(names::OTEL_NAME, format!("execute_tool {tool}"));
        span.record(names::TOOL_NAME, &*tool);
        span.record(names::COMPONENT, &*escape_line(component));
    }
    span
}

/// Writes down how the call of a span ended.
pub fn ended(span: &Span, outcome: &Outcome) {
    match outcome {
        Outcome::Ok => {
            span.record(names::OTEL_STATUS, "OK");
        }
        Outcome::Failed { code, .. } => {
            span.record(names::OTEL_STATUS, "ERROR");
            span.record(names::ERROR_TYPE, code.as_str());
        }
    }
}

/// The span of loading a component, from its first byte to its tools.
#[must_use]
pub fn load_span() -> Span {
    tracing::info_span!(target: "patinox::load", "load_component")
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};
    use std::time::SystemTime;

    use patinox_policy::Code;
    use tracing_subscriber::fmt::format::FmtSpan;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_span_has_the_names_that_a_trace_expects() {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE)
            .without_time()
            .with_ansi(false)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let call = CallId::new(SystemTime::UNIX_EPOCH);
            let span = call_span(call, "co\nunt", "sha256:2c26");
            let failed = Outcome::Failed {
                code: Code::Trap,
                message: String::new(),
            };
            ended(&span, &failed);
        });
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let closed = text.lines().find(|line| line.contains(": close")).unwrap();
        for part in [
            r#"execute_tool{"#,
            r#"gen_ai.operation.name="execute_tool""#,
            r#"gen_ai.tool.name="co\\nunt""#,
            r#"otel.name="execute_tool co\\nunt""#,
            r#"otel.status_code="ERROR""#,
            r#"error.type="component/trap""#,
            r#"patinox.component.digest="sha256:2c26""#,
            "gen_ai.tool.call.id=0000000000",
        ] {
            assert!(closed.contains(part), "{part} in {closed}");
        }
    }
}
