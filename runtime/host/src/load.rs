//! From bytes, a file or a stream to a component that can be called.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use patinox_policy::{Capability, Grant, Policy, Principal};
#[cfg(feature = "compile")]
use patinox_sandbox::Precompiled;
use patinox_sandbox::{Component, Run, Sandbox, Source, Store};
use patinox_telemetry::{ComponentLoaded, Event};
use patinox_tools::{Locked, Tool, Tools, Validators};
use tokio::io::AsyncRead;

use crate::PatinoxError;
use crate::admission::{MemoryClass, Priority, Request};
use crate::host::Parts;
use crate::installed;
use crate::live::{self, Effective};

/// Where a component comes from, and what it is granted.
///
/// ```no_run
/// # use patinox_host::{Host, LoadRequest, PatinoxError};
/// # async fn example(host: Host) -> Result<(), Box<dyn std::error::Error>> {
/// let shop = LoadRequest::file("shop.wasm").grant("import=acme:store/query".parse()?);
/// let shop = host.load(shop).await?;
/// # Ok(())
/// # }
/// ```
pub struct LoadRequest {
    source: Source,
    /// What an error of the file itself names.
    path: Option<PathBuf>,
    grants: Vec<Grant>,
    denied: Vec<Grant>,
    principal: Principal,
    pinned: Option<Locked>,
    is_alone: bool,
}

impl LoadRequest {
    /// A component from its bytes.
    #[must_use]
    pub fn bytes(bytes: Vec<u8>) -> Self {
        Self::of(Source::bytes(bytes))
    }

    /// A component from a file.
    #[must_use]
    pub fn file(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        let opened = path.clone();
        Self {
            path: Some(path),
            ..Self::of(Source::file(move || open(&opened)))
        }
    }

    /// A component from what a stream gives until it ends: at most `file` bytes,
    /// and `compile-wall` is the time for reading and compiling it together.
    #[must_use]
    pub fn stream(stream: impl AsyncRead + Send + 'static) -> Self {
        Self::of(Source::stream(stream))
    }

    const fn of(source: Source) -> Self {
        Self {
            source,
            path: None,
            grants: Vec::new(),
            denied: Vec::new(),
            principal: Principal::local(),
            pinned: None,
            is_alone: false,
        }
    }

    /// Grants it what this request says and nothing else: what people grant in every
    /// process does not reach it. For what judges others.
    #[must_use]
    pub const fn alone(mut self) -> Self {
        self.is_alone = true;
        self
    }

    /// Refuses a component that is not the one that was installed: of other bytes, or
    /// one that lists other tools than it did then.
    #[must_use]
    pub fn pinned(mut self, to: &Locked) -> Self {
        self.pinned = Some(to.clone());
        self
    }

    /// Asks in somebody's name; without it, in the local principal's. A component that
    /// lists its tools itself runs for that, within his share.
    #[must_use]
    pub fn principal(mut self, principal: Principal) -> Self {
        self.principal = principal;
        self
    }

    /// Grants the component something: `fs`, `env`, `config`, `kv`, `clock`, `random` or
    /// `import`. Loading refuses every other grant, as nothing would hold the component to it yet.
    #[must_use]
    pub fn grant(mut self, grant: Grant) -> Self {
        self.grants.push(grant);
        self
    }

    /// Denies the component something, whatever else is granted. Where a folder is
    /// denied, loading refuses to grant one that holds it or lies in it.
    #[must_use]
    pub fn deny(mut self, grant: Grant) -> Self {
        self.denied.push(grant);
        self
    }

    /// All that is granted and denied, as far as it can be enforced.
    pub(crate) fn policy(&mut self) -> Result<Policy, PatinoxError> {
        let mut policy = Policy::default();
        for grant in self.grants.drain(..) {
            if !is_enforced(grant.capability()) {
                return Err(PatinoxError::not_enforced(&grant));
            }
            policy.allow(grant)?;
        }
        for grant in self.denied.drain(..) {
            policy.deny(grant)?;
        }
        Ok(policy)
    }
}

impl From<Vec<u8>> for LoadRequest {
    fn from(bytes: Vec<u8>) -> Self {
        Self::bytes(bytes)
    }
}

impl fmt::Debug for LoadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadRequest")
            .field("grants", &self.grants)
            .field("denied", &self.denied)
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

/// Tools that are ready to be called: those of a component that is loaded, or
/// the embedder's own.
///
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Loaded(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Of a component.
    effective: Option<Arc<Effective>>,
    tools: Tools,
    digest: Arc<str>,
    validators: Validators,
}

impl Loaded {
    /// Tools of the embedder's own, which are called as a component's are:
    /// admitted, in time, recorded. They are counted together, under the name.
    ///
    /// # Errors
    ///
    /// If there is none, or two have one name.
    pub fn native(name: &str, tools: Vec<Arc<dyn Tool>>) -> Result<Self, PatinoxError> {
        Ok(Self(Arc::new(Inner {
            effective: None,
            tools: Tools::native(tools)?,
            digest: format!("native:{name}").into(),
            validators: Validators::default(),
        })))
    }

    /// The same, whose calls these judge as well, after those that judge them already.
    #[must_use]
    pub fn judged_by(&self, validators: &Validators) -> Self {
        Self(Arc::new(Inner {
            effective: self.0.effective.clone(),
            tools: self.0.tools.clone(),
            digest: Arc::clone(&self.0.digest),
            validators: self.0.validators.and_all(validators),
        }))
    }

    /// What judges its calls, in that order.
    #[must_use]
    pub fn validators(&self) -> &Validators {
        &self.0.validators
    }

    /// What the component may do at this moment; `None` for tools of the embedder's own.
    #[must_use]
    pub fn policy(&self) -> Option<Arc<Policy>> {
        let effective = self.0.effective.as_ref()?;
        Some(effective.sandbox().policy())
    }

    pub(crate) fn effective(&self) -> Option<&Arc<Effective>> {
        self.0.effective.as_ref()
    }

    /// The component: its digest, size and imports. `None` for tools of the
    /// embedder's own.
    #[must_use]
    pub fn component(&self) -> Option<&Component> {
        let effective = self.0.effective.as_ref();
        effective.map(|effective| effective.sandbox().component())
    }

    /// Its tools.
    #[must_use]
    pub fn tools(&self) -> &Tools {
        &self.0.tools
    }

    /// What its calls are counted by and recorded under: the component's digest,
    /// `native:` and a name for tools of the embedder's own.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    pub(crate) fn shared_digest(&self) -> &Arc<str> {
        &self.0.digest
    }
}

pub(crate) async fn load(parts: &Arc<Parts>, request: LoadRequest) -> Result<Loaded, PatinoxError> {
    let pinned = request.pinned.clone();
    let principal = request.principal.clone();
    let is_alone = request.is_alone;
    let effective = sandboxed(parts, request).await?;
    let digest = effective.digest();
    let tools = tools(parts, effective.sandbox(), &digest, principal).await?;
    let loaded = Loaded(Arc::new(Inner {
        effective: Some(effective),
        tools,
        digest,
        validators: Validators::default(),
    }));
    if let Some(pinned) = &pinned {
        installed::check_tools(pinned, &loaded)?;
    }
    if let (Some(effective), false) = (loaded.effective(), is_alone) {
        parts.live.keep(parts, effective);
    }
    Ok(loaded)
}

/// Loads a component with what it may do, and asks it for nothing.
async fn sandboxed(
    parts: &Arc<Parts>,
    mut request: LoadRequest,
) -> Result<Arc<Effective>, PatinoxError> {
    let own = checked(parts, request.policy()?).await?;
    let LoadRequest {
        source,
        path,
        grants: _,
        denied: _,
        principal: _,
        pinned,
        is_alone,
    } = request;
    let component = parts.loader.load(source, &parts.config.load).await;
    let component = match component {
        Ok(component) => component,
        Err(error) => {
            if let (Some(pinned), Some(path)) = (pinned, path.clone()) {
                // What is wrong with it is that it is not what was installed.
                let looked_at = move || installed::check_file(&pinned, &path);
                let looked_at = tokio::task::spawn_blocking(looked_at).await;
                looked_at.map_err(|error| PatinoxError::Worker(error.into()))??;
            }
            return Err(named(path.as_deref(), error));
        }
    };
    if let Some(pinned) = &pinned {
        installed::check_bytes(pinned, component.digest())?;
    }
    let policy = match is_alone {
        true => own.clone(),
        false => given(parts, &own, component.digest()).await?,
    };
    parts.record(&Event::ComponentLoaded(ComponentLoaded {
        component: component.digest().to_owned(),
        bytes: component.size_bytes(),
        compile: component.compile_time(),
        from_store: *component.store() == Store::Hit,
        store_trouble: trouble(component.store()),
    }));
    let digest: Arc<str> = component.digest().into();
    let sandbox = Sandbox::new(component, policy)?;
    Ok(Effective::new(parts, (sandbox, digest), own))
}

/// The same policy with what people have granted as well, in whatever process.
async fn given(parts: &Arc<Parts>, own: &Policy, digest: &str) -> Result<Policy, PatinoxError> {
    if parts.config.grants.is_none() {
        return Ok(own.clone());
    }
    parts.live.watch(parts).map_err(PatinoxError::NoThread)?;
    let looking = Arc::clone(parts);
    let looked = tokio::task::spawn_blocking(move || looking.live.look(&looking, true));
    looked
        .await
        .map_err(|error| PatinoxError::Worker(error.into()))??;
    let mut policy = own.clone();
    for grant in parts.live.given_to(digest) {
        live::alone(own, &grant)?;
        policy.allow(grant)?;
    }
    checked(parts, policy).await
}

/// A policy whose folders are there, and whose namespaces can be used.
pub(crate) async fn checked(parts: &Arc<Parts>, policy: Policy) -> Result<Policy, PatinoxError> {
    let mut granted = policy.granted().iter();
    if let Some(grant) = granted.find(|grant| grant.capability() == Capability::KeyValue) {
        let storage = parts.engine.key_value();
        let storage = storage.ok_or_else(|| PatinoxError::no_storage(grant))?;
        storage.check().await?;
    }
    if !policy
        .granted()
        .iter()
        .any(|grant| grant.folder().is_some())
    {
        return Ok(policy);
    }
    let parts = Arc::clone(parts);
    let looked_at = tokio::task::spawn_blocking(move || {
        parts.check_folders(&policy)?;
        Ok(policy)
    });
    let looked_at = looked_at.await;
    looked_at.map_err(|error| PatinoxError::Worker(error.into()))?
}

/// Whether a host gives it to anybody, and holds a component to it.
#[must_use]
pub const fn is_enforced(capability: Capability) -> bool {
    match capability {
        Capability::Environment
        | Capability::Config
        | Capability::Clock
        | Capability::Random
        | Capability::Filesystem
        | Capability::KeyValue
        | Capability::Import => true,
        Capability::Http | Capability::Model | Capability::Tool => false,
    }
}

/// Compiles for the store, and no more.
#[cfg(feature = "compile")]
pub(crate) async fn precompile(
    parts: &Parts,
    request: LoadRequest,
) -> Result<Precompiled, PatinoxError> {
    let LoadRequest {
        source,
        path,
        grants: _,
        denied: _,
        principal: _,
        pinned: _,
        is_alone: _,
    } = request;
    let done = parts.loader.precompile(source, &parts.config.load).await;
    done.map_err(|error| named(path.as_deref(), error))
}

/// What is wrong with a file itself names it.
fn named(path: Option<&Path>, error: patinox_sandbox::Error) -> PatinoxError {
    match path {
        Some(path) => PatinoxError::of_file(path, error),
        None => error.into(),
    }
}

/// Finds the tools. A component that has to be asked for them runs, and so it
/// passes the gate as a call does.
async fn tools(
    parts: &Parts,
    sandbox: &Sandbox,
    digest: &Arc<str>,
    principal: Principal,
) -> Result<Tools, PatinoxError> {
    let run = Run::new(parts.config.limits);
    let _permit = if sandbox.component().is_handler() {
        let request = Request {
            component: digest,
            tool: None,
            principal,
            memory_class: MemoryClass::of(&run.limits),
            priority: Priority::default(),
            started: run.started,
            deadline: run.started + Duration::from_millis(run.limits.wall_ms),
        };
        let admitted = parts.gate.admit(request, || 0).await;
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
