//! Components by their names.

use std::collections::BTreeMap;
use std::fmt;

use patinox_resources::{Shared, Watch};

use crate::Error;
use crate::spec::is_name;

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
pub struct Catalog<T>(Shared<BTreeMap<String, T>>);

impl<T: Clone> Catalog<T> {
    /// Adds something under a name that is free: 1 to 128 characters out of
    /// `A-Za-z0-9_.-`.
    ///
    /// # Errors
    ///
    /// If it is no name, or taken.
    pub fn add(&self, name: &str, value: T) -> Result<(), Error> {
        let name = checked(name)?;
        self.0.update(|entries| {
            if entries.contains_key(&name) {
                return (None, Err(Error::NameTaken { name }));
            }
            let mut entries = BTreeMap::clone(entries);
            entries.insert(name, value);
            (Some(entries), Ok(()))
        })
    }

    /// Puts something in the place of what has the name, which is given back.
    ///
    /// # Errors
    ///
    /// If it is no name.
    pub fn replace(&self, name: &str, value: T) -> Result<Option<T>, Error> {
        let name = checked(name)?;
        Ok(self.0.modify(|entries| entries.insert(name, value)))
    }

    /// Takes out what has the name.
    #[must_use = "`None` says that there was nothing"]
    pub fn remove(&self, name: &str) -> Option<T> {
        self.0.update(|entries| {
            if !entries.contains_key(name) {
                return (None, None);
            }
            let mut entries = BTreeMap::clone(entries);
            let removed = entries.remove(name);
            (Some(entries), removed)
        })
    }

    /// What has the name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<T> {
        self.0.with(|entries| entries.get(name).cloned())
    }

    /// All of it, in the order of the names, as it is at this moment.
    #[must_use]
    pub fn list(&self) -> Vec<(String, T)> {
        let entries = self.0.load();
        let pairs = entries.iter();
        pairs
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// Tells each change from now on.
    #[must_use]
    pub fn changes(&self) -> Changes<T> {
        Changes(self.0.watch())
    }
}

/// Each change of a [`Catalog`].
pub struct Changes<T>(Watch<BTreeMap<String, T>>);

impl<T: Clone> Changes<T> {
    /// Waits until something was added, replaced or removed since the last time,
    /// or since it was asked for. Several changes meanwhile are one.
    ///
    /// # Cancel safety
    ///
    /// No change is lost by dropping the future.
    pub async fn next(&mut self) {
        self.0.changed().await;
    }
}

impl<T> Default for Catalog<T> {
    fn default() -> Self {
        Self(Shared::default())
    }
}

impl<T> fmt::Debug for Catalog<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .with(|entries| f.debug_set().entries(entries.keys()).finish())
    }
}

impl<T> fmt::Debug for Changes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}

fn checked(name: &str) -> Result<String, Error> {
    match is_name(name) {
        true => Ok(name.to_owned()),
        false => Err(Error::no_name(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_changes_is_told_and_what_does_not_is_not() {
        let catalog = Catalog::default();
        let mut changes = catalog.changes();
        catalog.add("text", 1).unwrap();
        changes.next().await;
        assert!(catalog.add("text", 2).is_err());
        assert!(catalog.add("no name", 2).is_err());
        assert_eq!(catalog.remove("hash"), None);
        let waits = tokio::time::timeout(std::time::Duration::ZERO, changes.next());
        assert!(waits.await.is_err());
        assert_eq!(catalog.replace("text", 2).unwrap(), Some(1));
        changes.next().await;
        assert_eq!(catalog.remove("text"), Some(2));
        changes.next().await;
        assert!(catalog.list().is_empty());
    }
}
