//! Which call may begin, which waits, which is turned away.
//!
//! Every root call passes the [`Gate`] of its host once, before its tool runs,
//! and holds a [`Permit`] until its result is encoded. It begins where there is
//! room for it: for its component, its tool, its principal, and for the memory that
//! it may come to take ([`room`]). Else it waits for its turn ([`queue`]), those of
//! all components together up to `queue`; whoever comes then is told when to come
//! back, unless he takes the place of one of whose principal more wait.
//!
//! Before that it looks whether the machine is short of something, where the
//! embedder wants that.

mod busy;
mod lanes;
mod queue;
mod room;
mod short;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use patinox_policy::{LimitName, Limits, Principal};
use patinox_resources::{Kind, Level, Owner, Registered, Registry, State};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::PatinoxError;
pub use busy::{Busy, BusyReason};
use lanes::{Entry, Lanes, Told};
pub(crate) use room::Ceilings;
pub use room::Lack;
use room::Need;
pub use short::PressureConfig;
pub(crate) use short::{NewCalls, Shortage, is_needed_critical};

/// How soon a call is wanted.
///
/// Calls that wait begin in this order, but for each eighth turn, which is one of the
/// others', so that nobody waits for ever. Where the machine runs short of
/// something, those that nobody waits for are turned away first.
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
    /// None of its own: the embedder's code.
    None,
    /// At most 16 MiB.
    Small,
    /// At most 64 MiB, which is the default.
    Medium,
    /// As much as that, in bytes.
    Large(u64),
}

const MIB: u64 = 1 << 20;

impl MemoryClass {
    pub(crate) const fn of(limits: &Limits) -> Self {
        match limits.memory_bytes.div_ceil(MIB) {
            0..=16 => Self::Small,
            17..=64 => Self::Medium,
            _ => Self::Large(limits.memory_bytes),
        }
    }

    /// What a call of this class is counted as.
    const fn bytes(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Small => 16 * MIB,
            Self::Medium => 64 * MIB,
            Self::Large(bytes) => bytes,
        }
    }
}

/// A call that wants to begin.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    /// The digest of the component.
    pub(crate) component: &'a Arc<str>,
    /// The name of the tool; `None` where the component is asked for its tools.
    pub(crate) tool: Option<&'a str>,
    /// Who asks.
    pub(crate) principal: Principal,
    /// How much memory it may take.
    pub(crate) memory_class: MemoryClass,
    /// How soon it is wanted.
    pub(crate) priority: Priority,
    /// When it came.
    pub(crate) started: std::time::Instant,
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
pub(crate) struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lanes: Mutex<Lanes>,
    shortage: Option<Shortage>,
    /// Why no call begins, if none does.
    refuses: Refuses,
    /// Where those that wait are written down.
    registry: Registry,
    counts_tools: bool,
    queue_wall: Duration,
}

impl Gate {
    pub(crate) fn new(ceilings: Ceilings, shortage: Option<Shortage>, registry: &Registry) -> Self {
        let lanes = Lanes::new(ceilings);
        Self(Arc::new(Inner {
            counts_tools: lanes.counts_tools(),
            lanes: Mutex::new(lanes),
            shortage,
            refuses: Refuses::default(),
            registry: registry.clone(),
            queue_wall: Duration::from_millis(ceilings.admission.queue_wall_ms),
        }))
    }

    /// Whether the machine bears a call of this priority.
    fn check(&self, priority: Priority) -> Result<(), Busy> {
        let shortage = self.0.shortage.as_ref();
        if self.0.refuses.is_so() {
            let short = shortage.and_then(|shortage| shortage.short(Level::Critical));
            return Err(short.unwrap_or_else(Busy::refusing));
        }
        shortage.map_or(Ok(()), |shortage| shortage.check(priority))
    }

    /// Whether new calls are refused because that is overdue.
    pub(crate) fn refuse_overdue(&self, is_overdue: bool) {
        let overdue = &self.0.refuses.overdue;
        // Read by every call, so written only where it changes.
        if overdue.load(Ordering::Relaxed) != is_overdue {
            overdue.store(is_overdue, Ordering::Relaxed);
        }
    }

    /// The machine has what calls need: they are not refused for want of it, also
    /// where what is let go of has not come so far as to take that back.
    pub(crate) fn admit_again(&self) {
        let pressed = &self.0.refuses.pressed;
        if pressed.load(Ordering::Relaxed) {
            pressed.store(false, Ordering::Relaxed);
        }
    }

    /// Waits until the call may begin; it may as long as the permit is held.
    ///
    /// `bytes` tells what its arguments take up; it is asked where it has to wait.
    ///
    /// # Fairness
    ///
    /// A permit that comes back goes at once to the one whose turn it is, and nobody
    /// overtakes him, not even between that and his next poll. Whose turn it is:
    /// see [`queue`]. A component that has permits left is never kept waiting by
    /// another one, unless there is no memory for its calls.
    ///
    /// # Errors
    ///
    /// [`NotAdmitted::Busy`] at once, or when another one has its place or
    /// `queue-wall` has passed; [`NotAdmitted::Late`] when the deadline has. A call
    /// that need not wait begins whatever its deadline is.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives its place in the queue back at once, or the
    /// permit that it had been given meanwhile, and those behind it move up in
    /// their order.
    pub(crate) async fn admit(
        &self,
        request: Request<'_>,
        bytes: impl FnOnce() -> u64,
    ) -> Result<Permit, NotAdmitted> {
        match self.enter(request, bytes)? {
            Entered::Runs(permit) => Ok(permit),
            Entered::Waits(waiting) => waiting.turn().await,
        }
    }

    /// The same, as far as it need not be waited for.
    ///
    /// # Errors
    ///
    /// [`NotAdmitted::Busy`].
    pub(crate) fn enter(
        &self,
        request: Request<'_>,
        bytes: impl FnOnce() -> u64,
    ) -> Result<Entered, NotAdmitted> {
        self.check(request.priority).map_err(NotAdmitted::Busy)?;
        let need = Need {
            component: Arc::clone(request.component),
            tool: request.tool.filter(|_| self.0.counts_tools).map(Arc::from),
            principal: request.principal,
            memory_bytes: request.memory_class.bytes(),
            priority: request.priority,
        };
        let Entry { ticket, turn } = self.line_up(&need, bytes).map_err(NotAdmitted::Busy)?;
        let mut permit = Permit {
            gate: self.clone(),
            need,
            ticket,
            since: None,
            entry: None,
        };
        let Some(turn) = turn else {
            permit.since = Some(Instant::from_std(request.started));
            return Ok(Entered::Runs(permit));
        };
        permit.entry = Some(self.write_down(&permit.need.principal));
        let deadline = Instant::from_std(request.deadline);
        Ok(Entered::Waits(Waiting {
            permit,
            turn,
            deadline,
        }))
    }

    /// Lets a call run, or wait.
    fn line_up(&self, need: &Need, bytes: impl FnOnce() -> u64) -> Result<Entry, Busy> {
        {
            let mut lanes = self.lanes();
            match lanes.begin(need) {
                Ok(ticket) => return Ok(Entry { ticket, turn: None }),
                Err(lack) => lanes.refuses(need, lack).map_or(Ok(()), Err)?,
            }
        }
        // Weighed while nobody waits for it: it may be large.
        let bytes = bytes();
        let (entry, told) = self.lanes().wait(need, bytes)?;
        tell(told);
        Ok(entry)
    }

    /// That a call waits, or had to. Of those that begin at once nobody asks: what
    /// they hold is written down.
    fn write_down(&self, principal: &Principal) -> Registered {
        let owner = Owner::new(principal.as_str());
        let entry = self.0.registry.register(Kind::Lease, owner, 0);
        entry.set_state(State::Idle);
        entry
    }

    /// How many calls wait for their turn.
    pub(crate) fn waiting(&self) -> u64 {
        self.lanes().waiting()
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        // Nothing that runs under the lock panics half way.
        self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that has come in.
pub(crate) enum Entered {
    /// It may begin.
    Runs(Permit),
    /// It waits for its turn.
    Waits(Waiting),
}

/// A call that waits for its turn; dropping it gives its place back.
pub(crate) struct Waiting {
    permit: Permit,
    turn: oneshot::Receiver<Result<(), Busy>>,
    deadline: Instant,
}

impl Waiting {
    /// Waits for its turn, as [`Gate::admit`] says.
    pub(crate) async fn turn(self) -> Result<Permit, NotAdmitted> {
        let Self {
            mut permit,
            turn,
            deadline,
        } = self;
        let longest = Instant::now() + permit.gate.0.queue_wall;
        let waited = timeout_at(deadline.min(longest), turn).await;
        match waited {
            // It cannot be closed: the queue keeps the other end until it sends.
            Ok(Ok(Ok(())) | Err(_)) => {}
            Ok(Ok(Err(busy))) => return Err(NotAdmitted::Busy(busy)),
            Err(_) if longest < deadline => {
                let busy = permit.gate.lanes().waited(&permit.need);
                return Err(NotAdmitted::Busy(busy));
            }
            Err(_) => return Err(NotAdmitted::Late),
        }
        if let Some(entry) = &permit.entry {
            entry.set_state(State::Active);
        }
        permit.since = Some(Instant::now());
        Ok(permit)
    }
}

/// Leave for one call to run; it is given back when it is dropped.
#[derive(Debug)]
#[must_use = "the call may run only as long as its permit is held"]
pub(crate) struct Permit {
    gate: Gate,
    need: Need,
    ticket: u64,
    /// When it was given; `None` while its call waits.
    since: Option<Instant>,
    entry: Option<Registered>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let held = self.since.map(|since| since.elapsed());
        let told = self.gate.lanes().leave(&self.need, self.ticket, held);
        tell(told);
    }
}

/// Tells them, with the lanes unlocked.
fn tell(told: Told) {
    for (turn, what) in told {
        // If he left in this moment his own permit gives the turn back.
        let _: Result<(), _> = turn.send(what);
    }
}
