//! Values of the section, each with its place.

use std::time::Duration;

use patinox_policy::{Quantity, Unit};
use patinox_telemetry::MAX_RULE_NAME_BYTES;
use toml::de::DeValue;

use crate::Error;
use crate::error::echo;
use crate::parse::in_order;
use crate::table::{Field, Table, text};

/// The longest label of a rule or its value, in bytes.
const MAX_LABEL_BYTES: usize = 128;

/// The most labels of a rule.
const MAX_LABELS: usize = 16;

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
