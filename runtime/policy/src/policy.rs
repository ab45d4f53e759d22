//! All that a component may do.

mod grants;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::time::SystemTime;

use grants::Grants;

use crate::access::Asked;
use crate::decision::{Decision, Denial, Why};
use crate::grant::Scope;
use crate::{
    Access, AddressClass, Code, Failure, Grant, HttpAccess, Mode, RecoveryStrategy, debug_failure,
};

/// The most grants that a policy has, denials too: each is looked at when something is
/// decided.
const MAX_GRANTS: usize = 1_000;

/// What a component has been granted, and what it is denied whatever is granted.
///
/// What nothing grants is refused; a denial wins over every grant; the order in which
/// they stand does not matter.
///
/// ```
/// use std::time::SystemTime;
///
/// use patinox_policy::{Access, Failure, Policy};
///
/// let mut policy = Policy::default();
/// policy.allow("env=TZ".parse()?)?;
/// policy.deny("model=large".parse()?)?;
///
/// let now = SystemTime::UNIX_EPOCH;
/// assert!(policy.decide(&Access::environment("TZ")?, now).is_ok());
///
/// let denial = policy.decide(&Access::environment("HOME")?, now).unwrap_err();
/// assert_eq!(denial.to_string(), "the variable `HOME` of the environment is not granted");
/// assert_eq!(denial.hint().unwrap(), "allow it with --allow 'env=HOME'");
///
/// let denial = policy.decide(&Access::model("large")?, now).unwrap_err();
/// assert_eq!(denial.to_string(), "the model `large` is denied: the program denies `model=large`");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Policy {
    allow: Grants,
    deny: Grants,
}

/// Why a grant cannot be part of a policy.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The path of a folder depends on where somebody is.
    #[error("`{grant}` names a folder by a relative path: take it from a folder first")]
    Relative {
        /// The grant, cut.
        grant: String,
    },
    /// The path of a folder leads up or has control characters, which no text of a
    /// grant has.
    #[error(
        "`{grant}` names a folder by a path that no grant has: without `..` and control characters"
    )]
    Unclear {
        /// The grant, cut.
        grant: String,
    },
    /// Another grant has the same name for something else, and one of them would win.
    #[error("`{grant}` gives a name that `{other}` gives to something else")]
    Conflict {
        /// The grant, without its value, cut.
        grant: String,
        /// The other one, as well.
        other: String,
    },
    /// A folder that each call gets anew can only be granted.
    #[error("`{grant}` denies a folder that a call has only where it is granted")]
    OfTheCall {
        /// The denial, cut.
        grant: String,
    },
    /// There are more than can be looked at each time that something is decided.
    #[error("a policy has at most {MAX_GRANTS} grants and denials")]
    TooMany,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allow: Grants::new(false),
            deny: Grants::new(true),
        }
    }
}

impl Policy {
    /// Grants something.
    ///
    /// # Errors
    ///
    /// If a folder has a relative path ([`Grant::based`] gives it an absolute one) or
    /// one with `..`; if another folder has that name for the guest, or a variable or
    /// setting another value; if there are 1 000 grants and denials.
    pub fn allow(&mut self, grant: Grant) -> Result<(), PolicyError> {
        self.check(&grant)?;
        let mut others = self.granted().iter();
        if let Some(other) = others.find(|other| grant.contradicts(other)) {
            return Err(PolicyError::Conflict {
                grant: grant.named(),
                other: other.named(),
            });
        }
        self.allow.push(grant);
        Ok(())
    }

    /// Denies what a grant would allow, for good: an expiry does not end it.
    ///
    /// A denial is wider than the grant of its text. What may not be read may not be
    /// written either: who denies `GET` denies every method. A path is denied with
    /// those that some server takes for it: in other case, with doubled slashes, with
    /// one at the end or without, with parameters (`;a`), with dots or spaces at the end
    /// of a segment; and one that could be any, such as one with an encoded slash, is
    /// denied where anything of its server is. A folder is denied under every name.
    ///
    /// # Errors
    ///
    /// As [`allow`](Self::allow), but that denials contradict nothing; and if it is of a
    /// folder that each call gets anew.
    pub fn deny(&mut self, grant: Grant) -> Result<(), PolicyError> {
        self.check(&grant)?;
        if let Some((None, ..)) = grant.folder() {
            return Err(PolicyError::OfTheCall {
                grant: grant.named(),
            });
        }
        self.deny.push(grant);
        Ok(())
    }

    /// Takes away all that grants the same, whoever gave it: how many that were.
    pub fn revoke(&mut self, grant: &Grant) -> usize {
        let before = self.granted().len();
        self.allow.retain(|one| !one.is_same(grant));
        before - self.granted().len()
    }

    /// Takes away what has ended at that moment.
    pub fn forget_expired(&mut self, now: SystemTime) {
        self.allow.retain(|one| !one.has_expired(now));
    }

    /// What is granted.
    #[must_use]
    pub fn granted(&self) -> &[Grant] {
        self.allow.as_slice()
    }

    /// What is denied.
    #[must_use]
    pub fn denied(&self) -> &[Grant] {
        self.deny.as_slice()
    }

    /// Whether something may be done at that moment.
    ///
    /// Of a request this is the decision on its name; the one on where that leads is
    /// [`decide_address`](Self::decide_address).
    ///
    /// # Errors
    ///
    /// A [`Denial`], if nothing grants it any more or something denies it.
    pub fn decide(&self, access: &Access, now: SystemTime) -> Decision<'_> {
        let refuse = |why| {
            Err(Box::new(Denial::new(
                access.clone(),
                why,
                self.least(access),
            )))
        };
        if let Some(denied) = self.denial(access) {
            return refuse(Why::Denied(denied.clone()));
        }
        let mut refused = None;
        let allowed = self.allow.find(access, |grant| {
            if !grant.allows(access) {
                return None;
            }
            let why = match (self.folder_denial(access, grant), grant.has_expired(now)) {
                (None, false) => return Some(grant),
                (Some(denied), _) => Why::Denied(denied.clone()),
                (None, true) => Why::Expired(grant.clone()),
            };
            refused.get_or_insert(why);
            None
        });
        match allowed {
            Some(grant) => Ok(grant),
            None => refuse(refused.unwrap_or(Why::NotGranted)),
        }
    }

    /// Whether a request that [`decide`](Self::decide) allows may go to this address,
    /// to which its name leads.
    ///
    /// An address of somebody on the internet needs no grant of its own; each other
    /// needs one of the same request to that address.
    ///
    /// # Errors
    ///
    /// A [`Denial`].
    pub fn decide_address(
        &self,
        access: &HttpAccess,
        address: IpAddr,
        now: SystemTime,
    ) -> Result<(), Box<Denial>> {
        let there = Access::http(access.to_address(address));
        if let Some(denied) = self.denial(&there) {
            let why = Why::Denied(denied.clone());
            return Err(Box::new(Denial::new(there, why, None)));
        }
        if AddressClass::of(address).is_public() || self.decide(&there, now).is_ok() {
            return Ok(());
        }
        let why = Why::Address(address.to_canonical());
        let least = Some(there.narrowest());
        let access = Access::http(access.clone());
        Err(Box::new(Denial::new(access, why, least)))
    }

    /// The least grants that would allow all of this: each part of what is granted where
    /// something grants it, and none that another one covers.
    #[must_use]
    pub fn least_grants(&self, accesses: &[Access]) -> Vec<Grant> {
        let mut least: Vec<Grant> = Vec::new();
        for access in accesses {
            let granted = self.granted().iter().find(|grant| grant.allows(access));
            let grant = match granted {
                // Only who gave the value can give it again.
                Some(grant) if grant.has_value() => grant.clone(),
                _ => self.least(access).unwrap_or_else(|| access.narrowest()),
            };
            if !least.iter().any(|other| other.covers(&grant)) {
                least.retain(|other| !grant.covers(other));
                least.push(grant);
            }
        }
        least
    }

    /// What denies this, whatever grants it; of folders see
    /// [`folder_denial`](Self::folder_denial).
    fn denial(&self, access: &Access) -> Option<&Grant> {
        let find = |access: &Access| {
            let forbids = |denied: &Grant| denied.forbids(access, None);
            self.deny
                .find(access, |denied| forbids(denied).then_some(denied))
        };
        // An address is denied in each form that leads to it.
        let carried = || {
            let Asked::Http(request) = &access.0 else {
                return None;
            };
            let address = request.carried_address()?;
            find(&Access::http(request.to_address(address)))
        };
        find(access).or_else(carried)
    }

    /// What denies a folder of the host, under whatever name a grant has it.
    fn folder_denial(&self, access: &Access, grant: &Grant) -> Option<&Grant> {
        let (Asked::Folder(path, _), Scope::Folder(folder)) = (&access.0, grant.scope()) else {
            return None;
        };
        let mut denials = self.deny.folders().peekable();
        denials.peek()?;
        let host = folder.host_of(path)?;
        denials.find(|denied| denied.forbids(access, Some(&host)))
    }

    /// The least grant that would allow this, where a grant has its folder that does
    /// not allow as much.
    fn least(&self, access: &Access) -> Option<Grant> {
        let Asked::Folder(path, mode) = &access.0 else {
            return None;
        };
        let mut folders = self
            .allow
            .folders()
            .filter_map(|grant| match grant.scope() {
                Scope::Folder(folder) if folder.allows(path, Mode::Read) => Some(folder),
                _ => None,
            });
        let part = folders.find_map(|folder| folder.part(path, *mode));
        part.map(|part| Grant::of(Scope::Folder(part)))
    }

    fn check(&self, grant: &Grant) -> Result<(), PolicyError> {
        if MAX_GRANTS <= self.granted().len() + self.denied().len() {
            return Err(PolicyError::TooMany);
        }
        match grant.scope() {
            Scope::Folder(folder) if !folder.is_absolute() => Err(PolicyError::Relative {
                grant: grant.named(),
            }),
            Scope::Folder(folder) if !folder.is_clear() => Err(PolicyError::Unclear {
                grant: grant.named(),
            }),
            _ => Ok(()),
        }
    }
}

impl Failure for PolicyError {
    fn code(&self) -> Code {
        Code::InvalidConfig
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Relative { .. } | Self::Unclear { .. } => "write the whole path of the folder",
            Self::Conflict { .. } => {
                "leave one of them out; `patinox explain` and `patinox grant ls` show who gave it"
            }
            Self::OfTheCall { .. } => "leave it out",
            Self::TooMany => "grant less: one grant of a folder covers all that lies in it",
        };
        Some(hint.to_owned())
    }
}

impl fmt::Debug for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_failure(self, f)
    }
}
