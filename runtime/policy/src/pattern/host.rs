//! Hosts.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use url::Host;

use crate::{Scheme, cut, escape_line};

/// The longest name of a host (RFC 1035), in bytes.
const MAX_HOST_BYTES: usize = 253;

/// The longest label of it, in bytes.
const MAX_LABEL_BYTES: usize = 63;

/// The longest piece of a name that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 80;

/// A host: a name in lower case, in the form that DNS has it, or an address.
///
/// An address of IPv4 that is written as one of IPv6 is that of IPv4.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HttpHost {
    /// `api.example.com`.
    Name(String),
    /// `192.0.2.1`, `[2001:db8::1]`.
    Address(IpAddr),
}

impl HttpHost {
    /// Reads one as the URL standard does (<https://url.spec.whatwg.org/#host-parsing>).
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let shown = || cut(&escape_line(text), MAX_ECHO_BYTES).into_owned();
        let host =
            Host::parse(text).map_err(|error| format!("`{}` is no host: {error}", shown()))?;
        let name = match host {
            Host::Ipv4(address) => return Ok(Self::Address(address.into())),
            Host::Ipv6(address) => return Ok(Self::of(address.into())),
            Host::Domain(name) => name,
        };
        let is_label = |label: &str| {
            let is_in = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            !label.is_empty() && label.len() <= MAX_LABEL_BYTES && label.chars().all(is_in)
        };
        match name.len() <= MAX_HOST_BYTES && name.split('.').all(is_label) {
            true => Ok(Self::Name(name)),
            false => Err(format!(
                "`{}` is no host: a name has labels of 1 to {MAX_LABEL_BYTES} of `a-z0-9-_` \
                 with a dot between, and at most {MAX_HOST_BYTES} bytes",
                shown()
            )),
        }
    }

    /// The host that an address is.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        Self::Address(address.to_canonical())
    }
}

impl fmt::Display for HttpHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// `api.example.com`, or `*.example.com`: every name that ends so.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum HostPattern {
    Exact(HttpHost),
    /// With the dot before it.
    Below(String),
}

impl HostPattern {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(parent) = text.strip_prefix("*.") {
            let parent = match exact(parent)? {
                HttpHost::Name(name) if name.contains('.') => name,
                _ => {
                    let parent = cut(&escape_line(parent), MAX_ECHO_BYTES).into_owned();
                    return Err(format!(
                        "`*.` stands before a name of two labels or more, not before `{parent}`"
                    ));
                }
            };
            let whole = parent.len() + "x.".len();
            return match whole <= MAX_HOST_BYTES {
                true => Ok(Self::Below(format!(".{parent}"))),
                false => Err(format!("no host has more than {MAX_HOST_BYTES} bytes")),
            };
        }
        if text.contains('*') {
            return Err(
                "`*` is the whole first label of a host, before two more or more: \
                        `*.example.com`"
                    .to_owned(),
            );
        }
        exact(text).map(Self::Exact)
    }

    pub(crate) fn matches(&self, host: &HttpHost) -> bool {
        match (self, host) {
            (Self::Exact(one), host) => one == host,
            // Something stands before the dot: a host begins with none.
            (Self::Below(parent), HttpHost::Name(name)) => name.ends_with(parent),
            (Self::Below(_), HttpHost::Address(_)) => false,
        }
    }

    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (one, Self::Exact(host)) => one.matches(host),
            (Self::Below(parent), Self::Below(other)) => other.ends_with(parent),
            (Self::Exact(_), Self::Below(_)) => false,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => host.fmt(f),
            Self::Below(parent) => write!(f, "*{parent}"),
        }
    }
}

/// A host of a pattern: an address is written as it is shown, so that nobody is
/// granted another one than he reads.
fn exact(text: &str) -> Result<HttpHost, String> {
    let host = HttpHost::parse(text)?;
    let HttpHost::Address(address) = host else {
        return Ok(host);
    };
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let read: Option<IpAddr> = match inner {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    };
    match read == Some(address) {
        true => Ok(host),
        false => {
            let text = cut(&escape_line(text), MAX_ECHO_BYTES).into_owned();
            Err(format!("the address `{text}` is written `{host}`"))
        }
    }
}

/// The host and the port of `host:port`; the port as text, where there is one.
pub(crate) fn split(authority: &str) -> Result<(&str, Option<&str>), String> {
    if authority.contains('@') {
        return Err("an address names no user: put the host behind `://`".to_owned());
    }
    let end = authority.find(']').map_or(0, |bracket| bracket + 1);
    let (address, rest) = authority.split_at(end);
    if end == 0 {
        return Ok(match rest.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        });
    }
    match (rest.is_empty(), rest.strip_prefix(':')) {
        (true, _) => Ok((address, None)),
        (false, Some(port)) => Ok((address, Some(port))),
        (false, None) => Err("what follows a `]` is `:` and a port".to_owned()),
    }
}

/// The port that is written, or the scheme's.
pub(crate) fn port(text: Option<&str>, scheme: Scheme) -> Result<u16, String> {
    let Some(text) = text else {
        return Ok(scheme.port());
    };
    let is_number = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number);
    number.ok_or_else(|| {
        let text = cut(&escape_line(text), MAX_ECHO_BYTES).into_owned();
        format!("a port is a number from 1 to 65535, not `{text}`")
    })
}
