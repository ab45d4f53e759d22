//! Folders that were granted.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use patinox_policy::{Grant, Mode, Policy};
use patinox_resources::Shared;

/// A folder that a guest may use, by all grants that gave it that name when it was
/// opened. What is opened in it is decided by these for as long as it is open, and as
/// long as the policy has them, whatever other grants there are.
#[derive(Debug)]
pub(crate) struct Folder {
    grants: Vec<Grant>,
    policy: Shared<Policy>,
    host: Option<PathBuf>,
    guest: String,
    /// It is granted to this call alone, whatever the policy has.
    is_once: bool,
    /// For what it was asked for and refused, where nobody could tell that at once.
    refused: Mutex<Option<Mode>>,
}

impl Folder {
    /// That of a grant of this policy, if it is of a folder.
    pub(crate) fn of(grant: &Grant, policy: &Shared<Policy>) -> Option<Self> {
        let (host, guest, _) = grant.folder()?;
        Some(Self {
            host: host.map(Path::to_owned),
            guest: guest.to_owned(),
            grants: vec![grant.clone()],
            policy: policy.clone(),
            is_once: false,
            refused: Mutex::default(),
        })
    }

    /// The same, until the call is over, unless something of it is denied.
    pub(super) const fn once(mut self) -> Self {
        self.is_once = true;
        self
    }

    /// The same, by the grants of both: to a guest they are one.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.grants.extend(other.grants);
        self
    }

    /// Those of its grants that the policy still has and that allow this.
    fn standing<'a>(&'a self, mode: Mode, policy: &'a Policy) -> impl Iterator<Item = &'a Grant> {
        let own = |grant: &Grant| self.grants.iter().any(|own| own.is_same(grant));
        let allows = move |grant: &Grant| mode <= mode_of(grant);
        let granted = match self.is_once {
            true => self.grants.iter(),
            false => policy.granted().iter(),
        };
        let standing = granted.filter(move |grant| allows(grant) && own(grant));
        standing.filter(|_| !self.is_denied(policy))
    }

    /// Whether a folder that is denied lies in this one, or holds it. That was looked at
    /// when the denial was made, through all links.
    fn is_denied(&self, policy: &Policy) -> bool {
        let denied = policy.denied().iter().filter_map(Grant::folder);
        let mut denied = denied.filter_map(|(denied, ..)| denied);
        let apart = |denied: &Path, granted: &Path| {
            !granted.starts_with(denied) && !denied.starts_with(granted)
        };
        self.host()
            .is_some_and(|granted| denied.any(|denied| !apart(denied, granted)))
    }

    /// Whether it may be used so at that moment.
    pub(crate) fn allows(&self, mode: Mode, now: SystemTime) -> bool {
        let lasts = |grant: &Grant| !grant.has_expired(now);
        self.policy
            .with(|policy| self.standing(mode, policy).any(lasts))
    }

    /// Keeps for the end of the call that a stream of it was refused this.
    pub(crate) fn refuse(&self, mode: Mode) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused = (*refused).max(Some(mode));
    }

    /// What a stream of it was refused, if anything.
    pub(crate) fn refused(&self) -> Option<Mode> {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the next of its grants ends, after that moment.
    pub(crate) fn next_end(&self, now: SystemTime) -> Option<SystemTime> {
        self.policy.with(|policy| {
            let standing = self.standing(Mode::Read, policy);
            let ends = standing.filter_map(Grant::expires);
            ends.filter(|end| now < *end).min()
        })
    }

    /// Where it lies; `None` for one that each call gets anew.
    pub(crate) fn host(&self) -> Option<&Path> {
        self.host.as_deref()
    }

    /// What the guest calls it.
    pub(crate) fn guest(&self) -> &str {
        &self.guest
    }

    /// The most that any of its grants allows, ended or not.
    pub(crate) fn mode(&self) -> Mode {
        let modes = self.grants.iter().map(mode_of);
        modes.max().unwrap_or(Mode::Read)
    }

    /// The folder in which something lies, by what the guest calls both; this one at
    /// most. Folders are what is granted.
    pub(crate) fn of_path<'a>(&'a self, path: &'a str) -> &'a str {
        let above = path.rsplit_once('/').map_or("", |(above, _)| above);
        match above.len() < self.guest.len() {
            true => &self.guest,
            false => above,
        }
    }

    /// The path from here to something in it, by what the guest calls both; `.` for itself.
    pub(crate) fn path_below<'a>(&self, path: &'a str) -> Option<&'a str> {
        let below = path.strip_prefix(self.guest.trim_end_matches('/'))?;
        match below {
            "" | "/" => Some("."),
            below => below.strip_prefix('/'),
        }
    }

    /// What the guest calls something in it, without a slash at the end.
    pub(crate) fn path_of(&self, inside: &str) -> String {
        let folder = self.guest.trim_end_matches('/');
        match inside.trim_matches('/') {
            "" | "." if folder.is_empty() => "/".to_owned(),
            "" | "." => folder.to_owned(),
            inside => format!("{folder}/{inside}"),
        }
    }
}

fn mode_of(grant: &Grant) -> Mode {
    grant.folder().map_or(Mode::Read, |(_, _, mode)| mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_from_a_folder_to_what_lies_in_it() {
        let policy = Shared::new(Policy::default());
        let folder = |text: &str| Folder::of(&text.parse().unwrap(), &policy).unwrap();
        let data = folder("fs=/tmp/x:ro@/data");
        for (path, below) in [
            ("/data", Some(".")),
            ("/data/", Some(".")),
            ("/data/a", Some("a")),
            ("/data/a/b/", Some("a/b/")),
            ("/datab", None),
            ("/database", None),
            ("/dat", None),
            ("/", None),
        ] {
            assert_eq!(data.path_below(path), below, "{path}");
        }
        let all = folder("fs=/tmp/x:ro@/");
        assert_eq!(all.path_below("/"), Some("."));
        assert_eq!(all.path_below("/a/b"), Some("a/b"));
    }

    #[test]
    fn a_path_of_the_guest_lies_in_a_folder() {
        let policy = Shared::new(Policy::default());
        let folder = |text: &str| Folder::of(&text.parse().unwrap(), &policy).unwrap();
        let data = folder("fs=/tmp/x:ro@/data");
        for (inside, path, of) in [
            ("", "/data", "/data"),
            (".", "/data", "/data"),
            ("a", "/data/a", "/data"),
            ("a/b/", "/data/a/b", "/data/a"),
            ("../a", "/data/../a", "/data/.."),
        ] {
            assert_eq!(data.path_of(inside), path);
            assert_eq!(data.of_path(path), of);
        }
        let all = folder("fs=/tmp/x:ro@/");
        for (inside, path, of) in [("", "/", "/"), ("a", "/a", "/"), ("a/b", "/a/b", "/a")] {
            assert_eq!(all.path_of(inside), path);
            assert_eq!(all.of_path(path), of);
        }
    }
}
