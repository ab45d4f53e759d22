//! When somebody is to be told that something is wrong.
//!
//! **Promised.** A rule whose condition holds for less than it must is never told.
//! What is told is told once when it begins to fire, again after the repeat
//! interval while it goes on, and once when it is over; however often it is judged.
//! A sink that panics hurts neither the others nor whoever judges.

mod check;
mod rule;
mod sink;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

pub use self::check::MAX_RULE_NAME_BYTES;
pub use self::rule::{AlertRule, Comparison, RuleError, Severity, Subject};
pub use self::sink::{AlertSink, LogSink};

use crate::Snapshot;
use crate::contain::contain;

/// The most values that are kept of a rule that looks at growth.
const MAX_PAST: usize = 1_024;

/// How far an alert has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// Its condition holds, and not for long enough yet.
    Pending,
    /// It holds for long enough.
    Firing,
    /// It does not hold any more.
    Resolved,
}

impl AlertState {
    /// The state as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// What a rule has come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alert {
    /// The name of the rule.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// How far it has come.
    pub state: AlertState,
    /// What the subject has come to; what it had last where it is gone.
    pub value: f64,
    /// The rule and the reason, as a line for a person.
    pub message: String,
    /// The labels of the rule.
    pub labels: Vec<(String, String)>,
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            severity,
            state,
            message,
            ..
        } = self;
        write!(f, "{rule} ({severity}) {}: {message}", state.as_str())
    }
}

/// Judges rules by what monitors see, look after look.
///
/// ```
/// use std::time::{Duration, Instant};
/// use patinox_telemetry::{AlertRule, AlertState, Alerts, Comparison, Monitors, Severity, Subject};
///
/// let rule = AlertRule {
///     name: "no-calls".to_owned(),
///     subject: Subject::Metric { name: "patinox_calls".to_owned(), labels: Vec::new() },
///     comparison: Comparison::AtMost,
///     threshold: 0.0,
///     growth_within: None,
///     lasting: Duration::ZERO,
///     severity: Severity::Info,
///     labels: Vec::new(),
/// };
/// let mut alerts = Alerts::new(vec![rule], Duration::from_secs(3_600), Vec::new())?;
/// let told = alerts.judge(&Monitors::default().tick(), Instant::now());
/// assert_eq!(told[0].state, AlertState::Firing);
/// assert_eq!(told[0].message, "patinox_calls is 0, told when at most 0");
/// # Ok::<(), patinox_telemetry::RuleError>(())
/// ```
pub struct Alerts {
    rules: Vec<Judged>,
    repeat: Duration,
    sinks: Vec<Arc<dyn AlertSink>>,
}

struct Judged {
    rule: AlertRule,
    /// Since when the condition holds.
    since: Option<Instant>,
    /// When it was last told that it fires.
    told: Option<Instant>,
    value: f64,
    reason: Option<String>,
    /// Values of a counter whose growth is looked at, the oldest first.
    past: VecDeque<(Instant, f64)>,
}

impl Alerts {
    /// Judges these rules, and tells these sinks; again after each repeat interval.
    ///
    /// # Errors
    ///
    /// If two rules have one name, or one makes no sense or would hold always or never;
    /// it says which, why, and what to write instead.
    pub fn new(
        rules: Vec<AlertRule>,
        repeat: Duration,
        sinks: Vec<Arc<dyn AlertSink>>,
    ) -> Result<Self, RuleError> {
        check::check(&rules)?;
        let rules = rules.into_iter().map(|rule| Judged {
            rule,
            since: None,
            told: None,
            value: 0.0,
            reason: None,
            past: VecDeque::new(),
        });
        Ok(Self {
            rules: rules.collect(),
            repeat,
            sinks,
        })
    }

    /// Judges what was seen at a moment, and returns what is to be [told](tell).
    pub fn judge(&mut self, snapshot: &Snapshot, now: Instant) -> Vec<Alert> {
        let repeat = self.repeat;
        let rules = self.rules.iter_mut();
        let told = rules.filter_map(|judged| judged.judge(snapshot, now, repeat));
        told.collect()
    }

    /// Whom to tell.
    #[must_use]
    pub fn sinks(&self) -> Vec<Arc<dyn AlertSink>> {
        self.sinks.clone()
    }

    /// Those that are pending or firing.
    #[must_use]
    pub fn active(&self) -> Vec<Alert> {
        let active = self.rules.iter().filter(|judged| judged.since.is_some());
        let state = |judged: &Judged| match judged.told {
            Some(_) => AlertState::Firing,
            None => AlertState::Pending,
        };
        active.map(|judged| judged.alert(state(judged))).collect()
    }
}

/// Tells each sink of each alert. One that panics hurts no other.
pub fn tell(sinks: &[Arc<dyn AlertSink>], told: &[Alert]) {
    for alert in told {
        for sink in sinks {
            // Whether he could take it is his own affair.
            let _: Option<()> = contain(|| sink.alert(alert));
        }
    }
}

impl Judged {
    fn judge(&mut self, snapshot: &Snapshot, now: Instant, repeat: Duration) -> Option<Alert> {
        let value = self.look(snapshot, now);
        let holds = value.is_some_and(|value| self.rule.holds(value));
        if let Some(value) = value {
            self.value = value;
        }
        if !holds {
            self.since = None;
            return self.told.take().map(|_| self.alert(AlertState::Resolved));
        }
        let since = *self.since.get_or_insert(now);
        let is_long_enough = self.rule.lasting <= now.saturating_duration_since(since);
        let is_due = |told: Instant| repeat <= now.saturating_duration_since(told);
        if !is_long_enough || !self.told.is_none_or(is_due) {
            return None;
        }
        self.told = Some(now);
        Some(self.alert(AlertState::Firing))
    }

    /// What the subject has come to, or how much it grew; `None` where it is not
    /// there.
    fn look(&mut self, snapshot: &Snapshot, now: Instant) -> Option<f64> {
        let (value, reason) = self.rule.subject.value(snapshot)?;
        self.reason = reason;
        let Some(within) = self.rule.growth_within else {
            return Some(value);
        };
        // One that is as old as that is what it is compared with.
        let is_old = |at: Instant| within <= now.saturating_duration_since(at);
        while self.past.get(1).is_some_and(|(at, _)| is_old(*at)) || MAX_PAST <= self.past.len() {
            self.past.pop_front();
        }
        let before = self.past.front().map_or(value, |(_, before)| *before);
        self.past.push_back((now, value));
        Some(value - before)
    }

    fn alert(&self, state: AlertState) -> Alert {
        let AlertRule {
            name,
            severity,
            labels,
            ..
        } = &self.rule;
        let reason = self
            .reason
            .as_ref()
            .filter(|_| state != AlertState::Resolved);
        let rule = self.rule.shown(self.value);
        Alert {
            rule: name.clone(),
            severity: *severity,
            state,
            value: self.value,
            message: match reason {
                Some(reason) => format!("{rule}: {reason}"),
                None => rule,
            },
            labels: labels.clone(),
        }
    }
}

impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alerts")
            .field("rules", &self.rules.len())
            .field("active", &self.active().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
