//! Values of the section, each with its place.

use std::time::Duration;

use patinox_policy::{Quantity, Unit, nearest};
use patinox_telemetry::MAX_RULE_NAME_BYTES;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::MAX_ALERT_RULES;
use crate::error::echo;
use crate::parse::{Reader, given, in_order};
use crate::{Error, Place};

/// The longest label of a rule or its value, in bytes.
const MAX_LABEL_BYTES: usize = 128;

/// The most labels of a rule.
const MAX_LABELS: usize = 16;

/// How rules are written.
const EACH: &str = "write each as `[[alerts.rules]]`, with its keys below it";

type Value<'i> = Spanned<DeValue<'i>>;

/// A value and what it belongs to.
pub(super) struct Field<'a, 'i> {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) value: &'a Value<'i>,
}

/// One table, its values by key.
pub(super) struct Table<'a, 'i> {
    pub(super) reader: Reader<'a>,
    /// What it is called in messages.
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) table: &'a DeTable<'i>,
}

impl<'a, 'i> Table<'a, 'i> {
    pub(super) fn field(&self, key: &str) -> Option<Field<'a, 'i>> {
        let value = self.table.get(key)?;
        Some(Field {
            name: format!("{}.{key}", self.name),
            place: self.reader.place(value.span().start),
            value,
        })
    }

    pub(super) fn needed(&self, key: &str, example: &str) -> Result<Field<'a, 'i>, Error> {
        self.field(key).ok_or_else(|| {
            let rule = format!("must have `{key}`");
            self.breaks(&rule, format!("write it like `{example}`"))
        })
    }

    pub(super) fn has_only(&self, keys: &[&'static str]) -> Result<(), Error> {
        let mut pairs = in_order(self.table).into_iter();
        let unknown = pairs.find(|(key, _)| !keys.contains(&key.get_ref().as_ref()));
        let Some((key, _)) = unknown else {
            return Ok(());
        };
        let name = key.get_ref().as_ref();
        // As Prometheus calls it.
        let near = match name {
            "for" => Some("lasting").filter(|key| keys.contains(key)),
            name => nearest(name, keys.iter().copied()),
        };
        let hint = near.map_or_else(
            || format!("the keys of `{}` are {}", self.name, keys.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        Err(Error::UnknownKey {
            name: echo(&format!("{}.{name}", self.name)),
            place: self.reader.place(key.span().start),
            hint,
        })
    }

    pub(super) fn breaks(&self, rule: &str, hint: String) -> Error {
        Error::AlertRule {
            subject: format!("`{}`", self.name),
            place: self.place.clone(),
            rule: rule.to_owned(),
            hint,
        }
    }
}

impl Field<'_, '_> {
    pub(super) fn breaks(&self, rule: String, hint: String) -> Error {
        Error::AlertRule {
            subject: format!("`{}`", self.name),
            place: self.place.clone(),
            rule,
            hint,
        }
    }

    /// It is of another type.
    pub(super) fn must_be(&self, what: &str, example: &str) -> Error {
        let rule = format!(
            "must be {what}, not {}",
            given(self.value.get_ref()).shown()
        );
        let key = self.name.rsplit('.').next().unwrap_or_default();
        self.breaks(rule, format!("write it like `{key} = {example}`"))
    }
}

pub(super) fn text<'a>(field: &Field<'a, '_>) -> Result<&'a str, Error> {
    match field.value.get_ref() {
        DeValue::String(text) => Ok(text),
        _ => Err(field.must_be("text", "\"…\"")),
    }
}

pub(super) fn boolean(field: &Field<'_, '_>) -> Result<bool, Error> {
    match field.value.get_ref() {
        DeValue::Boolean(is_so) => Ok(*is_so),
        _ => Err(field.must_be("`true` or `false`", "true")),
    }
}

pub(super) fn number(field: &Field<'_, '_>) -> Result<f64, Error> {
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

pub(super) fn time(field: &Field<'_, '_>, least: Duration) -> Result<Duration, Error> {
    let rule = "a time with its unit, `ms`, `s`, `m` or `h`";
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

pub(super) fn one_of<T: Copy, const N: usize>(
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
        let what = match quoted.as_slice() {
            [only] => format!("{only} here"),
            all => format!("one of {}", all.join(", ")),
        };
        field.must_be(&what, &format!("\"{last}\""))
    })
}

/// A name of lower-case letters, digits and dashes: it stands in figures and logs.
pub(super) fn kebab(field: &Field<'_, '_>) -> Result<String, Error> {
    let name = text(field)?;
    let is_one = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-');
    if name.is_empty() || MAX_RULE_NAME_BYTES < name.len() || !name.chars().all(is_one) {
        let what = format!("1 to {MAX_RULE_NAME_BYTES} of `a-z0-9-`");
        return Err(field.must_be(&what, "\"many-wait\""));
    }
    Ok(name.to_owned())
}

/// Names and values, all text.
pub(super) fn pairs(
    table: &Table<'_, '_>,
    field: &Field<'_, '_>,
    example: &str,
) -> Result<Vec<(String, String)>, Error> {
    let DeValue::Table(inner) = field.value.get_ref() else {
        return Err(field.must_be("a table", example));
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
        if MAX_LABEL_BYTES < name.len().max(text.len()) {
            let rule = format!("must have at most {MAX_LABEL_BYTES} bytes, name and value each");
            return Err(of_one.breaks(rule, "write less".to_owned()));
        }
        Ok((name.to_owned(), text.to_owned()))
    });
    all.collect()
}

/// The tables of an array.
pub(super) fn tables<'a, 'i>(
    reader: Reader<'a>,
    field: &Field<'a, 'i>,
) -> Result<Vec<Table<'a, 'i>>, Error> {
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
