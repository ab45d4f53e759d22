//! Runs one component within limits.
//!
//! **Owns** the engine and everything that names it: compiling, linking, the
//! store of a call, the imports a guest can reach, values and their JSON form.
//!
//! **Never** knows what a tool, a provider or a configuration file is; never
//! reuses what a guest has written to; never loads machine code it did not
//! compile.
//!
//! Without the feature `compile` there is no compiler in it: it runs what an
//! artifact store has, and nothing else.
//!
//! ```
//! use patinox_policy::LoadLimits;
//! use patinox_sandbox::{Component, Engine, EngineConfig};
//!
//! let engine = Engine::new(EngineConfig::default());
//! let empty = Component::new(&engine, b"\0asm\x0d\0\x01\0", &LoadLimits::default())?;
//! assert!(empty.exports().is_empty());
//! # Ok::<(), patinox_sandbox::Error>(())
//! ```

#![cfg_attr(
    not(feature = "compile"),
    expect(dead_code, reason = "what only a build with a compiler needs")
)]

mod approval;
mod artifact;
mod authority;
mod bindings;
mod budget;
mod compile;
mod component;
mod docs;
mod engine;
mod error;
mod facts;
mod imports;
mod inspect;
mod instance;
mod judge;
mod loader;
mod outline;
mod router;
mod sandbox;
mod scratch;
mod screen;
mod settings;
mod slots;
mod state;
mod storage;
mod turns;
mod types;
mod value;

pub use approval::{Approval, Approver, Approving};
pub use artifact::{
    ArtifactFolder, ArtifactStore, Cleared, CodeAccess, EntryInfo, StoreConfig, StoreError,
    StorePlace,
};
pub use authority::Variables;
pub use compile::WorkerFault;
#[cfg(feature = "compile")]
pub use compile::{COMPILE_WORKER, Worker, compile_worker};
pub use component::Component;
pub use engine::{Allocated, Allocation, Engine, EngineConfig, Profile};
pub use error::{Error, Exhausted, NotPrecompiled, Starved};
pub use imports::{Caller, Import, ImportError, Imports};
pub use inspect::Export;
pub use judge::{FinishedCall, Judging, ProposedCall, Subject, ToolRef, Verdict};
#[cfg(feature = "compile")]
pub use loader::Precompiled;
pub use loader::{Loader, Source, Store};
pub use outline::Outline;
pub use router::{InOrder, Route, Router, Target, TargetKind, TargetName};
pub use sandbox::{
    GuestAnnotations, GuestOutput, GuestToolSpec, Outcome, Progress, ProgressSink, Run, Sandbox,
};
pub use screen::NotAComponent;
pub use slots::{NoSlot, Slot, Slots};
pub use storage::{
    KeyValue, Keys, MAX_KEY_BYTES, MAX_KEYS, StorageError, StorageFuture, entry_bytes,
};
pub use types::{Case, Field, FunctionType, ValueType};
pub use value::typed::from_json;
pub use value::{ArgumentError, Arguments, json_len};
