//! One source of settings, as data.

use patinox_policy::LimitError;

use crate::error::echo;
use crate::{Error, Key, Origin};

/// What one source says, in the order in which it counts: the last wins.
///
/// A further source is a further layer between two others; resolution is the
/// same fold over all of them.
pub(crate) type Layer = Vec<Entry>;

/// One key that a source sets. Its value is not checked yet.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) value: Given,
    pub(crate) origin: Origin,
}

/// A value as it was given.
#[derive(Clone, Debug)]
pub(crate) enum Given {
    /// A text; all that the environment and flags have.
    Text(String),
    /// A TOML integer, in decimal.
    Integer(String),
    /// A value of any other type, in words.
    Other(String),
}

impl Given {
    /// The value for a message.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Text(text) | Self::Integer(text) => format!("`{}`", echo(text)),
            Self::Other(words) => words.clone(),
        }
    }
}

impl Entry {
    /// The value where a text is expected.
    pub(crate) fn text(&self, rule: &str) -> Result<&str, Error> {
        match &self.value {
            Given::Text(text) => Ok(text),
            Given::Integer(_) | Given::Other(_) => Err(self.breaks(rule)),
        }
    }

    /// The value where a number with a unit is expected.
    ///
    /// An integer is read like its text, so it counts where no unit is needed.
    pub(crate) fn quantity(&self) -> Result<&str, Error> {
        match &self.value {
            Given::Text(text) | Given::Integer(text) => Ok(text),
            Given::Other(_) => Err(self.breaks("must be text, a number with its unit")),
        }
    }

    /// The error that the value breaks a rule.
    pub(crate) fn breaks(&self, rule: &str) -> Error {
        Error::Value {
            key: self.key,
            origin: self.origin.clone(),
            rule: rule.to_owned(),
            given: self.value.shown(),
        }
    }

    /// The error that a limit refuses the value.
    ///
    /// On the command line it is the limit's own, which is written for there.
    pub(crate) fn refused(&self, error: LimitError) -> Error {
        match (&self.origin, error) {
            (Origin::Flag(_), error) => Error::Limit(error),
            (_, LimitError::Value { rule, .. }) => self.breaks(&rule),
            (_, error) => self.breaks(&error.to_string()),
        }
    }
}
