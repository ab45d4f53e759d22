//! What lies in a folder, and in the folders in it.

use std::fs::{self, FileType};
use std::path::{Path, PathBuf};

use crate::world::exports::patinox::files::operations::{Entry, Kind, ListOptions, Listing};
use crate::{MAX_ANSWER_BYTES, told};

const DEFAULT_LIMIT: u16 = 1_000;

/// What an entry takes in an answer beside its path.
const ENTRY_BYTES: usize = 64;

/// Lists a folder.
///
/// # Errors
/// Where the folder cannot be read. One further down that cannot is listed, and not
/// looked into.
pub(crate) fn list(path: &str, options: Option<ListOptions>) -> Result<Listing, String> {
    let depth = options.and_then(|o| o.depth).unwrap_or(1).max(1);
    let limit = options.and_then(|o| o.limit).unwrap_or(DEFAULT_LIMIT);
    let mut left = MAX_ANSWER_BYTES;
    let mut listing = Listing {
        entries: Vec::new(),
        complete: true,
    };
    let mut folders = vec![(PathBuf::from(path), 1)];
    let mut is_first = true;
    while let Some((folder, level)) = folders.pop() {
        let found = match (entries(&folder), is_first) {
            (Ok(found), _) => found,
            (Err(why), true) => return Err(why),
            (Err(_), false) => continue,
        };
        is_first = false;
        for (path, entry) in found {
            let rest = left.checked_sub(entry.path.len() + ENTRY_BYTES);
            let Some(rest) = rest.filter(|_| listing.entries.len() < usize::from(limit)) else {
                listing.complete = false;
                return Ok(sorted(listing));
            };
            left = rest;
            if entry.kind == Kind::Folder && level < depth {
                folders.push((path, level + 1));
            }
            listing.entries.push(entry);
        }
    }
    Ok(sorted(listing))
}

fn sorted(mut listing: Listing) -> Listing {
    listing
        .entries
        .sort_by(|one, other| one.path.cmp(&other.path));
    listing
}

/// What lies in a folder, in alphabetical order.
pub(crate) fn entries(folder: &Path) -> Result<Vec<(PathBuf, Entry)>, String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(told(folder))? {
        let entry = entry.map_err(told(folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_or(Kind::Other, kind_of);
        let bytes = match kind {
            Kind::File => entry.metadata().map_or(0, |metadata| metadata.len()),
            _ => 0,
        };
        let entry = Entry {
            path: path.to_string_lossy().into_owned(),
            kind,
            bytes,
        };
        found.push((path, entry));
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

fn kind_of(kind: FileType) -> Kind {
    match kind {
        kind if kind.is_file() => Kind::File,
        kind if kind.is_dir() => Kind::Folder,
        kind if kind.is_symlink() => Kind::Link,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::tests::Folder;

    fn names(folder: &Folder, depth: u8, limit: u16) -> (Vec<String>, bool) {
        let options = ListOptions {
            depth: Some(depth),
            limit: Some(limit),
        };
        let listing = list(&folder.path(""), Some(options)).unwrap();
        let start = folder.path("");
        let names = listing.entries.iter();
        let names = names.map(|entry| entry.path.trim_start_matches(&start).to_owned());
        (names.collect(), listing.complete)
    }

    #[test]
    fn folders_are_looked_into_as_deep_as_is_asked() {
        let folder = Folder::with(&[("a.txt", "1"), ("sub/b.txt", "22"), ("sub/deep/c.txt", "3")]);
        assert_eq!(names(&folder, 1, 9).0, ["a.txt", "sub"]);
        assert_eq!(
            names(&folder, 2, 9).0,
            ["a.txt", "sub", "sub/b.txt", "sub/deep"]
        );
        assert_eq!(names(&folder, 9, 9).0.len(), 5);
        assert_eq!(
            names(&folder, 9, 3),
            (
                vec!["a.txt".to_owned(), "sub".to_owned(), "sub/b.txt".to_owned()],
                false
            )
        );
    }

    #[test]
    fn what_cannot_be_read_says_its_path() {
        let error = list("/no/such/folder", None).unwrap_err();
        assert!(error.starts_with("/no/such/folder: "), "{error}");
    }
}
