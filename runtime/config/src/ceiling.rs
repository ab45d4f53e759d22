//! What nothing below a file of the system or of the user's own loosens: section
//! `[ceiling]`.

use std::collections::HashMap;

use patinox_policy::{Grant, LimitName};
use toml::de::DeTable;

use crate::components::{grants, limits};
use crate::layer::Entry;
use crate::parse::Reader;
use crate::table::Table;
use crate::validators::{NamedValidator, validators};
use crate::{Error, Key, Origin, Place};

/// The name of the section.
pub(crate) const SECTION: &str = "ceiling";

const KEYS: [&str; 3] = ["limits", "deny", "validators"];

/// What no project file, variable or flag loosens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ceiling {
    /// What each limit is at most, and who says so.
    limits: HashMap<LimitName, (u64, Origin)>,
    /// What nothing is granted of.
    pub(crate) deny: Vec<Grant>,
    /// Who judges the calls of every component, after all others.
    pub(crate) validators: Vec<NamedValidator>,
}

/// Reads the section.
pub(crate) fn read(
    reader: Reader<'_>,
    table: &DeTable<'_>,
    place: Place,
) -> Result<Ceiling, Error> {
    let table = Table {
        reader,
        name: SECTION.to_owned(),
        place,
        table,
    };
    table.has_only(&KEYS)?;
    let mut ceiling = Ceiling {
        deny: grants(&table, "deny")?,
        validators: validators(&table)?,
        ..Ceiling::default()
    };
    for entry in limits(&table, |_| true)? {
        ceiling.lower(&entry)?;
    }
    Ok(ceiling)
}

impl Ceiling {
    /// Both of them.
    pub(crate) fn and(mut self, other: Self) -> Self {
        for (name, (most, origin)) in other.limits {
            self.bound(name, most, origin);
        }
        self.deny.extend(other.deny);
        self.validators.extend(other.validators);
        self
    }

    fn lower(&mut self, entry: &Entry) -> Result<(), Error> {
        if let Key::Limit(name) = entry.key {
            self.bound(name, entry.limit()?, entry.origin.clone());
        }
        Ok(())
    }

    fn bound(&mut self, name: LimitName, most: u64, origin: Origin) {
        if self
            .limits
            .get(&name)
            .is_none_or(|(before, _)| most < *before)
        {
            self.limits.insert(name, (most, origin));
        }
    }

    /// Every limit that has one, and what that is.
    pub(crate) fn all(&self) -> impl Iterator<Item = (LimitName, u64, &Origin)> {
        let all = self.limits.iter();
        all.map(|(name, (most, origin))| (*name, *most, origin))
    }

    /// Whether a value stays below it.
    pub(crate) fn check(&self, entry: &Entry) -> Result<(), Error> {
        let Key::Limit(name) = entry.key else {
            return Ok(());
        };
        let Some((most, by)) = self.limits.get(&name) else {
            return Ok(());
        };
        let value = entry.limit()?;
        match value <= *most {
            true => Ok(()),
            false => Err(Error::Ceiling {
                limit: name,
                value: name.quantity(value),
                origin: entry.origin.clone(),
                most: name.quantity(*most),
                by: by.clone(),
            }),
        }
    }
}
