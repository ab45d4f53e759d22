//! What can be called by name.

use std::fmt;

use futures_util::future::BoxFuture;
use patinox_policy::{LimitName, Limits, cut, escape_line};
use patinox_sandbox::json_len;
use serde_json::Value;

use crate::json::{MAX_JSON_DEPTH, nests_within};
use crate::{Checker, Error, Mismatch, ToolCall, ToolResult, ToolSpec};

/// The longest signature, in bytes; a longer one is cut.
const MAX_SIGNATURE_BYTES: usize = 512;

/// A tool: a component's export, or native code of an embedder.
///
/// ```
/// use std::sync::Arc;
///
/// use patinox_policy::Usage;
/// use patinox_tools::{Error, Tool, ToolAnnotations, ToolCall, ToolResult, ToolSpec};
/// use serde_json::{Value, json};
///
/// #[derive(Debug)]
/// struct Echo(ToolSpec);
///
/// impl Tool for Echo {
///     fn spec(&self) -> &ToolSpec {
///         &self.0
///     }
///
///     fn check(&self, _: &Value) -> Result<(), Error> {
///         Ok(())
///     }
///
///     fn call(&self, call: ToolCall) -> futures_util::future::BoxFuture<'_, ToolResult> {
///         let result = ToolResult {
///             result: Ok(call.arguments),
///             usage: Usage::default(),
///             output: Default::default(),
///             denials: Vec::new(),
///             uses: Vec::new(),
///         };
///         Box::pin(std::future::ready(result))
///     }
/// }
///
/// let echo: Arc<dyn Tool> = Arc::new(Echo(ToolSpec {
///     name: "echo".to_owned(),
///     title: None,
///     description: "gives back what it gets".to_owned(),
///     input_schema: json!({ "type": "object", "properties": { "text": { "type": "string" } } }),
///     output_schema: None,
///     annotations: ToolAnnotations::derived(),
/// }));
/// assert_eq!(echo.signature(), "echo(text?: string)");
/// ```
pub trait Tool: fmt::Debug + Send + Sync {
    /// What a model and a person know of it.
    fn spec(&self) -> &ToolSpec;

    /// Its name with its parameters, in one line for people.
    fn signature(&self) -> String {
        signature_of(self.spec())
    }

    /// Checks arguments without running anything; [`call`](Self::call) does it
    /// again.
    ///
    /// # Errors
    ///
    /// If an argument is missing, unknown or does not fit.
    fn check(&self, arguments: &Value) -> Result<(), Error>;

    /// Whether [`check`](Self::check) takes so long for these that others should not wait
    /// for it on their thread.
    fn is_heavy(&self, arguments: &Value) -> bool {
        let _ = arguments;
        false
    }

    /// Checks what is to take the place of its result. It can take milliseconds.
    ///
    /// # Errors
    ///
    /// If the tool could not have answered so: a clause that says why.
    fn check_result(&self, result: &Value) -> Result<(), String> {
        let Some(schema) = &self.spec().output_schema else {
            return Ok(());
        };
        let checked = Checker::new(schema)?.check(result);
        checked.map_err(|mismatch| mismatch.said_of("the result", "the result's "))
    }

    /// Brings arguments that `serde_json` wrote of a Rust value to the form
    /// that this tool takes, where it knows better: bytes are base64 there.
    fn adapt(&self, arguments: &mut Value) {
        let _ = arguments;
    }

    /// Calls it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the call and frees all it held.
    fn call(&self, call: ToolCall) -> BoxFuture<'_, ToolResult>;
}

/// Counts the arguments' bytes as JSON and holds them to their limits.
///
/// # Errors
///
/// With the count as far as it is known.
pub(crate) fn weigh(arguments: &Value, limits: &Limits) -> Result<u64, (Error, u64)> {
    // First the depth: what counts the bytes goes as deep as the value does.
    if !nests_within(arguments, MAX_JSON_DEPTH) {
        return Err((Mismatch::too_deep().into(), 0));
    }
    let bytes = json_len(arguments, u64::MAX).unwrap_or(u64::MAX);
    if limits.arguments_bytes < bytes {
        let error = patinox_sandbox::Error::limit(LimitName::Arguments, limits, Some(bytes));
        return Err((error.into(), bytes));
    }
    Ok(bytes)
}

/// A signature from a schema: `name(text: string, max?: integer)`.
fn signature_of(spec: &ToolSpec) -> String {
    let schema = &spec.input_schema;
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let parameter = |(name, schema): (&String, &Value)| {
        let mark = if is_required(name) { "" } else { "?" };
        let ty = schema.get("type").and_then(Value::as_str).unwrap_or("any");
        format!("{name}{mark}: {ty}")
    };
    let parameters = schema.get("properties").and_then(Value::as_object);
    let parameters: Vec<_> = parameters.into_iter().flatten().map(parameter).collect();
    one_line(&format!("{}({})", spec.name, parameters.join(", ")))
}

/// A signature, escaped and cut.
pub(crate) fn one_line(signature: &str) -> String {
    let signature = cut(signature, MAX_SIGNATURE_BYTES);
    cut(&escape_line(&signature), MAX_SIGNATURE_BYTES).into_owned()
}
