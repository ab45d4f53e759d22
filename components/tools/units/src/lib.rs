//! Converts between units: a Patinox tool component that lists its tools at run
//! time.
//!
//! `units.txt` has the units. Each quantity in it becomes a tool, `table` reads
//! it, `spec` describes the tools, `convert` does the work.

mod convert;
mod spec;
mod table;
mod world;

use world::exports::patinox::tool::handler::{Guest, Json, ToolError, ToolSpec};

/// The component.
struct Units;

impl Guest for Units {
    fn list_tools() -> Vec<ToolSpec> {
        table::read().iter().map(spec::of).collect()
    }

    fn call_tool(name: String, arguments: Json) -> Result<Json, ToolError> {
        let quantities = table::read();
        let quantity = quantities.iter().find(|q| spec::name(q) == name);
        let quantity = quantity.ok_or(ToolError::UnknownTool)?;
        convert::call(quantity, &arguments).map_err(ToolError::InvalidArguments)
    }
}
