//! Compiling for other hosts.

use std::time::Duration;

use patinox_policy::LoadLimits;
use tokio::time::timeout_at;

use super::stored::{self, Sought};
use super::{Loader, Source, Store, Task, deadline};
use crate::compile::Failed;
use crate::component::Component;
use crate::engine::Profile;
use crate::error::{Error, Starved};
use crate::outline::Outline;
use crate::screen::Screened;

/// A component whose code a store has for the hosts that will run it.
#[derive(Clone, Debug)]
pub struct Precompiled {
    /// SHA-256 of the component's bytes: `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// How many bytes the component has.
    pub size_bytes: u64,
    /// How its calls will be metered.
    pub profile: Profile,
    /// How long compiling took; nothing where the store had it already.
    pub compile_time: Duration,
    /// What the artifact store had to do with it.
    pub store: Store,
    /// What it imports and exports.
    pub outline: Outline,
}

impl Loader {
    /// Compiles a component for the artifact store, where hosts without a
    /// compiler find it. It is neither linked nor run, so it may import what only
    /// those hosts offer.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), but for imports. A store that cannot keep the
    /// code is no error: [`Precompiled::store`] says so.
    ///
    /// # Cancel safety
    ///
    /// As [`load`](Self::load).
    pub async fn precompile(
        &self,
        source: impl Into<Source>,
        limits: &LoadLimits,
    ) -> Result<Precompiled, Error> {
        let tightened = self.0.compilers.tightened(limits);
        self.ahead(source.into(), tightened)
            .await
            .map_err(|error| self.0.compilers.explain(error, limits))
    }

    async fn ahead(&self, source: Source, limits: LoadLimits) -> Result<Precompiled, Error> {
        let deadline = deadline(&limits);
        let hashed = self.hashed(source, &limits, deadline).await?;
        let whole = self.whole(hashed.held, hashed.digest, &limits, deadline);
        let (bytes, digest) = whole.await?;
        let key = (digest, limits);
        let flight = self.0.flights.join(&key);
        // One at a time: what one has compiled the next one finds.
        let turn = timeout_at(deadline.into(), flight.lock()).await;
        let waited = |_| Failed::Starved(Starved::Waiting).explain(&limits);
        let _turn = turn.map_err(waited)?;
        if let Some(refused) = self.0.refusals.get(&key) {
            return Err(refused.explain(&limits));
        }
        let size_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let (engine, store) = (self.0.engine.clone(), self.0.store.clone());
        let look = move || {
            let screened = Screened::with_digest(bytes, digest, &limits)?;
            let profile = screened.facts.profile;
            // They may make an engine, which takes a while.
            let tunables = engine.tunables(profile)?;
            let sought = stored::find(&engine, store.as_ref(), digest, &limits)?;
            let sought = sought.try_map(|entry| {
                let outline = Component::outline(&engine, &screened.facts, &entry.artifact)?;
                Ok((Store::Hit, Duration::ZERO, outline))
            })?;
            Ok((screened, tunables, sought))
        };
        let (screened, tunables, sought) = self.read(look, &limits, deadline).await?;
        let profile = screened.facts.profile;
        let done = |(store, compile_time, outline)| Precompiled {
            digest: digest.to_string(),
            size_bytes,
            profile,
            compile_time,
            store,
            outline,
        };
        let trouble = match sought {
            Sought::Found(found) => return Ok(done(found)),
            Sought::Nothing => None,
            Sought::Bad(reason) => Some(reason),
        };
        let keep = self.keep(trouble);
        let task = Task {
            screened,
            tunables,
            limits,
            deadline,
        };
        let compile = self.0.compilers.compile(task, move |mut done| {
            let (artifact, store) = keep.keep(&mut done.screened, done.code)?;
            let outline = Component::outline(&keep.engine, &done.screened.facts, &artifact)?;
            Ok((store, done.time, outline))
        });
        let compiled = compile.await.map_err(|failed| {
            self.0.refusals.remember(key, &failed);
            failed.explain(&limits)
        })?;
        Ok(done(compiled))
    }
}
