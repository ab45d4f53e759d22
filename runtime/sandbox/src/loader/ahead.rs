//! Compiling for other hosts.

use std::time::Duration;

use patinox_policy::LoadLimits;

use super::stored::{self, Sought};
use super::{Loader, Source, Store, deadline};
use crate::engine::Profile;
use crate::error::Error;
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
    /// The interfaces that it imports and that no host has of itself, sorted:
    /// whoever runs it has to offer and to grant them. A stranger's text.
    pub wanted: Vec<String>,
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
        let size_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let (engine, store) = (self.0.engine.clone(), self.0.store.clone());
        let look = move || {
            let screened = Screened::with_digest(bytes, digest, &limits)?;
            let sought = stored::find(&engine, store.as_ref(), digest, &limits)?;
            Ok((screened, sought))
        };
        let (screened, sought) = self.read(look, &limits, deadline).await?;
        let (profile, wanted) = (screened.facts.profile, screened.wanted.clone());
        let trouble = match sought {
            Sought::Found(_) => None,
            Sought::Nothing => Some(None),
            Sought::Bad(reason) => Some(Some(reason)),
        };
        let (store, compile_time) = match trouble {
            None => (Store::Hit, Duration::ZERO),
            Some(trouble) => {
                let (task, keep) = self.task(screened, trouble, limits, deadline)?;
                let compile = self.0.compilers.compile(task, move |mut done| {
                    let (_, store) = keep.keep(&mut done.screened, done.code)?;
                    Ok((store, done.time))
                });
                compile.await.map_err(|failed| failed.explain(&limits))?
            }
        };
        Ok(Precompiled {
            digest: digest.to_string(),
            size_bytes,
            profile,
            compile_time,
            store,
            wanted,
        })
    }
}
