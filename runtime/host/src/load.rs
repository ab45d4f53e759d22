//! From bytes or a file to a component that can be called.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
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
    let opener = (path.to_owned(), Arc::clone(parts));
    let file = blocking(move || admitted(opener.0, &opener.1)).await?;
    let limits = &parts.config.load;
    let again = (path.to_owned(), Arc::clone(parts));
    match parts.loader.stored(file, limits).await? {
        Ok(component) => loaded(parts, component).await,
        Err(missed) => {
            let bytes = blocking(move || read(again.0, &again.1)).await?;
            let component = parts.loader.load_missed(bytes, limits, missed).await?;
            loaded(parts, component).await
        }
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

/// Runs what blocks where it may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PatinoxError> + Send + 'static,
) -> Result<T, PatinoxError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| PatinoxError::Worker(error.into()))?
}

/// Opens a regular file that is not longer than the limit.
fn admitted(path: PathBuf, parts: &Parts) -> Result<File, PatinoxError> {
    let (file, len) = match open(&path) {
        Ok(opened) => opened,
        Err(source) => return Err(PatinoxError::Unreadable { path, source }),
    };
    let Some(len) = len else {
        return Err(PatinoxError::NotAFile { path });
    };
    parts.loader.admit(len, &parts.config.load)?;
    Ok(file)
}

/// Reads a regular file that is not longer than the limit.
fn read(path: PathBuf, parts: &Parts) -> Result<Vec<u8>, PatinoxError> {
    let limits = &parts.config.load;
    let file = admitted(path.clone(), parts)?;
    let len = file.metadata().map_or(0, |metadata| metadata.len());
    let limit = parts.loader.max_bytes(limits);
    let mut bytes = Vec::with_capacity(usize::try_from(len.min(limit)).unwrap_or_default());
    // A file that grows while it is read is refused by the same limit.
    match file.take(limit.saturating_add(1)).read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(source) => return Err(PatinoxError::Unreadable { path, source }),
    }
    let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    parts.loader.admit(len, limits)?;
    Ok(bytes)
}

/// Opens without waiting, as a pipe would have us do, and tells the length of
/// a regular file.
fn open(path: &Path) -> std::io::Result<(File, Option<u64>)> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let metadata = file.metadata()?;
    let len = metadata.is_file().then_some(metadata.len());
    Ok((file, len))
}
