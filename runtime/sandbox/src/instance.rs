//! One live store: one call, then gone.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use patinox_policy::{Denial, LimitName, Limits, Usage};
use wasmtime::component::Val;
use wasmtime::{Store, UpdateDeadline};

use crate::authority::Denied;
use crate::bindings::handler::Handler;
use crate::bindings::validation::Validation;
use crate::component::Component;
use crate::engine::{Placed, Profile};
use crate::error::{Context, Error, Raised, Stop};
use crate::sandbox::{GuestOutput, Outcome, Run, Sandbox};
use crate::state::State;
use crate::turns::{Pace, Turns};
use crate::types::ValueType;
use crate::value;

/// After so much fuel somebody looks whether the deadline has passed, the call
/// is cancelled, or the guest's turn is over: 80 to 660 µs of a guest that
/// computes, of which it costs some 0.5 µs. One that waits for memory takes some
/// 20 ms, and has its turns apart (`turns`).
const FUEL_PER_YIELD: u64 = 800_000;

/// The least that a call of the host, or a result, may carry: what WASI's
/// streams pass at once, 64 KiB, and some room.
const MIN_HOSTCALL_BYTES: u64 = 128 << 10;

/// How far past its deadline a guest on the strict profile is ended by the
/// engine itself, should nobody look at the deadline around it.
const INTERRUPT_AFTER: Duration = Duration::from_millis(100);

/// While somebody is asked, it is looked so often whether the deadline has passed, at most.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The store of one call. It is used once; dropping it frees all of it, and
/// then its slot.
pub(crate) struct Instance<'a> {
    store: Store<State>,
    run: &'a Run,
    placed: Placed,
}

impl<'a> Instance<'a> {
    /// Waits for room, until the deadline, and makes a store.
    pub(crate) async fn new<T>(sandbox: &Sandbox, run: &'a Run) -> Result<Self, Box<Outcome<T>>> {
        let placed = Self::found_place(sandbox.component(), run).await;
        let made = placed.and_then(|placed| Self::on(placed, sandbox, run));
        made.map_err(|error| Box::new(Self::refuse(run, error)))
    }

    /// Waits for room, until the deadline.
    pub(crate) async fn found_place(component: &Component, run: &Run) -> Result<Placed, Error> {
        // What waits is large, and most need not wait.
        let placed = match Self::place_at_once(component, run) {
            Ok(Some(placed)) => Ok(placed),
            Ok(None) => Box::pin(Self::place(component, run)).await,
            Err(raised) => Err(raised),
        };
        placed.map_err(|raised| raised.before(&run.limits, run.started))
    }

    fn place_at_once(component: &Component, run: &Run) -> Result<Option<Placed>, Raised> {
        if run.cancel.is_cancelled() {
            return Err(Raised::Cancelled);
        }
        component.engine().place_at_once(component, &run.limits)
    }

    async fn place(component: &Component, run: &Run) -> Result<Placed, Raised> {
        let engine = component.engine();
        let place = pin!(engine.place(component, &run.limits, run.deadline()));
        within(run, None, place).await
    }

    /// Makes a store where there is room for it.
    pub(crate) fn on(placed: Placed, sandbox: &Sandbox, run: &'a Run) -> Result<Self, Error> {
        let component = sandbox.component();
        let engine = component.engine();
        let ready = &placed.ready;
        let reach = engine.tunables(component.profile())?.memory_reservation;
        let mut state = State::new(run, sandbox.authority(run), engine.clock(), reach);
        state.budget.write_down(component.hold(run.started));
        let mut store = Store::new(ready.pre.engine(), state);
        if component.profile() == Profile::Strict {
            let ends = run.ends();
            store.set_epoch_deadline(1);
            store.epoch_deadline_callback(move |_| {
                if ends.at() + INTERRUPT_AFTER <= Instant::now() {
                    return Err(Stop::Limit(LimitName::Wall, None).into());
                }
                Ok(UpdateDeadline::Yield(1))
            });
        }
        store.limiter(|state| &mut state.budget);
        store.set_hostcall_fuel(hostcall_bytes(&run.limits, ready.cost));
        store.set_max_component_handles(count(run.limits.handles));
        store
            .set_fuel(run.limits.fuel)
            .and_then(|()| store.fuel_async_yield_interval(Some(FUEL_PER_YIELD)))
            .map_err(Error::internal)?;
        Ok(Self { store, run, placed })
    }

    /// The outcome of a call that never began.
    pub(crate) fn refuse<T>(run: &Run, error: Error) -> Outcome<T> {
        Outcome {
            result: Err(error),
            usage: Usage {
                wall: run.started.elapsed(),
                ..Usage::default()
            },
            output: GuestOutput::default(),
            denials: Vec::new(),
            uses: Vec::new(),
        }
    }

    /// Bounds the host's memory for a result of this type.
    ///
    /// It is the bound of host calls as well, as the engine has only one.
    pub(crate) fn bound_values(&mut self, result: Option<&ValueType>) {
        let cost = result.map_or(1, value::cost).max(self.placed.ready.cost);
        let bytes = hostcall_bytes(&self.run.limits, cost);
        self.store.set_hostcall_fuel(bytes);
    }

    /// Takes back what was granted.
    pub(crate) fn grant_nothing(&mut self) {
        self.store.data_mut().authority.grant_nothing();
    }

    /// Instantiates and calls a function, within the deadline.
    pub(crate) async fn call(
        &mut self,
        position: usize,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<(), Raised> {
        let store = &mut self.store;
        let ready = &self.placed.ready;
        let guest = pin!(async {
            let instance = ready
                .pre
                .instantiate_async(&mut *store)
                .await
                .map_err(Raised::Starting)?;
            let index = ready.functions.get(position);
            let function = index.and_then(|index| instance.get_func(&mut *store, index));
            let function = function.ok_or_else(|| Raised::Output("no such export".to_owned()))?;
            function
                .call_async(store, params, results)
                .await
                .map_err(Raised::Engine)
        });
        within(self.run, Some(&ready.pace), guest).await
    }

    /// Instantiates a handler component and lets `work` call it, within the
    /// deadline.
    pub(crate) async fn handle<T>(
        &mut self,
        work: impl AsyncFnOnce(&Handler, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, Raised> {
        let store = &mut self.store;
        let pace = Some(&self.placed.ready.pace);
        let handler = self.placed.ready.handler()?;
        let guest = pin!(async {
            let guest = handler
                .instantiate_async(&mut *store)
                .await
                .map_err(Raised::Starting)?;
            work(&guest, store).await.map_err(Raised::Engine)
        });
        within(self.run, pace, guest).await
    }

    /// Instantiates a validator and lets `work` ask it, within the deadline.
    pub(crate) async fn judge<T>(
        &mut self,
        work: impl AsyncFnOnce(&Validation, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, Raised> {
        let store = &mut self.store;
        let pace = Some(&self.placed.ready.pace);
        let validation = self.placed.ready.validation()?;
        let guest = pin!(async {
            let guest = validation
                .instantiate_async(&mut *store)
                .await
                .map_err(Raised::Starting)?;
            work(&guest, store).await.map_err(Raised::Engine)
        });
        within(self.run, pace, guest).await
    }

    /// Drops the store and tells what the call spent.
    pub(crate) fn finish<T>(self, result: Result<T, Raised>, result_bytes: u64) -> Outcome<T> {
        let fuel_left = self.store.get_fuel().unwrap_or(0);
        let fuel = self.run.limits.fuel.saturating_sub(fuel_left);
        // What is freed counts as time of the call.
        let mut state = self.store.into_data();
        state.folders.end();
        drop(self.placed);
        let (stdout, stdout_bytes) = state.stdout.take();
        let (stderr, stderr_bytes) = state.stderr.take();
        let (log, log_bytes) = state.log.take();
        let now = Instant::now();
        let usage = Usage {
            fuel,
            memory_bytes_peak: state.budget.memory_peak(),
            wall: now
                .saturating_duration_since(self.run.started)
                .saturating_sub(self.run.has_waited()),
            host_calls: state.meter.host_calls,
            stdout_bytes,
            stderr_bytes,
            log_bytes,
            result_bytes,
            ..Usage::default()
        };
        let context = Context {
            limits: &self.run.limits,
            usage: &usage,
            budget: &state.budget,
        };
        let result = result.map_err(|raised| {
            let error = raised.explain(&context);
            error.by_limit(state.refused(), &self.run.limits)
        });
        let denied = state.take_denials();
        let result = in_time(result, self.run, &usage, now);
        Outcome {
            result: result.map_err(|error| error.after(&denied)),
            denials: once(denied),
            uses: state.authority.take_uses(),
            usage,
            output: GuestOutput {
                stdout,
                stderr,
                log,
            },
        }
    }
}

/// Each denial once.
fn once(denied: Vec<Denied>) -> Vec<Denial> {
    let mut once = Vec::with_capacity(denied.len());
    for Denied { denial, .. } in denied {
        if !once.contains(&denial) {
            once.push(denial);
        }
    }
    once
}

/// What the engine may account for the values of one call of the host, or of a
/// result, of which a byte can come to so many. The other half of `hostcall-bytes` is for the form of
/// a result in JSON.
fn hostcall_bytes(limits: &Limits, cost: u64) -> usize {
    let bytes = limits.hostcall_bytes / 2 / cost.max(1);
    count(bytes.max(MIN_HOSTCALL_BYTES))
}

fn count(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// A result that came after the deadline came too late: the limit holds to the
/// encoded result.
fn in_time<T>(
    result: Result<T, Error>,
    run: &Run,
    usage: &Usage,
    now: Instant,
) -> Result<T, Error> {
    if result.is_ok() && run.deadline() < now {
        let spent = u64::try_from(usage.wall.as_millis()).ok();
        return Err(Error::limit(LimitName::Wall, &run.limits, spent));
    }
    result
}

/// Runs guest code until it is done, the deadline, or a cancel. It stays where it
/// is pinned: it is large.
///
/// The guest has the first turn, so that one that is soon done costs neither a
/// timer nor a place among those who listen for the cancel.
async fn within<T>(
    run: &Run,
    pace: Option<&Pace>,
    mut guest: Pin<&mut impl Future<Output = Result<T, Raised>>>,
) -> Result<T, Raised> {
    if run.cancel.is_cancelled() {
        return Err(Raised::Cancelled);
    }
    let late = || Raised::Limit(LimitName::Wall, None);
    let look = |now| match run.cancel.is_cancelled() {
        true => Some(Err(Raised::Cancelled)),
        false => (run.deadline() <= now).then(|| Err(late())),
    };
    let mut turns = pace.map_or_else(Turns::default, Turns::of);
    tokio::select! {
        biased;
        result = poll_fn(|cx| turns.poll(cx, guest.as_mut(), look)) => result,
        () = run.cancel.cancelled() => Err(Raised::Cancelled),
        () = passed(run) => Err(late()),
    }
}

/// Waits for the deadline of a run, which moves while somebody is asked.
async fn passed(run: &Run) {
    let mut next = run.deadline();
    loop {
        tokio::time::sleep_until(next.into()).await;
        let now = Instant::now();
        next = run.deadline().max(now + LOOK_EVERY);
        if run.deadline() <= now {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_grows_in_the_host_may_be_less() {
        let limits = Limits::default();
        assert_eq!(hostcall_bytes(&limits, 1), 32 << 20);
        let flags = ValueType::Flags(vec!["a".to_owned(); 32]);
        let list = ValueType::List(Box::new(flags));
        assert_eq!(hostcall_bytes(&limits, value::cost(&list)), (32 << 20) / 32);
        let least = Limits {
            hostcall_bytes: 1,
            ..limits
        };
        assert_eq!(hostcall_bytes(&least, value::cost(&list)), 128 << 10);
    }
}
