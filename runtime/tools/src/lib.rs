//! From a tool's name to its result.
//!
//! **Owns** what a tool is: its specification and JSON Schema, the rules for
//! what a component says of itself and for JSON that comes in, the check of
//! arguments before an instance is made, and of answers after it is gone.
//!
//! **Never** names the engine, resolves a reference outside of a schema,
//! decides who may call, or shows what a component wrote without escaping it.
//!
//! ```
//! use patinox_policy::Limits;
//! use patinox_tools::{Checker, json};
//!
//! let arguments = json::parse(r#"{"max": 7}"#, Limits::default().arguments_bytes)?;
//! let schema = serde_json::json!({ "properties": { "max": { "type": "string" } } });
//! let error = Checker::new(&schema)?.check(&arguments).unwrap_err();
//! assert_eq!(error.to_string(), "`max` must be of type string, not `7`");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Read `tool` and `call`, then `component`, which finds the tools: `plain`
//! with `names` and `schema`, `handler` with `spec` and `checker`; `outline` for a
//! component that is not run. Then `validator`, and `pipeline`, which states the order
//! of the steps of a call that is judged. `json` stands alone.

#![forbid(unsafe_code)]

mod tool;

mod call;
mod catalog;
mod checker;
mod component;
mod error;
mod handler;
pub mod json;
mod judgement;
mod lock;
mod names;
mod native;
mod outline;
mod pipeline;
mod plain;
pub mod schema;
mod spec;
mod validator;

pub use call::{ToolCall, ToolResult};
pub use catalog::{Catalog, Changes};
pub use checker::{Checker, Mismatch};
pub use component::{LeftOut, Tools};
pub use error::Error;
pub use json::JsonError;
pub use judgement::{Judgement, Refusal, Ruling, ValidationStage};
pub use lock::{Lock, LockError, Locked};
pub use native::NativeTool;
pub use outline::ToolOutline;
pub use patinox_sandbox::{FinishedCall, Judging, ProposedCall, Subject, ToolRef, Verdict};
pub use pipeline::{ToolRequest, Validated, ValidatedService, Validators};
pub use spec::{
    MAX_DESCRIPTION_BYTES, MAX_NAME_CHARS, MAX_SCHEMA_BYTES, MAX_SCHEMA_DEPTH, MAX_TITLE_BYTES,
    MAX_TOOLS, ToolAnnotations, ToolSpec,
};
pub use tool::Tool;
pub use validator::{ComponentValidator, Judged, NativeValidator, Validator, validator_limits};
