//! Functions of the embedder's own that guests may call, by his WIT.

mod error;
mod interface;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use patinox_policy::Access;
use patinox_policy::{LimitName, cut, escape_line};
use patinox_telemetry::CallId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Val};
use wasmtime::{Engine, Result as EngineResult};

use super::linked::component::{Linker, LinkerInstance};
use super::without_version;
use crate::error::{Error, Stop};
use crate::inspect;
use crate::state::State;
use crate::types::FunctionType;
use crate::value::{self, Room, typed};

pub use error::ImportError;

/// Who calls a function of the embedder's.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Caller {
    /// The id of the call that the guest answers.
    pub id: CallId,
    /// When the guest is ended, and what it waits for dropped.
    pub deadline: Instant,
    /// Cancelled when somebody cancels the call.
    pub cancel: CancellationToken,
}

/// An interface of the embedder's own that components may import.
///
/// It is what the embedder's WIT says. A component that imports it must do so
/// with the same types, or it is refused when it is loaded; and it must be
/// granted, by `import=NAMESPACE:PACKAGE/INTERFACE`. Each call is counted and
/// charged as every call of the host is, ends with its guest, and if the
/// function panics that call alone fails, as `host/internal`.
///
/// Arguments and answers are whatever `serde` reads and writes:
///
/// | WIT | Rust |
/// |---|---|
/// | the parameters | a struct with their names, or a tuple in their order |
/// | integers, floats, `bool`, `char`, `string` | the same |
/// | `list<T>`, `list<u8>` | `Vec<T>`, `Vec<u8>` |
/// | record, enum, flags | struct, enum, `Vec` of an enum, with `rename_all = "kebab-case"` |
/// | variant | enum with `rename_all = "kebab-case"` |
/// | tuple, `option<T>`, `result<T, E>` | tuple, `Option<T>`, `Result<T, E>` |
///
/// An option in an option has no form in Rust, and a float that is no number
/// cannot be answered. An answer has at most a thirty-second of `hostcall-bytes`
/// as JSON, 2 MiB by default. Names are as in WIT, with
/// hyphens. What does not fit ends the call as `host/internal`: it is the
/// embedder's to mend.
///
/// ```
/// use patinox_sandbox::Import;
///
/// let wit = "package acme:store@1.0.0;
///     interface query { find: func(key: string) -> option<string>; }";
/// let import = Import::new(wit, "acme:store/query@1.0.0")?
///     .function("find", |_, (key,): (String,)| async move {
///         (key == "tea").then_some("4.20")
///     })?;
/// assert_eq!(import.name(), "acme:store/query@1.0.0");
///
/// let error = import.function("lose", |_, ()| async {}).unwrap_err();
/// assert_eq!(error.to_string(), "`acme:store/query@1.0.0` has no function `lose`");
/// # Ok::<(), patinox_sandbox::ImportError>(())
/// ```
#[derive(Clone)]
pub struct Import {
    name: String,
    functions: BTreeMap<String, Function>,
}

#[derive(Clone)]
struct Function {
    ty: Arc<FunctionType>,
    handler: Option<Handler>,
}

/// The embedder's code behind a function: from its arguments as an object to
/// its answer, or to what in either is not as its Rust type says.
type Handler = Arc<dyn Fn(Caller, Value, u64) -> Answered + Send + Sync>;

/// An answer of at most so many bytes of JSON as were given.
type Answered = BoxFuture<'static, Result<Value, Stop>>;

/// What the host's memory takes for a byte of an answer's JSON, at most: a list
/// of small numbers, as bytes are, has two bytes of text for each.
const BYTES_PER_JSON_BYTE: u64 = 32;

/// The longest text about what does not fit, in bytes: it repeats what a guest
/// gave.
const MAX_MISFIT_BYTES: usize = 1 << 10;

fn misfit(error: impl fmt::Display) -> Stop {
    let text = error.to_string();
    let text = cut(&text, MAX_MISFIT_BYTES);
    Stop::Embedder(cut(&escape_line(&text), MAX_MISFIT_BYTES).into_owned())
}

/// The answer as JSON, counted before it is made.
fn json(answer: &impl Serialize, most: u64) -> Result<Value, Stop> {
    match value::serialized_len(answer, most) {
        Ok(_) => serde_json::to_value(answer).map_err(misfit),
        // Either it is too long, or it cannot be written at all.
        Err(spent) if most < spent => Err(Stop::Limit(LimitName::HostcallBytes, None)),
        Err(_) => Err(misfit("its answer has no form in JSON")),
    }
}

impl Import {
    /// Reads an interface, by its full name, from the text of its WIT package.
    ///
    /// # Errors
    ///
    /// If the text is no WIT, has no such interface, or one of its functions
    /// takes or returns what has no form in JSON.
    pub fn new(wit: &str, interface: &str) -> Result<Self, ImportError> {
        let functions = interface::read(wit, interface)?.into_iter();
        let functions = functions.map(|(name, ty)| {
            let (ty, handler) = (Arc::new(ty), None);
            (name, Function { ty, handler })
        });
        Ok(Self {
            name: interface.to_owned(),
            functions: functions.collect(),
        })
    }

    /// Gives a function its code; the last one given counts. It runs on the
    /// task of the guest's call, so it must not block.
    ///
    /// # Errors
    ///
    /// If the interface has no such function.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped where it waits when the guest's call ends.
    pub fn function<In, Out, Fut>(
        mut self,
        name: &str,
        code: impl Fn(Caller, In) -> Fut + Send + Sync + 'static,
    ) -> Result<Self, ImportError>
    where
        In: DeserializeOwned,
        Out: Serialize,
        Fut: Future<Output = Out> + Send + 'static,
    {
        let Some(function) = self.functions.get_mut(name) else {
            return Err(ImportError::NoSuchFunction {
                interface: self.name,
                function: name.to_owned(),
            });
        };
        function.handler = Some(Arc::new(
            move |caller, arguments, most| match typed::from_json(arguments) {
                Ok(arguments) => {
                    let answer = code(caller, arguments);
                    answer.map(move |answer| json(&answer, most)).boxed()
                }
                Err(error) => std::future::ready(Err(misfit(error))).boxed(),
            },
        ));
        Ok(self)
    }

    /// The interface's full name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Each function has code.
    fn check(&self) -> Result<(), ImportError> {
        let mut functions = self.functions.iter();
        match functions.find(|(_, function)| function.handler.is_none()) {
            Some((function, _)) => Err(ImportError::NoCode {
                interface: self.name.clone(),
                function: function.clone(),
            }),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let functions: Vec<_> = self.functions.keys().collect();
        f.debug_struct("Import")
            .field("name", &self.name)
            .field("functions", &functions)
            .finish()
    }
}

/// All interfaces of an embedder's own. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Imports(Arc<Vec<Import>>);

impl Imports {
    /// Takes them together.
    ///
    /// # Errors
    ///
    /// If two have one name but for the version, a function has no code, or the
    /// name is one of the host's own.
    pub fn new(imports: Vec<Import>) -> Result<Self, ImportError> {
        for (at, import) in imports.iter().enumerate() {
            import.check()?;
            let interface = without_version(&import.name);
            let before = imports.iter().take(at);
            let mut taken = before.map(|other| without_version(&other.name));
            if super::is_known(interface) || taken.any(|other| other == interface) {
                return Err(ImportError::Taken {
                    interface: import.name.clone(),
                });
            }
        }
        Ok(Self(Arc::new(imports)))
    }

    /// Whether one of them is what an import names, whatever its version: its
    /// types are compared when it is linked.
    pub(crate) fn covers(&self, import: &str) -> bool {
        self.get(import).is_some()
    }

    fn get(&self, import: &str) -> Option<&Import> {
        let interface = without_version(import);
        let mut imports = self.0.iter();
        imports.find(|import| without_version(&import.name) == interface)
    }

    /// Links what the component imports of them, in its own version.
    pub(crate) fn link(
        &self,
        linker: &mut Linker<State>,
        engine: &Engine,
        component: &Component,
    ) -> Result<(), Error> {
        for (name, external) in component.component_type().imports(engine) {
            let Some(import) = self.get(name) else {
                continue;
            };
            let ComponentItem::ComponentInstance(interface) = external.ty else {
                return Err(mismatch(name, "it is an interface"));
            };
            let mut instance = linker.instance(name).map_err(Error::internal)?;
            for (function, external) in interface.exports(engine) {
                let path = format!("{name}#{function}");
                match external.ty {
                    ComponentItem::ComponentFunc(ty) => {
                        let offered = import.functions.get(function);
                        let offered = offered.ok_or_else(|| mismatch(&path, "there is none"))?;
                        offered.compare(&path, &ty)?;
                        let linked = offered.link(&mut instance, function);
                        linked.map_err(Error::internal)?;
                    }
                    ComponentItem::Type(_) => {}
                    _ => return Err(mismatch(&path, "it is a function or a type of values")),
                }
            }
        }
        Ok(())
    }
}

impl Function {
    fn compare(&self, path: &str, theirs: &ComponentFunc) -> Result<(), Error> {
        let theirs = inspect::function(theirs).map_err(|reason| mismatch(path, &reason))?;
        if theirs == *self.ty {
            return Ok(());
        }
        let reason = format!("it is `{}`, not `{theirs}`", self.ty);
        Err(mismatch(path, &reason))
    }

    fn link(&self, instance: &mut LinkerInstance<'_, State>, name: &str) -> EngineResult<()> {
        let (ty, handler) = (Arc::clone(&self.ty), self.handler.clone());
        let path = format!("{}#{name}", instance.name());
        let access = Access::import(instance.name())?;
        instance.func_new_async(name, move |state, params| {
            let handler = handler.as_ref().ok_or(Stop::NothingBehind)?;
            if state.authority.grants_nothing() {
                return Err(Stop::TooEarly(path.clone()).into());
            }
            if !state.authority.may(&access) {
                return Err(Stop::Denied.into());
            }
            let (path, ty) = (path.clone(), Arc::clone(&ty));
            let arguments = arguments(&ty, params, state.room())?;
            let most = state.hostcall_bytes() / BYTES_PER_JSON_BYTE;
            let answer = handler(state.caller(), arguments, most);
            Ok(Box::pin(async move {
                let answer = answer.await;
                let answer = answer.and_then(|answer| decode(&ty, answer).map_err(misfit));
                Ok(answer.map_err(|stop| stop.of(&path))?)
            }))
        })
    }
}

fn mismatch(path: &str, reason: &str) -> Error {
    Error::MismatchedImport {
        reason: format!("`{path}`: {reason}"),
    }
}

/// The arguments as an object, each under its parameter's name.
fn arguments(ty: &FunctionType, params: &[Val], mut room: Room) -> EngineResult<Value> {
    let pairs = ty.params.iter().zip(params);
    let pairs = pairs.map(|(field, value)| {
        let json = value::encode(&field.ty, value.clone(), &mut room);
        let json = json.map_err(|error| Stop::of_argument(&error))?;
        Ok((field.name.clone(), json))
    });
    pairs.collect()
}

/// The answer as a value of the function's type.
fn decode(ty: &FunctionType, mut answer: Value) -> Result<Option<Val>, String> {
    let Some(ty) = &ty.result else {
        return match answer {
            Value::Null => Ok(None),
            _ => Err("it returns nothing, and has an answer".to_owned()),
        };
    };
    typed::relax(ty, &mut answer);
    let answer = value::decode(ty, &answer);
    answer.map(Some).map_err(|error| {
        let (expected, found) = (error.expected, error.found);
        format!("its answer must be {expected}, not {found}")
    })
}

#[cfg(test)]
mod tests;
