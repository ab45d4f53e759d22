//! What stands in a table of a file, each value with its place.

use patinox_policy::nearest;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::error::echo;
use crate::parse::{Reader, given, in_order};
use crate::{Error, Place};

type Value<'i> = Spanned<DeValue<'i>>;

/// A value and what it belongs to.
pub(crate) struct Field<'a, 'i> {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) value: &'a Value<'i>,
}

/// One table, its values by key.
pub(crate) struct Table<'a, 'i> {
    pub(crate) reader: Reader<'a>,
    /// What it is called in messages.
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) table: &'a DeTable<'i>,
}

impl<'a, 'i> Table<'a, 'i> {
    pub(crate) fn field(&self, key: &str) -> Option<Field<'a, 'i>> {
        let value = self.table.get(key)?;
        Some(Field {
            name: format!("{}.{key}", self.name),
            place: self.reader.place(value.span().start),
            value,
        })
    }

    pub(crate) fn needed(&self, key: &str, example: &str) -> Result<Field<'a, 'i>, Error> {
        self.field(key).ok_or_else(|| {
            let rule = format!("must have `{key}`");
            self.breaks(&rule, format!("write it like `{example}`"))
        })
    }

    pub(crate) fn has_only(&self, keys: &[&'static str]) -> Result<(), Error> {
        let mut pairs = in_order(self.table).into_iter();
        let unknown = pairs.find(|(key, _)| !keys.contains(&key.get_ref().as_ref()));
        let Some((key, _)) = unknown else {
            return Ok(());
        };
        let name = key.get_ref().as_ref();
        let near = match name {
            // As Prometheus calls it.
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

    pub(crate) fn breaks(&self, rule: &str, hint: String) -> Error {
        Error::Rule {
            subject: format!("`{}`", self.name),
            place: self.place.clone(),
            rule: rule.to_owned(),
            hint,
        }
    }
}

impl Field<'_, '_> {
    pub(crate) fn breaks(&self, rule: String, hint: String) -> Error {
        Error::Rule {
            subject: format!("`{}`", self.name),
            place: self.place.clone(),
            rule,
            hint,
        }
    }

    /// It is of another type.
    pub(crate) fn must_be(&self, what: &str, example: &str) -> Error {
        let rule = format!(
            "must be {what}, not {}",
            given(self.value.get_ref()).shown()
        );
        let key = self.name.rsplit('.').next().unwrap_or_default();
        self.breaks(rule, format!("write it like `{key} = {example}`"))
    }
}

pub(crate) fn text<'a>(field: &Field<'a, '_>) -> Result<&'a str, Error> {
    match field.value.get_ref() {
        DeValue::String(text) => Ok(text),
        _ => Err(field.must_be("text", "\"…\"")),
    }
}

/// The tables of an array.
pub(crate) fn tables<'a, 'i>(
    reader: Reader<'a>,
    field: &Field<'a, 'i>,
    (most, each): (usize, &str),
) -> Result<Vec<Table<'a, 'i>>, Error> {
    let array: &DeArray<'i> = match field.value.get_ref() {
        DeValue::Array(array) => array,
        _ => {
            let found = given(field.value.get_ref()).shown();
            let rule = format!("must be an array of tables, not {found}");
            return Err(field.breaks(rule, each.to_owned()));
        }
    };
    if most < array.len() {
        let rule = format!("must have at most {most} of them, not {}", array.len());
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
            return Err(of_one.breaks(format!("must be a table, not {found}"), each.to_owned()));
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

/// Texts in an array, each with the byte at which it stands.
pub(crate) fn texts<'a, 'i>(
    table: &Table<'a, 'i>,
    field: &Field<'a, 'i>,
    (most, example): (usize, &str),
) -> Result<Vec<(&'a str, usize)>, Error> {
    let DeValue::Array(array) = field.value.get_ref() else {
        return Err(field.must_be("an array of texts", example));
    };
    if most < array.len() {
        let rule = format!("must have at most {most} of them, not {}", array.len());
        return Err(field.breaks(rule, "leave some out".to_owned()));
    }
    let all = array.iter().enumerate().map(|(index, value)| {
        let byte = value.span().start;
        let DeValue::String(text) = value.get_ref() else {
            let of_one = Field {
                name: format!("{}[{index}]", field.name),
                place: table.reader.place(byte),
                value,
            };
            return Err(of_one.must_be("text", "\"…\""));
        };
        Ok((text.as_ref(), byte))
    });
    all.collect()
}
