//! `[alerts]`: what a host is to tell when something is wrong.
//!
//! ```toml
//! [alerts]
//! defaults = true
//! repeat = "1h"
//!
//! [[alerts.rules]]
//! name = "many-wait"
//! metric = "patinox_calls_waiting"
//! above = 50
//! lasting = "30s"
//! severity = "warning"
//! labels = { team = "tools" }
//! ```

use std::collections::HashMap;
use std::time::Duration;

use patinox_policy::nearest;
use patinox_telemetry::metrics::HEALTH;
use patinox_telemetry::{
    AlertRule, Alerts, Comparison, Condition, HOST_CHECKS, RuleError, Severity, Subject,
};
use toml::de::DeTable;

use self::field::{boolean, kebab, number, one_of, pairs, time};
use crate::error::echo;
use crate::parse::Reader;
use crate::table::{Field, Table, tables, text};
use crate::{Error, Place};

mod field;

/// The most rules: each is judged at each look of a host at itself.
pub const MAX_ALERT_RULES: usize = 200;

/// How rules are written.
const EACH: &str = "write each as `[[alerts.rules]]`, with its keys below it";

/// The name of the section.
pub(crate) const SECTION: &str = "alerts";

const KEYS: [&str; 3] = ["defaults", "repeat", "rules"];

const RULE_KEYS: [&str; 12] = [
    "name",
    "metric",
    "where",
    "health",
    "above",
    "at-least",
    "below",
    "at-most",
    "growth-within",
    "lasting",
    "severity",
    "labels",
];

const COMPARISONS: [(&str, Comparison); 4] = [
    ("above", Comparison::Above),
    ("at-least", Comparison::AtLeast),
    ("below", Comparison::Below),
    ("at-most", Comparison::AtMost),
];

const CONDITIONS: [Condition; 3] = [
    Condition::Healthy,
    Condition::Degraded,
    Condition::Unhealthy,
];

const SEVERITIES: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Critical];

/// What a metric's series are told apart by, as it is written.
const WHERE: &str = "{ outcome = \"limit/busy\" }";

/// What is told with an alert, as it is written.
const LABELS: &str = "{ team = \"tools\" }";

/// What a host is to tell when something is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertSettings {
    /// When: the [default rules](AlertRule::defaults), where the file wants them, and
    /// its own. They are valid, and have names of their own.
    pub rules: Vec<AlertRule>,
    /// After how long it is told again while it goes on.
    pub repeat: Duration,
}

impl Default for AlertSettings {
    /// The default rules, each hour again.
    fn default() -> Self {
        Self {
            rules: AlertRule::defaults(),
            repeat: Duration::from_hours(1),
        }
    }
}

/// Reads the section.
pub(crate) fn read(reader: Reader<'_>, table: &DeTable<'_>) -> Result<AlertSettings, Error> {
    let table = Table {
        reader,
        name: SECTION.to_owned(),
        place: reader.place(0),
        table,
    };
    table.has_only(&KEYS)?;
    let has_defaults = table
        .field("defaults")
        .map_or(Ok(true), |field| boolean(&field))?;
    let repeat = table.field("repeat");
    let repeat = repeat.map_or(Ok(AlertSettings::default().repeat), |field| {
        time(&field, Duration::from_secs(1))
    })?;
    let mut rules = Vec::new();
    let mut places = HashMap::new();
    if has_defaults {
        rules = AlertRule::defaults();
    }
    if let Some(field) = table.field("rules") {
        for table in tables(reader, &field, (MAX_ALERT_RULES, EACH))? {
            let rule = rule(&table)?;
            // The first of two with one name is not the one to change.
            places.insert(rule.name.clone(), table.place);
            rules.push(rule);
        }
    }
    check(&rules, &places)?;
    Ok(AlertSettings { rules, repeat })
}

/// What only the rules themselves know, told with the place of the rule.
fn check(rules: &[AlertRule], places: &HashMap<String, Place>) -> Result<(), Error> {
    let judged = Alerts::new(rules.to_vec(), Duration::ZERO, Vec::new());
    judged.map(drop).map_err(|error| {
        let RuleError { rule, reason, hint } = error;
        let is_default = || AlertRule::defaults().iter().any(|one| one.name == rule);
        let has_its_name = 1 < rules.iter().filter(|one| one.name == rule).count();
        let hint = match has_its_name && is_default() {
            true => "a default rule has it: give this one another name, or leave the default \
                     rules out: `defaults = false`"
                .to_owned(),
            false => hint,
        };
        let place = places.get(&rule).cloned();
        Error::Rule {
            subject: format!("alert rule `{}`", echo(&rule)),
            // The default ones are valid.
            place: place.unwrap_or_default(),
            rule: format!("is refused: {reason}"),
            hint,
        }
    })
}

fn rule(table: &Table<'_, '_>) -> Result<AlertRule, Error> {
    table.has_only(&RULE_KEYS)?;
    let name = table.needed("name", "name = \"many-wait\"")?;
    let name = kebab(&name)?;
    let subject = subject(table)?;
    let (comparison, threshold) = threshold(table, &subject)?;
    let time_of = |key, least| {
        let field = table.field(key);
        field.map(|field| time(&field, least)).transpose()
    };
    let growth_within = time_of("growth-within", Duration::from_secs(1))?;
    let lasting = time_of("lasting", Duration::ZERO)?;
    let severity = table.field("severity");
    let severity = severity.map(|field| one_of(&field, SEVERITIES, Severity::as_str));
    let labels = table
        .field("labels")
        .map(|field| pairs(table, &field, LABELS));
    Ok(AlertRule {
        name,
        subject,
        comparison,
        threshold,
        growth_within,
        lasting: lasting.unwrap_or_default(),
        severity: severity.transpose()?.unwrap_or(Severity::Warning),
        labels: labels.transpose()?.unwrap_or_default(),
    })
}

fn subject(table: &Table<'_, '_>) -> Result<Subject, Error> {
    let example = "metric = \"patinox_calls_waiting\"` or `health = \"pool\"";
    let labels = table
        .field("where")
        .map(|field| pairs(table, &field, WHERE));
    match (table.field("metric"), table.field("health")) {
        (Some(metric), None) => {
            // As Prometheus has it, or as we do.
            let name = text(&metric)?.trim_end_matches("_total").to_owned();
            let labels = labels.transpose()?.unwrap_or_default();
            let checks = labels.iter().filter(|(label, _)| label == "check");
            let is_health = name == HEALTH.name;
            for ((_, check), field) in checks.zip(table.field("where")).filter(|_| is_health) {
                is_check(&field, check)?;
            }
            Ok(Subject::Metric { name, labels })
        }
        (None, Some(health)) if labels.is_some() => {
            let rule = "takes no `where`: that is for a metric".to_owned();
            Err(health.breaks(rule, format!("write it like `{example}`")))
        }
        (None, Some(health)) => {
            let check = text(&health)?;
            is_check(&health, check)?;
            Ok(Subject::Health(check.to_owned()))
        }
        (Some(_), Some(_)) => Err(table.breaks(
            "must have `metric` or `health`, not both",
            format!("write it like `{example}`"),
        )),
        (None, None) => Err(table.breaks(
            "must have `metric` or `health`",
            format!("write it like `{example}`"),
        )),
    }
}

/// A host has such a check. One of an embedder's own is for his rules in Rust.
fn is_check(field: &Field<'_, '_>, check: &str) -> Result<(), Error> {
    if HOST_CHECKS.contains(&check) {
        return Ok(());
    }
    let hint = nearest(check, HOST_CHECKS.into_iter()).map_or_else(
        || format!("the checks are {}", HOST_CHECKS.join(", ")),
        |near| format!("did you mean `{near}`?"),
    );
    let rule = format!("must be the name of a check, not `{}`", echo(check));
    Err(field.breaks(rule, hint))
}

/// How it is compared, and with what.
fn threshold(table: &Table<'_, '_>, subject: &Subject) -> Result<(Comparison, f64), Error> {
    let given = COMPARISONS
        .into_iter()
        .filter_map(|(key, comparison)| Some((table.field(key)?, comparison)));
    let given: Vec<_> = given.collect();
    let [(field, comparison)] = given.as_slice() else {
        let example = match subject {
            Subject::Metric { .. } => "above = 50",
            Subject::Health(_) => "at-least = \"degraded\"",
        };
        let rule = match given.is_empty() {
            true => "must have one of `above`, `at-least`, `below` and `at-most`",
            false => "must have only one of `above`, `at-least`, `below` and `at-most`",
        };
        return Err(table.breaks(rule, format!("write it like `{example}`")));
    };
    let threshold = match subject {
        Subject::Metric { .. } => number(field)?,
        Subject::Health(check) => condition(field, check, *comparison)?.figure(),
    };
    Ok((*comparison, threshold))
}

/// The condition that a check is compared with; not one with which a rule would hold
/// always or never.
fn condition(
    field: &Field<'_, '_>,
    check: &str,
    comparison: Comparison,
) -> Result<Condition, Error> {
    let [healthy, degraded, unhealthy] = CONDITIONS;
    let is_strict = matches!(comparison, Comparison::Above | Comparison::AtMost);
    match (is_strict, check) {
        // It is never unhealthy.
        (true, "impact") => one_of(field, [healthy], Condition::as_str),
        (false, "impact") => one_of(field, [degraded], Condition::as_str),
        (true, _) => one_of(field, [healthy, degraded], Condition::as_str),
        (false, _) => one_of(field, [degraded, unhealthy], Condition::as_str),
    }
}

#[cfg(test)]
mod tests;
