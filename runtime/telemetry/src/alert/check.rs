//! Rules that make no sense, or would hold always or never, are none.

use std::collections::HashSet;
use std::time::Duration;

use patinox_policy::{cut, escape_line, nearest};

use super::{AlertRule, RuleError, Subject};
use crate::Condition;
use crate::metrics::{ALL, HEALTH, MACHINE_CPU, Metric, MetricKind, OTHER, PRESSURE, label_values};

/// The longest name of a rule, in bytes.
pub const MAX_RULE_NAME_BYTES: usize = 128;

/// What is shown of a text that is wrong, in bytes.
const MAX_SHOWN_BYTES: usize = 128;

/// The check of how much of the machine a host takes is never worse than degraded.
const IMPACT: &str = "impact";

/// What is wrong with a rule, and what to write instead.
struct Wrong {
    reason: String,
    hint: String,
}

impl Wrong {
    fn new(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            hint: hint.into(),
        }
    }
}

/// Each rule by itself, and its name among all.
pub(super) fn check(rules: &[AlertRule]) -> Result<(), RuleError> {
    let mut names = HashSet::new();
    for rule in rules {
        let is_new = names.insert(&rule.name);
        check_rule(rule, is_new).map_err(|Wrong { reason, hint }| RuleError {
            rule: shown(&rule.name),
            reason,
            hint,
        })?;
    }
    Ok(())
}

fn check_rule(rule: &AlertRule, is_new: bool) -> Result<(), Wrong> {
    if !is_kebab(&rule.name) {
        return Err(Wrong::new(
            format!("its name must be 1 to {MAX_RULE_NAME_BYTES} of `a-z0-9-`"),
            "name it like `many-wait`",
        ));
    }
    if !is_new {
        return Err(Wrong::new(
            "another rule has its name",
            "give one of the two another name",
        ));
    }
    if !rule.threshold.is_finite() {
        return Err(Wrong::new(
            format!("its threshold is `{}`, no finite number", rule.threshold),
            "compare with a number like 50",
        ));
    }
    if rule.growth_within == Some(Duration::ZERO) {
        return Err(Wrong::new(
            "nothing grows within no time",
            "let it grow within a time like 5m",
        ));
    }
    match &rule.subject {
        Subject::Health(check) => check_health(rule, check),
        Subject::Metric { name, labels } => check_metric(rule, name, labels),
    }
}

/// A name of lower-case letters, digits and dashes: it stands in figures and logs.
fn is_kebab(name: &str) -> bool {
    let is_one = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-');
    !name.is_empty() && name.len() <= MAX_RULE_NAME_BYTES && name.chars().all(is_one)
}

/// There is such a metric, with these labels, and it can come to both sides of the
/// threshold.
fn check_metric(rule: &AlertRule, name: &str, labels: &[(String, String)]) -> Result<(), Wrong> {
    let metric = find(name)?;
    let grows = rule.growth_within.is_some();
    if grows && metric.kind == MetricKind::Gauge {
        return Err(Wrong::new(
            format!(
                "`{name}` is no counter: it goes up and down, so how much it grew says nothing"
            ),
            "compare its value, and say for how long it must last",
        ));
    }
    for (label, value) in labels {
        check_label(metric, label, value)?;
    }
    let (values, why): (&[f64], _) = match labels {
        // Of a part or a resource there is one series, and it is one of three.
        [(_, check), ..] if metric.name == HEALTH.name && check == IMPACT => {
            (&[0.0, 1.0], "of `impact` it is 0 or 1".to_owned())
        }
        [_, ..] if [HEALTH.name, PRESSURE.name].contains(&metric.name) => {
            (&[0.0, 1.0, 2.0], metric.help.to_owned())
        }
        // A share: any number between the two.
        _ if metric.name == MACHINE_CPU.name => (&[0.0, 1.0], "it is 0 to 1".to_owned()),
        // Where series are forgotten it is less than nothing for a while: nothing to
        // be told of.
        _ if grows => (&[0.0, f64::MAX], "it grows by 0 or more".to_owned()),
        _ => (&[0.0, f64::MAX], "it is 0 or more".to_owned()),
    };
    can_change(rule, &format!("`{name}`"), values, &why)
}

fn find(name: &str) -> Result<&'static Metric, Wrong> {
    if let Some(metric) = ALL.iter().find(|metric| metric.name == name) {
        return Ok(metric);
    }
    let names = ALL.iter().map(|metric| metric.name);
    let stems = names
        .clone()
        .filter_map(|name| name.strip_prefix("patinox_"));
    let reason = format!("there is no metric `{}`", shown(name));
    if let Some(metric) = ALL.iter().find(|metric| metric.full_name() == name) {
        let hint = format!(
            "write `{}`: only Prometheus has `_total` behind it",
            metric.name
        );
        return Err(Wrong::new(reason, hint));
    }
    let near = nearest(name, names).map(str::to_owned);
    let near = near.or_else(|| nearest(name, stems).map(|stem| format!("patinox_{stem}")));
    Err(Wrong::new(
        reason,
        near.map_or_else(
            || "`docs/monitoring.md` has all metrics".to_owned(),
            |near| format!("did you mean `{near}`?"),
        ),
    ))
}

/// The metric has that label, and the label may be so.
fn check_label(metric: &Metric, label: &str, value: &str) -> Result<(), Wrong> {
    let name = metric.name;
    if !metric.labels.contains(&label) {
        let reason = format!("`{name}` has no label `{}`", shown(label));
        let hint = match metric.labels {
            [] => "leave it out: that metric has one series, and no labels".to_owned(),
            labels => format!("its labels are {}", labels.join(", ")),
        };
        return Err(Wrong::new(reason, hint));
    }
    let Some(values) = label_values(label) else {
        return Ok(());
    };
    if values.contains(&value) {
        return Ok(());
    }
    // `busy` is meant for `limit/busy`.
    let last = |known: &&&str| known.rsplit('/').next() == Some(value);
    let near = values.iter().find(last).copied();
    let near = near.or_else(|| nearest(value, values.iter().copied()));
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None if label == "outcome" => {
            format!("it is `ok`, `{OTHER}` or one of the codes in `docs/troubleshooting.md`")
        }
        None => format!("it is one of {}", values.join(", ")),
    };
    let reason = format!("`{label}` of `{name}` is never `{}`", shown(value));
    Err(Wrong::new(reason, hint))
}

fn check_health(rule: &AlertRule, check: &str) -> Result<(), Wrong> {
    if rule.growth_within.is_some() {
        return Err(Wrong::new(
            "a check is no counter, so it does not grow",
            "say for how long it must last",
        ));
    }
    let (healthy, degraded) = (Condition::Healthy.figure(), Condition::Degraded.figure());
    if check == IMPACT {
        let why = "healthy is 0, degraded 1, and it is never unhealthy";
        return can_change(rule, "the check `impact`", &[healthy, degraded], why);
    }
    let all = [healthy, degraded, Condition::Unhealthy.figure()];
    let why = "healthy is 0, degraded 1, unhealthy 2";
    can_change(rule, "a check", &all, why)
}

/// The rule does not hold at all of these values, and not at none of them.
fn can_change(rule: &AlertRule, what: &str, values: &[f64], why: &str) -> Result<(), Wrong> {
    let held = values.iter().filter(|value| rule.holds(**value)).count();
    let (always, hint) = match held {
        0 => ("never", "it would never fire: compare with another number"),
        _ if held == values.len() => (
            "always",
            "it would always fire: compare with another number",
        ),
        _ => return Ok(()),
    };
    let (verb, comparison, threshold) = (
        match rule.growth_within {
            Some(_) => "grows by what is",
            None => "is",
        },
        rule.comparison.as_str(),
        rule.threshold,
    );
    let reason = format!("{what} {always} {verb} {comparison} {threshold}: {why}");
    Err(Wrong::new(reason, hint))
}

/// A text that is wrong, as a message may have it.
fn shown(text: &str) -> String {
    escape_line(&cut(text, MAX_SHOWN_BYTES)).into_owned()
}
