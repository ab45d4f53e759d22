//! The engine alone: the least that a metered, limited, fresh call costs.

use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{Config, Engine, Store, StoreLimits, StoreLimitsBuilder};

/// A component ready to be called with nothing of ours around it.
pub(super) struct Floor {
    engine: Engine,
    pre: InstancePre<StoreLimits>,
    echo: ComponentExportIndex,
}

impl Floor {
    pub(super) fn new(component: &[u8]) -> Self {
        let mut config = Config::new();
        config.consume_fuel(true).concurrency_support(false);
        config
            .memory_reservation(4 << 30)
            .memory_guard_size(32 << 20)
            .memory_may_move(false);
        let engine = Engine::new(&config).expect("an engine");
        let component = Component::from_binary(&engine, component).expect("a component");
        let echo = component
            .get_export_index(None, "echo")
            .expect("the export");
        let pre = Linker::new(&engine)
            .instantiate_pre(&component)
            .expect("nothing is imported");
        Self { engine, pre, echo }
    }

    /// One call in a store of its own.
    pub(super) async fn call(&self, text: &str) -> String {
        let limits = StoreLimitsBuilder::new().memory_size(64 << 20).build();
        let mut store = Store::new(&self.engine, limits);
        store.limiter(|limits| limits);
        store.set_fuel(50_000_000_000).expect("fuel is on");
        store
            .fuel_async_yield_interval(Some(100_000))
            .expect("fuel is on");
        let instance = self
            .pre
            .instantiate_async(&mut store)
            .await
            .expect("an instance");
        let echo = instance
            .get_typed_func::<(&str,), (String,)>(&mut store, self.echo)
            .expect("the type");
        echo.call_async(&mut store, (text,))
            .await
            .expect("a result")
            .0
    }
}
