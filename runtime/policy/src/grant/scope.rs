//! What a grant is of.

use std::fmt;

use crate::access::Asked;
use crate::folder::Folder;
use crate::name::{self, Words};
use crate::pattern::HttpPattern;
use crate::percent::{End, decode, encode};
use crate::{Capability, Mode};

/// The longest value of a variable or a setting, in bytes.
const MAX_VALUE_BYTES: usize = 1 << 10;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    Http(HttpPattern),
    Folder(Folder),
    /// The host's own value, or this one.
    Environment(String, Option<String>),
    Config(String, String),
    KeyValue(String, Mode),
    Clock,
    Random,
    Model(String),
    Tool(String),
    /// All tools of a component.
    Tools(String),
    /// The name of an interface, without its version.
    Import(String),
}

impl Scope {
    pub(crate) fn parse(capability: Capability, text: &str) -> Result<Self, String> {
        let named = |words, make: fn(String) -> Self| {
            name::check(words, text)?;
            Ok(make(text.to_owned()))
        };
        match capability {
            Capability::Http => HttpPattern::parse(text).map(Self::Http),
            Capability::Filesystem => Folder::parse(text).map(Self::Folder),
            Capability::Environment => environment(text),
            Capability::Config => setting(text),
            Capability::KeyValue => key_value(text),
            Capability::Clock => word(text, "fine", Self::Clock),
            Capability::Random => word(text, "host", Self::Random),
            Capability::Model => named(Words::Model, Self::Model),
            Capability::Tool => match text.strip_suffix(".*") {
                Some(component) => {
                    name::check_component(component)?;
                    Ok(Self::Tools(component.to_owned()))
                }
                None if text.contains('*') => Err(name::ALL_OF_A_COMPONENT.to_owned()),
                None => named(Words::Tool, Self::Tool),
            },
            Capability::Import => named(Words::Interface, Self::Import),
        }
    }

    pub(crate) const fn capability(&self) -> Capability {
        match self {
            Self::Http(_) => Capability::Http,
            Self::Folder(_) => Capability::Filesystem,
            Self::Environment(..) => Capability::Environment,
            Self::Config(..) => Capability::Config,
            Self::KeyValue(..) => Capability::KeyValue,
            Self::Clock => Capability::Clock,
            Self::Random => Capability::Random,
            Self::Model(_) => Capability::Model,
            Self::Tool(_) | Self::Tools(_) => Capability::Tool,
            Self::Import(_) => Capability::Import,
        }
    }

    pub(crate) const fn has_wildcard(&self) -> bool {
        match self {
            Self::Http(pattern) => pattern.has_wildcard(),
            Self::Tools(_) => true,
            _ => false,
        }
    }

    pub(crate) fn allows(&self, asked: &Asked) -> bool {
        match (self, asked) {
            (Self::Http(pattern), Asked::Http(access)) => pattern.matches(access),
            (Self::Folder(folder), Asked::Folder(path, mode)) => folder.allows(path, *mode),
            (Self::Environment(granted, _), Asked::Environment(name))
            | (Self::Config(granted, _), Asked::Config(name))
            | (Self::Model(granted), Asked::Model(name))
            | (Self::Tool(granted), Asked::Tool(name))
            | (Self::Import(granted), Asked::Import(name)) => granted == name,
            (Self::KeyValue(granted, most), Asked::KeyValue(name, mode)) => {
                granted == name && mode <= most
            }
            (Self::Tools(component), Asked::Tool(name)) => is_tool_of(component, name),
            (Self::Clock, Asked::Clock) | (Self::Random, Asked::Random) => true,
            _ => false,
        }
    }

    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Http(one), Self::Http(other)) => one.covers(other),
            (Self::Folder(one), Self::Folder(other)) => one.covers(other),
            (Self::KeyValue(name, most), Self::KeyValue(other, mode)) => {
                name == other && mode <= most
            }
            (Self::Tools(component), Self::Tool(name)) => is_tool_of(component, name),
            (one, other) => one == other,
        }
    }

    /// The one thing that it allows, if that is one.
    pub(crate) fn only(&self) -> Option<Asked> {
        Some(match self {
            Self::Http(pattern) => Asked::Http(pattern.only()?),
            Self::Folder(folder) => Asked::Folder(folder.guest().clone(), folder.mode()),
            Self::Environment(name, _) => Asked::Environment(name.clone()),
            Self::Config(key, _) => Asked::Config(key.clone()),
            Self::KeyValue(name, mode) => Asked::KeyValue(name.clone(), *mode),
            Self::Clock => Asked::Clock,
            Self::Random => Asked::Random,
            Self::Model(alias) => Asked::Model(alias.clone()),
            Self::Tool(name) => Asked::Tool(name.clone()),
            Self::Tools(_) => return None,
            Self::Import(interface) => Asked::Import(interface.clone()),
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(pattern) => pattern.fmt(f),
            Self::Folder(folder) => folder.fmt(f),
            Self::Environment(name, None) => f.write_str(name),
            Self::Environment(name, Some(value)) => {
                write!(f, "{name}={}", encode(value.as_bytes(), End::Text))
            }
            Self::Config(key, value) => {
                let key = encode(key.as_bytes(), End::Equals);
                write!(f, "{key}={}", encode(value.as_bytes(), End::Text))
            }
            Self::KeyValue(name, mode) => write!(f, "{name}:{mode}"),
            Self::Clock => f.write_str("fine"),
            Self::Random => f.write_str("host"),
            Self::Model(name) | Self::Tool(name) | Self::Import(name) => f.write_str(name),
            Self::Tools(component) => write!(f, "{component}.*"),
        }
    }
}

fn is_tool_of(component: &str, name: &str) -> bool {
    let rest = name.strip_prefix(component);
    rest.is_some_and(|rest| rest.starts_with('.'))
}

fn word(text: &str, only: &str, scope: Scope) -> Result<Scope, String> {
    match text == only {
        true => Ok(scope),
        false => Err(format!("all that can be granted of it is `{only}`")),
    }
}

fn environment(text: &str) -> Result<Scope, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(read_value(value)?)),
        None => (text, None),
    };
    name::check(Words::Variable, name)?;
    Ok(Scope::Environment(name.to_owned(), value))
}

fn setting(text: &str) -> Result<Scope, String> {
    let Some((key, value)) = text.split_once('=') else {
        return Err("it is `KEY=VALUE`".to_owned());
    };
    let key = read(key)?;
    name::check(Words::Setting, &key)?;
    Ok(Scope::Config(key, read_value(value)?))
}

fn key_value(text: &str) -> Result<Scope, String> {
    let parts = text.split_once(':');
    let parts = parts.and_then(|(name, mode)| Some((name, Mode::parse(mode)?)));
    let Some((name, mode)) = parts else {
        return Err("it is `NAMESPACE:ro` (read) or `NAMESPACE:rw` (read and write)".to_owned());
    };
    name::check(Words::Namespace, name)?;
    Ok(Scope::KeyValue(name.to_owned(), mode))
}

fn read_value(text: &str) -> Result<String, String> {
    let value = read(text)?;
    if MAX_VALUE_BYTES < value.len() {
        return Err(format!(
            "a value has at most {MAX_VALUE_BYTES} bytes, not {}",
            value.len()
        ));
    }
    match value.contains('\0') {
        true => Err("a value has no zero byte".to_owned()),
        false => Ok(value),
    }
}

fn read(text: &str) -> Result<String, String> {
    let text = String::from_utf8(decode(text)?);
    text.map_err(|_| "what is encoded must be UTF-8".to_owned())
}
