//! Folders that were granted.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use patinox_policy::{Grant, Mode};

/// A folder of the host that a guest may use, by one grant. What is opened in it is
/// decided by that grant for as long as it is open, whatever other grants there are.
#[derive(Debug)]
pub(crate) struct Folder {
    grant: Grant,
    host: PathBuf,
    guest: String,
    mode: Mode,
}

impl Folder {
    /// That of a grant, if it is of a folder.
    pub(crate) fn of(grant: &Grant) -> Option<Self> {
        let (host, guest, mode) = grant.folder()?;
        Some(Self {
            host: host.to_owned(),
            guest: guest.to_owned(),
            mode,
            grant: grant.clone(),
        })
    }

    pub(super) const fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Where it lies.
    pub(crate) fn host(&self) -> &Path {
        &self.host
    }

    /// What the guest calls it.
    pub(crate) fn guest(&self) -> &str {
        &self.guest
    }

    /// When its grant ends, if it does.
    pub(crate) const fn expires(&self) -> Option<SystemTime> {
        self.grant.expires()
    }

    pub(crate) const fn mode(&self) -> Mode {
        self.mode
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
