//! `patinox inspect`: what a component is, before anything of it runs.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::process::ExitCode;

use patinox_host::{Loaded, Precompiled, Profile};
use patinox_policy::escape_block;
use patinox_tools::{LeftOut, Tool, ToolOutline, ToolSpec};
use serde_json::{Value, json};

use crate::args::Inspect;
use crate::commands::call::shortened;
use crate::error::Error;
use crate::output::cost;
use crate::permitted::Permitted;
use crate::session::Session;
use crate::source::Target;

mod outline;

pub(crate) fn run(session: Session, inspect: &Inspect) -> Result<ExitCode, Error> {
    let target = Target::parse(&inspect.component, &session.again)?;
    let target = target.found(&session)?;
    session.run(async |session, cancel| {
        let permitted = Permitted::nothing(session);
        let host = session.host(&permitted)?;
        let none = permitted.grants;
        let tool = target.tool.as_deref();
        let view = match session.load(&host, (&target.source, &none), &cancel).await {
            Ok(loaded) => View::of_loaded(&loaded, tool)?,
            // What cannot run here can still be looked into.
            Err(error) if error.missing_imports().is_some() => {
                let compiled = target.source.precompile(&host);
                let compiled = session.loading(compiled, &cancel).await?;
                if compiled.outline.is_handler() && tool.is_some() {
                    // Which tools it has is known only where it runs.
                    return Err(error);
                }
                View::of_compiled(compiled, tool)?
            }
            Err(error) => return Err(error),
        };
        Ok(session.output.done(&view.document(), &view.text()))
    })
}

/// What is shown.
struct View {
    digest: String,
    size_bytes: u64,
    handler: bool,
    /// Whether it judges calls.
    validator: bool,
    profile: Profile,
    docs: Option<String>,
    tools: Vec<Shown>,
    left_out: Vec<LeftOut>,
    imports: Vec<String>,
    /// Those of the imports that this host does not have.
    missing: Vec<String>,
    /// The tools that take or give integers of 64 bits and cannot hold them.
    inexact: Vec<String>,
}

/// The most imports that a person is shown.
const MAX_IMPORTS: usize = 100;

struct Shown {
    spec: ToolSpec,
    signature: String,
}

impl View {
    fn of_loaded(loaded: &Loaded, tool: Option<&str>) -> Result<Self, Error> {
        // What is loaded from a file or the program is one.
        let component = loaded.component().ok_or_else(no_component)?;
        let tools = loaded.tools();
        let shown = |tool: &dyn Tool| Shown {
            spec: tool.spec().clone(),
            signature: tool.signature(),
        };
        Ok(Self {
            digest: component.digest().to_owned(),
            size_bytes: component.size_bytes(),
            handler: component.is_handler(),
            validator: component.is_validator(),
            profile: component.profile(),
            docs: component.docs().map(Cow::into_owned),
            tools: match tool {
                Some(name) => vec![shown(&**tools.get(name)?)],
                None => tools.iter().map(|tool| shown(&**tool)).collect(),
            },
            left_out: tools.left_out().to_vec(),
            imports: component.imports().to_vec(),
            missing: Vec::new(),
            inexact: tools.inexact().to_vec(),
        })
    }

    fn of_compiled(compiled: Precompiled, tool: Option<&str>) -> Result<Self, Error> {
        let outline = compiled.outline;
        let tools = ToolOutline::of(&outline);
        let shown = |(spec, signature): (&ToolSpec, &str)| Shown {
            spec: spec.clone(),
            signature: signature.to_owned(),
        };
        Ok(Self {
            digest: compiled.digest,
            size_bytes: compiled.size_bytes,
            handler: outline.is_handler(),
            validator: outline.is_validator(),
            profile: compiled.profile,
            tools: match tool {
                Some(name) => vec![shown(tools.get(name)?)],
                None => tools.iter().map(shown).collect(),
            },
            left_out: tools.left_out().to_vec(),
            docs: outline.docs,
            imports: outline.imports,
            missing: outline.wanted,
            inexact: tools.inexact().to_vec(),
        })
    }

    fn document(&self) -> Value {
        let left_out = self.left_out.iter();
        let left_out: Vec<_> = left_out
            .map(|left_out| json!({ "function": left_out.function, "reason": left_out.reason }))
            .collect();
        json!({
            "digest": self.digest,
            "size_bytes": self.size_bytes,
            "kind": self.kind().0,
            "profile": self.profile.as_str(),
            "description": self.docs,
            "tools": self.tools.iter().map(|tool| &tool.spec).collect::<Vec<_>>(),
            "left_out": left_out,
            "imports": self.imports,
            "missing_imports": self.missing,
            "inexact_integers": self.inexact,
        })
    }

    fn text(&self) -> String {
        let (kind, meaning) = self.kind();
        let size = self.size_bytes;
        let mut text = format!(
            "digest   {}\nsize     {} ({size} bytes)\nkind     {kind}: {meaning}\nprofile  {}: {}\n",
            self.digest,
            cost::bytes(size),
            self.profile.as_str(),
            metered(self.profile.as_str()),
        );
        if let Some(docs) = &self.docs {
            push_block(&mut text, "", &format!("\n{docs}"));
        }
        text.push_str("\nTOOLS\n");
        if self.kind().0 == "validator" {
            text.push_str("  none\n");
        }
        for tool in &self.tools {
            push_tool(&mut text, tool);
        }
        if self.tools.is_empty() && self.handler {
            text.push_str("  not known: it would have to run, and cannot here\n");
        }
        for left_out in &self.left_out {
            push_line(&mut text, &format!("\n  left out {left_out}"));
        }
        if !self.inexact.is_empty() {
            let names: Vec<_> = self
                .inexact
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            let names = names.join(", ");
            text.push_str(
                "\n  integers of 64 bits lose digits beyond 2^53 here, without an error,\n",
            );
            push_line(
                &mut text,
                &format!("  as it is built of JavaScript: {names}"),
            );
        }
        text.push_str("\nIMPORTS\n");
        for import in self.imports.iter().take(MAX_IMPORTS) {
            push_line(&mut text, &format!("  {import}{}", self.trouble(import)));
        }
        match self.imports.len() {
            0 => text.push_str("  none\n"),
            all if MAX_IMPORTS < all => {
                push_line(&mut text, &format!("  and {} more", all - MAX_IMPORTS));
            }
            _ => {}
        }
        text.trim_end().to_owned()
    }

    /// What keeps an import from being there.
    fn trouble(&self, import: &str) -> &'static str {
        // Both are sorted.
        match self
            .missing
            .binary_search_by(|name| name.as_str().cmp(import))
        {
            Ok(_) if import.contains('/') => "  missing: the program that runs it must offer it",
            Ok(_) => "  missing: nobody can offer it, as it is no interface",
            Err(_) => "",
        }
    }

    /// Whether the host derives the tools or the component lists them, and what
    /// that means.
    fn kind(&self) -> (&'static str, &'static str) {
        if self.handler {
            ("handler", "it lists its tools itself")
        } else if self.validator && self.tools.is_empty() {
            ("validator", "it judges the calls of others")
        } else {
            ("plain", "each exported function is a tool")
        }
    }
}

fn no_component() -> Error {
    let left_out = Vec::new();
    patinox_tools::Error::NothingCallable { left_out }.into()
}

/// What a profile means.
fn metered(profile: &str) -> &'static str {
    match profile {
        "lean" => "metered by fuel",
        _ => "metered by fuel and by time, as components inside it pass values to each other",
    }
}

fn push_tool(text: &mut String, tool: &Shown) {
    let spec = &tool.spec;
    let signature = shortened(tool.signature.clone());
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
