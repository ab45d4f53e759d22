//! The type that embedders use.

use std::path::Path;
use std::sync::Arc;

use patinox_policy::{Limits, LoadLimits};
use patinox_sandbox::Engine;
use patinox_telemetry::{Clock, Recorder};

use crate::PatinoxError;
use crate::call::{self, Called, Request};
use crate::load::{self, Loaded};

/// What a host is made of. Every part has a safe default.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The ceilings of a call that asks for no others.
    pub limits: Limits,
    /// The ceilings of loading a component.
    pub load: LoadLimits,
    /// Where events go. By default nowhere.
    pub recorder: Recorder,
    /// What tells the time.
    pub clock: Clock,
}

/// A running host: loads components and calls their tools.
///
/// Cheap to clone; every clone is the same host. It runs on its caller's tokio
/// runtime, which needs its timer enabled.
#[derive(Clone, Debug)]
pub struct Host(Arc<Parts>);

#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) engine: Engine,
}

impl Host {
    /// Builds a host.
    ///
    /// # Errors
    ///
    /// If the engine cannot run on this machine.
    pub fn new(config: Config) -> Result<Self, PatinoxError> {
        let engine = Engine::new(config.clock)?;
        Ok(Self(Arc::new(Parts { config, engine })))
    }

    /// The ceilings of a call that asks for no others.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.config.limits
    }

    /// Loads a component from its bytes: screens, compiles and links it, and
    /// finds its tools. Compiling runs on a thread that may block.
    ///
    /// A component that lists its tools itself is asked for them here, in an
    /// instance of its own, under the host's limits.
    ///
    /// # Errors
    ///
    /// If the bytes are no component, the component asks for what this host
    /// does not offer, or it has no tool.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing; a compilation that began goes on to
    /// its end in the background.
    pub async fn load(&self, bytes: Vec<u8>) -> Result<Loaded, PatinoxError> {
        load::bytes(&self.0, bytes).await
    }

    /// Loads a component from a file.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), and if the file cannot be read, is no regular
    /// file, or is larger than the limit `file`.
    ///
    /// # Cancel safety
    ///
    /// As [`load`](Self::load).
    pub async fn load_file(&self, path: impl AsRef<Path>) -> Result<Loaded, PatinoxError> {
        load::file(&self.0, path.as_ref()).await
    }

    /// Calls a tool of a loaded component, in an instance of its own.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the guest and frees all it held; no event is
    /// recorded then.
    pub async fn call(&self, component: &Loaded, request: Request) -> Called {
        call::call(&self.0, component, request).await
    }
}
