//! The engine and its own WASI: the least that reading a file costs.

use std::path::Path;

use wasmtime::component::{
    Component, ComponentExportIndex, InstancePre, Linker, ResourceTable, Val,
};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

/// What a store of the floor has.
struct State {
    context: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.context,
            table: &mut self.table,
        }
    }
}

/// A component on the engine's own WASI.
pub(super) struct Floor {
    engine: Engine,
    pre: InstancePre<State>,
    function: ComponentExportIndex,
}

impl Floor {
    pub(super) fn new(component: &[u8], function: &str) -> Self {
        let mut config = wasmtime::Config::new();
        config.consume_fuel(true).concurrency_support(false);
        let engine = Engine::new(&config).expect("an engine");
        let component = Component::from_binary(&engine, component).expect("a component");
        let function = component.get_export(None, function).expect("the export").1;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("WASI");
        let pre = linker.instantiate_pre(&component).expect("all is linked");
        Self {
            engine,
            pre,
            function,
        }
    }

    /// How many bytes `/data/long` has.
    pub(super) async fn read(&self, folder: &Path) -> u64 {
        let mut builder = WasiCtx::builder();
        builder
            .preopened_dir(folder, "/data", FsPerms::ReadOnly)
            .expect("a folder");
        let state = State {
            context: builder.build(),
            table: ResourceTable::new(),
        };
        let mut store = Store::new(&self.engine, state);
        store.set_fuel(50_000_000_000).expect("fuel is on");
        store
            .fuel_async_yield_interval(Some(100_000))
            .expect("fuel is on");
        let instance = self.pre.instantiate_async(&mut store).await;
        let instance = instance.expect("an instance");
        let function = instance.get_func(&mut store, self.function).expect("it");
        let mut results = [Val::Bool(false)];
        let path = Val::String("/data/long".to_owned());
        function
            .call_async(&mut store, &[path], &mut results)
            .await
            .expect("a result");
        match &results {
            [Val::Result(Ok(Some(bytes)))] => match **bytes {
                Val::U64(bytes) => bytes,
                _ => 0,
            },
            _ => 0,
        }
    }
}
