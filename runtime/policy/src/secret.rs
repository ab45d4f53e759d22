//! A value that cannot be shown, logged or serialised.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A secret text. Its memory is wiped when it is dropped.
///
/// It has no `Display` and no serialisation, and `Debug` shows nothing of it:
///
/// ```
/// use patinox_policy::Secret;
///
/// let key = Secret::new("sk-0123456789ab".to_owned());
/// assert_eq!(format!("{key:?}"), "Secret([redacted])");
/// assert_eq!(key.expose(), "sk-0123456789ab");
/// ```
///
/// ```compile_fail
/// let key = patinox_policy::Secret::new(String::new());
/// println!("{key}");
/// ```
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The text itself. Every call of this is a place to review.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}
