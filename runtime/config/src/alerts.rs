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

use patinox_policy::{Quantity, Unit, nearest};
use patinox_telemetry::{
    AlertRule, Alerts, Comparison, Condition, HOST_CHECKS, RuleError, Severity, Subject,
};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::error::echo;
use crate::parse::{Reader, given, in_order};
use crate::{Error, Place};

/// The most rules: each is judged at each look of a host at itself.
pub const MAX_ALERT_RULES: usize = 200;

/// The longest name of a rule, and the longest label of one or its value, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// The most labels of a rule.
const MAX_LABELS: usize = 16;

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

/// How rules are written.
const EACH: &str = "write each as `[[alerts.rules]]`, with its keys below it";

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

type Value<'i> = Spanned<DeValue<'i>>;

/// A value and what it belongs to.
struct Field<'a, 'i> {
    name: String,
    place: Place,
    value: &'a Value<'i>,
}

/// One table, its values by key.
struct Table<'a, 'i> {
    reader: Reader<'a>,
    /// What it is called in messages.
    name: String,
    place: Place,
    table: &'a DeTable<'i>,
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
        for table in tables(reader, &field)? {
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
    judged.map(drop).map_err(|RuleError { rule, reason }| {
        let hint = match rules.iter().filter(|one| one.name == rule).count() {
            0 | 1 => "`docs/monitoring.md` has all metrics with their labels".to_owned(),
            _ => "give it another name, or leave the default rules out: `defaults = false`"
                .to_owned(),
        };
        let place = places.get(&rule).cloned();
        Error::AlertRule {
            subject: format!("alert rule `{}`", echo(&rule)),
            // The default ones are valid.
            place: place.unwrap_or_default(),
            rule: format!("is refused: {}", echo(&reason)),
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
    let labels = table.field("labels").map(|field| pairs(table, &field));
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
    let labels = table.field("where").map(|field| pairs(table, &field));
    match (table.field("metric"), table.field("health")) {
        (Some(metric), None) => Ok(Subject::Metric {
            // As Prometheus has it, or as we do.
            name: text(&metric)?.trim_end_matches("_total").to_owned(),
            labels: labels.transpose()?.unwrap_or_default(),
        }),
        (None, Some(health)) if labels.is_some() => {
            let rule = "takes no `where`: that is for a metric".to_owned();
            Err(health.breaks(rule, format!("write it like `{example}`")))
        }
        (None, Some(health)) => {
            let check = text(&health)?;
            if HOST_CHECKS.contains(&check) {
                return Ok(Subject::Health(check.to_owned()));
            }
            let hint = nearest(check, HOST_CHECKS.into_iter()).map_or_else(
                || format!("the checks are {}", HOST_CHECKS.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let rule = format!("must be the name of a check, not `{}`", echo(check));
            Err(health.breaks(rule, hint))
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
        Subject::Health(_) => condition(field, *comparison)?.figure(),
    };
    Ok((*comparison, threshold))
}

/// The condition that a check is compared with; not one with which a rule would hold
/// always or never.
fn condition(field: &Field<'_, '_>, comparison: Comparison) -> Result<Condition, Error> {
    let [healthy, degraded, unhealthy] = CONDITIONS;
    let of_use = match comparison {
        Comparison::Above | Comparison::AtMost => [healthy, degraded],
        Comparison::AtLeast | Comparison::Below => [degraded, unhealthy],
    };
    one_of(field, of_use, Condition::as_str)
}

impl<'a, 'i> Table<'a, 'i> {
    fn field(&self, key: &str) -> Option<Field<'a, 'i>> {
        let value = self.table.get(key)?;
        Some(Field {
            name: format!("{}.{key}", self.name),
            place: self.reader.place(value.span().start),
            value,
        })
    }

    fn needed(&self, key: &str, example: &str) -> Result<Field<'a, 'i>, Error> {
        self.field(key).ok_or_else(|| {
            let rule = format!("must have `{key}`");
            self.breaks(&rule, format!("write it like `{example}`"))
        })
    }

    fn has_only(&self, keys: &[&'static str]) -> Result<(), Error> {
        let mut pairs = in_order(self.table).into_iter();
        let unknown = pairs.find(|(key, _)| !keys.contains(&key.get_ref().as_ref()));
        let Some((key, _)) = unknown else {
            return Ok(());
        };
        let name = key.get_ref().as_ref();
        let hint = nearest(name, keys.iter().copied()).map_or_else(
            || format!("the keys of `{}` are {}", self.name, keys.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        Err(Error::UnknownKey {
            name: echo(&format!("{}.{name}", self.name)),
            place: self.reader.place(key.span().start),
            hint,
        })
    }

    fn breaks(&self, rule: &str, hint: String) -> Error {
        Error::AlertRule {
            subject: format!("`{}`", self.name),
            place: self.place.clone(),
            rule: rule.to_owned(),
            hint,
        }
    }
}

impl Field<'_, '_> {
    fn breaks(&self, rule: String, hint: String) -> Error {
        Error::AlertRule {
            subject: format!("`{}`", self.name),
            place: self.place.clone(),
            rule,
            hint,
        }
    }

    /// It is of another type.
    fn must_be(&self, what: &str, example: &str) -> Error {
        let rule = format!(
            "must be {what}, not {}",
            given(self.value.get_ref()).shown()
        );
        let key = self.name.rsplit('.').next().unwrap_or_default();
        self.breaks(rule, format!("write it like `{key} = {example}`"))
    }
}

fn text<'a>(field: &Field<'a, '_>) -> Result<&'a str, Error> {
    match field.value.get_ref() {
        DeValue::String(text) => Ok(text),
        _ => Err(field.must_be("text", "\"…\"")),
    }
}

fn boolean(field: &Field<'_, '_>) -> Result<bool, Error> {
    match field.value.get_ref() {
        DeValue::Boolean(is_so) => Ok(*is_so),
        _ => Err(field.must_be("`true` or `false`", "true")),
    }
}

fn number(field: &Field<'_, '_>) -> Result<f64, Error> {
    let read: Option<f64> = match field.value.get_ref() {
        DeValue::Float(float) => float.as_str().replace('_', "").parse().ok(),
        // Of any radix; exact enough for a threshold.
        DeValue::Integer(integer) => {
            let read = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
            read.and_then(|number| number.to_string().parse().ok())
        }
        _ => None,
    };
    if read.is_some_and(|number| !number.is_finite()) {
        return Err(field.must_be("a finite number", "50"));
    }
    read.ok_or_else(|| field.must_be("a number", "50"))
}

fn time(field: &Field<'_, '_>, least: Duration) -> Result<Duration, Error> {
    let rule = "a time with its unit";
    let DeValue::String(text) = field.value.get_ref() else {
        return Err(field.must_be(rule, "\"5m\""));
    };
    let read = Quantity::parse(text, Unit::Milliseconds);
    let time = read.map(|quantity| Duration::from_millis(quantity.value));
    match time {
        Ok(time) if least <= time => Ok(time),
        Ok(_) => Err(field.must_be(&format!("at least {least:?}"), "\"5m\"")),
        Err(_) => Err(field.must_be(rule, "\"5m\"")),
    }
}

fn one_of<T: Copy, const N: usize>(
    field: &Field<'_, '_>,
    all: [T; N],
    word: fn(T) -> &'static str,
) -> Result<T, Error> {
    let names = all.map(word);
    let found = match field.value.get_ref() {
        DeValue::String(text) => all.into_iter().find(|one| word(*one) == text.as_ref()),
        _ => None,
    };
    found.ok_or_else(|| {
        let quoted = names.map(|name| format!("`{name}`"));
        let last = names.last().copied().unwrap_or_default();
        let what = format!("one of {}", quoted.join(", "));
        field.must_be(&what, &format!("\"{last}\""))
    })
}

/// A name of lower-case letters, digits and dashes: it stands in figures and logs.
fn kebab(field: &Field<'_, '_>) -> Result<String, Error> {
    let name = text(field)?;
    let is_one = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-');
    if name.is_empty() || MAX_NAME_BYTES < name.len() || !name.chars().all(is_one) {
        let what = format!("1 to {MAX_NAME_BYTES} of `a-z0-9-`");
        return Err(field.must_be(&what, "\"many-wait\""));
    }
    Ok(name.to_owned())
}

/// Names and values, all text.
fn pairs(table: &Table<'_, '_>, field: &Field<'_, '_>) -> Result<Vec<(String, String)>, Error> {
    let DeValue::Table(inner) = field.value.get_ref() else {
        return Err(field.must_be("a table", "{ team = \"tools\" }"));
    };
    if MAX_LABELS < inner.len() {
        let rule = format!(
            "must have at most {MAX_LABELS} of them, not {}",
            inner.len()
        );
        return Err(field.breaks(rule, "leave some out".to_owned()));
    }
    let all = in_order(inner).into_iter().map(|(key, value)| {
        let name: &str = key.get_ref();
        let of_one = Field {
            name: format!("{}.{}", field.name, echo(name)),
            place: table.reader.place(value.span().start),
            value,
        };
        let text = text(&of_one)?;
        if MAX_NAME_BYTES < name.len().max(text.len()) {
            let rule = format!("must have at most {MAX_NAME_BYTES} bytes, name and value each");
            return Err(of_one.breaks(rule, "write less".to_owned()));
        }
        Ok((name.to_owned(), text.to_owned()))
    });
    all.collect()
}

/// The tables of an array.
fn tables<'a, 'i>(reader: Reader<'a>, field: &Field<'a, 'i>) -> Result<Vec<Table<'a, 'i>>, Error> {
    let array: &DeArray<'i> = match field.value.get_ref() {
        DeValue::Array(array) => array,
        _ => {
            let found = given(field.value.get_ref()).shown();
            let rule = format!("must be an array of tables, not {found}");
            return Err(field.breaks(rule, EACH.to_owned()));
        }
    };
    if MAX_ALERT_RULES < array.len() {
        let rule = format!(
            "must have at most {MAX_ALERT_RULES} rules, not {}",
            array.len()
        );
        return Err(field.breaks(rule, "leave some out".to_owned()));
    }
    let tables = array.iter().enumerate().map(|(index, value)| {
        let of_one = Field {
            name: format!("{}[{index}]", field.name),
            place: reader.place(value.span().start),
            value,
        };
        let DeValue::Table(table) = value.get_ref() else {
            let found = given(value.get_ref()).shown();
            return Err(of_one.breaks(format!("must be a table, not {found}"), EACH.to_owned()));
        };
        Ok(Table {
            reader,
            name: of_one.name,
            place: of_one.place,
            table,
        })
    });
    tables.collect()
}

#[cfg(test)]
mod tests;
