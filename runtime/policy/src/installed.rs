//! The name of a component that is installed.

use std::fmt;
use std::str::FromStr;

use semver::Version;

use crate::{cut, escape_line};

/// The longest name of a component, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// The longest version, in bytes.
const MAX_VERSION_BYTES: usize = 64;

/// The longest text of a stranger that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 100;

/// A component by its name and, where several are told apart, its version:
/// `text` or `text@1.2.0`.
///
/// ```
/// use patinox_policy::InstalledName;
///
/// let name: InstalledName = "text@1.2.0".parse()?;
/// assert_eq!((name.name(), name.version().is_some()), ("text", true));
/// assert!("../text".parse::<InstalledName>().is_err());
/// # Ok::<(), patinox_policy::InstalledNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledName {
    name: String,
    version: Option<Version>,
}

impl InstalledName {
    /// The name: lower-case letters, digits and single hyphens, a letter first.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version, where one is named.
    #[must_use]
    pub const fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }
}

impl FromStr for InstalledName {
    type Err = InstalledNameError;

    fn from_str(text: &str) -> Result<Self, InstalledNameError> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        Ok(Self {
            name: checked_name(name)?.to_owned(),
            version: version.map(checked_version).transpose()?,
        })
    }
}

impl fmt::Display for InstalledName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}@{version}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

fn checked_name(name: &str) -> Result<&str, InstalledNameError> {
    let is_part = |part: &str| {
        let is_in = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        !part.is_empty() && part.chars().all(is_in)
    };
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    let fits = name.len() <= MAX_NAME_BYTES;
    match begins && fits && name.split('-').all(is_part) {
        true => Ok(name),
        false => Err(InstalledNameError::Name(echo(name))),
    }
}

fn checked_version(version: &str) -> Result<Version, InstalledNameError> {
    let fits = version.len() <= MAX_VERSION_BYTES;
    let parsed = Version::parse(version).ok().filter(|_| fits);
    parsed.ok_or_else(|| InstalledNameError::Version(echo(version)))
}

fn echo(text: &str) -> String {
    cut(&escape_line(text), MAX_ECHO_BYTES).into_owned()
}

/// Why a text is no name of a component.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstalledNameError {
    /// The name is none.
    #[error(
        "`{0}` is no name of a component: it has at most {MAX_NAME_BYTES} lower-case letters, \
         digits and single hyphens, and a letter first"
    )]
    Name(String),
    /// The version is none.
    #[error("`{0}` is no version: it is like `1.2.0`, as semantic versions are")]
    Version(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names() {
        for text in ["a", "text", "a-1-b", "x9@1.0.0", "x@1.0.0-rc.1+5"] {
            assert_eq!(text.parse::<InstalledName>().unwrap().to_string(), text);
        }
        let long = "a".repeat(65);
        for text in [
            "",
            "A",
            "1a",
            "-a",
            "a-",
            "a--b",
            "a/b",
            "../a",
            "a.b",
            "a b",
            "ä",
            "a@",
            "a@1",
            "a@1.0",
            "a@1.0.0@2",
            "a@ 1.0.0",
            "demo:a",
            &long,
        ] {
            assert!(text.parse::<InstalledName>().is_err(), "{text}");
        }
    }
}
