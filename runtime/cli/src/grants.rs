//! What a person grants on the command line.

use std::path::PathBuf;

use patinox_config::Environment;
use patinox_policy::{Grant, Origin};

use crate::error::Error;

/// What `--allow` says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grants(Vec<Grant>);

impl Grants {
    /// Reads each; paths of folders are taken from the current one.
    pub(crate) fn read(words: &[String]) -> Result<Self, Error> {
        let mut current = None;
        let grants = words.iter().map(|word| {
            let grant: Grant = word.parse()?;
            let base = current.get_or_insert_with(here);
            let grant = grant.based(base.as_deref().unwrap_or_else(|| "".as_ref()));
            Ok(grant.given_by(Origin::CommandLine))
        });
        grants.collect::<Result<_, Error>>().map(Self)
    }

    pub(crate) fn as_slice(&self) -> &[Grant] {
        &self.0
    }

    /// The variables of this program that they hand on, as far as they are set.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let named = self.0.iter().filter_map(Grant::variable);
        let handed_on = named.filter(|(_, value)| value.is_none());
        let set = handed_on
            .filter_map(|(name, _)| Some((name.to_owned(), Environment::of_others(name)?)));
        set.collect()
    }
}

/// The current folder, if it can be told.
fn here() -> Option<PathBuf> {
    std::env::current_dir().ok()
}
