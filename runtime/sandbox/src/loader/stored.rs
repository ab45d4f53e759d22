//! Code that was compiled before, and code to be kept for the next time.

use std::time::Duration;

use patinox_policy::LoadLimits;

use super::Store;
use crate::artifact::{Artifact, ArtifactStore, EntryKey, Found};
use crate::compile::Failed;
use crate::component::{Compiled, Component, Known};
use crate::engine::{Engine, Profile};
use crate::error::Error;
use crate::facts::Facts;
use crate::screen::{Digest, Screened};
use crate::settings::{self, Tunables};

/// What came of looking for code.
pub(super) enum Sought {
    Found(Component),
    Nothing,
    /// What was there is no entry of ours, for this reason.
    Bad(String),
}

/// Looks for the code of a component, and links it.
///
/// # Errors
///
/// If it has more of something than the limits of today allow, or cannot be
/// linked.
pub(super) fn find(
    engine: &Engine,
    store: Option<&ArtifactStore>,
    digest: Digest,
    bytes: usize,
    limits: &LoadLimits,
) -> Result<Sought, Error> {
    let Some(store) = store else {
        return Ok(Sought::Nothing);
    };
    let lean = engine.tunables(Profile::Lean)?;
    // Which profile it has is only known once it is found. Its engine is not
    // made for that: on most machines it has the address space of the other.
    let strict = Tunables {
        profile: Profile::Strict,
        ..lean
    };
    let mut trouble = Sought::Nothing;
    let mut looks = vec![strict, lean];
    while let Some(tunables) = looks.pop() {
        match store.get(&key(digest, &tunables)) {
            Found::Missing => {}
            Found::Bad { reason } => trouble = Sought::Bad(reason.to_string()),
            Found::Hit { artifact, facts } => {
                let Some(facts) = Facts::from_bytes(&facts) else {
                    return Ok(Sought::Bad("another version kept it".to_owned()));
                };
                facts.counts.within(limits)?;
                // Where address space is short each profile has its own.
                let here = engine.tunables(facts.profile)?;
                if here != tunables {
                    looks.push(here);
                    continue;
                }
                let known = Known {
                    digest,
                    bytes,
                    facts,
                };
                let compiled = Compiled {
                    artifact,
                    time: Duration::ZERO,
                    store: Store::Hit,
                };
                return Ok(Sought::Found(Component::link(engine, known, compiled)?));
            }
        }
    }
    Ok(trouble)
}

fn key(digest: Digest, tunables: &Tunables) -> EntryKey {
    EntryKey {
        digest: digest.0,
        fingerprint: settings::fingerprint(tunables),
        profile: tunables.profile,
    }
}

/// What is done with code that was compiled.
pub(super) struct Keep {
    pub(super) engine: Engine,
    pub(super) store: Option<ArtifactStore>,
    /// Why what the store had was of no use.
    pub(super) trouble: Option<String>,
}

impl Keep {
    /// Keeps the code, and links it.
    pub(super) fn finish(
        self,
        mut screened: Screened,
        code: Vec<u8>,
        time: Duration,
    ) -> Result<Component, Failed> {
        let (artifact, store) = self.keep(&mut screened, code)?;
        let known = Known {
            digest: screened.digest,
            bytes: screened.bytes.len(),
            facts: screened.facts,
        };
        let compiled = Compiled {
            artifact,
            time,
            store,
        };
        Ok(Component::link(&self.engine, known, compiled)?)
    }

    fn keep(&self, screened: &mut Screened, code: Vec<u8>) -> Result<(Artifact, Store), Error> {
        let Some(store) = &self.store else {
            return Ok((Artifact::compiled(code), Store::Absent));
        };
        let tunables = self.engine.tunables(screened.facts.profile)?;
        screened.facts.engine = settings::lines(&tunables);
        let facts = screened.facts.to_bytes();
        let facts = facts.map_err(|error| Error::Internal(error.into()))?;
        Ok(
            match store.put(&key(screened.digest, &tunables), &facts, &code) {
                Ok(artifact) => (artifact, self.kept()),
                // The call works without: the next one compiles again.
                Err(error) => {
                    let reason = error.to_string();
                    (Artifact::compiled(code), Store::NotKept { reason })
                }
            },
        )
    }

    fn kept(&self) -> Store {
        match self.trouble.clone() {
            Some(reason) => Store::Replaced { reason },
            None => Store::Kept,
        }
    }
}
