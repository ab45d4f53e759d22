//! The engine alone: the least that a metered, limited, fresh call costs.

mod imports;

use std::time::{Duration, Instant};

pub(super) use wasmtime::component::Val;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
    StoreLimits, StoreLimitsBuilder,
};

/// One of the engine's own means to bound a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mean {
    /// Every instruction counts.
    Fuel,
    /// After so much fuel others have a turn.
    Yields,
    /// Memories and tables are asked for.
    Limiter,
    /// Handles are counted.
    Handles,
    /// Values on their way are counted.
    HostcallBytes,
}

/// What a metered and limited call has at least.
const USUAL: &[Mean] = &[Mean::Fuel, Mean::Yields, Mean::Limiter];

/// A component ready to be called with nothing of ours around it.
pub(super) struct Floor {
    engine: Engine,
    pre: InstancePre<StoreLimits>,
    function: ComponentExportIndex,
    results: usize,
    means: &'static [Mean],
}

impl Floor {
    /// Memory mapped for each instance.
    pub(super) fn on_demand(component: &[u8], function: &[&str]) -> Self {
        let strategy = InstanceAllocationStrategy::OnDemand;
        Self::new(strategy, component, function, USUAL)
    }

    /// Memory from a pool, in the engine's best configuration that is safe
    /// where there is no swap.
    pub(super) fn pooled(component: &[u8], function: &[&str]) -> Self {
        Self::pooled_with(component, function, USUAL)
    }

    /// The same with a function of the embedder's that does nothing: defined by
    /// its static types, or by dynamic values.
    pub(super) fn pooled_with_touch(
        component: &[u8],
        function: &[&str],
        (import, typed): ((&str, &str), bool),
    ) -> Self {
        let touch = move |linker: &mut Linker<StoreLimits>| imports::touch(linker, import, typed);
        Self::linked(pool(), (component, function), USUAL, touch)
    }

    /// The same with other means.
    pub(super) fn pooled_with(component: &[u8], function: &[&str], means: &'static [Mean]) -> Self {
        Self::new(pool(), component, function, means)
    }

    fn new(
        strategy: InstanceAllocationStrategy,
        component: &[u8],
        function: &[&str],
        means: &'static [Mean],
    ) -> Self {
        Self::linked(strategy, (component, function), means, |_| Ok(()))
    }

    fn linked(
        strategy: InstanceAllocationStrategy,
        (component, function): (&[u8], &[&str]),
        means: &'static [Mean],
        define: impl FnOnce(&mut Linker<StoreLimits>) -> wasmtime::Result<()>,
    ) -> Self {
        let mut config = Config::new();
        config
            .consume_fuel(means.contains(&Mean::Fuel))
            .concurrency_support(false);
        config
            .allocation_strategy(strategy)
            .memory_reservation(4 << 30)
            .memory_guard_size(32 << 20)
            .memory_may_move(false);
        let engine = Engine::new(&config).expect("an engine");
        let component = Component::from_binary(&engine, component).expect("a component");
        let (mut index, mut results) = (None, 0);
        for name in function {
            let export = component.get_export(index.as_ref(), name);
            let (item, at) = export.expect("the export");
            index = Some(at);
            if let ComponentItem::ComponentFunc(ty) = item {
                results = ty.results().len();
            }
        }
        let mut linker = Linker::new(&engine);
        imports::link(&mut linker, &engine, &component)
            .and_then(|()| define(&mut linker))
            .expect("imports");
        let pre = linker.instantiate_pre(&component).expect("all is linked");
        Self {
            engine,
            pre,
            function: index.expect("the export"),
            results,
            means,
        }
    }

    /// One call, in as much time as it takes.
    pub(super) async fn time(&self, params: &[Val]) -> Duration {
        let started = Instant::now();
        std::hint::black_box(self.call(params).await);
        started.elapsed()
    }

    fn has(&self, mean: Mean) -> bool {
        self.means.contains(&mean)
    }

    /// One call in a store of its own.
    pub(super) async fn call(&self, params: &[Val]) -> Val {
        let limits = StoreLimitsBuilder::new().memory_size(64 << 20).build();
        let mut store = Store::new(&self.engine, limits);
        if self.has(Mean::Limiter) {
            store.limiter(|limits| limits);
        }
        if self.has(Mean::Fuel) {
            store.set_fuel(50_000_000_000).expect("fuel is on");
        }
        if self.has(Mean::Yields) {
            store
                .fuel_async_yield_interval(Some(100_000))
                .expect("fuel is on");
        }
        if self.has(Mean::Handles) {
            store.set_max_component_handles(10_000);
        }
        if self.has(Mean::HostcallBytes) {
            store.set_hostcall_fuel(32 << 20);
        }
        let instance = self
            .pre
            .instantiate_async(&mut store)
            .await
            .expect("an instance");
        let function = instance.get_func(&mut store, self.function);
        let mut results = vec![Val::Bool(false); self.results];
        function
            .expect("the function")
            .call_async(&mut store, params, &mut results)
            .await
            .expect("a result");
        results.pop().unwrap_or(Val::Bool(false))
    }
}

/// The engine's pool, in its best configuration that is safe where there is no
/// swap.
fn pool() -> InstanceAllocationStrategy {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(192)
        .total_stacks(192)
        .total_memories(192)
        .total_core_instances(192 * 64)
        .total_tables(192 * 64)
        .max_tables_per_module(64)
        .table_elements(10_000)
        .max_unused_warm_slots(192)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    InstanceAllocationStrategy::Pooling(pool)
}
