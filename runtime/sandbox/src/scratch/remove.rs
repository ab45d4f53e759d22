//! Removes all that lies in a folder, however deep, and no more.
//!
//! Folders in folders are moved up to the first one instead of being walked into, so
//! that neither stack nor descriptors depend on how deep they lie. No link is followed.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

/// How many names are read at once.
const BATCH: usize = 1_000;

/// How often it is tried where something is still made.
const ATTEMPTS: usize = 8;

/// Removes a folder with all that lies in it.
pub(super) fn tree(parent: impl AsFd, name: &[u8]) -> Result<(), Errno> {
    let top = open(&parent, name)?;
    let mut moved = 0_u64;
    let mut empty = || {
        each(&top, |name| {
            let folder = open(&top, name)?;
            each(&folder, |inner| lift((&folder, inner), (&top, &mut moved)))?;
            rustix::fs::unlinkat(&top, name, AtFlags::REMOVEDIR)
        })?;
        rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR)
    };
    // The last that the call had a thread do may end after the call.
    let mut tries = (1..ATTEMPTS).map(|_| empty());
    match tries.find(|tried| *tried != Err(Errno::NOTEMPTY)) {
        Some(tried) => tried,
        None => empty(),
    }
}

/// Removes what lies in a folder; folders are given to somebody else.
fn each(
    folder: &OwnedFd,
    mut folders: impl FnMut(&[u8]) -> Result<(), Errno>,
) -> Result<(), Errno> {
    loop {
        let names = names(folder, BATCH)?;
        if names.is_empty() {
            return Ok(());
        }
        for name in names {
            match rustix::fs::unlinkat(folder, &*name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::ISDIR | Errno::PERM) => folders(&name)?,
                Err(errno) => return Err(errno),
            }
        }
    }
}

/// Moves a folder up to the first one, under a name that nothing has there.
fn lift(
    (folder, name): (&OwnedFd, &[u8]),
    (top, moved): (&OwnedFd, &mut u64),
) -> Result<(), Errno> {
    loop {
        let new = format!(".{moved}");
        *moved = moved.saturating_add(1);
        let flags = RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(folder, name, top, &*new, flags) {
            Err(Errno::EXIST) => {}
            moved => return moved,
        }
    }
}

/// What lies in a folder, at most so many.
pub(super) fn names(folder: &OwnedFd, most: usize) -> Result<Vec<Vec<u8>>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            names.push(name.to_owned());
        }
        if most <= names.len() {
            break;
        }
    }
    Ok(names)
}

fn open(parent: impl AsFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_tree_goes_however_deep_and_what_its_links_lead_to_stays() {
        let whole = tempfile::tempdir().unwrap();
        let outside = whole.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("a"), "a").unwrap();
        let top = whole.path().join("top");
        fs::create_dir(&top).unwrap();
        symlink(&outside, top.join("out")).unwrap();
        symlink("nowhere", top.join(".0")).unwrap();
        fs::create_dir(top.join(".1")).unwrap();
        let mut folder: OwnedFd = File::open(&top).unwrap().into();
        for depth in 0..5_000_u32 {
            let mode = Mode::RWXU;
            rustix::fs::mkdirat(&folder, "sub", mode).unwrap();
            if depth % 100 == 0 {
                rustix::fs::symlinkat(&outside, &folder, "out-too").unwrap();
                rustix::fs::mkdirat(&folder, ".7", mode).unwrap();
            }
            folder = open(&folder, b"sub").unwrap();
        }
        let parent = File::open(whole.path()).unwrap();
        tree(&parent, b"top").unwrap();
        assert!(!top.exists());
        assert_eq!(fs::read_to_string(outside.join("a")).unwrap(), "a");
        assert_eq!(tree(&parent, b"top"), Err(Errno::NOENT));
        // A link is no folder.
        symlink("outside", &top).unwrap();
        assert!(tree(&parent, b"top").is_err());
        assert!(outside.join("a").exists());
    }
}
