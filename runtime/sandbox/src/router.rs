//! Which of the places that can run an instance is to run it.

use std::fmt;

use serde::Serialize;

use crate::engine::Profile;

/// How a target gives instances their memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetKind {
    /// From a pool that asks the kernel what a call has written to.
    Pool,
    /// From a pool that clears all that it keeps: where memory can be swapped out.
    PoolWithoutScan,
    /// For each instance anew.
    OnDemand,
}

impl TargetKind {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::PoolWithoutScan => "pool-without-scan",
            Self::OnDemand => "on-demand",
        }
    }
}

/// Names a target: there is at most one of a profile and a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct TargetName {
    /// What its components are metered by.
    pub profile: Profile,
    /// How it allocates.
    pub kind: TargetKind,
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.profile.as_str(), self.kind.as_str())
    }
}

/// Something that runs instances, as it is at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Target {
    /// Its name.
    pub name: TargetName,
    /// How many memories its instances may have at once, those of nested calls
    /// left out.
    pub slots: usize,
    /// How many of them no instance has.
    pub free_slots: usize,
    /// How many calls wait for some of them.
    pub waiting: usize,
    /// Whether it takes no more instances for now.
    pub is_draining: bool,
}

/// What is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route<'a> {
    /// The digest of the component.
    pub component: &'a str,
    /// How it is metered: all the targets are of this profile.
    pub profile: Profile,
    /// How many slots an instance of it takes.
    pub memories: u32,
}

impl<'a> Route<'a> {
    /// An instance of a component, by its digest.
    #[must_use]
    pub const fn of(component: &'a str, profile: Profile, memories: u32) -> Self {
        Self {
            component,
            profile,
            memories,
        }
    }
}

/// Chooses a target for each instance.
///
/// It is asked while a call waits for its answer, on the thread of the call: it
/// must not block.
pub trait Router: fmt::Debug + Send + Sync {
    /// The place of a target in `targets`, which are those that can run it, at least
    /// one. If it has too few free slots, the others are tried in their order, and
    /// then the call waits for this one. `None`, or a place that there is not, turns
    /// the call away as busy.
    fn route(&self, call: &Route<'_>, targets: &[Target]) -> Option<usize>;

    /// An instance that was there is gone, and its slots are free again.
    fn released(&self, target: TargetName) {
        let _ = target;
    }
}

/// The first one that can: the pool, and what is on demand when that is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InOrder;

impl Router for InOrder {
    fn route(&self, _: &Route<'_>, _: &[Target]) -> Option<usize> {
        Some(0)
    }
}
