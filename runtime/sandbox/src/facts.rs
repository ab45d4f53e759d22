//! What is found about a component before it is compiled, and kept with its
//! code.

use patinox_policy::{LimitName, LoadLimits};
use serde::{Deserialize, Serialize};

use crate::docs::Docs;
use crate::engine::Profile;
use crate::screen::{Refused, limit};

/// The form of what is kept, and the rules of the screen that it stands for: an
/// entry that an older screen let through is screened anew.
const VERSION: u32 = 2;

/// What is found about a component.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    version: u32,
    pub(crate) profile: Profile,
    pub(crate) counts: Counts,
    pub(crate) docs: Docs,
    /// What it was compiled for: `settings::lines`. Nothing before that.
    pub(crate) engine: Vec<String>,
}

/// What it has of what the limits of loading count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) functions: u64,
    pub(crate) nesting: u64,
    pub(crate) all_instances: u64,
}

impl Facts {
    pub(crate) const fn new(profile: Profile, counts: Counts, docs: Docs) -> Self {
        Self {
            version: VERSION,
            profile,
            counts,
            docs,
            engine: Vec::new(),
        }
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Reads what was kept; `None` where another version kept it.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let facts: Self = serde_json::from_slice(bytes).ok()?;
        (facts.version == VERSION).then_some(facts)
    }
}

impl Counts {
    /// Holds a component that was screened before to the limits of today.
    pub(crate) fn within(&self, limits: &LoadLimits) -> Result<(), Refused> {
        let Self {
            functions,
            nesting,
            all_instances,
        } = *self;
        limit(LimitName::Functions, limits.functions, functions)?;
        limit(LimitName::Nesting, limits.nesting, nesting)?;
        limit(LimitName::AllInstances, limits.all_instances, all_instances)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_kept() {
        let counts = Counts {
            functions: 3,
            nesting: 2,
            all_instances: 1,
        };
        let facts = Facts::new(Profile::Strict, counts, Docs::default());
        let bytes = facts.to_bytes().unwrap();
        let back = Facts::from_bytes(&bytes).unwrap();
        assert_eq!((back.profile, back.counts), (Profile::Strict, counts));
        let text = String::from_utf8(bytes).unwrap();
        let newer = text.replace("\"version\":2", "\"version\":3");
        assert_ne!(newer, text);
        assert!(Facts::from_bytes(newer.as_bytes()).is_none());
        assert!(Facts::from_bytes(b"").is_none());
    }

    #[test]
    fn limits_of_today_hold_for_what_was_kept() {
        let counts = Counts {
            functions: 101,
            ..Counts::default()
        };
        let limits = LoadLimits {
            functions: 100,
            ..LoadLimits::default()
        };
        assert_eq!(counts.within(&LoadLimits::default()), Ok(()));
        assert_eq!(
            counts.within(&limits),
            Err(Refused::Limit {
                name: LimitName::Functions,
                allowed: 100,
                found: 101,
            })
        );
    }
}
