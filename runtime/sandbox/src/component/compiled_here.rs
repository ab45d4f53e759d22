//! A component that is compiled in this process.

use std::time::Instant;

use patinox_policy::LoadLimits;

use super::{Compiled, Component, Known};
use crate::artifact::Artifact;
use crate::compile::{Order, precompile};
use crate::engine::Engine;
use crate::error::Error;
use crate::loader::Store;
use crate::screen::Screened;

impl Component {
    /// Screens, compiles and links a component. No code of it runs.
    ///
    /// It is compiled here and now: that takes from milliseconds to many
    /// seconds, and nothing but `limits` on what it has bounds the time and the
    /// memory. A [`Loader`](crate::Loader) bounds both.
    ///
    /// # Errors
    ///
    /// If the bytes are no component, have more of something than `limits`
    /// allow, break a rule of the format, or import what this host does not
    /// offer.
    pub fn new(engine: &Engine, bytes: &[u8], limits: &LoadLimits) -> Result<Self, Error> {
        let screened = Screened::new(bytes, limits)?.with_imports(engine.imports())?;
        let tunables = engine.tunables(screened.facts.profile)?;
        let started = Instant::now();
        let compiler = Order { tunables }.engine().map_err(Error::internal)?;
        let code = precompile(&compiler, bytes).map_err(|failed| failed.explain(limits))?;
        let compiled = Compiled {
            artifact: Artifact::compiled(code),
            time: started.elapsed(),
            store: Store::Absent,
        };
        let known = Known {
            digest: screened.digest,
            bytes: bytes.len(),
            facts: screened.facts,
        };
        Self::link(engine, known, compiled)
    }
}
