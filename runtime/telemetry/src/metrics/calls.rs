//! What calls came to, by component and tool.
//!
//! Every call passes here, so each thread has its own part, behind a lock that
//! others take only to read.

use std::array;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use patinox_policy::Code;

use super::list::{
    CALL_DURATION, CALL_DURATION_BOUNDS, CALL_FUEL, CALL_FUEL_BOUNDS, CALL_MEMORY,
    CALL_MEMORY_BOUNDS, CALLS,
};
use super::{Histogram, MAX_SERIES, Measures, OTHER, float, label};
use crate::{CallEnded, Outcome};

const SHARDS: usize = 8;

/// So much of a digest tells components apart for a person: the name of the
/// algorithm and 12 digits.
const DIGEST_BYTES: usize = "sha256:".len() + 12;

#[derive(Debug)]
pub(crate) struct Calls {
    shards: [Mutex<Shard>; SHARDS],
    /// Which series there may be, in all shards alike: else what is one too many
    /// could be another one each time.
    admitted: Mutex<Admitted>,
}

type Names = (Box<str>, Box<str>);

#[derive(Debug, Default)]
struct Admitted {
    tools: HashSet<Names>,
    outcomes: HashSet<(Names, &'static str)>,
}

#[derive(Debug, Default)]
struct Shard {
    /// By digest, then by tool.
    components: HashMap<Box<str>, HashMap<Box<str>, Tool>>,
    /// Those of tools that are one too many.
    others: Option<Tool>,
}

#[derive(Debug)]
struct Tool {
    outcomes: Vec<(&'static str, u64)>,
    duration: Histogram,
    fuel: Histogram,
    memory: Histogram,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            shards: array::from_fn(|_| Mutex::default()),
            admitted: Mutex::default(),
        }
    }
}

impl Calls {
    pub(crate) fn count(&self, call: &CallEnded) {
        let outcome = match &call.outcome {
            Outcome::Ok => "ok",
            Outcome::Failed { code, .. } => code.as_str(),
        };
        let component = short(&call.component);
        let mut shard = self.home();
        let tool = named(call);
        if let Some(known) = shard.known(component, tool) {
            return known.count(call, outcome, |outcome| {
                self.admits_outcome(component, tool, outcome)
            });
        }
        let is_admitted = self.admits_tool(component, tool);
        let found = match is_admitted {
            true => shard.make(component, tool),
            false => shard.others.get_or_insert_with(Tool::new),
        };
        found.count(call, outcome, |outcome| {
            is_admitted && self.admits_outcome(component, tool, outcome)
        });
    }

    pub(crate) fn measure(&self, measures: &mut Measures) {
        for shard in &self.shards {
            let shard = lock(shard);
            for (component, tools) in &shard.components {
                for (name, tool) in tools {
                    tool.measure(measures, [component, name]);
                }
            }
            if let Some(others) = &shard.others {
                others.measure(measures, [OTHER; 2]);
            }
        }
    }

    /// Whether what comes next may be one too many.
    pub(crate) fn is_full(&self) -> bool {
        let admitted = lock(&self.admitted);
        let most = admitted.tools.len().max(admitted.outcomes.len());
        MAX_SERIES - 1 <= most
    }

    /// Forgets the components that are not to be kept, by what they are called here.
    pub(crate) fn retain(&self, is_kept: impl Fn(&str) -> bool) {
        {
            let mut admitted = lock(&self.admitted);
            admitted.tools.retain(|(component, _)| is_kept(component));
            let outcomes = &mut admitted.outcomes;
            outcomes.retain(|((component, _), _)| is_kept(component));
        }
        // After that, so that none is counted that is not admitted.
        for shard in &self.shards {
            let components = &mut lock(shard).components;
            components.retain(|component, _| is_kept(component));
        }
    }

    fn admits_tool(&self, component: &str, tool: &str) -> bool {
        let mut admitted = lock(&self.admitted);
        let names = (component.into(), tool.into());
        if admitted.tools.len() < MAX_SERIES - 1 {
            admitted.tools.insert(names);
            return true;
        }
        admitted.tools.contains(&names)
    }

    fn admits_outcome(&self, component: &str, tool: &str, outcome: &'static str) -> bool {
        let mut admitted = lock(&self.admitted);
        let names = ((component.into(), tool.into()), outcome);
        if admitted.outcomes.len() < MAX_SERIES - 1 {
            admitted.outcomes.insert(names);
            return true;
        }
        admitted.outcomes.contains(&names)
    }

    /// The part of this thread.
    fn home(&self) -> MutexGuard<'_, Shard> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static HOME: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
        }
        // Not there while the thread ends.
        let home = HOME.try_with(|home| *home).unwrap_or(0);
        let [first, ..] = &self.shards;
        lock(self.shards.get(home).unwrap_or(first))
    }
}

/// What a component is called in figures.
pub(crate) fn short(component: &str) -> &str {
    component.get(..DIGEST_BYTES).unwrap_or(component)
}

/// The tool, but for a name that nobody has and whoever called made up.
fn named(call: &CallEnded) -> &str {
    match call.outcome {
        Outcome::Failed {
            code: Code::UnknownTool | Code::ToolRequired,
            ..
        } => OTHER,
        _ => label(&call.tool),
    }
}

fn lock<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that runs under the lock panics half way.
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    fn known(&mut self, component: &str, tool: &str) -> Option<&mut Tool> {
        self.components.get_mut(component)?.get_mut(tool)
    }

    fn make(&mut self, component: &str, tool: &str) -> &mut Tool {
        let tools = self.components.entry(component.into()).or_default();
        tools.entry(tool.into()).or_insert_with(Tool::new)
    }
}

impl Tool {
    fn new() -> Self {
        Self {
            outcomes: Vec::new(),
            duration: Histogram::new(CALL_DURATION_BOUNDS),
            fuel: Histogram::new(CALL_FUEL_BOUNDS),
            memory: Histogram::new(CALL_MEMORY_BOUNDS),
        }
    }

    fn count(
        &mut self,
        call: &CallEnded,
        outcome: &'static str,
        admits: impl FnOnce(&'static str) -> bool,
    ) {
        self.duration.observe(call.usage.wall.as_secs_f64());
        self.fuel.observe(float(call.usage.fuel));
        self.memory.observe(float(call.usage.memory_bytes_peak));
        let mut known = self.outcomes.iter_mut();
        if let Some((_, count)) = known.find(|(known, _)| *known == outcome) {
            *count = count.saturating_add(1);
            return;
        }
        let outcome = if admits(outcome) { outcome } else { OTHER };
        match self
            .outcomes
            .iter_mut()
            .find(|(known, _)| *known == outcome)
        {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.outcomes.push((outcome, 1)),
        }
    }

    fn measure(&self, measures: &mut Measures, names: [&str; 2]) {
        let [component, tool] = names;
        for (outcome, count) in &self.outcomes {
            let labels = match *outcome {
                OTHER => [OTHER; 3],
                outcome => [component, tool, outcome],
            };
            measures.number(&CALLS, &labels, float(*count));
        }
        measures.histogram(&CALL_DURATION, &names, &self.duration);
        measures.histogram(&CALL_FUEL, &names, &self.fuel);
        measures.histogram(&CALL_MEMORY, &names, &self.memory);
    }
}
