//! What the calls that run take of what there is for them.

use std::collections::hash_map::{Entry, HashMap};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use patinox_policy::{Admission, LimitName, Principal};

use super::Priority;

/// How long a call is taken to run before one of its component has ended.
pub(super) const ASSUMED_HOLD: Duration = Duration::from_millis(100);

/// What a new hold time weighs in the average: one part of so many.
const AVERAGE_OF: u32 = 8;

/// What there is for calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ceilings {
    /// How many run, and how many wait.
    pub(crate) admission: Admission,
    /// How much memory those that run may come to take together, in bytes.
    pub(crate) memory_bytes: u64,
    /// How much the arguments of those that wait may take up together, in bytes.
    pub(crate) waiting_bytes: u64,
}

/// What a call needs to begin.
#[derive(Clone, Debug)]
pub(super) struct Need {
    pub(super) component: Arc<str>,
    /// Its tool, where tools have a ceiling of their own.
    pub(super) tool: Option<Arc<str>>,
    pub(super) principal: Principal,
    /// How much memory it may come to take.
    pub(super) memory_bytes: u64,
    pub(super) priority: Priority,
}

/// Of what there is too little for one more call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lack {
    /// `concurrency` calls of its component run.
    Component,
    /// `tool-concurrency` calls of its tool run.
    Tool,
    /// `principal-concurrency` calls of its principal run.
    Principal,
    /// Those that run may come to take all the memory that there is for calls.
    Memory,
}

/// Counts what runs.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) ceilings: Ceilings,
    components: HashMap<Arc<str>, Component, RandomState>,
    /// Empty where a tool may run as often as its component.
    tools: HashMap<(Arc<str>, Arc<str>), u64, RandomState>,
    /// Empty where there is no ceiling.
    principals: HashMap<Principal, u64, RandomState>,
    memory_bytes: u64,
}

#[derive(Debug)]
struct Component {
    running: u64,
    /// How long permits were held lately.
    hold: Duration,
}

impl Room {
    pub(super) fn new(mut ceilings: Ceilings) -> Self {
        let admission = &mut ceilings.admission;
        // With none nobody would ever be let in.
        for most in [
            &mut admission.concurrency,
            &mut admission.tool_concurrency,
            &mut admission.principal_concurrency,
        ] {
            *most = (*most).max(1);
        }
        Self {
            ceilings,
            components: HashMap::default(),
            tools: HashMap::default(),
            principals: HashMap::default(),
            memory_bytes: 0,
        }
    }

    /// Whether a tool may run less often than its component.
    pub(super) const fn counts_tools(&self) -> bool {
        let admission = &self.ceilings.admission;
        admission.tool_concurrency < admission.concurrency
    }

    fn counts_principals(&self) -> bool {
        let (_, none) = LimitName::PrincipalConcurrency.range();
        self.ceilings.admission.principal_concurrency < none
    }

    /// Takes what a call needs, if there is enough of all; memory only where it may.
    pub(super) fn try_take(&mut self, need: &Need, may_take_memory: bool) -> Result<(), Lack> {
        let within = self.lacks_within(&need.component, need.tool.as_ref(), &need.principal);
        let bytes = need.memory_bytes;
        let has_memory = bytes == 0 || may_take_memory && self.has_memory(bytes);
        let concurrency = self.ceilings.admission.concurrency;
        let component = self.components.entry(Arc::clone(&need.component));
        let component = component.or_default();
        let lack = match component.running {
            running if concurrency <= running => Some(Lack::Component),
            _ => within.or_else(|| (!has_memory).then_some(Lack::Memory)),
        };
        match lack {
            None => {
                component.running += 1;
                self.take_rest(need);
                Ok(())
            }
            Some(lack) => {
                if component.running == 0 {
                    self.components.remove(&need.component);
                }
                Err(lack)
            }
        }
    }

    /// What there is too little of for a call of a component that may run once more,
    /// memory left out.
    pub(super) fn lacks_within(
        &self,
        component: &Arc<str>,
        tool: Option<&Arc<str>>,
        principal: &Principal,
    ) -> Option<Lack> {
        let admission = &self.ceilings.admission;
        if let Some(tool) = tool {
            let name = (Arc::clone(component), Arc::clone(tool));
            let running = self.tools.get(&name).copied().unwrap_or_default();
            if admission.tool_concurrency <= running {
                return Some(Lack::Tool);
            }
        }
        if self.counts_principals() {
            let running = self.principals.get(principal).copied().unwrap_or_default();
            if admission.principal_concurrency <= running {
                return Some(Lack::Principal);
            }
        }
        None
    }

    pub(super) fn is_full(&self, component: &str) -> bool {
        let running = self.components.get(component).map_or(0, |it| it.running);
        self.ceilings.admission.concurrency <= running
    }

    /// Whether there is memory for a call: always for one alone, and for one that
    /// takes none.
    pub(super) fn has_memory(&self, bytes: u64) -> bool {
        let taken = self.memory_bytes.saturating_add(bytes);
        bytes == 0 || self.memory_bytes == 0 || taken <= self.ceilings.memory_bytes
    }

    /// Takes what a call needs, whatever there is.
    pub(super) fn take(&mut self, need: &Need) {
        let component = self.components.entry(Arc::clone(&need.component));
        component.or_default().running += 1;
        self.take_rest(need);
    }

    fn take_rest(&mut self, need: &Need) {
        if let Some(tool) = &need.tool {
            let name = (Arc::clone(&need.component), Arc::clone(tool));
            *self.tools.entry(name).or_default() += 1;
        }
        if self.counts_principals() {
            *self.principals.entry(need.principal.clone()).or_default() += 1;
        }
        self.memory_bytes = self.memory_bytes.saturating_add(need.memory_bytes);
    }

    /// Takes back what a call had, held for so long if it ever began.
    pub(super) fn give_back(&mut self, need: &Need, held: Option<Duration>) {
        if let Some(component) = self.components.get_mut(&need.component) {
            component.average(held);
            component.running -= 1;
            if component.running == 0 {
                self.components.remove(&need.component);
            }
        }
        if let Some(tool) = &need.tool {
            let name = (Arc::clone(&need.component), Arc::clone(tool));
            one_less(&mut self.tools, name);
        }
        if self.counts_principals() {
            one_less(&mut self.principals, need.principal.clone());
        }
        self.memory_bytes = self.memory_bytes.saturating_sub(need.memory_bytes);
    }

    /// How long permits of a component were held lately.
    pub(super) fn hold(&self, component: &str) -> Duration {
        let known = self.components.get(component);
        known.map_or(ASSUMED_HOLD, |component| component.hold)
    }

    /// How many run, and of how many components.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (u64, usize) {
        let running = self.components.values().map(|component| component.running);
        (running.sum(), self.components.len())
    }

    /// Whether nothing is left of any call.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.components.is_empty()
            && self.tools.is_empty()
            && self.principals.is_empty()
            && self.memory_bytes == 0
    }
}

fn one_less<K: Eq + Hash>(counts: &mut HashMap<K, u64, impl BuildHasher>, key: K) {
    if let Entry::Occupied(mut count) = counts.entry(key) {
        match *count.get() {
            0 | 1 => {
                count.remove();
            }
            more => {
                count.insert(more - 1);
            }
        }
    }
}

impl Default for Component {
    fn default() -> Self {
        Self {
            running: 0,
            hold: ASSUMED_HOLD,
        }
    }
}

impl Component {
    fn average(&mut self, held: Option<Duration>) {
        let Some(held) = held else { return };
        let kept = self.hold.saturating_sub(self.hold / AVERAGE_OF);
        self.hold = kept.saturating_add(held / AVERAGE_OF);
    }
}
