//! `patinox call`: one call of one tool.

use std::process::ExitCode;
use std::sync::Arc;

use patinox_host::{Loaded, Request};
use patinox_tools::Tool;
use serde_json::Value;

use crate::args::{Call, Global};
use crate::arguments;
use crate::error::Error;
use crate::session::Session;
use crate::source::{Target, quote};

/// How many tools a listing shows.
const MAX_LISTED: usize = 40;

pub(crate) fn run(global: &Global, call: Call) -> Result<ExitCode, Error> {
    let target = Target::parse(&call.target)?;
    let session = Session::start(global, &call.limits)?;
    let given = arguments::read(&call.arguments, &session.settings.limits())?;
    session.run(async |session, cancel| {
        let host = session.host()?;
        let component = session.load(&host, &target.source).await?;
        let tool = find(&component, &target, &call.target)?;
        let arguments = arguments::fit(given, &**tool)?;
        let request = Request::new(tool.spec().name.clone(), arguments).cancel(cancel);
        let called = host.call(&component, request).await;
        Ok(session.output.called(&called))
    })
}

fn find<'a>(
    component: &'a Loaded,
    target: &Target,
    typed: &str,
) -> Result<&'a Arc<dyn Tool>, Error> {
    let tools = component.tools();
    if let Some(name) = &target.tool {
        return Ok(tools.get(name)?);
    }
    tools.only().map_err(|_| {
        let component = typed.trim_end_matches('#');
        let lines = tools.iter().take(MAX_LISTED).map(|tool| {
            let command = ready_command(component, &**tool);
            format!("  {}\n    {command}", tool.signature())
        });
        Error::ToolRequired {
            count: tools.iter().len(),
            commands: lines.collect::<Vec<_>>().join("\n"),
        }
    })
}

/// A command for a tool, with a placeholder for each argument it needs.
fn ready_command(component: &str, tool: &dyn Tool) -> String {
    let spec = tool.spec();
    let target = quote(&format!("{component}#{}", spec.name));
    let required = spec.input_schema.get("required").and_then(Value::as_array);
    let placeholders = required.into_iter().flatten().filter_map(Value::as_str);
    let placeholders = placeholders.map(|name| {
        let schema = spec
            .input_schema
            .get("properties")
            .and_then(|all| all.get(name));
        let ty = schema.and_then(|schema| schema.get("type")?.as_str());
        match ty {
            Some(ty @ ("object" | "array")) => format!(" {name}:={}", ty.to_uppercase()),
            Some(ty) => format!(" {name}={}", ty.to_uppercase()),
            None => format!(" {name}=VALUE"),
        }
    });
    format!("patinox call {target}{}", placeholders.collect::<String>())
}
