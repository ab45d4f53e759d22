//! Code that is kept for the next time.

use super::Store;
use super::compiling::Done;
use super::stored::key;
use crate::artifact::{Artifact, ArtifactStore};
use crate::compile::Failed;
use crate::component::{Compiled, Component, Known};
use crate::engine::Engine;
use crate::error::Error;
use crate::screen::Screened;
use crate::settings;

/// What is done with code that was compiled.
pub(super) struct Keep {
    pub(super) engine: Engine,
    pub(super) store: Option<ArtifactStore>,
    /// Why what the store had was of no use.
    pub(super) trouble: Option<String>,
}

impl Keep {
    /// Keeps the code, and links it.
    pub(super) fn link(self, done: Done) -> Result<Component, Failed> {
        let Done {
            mut screened,
            code,
            time,
        } = done;
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

    /// Keeps the code.
    pub(super) fn keep(
        &self,
        screened: &mut Screened,
        code: Vec<u8>,
    ) -> Result<(Artifact, Store), Error> {
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
