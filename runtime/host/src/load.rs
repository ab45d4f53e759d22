//! From bytes or a file to a component that can be called.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use patinox_policy::Principal;
use patinox_sandbox::{Component, Run, Sandbox, Store};
use patinox_telemetry::{ComponentLoaded, Event};
use patinox_tools::Tools;

use crate::PatinoxError;
use crate::admission::{MemoryClass, Priority, Request};
use crate::host::Parts;

/// A component that is loaded, with its tools ready to be called.
#[derive(Clone, Debug)]
pub struct Loaded {
    sandbox: Sandbox,
    tools: Tools,
    digest: Arc<str>,
}

impl Loaded {
    /// The component: its digest, size and imports.
    #[must_use]
    pub const fn component(&self) -> &Component {
        self.sandbox.component()
    }

    /// Its tools.
    #[must_use]
    pub const fn tools(&self) -> &Tools {
        &self.tools
    }

    /// The component's digest, by which its calls are counted.
    pub(crate) const fn digest(&self) -> &Arc<str> {
        &self.digest
    }
}

pub(crate) async fn file(parts: &Arc<Parts>, path: &Path) -> Result<Loaded, PatinoxError> {
    let opened = path.to_owned();
    let open = move || open(&opened);
    match parts.loader.load_file(open, &parts.config.load).await {
        Ok(component) => loaded(parts, component).await,
        Err(error) => Err(PatinoxError::of_file(path, error)),
    }
}

pub(crate) async fn bytes(parts: &Arc<Parts>, bytes: Vec<u8>) -> Result<Loaded, PatinoxError> {
    let component = parts.loader.load(bytes, &parts.config.load).await?;
    loaded(parts, component).await
}

async fn loaded(parts: &Arc<Parts>, component: Component) -> Result<Loaded, PatinoxError> {
    parts
        .config
        .recorder
        .record(&Event::ComponentLoaded(ComponentLoaded {
            component: component.digest().to_owned(),
            bytes: component.size_bytes(),
            compile: component.compile_time(),
            from_store: *component.store() == Store::Hit,
            store_trouble: trouble(component.store()),
        }));
    let digest = component.digest().into();
    let sandbox = Sandbox::new(component);
    // Boxed: it holds a whole store while a handler lists its tools.
    let tools = Box::pin(tools(parts, &sandbox, &digest)).await?;
    Ok(Loaded {
        sandbox,
        tools,
        digest,
    })
}

/// Finds the tools. A component that has to be asked for them runs, and so it
/// passes the gate as a call does.
async fn tools(parts: &Parts, sandbox: &Sandbox, digest: &Arc<str>) -> Result<Tools, PatinoxError> {
    let run = Run::new(parts.config.limits);
    let _permit = if sandbox.component().is_handler() {
        let request = Request {
            component: Arc::clone(digest),
            principal: Principal::local(),
            memory_class: MemoryClass::of(&run.limits),
            memories: sandbox.component().memories(),
            priority: Priority::default(),
            deadline: run.started + Duration::from_millis(run.limits.wall_ms),
        };
        let admitted = parts.gate.admit(request).await;
        Some(admitted.map_err(|why| why.explain(&run.limits, run.started))?)
    } else {
        None
    };
    Ok(Tools::of(sandbox, run).await?)
}

/// What an operator should know of the artifact store.
fn trouble(store: &Store) -> Option<String> {
    match store {
        Store::Absent | Store::Hit | Store::Kept => None,
        Store::Replaced { reason } => Some(format!("an entry was compiled anew: {reason}")),
        Store::NotKept { reason } => Some(reason.clone()),
    }
}

/// Opens without waiting, as a pipe would have us do.
fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags).open(path)
}
