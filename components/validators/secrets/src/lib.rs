//! Finds keys and tokens in calls and redacts them: a Patinox validator.
//!
//! What counts as one is in `rules`; `find` looks for them in one pass over a text, which
//! may be JSON, and `redact` writes the text without them. `cargo test` runs all three on
//! the host.

mod find;
mod redact;
mod rules;
mod world;

use find::{Found, find};
use redact::redact;
use world::exports::patinox::tool::validation::{Guest, Subject, ToolError, Verdict};
use world::wasi::config::store;

/// The component.
struct Secrets;

impl Guest for Secrets {
    fn check(subject: Subject) -> Verdict {
        let (text, can_replace) = match subject {
            Subject::Input(text) | Subject::Diagnostics(text) | Subject::Output(text) => {
                (text, true)
            }
            Subject::ToolCall(call) => (call.arguments, true),
            Subject::ToolResult(call) => match call.outcome {
                Ok(result) => (result, true),
                Err(error) => (text_of(error), false),
            },
        };
        // Closed, where nobody knows what was meant.
        if let Some(name) = unknown_setting() {
            return Verdict::Deny(format!("there is no setting `{name}`: it has `on-find`"));
        }
        let found = find(&text);
        if found.is_empty() {
            return Verdict::Allow;
        }
        let setting = store::get("on-find").ok().flatten();
        match setting.as_deref() {
            None | Some("redact") if can_replace => Verdict::Replace(redact(&text, &found)),
            Some("warn") => Verdict::Warn(told(&found)),
            None | Some("redact" | "deny") => Verdict::Deny(told(&found)),
            Some(_) => Verdict::Deny("the setting `on-find` is `redact`, `deny` or `warn`".into()),
        }
    }
}

fn unknown_setting() -> Option<String> {
    let all = store::get_all().unwrap_or_default();
    let mut names = all.into_iter().map(|(name, _)| name);
    names.find(|name| name != "on-find")
}

fn text_of(error: ToolError) -> String {
    match error {
        ToolError::UnknownTool => String::new(),
        ToolError::InvalidArguments(text)
        | ToolError::Unavailable(text)
        | ToolError::Failed(text) => text,
    }
}

/// What was found, and nothing of it.
fn told(found: &[Found]) -> String {
    let mut names: Vec<_> = found.iter().map(|found| found.rule).collect();
    names.sort_unstable();
    names.dedup();
    format!("it holds {}: {}", count(found.len()), names.join(", "))
}

fn count(found: usize) -> String {
    match found {
        1 => "a secret".to_owned(),
        more => format!("{more} secrets"),
    }
}
