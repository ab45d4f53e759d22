//! Runs untrusted AI-agent tools as WebAssembly components, under limits that
//! hold.
//!
//! Every call gets a fresh instance with fuel, memory, time and output bounded,
//! and nothing linked that was not granted. A [`Host`] loads components and
//! calls their tools on its caller's tokio runtime:
//!
//! ```no_run
//! use patinox::prelude::*;
//!
//! # async fn example() -> Result<(), PatinoxError> {
//! let host = Host::new(Config::default())?;
//! let text = host.load_file("text.wasm").await?;
//! let arguments = serde_json::json!({ "text": "to be or not to be" });
//! let called = host.call(&text, Request::new("count", arguments)).await;
//! println!("{} for {} fuel", called.result?, called.usage.fuel);
//! # Ok(())
//! # }
//! ```
//!
//! An error tells who must act ([`Fault`]), what a loop should do
//! ([`RecoveryStrategy`]) and a stable [`Code`]: see [`Failure`].

#![forbid(unsafe_code)]

#[cfg(feature = "compile")]
use std::process::ExitCode;

pub use patinox_host::{
    Allocated, Allocation, ArtifactStore, Busy, Called, Caller, CancellationToken, Config,
    Detector, Events, Host, HostBuilder, Import, ImportError, LoadRequest, Loaded, NotPrecompiled,
    PatinoxError, Priority, Profile, Request, Shutdown, StoreConfig, StoreError,
};
pub use patinox_policy::{
    Admission, Code, Failure, Fault, Grant, GrantError, LimitError, LimitName, Limits, LoadLimits,
    Principal, PrincipalError, RecoveryStrategy, Report, Usage,
};
pub use patinox_telemetry as telemetry;
pub use patinox_tools::{
    Catalog, NativeTool, Tool, ToolAnnotations, ToolCall, ToolResult, ToolSpec, Tools,
};

/// Does the work of a compile worker, if this process was started as one.
///
/// A program that names itself as [`Config::compile_worker`] calls this first
/// in its `main`, before it starts a thread or a runtime, and ends when there
/// is an answer:
///
/// ```no_run
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     if let Some(done) = patinox::compile_worker() {
///         return done;
///     }
///     // What the program is for.
///     ExitCode::SUCCESS
/// }
/// ```
///
/// Whether it was is told by the first argument, `__compile-worker`.
#[cfg(feature = "compile")]
#[must_use = "a process that was started as a worker has to end with it"]
pub fn compile_worker() -> Option<ExitCode> {
    patinox_host::compile_worker(std::env::args_os())
}

/// What most programs need.
pub mod prelude {
    pub use crate::{Called, Config, Failure, Host, Limits, Loaded, PatinoxError, Request};
}
