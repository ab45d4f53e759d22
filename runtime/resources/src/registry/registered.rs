//! Holds an entry.

use std::fmt;

use super::{Entry, EntryId, Kind, Registry, State};

/// Holds an entry of a [`Registry`]: it is gone as soon as this is dropped.
///
/// What it says may be called from any thread.
#[must_use = "the entry is gone as soon as this is dropped"]
pub struct Registered {
    registry: Registry,
    id: EntryId,
    kind: Kind,
}

impl Registered {
    pub(super) fn new(registry: Registry, id: EntryId, kind: Kind) -> Self {
        Self { registry, id, kind }
    }

    /// The number of the entry.
    #[must_use]
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// What kind of resource it is of.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The registry that it is in.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What is known of the resource now.
    #[must_use]
    pub fn entry(&self) -> Option<Entry> {
        self.registry.entry(self.id)
    }

    /// It takes up this much from now on, in bytes.
    pub fn set_size_bytes(&self, size_bytes: u64) {
        self.registry.resize(self.id, size_bytes);
    }

    /// It is in this state from now on. This also touches it.
    pub fn set_state(&self, state: State) {
        self.registry
            .update(self.id, |record, now| record.enter(state, now));
    }

    /// It has been used just now.
    pub fn touch(&self) {
        self.registry
            .update(self.id, |record, now| record.touch(now));
    }

    /// Lets go of the entry without removing it.
    pub(crate) fn leave(mut self) -> EntryId {
        std::mem::replace(&mut self.id, EntryId::NONE)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.remove(self.id);
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish()
    }
}
