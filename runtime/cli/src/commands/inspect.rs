//! `patinox inspect`: what a component is, before anything of it runs.

use std::fmt::Write as _;
use std::process::ExitCode;

use patinox_host::{Component, Loaded};
use patinox_policy::escape_block;
use patinox_tools::{LeftOut, Tool};
use serde_json::{Value, json};

use crate::args::Inspect;
use crate::commands::call::short_signature;
use crate::error::Error;
use crate::output::cost;
use crate::session::Session;
use crate::source::Target;

mod outline;

pub(crate) fn run(session: Session, inspect: &Inspect) -> Result<ExitCode, Error> {
    let target = Target::parse(&inspect.component, &session.again)?;
    target.source.check()?;
    session.run(async |session, cancel| {
        let host = session.host()?;
        let loaded = session.load(&host, &target.source, &cancel).await?;
        let tools = shown(&loaded, target.tool.as_deref())?;
        let left_out = loaded.tools().left_out();
        // What is loaded from a file or the program is one.
        let component = loaded.component().ok_or_else(no_component)?;
        let text = text(component, &tools, left_out);
        let document = document(component, &tools, left_out);
        Ok(session.output.done(&document, &text))
    })
}

fn no_component() -> Error {
    let left_out = Vec::new();
    patinox_tools::Error::NothingCallable { left_out }.into()
}

/// All tools, or the one that was named.
fn shown<'a>(loaded: &'a Loaded, name: Option<&str>) -> Result<Vec<&'a dyn Tool>, Error> {
    let tools = loaded.tools();
    Ok(match name {
        Some(name) => vec![&**tools.get(name)?],
        None => tools.iter().map(|tool| &**tool).collect(),
    })
}

fn document(component: &Component, tools: &[&dyn Tool], left_out: &[LeftOut]) -> Value {
    let left_out = left_out.iter();
    let left_out: Vec<_> = left_out
        .map(|left_out| json!({ "function": left_out.function, "reason": left_out.reason }))
        .collect();
    json!({
        "digest": component.digest(),
        "size_bytes": component.size_bytes(),
        "kind": kind(component).0,
        "profile": component.profile().as_str(),
        "description": component.docs(),
        "tools": tools.iter().map(|tool| tool.spec()).collect::<Vec<_>>(),
        "left_out": left_out,
        "imports": component.imports(),
    })
}

/// Whether the host derives the tools or the component lists them, and what
/// that means.
fn kind(component: &Component) -> (&'static str, &'static str) {
    if component.is_handler() {
        ("handler", "it lists its tools itself")
    } else {
        ("plain", "each exported function is a tool")
    }
}

/// What a profile means.
fn metered(profile: &str) -> &'static str {
    match profile {
        "lean" => "metered by fuel",
        _ => "metered by fuel and by time, as components inside it pass values to each other",
    }
}

fn text(component: &Component, tools: &[&dyn Tool], left_out: &[LeftOut]) -> String {
    let (kind, meaning) = kind(component);
    let size = component.size_bytes();
    let mut text = format!(
        "digest   {}\nsize     {} ({size} bytes)\nkind     {kind}: {meaning}\nprofile  {}: {}\n",
        component.digest(),
        cost::bytes(size),
        component.profile().as_str(),
        metered(component.profile().as_str()),
    );
    if let Some(docs) = component.docs() {
        push_block(&mut text, "", &format!("\n{docs}"));
    }
    text.push_str("\nTOOLS\n");
    for tool in tools {
        push_tool(&mut text, *tool);
    }
    for left_out in left_out {
        push_line(&mut text, &format!("\n  left out {left_out}"));
    }
    text.push_str("\nIMPORTS\n");
    for import in component.imports() {
        push_line(&mut text, &format!("  {import}"));
    }
    if component.imports().is_empty() {
        text.push_str("  none\n");
    }
    text.trim_end().to_owned()
}

fn push_tool(text: &mut String, tool: &dyn Tool) {
    let spec = tool.spec();
    let signature = short_signature(tool);
    push_line(text, &format!("\n  {signature}"));
    // Without a description the signature stands in its place.
    if spec.description != signature {
        push_block(text, "    ", &spec.description);
    }
    push_line(text, "    arguments:");
    push_block(text, "      ", &outline::of(&spec.input_schema));
    if let Some(schema) = &spec.output_schema {
        push_line(text, "    result:");
        push_block(text, "      ", &outline::of(schema));
    }
}

/// Adds a guest's text, escaped and indented.
fn push_block(text: &mut String, indent: &str, block: &str) {
    for line in block.lines() {
        let indent = if line.is_empty() { "" } else { indent };
        push_line(text, &format!("{indent}{line}"));
    }
}

fn push_line(text: &mut String, line: &str) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "{}", escape_block(line));
}
