//! Where there is no compiler: what the store has, or why it has nothing.

use patinox_policy::LoadLimits;

use crate::artifact::ArtifactStore;
use crate::engine::Engine;
use crate::error::{Error, NotPrecompiled};
use crate::facts::Facts;
use crate::screen::Digest;
use crate::settings;

/// Nothing compiles.
pub(super) struct Compilers;

impl Compilers {
    #[expect(clippy::unused_self, reason = "another build has one that needs it")]
    pub(super) const fn tightened(&self, limits: &LoadLimits) -> LoadLimits {
        *limits
    }

    #[expect(clippy::unused_self, reason = "another build has one that needs it")]
    pub(super) fn explain(&self, error: Error, _: &LoadLimits) -> Error {
        error
    }
}

/// Why the store has no code for a component that can run here.
pub(super) fn why(
    engine: &Engine,
    store: Option<&ArtifactStore>,
    digest: Digest,
    trouble: Option<String>,
) -> NotPrecompiled {
    let Some(store) = store else {
        return NotPrecompiled::NoStore;
    };
    if let Some(reason) = trouble {
        return NotPrecompiled::BadEntry { reason };
    }
    let entries = store.entries_of(digest.0).into_iter();
    let mut known = entries.filter_map(|facts| Facts::from_bytes(&facts));
    match known.next() {
        Some(facts) => difference(engine, &facts),
        None => NotPrecompiled::Absent,
    }
}

/// What it was compiled for that is not as it is here.
fn difference(engine: &Engine, facts: &Facts) -> NotPrecompiled {
    let Ok(tunables) = engine.tunables(facts.profile) else {
        return NotPrecompiled::Absent;
    };
    let here = settings::lines(&tunables);
    let only = |these: &[String], those: &[String]| {
        let mut lines = these.iter().filter(|line| !those.contains(line));
        lines.next().cloned()
    };
    NotPrecompiled::OtherEngine {
        theirs: only(&facts.engine, &here),
        ours: only(&here, &facts.engine),
    }
}
