//! What a call holds of folders.

use std::cell::OnceCell;
use std::sync::Arc;

use patinox_policy::{LimitName, Limits, Mode, Policy};
use patinox_resources::{AsyncGuard, Watch};
use patinox_telemetry::Clock;

use super::asked::In;
use super::descriptor::Opened;
use super::jobs::Jobs;
use super::quota::{Most, Quota};
use super::revoking::{Revocable, Warden};
use crate::authority::Folder;
use crate::scratch::ScratchFolder;

/// What one call holds of folders. Nothing is made for it before it asks for one: most
/// calls never do.
pub(crate) struct Folders {
    most: Most,
    work: OnceCell<(Quota, Jobs)>,
    /// Those that were granted, once the guest has asked for them.
    pub(super) granted: Option<Vec<Opened>>,
    /// Those that were granted because the guest asked for something in them.
    asked_for: Vec<Opened>,
    warden: Option<Warden>,
    /// Those of the call itself, which are removed when it is over.
    pub(super) scratch: Vec<AsyncGuard<ScratchFolder>>,
}

impl Folders {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            most: Most::of(limits),
            work: OnceCell::new(),
            granted: None,
            asked_for: Vec::new(),
            warden: None,
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

    /// Takes those that were granted. What is opened in them is closed once that ends.
    pub(super) fn grant(&mut self, folders: Vec<Opened>, changes: Watch<Policy>, clock: Clock) {
        if !folders.is_empty() {
            let of = folders.iter().map(|opened| Arc::clone(&opened.folder));
            self.warden = Some(Warden::start(of.collect(), changes, clock));
        }
        for opened in &folders {
            self.watch(&opened.fd);
        }
        self.granted = Some(folders);
    }

    /// Takes one more, which was granted because the guest asked for something in it.
    pub(super) fn grant_another(&mut self, opened: Opened, changes: Watch<Policy>, clock: Clock) {
        if self.warden.is_none() {
            let of = vec![Arc::clone(&opened.folder)];
            self.warden = Some(Warden::start(of, changes, clock));
        }
        self.watch(&opened.fd);
        self.asked_for.push(opened);
    }

    /// That of these in which something lies, by what the guest calls it, and its path
    /// from there; of several the innermost, and the last one that was granted.
    pub(super) fn asked_for(&self, path: &str, may: impl Fn(&Folder) -> bool) -> Option<In> {
        let below = self.asked_for.iter().filter(|opened| may(&opened.folder));
        let below = below.filter_map(|opened| {
            let path = opened.folder.path_below(path)?.to_owned();
            Some((opened.clone(), path))
        });
        below.max_by_key(|(opened, _)| opened.folder.guest().len())
    }

    /// Closes this once it may not be used any more.
    pub(super) fn watch<T: Send + Sync + 'static>(&self, what: &Revocable<T>) {
        if let Some(warden) = &self.warden {
            warden.keep(what);
        }
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

    /// Folders of which streams were refused something, and what.
    pub(crate) fn refused_uses(&self) -> Vec<(Arc<Folder>, Mode)> {
        let folders = self.granted.iter().flatten().chain(&self.asked_for);
        let folders = folders.map(|opened| &opened.folder);
        let refused = folders.filter_map(|folder| Some((Arc::clone(folder), folder.refused()?)));
        refused.collect()
    }

    /// A limit that was in the way at last, and what it would have come to.
    pub(crate) fn refused(&self) -> Option<(LimitName, u64)> {
        self.work.get().and_then(|(quota, _)| quota.refused())
    }
}
