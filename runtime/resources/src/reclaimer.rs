//! Relief: what is let go of when the machine runs short, in order.
//!
//! **Promised.** A stage begins when every source of the one before has had its
//! turn, and one run at a time. A source that fails or panics hurts neither the
//! others nor whoever asked. Each step is told, with what it freed and how long
//! that took.
//!
//! **Driven** by pressure and by time, which is [`look`](Reclaimer::look), and on
//! demand, which is [`run`](Reclaimer::run). Both block, as their sources do.

mod ladder;
mod pools;
mod step;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub use self::pools::{EvictIdle, ShrinkPool};
pub use self::step::{Cause, Demand, Freed, Stage, StageTotals, Step};

use self::ladder::Ladder;
use crate::guard::{CleanupError, Trouble, contain};
use crate::pressure::Reading;

/// Something of which some can be let go.
pub trait Reclaim: Send + Sync {
    /// What it is, as in `compile workers`.
    fn name(&self) -> &'static str;

    /// When it has its turn.
    fn stage(&self) -> Stage;

    /// Lets go of what the demand is for, and tells how much that was. It may
    /// block for a moment, and is called again while the pressure lasts.
    ///
    /// # Errors
    ///
    /// Whatever kept it from that. The next source has its turn all the same.
    fn reclaim(&self, demand: &Demand) -> Result<Freed, CleanupError>;

    /// Something is less pressed than before, and this is what still is: takes back
    /// what was taken away for anything else, if anything was. By default nothing.
    fn restore(&self, left: &Demand) {
        let _ = left;
    }
}

/// Has sources let go of things, stage by stage. Cheap to clone; every clone is
/// the same.
///
/// ```
/// use patinox_resources::{CleanupError, Demand, Freed, Reclaim, Reclaimer, Stage};
///
/// struct Cache;
///
/// impl Reclaim for Cache {
///     fn name(&self) -> &'static str {
///         "cache"
///     }
///     fn stage(&self) -> Stage {
///         Stage::DropCaches
///     }
///     fn reclaim(&self, _: &Demand) -> Result<Freed, CleanupError> {
///         Ok(Freed { attempted: 2, count: 2, bytes: 8192 })
///     }
/// }
///
/// let reclaimer = Reclaimer::new(vec![Box::new(Cache)], |step| println!("{step}"));
/// assert_eq!(reclaimer.run(Stage::ShrinkPools).len(), 0);
/// let steps = reclaimer.run(Stage::DropCaches);
/// assert_eq!(steps[0].freed.bytes, 8192);
/// ```
#[derive(Clone)]
pub struct Reclaimer(Arc<Inner>);

struct Inner {
    /// By stage; in one stage as they were given.
    sources: Vec<Box<dyn Reclaim>>,
    told: Box<dyn Fn(&Step) + Send + Sync>,
    /// Held while a run goes on.
    ladder: Mutex<Ladder>,
    totals: Mutex<[StageTotals; Stage::ALL.len()]>,
}

impl Reclaimer {
    /// A reclaimer of these sources, which tells somebody of each step. He is told
    /// while the run goes on, so he must not ask for one.
    #[must_use]
    pub fn new(
        mut sources: Vec<Box<dyn Reclaim>>,
        told: impl Fn(&Step) + Send + Sync + 'static,
    ) -> Self {
        sources.sort_by_key(|source| source.stage());
        Self(Arc::new(Inner {
            sources,
            told: Box::new(told),
            ladder: Mutex::new(Ladder::default()),
            totals: Mutex::default(),
        }))
    }

    /// Lets go of all that can be let go of up to a stage, that one included,
    /// whether anything is pressed or not. What was taken away by it is taken back
    /// by [`restore`](Self::restore), or when a pressure is over.
    pub fn run(&self, up_to: Stage) -> Vec<Step> {
        let _turn = self.turn();
        let stages = Stage::ALL.into_iter().filter(|stage| *stage <= up_to);
        self.steps(stages, &Demand::asked())
    }

    /// Takes back what was taken away.
    pub fn restore(&self) {
        let _turn = self.turn();
        self.restore_but_for(&Demand::asked());
    }

    /// Does what a look at the machine calls for.
    ///
    /// While something is elevated, the first three stages, one a look, and again
    /// after 30 seconds. While something is critical, all of them at once, and
    /// again after 30 seconds. Once something is pressed harder than before, from
    /// the first stage on; once less, what was taken away for that is taken back.
    /// While nothing is pressed, what was idle for long goes, once a minute.
    pub fn look(&self, reading: &Reading, now: Instant) -> Vec<Step> {
        let mut turn = self.turn();
        let climb = turn.climb(reading, now);
        let demand = Demand::of(reading);
        if climb.is_relieved {
            self.restore_but_for(&demand);
        }
        self.steps(climb.stages.iter().copied(), &demand)
    }

    /// What has come of each stage so far.
    #[must_use]
    pub fn totals(&self, stage: Stage) -> StageTotals {
        let totals = self.0.totals.lock();
        let totals = totals.unwrap_or_else(PoisonError::into_inner);
        *step::of_stage(&totals, stage)
    }

    fn turn(&self) -> MutexGuard<'_, Ladder> {
        // Nothing that panics leaves it half-changed.
        self.0.ladder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn steps(&self, stages: impl Iterator<Item = Stage>, demand: &Demand) -> Vec<Step> {
        let mut steps = Vec::new();
        for stage in stages {
            for source in self.of(stage) {
                let step = step(source, demand);
                // While nothing is pressed, most have nothing to do.
                if demand.cause != Cause::Idle || step.is_something() {
                    self.tell(&step);
                    steps.push(step);
                }
            }
        }
        steps
    }

    fn of(&self, stage: Stage) -> impl Iterator<Item = &dyn Reclaim> {
        let sources = self.0.sources.iter().map(|source| &**source);
        sources.filter(move |source| source.stage() == stage)
    }

    fn tell(&self, done: &Step) {
        {
            let totals = self.0.totals.lock();
            let mut totals = totals.unwrap_or_else(PoisonError::into_inner);
            step::of_stage_mut(&mut totals, done.stage).add(done);
        }
        // Whoever is told is his own affair.
        let _ = contain(|| (self.0.told)(done));
    }

    /// Last what was taken away first: work begins again before more is kept for
    /// it.
    fn restore_but_for(&self, left: &Demand) {
        for source in self.0.sources.iter().rev() {
            let _ = contain(|| source.restore(left));
        }
    }
}

/// One source has its turn.
fn step(source: &dyn Reclaim, demand: &Demand) -> Step {
    let started = Instant::now();
    let done = contain(|| source.reclaim(demand));
    let took = started.elapsed();
    let (freed, trouble) = match done {
        Ok(Ok(freed)) => (freed, Vec::new()),
        Ok(Err(error)) => (Freed::default(), Trouble::of(error).chain),
        Err(text) => (Freed::default(), vec![text]),
    };
    Step {
        stage: source.stage(),
        name: source.name(),
        cause: demand.cause,
        freed,
        took,
        trouble,
    }
}

impl fmt::Debug for Reclaimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.sources.iter().map(|source| source.name());
        f.debug_struct("Reclaimer")
            .field("sources", &names.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
