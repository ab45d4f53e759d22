//! What a component has been given, in words.

mod scope;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

pub(crate) use scope::Scope;

use crate::access::Asked;
use crate::{
    Access, Capability, Code, Failure, Mode, RecoveryStrategy, cut, debug_failure, escape_line,
    nearest,
};

/// The longest text of a grant, in bytes.
pub(crate) const MAX_GRANT_BYTES: usize = 4 << 10;

/// The longest piece of a text that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 256;

/// One thing that a component may do, beyond what every component may; who gave it,
/// and until when.
///
/// Its text is the same wherever one is written, `CAPABILITY=SCOPE`:
///
/// | text | what it grants |
/// |---|---|
/// | `http=GET,POST https://api.example.com/v1/**` | requests of these methods (without any: `GET,HEAD`) to that scheme, host and port, below that path, with every query |
/// | `http=https://*.example.com/a/*/b` | as well: to every host below that name; `*` is one segment of a path |
/// | `fs=./data:ro@/data` | to read a folder of the host, where the guest finds it as `/data` (without that: by its last name) |
/// | `fs=./out:rw` | to write it too |
/// | `fs=scratch@/tmp` | a folder that each call gets anew, to write, and that goes with it |
/// | `env=TZ`, `env=MODE=fast` | to see a variable of the environment: the host's own, or this value |
/// | `config=key=value` | to see a setting |
/// | `kv=notes:ro`, `kv=notes:rw` | to read a namespace of the key-value storage, or write it too |
/// | `clock=fine` | a clock finer than a millisecond |
/// | `random=host` | randomness that no replay repeats |
/// | `model=fast` | a language model, by its alias |
/// | `tool=text.count`, `tool=text.*` | to call a tool of a component, or all of them |
/// | `import=acme:store/query` | to import an interface of the embedder's own, in any version |
///
/// Bytes other than `A-Za-z0-9._~:/@=,-` may be percent-encoded, and are where a
/// grant is shown; a `*` that is encoded is no wildcard. So a grant that is shown
/// can be put between single quotes into every shell.
///
/// ```
/// use patinox_policy::{Access, Grant, HttpAccess};
///
/// let grant: Grant = "http=https://api.example.com/v1/**".parse()?;
/// assert_eq!(grant.to_string(), "http=GET,HEAD https://api.example.com/v1/**");
///
/// let ask = |method, path| {
///     let access = HttpAccess::new(method, "https", "api.example.com", path).unwrap();
///     grant.allows(&Access::http(access))
/// };
/// assert!(ask("GET", "/v1/weather?city=Bern"));
/// assert!(!ask("POST", "/v1/weather"));
/// assert!(!ask("GET", "/v1/..%2fadmin"));
/// # Ok::<(), patinox_policy::GrantError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Grant {
    scope: Scope,
    origin: Origin,
    expires: Option<SystemTime>,
}

/// Who gave a grant: always a person, never an agent or a component.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The program that embeds the host.
    #[default]
    Program,
    /// Whoever wrote the command.
    CommandLine,
    /// A configuration file that is trusted.
    File {
        /// Which, as whoever reads a message knows it.
        name: Arc<str>,
        /// The line, from 1.
        line: u32,
    },
    /// Whoever wrote `patinox grant add`.
    GrantCommand,
    /// Whoever answered a question on a terminal.
    Prompt,
    /// Whoever answered a question of an MCP client.
    Elicitation,
    /// Whoever has the token of an administrator.
    Api,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program => f.write_str("the program"),
            Self::CommandLine => f.write_str("the command line"),
            Self::File { name, line } => {
                let name = cut(name, MAX_ECHO_BYTES);
                let name = escape_line(&name);
                write!(f, "`{}`, line {line}", cut(&name, MAX_ECHO_BYTES))
            }
            Self::GrantCommand => f.write_str("`patinox grant add`"),
            Self::Prompt => f.write_str("an answer on the terminal"),
            Self::Elicitation => f.write_str("an answer of the MCP client"),
            Self::Api => f.write_str("an administrator"),
        }
    }
}

/// Why a text is no grant.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no grant: {reason}")]
pub struct GrantError {
    text: String,
    reason: String,
    /// What it was meant to be of, as far as that can be told.
    capability: Option<Capability>,
}

impl Grant {
    pub(crate) const fn of(scope: Scope) -> Self {
        Self {
            scope,
            origin: Origin::Program,
            expires: None,
        }
    }

    /// Grants an interface of the embedder's own.
    ///
    /// # Errors
    ///
    /// If it is no name of an interface without its version:
    /// `namespace:package/interface`.
    pub fn import(interface: &str) -> Result<Self, GrantError> {
        format!("import={interface}").parse()
    }

    /// The same, given by somebody.
    #[must_use]
    pub fn given_by(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// The same, until that moment.
    #[must_use]
    pub const fn until(mut self, expires: SystemTime) -> Self {
        self.expires = Some(expires);
        self
    }

    /// The same, the path of a folder taken from `base` where it is relative.
    #[must_use]
    pub fn based(mut self, base: &Path) -> Self {
        if let Scope::Folder(folder) = self.scope {
            self.scope = Scope::Folder(folder.based(base));
        }
        self
    }

    /// What kind of thing it grants.
    #[must_use]
    pub const fn capability(&self) -> Capability {
        self.scope.capability()
    }

    /// Who gave it.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// When it ends, if it does.
    #[must_use]
    pub const fn expires(&self) -> Option<SystemTime> {
        self.expires
    }

    pub(crate) const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether it has ended at that moment.
    #[must_use]
    pub fn has_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether it grants the same, whoever gave it and until when.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.scope == other.scope
    }

    /// Whether it stands for more than one thing, by a wildcard.
    #[must_use]
    pub const fn has_wildcard(&self) -> bool {
        self.scope.has_wildcard()
    }

    /// Whether it allows this, for as long as it lasts.
    #[must_use]
    pub fn allows(&self, access: &Access) -> bool {
        self.scope.allows(&access.0)
    }

    /// Whether it allows all that the other one allows.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.scope.covers(&other.scope)
    }

    /// The one thing that it allows, if that is one: what somebody asks who asks
    /// whether this may be done. Of a folder it is the folder itself.
    #[must_use]
    pub fn only_access(&self) -> Option<Access> {
        self.scope.only().map(Access)
    }

    /// Whether, where it is a denial, this is denied: whoever may not read may not
    /// write, and what a server could take for what is denied is denied. `host` is where that lies of which the guest has a path.
    pub(crate) fn forbids(&self, access: &Access, host: Option<&Path>) -> bool {
        match (&self.scope, &access.0) {
            (Scope::Folder(folder), Asked::Folder(..)) => {
                host.is_some_and(|host| folder.holds(host))
            }
            (Scope::Http(pattern), Asked::Http(access)) => pattern.forbids(access),
            (Scope::KeyValue(denied, _), Asked::KeyValue(name, _)) => denied == name,
            (scope, asked) => scope.allows(asked),
        }
    }

    /// Its text, cut, without the value of a variable or a setting: for messages.
    #[must_use]
    pub fn named(&self) -> String {
        let text = match &self.scope {
            Scope::Environment(name, Some(_)) => format!("env={name}=…"),
            Scope::Config(key, _) => format!("config={}=…", escape_line(key)),
            _ => self.to_string(),
        };
        cut(&text, MAX_ECHO_BYTES).into_owned()
    }

    /// Whether both cannot hold.
    pub(crate) fn contradicts(&self, other: &Self) -> bool {
        match (&self.scope, &other.scope) {
            (Scope::Folder(one), Scope::Folder(other)) => one.contradicts(other),
            (Scope::Environment(name, value), Scope::Environment(other, others)) => {
                name == other && value != others
            }
            (Scope::Config(key, value), Scope::Config(other, others)) => {
                key == other && value != others
            }
            _ => false,
        }
    }

    /// Whether it has a value, which may be a secret.
    pub(crate) const fn has_value(&self) -> bool {
        matches!(
            self.scope,
            Scope::Environment(_, Some(_)) | Scope::Config(..)
        )
    }

    /// The variable of the environment that it grants, and its value; without one it is
    /// the host's own.
    #[must_use]
    pub fn variable(&self) -> Option<(&str, Option<&str>)> {
        match &self.scope {
            Scope::Environment(name, value) => Some((name, value.as_deref())),
            _ => None,
        }
    }

    /// The folder that it grants: where it lies on the host (`None` for one that each call
    /// gets anew), the path that the guest has for it, and whether it may be written.
    #[must_use]
    pub fn folder(&self) -> Option<(Option<&Path>, &str, Mode)> {
        match &self.scope {
            Scope::Folder(folder) => Some((folder.host(), folder.guest().as_str(), folder.mode())),
            _ => None,
        }
    }

    /// The setting that it grants, and its value.
    #[must_use]
    pub fn setting(&self) -> Option<(&str, &str)> {
        match &self.scope {
            Scope::Config(key, value) => Some((key, value)),
            _ => None,
        }
    }

    /// Whether it lets a component import this interface, whatever its version.
    #[must_use]
    pub fn allows_import(&self, interface: &str) -> bool {
        let Scope::Import(granted) = &self.scope else {
            return false;
        };
        interface.split('@').next() == Some(granted)
    }

    /// Whether something may be changed by it that is there after the call.
    #[must_use]
    pub const fn may_write(&self) -> bool {
        match &self.scope {
            Scope::Folder(folder) => folder.stays() && matches!(folder.mode(), Mode::Write),
            Scope::KeyValue(_, mode) => matches!(mode, Mode::Write),
            Scope::Http(pattern) => pattern.may_write(),
            _ => false,
        }
    }
}

impl GrantError {
    fn new(text: &str, reason: impl Into<String>) -> Self {
        let word = text.split('=').next();
        let mut all = Capability::ALL.into_iter();
        let capability = all.find(|one| Some(one.as_str()) == word);
        let text = masked(text);
        let text = cut(&text, MAX_ECHO_BYTES);
        Self {
            capability,
            text: cut(&escape_line(&text), MAX_ECHO_BYTES).into_owned(),
            reason: reason.into(),
        }
    }
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let wrong = |reason: String| GrantError::new(text, reason);
        if MAX_GRANT_BYTES < text.len() {
            return Err(wrong(too_long()));
        }
        if text.chars().any(char::is_control) {
            return Err(wrong("it has a control character".to_owned()));
        }
        let Some((word, scope)) = text.split_once('=') else {
            return Err(wrong(format!(
                "a grant is `capability=scope`, such as `{}`",
                Capability::Http.example()
            )));
        };
        let found = Capability::ALL.into_iter().find(|one| one.as_str() == word);
        let Some(capability) = found else {
            let all = Capability::ALL.map(Capability::as_str);
            let near = nearest(&word.to_ascii_lowercase(), all.into_iter());
            return Err(wrong(match near {
                Some(near) => format!("there is no such capability; did you mean `{near}`?"),
                None => format!("a capability is one of `{}`", all.join(", ")),
            }));
        };
        let scope = Scope::parse(capability, scope).map_err(wrong)?;
        let grant = Self::of(scope);
        // What is shown must be read again.
        match grant.to_string().len() <= MAX_GRANT_BYTES {
            true => Ok(grant),
            false => Err(wrong(too_long())),
        }
    }
}

/// A text that may be a grant with a value, without that: it may be a secret.
fn masked(text: &str) -> Cow<'_, str> {
    let has_value = ["env=", "config="]
        .iter()
        .any(|start| text.starts_with(start));
    let mut parts = text.splitn(3, '=');
    match (has_value, parts.next(), parts.next(), parts.next()) {
        (true, Some(word), Some(name), Some(_)) => format!("{word}={name}=…").into(),
        _ => text.into(),
    }
}

fn too_long() -> String {
    format!("a grant has at most {MAX_GRANT_BYTES} bytes, with what is percent-encoded")
}

/// Without values, as [`Grant::named`] has it.
impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("grant", &self.named())
            .field("origin", &self.origin)
            .field("expires", &self.expires)
            .finish()
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.capability(), self.scope)
    }
}

impl Failure for GrantError {
    fn code(&self) -> Code {
        Code::InvalidConfig
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        let of = self.capability.unwrap_or(Capability::Environment);
        Some(format!("write it like `{}`", of.example()))
    }
}

impl fmt::Debug for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_failure(self, f)
    }
}
