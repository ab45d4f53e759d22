//! Folders that were granted.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use patinox_policy::{Grant, Mode};

/// A folder that a guest may use, by all grants that give it that name. What is opened
/// in it is decided by these for as long as it is open, whatever other grants there are.
#[derive(Debug)]
pub(crate) struct Folder {
    grants: Vec<(Grant, Mode)>,
    host: Option<PathBuf>,
    guest: String,
}

impl Folder {
    /// That of a grant, if it is of a folder.
    pub(crate) fn of(grant: &Grant) -> Option<Self> {
        let (host, guest, mode) = grant.folder()?;
        Some(Self {
            host: host.map(Path::to_owned),
            guest: guest.to_owned(),
            grants: vec![(grant.clone(), mode)],
        })
    }

    /// The same, by the grants of both: to a guest they are one.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.grants.extend(other.grants);
        self
    }

    /// Those that allow this, and when each ends, if it does.
    fn ends(&self, mode: Mode) -> impl Iterator<Item = Option<SystemTime>> {
        let allow = self.grants.iter().filter(move |(_, up_to)| mode <= *up_to);
        allow.map(|(grant, _)| grant.expires())
    }

    /// Whether it may be used so at that moment.
    pub(super) fn allows(&self, mode: Mode, now: SystemTime) -> bool {
        self.ends(mode).any(|end| end.is_none_or(|end| now < end))
    }

    /// When it may not be used so any more, if it may now; `None` for never.
    pub(crate) fn ends_at(&self, mode: Mode) -> Option<SystemTime> {
        let ends: Option<Vec<_>> = self.ends(mode).collect();
        ends?.into_iter().max()
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
        let modes = self.grants.iter().map(|(_, mode)| *mode);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_guest_lies_in_a_folder() {
        let folder = |text: &str| Folder::of(&text.parse().unwrap()).unwrap();
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
