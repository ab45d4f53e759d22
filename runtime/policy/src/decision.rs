//! Why something is not done, and the grant that would allow it.

use std::fmt;
use std::net::IpAddr;

use crate::grant::MAX_GRANT_BYTES;
use crate::{Access, AddressClass, Code, Failure, Grant, RecoveryStrategy, debug_failure};

/// The grant that allows it, or why nothing does.
pub type Decision<'p> = Result<&'p Grant, Box<Denial>>;

/// A refusal.
#[derive(Clone, PartialEq, Eq)]
pub struct Denial {
    access: Access,
    why: Why,
    /// The least grant, where it is not the narrowest of what was asked for.
    least: Option<Grant>,
}

/// Why something is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// Nothing grants it.
    NotGranted,
    /// This denies it, whatever else grants it.
    Denied(Grant),
    /// This granted it, and has ended.
    Expired(Grant),
    /// Its name is granted, but leads to an address that is not a stranger's on the
    /// internet.
    Address(IpAddr),
}

impl Denial {
    pub(crate) const fn new(access: Access, why: Why, least: Option<Grant>) -> Self {
        Self { access, why, least }
    }

    /// What was asked for.
    #[must_use]
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// Why it is refused.
    #[must_use]
    pub const fn why(&self) -> &Why {
        &self.why
    }

    /// The least grant that would allow it, if one would.
    #[must_use]
    pub fn allowing(&self) -> Option<Grant> {
        let least = || self.least.clone();
        match self.why {
            Why::Denied(_) => None,
            // Only who gave the value can give it again.
            Why::Expired(ref grant) if grant.has_value() => None,
            _ => least().or_else(|| Some(self.access.narrowest())),
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { access, why, .. } = self;
        match why {
            Why::NotGranted => write!(f, "{access} is not granted"),
            Why::Denied(grant) => {
                let by = grant.origin();
                write!(f, "{access} is denied: {by} denies `{}`", grant.named())
            }
            Why::Expired(grant) => {
                write!(
                    f,
                    "{access} is no longer granted: `{}` has ended",
                    grant.named()
                )
            }
            Why::Address(address) => {
                let class = AddressClass::of(*address);
                write!(
                    f,
                    "{access} is refused: its host is {address}, {class}, which a grant must name itself"
                )
            }
        }
    }
}

impl std::error::Error for Denial {}

impl Failure for Denial {
    fn code(&self) -> Code {
        match self.why {
            Why::Expired(_) => Code::Expired,
            Why::NotGranted | Why::Denied(_) | Why::Address(_) => Code::Denied,
        }
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        let grant = self.allowing()?.to_string();
        // Where a folder lies deep, its path and the guest's may be more than a grant has.
        let is_grant = grant.len() <= MAX_GRANT_BYTES;
        is_grant.then(|| format!("allow it with --allow '{grant}'"))
    }
}

impl fmt::Debug for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_failure(self, f)
    }
}
