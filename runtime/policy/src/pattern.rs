//! What requests a grant covers: the only matcher of methods, hosts and paths.

mod host;
mod method;
mod path;

use std::fmt;

pub(crate) use host::HostPattern;
pub use host::HttpHost;
pub(crate) use host::{port, split};
pub(crate) use method::Methods;
pub use method::{Method, Scheme};
pub(crate) use path::{PathPattern, canonical_path, is_plain, loosened};

use crate::HttpAccess;

/// `GET,POST https://api.example.com:8443/v1/**`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HttpPattern {
    pub(crate) methods: Methods,
    pub(crate) scheme: Scheme,
    pub(crate) host: HostPattern,
    pub(crate) port: u16,
    pub(crate) path: PathPattern,
}

impl HttpPattern {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (methods, url) = match text.split_once(' ') {
            Some((methods, url)) => (Methods::parse(methods)?, url),
            None => (Methods::READING, text),
        };
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(format!(
                "it is `METHODS SCHEME://HOST/PATH`, such as `{}`",
                "GET https://api.example.com/v1/**"
            ));
        };
        let scheme = Scheme::parse(scheme)?;
        let Some(slash) = rest.find('/') else {
            let (host, _) = split(rest)?;
            HostPattern::parse(host)?;
            return Err(format!(
                "it names no path: for all of that server write `{scheme}://{rest}/**`"
            ));
        };
        let (authority, path) = rest.split_at(slash);
        let (host, number) = split(authority)?;
        Ok(Self {
            methods,
            scheme,
            host: HostPattern::parse(host)?,
            port: port(number, scheme)?,
            path: PathPattern::parse(path)?,
        })
    }

    /// The pattern of one request.
    pub(crate) fn of(access: &HttpAccess) -> Self {
        Self {
            methods: Methods::one(access.method()),
            scheme: access.scheme(),
            host: HostPattern::Exact(access.host().clone()),
            port: access.port(),
            path: PathPattern::exact(access.path()),
        }
    }

    /// The one request that it covers, if it covers one.
    pub(crate) fn only(&self) -> Option<HttpAccess> {
        let HostPattern::Exact(host) = &self.host else {
            return None;
        };
        let (method, path) = (self.methods.only()?, self.path.only()?);
        Some(HttpAccess::of_parts(
            (method, self.scheme),
            (host.clone(), self.port),
            path,
        ))
    }

    pub(crate) fn matches(&self, access: &HttpAccess) -> bool {
        self.scheme == access.scheme()
            && self.port == access.port()
            && self.methods.has(access.method())
            && self.host.matches(access.host())
            && self.path.matches(access.path(), access.has_plain_path())
    }

    /// Whether, where it is denied, a server could take this for what it stands for:
    /// who may not read may not write.
    pub(crate) fn forbids(&self, access: &HttpAccess) -> bool {
        let may_not_read = self.methods.has(Method::Get) || self.methods.has(Method::Head);
        self.scheme == access.scheme()
            && self.port == access.port()
            && (may_not_read || self.methods.has(access.method()))
            && self.host.matches(access.host())
            && self.path.forbids(access.loose_path())
    }

    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && self.port == other.port
            && self.methods.covers(other.methods)
            && self.host.covers(&other.host)
            && self.path.covers(&other.path)
    }

    /// Whether a request may change something.
    pub(crate) const fn may_write(&self) -> bool {
        !Methods::HARMLESS.covers(self.methods)
    }

    /// Whether one pattern stands for several hosts or paths.
    pub(crate) const fn has_wildcard(&self) -> bool {
        matches!(self.host, HostPattern::Below(_)) || self.path.has_wildcard()
    }
}

impl fmt::Display for HttpPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            methods,
            scheme,
            host,
            port,
            path,
        } = self;
        write!(f, "{methods} {scheme}://{host}")?;
        if *port != scheme.port() {
            write!(f, ":{port}")?;
        }
        write!(f, "{path}")
    }
}
