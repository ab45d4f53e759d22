//! Requests to servers.

use std::fmt;
use std::net::IpAddr;

use super::AccessError;
use crate::address::carried;
use crate::pattern::{self, HttpHost, Method, Scheme, canonical_path, is_plain, loosened};

/// The longest host with its port, as it is written, in bytes.
const MAX_AUTHORITY_BYTES: usize = 2 << 10;

/// A request to a server: its method, scheme, host, port and path.
///
/// The query is not part of it: who may ask for a path may ask with every query.
///
/// ```
/// use patinox_policy::HttpAccess;
///
/// let access = HttpAccess::new("GET", "https", "API.example.com", "/v1/%61?q=1")?;
/// assert_eq!(access.to_string(), "GET https://api.example.com/v1/a");
/// assert!(HttpAccess::new("GET", "https", "example.com", "/a/../b").is_err());
/// # Ok::<(), patinox_policy::AccessError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpAccess {
    method: Method,
    scheme: Scheme,
    host: HttpHost,
    port: u16,
    path: String,
    has_plain_path: bool,
    /// As denials have it, where no server could take it for any other.
    loose_path: Option<String>,
}

impl HttpAccess {
    /// A request by its parts, as a guest gives them: `authority` is a host, with a
    /// port or without, `path` what follows it, with a query or without.
    ///
    /// # Errors
    ///
    /// If nobody can be granted such a request: another method than the usual, another
    /// scheme than `http` and `https`, a user in front of the host, a host or port that
    /// is none, a path with segments `.` or `..` or of more than 2 KiB.
    pub fn new(
        method: &str,
        scheme: &str,
        authority: &str,
        path: &str,
    ) -> Result<Self, AccessError> {
        Self::read(method, scheme, authority, path).map_err(AccessError::new)
    }

    fn read(method: &str, scheme: &str, authority: &str, path: &str) -> Result<Self, String> {
        // Before anything reads them.
        if MAX_AUTHORITY_BYTES < authority.len() {
            return Err(format!("a host has at most {MAX_AUTHORITY_BYTES} bytes"));
        }
        let scheme = Scheme::parse(scheme)?;
        let (host, port) = pattern::split(authority)?;
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let path = match path {
            "" => "/",
            path => path,
        };
        Ok(Self::of_parts(
            (Method::parse(method)?, scheme),
            (HttpHost::parse(host)?, pattern::port(port, scheme)?),
            canonical_path(path)?,
        ))
    }

    /// Of a path that is canonical.
    pub(crate) fn of_parts(
        (method, scheme): (Method, Scheme),
        (host, port): (HttpHost, u16),
        path: String,
    ) -> Self {
        Self {
            method,
            scheme,
            host,
            port,
            has_plain_path: is_plain(&path),
            loose_path: loosened(&path),
            path,
        }
    }

    /// The same request to an address: to that which its name leads to.
    #[must_use]
    pub fn to_address(&self, address: IpAddr) -> Self {
        Self {
            host: HttpHost::of(address),
            ..self.clone()
        }
    }

    /// The address of IPv4 that its host leads to, where that is one of IPv6.
    pub(crate) fn carried_address(&self) -> Option<IpAddr> {
        match self.host {
            HttpHost::Address(IpAddr::V6(address)) => carried(address).map(IpAddr::V4),
            _ => None,
        }
    }

    /// Its method.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Its scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Where it goes to.
    #[must_use]
    pub const fn host(&self) -> &HttpHost {
        &self.host
    }

    /// The port there.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its path, each byte percent-encoded but `A-Za-z0-9._~:/@=,-`, without a query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its path as a denial has it; `None` where a server could take it for any.
    pub(crate) fn loose_path(&self) -> Option<&str> {
        self.loose_path.as_deref()
    }

    /// Whether no server takes its path for another one.
    pub(crate) const fn has_plain_path(&self) -> bool {
        self.has_plain_path
    }
}

impl fmt::Display for HttpAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            method,
            scheme,
            host,
            port,
            path,
            has_plain_path: _,
            loose_path: _,
        } = self;
        write!(f, "{method} {scheme}://{host}")?;
        if *port != scheme.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(path)
    }
}
