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

/// Where the lines of a text begin, so that many places are found in little time.
#[derive(Debug)]
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

/// Of longer lines the column is counted in bytes.
const MAX_COUNTED_BYTES: usize = 4 << 10;

impl<'t> Lines<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        let after = text.match_indices('\n').map(|(newline, _)| newline + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(after).collect(),
        }
    }

    /// The line of a byte, from 1.
    pub(crate) fn line(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte)
    }

    /// The place of a byte. Bytes after the end count as the end.
    pub(crate) fn place(&self, file: &Path, byte: usize) -> Place {
        let byte = self.text.floor_char_boundary(byte);
        let line = self.line(byte);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(start..byte).unwrap_or_default();
        let column = match before.len() <= MAX_COUNTED_BYTES {
            true => before.chars().count(),
            false => before.len(),
        };
        Place {
            file: file.to_owned(),
            line,
            column: column + 1,
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
    /// The character within the line, from 1; of very long lines the byte.
    pub column: usize,
}

impl Place {
    /// The place of a byte of a text. Bytes after the end count as the end.
    pub(crate) fn of(file: &Path, text: &str, byte: usize) -> Self {
        Lines::of(text).place(file, byte)
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
