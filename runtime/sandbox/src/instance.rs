//! One live store: one call, then gone.

use std::time::Instant;

use patinox_policy::{LimitName, Limits, Usage};
use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, Val};

use crate::bindings::handler::{Handler, HandlerPre};
use crate::component::Component;
use crate::engine::Profile;
use crate::error::{Context, Error, Raised};
use crate::sandbox::{GuestOutput, Outcome, Run};
use crate::state::State;
use crate::types::ValueType;
use crate::value;

/// After so much fuel other tasks of the thread get a turn, and the deadline
/// is looked at: 4 to 83 µs of a guest's time, which costs nothing measurable.
const FUEL_PER_YIELD: u64 = 100_000;

/// The least that a call of the host, or a result, may carry: what WASI's
/// streams pass at once, 64 KiB, and some room.
const MIN_HOSTCALL_BYTES: u64 = 128 << 10;

/// The store of one call. It is used once; dropping it frees all of it.
pub(crate) struct Instance {
    component: Component,
    store: Store<State>,
    run: Run,
}

impl Instance {
    pub(crate) fn new<T>(component: &Component, run: Run) -> Result<Self, Box<Outcome<T>>> {
        let engine = component.engine();
        let pre = component.pre();
        let mut store = Store::new(pre.engine(), State::new(&run, engine.clock()));
        if component.profile() == Profile::Strict {
            store.set_epoch_deadline(1);
            store.epoch_deadline_async_yield_and_update(1);
        }
        store.limiter(|state| &mut state.budget);
        store.set_hostcall_fuel(hostcall_bytes(&run.limits, None));
        store.set_max_component_handles(count(run.limits.handles));
        let fuel = store
            .set_fuel(run.limits.fuel)
            .and_then(|()| store.fuel_async_yield_interval(Some(FUEL_PER_YIELD)));
        if let Err(error) = fuel {
            return Err(Box::new(Self::refuse(&run, Error::internal(error))));
        }
        Ok(Self {
            component: component.clone(),
            store,
            run,
        })
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
        }
    }

    /// Bounds the host's memory for a result of this type.
    ///
    /// It is the bound of host calls as well, as the engine has only one.
    pub(crate) fn bound_values(&mut self, result: Option<&ValueType>) {
        let bytes = hostcall_bytes(&self.run.limits, result);
        self.store.set_hostcall_fuel(bytes);
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.run.limits
    }

    /// Instantiates and calls a function, within the deadline.
    pub(crate) async fn call(
        &mut self,
        index: ComponentExportIndex,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<(), Raised> {
        let store = &mut self.store;
        let pre = self.component.pre();
        within(&self.run, async {
            let instance = pre
                .instantiate_async(&mut *store)
                .await
                .map_err(Raised::Starting)?;
            let function = instance.get_func(&mut *store, index);
            let function = function.ok_or_else(|| Raised::Output("no such export".to_owned()))?;
            function
                .call_async(store, params, results)
                .await
                .map_err(Raised::Engine)
        })
        .await
    }

    /// Instantiates a handler component and lets `work` call it, within the
    /// deadline.
    pub(crate) async fn handle<T>(
        &mut self,
        handler: &HandlerPre<State>,
        work: impl AsyncFnOnce(&Handler, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, Raised> {
        let store = &mut self.store;
        within(&self.run, async {
            let guest = handler
                .instantiate_async(&mut *store)
                .await
                .map_err(Raised::Starting)?;
            work(&guest, store).await.map_err(Raised::Engine)
        })
        .await
    }

    /// Drops the store and tells what the call spent.
    pub(crate) fn finish<T>(self, result: Result<T, Raised>, result_bytes: u64) -> Outcome<T> {
        let fuel_left = self.store.get_fuel().unwrap_or(0);
        let fuel = self.run.limits.fuel.saturating_sub(fuel_left);
        // What is freed counts as time of the call.
        let state = self.store.into_data();
        let (stdout, stdout_bytes) = state.stdout.take();
        let (stderr, stderr_bytes) = state.stderr.take();
        let (log, log_bytes) = state.log.take();
        let usage = Usage {
            fuel,
            memory_bytes_peak: state.budget.memory_peak(),
            wall: self.run.started.elapsed(),
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
        let result = result.map_err(|raised| raised.explain(&context));
        Outcome {
            result: in_time(result, &self.run, &usage),
            usage,
            output: GuestOutput {
                stdout,
                stderr,
                log,
            },
        }
    }
}

/// What the engine may account for the values of one call of the host, or of a
/// result of this type. The other half of `hostcall-bytes` is for the form of
/// a result in JSON.
fn hostcall_bytes(limits: &Limits, result: Option<&ValueType>) -> usize {
    let bytes = limits.hostcall_bytes / 2 / result.map_or(1, value::cost);
    count(bytes.max(MIN_HOSTCALL_BYTES))
}

fn count(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// A result that came after the deadline came too late: the limit holds to the
/// encoded result.
fn in_time<T>(result: Result<T, Error>, run: &Run, usage: &Usage) -> Result<T, Error> {
    if result.is_ok() && run.deadline() < Instant::now() {
        let spent = u64::try_from(usage.wall.as_millis()).ok();
        return Err(Error::limit(LimitName::Wall, &run.limits, spent));
    }
    result
}

/// Runs guest code until it is done, the deadline, or a cancel.
async fn within<T>(run: &Run, guest: impl Future<Output = Result<T, Raised>>) -> Result<T, Raised> {
    tokio::select! {
        biased;
        () = run.cancel.cancelled() => Err(Raised::Cancelled),
        () = tokio::time::sleep_until(run.deadline().into()) => {
            Err(Raised::Limit(LimitName::Wall, None))
        }
        result = guest => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_grows_in_the_host_may_be_less() {
        let limits = Limits::default();
        assert_eq!(hostcall_bytes(&limits, None), 32 << 20);
        let flags = ValueType::Flags(vec!["a".to_owned(); 32]);
        let list = ValueType::List(Box::new(flags));
        assert_eq!(hostcall_bytes(&limits, Some(&list)), (32 << 20) / 32);
        let least = Limits {
            hostcall_bytes: 1,
            ..limits
        };
        assert_eq!(hostcall_bytes(&least, Some(&list)), 128 << 10);
    }
}
