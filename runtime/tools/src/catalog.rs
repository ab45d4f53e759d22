//! Components by their names.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use patinox_policy::{cut, escape_line};

use crate::Error;
use crate::spec::{MAX_NAME_CHARS, is_name};

/// What is there to be called, by name; added to, replaced and removed while
/// calls run.
///
/// A call holds what it calls, so it ends as it began whatever happens here
/// meanwhile. Readers never wait for a call. Cheap to clone; every clone is the
/// same catalog.
///
/// ```
/// use patinox_tools::Catalog;
///
/// let catalog = Catalog::default();
/// catalog.add("text", 1)?;
/// assert!(catalog.add("text", 2).is_err());
/// assert_eq!(catalog.replace("text", 2)?, Some(1));
/// assert_eq!(catalog.list(), [("text".to_owned(), 2)]);
/// assert_eq!(catalog.remove("text"), Some(2));
/// assert_eq!(catalog.get("text"), None);
/// # Ok::<(), patinox_tools::Error>(())
/// ```
#[derive(Clone)]
pub struct Catalog<T>(Arc<RwLock<BTreeMap<String, T>>>);

impl<T: Clone> Catalog<T> {
    /// Adds something under a name that is free: 1 to 128 characters out of
    /// `A-Za-z0-9_.-`.
    ///
    /// # Errors
    ///
    /// If it is no name, or taken.
    pub fn add(&self, name: &str, value: T) -> Result<(), Error> {
        let name = checked(name)?;
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if entries.contains_key(&name) {
            return Err(Error::NameTaken { name });
        }
        entries.insert(name, value);
        Ok(())
    }

    /// Puts something in the place of what has the name, which is given back.
    ///
    /// # Errors
    ///
    /// If it is no name.
    pub fn replace(&self, name: &str, value: T) -> Result<Option<T>, Error> {
        let name = checked(name)?;
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Ok(entries.insert(name, value))
    }

    /// Takes out what has the name.
    #[must_use = "`None` says that there was nothing"]
    pub fn remove(&self, name: &str) -> Option<T> {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        entries.remove(name)
    }

    /// What has the name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<T> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(name).cloned()
    }

    /// All of it, in the order of the names, as it is at this moment.
    #[must_use]
    pub fn list(&self) -> Vec<(String, T)> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let pairs = entries.iter();
        pairs
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

impl<T> Default for Catalog<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> fmt::Debug for Catalog<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(entries.keys()).finish()
    }
}

fn checked(name: &str) -> Result<String, Error> {
    match is_name(name) {
        true => Ok(name.to_owned()),
        false => Err(Error::NoName {
            name: cut(&escape_line(name), MAX_NAME_CHARS).into_owned(),
        }),
    }
}
