//! Holds arguments and results to a JSON Schema: a Patinox validator.
//!
//! The schemas are its settings. `fits` checks one text by one schema; `cargo test` runs it
//! on the host.

mod fits;
mod world;

use fits::fits;
use world::exports::patinox::tool::validation::{Guest, Subject, Verdict};
use world::wasi::config::store;

/// The component.
struct Schema;

impl Guest for Schema {
    fn check(subject: Subject) -> Verdict {
        let (part, tool, text) = match subject {
            Subject::ToolCall(call) => ("arguments", call.tool.name, call.arguments),
            Subject::ToolResult(call) => match call.outcome {
                Ok(result) => ("result", call.tool.name, result),
                // Nobody promises a form of an error.
                Err(_) => return Verdict::Allow,
            },
            Subject::Input(_) | Subject::Diagnostics(_) | Subject::Output(_) => {
                return Verdict::Allow;
            }
        };
        let Some(schema) = setting(&format!("{part}.{tool}")).or_else(|| setting(part)) else {
            return match has_schema() {
                true => Verdict::Allow,
                false => Verdict::Deny("it has no schema: set `arguments` or `result`".to_owned()),
            };
        };
        match fits(&schema, &text) {
            Ok(()) => Verdict::Allow,
            Err(reason) => Verdict::Deny(reason),
        }
    }
}

fn setting(name: &str) -> Option<String> {
    store::get(name).ok().flatten()
}

fn has_schema() -> bool {
    let all = store::get_all().unwrap_or_default();
    let is_schema = |name: &str| {
        let part = name.split_once('.').map_or(name, |(part, _)| part);
        matches!(part, "arguments" | "result")
    };
    all.iter().any(|(name, _)| is_schema(name))
}
