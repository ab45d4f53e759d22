//! What each tool says of itself.

use serde_json::json;

use crate::table::{Quantity, Unit};
use crate::world::exports::patinox::tool::handler::ToolSpec;
use crate::world::patinox::tool::types::ToolAnnotations;

/// What the tool of a quantity is called.
pub(crate) fn name(quantity: &Quantity) -> String {
    format!("convert-{}", quantity.name)
}

pub(crate) fn of(quantity: &Quantity) -> ToolSpec {
    let units: Vec<_> = quantity.units.iter().map(|unit: &Unit| unit.name).collect();
    let unit = |says: &str| json!({ "type": "string", "enum": units, "description": says });
    ToolSpec {
        name: name(quantity),
        title: Some(format!("Convert {}", quantity.name)),
        description: format!("Converts a {} from one unit to another.", quantity.name),
        input_schema: json!({
            "type": "object",
            "properties": {
                "value": { "type": "number", "description": "How many of the unit `from`." },
                "from": unit("The unit that the value is in."),
                "to": unit("The unit to answer in."),
            },
            "required": ["value", "from", "to"],
            "additionalProperties": false,
        })
        .to_string(),
        output_schema: Some(
            json!({
                "type": "object",
                "properties": { "value": { "type": "number" }, "unit": { "enum": units } },
                "required": ["value", "unit"],
            })
            .to_string(),
        ),
        annotations: Some(ToolAnnotations {
            read_only: Some(true),
            destructive: None,
            idempotent: None,
            open_world: Some(false),
        }),
    }
}
