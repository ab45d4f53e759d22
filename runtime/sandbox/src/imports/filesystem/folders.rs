//! What a call holds of folders.

use std::cell::OnceCell;

use patinox_policy::{LimitName, Limits};
use patinox_resources::AsyncGuard;

use super::descriptor::Opened;
use super::jobs::Jobs;
use super::quota::{Most, Quota};
use crate::scratch::ScratchFolder;

/// What one call holds of folders. Nothing is made for it before it asks for one: most
/// calls never do.
pub(crate) struct Folders {
    most: Most,
    work: OnceCell<(Quota, Jobs)>,
    /// Those that were granted, once the guest has asked for them.
    pub(super) granted: Option<Vec<Opened>>,
    /// Those of the call itself, which are removed when it is over.
    pub(super) scratch: Vec<AsyncGuard<ScratchFolder>>,
}

impl Folders {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            most: Most::of(limits),
            work: OnceCell::new(),
            granted: None,
            scratch: Vec::new(),
        }
    }

    /// What it may still change, and hold open.
    pub(super) fn quota(&self) -> &Quota {
        &self.work().0
    }

    /// What threads do for it.
    pub(super) fn jobs(&self) -> &Jobs {
        &self.work().1
    }

    fn work(&self) -> &(Quota, Jobs) {
        self.work
            .get_or_init(|| (Quota::new(self.most), Jobs::new()))
    }

    /// Nothing begins any more. What has begun runs to its end.
    pub(crate) fn end(&self) {
        if let Some((_, jobs)) = self.work.get() {
            jobs.end();
        }
    }

    /// A limit that was in the way at last, and what it would have come to.
    pub(crate) fn refused(&self) -> Option<(LimitName, u64)> {
        self.work.get().and_then(|(quota, _)| quota.refused())
    }
}
