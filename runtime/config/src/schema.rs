//! Every key of the configuration. File, environment and help follow from it.

use std::fmt;

use patinox_policy::{Admission, LimitName, LimitScope, Limits, LoadLimits};

use crate::Origin;

/// What the name of every variable of ours starts with.
pub(crate) const VARIABLE_PREFIX: &str = "PATINOX_";

/// The name of one setting.
///
/// ```
/// use patinox_config::Key;
/// use patinox_policy::LimitName;
///
/// let key = Key::Limit(LimitName::ErrorText);
/// assert_eq!(key.to_string(), "limits.error-text");
/// assert_eq!(key.variable(), "PATINOX_LIMITS__ERROR_TEXT");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// `limits.NAME`; `load.NAME` for a limit of loading, `admission.NAME` for
    /// one of admission.
    Limit(LimitName),
    /// `log.level`: which records are shown, as a `tracing` filter.
    LogLevel,
    /// `log.format`: how a record is written.
    LogFormat,
    /// `output.format`: how a result is written.
    OutputFormat,
}

impl Key {
    /// Every key, in the order in which they are shown.
    pub fn all() -> impl Iterator<Item = Self> {
        let limits = LimitName::ALL.into_iter().map(Self::Limit);
        limits.chain([Self::LogLevel, Self::LogFormat, Self::OutputFormat])
    }

    /// The table of the file that the key stands in.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Self::Limit(name) => name.scope().section(),
            Self::LogLevel | Self::LogFormat => "log",
            Self::OutputFormat => "output",
        }
    }

    /// The key within its section.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Limit(name) => name.as_str(),
            Self::LogLevel => "level",
            Self::LogFormat | Self::OutputFormat => "format",
        }
    }

    /// The environment variable that sets it.
    #[must_use]
    pub fn variable(self) -> String {
        let name = self.name().replace('-', "_");
        format!("{VARIABLE_PREFIX}{}__{name}", self.section()).to_ascii_uppercase()
    }

    /// A value that it takes: its default.
    pub(crate) fn example(self) -> String {
        match self {
            Self::Limit(name) => {
                let value = match name.scope() {
                    LimitScope::Call => Limits::default().get(name),
                    LimitScope::Load => LoadLimits::default().get(name),
                    LimitScope::Admission => Admission::default().get(name),
                };
                name.quantity(value.unwrap_or_default()).to_string()
            }
            // What failed is told by the program itself; a fault of ours is an error.
            Self::LogLevel => "error".to_owned(),
            Self::LogFormat | Self::OutputFormat => Format::default().to_string(),
        }
    }

    /// How to write it, in the place where it was written wrongly.
    pub(crate) fn hint(self, origin: &Origin) -> String {
        let example = self.example();
        match origin {
            Origin::Default | Origin::File(_) => {
                let (section, name) = (self.section(), self.name());
                format!("write it like `{name} = \"{example}\"` under `[{section}]`")
            }
            Origin::Variable(name) => format!("write it like `{name}={example}`"),
            Origin::Flag(name) => format!("write it like `{name} {example}`"),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.section(), self.name())
    }
}

/// For whom something is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `text`: for a person.
    #[default]
    Text,
    /// `json`: for a program.
    Json,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::Text, Self::Json];

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use patinox_policy::Unit;

    use super::*;

    #[test]
    fn no_two_keys_share_a_name_or_a_variable() {
        let paths: std::collections::HashSet<_> = Key::all().map(|key| key.to_string()).collect();
        let variables: std::collections::HashSet<_> = Key::all().map(Key::variable).collect();
        assert_eq!(paths.len(), Key::all().count());
        assert_eq!(variables.len(), Key::all().count());
    }

    /// A row of a table in `docs/configuration.md`: its section and its cells.
    type Row = (String, Vec<String>);

    /// The rows below the headings that name sections, as `[limits]`.
    fn rows(page: &str) -> Vec<Row> {
        let mut section = String::new();
        let mut rows = Vec::new();
        for line in page.lines() {
            if line.starts_with('#') {
                section = line.strip_prefix("## ").unwrap_or_default().to_owned();
            }
            let is_row = section.starts_with("`[") && line.starts_with("| `");
            let cells = line.split(" | ").map(|cell| {
                let cell = cell.trim_start_matches("| ").trim_end_matches(" |");
                cell.to_owned()
            });
            rows.extend(is_row.then(|| (section.clone(), cells.collect())));
        }
        rows
    }

    /// The row that a key should have, but for its last cell.
    fn row(key: Key) -> Vec<String> {
        let quoted = |text: &dyn fmt::Display| format!("`{text}`");
        let (name, default) = (quoted(&key.name()), quoted(&key.example()));
        let Key::Limit(limit) = key else {
            return vec![name, format!("`[{}]`", key.section()), default];
        };
        let unit = match limit.unit() {
            Unit::Count => "a count",
            Unit::Milliseconds => "a time",
            Unit::Bytes => "a size",
        };
        let (least, greatest) = limit.range();
        let (least, greatest) = (limit.quantity(least), limit.quantity(greatest));
        let range = [default, quoted(&least), quoted(&greatest)];
        [name, unit.to_owned()].into_iter().chain(range).collect()
    }

    /// `docs/configuration.md` has each key with its default and its range, and none
    /// that there is not.
    #[test]
    fn the_page_has_every_key_as_it_is() {
        let page = include_str!("../../../docs/configuration.md");
        let rows = rows(page);
        let found = rows.iter().map(|(section, cells)| match cells.as_slice() {
            // What it is and the flag may say what they like.
            [name, place, _, default, _] if place.starts_with("`[") => {
                vec![name.clone(), place.clone(), default.clone()]
            }
            [cells @ .., _] => {
                let place = format!("`[{}]`", section.split(['[', ']']).nth(1).unwrap());
                let limit = cells.first().map(|name| name.trim_matches('`'));
                let scope = LimitName::ALL
                    .into_iter()
                    .find(|name| Some(name.as_str()) == limit);
                let scope = scope.map(|name| format!("`[{}]`", name.scope().section()));
                assert_eq!(scope, Some(place), "{cells:?} stands in `{section}`");
                cells.to_vec()
            }
            [] => Vec::new(),
        });
        let found: Vec<_> = found.collect();
        let expected: Vec<_> = Key::all().map(row).collect();
        assert_eq!(found, expected);
    }

    /// The variables that it names are some, and those that are not keys are all
    /// there.
    #[test]
    fn the_page_names_variables_that_there_are() {
        let page = include_str!("../../../docs/configuration.md");
        let words = page.split(|c: char| !c.is_ascii_uppercase() && c != '_');
        let ours =
            words.filter(|word| word.starts_with(VARIABLE_PREFIX) && *word != VARIABLE_PREFIX);
        // One is an example of what is refused, one stands for all.
        let examples = [
            "PATINOX_LIMITS_WALL",
            "PATINOX_SECTION__KEY",
            "PATINOX_CONFIG",
        ];
        for word in ours.filter(|word| !examples.contains(word)) {
            assert!(Key::all().any(|key| key.variable() == word), "`{word}`");
        }
        for name in crate::environment::OTHERS {
            assert!(page.contains(&format!("`{name}`")), "`{name}`");
        }
    }
}
