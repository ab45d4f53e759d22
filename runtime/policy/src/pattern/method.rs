//! Methods and schemes.

use std::fmt;

use crate::{cut, escape_line, nearest};

/// The longest word that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 40;

/// A method of HTTP that can be granted (RFC 9110, RFC 5789).
///
/// `CONNECT`, `TRACE` and methods of somebody's own can never be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Method {
    Get = 1,
    Head = 2,
    Post = 4,
    Put = 8,
    Patch = 16,
    Delete = 32,
    Options = 64,
}

impl Method {
    /// Each of them.
    pub const ALL: [Self; 7] = [
        Self::Get,
        Self::Head,
        Self::Post,
        Self::Put,
        Self::Patch,
        Self::Delete,
        Self::Options,
    ];

    /// The word of a request.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|method| method.as_str() == word);
        if let Some(method) = found {
            return Ok(method);
        }
        if word.is_empty() {
            return Err("a method is missing beside a comma or a space".to_owned());
        }
        if word == "*" {
            let all = Self::ALL.map(Self::as_str).join(",");
            return Err(format!("no `*` stands for methods: name them, of `{all}`"));
        }
        let near = nearest(
            &word.to_ascii_uppercase(),
            Self::ALL.iter().map(|one| one.as_str()),
        );
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let word = cut(&escape_line(word), MAX_ECHO_BYTES).into_owned();
        Err(format!("no method `{word}` can be granted{near}"))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `http`: anybody on the way can read and change it.
    Http,
    /// `https`.
    Https,
}

impl Scheme {
    /// The word of an address.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port where an address names none.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        match word {
            "http" => Ok(Self::Http),
            "https" => Ok(Self::Https),
            _ => {
                let word = cut(&escape_line(word), MAX_ECHO_BYTES).into_owned();
                Err(format!("a scheme is `https` or `http`, not `{word}`"))
            }
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Some methods, at least one: a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Methods(u8);

impl Methods {
    /// Those that ask for something and change nothing.
    pub(crate) const READING: Self = Self(Method::Get as u8 | Method::Head as u8);

    /// Those that are safe (RFC 9110, 9.2.1).
    pub(crate) const HARMLESS: Self = Self(Self::READING.0 | Method::Options as u8);

    pub(crate) const fn one(method: Method) -> Self {
        Self(method as u8)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut methods = text.split(',').map(Method::parse);
        methods.try_fold(Self(0), |all, method| Ok(Self(all.0 | method? as u8)))
    }

    pub(crate) const fn has(self, method: Method) -> bool {
        self.0 & method as u8 != 0
    }

    pub(crate) const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The only one, if there is one only.
    pub(crate) fn only(self) -> Option<Method> {
        let mut all = Method::ALL.into_iter().filter(|method| self.has(*method));
        let first = all.next();
        first.filter(|_| all.next().is_none())
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = Method::ALL.into_iter().filter(|method| self.has(*method));
        let all: Vec<_> = all.map(Method::as_str).collect();
        f.write_str(&all.join(","))
    }
}
