//! The one wrapper: what stands between every guest's call and the host.

use std::any::Any;
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use patinox_policy::LimitName;
use patinox_telemetry::CallId;
use tokio_util::sync::CancellationToken;
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{
    Component, ComponentNamedList, InstancePre, Lift, Lower, ResourceType, Val,
};
use wasmtime::{AsContextMut as _, Engine, Result, StoreContextMut};

use super::embedder::Caller;
use super::weight::{self, Weigh};
use crate::error::Stop;
use crate::sandbox::{Ends, Run};

/// Fuel charged for each call into the host.
///
/// It stops a guest from buying much host work with little fuel: a call costs
/// the host about 100 ns, in which a guest burns about this much.
const FUEL_PER_CALL: u64 = 1_000;

/// After so many calls into the host other tasks of the thread get a turn.
///
/// Charging fuel starts the engine's own yield interval anew, so a guest that
/// calls the host in a tight loop would never yield without this.
const CALLS_PER_YIELD: u64 = 100;

/// And after so much time: a call may move megabytes.
const TIME_PER_YIELD: Duration = Duration::from_millis(2);

/// Fuel charged for each byte that a call brings into the host or takes out.
///
/// It stops a guest from having much copied for little: a byte copied costs
/// the host less than what a guest burns for it.
const FUEL_PER_BYTE: u64 = 1;

/// What the wrapper counts and checks, one for each call.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) host_calls: u64,
    max_host_calls: u64,
    /// Fuel left when the guest last entered or left the host.
    pub(crate) fuel_left: u64,
    ends: Ends,
    cancel: CancellationToken,
    calls_since_turn: u64,
    last_turn: Instant,
}

impl Meter {
    pub(crate) fn new(run: &Run) -> Self {
        Self {
            host_calls: 0,
            max_host_calls: run.limits.host_calls,
            fuel_left: run.limits.fuel,
            ends: run.ends(),
            cancel: run.cancel.clone(),
            calls_since_turn: 0,
            last_turn: Instant::now(),
        }
    }

    /// When the call is over at the latest.
    pub(crate) fn deadline(&self) -> Instant {
        self.ends.at()
    }

    /// Who calls, for the embedder's own functions.
    pub(crate) fn caller(&self, id: CallId) -> Caller {
        Caller {
            id,
            deadline: self.deadline(),
            cancel: self.cancel.clone(),
        }
    }

    /// Whether other tasks get a turn after this call.
    fn is_turn_due(&mut self) -> bool {
        let now = Instant::now();
        let due = CALLS_PER_YIELD <= self.calls_since_turn
            || TIME_PER_YIELD <= now.saturating_duration_since(self.last_turn);
        if due {
            self.calls_since_turn = 0;
            self.last_turn = now;
        }
        due
    }

    /// Counts one call; refuses it after the last, the deadline or a cancel.
    fn count(&mut self) -> Result<(), Stop> {
        self.host_calls = self.host_calls.saturating_add(1);
        self.calls_since_turn = self.calls_since_turn.saturating_add(1);
        if self.max_host_calls < self.host_calls {
            let spent = Some(self.host_calls);
            return Err(Stop::Limit(LimitName::HostCalls, spent));
        }
        if self.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        if self.deadline() <= Instant::now() {
            return Err(Stop::Limit(LimitName::Wall, None));
        }
        Ok(())
    }
}

/// The way to the meter in a store's data.
type MeterOf<T> = fn(&mut T) -> &mut Meter;

/// A linker that wraps whatever it is given. It has the methods that generated
/// bindings call, and no other way to define a function.
pub(crate) struct Linker<T: 'static> {
    inner: wasmtime::component::Linker<T>,
    meter: MeterOf<T>,
    linked: BTreeSet<String>,
}

impl<T: 'static> Clone for Linker<T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            meter: self.meter,
            linked: self.linked.clone(),
        }
    }
}

impl<T: 'static> Linker<T> {
    pub(crate) fn new(engine: &Engine, meter: MeterOf<T>) -> Self {
        Self {
            inner: wasmtime::component::Linker::new(engine),
            meter,
            linked: BTreeSet::new(),
        }
    }

    pub(crate) fn instance(&mut self, name: &str) -> Result<LinkerInstance<'_, T>> {
        Ok(LinkerInstance {
            name: name.to_owned(),
            inner: self.inner.instance(name)?,
            meter: self.meter,
            linked: &mut self.linked,
        })
    }

    /// Every function that is linked, each as `interface@version#function`.
    pub(crate) const fn linked(&self) -> &BTreeSet<String> {
        &self.linked
    }

    pub(crate) fn instantiate_pre(&self, component: &Component) -> Result<InstancePre<T>> {
        self.inner.instantiate_pre(component)
    }
}

/// One interface being defined.
pub(crate) struct LinkerInstance<'a, T: 'static> {
    name: String,
    inner: wasmtime::component::LinkerInstance<'a, T>,
    meter: MeterOf<T>,
    linked: &'a mut BTreeSet<String>,
}

/// What answers a call later, without the store.
pub(crate) type Answer = BoxFuture<'static, Result<Option<Val>>>;

impl<T: 'static> LinkerInstance<'_, T> {
    /// The interface, as the component names it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Defines a function that answers at once.
    pub(crate) fn func_wrap<F, P, R>(&mut self, name: &str, func: F) -> Result<()>
    where
        F: Fn(StoreContextMut<'_, T>, P) -> Result<R> + Send + Sync + 'static,
        P: ComponentNamedList + Lift + Weigh + 'static,
        R: ComponentNamedList + Lower + Weigh + Send + 'static,
    {
        let wrap = self.wrap(name, func);
        self.inner
            .func_wrap_async(name, move |mut store, params: P| {
                let weight = params.weigh();
                let done = wrap.call(&mut store, weight, |func, store| func(store, params));
                let done = done.charged(&mut store, wrap.meter, Weigh::weigh);
                Box::new(done.after_turn())
            })
    }

    /// Defines a function that may wait.
    pub(crate) fn func_wrap_async<F, P, R>(&mut self, name: &str, func: F) -> Result<()>
    where
        T: Send,
        F: for<'s> Fn(StoreContextMut<'s, T>, P) -> Box<dyn Future<Output = Result<R>> + Send + 's>
            + Send
            + Sync
            + 'static,
        P: ComponentNamedList + Lift + Weigh + Send + 'static,
        R: ComponentNamedList + Lower + Weigh + Send + 'static,
    {
        let wrap = Arc::new(self.wrap(name, func));
        self.inner.func_wrap_async(name, move |store, params: P| {
            let weight = params.weigh();
            Box::new(Arc::clone(&wrap).wait(store, weight, params))
        })
    }

    /// Defines a function by the type that the component gives it.
    pub(crate) fn func_new<F>(&mut self, name: &str, func: F) -> Result<()>
    where
        F: Fn(StoreContextMut<'_, T>, &ComponentFunc, (&[Val], &mut [Val])) -> Result<()>
            + Send
            + Sync
            + 'static,
    {
        let wrap = self.wrap(name, func);
        self.inner
            .func_new_async(name, move |mut store, ty, params, results| {
                let weight = weight::of_values(params);
                let done = wrap.call(&mut store, weight, |func, store| {
                    func(store, &ty, (params, &mut *results))
                });
                let weight = weight::of_values(results);
                let done = done.charged(&mut store, wrap.meter, |()| weight);
                Box::new(done.after_turn())
            })
    }

    /// Defines a function by the type that the component gives it, which may
    /// wait.
    pub(crate) fn func_new_async<F>(&mut self, name: &str, func: F) -> Result<()>
    where
        T: Send,
        F: Fn(&mut T, &[Val]) -> Result<Answer> + Send + Sync + 'static,
    {
        let wrap = Arc::new(self.wrap(name, func));
        self.inner
            .func_new_async(name, move |store, _, params, results| {
                Box::new(Arc::clone(&wrap).answer(store, params, results))
            })
    }

    /// Defines a resource. Every destructor may wait, so that each gives others
    /// their turn: what charges it begins a new interval of the engine's own
    /// stops, and a guest that only drops would never be stopped.
    pub(crate) fn resource_async<F>(&mut self, name: &str, ty: ResourceType, drop: F) -> Result<()>
    where
        T: Send,
        F: for<'s> Fn(
                StoreContextMut<'s, T>,
                u32,
            ) -> Box<dyn Future<Output = Result<()>> + Send + 's>
            + Send
            + Sync
            + 'static,
    {
        let wrap = Arc::new(self.wrap(&format!("[drop]{name}"), drop));
        self.inner.resource_async(name, ty, move |store, rep| {
            Box::new(Arc::clone(&wrap).wait(store, 0, rep))
        })
    }

    fn wrap<F>(&mut self, name: &str, func: F) -> Wrap<T, F> {
        let name = format!("{}#{name}", self.name);
        self.linked.insert(name.clone());
        Wrap {
            name,
            meter: self.meter,
            func,
        }
    }
}

/// A host function, the name to blame it by, and the way to the meter.
struct Wrap<T: 'static, F> {
    name: String,
    meter: MeterOf<T>,
    func: F,
}

impl<T: 'static, F> Wrap<T, F> {
    /// Counts, charges, checks, and calls; a panic becomes an error.
    fn call<R>(
        &self,
        store: &mut StoreContextMut<'_, T>,
        weight: u64,
        work: impl FnOnce(&F, StoreContextMut<'_, T>) -> Result<R>,
    ) -> Called<R> {
        if let Err(error) = enter(store, self.meter, weight) {
            return Called {
                must_yield: false,
                result: Err(error),
            };
        }
        Called {
            must_yield: (self.meter)(store.data_mut()).is_turn_due(),
            result: contain(&self.name, || work(&self.func, store.as_context_mut())),
        }
    }

    /// The same for what may wait.
    async fn wait<P, R: Weigh>(
        self: Arc<Self>,
        mut store: StoreContextMut<'_, T>,
        weight: u64,
        params: P,
    ) -> Result<R>
    where
        F: for<'s> Fn(StoreContextMut<'s, T>, P) -> Box<dyn Future<Output = Result<R>> + Send + 's>,
    {
        enter(&mut store, self.meter, weight)?;
        if (self.meter)(store.data_mut()).is_turn_due() {
            yield_once().await;
        }
        let waiting = contain(&self.name, || {
            Ok(Box::into_pin((self.func)(store.as_context_mut(), params)))
        })?;
        let result = match AssertUnwindSafe(waiting).catch_unwind().await {
            Ok(result) => result?,
            Err(panic) => return Err(panicked(&self.name, &*panic)),
        };
        charge(&mut store, self.meter, bytes(result.weigh()))?;
        Ok(result)
    }
}

impl<T: Send + 'static, F: Fn(&mut T, &[Val]) -> Result<Answer>> Wrap<T, F> {
    /// The same for what waits without the store.
    async fn answer(
        self: Arc<Self>,
        mut store: StoreContextMut<'_, T>,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        enter(&mut store, self.meter, weight::of_values(params))?;
        if (self.meter)(store.data_mut()).is_turn_due() {
            yield_once().await;
        }
        let waiting = contain(&self.name, || (self.func)(store.data_mut(), params))?;
        let answer = match AssertUnwindSafe(waiting).catch_unwind().await {
            Ok(answer) => answer?,
            Err(panic) => return Err(panicked(&self.name, &*panic)),
        };
        if let (Some(result), Some(answer)) = (results.first_mut(), answer) {
            *result = answer;
        }
        charge(&mut store, self.meter, bytes(weight::of_values(results)))
    }
}

/// What came of a call, and whether other tasks have a turn before the guest
/// goes on.
struct Called<R> {
    must_yield: bool,
    result: Result<R>,
}

impl<R> Called<R> {
    /// Charges for what the guest gets.
    fn charged<T>(
        self,
        store: &mut StoreContextMut<'_, T>,
        meter: MeterOf<T>,
        weigh: impl FnOnce(&R) -> u64,
    ) -> Self {
        let result = self.result.and_then(|result| {
            charge(store, meter, bytes(weigh(&result)))?;
            Ok(result)
        });
        Self { result, ..self }
    }

    async fn after_turn(self) -> Result<R> {
        if self.must_yield {
            yield_once().await;
        }
        self.result
    }
}

/// Counts and charges a call before it happens.
fn enter<T>(store: &mut StoreContextMut<'_, T>, meter: MeterOf<T>, weight: u64) -> Result<()> {
    let charged = charge(store, meter, FUEL_PER_CALL.saturating_add(bytes(weight)));
    meter(store.data_mut()).count()?;
    charged
}

/// Takes fuel for what the host does.
fn charge<T>(store: &mut StoreContextMut<'_, T>, meter: MeterOf<T>, fuel: u64) -> Result<()> {
    if fuel == 0 {
        return Ok(());
    }
    let left = store.get_fuel()?.checked_sub(fuel);
    store.set_fuel(left.unwrap_or(0))?;
    let left = left.ok_or(Stop::Limit(LimitName::Fuel, None))?;
    meter(store.data_mut()).fuel_left = left;
    Ok(())
}

/// The fuel that so many bytes cost.
const fn bytes(weight: u64) -> u64 {
    weight.saturating_mul(FUEL_PER_BYTE)
}

/// Lets other tasks run. It wakes itself at once: a task that asks tokio to
/// yield is polled again only after all others.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Turns a panic of the host's function into an error of this call alone.
///
/// The store is dropped after it, so nothing half-done is ever used again.
fn contain<R>(name: &str, work: impl FnOnce() -> Result<R>) -> Result<R> {
    std::panic::catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(panicked(name, &*panic)))
}

fn panicked(name: &str, panic: &(dyn Any + Send)) -> wasmtime::Error {
    Stop::Panic(format!("{name}: {}", describe(panic))).into()
}

/// What a panic said.
fn describe(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a text")
}
