//! Where a value came from.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::echo_path;

/// Where a value came from. `Display` is what a person looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    #[default]
    Default,
    /// A configuration file.
    File(Place),
    /// The environment variable of this name.
    Variable(String),
    /// The flag of this name.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(place) => write!(f, "`{place}`"),
            Self::Variable(name) => write!(f, "`{name}`"),
            Self::Flag(name) => write!(f, "`{name}`"),
        }
    }
}

/// A place in a file. `Display` is `FILE:LINE:COLUMN`, the path cut and escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file as its user wrote it; his own default file starts with `~/`.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The character within the line, from 1.
    pub column: usize,
}

impl Place {
    /// The place of a byte of a text. Bytes after the end count as the end.
    pub(crate) fn of(file: &Path, text: &str, byte: usize) -> Self {
        let before = text.get(..text.floor_char_boundary(byte)).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.get(line_start..).unwrap_or_default();
        Self {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column } = self;
        write!(f, "{}:{line}:{column}", echo_path(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, byte: usize, expected: &str) {
        let place = Place::of(Path::new("f"), text, byte);
        assert_eq!(place.to_string(), expected);
    }

    #[test]
    fn counts_lines_and_characters_from_one() {
        check("", 0, "f:1:1");
        check("a\nbc", 3, "f:2:2");
        check("ü = 1", 3, "f:1:3");
        check("ü", 1, "f:1:1");
        check("a\n", 99, "f:2:1");
    }
}
