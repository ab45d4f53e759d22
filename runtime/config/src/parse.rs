//! From the text of a file to a layer, with the place of every key and value.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue};

use crate::alerts::{self, AlertSettings};
use crate::ceiling::{self, Ceiling};
use crate::components::{self, ComponentEntry};
use crate::error::{echo, unknown_key, unknown_section};
use crate::layer::{Entry, Given, Layer};
use crate::origin::Lines;
use crate::{Error, Key, Origin, Place};

pub(crate) type Pair<'a, 'i> = (&'a Spanned<DeString<'i>>, &'a Spanned<DeValue<'i>>);

/// What a configuration file says.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) layer: Layer,
    /// What only a file can say.
    pub(crate) alerts: Option<AlertSettings>,
    pub(crate) alerts_place: Option<Place>,
    pub(crate) components: Vec<ComponentEntry>,
    pub(crate) ceiling: Ceiling,
    pub(crate) ceiling_place: Option<Place>,
}

/// Reads the text of a configuration file, which lies in a folder.
pub(crate) fn contents(text: &str, (file, folder): (&Path, &Path)) -> Result<Contents, Error> {
    let lines = &Lines::of(text);
    let reader = Reader {
        lines,
        file,
        folder,
    };
    let document = DeTable::parse(text).map_err(|error| reader.syntax(&error))?;
    let mut contents = Contents::default();
    for (section, value) in in_order(document.get_ref()) {
        reader.section(section, value, &mut contents)?;
    }
    Ok(contents)
}

/// The pairs in the order of the file, so that its first mistake is told first.
pub(crate) fn in_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<Pair<'a, 'i>> {
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    pairs
}

#[derive(Clone, Copy)]
pub(crate) struct Reader<'t> {
    lines: &'t Lines<'t>,
    file: &'t Path,
    folder: &'t Path,
}

impl<'t> Reader<'t> {
    /// Where relative paths begin.
    pub(crate) const fn folder(self) -> &'t Path {
        self.folder
    }

    fn section(
        self,
        section: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
        contents: &mut Contents,
    ) -> Result<(), Error> {
        let name = section.get_ref();
        let place = || self.place(section.span().start);
        if name == components::SECTION {
            contents.components = components::read(self, value)?;
            return Ok(());
        }
        let is_other = [alerts::SECTION, ceiling::SECTION].contains(&name.as_ref());
        if !is_other && !Key::all().any(|key| key.section() == name) {
            return Err(unknown_section(name, place()));
        }
        let DeValue::Table(table) = value.get_ref() else {
            return Err(Error::NotASection {
                name: name.to_string(),
                place: place(),
            });
        };
        if name == alerts::SECTION {
            contents.alerts = Some(alerts::read(self, table)?);
            contents.alerts_place = Some(place());
            return Ok(());
        }
        if name == ceiling::SECTION {
            contents.ceiling = ceiling::read(self, table, place())?;
            contents.ceiling_place = Some(place());
            return Ok(());
        }
        for pair in in_order(table) {
            contents.layer.push(self.entry(name, pair)?);
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

    pub(crate) fn place(self, byte: usize) -> Place {
        self.lines.place(self.file, byte)
    }

    /// The file as messages name it, and the line of a byte.
    pub(crate) fn line(self, byte: usize) -> (&'t Path, usize) {
        (self.file, self.lines.line(byte))
    }
}

pub(crate) fn given(value: &DeValue<'_>) -> Given {
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
