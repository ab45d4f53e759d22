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
        // Closed, where nobody knows what was meant.
        if let Some(reason) = wrong_settings() {
            return Verdict::Deny(reason);
        }
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
        let names = [format!("{part}.{tool}"), part.to_owned()];
        let mut named = names.iter().filter_map(|name| Some((name, setting(name)?)));
        let Some((name, schema)) = named.next() else {
            return Verdict::Allow;
        };
        match fits((name, &schema), &text) {
            Ok(()) => Verdict::Allow,
            Err(reason) => Verdict::Deny(reason),
        }
    }
}

fn setting(name: &str) -> Option<String> {
    store::get(name).ok().flatten()
}

/// That there is no schema, or a setting that is none.
fn wrong_settings() -> Option<String> {
    let all = store::get_all().unwrap_or_default();
    if all.is_empty() {
        let how = "it has no schema: grant it one, like `config=arguments={…}`";
        return Some(how.to_owned());
    }
    let is_known = |name: &str| {
        let part = name.split_once('.').map_or(name, |(part, _)| part);
        matches!(part, "arguments" | "result")
    };
    let unknown = all.iter().find(|(name, _)| !is_known(name));
    unknown.map(|(name, _)| {
        format!("there is no setting `{name}`: it has `arguments`, `result`, `arguments.TOOL` and `result.TOOL`")
    })
}
