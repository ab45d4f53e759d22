//! Finds room for an instance.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patinox_policy::{LimitName, Limits};

use super::Engine;
use super::backend::{self, Backend};
use super::profiled::Chosen;
use crate::component::{Component, Ready};
use crate::error::{Error, Raised};
use crate::router::{Route, Target, TargetName};
use crate::slots::{NoSlot, Slot};

/// How often it is looked whether a target that is draining is empty.
const DRAIN_EVERY: Duration = Duration::from_millis(2);

/// Nothing calls from within a call yet.
const DEPTH: u32 = 0;

/// Room for one instance, until this is dropped.
pub(crate) struct Placed {
    pub(crate) ready: Arc<Ready>,
    /// There until it is dropped.
    slot: Option<Slot>,
}

impl Drop for Placed {
    fn drop(&mut self) {
        drop(self.slot.take());
        let backend = self.ready.backend();
        let told = || backend.router.released(backend.name());
        // A router's panic is not this call's, which may be unwinding already.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(told)) {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
        }
    }
}

/// What an instance of a component needs.
struct Need<'a> {
    component: &'a Component,
    limits: &'a Limits,
}

/// The place for one instance that was chosen, and whether the other one is tried
/// where that is full.
#[derive(Clone, Copy)]
enum Order {
    Main { or_beside: bool },
    Beside { or_main: bool },
}

impl Engine {
    /// Takes the slots for one instance where the router says, or where some are
    /// free, if that need not wait.
    pub(crate) fn place_at_once(
        &self,
        component: &Component,
        limits: &Limits,
    ) -> Result<Option<Placed>, Raised> {
        let need = Need::new(component, limits)?;
        let chosen = self.chosen(component.profile())?;
        Ok(self.try_place(chosen, &need)?.ok())
    }

    /// The same, but where none are free it waits for those that the router chose.
    pub(crate) async fn place(
        &self,
        component: &Component,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Placed, Raised> {
        let need = Need::new(component, limits)?;
        let chosen = self.chosen(component.profile())?;
        let weight = component.memories();
        loop {
            // Whoever drains a target from now on is heard.
            let mut changed = pin!(chosen.changed.notified());
            changed.as_mut().enable();
            let backend = match self.try_place(chosen, &need)? {
                Ok(placed) => return Ok(placed),
                Err(backend) => backend,
            };
            let slot = tokio::select! {
                biased;
                slot = backend.slots.take(weight, DEPTH, deadline) => slot,
                () = changed => continue,
            };
            match slot {
                Ok(slot) => {
                    if let Some(placed) = settle(component, &backend, slot)? {
                        return Ok(placed);
                    }
                }
                // Another one has taken its place.
                Err(NoSlot::Closed) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes what is free at once. Where nothing is, the place to wait for.
    fn try_place(
        &self,
        chosen: &Chosen,
        need: &Need<'_>,
    ) -> Result<Result<Placed, Arc<Backend>>, Raised> {
        let component = need.component;
        let main = chosen.main(self.0.swap.get())?;
        // What is beside the pool is made only when something is to run there.
        match self.order(chosen, &main, need)? {
            Order::Main { or_beside } => {
                let mut placed = take(component, &main)?;
                if placed.is_none() && or_beside {
                    placed = take(component, &chosen.beside()?)?;
                }
                Ok(placed.ok_or(main))
            }
            Order::Beside { or_main } => {
                let beside = chosen.beside()?;
                let mut placed = take(component, &beside)?;
                if placed.is_none() && or_main {
                    placed = take(component, &main)?;
                }
                Ok(placed.ok_or(beside))
            }
        }
    }

    /// Asks the router.
    fn order(
        &self,
        chosen: &Chosen,
        main: &Arc<Backend>,
        need: &Need<'_>,
    ) -> Result<Order, Raised> {
        let component = need.component;
        let fits = need.fits(main);
        let is_beside = main.is_pool() && (!fits || chosen.spills());
        let open = |target: &Target| !target.is_draining;
        let on_main = fits.then(|| main.target()).filter(open);
        let beside = is_beside.then(|| chosen.target_beside()).filter(open);
        // Where both can run it in principle, one may be too small for it.
        let weight = usize::try_from(component.memories()).unwrap_or(usize::MAX);
        let bears = |target: &Target| !fits || weight <= target.slots;
        let beside = beside.filter(bears);
        let (digest, profile) = (component.digest(), component.profile());
        let call = Route::of(digest, profile, component.memories());
        let router = &*self.0.config.router;
        let order = match (on_main, beside) {
            (Some(main), Some(beside)) => match router.route(&call, &[main, beside]) {
                Some(0) => Some(Order::Main { or_beside: true }),
                Some(1) => Some(Order::Beside { or_main: true }),
                _ => None,
            },
            (Some(main), None) => {
                let chosen = router.route(&call, &[main]).filter(|place| *place == 0);
                chosen.map(|_| Order::Main { or_beside: false })
            }
            (None, Some(beside)) => {
                let chosen = router.route(&call, &[beside]).filter(|place| *place == 0);
                chosen.map(|_| Order::Beside { or_main: false })
            }
            (None, None) => None,
        };
        Ok(order.ok_or(Error::Busy)?)
    }

    /// What can run instances of what has been loaded so far, as it is now.
    #[must_use]
    pub fn targets(&self) -> Vec<Target> {
        self.made().flat_map(Chosen::targets).collect()
    }

    /// Lets a target take no more instances, or some again. Those that wait for it
    /// go to another one. Whether there is such a target now.
    pub fn set_draining(&self, name: TargetName, is_draining: bool) -> bool {
        let mut made = self.made().map(|chosen| {
            let backend = chosen.backend(name);
            if let Some(backend) = &backend {
                backend.set_draining(is_draining);
                chosen.changed.notify_waiters();
            }
            backend.is_some()
        });
        made.any(|is_there| is_there)
    }

    /// Waits until no instance lives on a target that is draining. Whether that is
    /// so: not where it takes instances again.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn drained(&self, name: TargetName) -> bool {
        let backends: Vec<_> = self
            .made()
            .filter_map(|chosen| chosen.backend(name))
            .collect();
        for backend in backends {
            // Looked at and not waited for in line: whoever waited for all slots would
            // hold those that came back until then.
            while backend.slots.are_used() {
                if !backend.is_draining() {
                    return false;
                }
                tokio::time::sleep(DRAIN_EVERY).await;
            }
        }
        true
    }
}

impl<'a> Need<'a> {
    fn new(component: &'a Component, limits: &'a Limits) -> Result<Self, Raised> {
        let weight = u64::from(component.memories());
        if limits.memories < weight {
            return Err(Raised::Limit(LimitName::Memories, Some(weight)));
        }
        Ok(Self { component, limits })
    }

    /// Whether this is where it belongs, if there is room.
    fn fits(&self, main: &Backend) -> bool {
        let Self { component, limits } = self;
        !main.is_pool()
            || component.fits_pool()
                && main.slots.bear(component.memories())
                && limits.table_elements <= backend::POOL_TABLE_ELEMENTS
    }
}

/// Takes what is free on a target, if that is enough.
fn take(component: &Component, backend: &Arc<Backend>) -> Result<Option<Placed>, Raised> {
    match backend.slots.try_take(component.memories(), DEPTH) {
        Ok(slot) => Ok(settle(component, backend, slot)?),
        Err(NoSlot::Busy | NoSlot::Closed) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Uses slots, unless their target was closed to new instances in this moment:
/// whoever drains it has seen either this or the slots.
fn settle(
    component: &Component,
    backend: &Arc<Backend>,
    slot: Slot,
) -> Result<Option<Placed>, Error> {
    if backend.is_draining() {
        return Ok(None);
    }
    Ok(Some(Placed {
        ready: component.ready(backend)?,
        slot: Some(slot),
    }))
}
