//! What a component asks to touch.

mod http;

use std::fmt;

pub use http::HttpAccess;

use crate::folder::{Folder, GuestPath};
use crate::grant::Scope;
use crate::name::{self, Words};
use crate::pattern::HttpPattern;
use crate::{Capability, Code, Failure, Grant, RecoveryStrategy, cut, debug_failure, escape_line};

/// The longest piece of a name that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 80;

/// Whether something is only read, or changed too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// `ro`.
    Read,
    /// `rw`: read as well.
    Write,
}

impl Mode {
    /// The word of a grant.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "ro",
            Self::Write => "rw",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Read, Self::Write]
            .into_iter()
            .find(|mode| mode.as_str() == word)
    }

    const fn doing(self) -> &'static str {
        match self {
            Self::Read => "reading",
            Self::Write => "writing",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that a component asks to do, as a [`Policy`](crate::Policy) decides it.
///
/// ```
/// use patinox_policy::{Access, Mode};
///
/// let access = Access::folder("/data/a", Mode::Write)?;
/// assert_eq!(access.to_string(), "writing `/data/a`");
/// assert_eq!(access.narrowest().to_string(), "fs=./data/a:rw@/data/a");
/// # Ok::<(), patinox_policy::AccessError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Access(pub(crate) Asked);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asked {
    Http(HttpAccess),
    Folder(GuestPath, Mode),
    Environment(String),
    Config(String),
    KeyValue(String, Mode),
    Clock,
    Random,
    Model(String),
    Tool(String),
    Import(String),
}

/// Why nobody can be granted what was asked for.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct AccessError {
    reason: String,
}

impl AccessError {
    pub(crate) const fn new(reason: String) -> Self {
        Self { reason }
    }
}

impl Access {
    /// A request to a server.
    #[must_use]
    pub const fn http(access: HttpAccess) -> Self {
        Self(Asked::Http(access))
    }

    /// Something in a folder, by the path that the guest has for it.
    ///
    /// # Errors
    ///
    /// If the path is not absolute, or has `.`, `..` or a control character.
    pub fn folder(guest_path: &str, mode: Mode) -> Result<Self, AccessError> {
        let path = GuestPath::of_text(guest_path).map_err(AccessError::new)?;
        Ok(Self(Asked::Folder(path, mode)))
    }

    /// A variable of the environment.
    ///
    /// # Errors
    ///
    /// If that is no name of a variable.
    pub fn environment(name: &str) -> Result<Self, AccessError> {
        let name = named(Words::Variable, name)?;
        Ok(Self(Asked::Environment(name)))
    }

    /// A setting.
    ///
    /// # Errors
    ///
    /// If that is no name of a setting.
    pub fn config(key: &str) -> Result<Self, AccessError> {
        let name = named(Words::Setting, key)?;
        Ok(Self(Asked::Config(name)))
    }

    /// A namespace of the key-value storage.
    ///
    /// # Errors
    ///
    /// If that is no name of a namespace.
    pub fn key_value(namespace: &str, mode: Mode) -> Result<Self, AccessError> {
        let name = named(Words::Namespace, namespace)?;
        Ok(Self(Asked::KeyValue(name, mode)))
    }

    /// A clock finer than a millisecond.
    #[must_use]
    pub const fn fine_clock() -> Self {
        Self(Asked::Clock)
    }

    /// Randomness that no replay repeats.
    #[must_use]
    pub const fn host_random() -> Self {
        Self(Asked::Random)
    }

    /// A language model.
    ///
    /// # Errors
    ///
    /// If that is no alias of a model.
    pub fn model(alias: &str) -> Result<Self, AccessError> {
        let name = named(Words::Model, alias)?;
        Ok(Self(Asked::Model(name)))
    }

    /// Another tool, `COMPONENT.TOOL`.
    ///
    /// # Errors
    ///
    /// If that is no name of a tool.
    pub fn tool(name: &str) -> Result<Self, AccessError> {
        let name = named(Words::Tool, name)?;
        Ok(Self(Asked::Tool(name)))
    }

    /// An interface of the embedder's own, with its version or without.
    ///
    /// # Errors
    ///
    /// If that is no name of an interface.
    pub fn import(interface: &str) -> Result<Self, AccessError> {
        let interface = interface.split('@').next().unwrap_or_default();
        let name = named(Words::Interface, interface)?;
        Ok(Self(Asked::Import(name)))
    }

    /// What kind of thing it is.
    #[must_use]
    pub const fn capability(&self) -> Capability {
        match self.0 {
            Asked::Http(_) => Capability::Http,
            Asked::Folder(..) => Capability::Filesystem,
            Asked::Environment(_) => Capability::Environment,
            Asked::Config(_) => Capability::Config,
            Asked::KeyValue(..) => Capability::KeyValue,
            Asked::Clock => Capability::Clock,
            Asked::Random => Capability::Random,
            Asked::Model(_) => Capability::Model,
            Asked::Tool(_) => Capability::Tool,
            Asked::Import(_) => Capability::Import,
        }
    }

    /// The grant that allows this and nothing else; of a folder, what lies in it too.
    ///
    /// The folder of the host is then that of the same name below the current one, and
    /// a setting is an empty text: who grants it puts there what he means.
    #[must_use]
    pub fn narrowest(&self) -> Grant {
        Grant::of(match self.0.clone() {
            Asked::Http(access) => Scope::Http(HttpPattern::of(&access)),
            Asked::Folder(path, mode) => Scope::Folder(Folder::named_as(path, mode)),
            Asked::Environment(name) => Scope::Environment(name, None),
            Asked::Config(key) => Scope::Config(key, String::new()),
            Asked::KeyValue(namespace, mode) => Scope::KeyValue(namespace, mode),
            Asked::Clock => Scope::Clock,
            Asked::Random => Scope::Random,
            Asked::Model(alias) => Scope::Model(alias),
            Asked::Tool(name) => Scope::Tool(name),
            Asked::Import(interface) => Scope::Import(interface),
        })
    }
}

fn named(words: Words, name: &str) -> Result<String, AccessError> {
    match name::check(words, name) {
        Ok(()) => Ok(name.to_owned()),
        Err(rule) => {
            let name = cut(&escape_line(name), MAX_ECHO_BYTES).into_owned();
            Err(AccessError::new(format!("{rule}; `{name}` is none")))
        }
    }
}

/// What is done, as the subject of a sentence.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Asked::Http(access) => write!(f, "the request `{access}`"),
            Asked::Folder(path, mode) => write!(f, "{} `{path}`", mode.doing()),
            Asked::Environment(name) => write!(f, "the variable `{name}` of the environment"),
            Asked::Config(key) => {
                let key = escape_line(key);
                write!(f, "the setting `{key}`")
            }
            Asked::KeyValue(name, mode) => {
                write!(f, "{} the key-value namespace `{name}`", mode.doing())
            }
            Asked::Clock => f.write_str("a clock finer than a millisecond"),
            Asked::Random => f.write_str("randomness of the host"),
            Asked::Model(alias) => write!(f, "the model `{alias}`"),
            Asked::Tool(name) => write!(f, "the tool `{name}`"),
            Asked::Import(interface) => write!(f, "the interface `{interface}`"),
        }
    }
}

impl Failure for AccessError {
    fn code(&self) -> Code {
        Code::Denied
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }
}

impl fmt::Debug for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_failure(self, f)
    }
}
