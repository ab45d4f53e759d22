//! The engine alone: the least that a metered, limited, fresh call costs.

pub(super) use wasmtime::component::Val;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
    StoreLimits, StoreLimitsBuilder,
};

/// Where Rust's hash maps get their seed, as its standard library names it.
const SEED: &str = "wasi:random/insecure-seed@0.2.6";

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

    /// The same with other means.
    pub(super) fn pooled_with(component: &[u8], function: &[&str], means: &'static [Mean]) -> Self {
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
        let strategy = InstanceAllocationStrategy::Pooling(pool);
        Self::new(strategy, component, function, means)
    }

    fn new(
        strategy: InstanceAllocationStrategy,
        component: &[u8],
        function: &[&str],
        means: &'static [Mean],
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
        let mut index = None;
        for name in function {
            index = component.get_export_index(index.as_ref(), name);
        }
        let mut linker = Linker::new(&engine);
        // The functions of these benches call none but this one.
        linker
            .define_unknown_imports_as_traps(&component)
            .expect("imports");
        linker.allow_shadowing(true);
        linker
            .instance(SEED)
            .and_then(|mut seed| seed.func_wrap("insecure-seed", |_, (): ()| Ok(((1_u64, 2_u64),))))
            .expect("an import");
        let pre = linker.instantiate_pre(&component).expect("all is linked");
        Self {
            engine,
            pre,
            function: index.expect("the export"),
            means,
        }
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
        let mut results = [Val::Bool(false)];
        function
            .expect("the function")
            .call_async(&mut store, params, &mut results)
            .await
            .expect("a result");
        let [result] = results;
        result
    }
}
