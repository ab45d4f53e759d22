//! What a component has been given, in words.

use std::fmt;
use std::str::FromStr;

use crate::{Code, Failure, RecoveryStrategy, cut, debug_failure, escape_line};

/// The longest name of an interface, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// One thing that a component may do, beyond what every component may.
///
/// Its text is the same wherever one is written, `CAPABILITY=SCOPE`:
///
/// | text | what it grants |
/// |---|---|
/// | `import=acme:store/query` | to import an interface of the embedder's own, in any version |
///
/// ```
/// use patinox_policy::Grant;
///
/// let grant: Grant = "import=acme:store/query".parse()?;
/// assert!(grant.allows_import("acme:store/query@1.0.0"));
/// assert!(!grant.allows_import("acme:store/queries"));
/// assert_eq!(grant.to_string(), "import=acme:store/query");
/// # Ok::<(), patinox_policy::GrantError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant(Scope);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Scope {
    /// The name of an interface, without its version.
    Import(String),
}

/// Why a text is no grant.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no grant: {reason}")]
pub struct GrantError {
    text: String,
    reason: &'static str,
}

impl Grant {
    /// Grants an interface of the embedder's own.
    ///
    /// # Errors
    ///
    /// If it is no name of an interface without its version:
    /// `namespace:package/interface`.
    pub fn import(interface: &str) -> Result<Self, GrantError> {
        if is_interface(interface) {
            return Ok(Self(Scope::Import(interface.to_owned())));
        }
        let reason = "an interface is named `namespace:package/interface`, without its version";
        Err(GrantError::new(&format!("import={interface}"), reason))
    }

    /// Whether it lets a component import this interface, whatever its version.
    #[must_use]
    pub fn allows_import(&self, interface: &str) -> bool {
        let Scope::Import(granted) = &self.0;
        interface.split('@').next() == Some(granted)
    }
}

impl GrantError {
    fn new(text: &str, reason: &'static str) -> Self {
        let text = cut(text, MAX_NAME_BYTES);
        Self {
            text: cut(&escape_line(&text), MAX_NAME_BYTES).into_owned(),
            reason,
        }
    }
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        match text.split_once('=') {
            Some(("import", interface)) => Self::import(interface),
            Some(_) => Err(GrantError::new(text, "the only capability yet is `import`")),
            None => Err(GrantError::new(text, "a grant is `capability=scope`")),
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scope::Import(interface) = &self.0;
        write!(f, "import={interface}")
    }
}

impl Failure for GrantError {
    fn code(&self) -> Code {
        Code::InvalidConfig
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }
}

impl fmt::Debug for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_failure(self, f)
    }
}

/// `namespace:package/interface`, each in kebab-case as WIT has it.
fn is_interface(name: &str) -> bool {
    let Some((package, interface)) = name.split_once('/') else {
        return false;
    };
    let Some((namespace, package)) = package.split_once(':') else {
        return false;
    };
    name.len() <= MAX_NAME_BYTES && [namespace, package, interface].into_iter().all(is_kebab)
}

fn is_kebab(name: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric());
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.split('-').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_grant_says_why() {
        let said = |text: &str| text.parse::<Grant>().unwrap_err().to_string();
        assert_eq!(
            said("acme:store/query"),
            "`acme:store/query` is no grant: a grant is `capability=scope`"
        );
        assert_eq!(
            said("imports=a:b/c"),
            "`imports=a:b/c` is no grant: the only capability yet is `import`"
        );
        assert_eq!(
            said("import=a:b/c@1.0.0"),
            "`import=a:b/c@1.0.0` is no grant: an interface is named `namespace:package/interface`, without its version"
        );
        for text in [
            "import=",
            "import=a",
            "import=a:b",
            "import=a:b/",
            "import=a:b/c*",
            "import=a:b/-",
        ] {
            assert!(text.parse::<Grant>().is_err(), "{text}");
        }
    }

    #[test]
    fn it_allows_one_interface_and_no_other() {
        let grant = Grant::import("a:b/c").unwrap();
        for name in ["a:b/c", "a:b/c@1.0.0", "a:b/c@0.2.1"] {
            assert!(grant.allows_import(name), "{name}");
        }
        assert!(Grant::import("acme:store/query-2").is_ok());
        for name in ["a:b/cc", "a:b/c-d", "aa:b/c", "a:b", "", "@a:b/c"] {
            assert!(!grant.allows_import(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_parses_prints_itself(text in "(import=)?[ -~é]{0,20}") {
            if let Ok(grant) = text.parse::<Grant>() {
                prop_assert_eq!(grant.to_string(), text);
            }
        }

        #[test]
        fn a_name_round_trips(name in "[a-z][a-z0-9]{0,5}:[a-z]{1,5}(-[a-z]{1,3})?/[a-z]{1,5}") {
            let grant = Grant::import(&name).unwrap();
            prop_assert!(grant.allows_import(&name));
            prop_assert_eq!(grant.to_string().parse::<Grant>().unwrap(), grant);
        }
    }
}
