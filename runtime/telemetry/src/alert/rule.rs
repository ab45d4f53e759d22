//! When a rule holds.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::metrics::{ALL, MetricKind, Value};
use crate::{Condition, Snapshot};

/// How bad it is. What comes later is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody should know.
    Info,
    /// Somebody should look soon.
    Warning,
    /// Somebody must act.
    Critical,
}

impl Severity {
    /// The severity as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a rule looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A metric: the sum of its series that have these labels. Of a histogram it is
    /// how many were counted.
    Metric {
        /// Its name, as [`Metric::name`](crate::metrics::Metric::name) has it.
        name: String,
        /// Labels and their values; none for all series.
        labels: Vec<(String, String)>,
    },
    /// How a part is: 0 healthy, 1 degraded, 2 unhealthy. Its name is not checked, as
    /// a monitor of one's own may tell it; a part that nobody tells of fires nothing.
    Health(String),
}

/// How a value is compared with the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// It is larger.
    Above,
    /// It is as large or larger.
    AtLeast,
    /// It is smaller.
    Below,
    /// It is as small or smaller.
    AtMost,
}

impl Comparison {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::AtLeast => "at least",
            Self::Below => "below",
            Self::AtMost => "at most",
        }
    }
}

/// When somebody is to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRule {
    /// Its name, 1 to 128 of `a-z0-9-`; no other rule has it.
    pub name: String,
    /// What it looks at.
    pub subject: Subject,
    /// How that is compared.
    pub comparison: Comparison,
    /// With what.
    pub threshold: f64,
    /// Compares not the value but how much it grew within so long: for counters.
    pub growth_within: Option<Duration>,
    /// How long the condition must hold.
    pub lasting: Duration,
    /// How bad it is.
    pub severity: Severity,
    /// What is told with it, such as who is to know.
    pub labels: Vec<(String, String)>,
}

/// Why a rule is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("alert rule `{rule}`: {reason}")]
pub struct RuleError {
    /// The name of the rule.
    pub rule: String,
    /// What is wrong with it.
    pub reason: String,
    /// What to write instead.
    pub hint: String,
}

impl AlertRule {
    /// What a host should tell that nobody has made rules for: a part that is not
    /// well, calls that are turned away or that we fail, clean-ups that fail,
    /// compiled code that cannot be kept track of.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        let minutes = Duration::from_mins;
        let health = |check: &str, at_least, lasting, severity| Self {
            name: match at_least {
                Condition::Unhealthy => format!("{check}-unhealthy"),
                Condition::Degraded | Condition::Healthy => format!("{check}-degraded"),
            },
            subject: Subject::Health(check.to_owned()),
            comparison: Comparison::AtLeast,
            threshold: at_least.figure(),
            growth_within: None,
            lasting,
            severity,
            labels: Vec::new(),
        };
        let growth = |name: &str, metric: &str, labels: &[(&str, &str)], severity| Self {
            name: name.to_owned(),
            subject: Subject::Metric {
                name: metric.to_owned(),
                labels: labels
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
            },
            comparison: Comparison::Above,
            threshold: 0.0,
            growth_within: Some(minutes(5)),
            lasting: Duration::ZERO,
            severity,
            labels: Vec::new(),
        };
        let (degraded, unhealthy) = (Condition::Degraded, Condition::Unhealthy);
        vec![
            health("resources", degraded, minutes(5), Severity::Warning),
            health("resources", unhealthy, Duration::ZERO, Severity::Critical),
            health("pool", degraded, minutes(5), Severity::Warning),
            health("pool", unhealthy, minutes(1), Severity::Critical),
            health("impact", degraded, minutes(10), Severity::Warning),
            health("cleanup", unhealthy, Duration::ZERO, Severity::Critical),
            growth(
                "cleanup-failed",
                "patinox_cleanup_failures",
                &[],
                Severity::Warning,
            ),
            growth(
                "calls-refused",
                "patinox_calls",
                &[("outcome", "limit/busy")],
                Severity::Warning,
            ),
            growth(
                "calls-failed-by-host",
                "patinox_calls",
                &[("outcome", "host/internal")],
                Severity::Critical,
            ),
            growth("events-lost", "patinox_events_lost", &[], Severity::Info),
            growth(
                "monitor-failed",
                "patinox_monitor_failures",
                &[],
                Severity::Warning,
            ),
        ]
    }

    pub(super) fn holds(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Above => self.threshold < value,
            Comparison::AtLeast => self.threshold <= value,
            Comparison::Below => value < self.threshold,
            Comparison::AtMost => value <= self.threshold,
        }
    }

    /// The rule and what its subject has come to.
    pub(super) fn shown(&self, value: f64) -> String {
        let subject = match &self.subject {
            Subject::Metric { name, labels } => {
                let labels = labels.iter().map(|(name, value)| format!("{name}={value}"));
                let labels: Vec<_> = labels.collect();
                match labels.as_slice() {
                    [] => name.clone(),
                    labels => format!("{name} with {}", labels.join(", ")),
                }
            }
            Subject::Health(check) => format!("health of {check}"),
        };
        let grew = match self.growth_within {
            Some(within) => format!(" grew within {within:?} by"),
            None => " is".to_owned(),
        };
        let (comparison, threshold) = (self.comparison.as_str(), self.threshold);
        format!("{subject}{grew} {value}, told when {comparison} {threshold}")
    }
}

impl Subject {
    /// What it has come to, and the reason where it has one.
    pub(super) fn value(&self, snapshot: &Snapshot) -> Option<(f64, Option<String>)> {
        match self {
            Self::Health(check) => {
                let mut all = snapshot.health.iter();
                let health = all.find(|health| health.name == check)?;
                Some((health.condition.figure(), Some(health.reason.clone())))
            }
            Self::Metric { name, labels } => {
                let samples = snapshot.measures.samples().iter();
                let asked = samples.filter(|sample| {
                    let has = |(label, value): &(String, String)| {
                        let names = sample.metric.labels.iter().zip(&sample.labels);
                        let mut names = names.filter(|(name, _)| *name == label);
                        names.any(|(_, one)| one == value)
                    };
                    sample.metric.name == name && labels.iter().all(has)
                });
                let values = asked.map(|sample| match &sample.value {
                    Value::Number(number) => *number,
                    Value::Histogram(histogram) => crate::metrics::float(histogram.count()),
                });
                let values: Vec<_> = values.collect();
                // What nothing has been counted by is at nothing; a level that nobody
                // tells is not there.
                let mut counted = ALL.iter().filter(|metric| metric.kind != MetricKind::Gauge);
                let is_counted = counted.any(|metric| metric.name == name);
                let is_there = is_counted || !values.is_empty();
                // The sum of nothing has a sign.
                is_there.then(|| (values.iter().fold(0.0, |all, one| all + one), None))
            }
        }
    }
}
