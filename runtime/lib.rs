//! Runs untrusted AI-agent tools as WebAssembly components, under limits that
//! hold.
//!
//! Every call gets a fresh instance with fuel, memory, time and output bounded,
//! and nothing linked that was not granted. A [`Host`] loads components and
//! calls their tools on its caller's tokio runtime.
//!
//! # The first five minutes
//!
//! A program that compiles components names itself as the worker that does so,
//! in processes of their own that are limited:
//!
//! ```no_run
//! use patinox::prelude::*;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     match patinox::compile_worker() {
//!         Some(_) => Ok(()),
//!         None => run(),
//!     }
//! }
//!
//! #[tokio::main]
//! async fn run() -> Result<(), Box<dyn std::error::Error>> {
//!     let host = Host::builder()
//!         .compile_worker(std::env::current_exe()?)
//!         .build()?;
//!     let text = host.load_file("text.wasm").await?;
//!
//!     // What a model is told of its tools.
//!     for tool in text.tools().iter() {
//!         println!("{}: {}", tool.signature(), tool.spec().description);
//!     }
//!
//!     // A call, with JSON. What it spent is told in either case.
//!     let arguments = serde_json::json!({ "text": "to be or not to be" });
//!     let called = host.call(&text, Request::new("count", arguments)).await;
//!     println!("{} for {} fuel", called.result?, called.usage.fuel);
//!     Ok(())
//! }
//! ```
//!
//! With Rust's own types, under limits of its own, and until somebody cancels it:
//!
//! ```no_run
//! # use patinox::prelude::*;
//! # use patinox::CancellationToken;
//! #[derive(serde::Serialize)]
//! struct Count<'a> {
//!     text: &'a str,
//! }
//!
//! #[derive(serde::Deserialize)]
//! struct Counted {
//!     words: u64,
//! }
//!
//! # async fn example(host: Host, text: Loaded) -> Result<(), Box<dyn std::error::Error>> {
//! let counted: Counted = host.call_typed(&text, "count", Count { text: "to be" }).await?;
//!
//! let mut limits = *host.limits();
//! limits.set("wall", "500ms")?;
//! limits.set("memory", "16MiB")?;
//! let stop = CancellationToken::new();
//! let request = Request::typed("count", Count { text: "to be" })?.limits(limits).cancel(stop.clone());
//! let counted: Counted = host.call(&text, request).await.typed()?;
//! # Ok(())
//! # }
//! ```
//!
//! An error tells who must act ([`Fault`]), what a loop should do
//! ([`RecoveryStrategy`]), a stable [`Code`] and often a hint: see [`Failure`].
//!
//! # What else there is
//!
//! - [`Host::catalog`]: components by name, replaced while calls run.
//! - [`Import`]: an interface of your own that components may call, typed,
//!   async, and granted to each by name.
//! - [`NativeTool`]: a tool in Rust beside those of components.
//! - [`Host::events`]: what happens, as a stream.
//! - [`Host::shutdown`]: an end with a deadline.
//! - [`HostBuilder::status_socket`]: `patinox top` shows what the host does.
//! - [`ArtifactStore`]: code that was compiled is kept for the next start.
//!
//! `runtime/examples` has a program for each, a service over HTTP among them;
//! `docs/embedding.md` says what the library costs and what its features are.
//!
//! # Features
//!
//! | feature | default | what it brings |
//! |---|---|---|
//! | `cli` | yes | the command line, for the program `patinox`; a library turns it off |
//! | `config` | yes | [`config`]: limits, admission and alerts from a file and the environment |
//! | `compile` | yes | the compiler; without it a host runs what `patinox precompile` made |

#![forbid(unsafe_code)]

#[cfg(feature = "compile")]
use std::process::ExitCode;

/// Settings from a file and the environment: limits, admission and alerts, as the
/// program `patinox` reads them, for a program of one's own.
#[cfg(feature = "config")]
pub use patinox_config as config;
#[cfg(feature = "compile")]
pub use patinox_host::Precompiled;
pub use patinox_host::status;
pub use patinox_host::{
    Affinity, InOrder, LeastLoaded, Route, Router, Target, TargetKind, TargetName, Weighted,
};
pub use patinox_host::{
    AlertConfig, Allocated, Allocation, Answer, ArtifactStore, AsyncGuard, AuditError, AuditLog,
    Busy, BusyReason, Called, Caller, CancellationToken, CleanupError, CleanupFailure, CodeAccess,
    Component, Config, Count, Detector, Entry, EntryCounts, Events, Freed, Given, GrantStore,
    GrantsError, Host, HostBuilder, Import, ImportError, InstallError, Installed, Kind, Lack,
    Leaked, ListError, Listening, LoadRequest, Loaded, LoadedValidator, MonitoringConfig,
    NotPrecompiled, Owner, PatinoxError, PressureConfig, Priority, ProcessTime, Profile, Prompt,
    PromptFuture, Question, Registry, Request, Resource, Shutdown, Stage, StageTotals, Starved,
    State, Step, Storage, StoreConfig, StoreError, Stored, Threshold, ThresholdError, Thresholds,
    TrustError, TrustStore, Trusted, Variables, digest,
};
pub use patinox_host::{
    KeyValue, Keys, MAX_KEY_BYTES, MAX_KEYS, StorageError, StorageFuture, entry_bytes,
};
pub use patinox_policy::{
    Access, AccessError, AddressClass, Capability, Decision, Denial, Grant, GrantError, HttpAccess,
    HttpHost, InstalledName, InstalledNameError, Method, Mode, Origin, Policy, PolicyError, Scheme,
    Why,
};
pub use patinox_policy::{
    Admission, Code, Failure, Fault, LimitError, LimitName, Limits, LoadLimits, Position,
    Principal, PrincipalError, RecoveryStrategy, Report, Usage,
};
pub use patinox_telemetry as telemetry;
/// JSON from strangers.
pub use patinox_tools::json;
pub use patinox_tools::{
    Catalog, Lock, LockError, Locked, NativeTool, Tool, ToolAnnotations, ToolCall, ToolResult,
    ToolSpec, Tools,
};
pub use patinox_tools::{
    FinishedCall, Judged, Judgement, Judging, NativeValidator, ProposedCall, Refusal, Ruling,
    Subject, ToolRef, ToolRequest, Validated, ValidatedService, ValidationStage, Validator,
    Validators, Verdict, validator_limits,
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
    pub use crate::{
        Called, Config, Failure, Grant, Host, Import, ImportError, Limits, LoadRequest, Loaded,
        PatinoxError, Request,
    };
}
