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
    use super::*;

    #[test]
    fn no_two_keys_share_a_name_or_a_variable() {
        let paths: std::collections::HashSet<_> = Key::all().map(|key| key.to_string()).collect();
        let variables: std::collections::HashSet<_> = Key::all().map(Key::variable).collect();
        assert_eq!(paths.len(), Key::all().count());
        assert_eq!(variables.len(), Key::all().count());
    }
}
