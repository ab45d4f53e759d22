//! Code that was compiled before.

use std::time::Duration;

use patinox_policy::LoadLimits;

use super::Store;
use crate::artifact::{Artifact, ArtifactStore, EntryKey, Found};
use crate::component::{Compiled, Component, Known};
use crate::engine::{Engine, Profile, Width};
use crate::error::Error;
use crate::facts::Facts;
use crate::screen::Digest;
use crate::settings::{self, Tunables};

/// What came of looking for code.
pub(super) enum Sought<T> {
    Found(T),
    Nothing,
    /// What was there is no entry of ours, for this reason.
    Bad(String),
}

impl<T> Sought<T> {
    pub(super) fn try_map<U>(
        self,
        then: impl FnOnce(T) -> Result<U, Error>,
    ) -> Result<Sought<U>, Error> {
        Ok(match self {
            Self::Found(found) => Sought::Found(then(found)?),
            Self::Nothing => Sought::Nothing,
            Self::Bad(reason) => Sought::Bad(reason),
        })
    }
}

/// Code that was compiled before, and what was found about its component.
pub(super) struct Entry {
    pub(super) artifact: Artifact,
    pub(super) facts: Facts,
}

impl Entry {
    /// Links the code.
    pub(super) fn link(
        self,
        engine: &Engine,
        digest: Digest,
        bytes: usize,
    ) -> Result<Component, Error> {
        let known = Known {
            digest,
            bytes,
            facts: self.facts,
        };
        let compiled = Compiled {
            artifact: self.artifact,
            time: Duration::ZERO,
            store: Store::Hit,
        };
        Component::link(engine, known, compiled)
    }
}

/// Looks for the code of a component.
///
/// # Errors
///
/// If it has more of something than the limits of today allow.
pub(super) fn find(
    engine: &Engine,
    store: Option<&ArtifactStore>,
    digest: Digest,
    limits: &LoadLimits,
) -> Result<Sought<Entry>, Error> {
    let Some(store) = store else {
        return Ok(Sought::Nothing);
    };
    let mut trouble = Sought::Nothing;
    let mut looks = looks(engine.tunables(Profile::Lean)?);
    while let Some(tunables) = looks.pop() {
        match store.get(&key(digest, &tunables)) {
            Found::Missing => {}
            Found::Bad { reason } => trouble = Sought::Bad(reason.to_string()),
            Found::Hit { artifact, facts } => {
                let Some(facts) = Facts::from_bytes(&facts) else {
                    trouble = Sought::Bad("another version kept it".to_owned());
                    continue;
                };
                facts.counts.within(limits)?;
                // Where address space is short each profile has its own.
                let here = engine.tunables(facts.profile)?;
                if here == tunables {
                    return Ok(Sought::Found(Entry { artifact, facts }));
                }
                looks = vec![here];
            }
        }
    }
    Ok(trouble)
}

/// What a component's code may be kept for, the likeliest last.
///
/// Which profile it has is only known once it is found. The engine of the strict
/// one is not made for that: it most often has the address space of the other,
/// and where that is short it may have less.
fn looks(lean: Tunables) -> Vec<Tunables> {
    let strict = |(memory_reservation, memory_guard)| Tunables {
        profile: Profile::Strict,
        memory_reservation,
        memory_guard,
    };
    let same = strict((lean.memory_reservation, lean.memory_guard));
    let mut looks: Vec<_> = Width::ALL.map(|width| strict(width.bytes())).into();
    looks.retain(|look| *look != same);
    looks.extend([same, lean]);
    looks
}

pub(super) fn key(digest: Digest, tunables: &Tunables) -> EntryKey {
    EntryKey {
        digest: digest.0,
        fingerprint: settings::fingerprint(tunables),
        profile: tunables.profile,
    }
}
