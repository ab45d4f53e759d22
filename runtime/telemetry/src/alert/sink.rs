//! Who is told.

use patinox_policy::{MAX_MESSAGE_BYTES, cut, escape_line};
use tracing::Level;

use super::{Alert, AlertState, Severity};
use crate::names;

/// Somebody who is to be told of alerts.
///
/// It is called on the thread that judges, so it must not wait. It may panic.
pub trait AlertSink: Send + Sync {
    /// Takes an alert that fires, or that is over.
    fn alert(&self, alert: &Alert);
}

/// Writes one `tracing` record an alert: at `error` what is critical, at `warn` a
/// warning, at `info` the rest and what is over.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogSink;

impl AlertSink for LogSink {
    fn alert(&self, alert: &Alert) {
        let shown = |text: &str| cut(&escape_line(text), MAX_MESSAGE_BYTES).into_owned();
        let labels = alert
            .labels
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let labels = shown(&labels.collect::<Vec<_>>().join(","));
        macro_rules! at {
            ($level:expr) => {
                tracing::event!(
                    target: "patinox::alert",
                    $level,
                    { names::ALERT_RULE } = shown(&alert.rule).as_str(),
                    { names::ALERT_SEVERITY } = alert.severity.as_str(),
                    { names::ALERT_STATE } = alert.state.as_str(),
                    { names::ALERT_VALUE } = alert.value,
                    { names::ALERT_LABELS } = labels.as_str(),
                    "{}",
                    shown(&alert.message)
                )
            };
        }
        match (alert.state, alert.severity) {
            (AlertState::Firing, Severity::Critical) => at!(Level::ERROR),
            (AlertState::Firing, Severity::Warning) => at!(Level::WARN),
            _ => at!(Level::INFO),
        }
    }
}
