//! A tool as a model sees it, and what is believed of what a component says.

use std::collections::HashSet;

use patinox_policy::{Grant, cut, escape_block, escape_line};
use patinox_sandbox::{GuestAnnotations, GuestToolSpec, Sandbox};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json;

/// The most tools that one component may list.
///
/// It stops a list that fills a model's context or a host's catalog.
pub const MAX_TOOLS: usize = 1_000;

/// The longest name of a tool, in characters.
///
/// It is the bound of the Model Context Protocol; with the alphabet
/// `A-Z a-z 0-9 _ . -` it stops names that disguise themselves as another's,
/// steer a terminal or pass for an option or a path.
pub const MAX_NAME_CHARS: usize = 128;

/// The longest title, in bytes; a longer one is cut.
pub const MAX_TITLE_BYTES: usize = 256;

/// The longest description, in bytes; a longer one is cut.
///
/// It stops a description from crowding out what else a model was told.
pub const MAX_DESCRIPTION_BYTES: usize = 4 << 10;

/// The largest schema, in bytes of its JSON text.
///
/// It stops an enumeration of a million values and schemas whose compilation
/// takes seconds.
pub const MAX_SCHEMA_BYTES: u64 = 64 << 10;

/// How deep a component's own schema may nest.
///
/// It stops schemas that overflow the stack of what compiles or applies them.
pub const MAX_SCHEMA_DEPTH: usize = 32;

/// A tool as a model sees it: the fields of a Model Context Protocol `Tool`,
/// under its names in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolSpec {
    /// What it is called by; unique within its component.
    pub name: String,
    /// The name to show to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it does and when to use it.
    pub description: String,
    /// The JSON Schema of the arguments; its top level has the type `object`.
    pub input_schema: Value,
    /// The JSON Schema of a successful result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// What it may do to the world.
    pub annotations: ToolAnnotations,
}

/// What a tool may do to the world, as in the Model Context Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the four hints of the protocol, each its own"
)]
pub struct ToolAnnotations {
    /// It changes nothing outside itself.
    #[serde(rename = "readOnlyHint")]
    pub read_only: bool,
    /// It may delete or overwrite, not only add.
    #[serde(rename = "destructiveHint")]
    pub destructive: bool,
    /// A second call with the same arguments changes nothing more.
    #[serde(rename = "idempotentHint")]
    pub idempotent: bool,
    /// It reaches things outside the host.
    #[serde(rename = "openWorldHint")]
    pub open_world: bool,
}

impl ToolAnnotations {
    /// What the host knows of a component's tool from what it can reach.
    ///
    /// What the host itself offers reaches nothing beyond what is granted, and changes
    /// that where the grant says so.
    /// What an embedder's own interface does is not known, so the most is said
    /// of it.
    #[must_use]
    pub fn of(sandbox: &Sandbox) -> Self {
        let policy = sandbox.policy();
        let may_write = policy.granted().iter().any(Grant::may_write);
        match (sandbox.component().imports_of_embedder(), may_write) {
            (true, _) => Self::unknown(),
            (false, true) => Self::writing(),
            (false, false) => Self::derived(),
        }
    }

    /// Those of a tool that may change what it was granted, and reaches nothing else.
    const fn writing() -> Self {
        Self {
            read_only: false,
            destructive: true,
            idempotent: false,
            open_world: false,
        }
    }

    /// Those of a tool of which nothing is known: the most.
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            read_only: false,
            destructive: true,
            idempotent: false,
            open_world: true,
        }
    }

    /// Those of a tool that reaches nothing.
    #[must_use]
    pub const fn derived() -> Self {
        Self {
            read_only: true,
            destructive: false,
            idempotent: true,
            open_world: false,
        }
    }

    /// Takes a component's claims where they are the stricter ones.
    pub(crate) fn tightened_by(self, claims: Option<&GuestAnnotations>) -> Self {
        let Some(claims) = claims else { return self };
        let destructive = self.destructive || claims.destructive == Some(true);
        Self {
            // Who says that it destroys says that it writes.
            read_only: self.read_only && claims.read_only != Some(false) && !destructive,
            destructive,
            idempotent: self.idempotent && claims.idempotent != Some(false),
            open_world: self.open_world || claims.open_world == Some(true),
        }
    }
}

/// Takes over what a component says of its tools, as the text of a stranger.
///
/// Descriptions and titles are escaped and cut; whatever else breaks a rule
/// refuses the whole list, and the text says which rule and which tool.
pub(crate) fn vet(
    listed: Vec<GuestToolSpec>,
    known: ToolAnnotations,
) -> Result<Vec<ToolSpec>, String> {
    if listed.len() > MAX_TOOLS {
        return Err(format!(
            "it lists {} tools, of at most {MAX_TOOLS}",
            listed.len()
        ));
    }
    let mut names = HashSet::new();
    for tool in &listed {
        let shown = || cut(&escape_line(&tool.name), MAX_NAME_CHARS).into_owned();
        if !is_name(&tool.name) {
            let rule = "a name has 1 to 128 characters out of `A-Za-z0-9_.-`";
            return Err(format!("it lists a tool `{}`; {rule}", shown()));
        }
        if !names.insert(tool.name.as_str()) {
            return Err(format!("it lists two tools `{}`", shown()));
        }
    }
    let specs = listed.into_iter().map(|tool| vet_one(tool, known));
    specs.collect()
}

fn vet_one(tool: GuestToolSpec, known: ToolAnnotations) -> Result<ToolSpec, String> {
    let schema = |which: &str, text: &str| {
        let schema = read_schema(text);
        schema.map_err(|why| format!("the {which} schema of tool `{}`: {why}", tool.name))
    };
    let input_schema = schema("input", &tool.input_schema)?;
    if input_schema.get("type") != Some(&Value::from("object")) {
        let rule = "its top level must have the type `object`";
        return Err(format!("the input schema of tool `{}`: {rule}", tool.name));
    }
    let output_schema = tool.output_schema.as_deref();
    let output_schema = output_schema
        .map(|text| schema("output", text))
        .transpose()?;
    let title = tool.title.as_deref();
    Ok(ToolSpec {
        title: title.map(|title| cut(&escape_line(title), MAX_TITLE_BYTES).into_owned()),
        description: describe(&tool.description),
        annotations: known.tightened_by(tool.annotations.as_ref()),
        name: tool.name,
        input_schema,
        output_schema,
    })
}

/// Whether a text may name a tool.
pub(crate) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=MAX_NAME_CHARS).contains(&text.len()) && text.bytes().all(allowed)
}

/// A description, escaped and cut.
pub(crate) fn describe(text: &str) -> String {
    // Cut first: escaping makes a hostile text many times as long.
    let text = cut(text.trim(), MAX_DESCRIPTION_BYTES);
    cut(&escape_block(&text), MAX_DESCRIPTION_BYTES).into_owned()
}

fn read_schema(text: &str) -> Result<Value, String> {
    let schema = json::parse_to_depth(text.as_bytes(), MAX_SCHEMA_BYTES, MAX_SCHEMA_DEPTH);
    let mut schema = schema.map_err(|error| error.to_string())?;
    if !schema.is_object() {
        return Err("it is not an object".to_owned());
    }
    escape_texts(&mut schema);
    Ok(schema)
}

/// Escapes the texts in a schema that are written to be read. Values, names
/// and patterns stay as they are: changed, they would mean something else.
fn escape_texts(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(escape_texts),
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("title" | "description" | "$comment", Value::String(text)) => {
                        *text = escape_block(text).into_owned();
                    }
                    ("enum" | "const" | "default" | "examples", _) => {}
                    (_, value) => escape_texts(value),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests;
