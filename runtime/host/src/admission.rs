//! Which call may begin, which waits, which is turned away.
//!
//! Every root call passes the [`Gate`] of its host once, before its tool runs,
//! and holds a [`Permit`] until its result is encoded. At most `concurrency`
//! calls of one component hold one; up to `queue` more wait, those of all
//! components together; whoever comes then is told when to come back.
//!
//! Before that it looks whether the machine is short of something, where the
//! embedder wants that.
//!
//! This form knows no fairness between principals: a request carries what a later
//! form will judge by.

mod busy;
mod lanes;
mod short;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patinox_policy::{Admission, LimitName, Limits, Principal};
use patinox_resources::Level;
use tokio::time::{Instant, timeout_at};

use crate::PatinoxError;
pub use busy::{Busy, BusyReason};
use lanes::{Entry, Lanes, Turn};
pub use short::PressureConfig;
pub(crate) use short::{NewCalls, Shortage, is_needed_critical};

/// How soon a call is wanted.
///
/// Calls of one component begin in the order in which they came, whatever it is.
/// Where the machine runs short of something, those that nobody waits for are
/// turned away first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Priority {
    /// Somebody waits for it.
    Interactive,
    /// Nothing is known of it.
    #[default]
    Normal,
    /// Nobody waits for it.
    Background,
}

/// How much memory a call may come to take, roughly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemoryClass {
    /// At most 16 MiB.
    Small,
    /// At most 64 MiB, which is the default.
    Medium,
    /// More.
    Large,
}

impl MemoryClass {
    pub(crate) const fn of(limits: &Limits) -> Self {
        const MIB: u64 = 1 << 20;
        match limits.memory_bytes.div_ceil(MIB) {
            0..=16 => Self::Small,
            17..=64 => Self::Medium,
            _ => Self::Large,
        }
    }
}

/// A call that wants to begin.
#[derive(Clone, Debug)]
#[expect(
    dead_code,
    reason = "this form does not judge by the principal or by memory"
)]
pub(crate) struct Request {
    /// The digest of the component.
    pub(crate) component: Arc<str>,
    /// Who asks.
    pub(crate) principal: Principal,
    /// How much memory it may take.
    pub(crate) memory_class: MemoryClass,
    /// How many linear memories an instance of the component has.
    pub(crate) memories: u32,
    /// How soon it is wanted.
    pub(crate) priority: Priority,
    /// When waiting is over.
    pub(crate) deadline: std::time::Instant,
}

/// Why a call did not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    /// There was no place left to wait in.
    Busy(Busy),
    /// Its deadline passed while it waited.
    Late,
}

impl NotAdmitted {
    /// The error of a call under these limits that began then.
    pub(crate) fn explain(self, limits: &Limits, started: std::time::Instant) -> PatinoxError {
        match self {
            Self::Busy(busy) => busy.into(),
            Self::Late => {
                let spent = u64::try_from(started.elapsed().as_millis()).ok();
                PatinoxError::limit(LimitName::Wall, limits, spent)
            }
        }
    }
}

/// Why no call begins.
#[derive(Debug, Default)]
struct Refuses {
    /// Somebody asked for that.
    asked: AtomicBool,
    /// The machine is short of what calls need, and nothing else has helped.
    pressed: AtomicBool,
    /// It has been for long, and what else is to help has not ended.
    overdue: AtomicBool,
}

impl Refuses {
    fn is_so(&self) -> bool {
        let Self {
            asked,
            pressed,
            overdue,
        } = self;
        [asked, pressed, overdue]
            .into_iter()
            .any(|reason| reason.load(Ordering::Relaxed))
    }
}

/// Admits calls. Cheap to clone; every clone is the same gate.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    lanes: Arc<Mutex<Lanes>>,
    shortage: Option<Shortage>,
    /// Why no call begins, if none does.
    refuses: Arc<Refuses>,
}

impl Gate {
    pub(crate) fn new(ceilings: Admission, shortage: Option<Shortage>) -> Self {
        let lanes = Arc::new(Mutex::new(Lanes::new(ceilings)));
        Self {
            lanes,
            shortage,
            refuses: Arc::default(),
        }
    }

    /// Whether the machine bears a call of this priority.
    fn check(&self, priority: Priority) -> Result<(), Busy> {
        let shortage = self.shortage.as_ref();
        if self.refuses.is_so() {
            let short = shortage.and_then(|shortage| shortage.short(Level::Critical));
            return Err(short.unwrap_or_else(Busy::refusing));
        }
        shortage.map_or(Ok(()), |shortage| shortage.check(priority))
    }

    /// Whether new calls are refused because that is overdue.
    pub(crate) fn refuse_overdue(&self, is_overdue: bool) {
        let overdue = &self.refuses.overdue;
        // Read by every call, so written only where it changes.
        if overdue.load(Ordering::Relaxed) != is_overdue {
            overdue.store(is_overdue, Ordering::Relaxed);
        }
    }

    /// Waits until the call may begin; it may as long as the permit is held.
    ///
    /// # Fairness
    ///
    /// The calls of one component begin in the order in which they came here:
    /// a permit that comes back goes to whoever has waited longest, and nobody
    /// overtakes him, not even between that and his next poll. A component
    /// that has permits left is never kept waiting by another one; what they
    /// share is the bound of the queue.
    ///
    /// # Errors
    ///
    /// [`NotAdmitted::Busy`] at once, [`NotAdmitted::Late`] when the deadline
    /// has passed. A call that need not wait begins whatever its deadline is.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives its place in the queue back at once, or the
    /// permit that it had been given meanwhile, and those behind it move up in
    /// their order.
    pub(crate) async fn admit(&self, request: Request) -> Result<Permit, NotAdmitted> {
        self.check(request.priority).map_err(NotAdmitted::Busy)?;
        let entry = self.lanes().enter(&request.component);
        let Entry { ticket, turn } = entry.map_err(NotAdmitted::Busy)?;
        let mut permit = Permit {
            gate: self.clone(),
            component: request.component,
            ticket,
            since: None,
        };
        if let Some(turn) = turn {
            let waited = timeout_at(request.deadline.into(), turn).await;
            // It cannot be closed: the lane keeps the other end until it sends.
            let (Ok(()) | Err(_)) = waited.map_err(|_| NotAdmitted::Late)?;
        }
        permit.since = Some(Instant::now());
        Ok(permit)
    }

    /// How many calls wait for their turn.
    pub(crate) fn waiting(&self) -> u64 {
        self.lanes().waiting()
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        // Nothing that runs under the lock panics half way.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave for one call to run; it is given back when it is dropped.
#[derive(Debug)]
#[must_use = "the call may run only as long as its permit is held"]
pub(crate) struct Permit {
    gate: Gate,
    component: Arc<str>,
    ticket: u64,
    /// When it was given; `None` while its call waits.
    since: Option<Instant>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let held = self.since.map(|since| since.elapsed());
        let next = self.gate.lanes().leave(&self.component, self.ticket, held);
        pass_on(next);
    }
}

/// Tells the next one that it is his turn, with the lanes unlocked.
fn pass_on(next: Option<Turn>) {
    if let Some(turn) = next {
        // If he left in this moment his own permit gives the turn back.
        let _: Result<(), ()> = turn.send(());
    }
}
