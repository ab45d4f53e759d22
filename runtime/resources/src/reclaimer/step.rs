//! What a run of reclamation is made of.

use std::fmt;
use std::time::Duration;

use crate::pressure::{Level, Reading, Resource};

/// What is done for relief, in order: each costs its users more than the one
/// before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// What nobody uses goes.
    EvictIdle,
    /// Fewer of something are kept.
    ShrinkPools,
    /// What can be made again goes.
    DropCaches,
    /// What has run for too long is ended.
    CancelStuck,
    /// Nothing new begins.
    RefuseWork,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [
        Self::EvictIdle,
        Self::ShrinkPools,
        Self::DropCaches,
        Self::CancelStuck,
        Self::RefuseWork,
    ];

    /// The stage as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EvictIdle => "evict-idle",
            Self::ShrinkPools => "shrink-pools",
            Self::DropCaches => "drop-caches",
            Self::CancelStuck => "cancel-stuck",
            Self::RefuseWork => "refuse-work",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why something is let go of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The machine is short of something.
    Pressure,
    /// It was idle for long.
    Idle,
    /// Somebody asked for it.
    Asked,
}

impl Cause {
    /// The cause as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pressure => "pressure",
            Self::Idle => "idle",
            Self::Asked => "asked",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is asked of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Demand {
    /// Why.
    pub cause: Cause,
    /// What there is too little of, and how hard each is pressed; empty if it is
    /// not for pressure.
    pub pressed: Vec<(Resource, Level)>,
}

impl Demand {
    pub(super) const fn asked() -> Self {
        Self {
            cause: Cause::Asked,
            pressed: Vec::new(),
        }
    }

    /// For what is pressed, or else for what is idle.
    pub(super) fn of(reading: &Reading) -> Self {
        let pressed = reading.pressed.iter();
        Self {
            cause: match reading.level() {
                Level::Normal => Cause::Idle,
                Level::Elevated | Level::Critical => Cause::Pressure,
            },
            pressed: pressed.map(|one| (one.resource, one.level)).collect(),
        }
    }

    /// How hard a resource is pressed; normal if it is not for pressure.
    #[must_use]
    pub fn level_of(&self, resource: Resource) -> Level {
        let mut pressed = self.pressed.iter();
        let pressed = pressed.find(|(one, _)| *one == resource);
        pressed.map_or(Level::Normal, |(_, level)| *level)
    }

    /// Whether letting go of these helps: where one of them is pressed, or
    /// somebody asked for it.
    #[must_use]
    pub fn is_for(&self, resources: &[Resource]) -> bool {
        self.cause == Cause::Asked || self.presses(resources)
    }

    /// Whether one of these is pressed.
    #[must_use]
    pub fn presses(&self, resources: &[Resource]) -> bool {
        let mut pressed = self.pressed.iter();
        pressed.any(|(resource, _)| resources.contains(resource))
    }
}

/// What was let go of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    /// How many there were to let go of.
    pub attempted: u64,
    /// How many went.
    pub count: u64,
    /// How much they took up, in bytes, as far as that is known.
    pub bytes: u64,
}

impl Freed {
    /// So many, all of which went.
    #[must_use]
    pub fn all(count: usize, bytes: u64) -> Self {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        Self {
            attempted: count,
            count,
            bytes,
        }
    }
}

/// What one source did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// In which stage.
    pub stage: Stage,
    /// What it let go of.
    pub name: &'static str,
    /// Why.
    pub cause: Cause,
    /// How much that was.
    pub freed: Freed,
    /// How long it took.
    pub took: Duration,
    /// The error and its sources, or the text of the panic, each cut; empty if it
    /// went well.
    pub trouble: Vec<String>,
}

impl Step {
    pub(super) fn is_something(&self) -> bool {
        0 < self.freed.attempted || !self.trouble.is_empty()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            stage,
            name,
            cause,
            freed,
            took,
            trouble,
        } = self;
        let (count, attempted, bytes) = (freed.count, freed.attempted, freed.bytes);
        write!(
            f,
            "{stage} ({cause}): {count} of {attempted} {name}, {bytes} bytes, in {took:.1?}"
        )?;
        match trouble.as_slice() {
            [] => Ok(()),
            trouble => write!(f, ": {}", trouble.join(": ")),
        }
    }
}

/// What has come of a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTotals {
    /// How many steps there were.
    pub steps: u64,
    /// How many of them failed.
    pub failed: u64,
    /// What was let go of.
    pub freed: Freed,
    /// How long they took together.
    pub took: Duration,
}

impl StageTotals {
    pub(super) fn add(&mut self, step: &Step) {
        let Freed {
            attempted,
            count,
            bytes,
        } = step.freed;
        self.steps = self.steps.saturating_add(1);
        self.failed = self
            .failed
            .saturating_add(u64::from(!step.trouble.is_empty()));
        self.took = self.took.saturating_add(step.took);
        let freed = &mut self.freed;
        freed.attempted = freed.attempted.saturating_add(attempted);
        freed.count = freed.count.saturating_add(count);
        freed.bytes = freed.bytes.saturating_add(bytes);
    }
}

type ByStage = [StageTotals; Stage::ALL.len()];

pub(super) const fn of_stage(all: &ByStage, stage: Stage) -> &StageTotals {
    let [idle, pools, caches, stuck, work] = all;
    match stage {
        Stage::EvictIdle => idle,
        Stage::ShrinkPools => pools,
        Stage::DropCaches => caches,
        Stage::CancelStuck => stuck,
        Stage::RefuseWork => work,
    }
}

pub(super) const fn of_stage_mut(all: &mut ByStage, stage: Stage) -> &mut StageTotals {
    let [idle, pools, caches, stuck, work] = all;
    match stage {
        Stage::EvictIdle => idle,
        Stage::ShrinkPools => pools,
        Stage::DropCaches => caches,
        Stage::CancelStuck => stuck,
        Stage::RefuseWork => work,
    }
}
