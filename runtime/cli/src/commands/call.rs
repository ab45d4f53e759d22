//! `patinox call`: one call of one tool.

use std::process::ExitCode;
use std::sync::Arc;

use patinox_host::{Loaded, Request};
use patinox_policy::escape_line;
use patinox_tools::Tool;

use crate::again::Again;
use crate::args::Call;
use crate::arguments;
use crate::error::Error;
use crate::judges::Judges;
use crate::output::needed;
use crate::permitted::Permitted;
use crate::prompt::AtTerminal;
use crate::session::{Session, blocking};
use crate::source::Target;

/// The longest signature that is shown in full, in bytes.
const MAX_SIGNATURE_BYTES: usize = 100;

/// The longest listing of tools, in bytes: it has to fit into a hint.
const MAX_LISTING_BYTES: usize = 3 << 10;

pub(crate) fn run(session: Session, call: Call) -> Result<ExitCode, Error> {
    let target = Target::parse(&call.target, &session.again)?;
    let target = target.found(&session)?;
    let (target, permitted) = Permitted::of(&session, target, &call.allow)?;
    let judges = Judges::of(&session, &permitted, &call.validators)?;
    session.run(async |session, cancel| {
        let (words, limits) = (call.arguments, permitted.limits);
        let given = blocking(&cancel, move || arguments::read(&words, &limits)).await?;
        let host = session.host_for(&permitted, judges.grants())?;
        let grants = permitted.grants;
        let component = session
            .load(&host, (&target.source, &grants), &cancel)
            .await?;
        let component = judges.judging((session, &host), component, &cancel).await?;
        let tool = find(&component, &target, &call.target, &session.again)?;
        let arguments = arguments::fit(given, &**tool)?;
        let request = Request::new(tool.spec().name.clone(), arguments).cancel(cancel);
        let request = match call.suggest {
            true => request.observe(),
            false => request,
        };
        let prompt = || AtTerminal::new(&target.source, &grants);
        let request = match (!call.no_prompt).then(prompt).flatten() {
            Some(prompt) => request.prompt(prompt),
            None => request,
        };
        let called = host.call(&component, request).await;
        let needed = component.policy().filter(|_| call.suggest);
        let needed = needed.map(|policy| needed::of(&policy, &called));
        let hint = format!("the tool is `{}`", short_signature(&**tool));
        Ok(session
            .output
            .called(&called, (&hint, &grants), needed.as_deref()))
    })
}

fn find<'a>(
    component: &'a Loaded,
    target: &Target,
    typed: &str,
    again: &Again,
) -> Result<&'a Arc<dyn Tool>, Error> {
    let tools = component.tools();
    if let Some(name) = &target.tool {
        return Ok(tools.get(name)?);
    }
    tools.only().map_err(|error| match error {
        patinox_tools::Error::ToolRequired { count, .. } => Error::ToolRequired {
            count,
            commands: listing(component, typed.trim_end_matches('#'), again),
        },
        error => error.into(),
    })
}

/// Each tool with its signature and a command that calls it.
fn listing(component: &Loaded, typed: &str, again: &Again) -> String {
    let mut listing = String::new();
    let mut left = component.tools().iter().len();
    for tool in component.tools().iter() {
        let command = ready_command(typed, &**tool, again);
        let entry = format!("  {}\n    {command}\n", short_signature(&**tool));
        if MAX_LISTING_BYTES < listing.len() + entry.len() {
            let inspect = again.command(["inspect", typed]);
            listing.push_str(&format!("  and {left} more: `{inspect}`"));
            break;
        }
        listing.push_str(&entry);
        left -= 1;
    }
    listing.trim_end().to_owned()
}

/// A command that calls a tool, with a sample of each argument it needs.
fn ready_command(component: &str, tool: &dyn Tool, again: &Again) -> String {
    let target = format!("{component}#{}", tool.spec().name);
    let samples = arguments::sample_words(&tool.spec().input_schema);
    let samples: Vec<_> = samples.iter().map(|word| escape_line(word)).collect();
    let words = ["call", &target].into_iter();
    again.command(words.chain(samples.iter().map(AsRef::as_ref)))
}

/// A signature in a line that can be read: of a long one, records and variants
/// keep only their braces.
pub(crate) fn short_signature(tool: &dyn Tool) -> String {
    shortened(tool.signature())
}

/// A signature without what is in its records.
pub(crate) fn shortened(signature: String) -> String {
    if signature.len() <= MAX_SIGNATURE_BYTES {
        return signature;
    }
    let mut short = String::new();
    let mut depth = 0_usize;
    for c in signature.chars() {
        if c == '}' {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 {
            short.push(c);
        }
        if c == '{' {
            if depth == 0 {
                short.push_str(" … ");
            }
            depth += 1;
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_signatures_lose_what_is_in_their_braces() {
        let short = "run(a: record { b: u8 }) -> u8";
        assert_eq!(shortened(short.to_owned()), short);
        let long = format!(
            "run(a: record {{ b: list<record {{ {} }}> }}) -> u8",
            "c: u8, ".repeat(20)
        );
        assert_eq!(shortened(long), "run(a: record { … }) -> u8");
        let odd = format!("}}{}{{", "x".repeat(100));
        assert_eq!(shortened(odd.clone()), format!("{odd} … "));
    }
}
