//! What a person grants, on the command line and in files.

use std::path::Path;
use std::time::SystemTime;

use patinox_config::Environment;
use patinox_policy::{Grant, Origin};

use crate::error::Error;

/// What `--allow` says, and what the files do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grants {
    given: Vec<Grant>,
    denied: Vec<Grant>,
    /// How a grant of the current folder begins.
    here: Option<String>,
}

impl Grants {
    /// Reads each; paths of folders are taken from the current one.
    pub(crate) fn read(words: &[String]) -> Result<Self, Error> {
        let current = std::env::current_dir().ok();
        let current = current.as_deref();
        let grants = words.iter().map(|word| {
            let grant: Grant = word.parse()?;
            let grant = match current {
                Some(current) => grant.based(current),
                None => grant,
            };
            Ok(grant.given_by(Origin::CommandLine))
        });
        Ok(Self {
            given: grants.collect::<Result<_, Error>>()?,
            denied: Vec::new(),
            here: current.and_then(beginning),
        })
    }

    /// A hint with grants as they would be typed here.
    pub(crate) fn as_typed(&self, hint: String) -> String {
        match &self.here {
            Some(here) => {
                let below = hint.replace(&format!("{here}/"), "fs=./");
                below.replace(&format!("{here}:"), "fs=.:")
            }
            None => hint,
        }
    }

    /// With what the files say as well.
    pub(crate) fn and(mut self, allow: Vec<Grant>, deny: Vec<Grant>) -> Self {
        self.given.extend(allow);
        self.denied.extend(deny);
        self
    }

    pub(crate) fn denied(&self) -> &[Grant] {
        &self.denied
    }

    pub(crate) fn as_slice(&self) -> &[Grant] {
        &self.given
    }

    /// The variables of this program that they hand on, as far as they are set.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let named = self.given.iter().filter_map(Grant::variable);
        let handed_on = named.filter(|(_, value)| value.is_none());
        let set = handed_on
            .filter_map(|(name, _)| Some((name.to_owned(), Environment::of_others(name)?)));
        set.collect()
    }
}

/// How long a grant lasts, as words after it, in the largest unit that says it well.
pub(crate) fn left(grant: &Grant, now: SystemTime) -> String {
    let Some(end) = grant.expires() else {
        return String::new();
    };
    let left = end.duration_since(now).unwrap_or_default();
    let seconds = left.as_secs() + u64::from(0 < left.subsec_nanos());
    let (value, unit) = match seconds {
        ..=119 => (seconds, "s"),
        120..=7_199 => (seconds / 60, "m"),
        _ => (seconds / 3_600, "h"),
    };
    format!(" for {value}{unit}")
}

/// How the text of a grant of this folder begins.
fn beginning(folder: &Path) -> Option<String> {
    const END: &str = ":ro@/x";
    let grant: Grant = format!("fs=.{END}").parse().ok()?;
    let text = grant.based(folder).to_string();
    // Of the whole machine every grant would begin so.
    text.strip_suffix(END)
        .filter(|text| *text != "fs=/")
        .map(str::to_owned)
}
