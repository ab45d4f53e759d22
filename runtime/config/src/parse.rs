//! From the text of a file to a layer, with the place of every key and value.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue};

use crate::error::{echo, unknown_key, unknown_section};
use crate::layer::{Entry, Given, Layer};
use crate::{Error, Key, Origin, Place};

type Pair<'a, 'i> = (&'a Spanned<DeString<'i>>, &'a Spanned<DeValue<'i>>);

/// Reads the text of a configuration file.
pub(crate) fn layer(text: &str, file: &Path) -> Result<Layer, Error> {
    let reader = Reader { text, file };
    let document = DeTable::parse(text).map_err(|error| reader.syntax(&error))?;
    let mut layer = Layer::new();
    for (section, value) in in_order(document.get_ref()) {
        reader.section(section, value, &mut layer)?;
    }
    Ok(layer)
}

/// The pairs in the order of the file, so that its first mistake is told first.
fn in_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<Pair<'a, 'i>> {
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    pairs
}

#[derive(Clone, Copy)]
struct Reader<'t> {
    text: &'t str,
    file: &'t Path,
}

impl Reader<'_> {
    fn section(
        self,
        section: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
        layer: &mut Layer,
    ) -> Result<(), Error> {
        let name = section.get_ref();
        let place = || self.place(section.span().start);
        if !Key::all().any(|key| key.section() == name) {
            return Err(unknown_section(name, place()));
        }
        let DeValue::Table(table) = value.get_ref() else {
            return Err(Error::NotASection {
                name: name.to_string(),
                place: place(),
            });
        };
        for pair in in_order(table) {
            layer.push(self.entry(name, pair)?);
        }
        Ok(())
    }

    fn entry(self, section: &str, (name, value): Pair<'_, '_>) -> Result<Entry, Error> {
        let known = Key::all().find(|key| key.section() == section && key.name() == name.get_ref());
        let key = known.ok_or_else(|| {
            let place = self.place(name.span().start);
            unknown_key(section, name.get_ref(), place)
        })?;
        Ok(Entry {
            key,
            value: given(value.get_ref()),
            origin: Origin::File(self.place(value.span().start)),
        })
    }

    fn syntax(self, error: &toml::de::Error) -> Error {
        let byte = error.span().map_or(0, |span| span.start);
        Error::Syntax {
            place: self.place(byte),
            message: echo(error.message()),
        }
    }

    fn place(self, byte: usize) -> Place {
        Place::of(self.file, self.text, byte)
    }
}

fn given(value: &DeValue<'_>) -> Given {
    match value {
        DeValue::String(text) => Given::Text(text.to_string()),
        DeValue::Integer(integer) => Given::Integer(decimal(integer)),
        DeValue::Float(float) => Given::Other(format!("the number `{}`", echo(float.as_str()))),
        DeValue::Boolean(boolean) => Given::Other(format!("`{boolean}`")),
        DeValue::Datetime(_) => Given::Other("a date or time".to_owned()),
        DeValue::Array(_) => Given::Other("an array".to_owned()),
        DeValue::Table(_) => Given::Other("a table".to_owned()),
    }
}

/// An integer of any radix in decimal; as it stands where it is too large.
fn decimal(integer: &DeInteger<'_>) -> String {
    let read = i128::from_str_radix(integer.as_str(), integer.radix());
    read.map_or_else(|_| integer.to_string(), |number| number.to_string())
}
