//! A component: screened, compiled, linked once.

#[cfg(feature = "compile")]
mod compiled_here;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use patinox_policy::Grant;
use patinox_resources::{Kind, Owner, Registered, Shared};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component as Code, ComponentExportIndex, InstancePre};

use crate::artifact::Artifact;
use crate::bindings::handler::HandlerPre;
use crate::bindings::validation::ValidationPre;
use crate::docs::Docs;
use crate::engine::{Backend, Engine, Profile};
use crate::error::Error;
use crate::facts::Facts;
use crate::imports::{self, nothing};
use crate::inspect::{self, Export};
use crate::loader::Store;
#[cfg(feature = "compile")]
use crate::outline::Outline;
use crate::outline::{exports_handler, exports_validation};
use crate::screen::interfaces::MAX_OFFERED;
use crate::screen::{Digest, NotAComponent};
use crate::state::State;
use crate::turns::Pace;

/// A component that is ready to be instantiated any number of times.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Component(Arc<Inner>);

/// What a compiler made of a component.
pub(crate) struct Compiled {
    pub(crate) artifact: Artifact,
    pub(crate) time: Duration,
    pub(crate) store: Store,
}

/// What is known of a component beside its code.
pub(crate) struct Known {
    pub(crate) digest: Digest,
    pub(crate) bytes: usize,
    pub(crate) facts: Facts,
}

struct Inner {
    engine: Engine,
    artifact: Artifact,
    /// That its code is held; its owner is the digest.
    _entry: Registered,
    owner: Owner,
    /// Linked on each backend where a call has run: one, and rarely two.
    ready: Shared<Vec<Arc<Ready>>>,
    memories: u32,
    fits_pool: bool,
    profile: Profile,
    digest: String,
    size_bytes: u64,
    compile_time: Duration,
    store: Store,
    docs: Docs,
    imports: Vec<String>,
    exports: Vec<Export>,
    has_doubles_for_integers: bool,
}

/// A component linked on one backend.
pub(crate) struct Ready {
    backend: Arc<Backend>,
    pub(crate) pre: InstancePre<State>,
    handler: Option<HandlerPre<State>>,
    validation: Option<ValidationPre<State>>,
    /// Those of [`Component::exports`], in its order.
    pub(crate) functions: Vec<ComponentExportIndex>,
    pub(crate) pace: Pace,
    /// What a byte that it passes to the host can come to: `imports::cost`.
    pub(crate) cost: u64,
}

impl Ready {
    /// # Errors
    ///
    /// If the component does not list its tools itself.
    pub(crate) fn handler(&self) -> Result<&HandlerPre<State>, Error> {
        self.handler.as_ref().ok_or(Error::NotCallable)
    }

    /// # Errors
    ///
    /// If the component judges nothing.
    pub(crate) fn validation(&self) -> Result<&ValidationPre<State>, Error> {
        self.validation.as_ref().ok_or(Error::NotAValidator)
    }

    /// Where it is linked.
    pub(crate) fn backend(&self) -> &Backend {
        &self.backend
    }
}

impl Component {
    /// Links what has been compiled.
    pub(crate) fn link(engine: &Engine, known: Known, compiled: Compiled) -> Result<Self, Error> {
        let Facts { profile, docs, .. } = known.facts;
        let (backend, code) = place(engine, profile, &compiled.artifact)?;
        let imports = offered_imports(engine, &backend, &code)?;
        let exports = inspect::exports(&backend.engine, &code, &docs);
        let ready = link(engine, &backend, &code, &exports)?;
        let digest = known.digest.to_string();
        let owner = Owner::new(&digest);
        let code_bytes = compiled.artifact.bytes();
        let registry = engine.registry();
        let component = Self(Arc::new(Inner {
            _entry: registry.register(Kind::Artifact, owner.clone(), code_bytes),
            owner,
            engine: engine.clone(),
            artifact: compiled.artifact,
            // What imports no module has a number that is known.
            memories: code.resources_required().map_or(1, |all| all.num_memories),
            fits_pool: backend.is_pool(),
            ready: Shared::new(vec![Arc::new(ready)]),
            profile,
            digest,
            size_bytes: u64::try_from(known.bytes).unwrap_or(u64::MAX),
            compile_time: compiled.time,
            store: compiled.store,
            docs,
            imports,
            has_doubles_for_integers: inspect::has_doubles_for_integers(&backend.engine, &code),
            exports,
        }));
        engine.remember(component.downgrade());
        // It may have been replaced before anybody could know of this one.
        component.unlink_retired();
        Ok(component)
    }

    /// What code is, without linking it.
    #[cfg(feature = "compile")]
    pub(crate) fn outline(
        engine: &Engine,
        facts: &Facts,
        artifact: &Artifact,
    ) -> Result<Outline, Error> {
        let (backend, code) = place(engine, facts.profile, artifact)?;
        let imports = imports_of(&backend, &code)?;
        let unknown = imports.iter().filter(|name| !imports::is_known(name));
        Ok(Outline {
            docs: facts.docs.component().map(Cow::into_owned),
            wanted: unknown.cloned().collect(),
            exports: inspect::exports(&backend.engine, &code, &facts.docs),
            has_doubles_for_integers: inspect::has_doubles_for_integers(&backend.engine, &code),
            imports,
        })
    }

    /// SHA-256 of the component's bytes: `sha256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    /// How many bytes the component has.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.0.size_bytes
    }

    /// How its calls are metered.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.0.profile
    }

    /// How many linear memories an instance of it has.
    #[must_use]
    pub fn memories(&self) -> u32 {
        self.0.memories
    }

    /// How long compiling took; nothing for one from the artifact store.
    #[must_use]
    pub fn compile_time(&self) -> Duration {
        self.0.compile_time
    }

    /// What the artifact store had to do with loading it.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// What the component says of itself: hostile text, cut at 4 KiB.
    #[must_use]
    pub fn docs(&self) -> Option<Cow<'_, str>> {
        self.0.docs.component()
    }

    /// The interfaces it imports, sorted.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.0.imports
    }

    /// Whether it imports an interface of the embedder's.
    #[must_use]
    pub fn imports_of_embedder(&self) -> bool {
        let embedders = self.0.engine.imports();
        self.0.imports.iter().any(|name| embedders.covers(name))
    }

    /// Those of its imports that it may only have where they are granted, and
    /// have not been.
    pub(crate) fn not_granted(&self, grants: &[Grant]) -> Vec<String> {
        let embedders = self.0.engine.imports();
        let granted = |name: &str| grants.iter().any(|grant| grant.allows_import(name));
        let imports = self.0.imports.iter();
        let needed = imports.filter(|name| embedders.covers(name) && !granted(name));
        needed.cloned().collect()
    }

    /// The functions it exports, in its own order.
    #[must_use]
    pub fn exports(&self) -> &[Export] {
        &self.0.exports
    }

    /// Whether it has integers of 64 bits as doubles, as JavaScript in `QuickJS`
    /// does: beyond 2^53 they lose digits, and no error tells it.
    #[must_use]
    pub fn has_doubles_for_integers(&self) -> bool {
        self.0.has_doubles_for_integers
    }

    /// Whether it lists its tools itself, through `patinox:tool/handler`.
    #[must_use]
    pub fn is_handler(&self) -> bool {
        exports_handler(&self.0.exports)
    }

    /// Whether it judges calls, through `patinox:tool/validation`.
    #[must_use]
    pub fn is_validator(&self) -> bool {
        exports_validation(&self.0.exports)
    }

    /// Writes down that one more instance of it lives, for a call that began then.
    pub(crate) fn hold(&self, began: Instant) -> Registered {
        let registry = self.0.engine.registry();
        let owner = self.0.owner.clone();
        // The look at the clock that the call began with does for this too.
        registry.register_since(Kind::Instance, owner, 0, began.into())
    }

    fn downgrade(&self) -> WeakComponent {
        WeakComponent(Arc::downgrade(&self.0))
    }

    /// Lets go of what is linked where no call begins any more. It is linked again
    /// where the next call runs.
    pub(crate) fn unlink_retired(&self) {
        self.0.ready.update(|linked| {
            let used = linked.iter().filter(|ready| !ready.backend.is_retired());
            let used: Vec<_> = used.map(Arc::clone).collect();
            ((used.len() < linked.len()).then_some(used), ())
        });
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Whether the pool takes it; only asked where there is one.
    pub(crate) fn fits_pool(&self) -> bool {
        self.0.fits_pool
    }

    /// The component linked on a backend, where it has not been yet.
    pub(crate) fn ready(&self, backend: &Arc<Backend>) -> Result<Arc<Ready>, Error> {
        let here = |linked: &Vec<Arc<Ready>>| {
            let here = |ready: &&Arc<Ready>| ready.backend.id == backend.id;
            linked.iter().find(here).map(Arc::clone)
        };
        if let Some(ready) = self.0.ready.with(here) {
            return Ok(ready);
        }
        self.0.ready.update(|linked| {
            if let Some(ready) = here(linked) {
                return (None, Ok(ready));
            }
            match self.link_on(backend) {
                // What is not to be used again is not kept.
                Ok(ready) if backend.is_retired() => (None, Ok(ready)),
                Ok(ready) => {
                    // A backend that takes no more calls goes with what is linked
                    // there.
                    let used = linked.iter().filter(|ready| !ready.backend.is_retired());
                    let all = used.chain([&ready]).map(Arc::clone);
                    (Some(all.collect()), Ok(ready))
                }
                Err(error) => (None, Err(error)),
            }
        })
    }

    fn link_on(&self, backend: &Arc<Backend>) -> Result<Arc<Ready>, Error> {
        let code = self.0.artifact.load(&backend.engine);
        let code = code.map_err(Error::internal)?;
        link(&self.0.engine, backend, &code, &self.0.exports).map(Arc::new)
    }
}

/// A component, if it is still there.
pub(crate) struct WeakComponent(Weak<Inner>);

impl WeakComponent {
    pub(crate) fn upgrade(&self) -> Option<Component> {
        self.0.upgrade().map(Component)
    }

    pub(crate) fn is_there(&self) -> bool {
        0 < self.0.strong_count()
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("digest", &self.0.digest)
            .finish_non_exhaustive()
    }
}

/// Loads the code where it fits: in the pool, or beside it.
fn place(
    engine: &Engine,
    profile: Profile,
    artifact: &Artifact,
) -> Result<(Arc<Backend>, Code), Error> {
    let main = engine.main(profile)?;
    match artifact.load(&main.engine) {
        Ok(code) => Ok((main, code)),
        Err(_) if main.is_pool() => {
            let beside = engine.beside(profile)?;
            let code = artifact.load(&beside.engine).map_err(Error::internal)?;
            Ok((beside, code))
        }
        Err(error) => Err(Error::internal(error)),
    }
}

fn link(
    engine: &Engine,
    backend: &Arc<Backend>,
    code: &Code,
    exports: &[Export],
) -> Result<Ready, Error> {
    let mut linker = backend.linker.clone();
    nothing::link(&mut linker, &backend.engine, code).map_err(Error::internal)?;
    let embedders = engine.imports();
    embedders.link(&mut linker, &backend.engine, code)?;
    let pre = linker
        .instantiate_pre(code)
        .map_err(|error| Error::MismatchedImport {
            // The engine's outermost text names the import.
            reason: error.to_string(),
        })?;
    // Else the first call would, and need a descriptor for it.
    code.initialize_copy_on_write_image()
        .map_err(Error::of_machine)?;
    let functions = exports.iter().map(|export| export.index_in(code));
    let functions: Option<_> = functions.collect();
    let invalid = |error: wasmtime::Error| {
        Error::NotAComponent(NotAComponent::Invalid {
            reason: error.root_cause().to_string(),
        })
    };
    let handler = exports_handler(exports).then(|| HandlerPre::new(pre.clone()));
    let validation = exports_validation(exports).then(|| ValidationPre::new(pre.clone()));
    Ok(Ready {
        handler: handler.transpose().map_err(invalid)?,
        validation: validation.transpose().map_err(invalid)?,
        functions: functions.ok_or_else(|| Error::Internal("an export is gone".into()))?,
        pre,
        backend: Arc::clone(backend),
        pace: Pace::default(),
        cost: imports::cost(&backend.engine, code, engine.imports()),
    })
}

/// The imports, if all of them are offered.
fn offered_imports(engine: &Engine, backend: &Backend, code: &Code) -> Result<Vec<String>, Error> {
    let imports = imports_of(backend, code)?;
    let missing = |name: &&String| {
        !imports::is_offered(&backend.linker, name) && !engine.imports().covers(name)
    };
    let names: Vec<_> = imports.iter().filter(missing).cloned().collect();
    if names.is_empty() {
        Ok(imports)
    } else {
        Err(Error::MissingImports { names })
    }
}

/// The interfaces that it imports, sorted.
///
/// Here the types are known, as they are not to the screen: what it could not
/// tell is counted before anything is linked.
fn imports_of(backend: &Backend, code: &Code) -> Result<Vec<String>, Error> {
    let (mut names, mut all) = (Vec::new(), 0_usize);
    for (name, import) in code.component_type().imports(&backend.engine) {
        let needed = offered(backend, &import.ty);
        all = all.saturating_add(needed);
        if MAX_OFFERED < all {
            return Err(Error::NotAComponent(NotAComponent::TooLarge {
                what: "imported functions",
                found: u64::try_from(all).unwrap_or(u64::MAX),
                allowed: u64::try_from(MAX_OFFERED).unwrap_or(u64::MAX),
            }));
        }
        if 0 < needed {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// How much of an import somebody has to offer: names for types need nobody.
fn offered(backend: &Backend, import: &ComponentItem) -> usize {
    match import {
        ComponentItem::Type(_) => 0,
        ComponentItem::ComponentInstance(interface) => {
            let exports = interface.exports(&backend.engine);
            exports
                .map(|(_, export)| offered(backend, &export.ty))
                .fold(0, usize::saturating_add)
        }
        _ => 1,
    }
}
