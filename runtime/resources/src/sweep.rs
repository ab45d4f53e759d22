//! Finds what should not be there any more, or not so.
//!
//! **Promised.** It only looks: no clock, no registry, nothing changed. The same
//! entries and thresholds give the same findings, in the order of the entries.

use std::fmt;
use std::time::Duration;

use crate::registry::{Entry, Kind, Owner, State};

/// What an entry may be without being found. What is just at a threshold is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepLimits {
    /// How long it may wait to be cleaned up, be cleaned up, or have failed to be.
    pub cleaning: Duration,
    /// How long it may not be touched.
    pub idle: Duration,
    /// How long it may be active without a break.
    pub active: Duration,
    /// How much it may take up, in bytes.
    pub size_bytes: u64,
}

impl Default for SweepLimits {
    /// A minute to clean up, 10 minutes idle, an hour active, any size.
    fn default() -> Self {
        Self {
            cleaning: Duration::from_mins(1),
            idle: Duration::from_mins(10),
            active: Duration::from_hours(1),
            size_bytes: u64::MAX,
        }
    }
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Problem {
    /// Its owner is gone, or it has not been cleaned up for too long.
    Leaked,
    /// It is not being cleaned up, and has not been touched for too long.
    Idle,
    /// It has been active for too long.
    Stuck,
    /// It is too large.
    Oversized,
}

impl Problem {
    /// The problem as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Leaked => "leaked",
            Self::Idle => "idle",
            Self::Stuck => "stuck",
            Self::Oversized => "oversized",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that is wrong. An entry may have several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub problem: Problem,
    /// With which entry.
    pub entry: Entry,
}

/// Looks through a snapshot of entries.
///
/// Each kind has its thresholds. An owner that is gone may have no entries;
/// nobody is never gone.
///
/// ```
/// use patinox_resources::{Kind, Owner, Problem, Registry, SweepLimits, sweep};
///
/// let registry = Registry::new();
/// let _kept = registry.register(Kind::Artifact, Owner::new("echo"), 4096);
/// let thresholds = SweepLimits { size_bytes: 1024, ..SweepLimits::default() };
///
/// let findings = sweep(&registry.entries(), |_| thresholds, |_| false);
/// assert_eq!(findings[0].problem, Problem::Oversized);
/// ```
#[must_use]
pub fn sweep(
    entries: &[Entry],
    thresholds: impl Fn(Kind) -> SweepLimits,
    is_gone: impl Fn(&Owner) -> bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in entries {
        let is_gone = entry.owner.name().is_some() && is_gone(&entry.owner);
        let problems = problems(entry, &thresholds(entry.kind), is_gone);
        findings.extend(problems.map(|problem| Finding {
            problem,
            entry: entry.clone(),
        }));
    }
    findings
}

fn problems(
    entry: &Entry,
    thresholds: &SweepLimits,
    is_gone: bool,
) -> impl Iterator<Item = Problem> + use<> {
    let (is_active, is_held) = match entry.state {
        State::Active => (true, true),
        State::Idle => (false, true),
        State::Waiting | State::Cleaning | State::Failed => (false, false),
    };
    let is_late = !is_held && thresholds.cleaning < entry.in_state;
    let all = [
        (Problem::Leaked, is_gone || is_late),
        (Problem::Idle, is_held && thresholds.idle < entry.untouched),
        (
            Problem::Stuck,
            is_active && thresholds.active < entry.in_state,
        ),
        (Problem::Oversized, thresholds.size_bytes < entry.size_bytes),
    ];
    all.into_iter()
        .filter_map(|(problem, is_so)| is_so.then_some(problem))
}

#[cfg(test)]
mod tests;
