//! `patinox inspect`: what a component is, before anything of it runs.

use std::fmt::Write as _;
use std::process::ExitCode;

use patinox_host::Loaded;
use patinox_policy::escape_block;
use patinox_tools::Tool;
use serde_json::{Value, json};

use crate::args::{Global, Inspect};
use crate::error::Error;
use crate::session::Session;
use crate::source::Source;

pub(crate) fn run(global: &Global, inspect: &Inspect) -> Result<ExitCode, Error> {
    let source = Source::parse(&inspect.component)?;
    let session = Session::start(global, &[])?;
    session.run(async |session, _| {
        let host = session.host()?;
        let component = session.load(&host, &source).await?;
        Ok(session
            .output
            .done(&document(&component), &text(&component)))
    })
}

fn document(loaded: &Loaded) -> Value {
    let component = loaded.component();
    let tools: Vec<_> = loaded.tools().iter().map(|tool| tool.spec()).collect();
    let left_out: Vec<_> = loaded
        .tools()
        .left_out()
        .iter()
        .map(|left_out| json!({ "function": left_out.function, "reason": left_out.reason }))
        .collect();
    json!({
        "digest": component.digest(),
        "size_bytes": component.size_bytes(),
        "kind": kind(loaded),
        "description": component.docs(),
        "tools": tools,
        "left_out": left_out,
        "imports": component.imports(),
    })
}

/// Whether the host derives the tools or the component lists them.
fn kind(loaded: &Loaded) -> &'static str {
    if loaded.component().is_handler() {
        "handler"
    } else {
        "plain"
    }
}

fn text(loaded: &Loaded) -> String {
    let component = loaded.component();
    let mut text = format!(
        "digest   {}\nsize     {} bytes\nkind     {}\n",
        component.digest(),
        component.size_bytes(),
        kind(loaded)
    );
    if let Some(docs) = component.docs() {
        push_block(&mut text, "", docs);
    }
    text.push_str("\ntools\n");
    for tool in loaded.tools().iter() {
        push_tool(&mut text, &**tool);
    }
    for left_out in loaded.tools().left_out() {
        push_line(&mut text, &format!("  left out {left_out}"));
    }
    text.push_str("\nimports\n");
    for import in component.imports() {
        push_line(&mut text, &format!("  {import}"));
    }
    if component.imports().is_empty() {
        text.push_str("  none\n");
    }
    text.trim_end().to_owned()
}

fn push_tool(text: &mut String, tool: &dyn Tool) {
    push_line(text, &format!("  {}", tool.signature()));
    let spec = tool.spec();
    push_block(text, "    ", &spec.description);
    push_line(text, &format!("    arguments {}", spec.input_schema));
    if let Some(schema) = &spec.output_schema {
        push_line(text, &format!("    result    {schema}"));
    }
}

/// Adds a guest's text, escaped and indented.
fn push_block(text: &mut String, indent: &str, block: &str) {
    for line in block.lines() {
        push_line(text, &format!("{indent}{line}"));
    }
}

fn push_line(text: &mut String, line: &str) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "{}", escape_block(line));
}
