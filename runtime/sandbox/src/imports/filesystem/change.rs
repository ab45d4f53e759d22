//! What changes a folder that was granted to be written.
//!
//! Everything is done by the folder in which it lies, which the kernel finds as it finds
//! what is read ([`place`](super::place)), and a last name without a slash.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, StatFs, Timestamps, fstat, fstatfs};
use rustix::io::{Errno, ReadWriteFlags};
use rustix::process::{Resource, getrlimit};

use super::descriptor::{Held, OpenFor};
use super::place::{Kind, Wanted, beneath, look};
use super::quota::Quota;

/// What is left free of a file system: a twentieth of it, and at most this much.
const MAX_FREE_BYTES: u64 = 1 << 30;

/// The same of the files that it can have.
const MAX_FREE_FILES: u64 = 10_000;

/// How often a name is looked for that comes and goes.
const ATTEMPTS: usize = 4;

/// A name in a folder.
pub(super) struct Spot {
    folder: OwnedFd,
    name: String,
    /// A slash stands behind it: only a folder can be meant.
    is_folder: bool,
}

impl Spot {
    /// Where a path leads, but for its last name.
    pub(super) fn of(folder: impl AsFd, path: &str) -> Result<Self, Errno> {
        let whole = path.trim_end_matches('/');
        // Without its slashes the root would be nothing.
        let (above, name) = match whole.rsplit_once('/') {
            Some((above, name)) => (path.get(..=above.len()).unwrap_or("/"), name),
            None => (".", whole),
        };
        match (path, name) {
            ("", _) => return Err(Errno::NOENT),
            (path, _) if path.starts_with('/') => return Err(Errno::PERM),
            (_, "." | "..") => return Err(Errno::INVAL),
            _ => {}
        }
        let wanted = Wanted {
            follow: true,
            folder: true,
        };
        Ok(Self {
            folder: look(folder, above, wanted)?,
            name: name.to_owned(),
            is_folder: whole.len() < path.len(),
        })
    }

    /// The same, where no folder can be meant.
    fn of_file(folder: impl AsFd, path: &str) -> Result<Self, Errno> {
        let spot = Self::of(folder, path)?;
        match spot.is_folder {
            true => Err(Errno::NOTDIR),
            false => Ok(spot),
        }
    }
}

/// Makes a folder.
pub(super) fn create_folder(folder: &Held, path: &str, quota: &Quota) -> Result<(), Errno> {
    let spot = Spot::of(folder, path)?;
    keep_free(&spot.folder, 0)?;
    let mode = Mode::from_raw_mode(0o777);
    quota.create(|| rustix::fs::mkdirat(&spot.folder, &*spot.name, mode))
}

/// Removes a folder in which nothing lies.
pub(super) fn remove_folder(folder: impl AsFd, path: &str) -> Result<(), Errno> {
    let spot = Spot::of(folder, path)?;
    rustix::fs::unlinkat(&spot.folder, &*spot.name, AtFlags::REMOVEDIR)
}

/// Removes a file, or a link itself.
pub(super) fn remove_file(folder: impl AsFd, path: &str) -> Result<(), Errno> {
    let spot = Spot::of_file(folder, path)?;
    rustix::fs::unlinkat(&spot.folder, &*spot.name, AtFlags::empty())
}

/// Gives something another name, in the same folder that was granted.
pub(super) fn rename(
    (folder, path): (impl AsFd, &str),
    (other, new): (impl AsFd, &str),
) -> Result<(), Errno> {
    let (old, new) = (Spot::of(folder, path)?, Spot::of(other, new)?);
    if old.is_folder || new.is_folder {
        let found = look(&old.folder, &old.name, Wanted::default())?;
        if FileType::from_raw_mode(fstat(found)?.st_mode) != FileType::Directory {
            return Err(Errno::NOTDIR);
        }
    }
    rustix::fs::renameat(&old.folder, &*old.name, &new.folder, &*new.name)
}

/// Gives a file another name beside the one that it has, in the same folder that was
/// granted; not what a link leads to.
pub(super) fn link(
    (folder, path): (&Held, &str),
    (other, new): (&Held, &str),
    quota: &Quota,
) -> Result<(), Errno> {
    let (old, new) = (Spot::of_file(folder, path)?, Spot::of_file(other, new)?);
    let found = look(&old.folder, &old.name, Wanted::default())?;
    let stat = fstat(found)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Errno::PERM);
    }
    keep_free(&new.folder, 0)?;
    let no_follow = AtFlags::empty();
    quota.create(|| rustix::fs::linkat(&old.folder, &*old.name, &new.folder, &*new.name, no_follow))
}

/// Makes a link. It leads down from where it lies, so that it leads out of no folder
/// wherever it is moved.
pub(super) fn symlink(
    folder: impl AsFd,
    (target, path): (&str, &str),
    quota: &Quota,
) -> Result<(), Errno> {
    let leads_up = target.starts_with('/') || target.split('/').any(|part| part == "..");
    if leads_up {
        return Err(Errno::PERM);
    }
    let spot = Spot::of_file(folder, path)?;
    // Another link on the way may lead out.
    let follow = Wanted {
        follow: true,
        folder: false,
    };
    if let Err(Errno::PERM) = look(&spot.folder, target, follow) {
        return Err(Errno::PERM);
    }
    keep_free(&spot.folder, 0)?;
    quota.create(|| rustix::fs::symlinkat(target, &spot.folder, &*spot.name))
}

/// Sets the times of what a path leads to.
pub(super) fn set_times_at(
    folder: impl AsFd,
    (path, wanted): (&str, Wanted),
    times: &Timestamps,
) -> Result<(), Errno> {
    let found = look(folder, path, wanted)?;
    changeable(&fstat(&found)?)?;
    let flags = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::utimensat(found, "", times, flags)
}

/// Sets the times of what is open.
pub(super) fn set_times(file: impl AsFd, times: &Timestamps) -> Result<(), Errno> {
    changeable(&fstat(&file)?)?;
    rustix::fs::futimens(file, times)
}

/// How a file is opened to write it.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    pub(super) open_for: OpenFor,
    pub(super) made: Made,
    pub(super) truncate: bool,
}

/// Whether a file is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// It has to be there.
    Never,
    /// Where there is none.
    IfMissing,
    /// It must not be there.
    Always,
}

/// Opens a file to write it, or makes it. Whatever is there is looked at before, and
/// again on what was opened.
pub(super) fn open(
    folder: impl AsFd,
    (path, wanted): (&str, Wanted),
    (how, quota): (How, &Quota),
) -> Result<OwnedFd, Errno> {
    let OpenFor { reading, writing } = how.open_for;
    let access = match (reading, writing) {
        (true, true) => OFlags::RDWR,
        (false, true) => OFlags::WRONLY,
        (_, false) => OFlags::RDONLY,
    };
    let check = |stat: &Stat| match writing {
        true => file_to_change(stat),
        false => file(stat),
    };
    let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY;
    for _ in 0..ATTEMPTS {
        match look(&folder, path, wanted) {
            Ok(_) if how.made == Made::Always => return Err(Errno::EXIST),
            Ok(found) => {
                check(&fstat(&found)?)?;
                let file = beneath(&folder, path, (flags, Mode::empty()), wanted)?;
                check(&fstat(&file)?)?;
                if how.truncate {
                    rustix::fs::ftruncate(&file, 0)?;
                }
                return Ok(file);
            }
            Err(Errno::NOENT) if how.made != Made::Never => {}
            Err(errno) => return Err(errno),
        }
        keep_free(&folder, 0)?;
        let anew = flags | OFlags::CREATE | OFlags::EXCL;
        let mode = Mode::from_raw_mode(0o666);
        let made = quota.create(|| beneath(&folder, path, (anew, mode), Wanted::default()));
        match made {
            // Somebody else was faster, or it is a link that leads nowhere.
            Err(Errno::EXIST) if how.made == Made::IfMissing => {}
            made => return made,
        }
    }
    Err(Errno::NOENT)
}

/// Where in a file something is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum At {
    Offset(u64),
    /// At its end, wherever that is by then.
    End,
}

/// Writes all of it.
pub(super) fn write(file: impl AsFd, (bytes, at): (&[u8], At), quota: &Quota) -> Result<(), Errno> {
    quota.write(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
    write_counted(file, (bytes, at), quota)
}

/// The same, where the bytes are counted already; those that a file gains without their
/// being written count as well.
pub(super) fn write_counted(
    file: impl AsFd,
    (bytes, at): (&[u8], At),
    quota: &Quota,
) -> Result<(), Errno> {
    let mut left = bytes;
    let result = fits(&file, (bytes, at), quota).and_then(|()| write_all(&file, &mut left, at));
    if result.is_err() {
        quota.not_written(u64::try_from(left.len()).unwrap_or_default());
    }
    result
}

/// Whether there is room for it, and nobody minds.
fn fits(file: impl AsFd, (bytes, at): (&[u8], At), quota: &Quota) -> Result<(), Errno> {
    if bytes.is_empty() {
        return Ok(());
    }
    let (len, size) = (u64::try_from(bytes.len()).unwrap_or(u64::MAX), size(&file)?);
    let (gap, end) = match at {
        At::Offset(offset) => (offset.saturating_sub(size), offset.saturating_add(len)),
        At::End => (0, size.saturating_add(len)),
    };
    quota.write(gap)?;
    may_be_so_large(end)?;
    keep_free(&file, len)
}

/// The system's own limit of a file's size ends whoever reaches it, not only the write.
fn may_be_so_large(bytes: u64) -> Result<(), Errno> {
    let most = getrlimit(Resource::Fsize).current;
    match most.is_some_and(|most| most < bytes) {
        true => Err(Errno::FBIG),
        false => Ok(()),
    }
}

fn write_all(file: impl AsFd, left: &mut &[u8], at: At) -> Result<(), Errno> {
    let mut offset = match at {
        At::Offset(offset) => offset,
        At::End => 0,
    };
    while !left.is_empty() {
        let written = match at {
            At::Offset(_) => rustix::io::pwrite(&file, left, offset),
            At::End => {
                let bytes = [std::io::IoSlice::new(left)];
                rustix::io::pwritev2(&file, &bytes, 0, ReadWriteFlags::APPEND)
            }
        };
        match written {
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
            Ok(0) => return Err(Errno::IO),
            Ok(written) => {
                *left = left.get(written..).unwrap_or_default();
                offset = offset.saturating_add(u64::try_from(written).unwrap_or_default());
            }
        }
    }
    Ok(())
}

/// Makes a file shorter or longer. What it gains counts as written.
pub(super) fn set_size(file: impl AsFd, bytes: u64, quota: &Quota) -> Result<(), Errno> {
    let gain = bytes.saturating_sub(size(&file)?);
    quota.write(gain)?;
    let fits = match gain {
        0 => Ok(()),
        _ => may_be_so_large(bytes).and_then(|()| keep_free(&file, 0)),
    };
    fits.and_then(|()| rustix::fs::ftruncate(file, bytes))
        .inspect_err(|_| quota.not_written(gain))
}

fn size(file: impl AsFd) -> Result<u64, Errno> {
    Ok(u64::try_from(fstat(file)?.st_size).unwrap_or_default())
}

fn file(stat: &Stat) -> Result<(), Errno> {
    match Kind::of(stat)? {
        Kind::File => Ok(()),
        Kind::Folder => Err(Errno::ISDIR),
    }
}

/// A file, and one that may be changed.
fn file_to_change(stat: &Stat) -> Result<(), Errno> {
    file(stat)?;
    changeable(stat)
}

/// A file that has other names may lie elsewhere too, where nothing was granted.
fn changeable(stat: &Stat) -> Result<(), Errno> {
    let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    match is_folder || stat.st_nlink <= 1 {
        true => Ok(()),
        false => Err(Errno::PERM),
    }
}

/// Leaves some of a file system free, so that a guest fills no disk of the host's.
fn keep_free(place: impl AsFd, bytes: u64) -> Result<(), Errno> {
    match is_free(&fstatfs(place)?, bytes) {
        true => Ok(()),
        false => Err(Errno::NOSPC),
    }
}

fn is_free(found: &StatFs, bytes: u64) -> bool {
    let block = u64::try_from(found.f_frsize).unwrap_or_default();
    let all = found.f_blocks.saturating_mul(block);
    let free = found.f_bavail.saturating_mul(block);
    let floor = (all / 20).min(MAX_FREE_BYTES);
    // Some file systems have as many files as they have room for.
    let files = found.f_files == 0 || (found.f_files / 20).min(MAX_FREE_FILES) < found.f_ffree;
    files && floor.saturating_add(bytes) <= free
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file system of 1 000 blocks of 4 KiB, so many of them free, and so many files of
    /// 1 000.
    fn found(free_blocks: u64, free_files: u64) -> StatFs {
        let mut found = fstatfs(tempfile::tempfile().unwrap()).unwrap();
        (found.f_bsize, found.f_frsize) = (1 << 20, 4 << 10);
        (found.f_blocks, found.f_bavail) = (1_000, free_blocks);
        (found.f_files, found.f_ffree) = (1_000, free_files);
        found
    }

    #[test]
    fn a_twentieth_of_a_disk_stays_free() {
        assert!(is_free(&found(51, 900), 4 << 10));
        assert!(!is_free(&found(50, 900), 4 << 10));
        assert!(is_free(&found(50, 900), 0));
        assert!(!is_free(&found(1_000, 900), u64::MAX));
        assert!(is_free(&found(900, 51), 0));
        assert!(!is_free(&found(900, 50), 0));
        let mut has_no_count = found(900, 0);
        has_no_count.f_files = 0;
        assert!(is_free(&has_no_count, 0));
        // Of a large one no more than a gibibyte.
        let mut large = found(300_000, 900);
        large.f_blocks = 1 << 40;
        assert!(is_free(&large, 0));
        assert!(!is_free(&large, 1 << 30));
    }

    #[test]
    fn a_path_is_a_folder_and_a_name_in_it() {
        let whole = tempfile::tempdir().unwrap();
        std::fs::create_dir(whole.path().join("sub")).unwrap();
        let folder = std::fs::File::open(whole.path()).unwrap();
        for (path, name, is_folder) in [
            ("a", "a", false),
            ("a//", "a", true),
            ("sub/a", "a", false),
            ("sub//a/", "a", true),
            ("./a", "a", false),
            ("sub/../a", "a", false),
        ] {
            let spot = Spot::of(&folder, path).unwrap();
            assert_eq!(
                (spot.name.as_str(), spot.is_folder),
                (name, is_folder),
                "{path}"
            );
        }
        for (path, errno) in [
            ("", Errno::NOENT),
            ("/", Errno::PERM),
            ("/a", Errno::PERM),
            ("..", Errno::INVAL),
            (".", Errno::INVAL),
            ("sub/..", Errno::INVAL),
            ("../a", Errno::PERM),
            ("none/a", Errno::NOENT),
        ] {
            assert_eq!(Spot::of(&folder, path).err(), Some(errno), "{path}");
        }
    }
}
