//! One running Patinox: puts the parts together.
//!
//! **Owns** the life of a call, from its request to the event that records it,
//! how many run at once, and the error that joins those of every part.
//!
//! **Never** keeps global state, installs a subscriber or a panic hook, makes
//! a runtime of its own, or reads a file that it was not given; of the environment it
//! reads where a status socket lies, and only where one is asked for.
//!
//! ```
//! use patinox_host::{Config, Host, Request};
//! use patinox_policy::Failure as _;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let host = Host::new(Config::default())?;
//! let error = host.load(b"(component)".to_vec()).await.unwrap_err();
//! assert_eq!(error.code().as_str(), "component/malformed");
//! # Ok::<(), patinox_host::PatinoxError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Read `host`, then `load` and `call`, which do its two verbs, and `admission`,
//! which both pass.

#![forbid(unsafe_code)]

mod host;

mod admission;
mod audit;
mod builder;
mod call;
mod config;
mod error;
mod events;
mod grants;
mod installed;
mod live;
mod load;
mod monitoring;
mod own_files;
mod prompt;
mod relief;
mod router;
mod running;
pub mod status;
mod store;
mod trust;
mod validators;

pub use admission::{Busy, BusyReason, Lack, PressureConfig, Priority};
pub use audit::{AuditError, AuditLog};
pub use builder::HostBuilder;
pub use call::{Called, Request};
pub use config::Config;
pub use error::PatinoxError;
pub use events::Events;
pub use grants::{Given, GrantStore, GrantsError};

pub use host::Host;
pub use installed::{InstallError, Installed};
pub use load::{LoadRequest, Loaded, is_enforced};
pub use monitoring::{AlertConfig, MonitoringConfig};
pub use own_files::{ListError, digest};
pub use patinox_resources::{
    AsyncGuard, CleanupError, CleanupFailure, Count, Detector, Entry, EntryCounts, Freed, Kind,
    Leaked, Level, Listening, Machine, Owner, ProcessTime, Registry, Resource, Sampler, Stage,
    StageTotals, State, Step, Threshold, ThresholdError, Thresholds,
};
/// What the artifact store had to do with loading a component.
pub use patinox_sandbox::Store as Stored;
/// What is kept between processes.
pub use patinox_sandbox::{
    Allocated, Allocation, ArtifactFolder, ArtifactStore, Caller, Cleared, CodeAccess, Component,
    EntryInfo, Import, ImportError, NotPrecompiled, Profile, Starved, StoreConfig, StoreError,
    StorePlace, Variables,
};
/// Where guests keep what is granted to them.
pub use patinox_sandbox::{
    KeyValue, Keys, MAX_KEY_BYTES, MAX_KEYS, StorageError, StorageFuture, entry_bytes,
};
#[cfg(feature = "compile")]
pub use patinox_sandbox::{Precompiled, compile_worker};
pub use prompt::{Answer, Prompt, PromptFuture, Question};
pub use router::{
    Affinity, InOrder, LeastLoaded, Route, Router, Target, TargetKind, TargetName, Weighted,
};
pub use running::Shutdown;
pub use store::Storage;
/// Ends a call from outside; see [`Request::cancel`].
pub use tokio_util::sync::CancellationToken;
pub use trust::{TrustError, TrustStore, Trusted};
pub use validators::LoadedValidator;
