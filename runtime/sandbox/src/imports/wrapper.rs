//! The one wrapper: what stands between every guest's call and the host.

use std::any::Any;
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{
    Component, ComponentNamedList, InstancePre, Lift, Lower, ResourceType, Val,
};
use wasmtime::{Engine, Result, StoreContextMut};

use crate::error::Stop;

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

/// What the wrapper counts and checks, one for each call.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) host_calls: u64,
    /// Fuel left when the guest last entered the host.
    pub(crate) fuel_left: u64,
    pub(crate) deadline: Instant,
    pub(crate) cancel: CancellationToken,
    calls_since_turn: u64,
    last_turn: Instant,
}

impl Meter {
    pub(crate) fn new(fuel: u64, deadline: Instant, cancel: CancellationToken) -> Self {
        Self {
            host_calls: 0,
            fuel_left: fuel,
            deadline,
            cancel,
            calls_since_turn: 0,
            last_turn: Instant::now(),
        }
    }

    /// Whether other tasks get a turn after this call. A destructor that ends
    /// at once cannot give one; it counts towards the next.
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

    /// Counts one call; refuses it after the deadline or a cancel.
    fn count(&mut self) -> Result<(), Stop> {
        self.host_calls = self.host_calls.saturating_add(1);
        self.calls_since_turn = self.calls_since_turn.saturating_add(1);
        if self.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        if self.deadline <= Instant::now() {
            return Err(Stop::Wall);
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
    offered: BTreeSet<String>,
}

impl<T: 'static> Clone for Linker<T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            meter: self.meter,
            offered: self.offered.clone(),
        }
    }
}

impl<T: 'static> Linker<T> {
    pub(crate) fn new(engine: &Engine, meter: MeterOf<T>) -> Self {
        Self {
            inner: wasmtime::component::Linker::new(engine),
            meter,
            offered: BTreeSet::new(),
        }
    }

    pub(crate) fn instance(&mut self, name: &str) -> Result<LinkerInstance<'_, T>> {
        self.offered.insert(super::without_version(name).to_owned());
        Ok(LinkerInstance {
            name: Arc::from(name),
            inner: self.inner.instance(name)?,
            meter: self.meter,
        })
    }

    /// Whether an interface of this name, without version, is defined.
    pub(crate) fn offers(&self, interface: &str) -> bool {
        self.offered.contains(interface)
    }

    pub(crate) fn instantiate_pre(&self, component: &Component) -> Result<InstancePre<T>> {
        self.inner.instantiate_pre(component)
    }
}

/// One interface being defined.
pub(crate) struct LinkerInstance<'a, T: 'static> {
    name: Arc<str>,
    inner: wasmtime::component::LinkerInstance<'a, T>,
    meter: MeterOf<T>,
}

impl<T: 'static> LinkerInstance<'_, T> {
    /// Defines a function that answers at once.
    pub(crate) fn func_wrap<F, P, R>(&mut self, name: &str, func: F) -> Result<()>
    where
        F: Fn(StoreContextMut<'_, T>, P) -> Result<R> + Send + Sync + 'static,
        P: ComponentNamedList + Lift + 'static,
        R: ComponentNamedList + Lower + Send + 'static,
    {
        let wrap = self.wrap(name, func);
        self.inner.func_wrap_async(name, move |store, params| {
            let done = wrap.call(store, |func, store| func(store, params));
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
        P: ComponentNamedList + Lift + 'static,
        R: ComponentNamedList + Lower + Send + 'static,
    {
        let wrap = self.wrap(name, func);
        self.inner.func_wrap_async(name, move |store, params| {
            let begun = wrap.call(store, |func, store| Ok(Box::into_pin(func(store, params))));
            Box::new(begun.wait(Arc::clone(&wrap.name)))
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
            .func_new_async(name, move |store, ty, params, results| {
                let done = wrap.call(store, |func, store| func(store, &ty, (params, results)));
                Box::new(done.after_turn())
            })
    }

    /// Defines a resource whose destructor ends at once.
    pub(crate) fn resource<F>(&mut self, name: &str, ty: ResourceType, drop: F) -> Result<()>
    where
        F: Fn(StoreContextMut<'_, T>, u32) -> Result<()> + Send + Sync + 'static,
    {
        let wrap = self.wrap(name, drop);
        self.inner.resource(name, ty, move |mut store, rep| {
            enter(&mut store, wrap.meter)?;
            contain(&wrap.name, || (wrap.func)(store, rep))
        })
    }

    /// Defines a resource whose destructor may wait.
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
        let wrap = self.wrap(name, drop);
        self.inner.resource_async(name, ty, move |store, rep| {
            let begun = wrap.call(store, |drop, store| Ok(Box::into_pin(drop(store, rep))));
            Box::new(begun.wait(Arc::clone(&wrap.name)))
        })
    }

    fn wrap<F>(&self, name: &str, func: F) -> Wrap<T, F> {
        Wrap {
            name: Arc::from(format!("{}#{name}", self.name)),
            meter: self.meter,
            func,
        }
    }
}

/// A host function, the name to blame it by, and the way to the meter.
struct Wrap<T: 'static, F> {
    name: Arc<str>,
    meter: MeterOf<T>,
    func: F,
}

impl<T: 'static, F> Wrap<T, F> {
    /// Counts, charges, checks, and calls; a panic becomes an error.
    fn call<'s, R>(
        &self,
        mut store: StoreContextMut<'s, T>,
        work: impl FnOnce(&F, StoreContextMut<'s, T>) -> Result<R>,
    ) -> Called<R> {
        match enter(&mut store, self.meter) {
            Ok(()) => Called {
                must_yield: (self.meter)(store.data_mut()).is_turn_due(),
                result: contain(&self.name, || work(&self.func, store)),
            },
            Err(error) => Called {
                must_yield: false,
                result: Err(error),
            },
        }
    }
}

/// What came of a call, and whether other tasks have a turn before the guest
/// goes on.
struct Called<R> {
    must_yield: bool,
    result: Result<R>,
}

impl<R> Called<R> {
    async fn after_turn(self) -> Result<R> {
        if self.must_yield {
            yield_once().await;
        }
        self.result
    }
}

impl<R, W: Future<Output = Result<R>> + Send> Called<W> {
    /// Waits for what was begun; a panic on the way becomes an error.
    async fn wait(self, name: Arc<str>) -> Result<R> {
        let waiting = self.after_turn().await?;
        match AssertUnwindSafe(waiting).catch_unwind().await {
            Ok(result) => result,
            Err(panic) => Err(panicked(&name, &*panic)),
        }
    }
}

/// Counts and charges a call before it happens.
fn enter<T>(store: &mut StoreContextMut<'_, T>, meter: MeterOf<T>) -> Result<()> {
    let left = store.get_fuel()?.checked_sub(FUEL_PER_CALL);
    store.set_fuel(left.unwrap_or(0))?;
    let meter = meter(store.data_mut());
    meter.count()?;
    meter.fuel_left = left.ok_or(Stop::Fuel)?;
    Ok(())
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
