//! What configuration is refused for.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use patinox_policy::{
    Code, Failure, LimitError, LimitName, Quantity, RecoveryStrategy, Unit, cut, escape_line,
    nearest,
};

use crate::environment::CONFIG_VARIABLE;
use crate::schema::VARIABLE_PREFIX;
use crate::{Key, MAX_FILE_BYTES, Origin, Place};

/// The longest piece of somebody's text that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 160;

/// The longest path that a message repeats, in bytes. A quarter of a message,
/// so that the rule behind it is never what is cut.
const MAX_PATH_BYTES: usize = 1 << 10;

/// Configuration that we refuse.
///
/// It says what, where and which rule; the hint says how to write it:
///
/// ```
/// use patinox_config::{Inputs, resolve};
/// use patinox_policy::Failure;
///
/// let inputs = Inputs {
///     environment: [("PATINOX_LIMITS__WALL", "2")].into_iter().collect(),
///     ..Inputs::default()
/// };
/// let error = resolve(&inputs).unwrap_err();
/// assert_eq!(error.to_string(), "`PATINOX_LIMITS__WALL` needs a unit, not `2`");
/// assert_eq!(error.hint().as_deref(), Some("write it like `PATINOX_LIMITS__WALL=10s`"));
/// assert_eq!(error.code().as_str(), "caller/invalid-config");
/// ```
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that was named is not there.
    #[error("there is no configuration file `{}`", echo_path(file))]
    NotFound {
        /// The file.
        file: PathBuf,
        /// The flag or variable that names it.
        named_by: &'static str,
    },
    /// The file cannot be opened or read.
    #[error("configuration file `{}` cannot be read", echo_path(file))]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not a regular file.
    #[error("configuration file `{}` must be a file, not {kind}", echo_path(file))]
    NotAFile {
        /// The file.
        file: PathBuf,
        /// What it is instead.
        kind: &'static str,
    },
    /// It belongs to somebody else.
    #[error("configuration file `{}` must belong to {}, not to user {owner}", echo_path(file), owners(*us))]
    NotOurs {
        /// The file.
        file: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// Others can write it.
    #[error(
        "configuration file `{}` must not be writable by others, as its mode `{mode:04o}` says",
        echo_path(file)
    )]
    Writable {
        /// The file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is larger than [`MAX_FILE_BYTES`].
    #[error(
        "configuration file `{}` must have at most {}",
        echo_path(file),
        max_file()
    )]
    TooLarge {
        /// The file.
        file: PathBuf,
    },
    /// It is not UTF-8.
    #[error("configuration file `{0}` must be UTF-8")]
    Encoding(Place),
    /// It is not TOML.
    #[error("configuration file `{place}` is not TOML: {message}")]
    Syntax {
        /// Where.
        place: Place,
        /// What the parser says, cut and escaped.
        message: String,
    },
    /// A key, or a whole section, that does not exist.
    #[error("there is no key `{name}`, at `{place}`")]
    UnknownKey {
        /// What stands there, cut and escaped.
        name: String,
        /// Where.
        place: Place,
        /// The nearest known key, or the known ones.
        hint: String,
    },
    /// A section that is not a table.
    #[error("`{name}` at `{place}` must be a table")]
    NotASection {
        /// The section.
        name: String,
        /// Where.
        place: Place,
    },
    /// A variable that looks like ours and is not.
    #[error("there is no variable `{name}`")]
    UnknownVariable {
        /// Its name, cut and escaped.
        name: String,
        /// The nearest known variable, or the known ones.
        hint: String,
    },
    /// A value that breaks the rule of its key.
    #[error("{} {rule}, not {given}", subject(*key, origin))]
    Value {
        /// The key.
        key: Key,
        /// Where the value came from.
        origin: Origin,
        /// The rule, as a clause.
        rule: String,
        /// What was given, cut and escaped, ready to be shown.
        given: String,
    },
    /// What stands in a file breaks a rule of ours.
    #[error("{subject} at `{place}` {rule}")]
    Rule {
        /// What it is about, ready to be shown.
        subject: String,
        /// Where it stands.
        place: Place,
        /// The rule, as a clause, with what was given.
        rule: String,
        /// How to write it.
        hint: String,
    },
    /// A limit is higher than a file of the system's or of the user's own lets it be.
    #[error("limit `{limit}` is at most {most}, by {by}, and not {value}, by {origin}")]
    Ceiling {
        /// The limit.
        limit: LimitName,
        /// What it was to be.
        value: Quantity,
        /// Who wants that.
        origin: Origin,
        /// What it is at most.
        most: Quantity,
        /// Who says so.
        by: Origin,
    },
    /// A file of the current folder does more than narrow, and nobody has said that he
    /// trusts it.
    #[error("{what} at `{place}` counts only where the file is trusted{}", since(*was_trusted))]
    Untrusted {
        /// What it does, ready to be shown.
        what: String,
        /// Where.
        place: Place,
        /// Whether another file was trusted there.
        was_trusted: bool,
    },
    /// A section that only a file of the system's or of the user's own can have.
    #[error("`[{section}]` at `{place}` stands in no file of a folder")]
    NotInProject {
        /// The section.
        section: &'static str,
        /// Where.
        place: Place,
    },
    /// A limit on the command line.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

impl Failure for Error {
    fn code(&self) -> Code {
        match self {
            Self::NotFound { .. } => Code::NotFound,
            Self::Unreadable { .. } | Self::NotAFile { .. } => Code::Unreadable,
            Self::Limit(error) => error.code(),
            Self::Untrusted { .. } => Code::Untrusted,
            Self::Ceiling {
                origin: Origin::Flag(_),
                ..
            } => Code::InvalidLimit,
            Self::Value {
                origin: Origin::Flag(_),
                ..
            } => Code::Usage,
            Self::NotOurs { .. }
            | Self::Writable { .. }
            | Self::TooLarge { .. }
            | Self::Encoding(_)
            | Self::Syntax { .. }
            | Self::UnknownKey { .. }
            | Self::NotASection { .. }
            | Self::UnknownVariable { .. }
            | Self::Value { .. }
            | Self::Rule { .. }
            | Self::Ceiling { .. }
            | Self::NotInProject { .. } => Code::InvalidConfig,
        }
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotFound { named_by, .. } => format!("check the path that `{named_by}` gives"),
            Self::Unreadable { file, .. } => format!("look at it: {}", command("ls -l", file)),
            Self::NotAFile { .. } => "name a file in TOML, like `config.toml`".to_owned(),
            Self::NotOurs { .. } => "copy it to a file of your own and name that".to_owned(),
            Self::Writable { file, .. } => command("chmod go-w", file),
            Self::TooLarge { .. } => "check that it is the file you meant".to_owned(),
            Self::Encoding(_) => "save it as UTF-8".to_owned(),
            Self::Syntax { .. } => {
                let key = Key::Limit(LimitName::Wall);
                let line = format!("{} = \"{}\"", key.name(), key.example());
                format!("write every key once, and text in quotes, like `{line}`")
            }
            Self::UnknownKey { hint, .. }
            | Self::UnknownVariable { hint, .. }
            | Self::Rule { hint, .. } => hint.clone(),
            Self::NotASection { name, .. } => format!("write `[{name}]` and its keys below it"),
            Self::Value { key, origin, .. } => key.hint(origin),
            Self::Ceiling { most, .. } => format!("ask for at most {most}"),
            Self::Untrusted { .. } => {
                "read the file; if it may do that, `patinox trust`; else `--no-project`".to_owned()
            }
            Self::NotInProject { .. } => {
                "write it in your own configuration file, or that of the system".to_owned()
            }
            Self::Limit(error) => return error.hint(),
        })
    }
}

/// The error for a section that does not exist.
///
/// The name of a key is meant as that key, outside of its section.
pub(crate) fn unknown_section(name: &str, place: Place) -> Error {
    let sections = || {
        let mut sections: Vec<_> = Key::all().map(Key::section).collect();
        sections.dedup();
        sections.extend([
            crate::alerts::SECTION,
            crate::ceiling::SECTION,
            crate::components::SECTION,
        ]);
        sections
    };
    let hint = match named(name) {
        Some(key) => format!("did you mean `{}` under `[{}]`?", key.name(), key.section()),
        None => match nearest(name, sections().into_iter()) {
            Some(section) if section == crate::components::SECTION => {
                format!("did you mean `[[{section}]]`?")
            }
            Some(section) => format!("did you mean `[{section}]`?"),
            None => format!("the sections are {}", sections().join(", ")),
        },
    };
    Error::UnknownKey {
        name: echo(name),
        place,
        hint,
    }
}

/// The error for a key that its section does not have.
pub(crate) fn unknown_key(section: &str, name: &str, place: Place) -> Error {
    let siblings = || Key::all().filter(|key| key.section() == section);
    let hint = match named(name) {
        Some(key) => format!("did you mean `{}` under `[{}]`?", key.name(), key.section()),
        None => match nearest(name, siblings().map(Key::name)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => {
                let names: Vec<_> = siblings().map(Key::name).collect();
                format!("the keys of `[{section}]` are {}", names.join(", "))
            }
        },
    };
    Error::UnknownKey {
        name: echo(&format!("{section}.{name}")),
        place,
        hint,
    }
}

/// The error for a variable that does not exist.
pub(crate) fn unknown_variable(name: &str) -> Error {
    let known = || {
        Key::all()
            .map(Key::variable)
            .chain([CONFIG_VARIABLE.to_owned()])
    };
    let tail = name.trim_start_matches(VARIABLE_PREFIX);
    if tail.starts_with("ALERTS_") {
        return Error::UnknownVariable {
            name: echo(name),
            hint: "alerts are set in the configuration file alone, under `[alerts]`".to_owned(),
        };
    }
    let same_key = known().find(|known| known.ends_with(&format!("__{tail}")));
    // The common prefix says nothing about what was meant.
    let tails = known().filter_map(|known| Some(known.strip_prefix(VARIABLE_PREFIX)?.to_owned()));
    let near = || Some(format!("{VARIABLE_PREFIX}{}", nearest(tail, tails)?));
    let hint = match same_key.or_else(near) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!(
            "the variables are {}",
            known().collect::<Vec<_>>().join(", ")
        ),
    };
    Error::UnknownVariable {
        name: echo(name),
        hint,
    }
}

/// The key of exactly this name, in whatever section.
fn named(name: &str) -> Option<Key> {
    Key::all().find(|key| key.name() == name)
}

/// What a wrong value belongs to, as its author wrote it.
fn subject(key: Key, origin: &Origin) -> String {
    match origin {
        Origin::Default => format!("`{key}`"),
        Origin::File(place) => format!("`{key}` at `{place}`"),
        Origin::Variable(_) | Origin::Flag(_) => origin.to_string(),
    }
}

const fn since(was_trusted: bool) -> &'static str {
    match was_trusted {
        true => ", and it has changed since it was",
        false => "",
    }
}

fn owners(us: u32) -> String {
    match us {
        0 => "root".to_owned(),
        us => format!("user {us} or root"),
    }
}

fn max_file() -> Quantity {
    Quantity {
        value: MAX_FILE_BYTES,
        unit: Unit::Bytes,
    }
}

/// A command for the shell about a file; only words where the path would not
/// stand on one line.
fn command(command: &str, file: &Path) -> String {
    let path = file.to_string_lossy();
    let one_line = escape_line(&path) == path && path.len() <= MAX_PATH_BYTES;
    if !one_line || file.to_str().is_none() {
        return format!("see `{command}` of that file");
    }
    // A leading dash would be read as an option.
    let dashed = path.starts_with('-');
    let path = if dashed {
        format!("./{path}").into()
    } else {
        path
    };
    format!("{command} {}", shell_word(&path))
}

fn shell_word(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._~/:@=,+-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

/// Somebody's text for a message: one line, cut.
pub(crate) fn echo(text: &str) -> String {
    cut(&escape_line(text), MAX_ECHO_BYTES).into_owned()
}

/// A path for a message: one line, cut.
pub(crate) fn echo_path(path: &Path) -> String {
    cut(&escape_line(&path.to_string_lossy()), MAX_PATH_BYTES).into_owned()
}
