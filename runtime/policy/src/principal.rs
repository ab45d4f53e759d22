//! Who asks.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{cut, escape_line};

/// The longest name of a principal, in bytes: it stands in every record of a
/// call.
pub const MAX_PRINCIPAL_BYTES: usize = 128;

/// The longest piece of a name that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 80;

/// The name of [`Principal::local`].
const LOCAL: &str = "local";

/// Who asks for a call: an opaque name that whoever speaks to the caller gives,
/// such as a server that has checked a token. Cheap to clone.
///
/// Nothing is read out of the name; two principals are the same if their names
/// are.
///
/// ```
/// use patinox_policy::Principal;
///
/// let ada = Principal::named("user:ada@example.com")?;
/// assert_eq!(ada.to_string(), "user:ada@example.com");
/// assert_ne!(ada, Principal::local());
///
/// let error = Principal::named("ada lovelace").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the name of a principal must be of `A-Za-z0-9_.:@/-`, not `ada lovelace`",
/// );
/// # Ok::<(), patinox_policy::PrincipalError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal(Option<Arc<str>>);

/// A name that no principal can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalError {
    /// It is empty or too long.
    #[error("the name of a principal must have 1 to {MAX_PRINCIPAL_BYTES} bytes, not {bytes}")]
    Length {
        /// How many it has.
        bytes: usize,
    },
    /// It has a character that none has.
    #[error("the name of a principal must be of `A-Za-z0-9_.:@/-`, not `{name}`")]
    Character {
        /// The name, cut and escaped.
        name: String,
    },
    /// Somebody else would be taken for the local principal.
    #[error("the name `{LOCAL}` is kept for the principal of the command line")]
    Reserved,
}

impl Principal {
    /// Who uses the command line, or embeds the library and names nobody.
    #[must_use]
    pub const fn local() -> Self {
        Self(None)
    }

    /// A principal by its name.
    ///
    /// # Errors
    ///
    /// If the name does not have 1 to 128 bytes of `A-Za-z0-9_.:@/-`, or is
    /// `local`: a server that passes on names that its users chose must not
    /// make one of them [`local`](Self::local).
    pub fn named(name: &str) -> Result<Self, PrincipalError> {
        let bytes = name.len();
        if bytes == 0 || MAX_PRINCIPAL_BYTES < bytes {
            return Err(PrincipalError::Length { bytes });
        }
        if !name.chars().all(is_allowed) {
            let name = cut(&escape_line(name), MAX_ECHO_BYTES).into_owned();
            return Err(PrincipalError::Character { name });
        }
        if name == LOCAL {
            return Err(PrincipalError::Reserved);
        }
        Ok(Self(Some(name.into())))
    }

    /// The name; `local` for [`local`](Self::local).
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or(LOCAL)
    }
}

const fn is_allowed(c: char) -> bool {
    matches!(c, 'A'..='Z' | 'a'..='z' | '0'..='9' | '_' | '.' | ':' | '@' | '/' | '-')
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads back what `Display` wrote, `local` included: for our own records, not
/// for names that others chose.
impl FromStr for Principal {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == LOCAL {
            return Ok(Self::local());
        }
        Self::named(text)
    }
}

impl Serialize for Principal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// As [`FromStr`] reads it.
impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(name: &str, expected: &str) {
        let text = match Principal::named(name) {
            Ok(principal) => principal.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(text, expected);
    }

    #[test]
    fn a_name_is_taken_as_it_is_or_told_the_rule() {
        check("agent/7:a-b_c.d@e", "agent/7:a-b_c.d@e");
        check(&"x".repeat(128), &"x".repeat(128));
        check(
            "",
            "the name of a principal must have 1 to 128 bytes, not 0",
        );
        check(
            &"x".repeat(129),
            "the name of a principal must have 1 to 128 bytes, not 129",
        );
        check(
            "a\u{1b}[2J",
            r"the name of a principal must be of `A-Za-z0-9_.:@/-`, not `a\u{1b}[2J`",
        );
        check(
            "local",
            "the name `local` is kept for the principal of the command line",
        );
    }

    #[test]
    fn the_local_one_is_the_default_and_reads_back() {
        assert_eq!(Principal::default(), Principal::local());
        let json = serde_json::to_string(&Principal::local()).unwrap();
        assert_eq!(json, "\"local\"");
        let back: Principal = serde_json::from_str(&json).unwrap();
        assert_eq!(back, Principal::local());
        assert!(serde_json::from_str::<Principal>("\"a b\"").is_err());
    }

    proptest! {
        #[test]
        fn what_is_taken_reads_back(name in ".{0,130}") {
            if let Ok(principal) = Principal::named(&name) {
                prop_assert_eq!(principal.as_str(), name.as_str());
                prop_assert_eq!(principal.to_string().parse(), Ok(principal));
            }
        }

        #[test]
        fn every_name_of_the_alphabet_is_taken(name in "[A-Za-z0-9_.:@/-]{6,128}") {
            let principal = Principal::named(&name).unwrap();
            prop_assert_eq!(principal.as_str(), name);
        }
    }
}
