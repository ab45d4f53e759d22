//! Who listens.

use patinox_policy::{Fault, MAX_MESSAGE_BYTES, cut, escape_line};
use tracing::Level;

use crate::event::as_milliseconds;
use crate::{
    CallEnded, CallJudged, CleanupFailed, ComponentLoaded, Event, Outcome, PressureChanged,
    Reclaimed, names,
};

/// Somebody who wants to know what happened.
///
/// `record` runs in the path of the call, so it must not wait: one that writes
/// to a disk or a network hands the event to a bounded queue of its own and
/// drops it when that is full. It may panic; the [`Recorder`](crate::Recorder)
/// counts that and goes on.
pub trait Sink: Send + Sync {
    /// Takes one event.
    fn record(&self, event: &Event);
}

/// Writes one `tracing` record an event, with the fields of [`names`].
///
/// A call that succeeds, or fails by its caller's fault, is at `info`; one that
/// a fault of the host ended at `error`; every other at `warn`. What a guest
/// chose is escaped and cannot pass for a field or a line of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingSink;

impl Sink for TracingSink {
    fn record(&self, event: &Event) {
        match event {
            Event::ComponentLoaded(loaded) => component_loaded(loaded),
            Event::PressureChanged(change) => pressure_changed(change),
            Event::CleanupFailed(failed) => cleanup_failed(failed),
            Event::CallJudged(judged) => call_judged(judged),
            Event::Reclaimed(reclaimed) => reclaimed_something(reclaimed),
            // The sinks of alerts are told of them: the log among them.
            Event::AlertChanged(_) => {}
            Event::CallEnded(call) => match &call.outcome {
                Outcome::Ok => call_succeeded(call),
                Outcome::Failed { code, message } => {
                    call_failed(call, code.fault(), code.as_str(), message);
                }
            },
        }
    }
}

/// The fields of a call at a level that is known only now: `tracing` wants a
/// level in each record's static data, so each level expands to its own.
macro_rules! record_call {
    ($level:expr, $call:expr, $text:literal $(, $name:expr => $value:expr)* $(,)?) => {
        tracing::event!(
            target: "patinox::call",
            $level,
            { names::CALL_ID } = %$call.call,
            { names::TOOL_NAME } = shown(&$call.tool).as_str(),
            { names::COMPONENT } = shown(&$call.component).as_str(),
            $({ $name } = $value,)*
            { names::FUEL } = $call.usage.fuel,
            { names::MEMORY_BYTES_PEAK } = $call.usage.memory_bytes_peak,
            { names::WALL_MS } = as_milliseconds($call.usage.wall),
            { names::HOST_CALLS } = $call.usage.host_calls,
            $text
        )
    };
}

fn component_loaded(loaded: &ComponentLoaded) {
    tracing::event!(
        target: "patinox::load",
        Level::INFO,
        { names::COMPONENT } = shown(&loaded.component).as_str(),
        { names::COMPONENT_BYTES } = loaded.bytes,
        { names::COMPILE_MS } = as_milliseconds(loaded.compile),
        { names::FROM_STORE } = loaded.from_store,
        "component loaded"
    );
    if let Some(trouble) = &loaded.store_trouble {
        tracing::event!(
            target: "patinox::store",
            Level::WARN,
            { names::COMPONENT } = shown(&loaded.component).as_str(),
            { names::STORE_TROUBLE } = shown(trouble).as_str(),
            "the artifact store is of no use"
        );
    }
}

fn pressure_changed(change: &PressureChanged) {
    let reasons = shown(&change.reasons.join("; "));
    macro_rules! at {
        ($level:expr) => {
            tracing::event!(
                target: "patinox::pressure",
                $level,
                { names::PRESSURE_LEVEL } = change.level,
                { names::PRESSURE_REASONS } = reasons.as_str(),
                "pressure changed"
            )
        };
    }
    if change.reasons.is_empty() {
        at!(Level::INFO);
    } else {
        at!(Level::WARN);
    }
}

fn cleanup_failed(failed: &CleanupFailed) {
    tracing::event!(
        target: "patinox::cleanup",
        Level::ERROR,
        { names::RESOURCE_KIND } = failed.kind,
        { names::RESOURCE_OWNER } = failed.owner.as_deref().map(shown),
        { names::RESOURCE_AGE_MS } = as_milliseconds(failed.age),
        { names::ERROR_TYPE } = failed.reason,
        { names::ERROR_MESSAGE } = shown(&failed.causes.join(": ")).as_str(),
        "a clean-up failed"
    );
}

fn reclaimed_something(reclaimed: &Reclaimed) {
    let causes = shown(&reclaimed.causes.join(": "));
    macro_rules! at {
        ($level:expr, $text:literal $(, $name:expr => $value:expr)* $(,)?) => {
            tracing::event!(
                target: "patinox::reclaim",
                $level,
                { names::RECLAIM_STAGE } = reclaimed.stage,
                { names::RECLAIM_WHAT } = reclaimed.what,
                { names::RECLAIM_CAUSE } = reclaimed.cause,
                { names::RECLAIM_ATTEMPTED } = reclaimed.attempted,
                { names::RECLAIM_FREED } = reclaimed.freed,
                { names::RECLAIM_FREED_BYTES } = reclaimed.freed_bytes,
                { names::RECLAIM_TOOK_MS } = as_milliseconds(reclaimed.took),
                $({ $name } = $value,)*
                $text
            )
        };
    }
    if !reclaimed.causes.is_empty() {
        at!(Level::WARN, "reclaiming failed", names::ERROR_MESSAGE => causes.as_str());
    } else if 0 < reclaimed.attempted {
        at!(Level::INFO, "reclaimed");
    } else {
        // While something is pressed for long, that is most of them.
        at!(Level::DEBUG, "nothing to reclaim");
    }
}

fn call_judged(judged: &CallJudged) {
    macro_rules! at {
        ($level:expr) => {
            tracing::event!(
                target: "patinox::call",
                $level,
                { names::CALL_ID } = %judged.call,
                { names::VALIDATOR_NAME } = shown(&judged.validator).as_str(),
                { names::COMPONENT } = judged.component.as_deref().map(shown),
                { names::VALIDATOR_STAGE } = judged.stage,
                { names::VALIDATOR_VERDICT } = judged.verdict,
                { names::VALIDATOR_REASON } = judged.reason.as_deref().map(shown),
                { names::FUEL } = judged.usage.fuel,
                { names::MEMORY_BYTES_PEAK } = judged.usage.memory_bytes_peak,
                { names::WALL_MS } = as_milliseconds(judged.usage.wall),
                "a validator judged"
            )
        };
    }
    match judged.verdict {
        "replace" => at!(Level::INFO),
        _ => at!(Level::WARN),
    }
}

fn call_succeeded(call: &CallEnded) {
    record_call!(Level::INFO, call, "call succeeded");
}

fn call_failed(call: &CallEnded, fault: Fault, code: &str, message: &str) {
    macro_rules! at {
        ($level:expr) => {
            record_call!(
                $level, call, "call failed",
                names::FAULT => fault.as_str(),
                names::ERROR_TYPE => code,
                names::ERROR_MESSAGE => shown(message).as_str(),
            )
        };
    }
    match fault {
        Fault::Caller | Fault::Cancelled => at!(Level::INFO),
        Fault::Policy | Fault::Limit | Fault::Component | Fault::Upstream => at!(Level::WARN),
        Fault::Host => at!(Level::ERROR),
    }
}

/// A text in the form that a log may hold.
fn shown(text: &str) -> String {
    cut(&escape_line(text), MAX_MESSAGE_BYTES).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CallId;
    use patinox_policy::{Code, Usage};
    use proptest::prelude::*;
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, SystemTime};

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

    fn written(event: &Event) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .without_time()
            .with_ansi(false)
            .finish();
        tracing::subscriber::with_default(subscriber, || TracingSink.record(event));
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn ended(tool: &str, outcome: Outcome) -> Event {
        let usage = Usage {
            fuel: 1_234,
            memory_bytes_peak: 65_536,
            wall: Duration::from_micros(1_500),
            host_calls: 2,
            ..Usage::default()
        };
        Event::CallEnded(CallEnded {
            call: CallId::new(SystemTime::UNIX_EPOCH),
            component: "sha256:2c26".to_owned(),
            tool: tool.to_owned(),
            outcome,
            usage,
            started_at: SystemTime::UNIX_EPOCH,
        })
    }

    fn failed(code: Code, message: &str) -> Outcome {
        let message = message.to_owned();
        Outcome::Failed { code, message }
    }

    /// The line without the part of the call's id that is random.
    fn line(event: &Event) -> String {
        let text = written(event);
        let (before, rest) = text.split_once("call.id=").unwrap();
        let (_, after) = rest.split_once(' ').unwrap();
        format!("{}call.id=… {after}", before.trim_start())
    }

    #[test]
    fn a_line_a_call() {
        insta::assert_snapshot!(line(&ended("count", Outcome::Ok)), @r#"INFO patinox::call: call succeeded gen_ai.tool.call.id=… gen_ai.tool.name="count" patinox.component.digest="sha256:2c26" patinox.usage.fuel=1234 patinox.usage.memory_bytes_peak=65536 patinox.usage.wall_ms=1.5 patinox.usage.host_calls=2"#);
        let fuel = Code::Limit(patinox_policy::LimitName::Fuel);
        insta::assert_snapshot!(line(&ended("count", failed(fuel, "fuel ran out"))), @r#"WARN patinox::call: call failed gen_ai.tool.call.id=… gen_ai.tool.name="count" patinox.component.digest="sha256:2c26" patinox.fault="limit" error.type="limit/fuel" error.message="fuel ran out" patinox.usage.fuel=1234 patinox.usage.memory_bytes_peak=65536 patinox.usage.wall_ms=1.5 patinox.usage.host_calls=2"#);
        let loaded = ComponentLoaded {
            component: "sha256:2c26".to_owned(),
            bytes: 100_000,
            compile: Duration::from_micros(151_500),
            from_store: false,
            store_trouble: None,
        };
        let text = written(&Event::ComponentLoaded(loaded));
        insta::assert_snapshot!(text.trim_start(), @r#"INFO patinox::load: component loaded patinox.component.digest="sha256:2c26" patinox.component.bytes=100000 patinox.component.compile_ms=151.5 patinox.component.from_store=false"#);
    }

    #[test]
    fn a_clean_up_that_failed_tells_all_its_causes() {
        let text = written(&Event::CleanupFailed(CleanupFailed {
            kind: "folder",
            owner: Some("ca\nll 7".to_owned()),
            age: Duration::from_millis(1_500),
            reason: "failed",
            causes: vec!["it is busy".to_owned(), "a file is\nopen".to_owned()],
        }));
        insta::assert_snapshot!(text.trim_start(), @r#"ERROR patinox::cleanup: a clean-up failed patinox.resource.kind="folder" patinox.resource.owner="ca\\nll 7" patinox.resource.age_ms=1500.0 error.type="failed" error.message="it is busy: a file is\\nopen""#);
    }

    #[test]
    fn what_was_reclaimed_is_a_line() {
        let reclaimed = |causes| {
            Event::Reclaimed(Reclaimed {
                stage: "evict-idle",
                what: "warm memories",
                cause: "pressure",
                attempted: 12,
                freed: 12,
                freed_bytes: 3 << 20,
                took: Duration::from_micros(2_500),
                causes,
            })
        };
        insta::assert_snapshot!(written(&reclaimed(Vec::new())).trim_start(), @r#"INFO patinox::reclaim: reclaimed patinox.reclaim.stage="evict-idle" patinox.reclaim.what="warm memories" patinox.reclaim.cause="pressure" patinox.reclaim.attempted=12 patinox.reclaim.freed=12 patinox.reclaim.freed_bytes=3145728 patinox.reclaim.took_ms=2.5"#);
        let text = written(&reclaimed(vec!["no room\nleft".to_owned()]));
        assert!(
            text.contains("WARN patinox::reclaim: reclaiming failed"),
            "{text}"
        );
        assert!(text.contains(r#"error.message="no room\\nleft""#), "{text}");
    }

    #[test]
    fn the_level_says_who_must_act() {
        for code in Code::all() {
            let expected = match code.fault() {
                Fault::Caller | Fault::Cancelled => " INFO ",
                Fault::Policy | Fault::Limit | Fault::Component | Fault::Upstream => " WARN ",
                Fault::Host => "ERROR ",
            };
            let text = written(&ended("count", failed(code, "no")));
            assert!(text.starts_with(expected), "{code}: {text}");
        }
    }

    #[test]
    fn a_guest_cannot_forge_a_line_or_a_field() {
        let evil = "x\nERROR forged\u{1b}[2J\u{202e} error.type=\"host/internal\"";
        let text = written(&ended(evil, failed(Code::ToolError, evil)));
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains(" error.type=\"host"), "{text}");
        assert!(
            !text.trim_end().contains(patinox_policy::is_unsafe_char),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_line(tool: String, message: String) {
            let text = written(&ended(&tool, failed(Code::ToolError, &message)));
            prop_assert!(text.ends_with('\n'));
            prop_assert!(!text.trim_end().contains(patinox_policy::is_unsafe_char));
        }
    }
}
