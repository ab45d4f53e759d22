//! A component: screened, compiled, linked once.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patinox_policy::LoadLimits;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component as Code, InstancePre};

use crate::artifact::Artifact;
use crate::bindings::handler::HandlerPre;
use crate::compile::precompile;
use crate::docs::Docs;
use crate::engine::{Compiler, Engine, Profile};
use crate::error::Error;
use crate::imports::{self, nothing};
use crate::inspect::{self, Export};
use crate::screen::{NotAComponent, Screened};
use crate::state::State;

/// The interface of components whose tools are known only when they run.
const HANDLER: &str = "patinox:tool/handler@0.1";

/// A component that is ready to be instantiated any number of times.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Component(Arc<Inner>);

/// What a compiler made of a component.
pub(crate) struct Compiled {
    pub(crate) artifact: Artifact,
    pub(crate) time: Duration,
}

struct Inner {
    engine: Engine,
    pre: InstancePre<State>,
    handler: Option<HandlerPre<State>>,
    profile: Profile,
    digest: String,
    size_bytes: u64,
    compile_time: Duration,
    docs: Docs,
    imports: Vec<String>,
    exports: Vec<Export>,
}

impl Component {
    /// Screens, compiles and links a component. No code of it runs.
    ///
    /// It is compiled here and now: that takes from milliseconds to many
    /// seconds, and nothing but `limits` on what it has bounds the time and the
    /// memory. A [`Loader`](crate::Loader) bounds both.
    ///
    /// # Errors
    ///
    /// If the bytes are no component, have more of something than `limits`
    /// allow, break a rule of the format, or import what this host does not
    /// offer.
    pub fn new(engine: &Engine, bytes: &[u8], limits: &LoadLimits) -> Result<Self, Error> {
        let screened = Screened::new(bytes, limits)?;
        let compiler = engine.compiler(screened.profile)?;
        let started = Instant::now();
        let code = precompile(&compiler.engine, bytes).map_err(|failed| failed.explain(limits))?;
        let compiled = Compiled {
            artifact: Artifact::new(code),
            time: started.elapsed(),
        };
        Self::link(engine, &screened, &compiled)
    }

    /// Links what has been compiled.
    pub(crate) fn link(
        engine: &Engine,
        screened: &Screened<impl AsRef<[u8]>>,
        compiled: &Compiled,
    ) -> Result<Self, Error> {
        let compiler = engine.compiler(screened.profile)?;
        let bytes = screened.bytes.as_ref();
        let code = compiled.artifact.load(&compiler.engine);
        let code = code.map_err(Error::internal)?;
        let imports = offered_imports(compiler, &code)?;
        let mut linker = compiler.linker.clone();
        nothing::link(&mut linker, &compiler.engine, &code).map_err(Error::internal)?;
        let pre = linker
            .instantiate_pre(&code)
            .map_err(|error| Error::MismatchedImport {
                // The engine's outermost text names the import.
                reason: error.to_string(),
            })?;
        let docs = Docs::read(bytes);
        let exports = inspect::exports(&compiler.engine, &code, &docs);
        Ok(Self(Arc::new(Inner {
            handler: handler(&pre, &exports)?,
            engine: engine.clone(),
            profile: screened.profile,
            digest: screened.digest.clone(),
            size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            pre,
            compile_time: compiled.time,
            docs,
            imports,
            exports,
        })))
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

    /// How long compiling took.
    #[must_use]
    pub fn compile_time(&self) -> Duration {
        self.0.compile_time
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

    /// The functions it exports, in its own order.
    #[must_use]
    pub fn exports(&self) -> &[Export] {
        &self.0.exports
    }

    /// Whether it lists its tools itself, through `patinox:tool/handler`.
    #[must_use]
    pub fn is_handler(&self) -> bool {
        self.0.handler.is_some()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn pre(&self) -> &InstancePre<State> {
        &self.0.pre
    }

    pub(crate) fn handler(&self) -> Option<&HandlerPre<State>> {
        self.0.handler.as_ref()
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("digest", &self.0.digest)
            .finish_non_exhaustive()
    }
}

/// The imports, if all of them are offered.
fn offered_imports(compiler: &Compiler, code: &Code) -> Result<Vec<String>, Error> {
    let ty = code.component_type();
    let imports = ty.imports(&compiler.engine);
    let imports = imports.filter(|(_, import)| needs_host(compiler, &import.ty));
    let mut imports: Vec<_> = imports.map(|(name, _)| name.to_owned()).collect();
    imports.sort_unstable();
    let missing = |name: &&String| !imports::is_offered(&compiler.linker, name);
    let names: Vec<_> = imports.iter().filter(missing).cloned().collect();
    if names.is_empty() {
        Ok(imports)
    } else {
        Err(Error::MissingImports { names })
    }
}

/// Whether an import is more than names for types, which need nobody.
fn needs_host(compiler: &Compiler, import: &ComponentItem) -> bool {
    match import {
        ComponentItem::Type(_) => false,
        ComponentItem::ComponentInstance(interface) => {
            let mut exports = interface.exports(&compiler.engine);
            exports.any(|(_, export)| needs_host(compiler, &export.ty))
        }
        _ => true,
    }
}

fn handler(
    pre: &InstancePre<State>,
    exports: &[Export],
) -> Result<Option<HandlerPre<State>>, Error> {
    let is_handler = |export: &Export| {
        let interface = export.interface.as_deref();
        interface.is_some_and(|name| name.starts_with(HANDLER))
    };
    if !exports.iter().any(is_handler) {
        return Ok(None);
    }
    let invalid = |error: wasmtime::Error| {
        Error::NotAComponent(NotAComponent::Invalid {
            reason: error.root_cause().to_string(),
        })
    };
    HandlerPre::new(pre.clone()).map(Some).map_err(invalid)
}
