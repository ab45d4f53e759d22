//! What the system says, as the interface says it.

use std::sync::OnceLock;

use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use super::descriptor::plain;
use super::entries::type_of;
use super::place::identity;
use crate::bindings::offered::wasi::clocks::wall_clock::Datetime;
use crate::bindings::offered::wasi::filesystem::types::{
    DescriptorStat, DescriptorType, ErrorCode, MetadataHashValue,
};

/// An error of the system.
pub(super) const fn code(errno: Errno) -> ErrorCode {
    match errno {
        Errno::ACCESS => ErrorCode::Access,
        Errno::AGAIN => ErrorCode::WouldBlock,
        Errno::BADF => ErrorCode::BadDescriptor,
        Errno::BUSY => ErrorCode::Busy,
        Errno::DQUOT => ErrorCode::Quota,
        Errno::EXIST => ErrorCode::Exist,
        Errno::FBIG => ErrorCode::FileTooLarge,
        Errno::ILSEQ => ErrorCode::IllegalByteSequence,
        Errno::INTR => ErrorCode::Interrupted,
        Errno::INVAL => ErrorCode::Invalid,
        Errno::ISDIR => ErrorCode::IsDirectory,
        Errno::LOOP => ErrorCode::Loop,
        Errno::MLINK => ErrorCode::TooManyLinks,
        Errno::NAMETOOLONG => ErrorCode::NameTooLong,
        Errno::NODEV => ErrorCode::NoDevice,
        Errno::NOENT => ErrorCode::NoEntry,
        Errno::NOMEM => ErrorCode::InsufficientMemory,
        Errno::NOSPC => ErrorCode::InsufficientSpace,
        Errno::NOSYS | Errno::OPNOTSUPP => ErrorCode::Unsupported,
        Errno::NOTDIR => ErrorCode::NotDirectory,
        Errno::NOTEMPTY => ErrorCode::NotEmpty,
        Errno::NXIO => ErrorCode::NoSuchDevice,
        Errno::OVERFLOW => ErrorCode::Overflow,
        Errno::PERM => ErrorCode::NotPermitted,
        Errno::ROFS => ErrorCode::ReadOnly,
        Errno::SPIPE => ErrorCode::InvalidSeek,
        Errno::TXTBSY => ErrorCode::TextFileBusy,
        Errno::XDEV => ErrorCode::CrossDevice,
        _ => ErrorCode::Io,
    }
}

/// What is told of a file: nothing of its owner, mode or place, and times in steps of so
/// many nanoseconds, as clocks have them.
pub(super) fn stat_of(stat: &Stat, step: u32) -> DescriptorStat {
    let time = |seconds: i64, nanos: u64| {
        let nanos = u32::try_from(nanos).ok()?;
        Some(Datetime {
            // A guest knows no time before 1970.
            seconds: u64::try_from(seconds).ok()?,
            nanoseconds: nanos - nanos % step.max(1),
        })
    };
    DescriptorStat {
        type_: type_of(FileType::from_raw_mode(stat.st_mode)),
        link_count: stat.st_nlink,
        size: u64::try_from(stat.st_size).unwrap_or_default(),
        data_access_timestamp: time(stat.st_atime, stat.st_atime_nsec),
        data_modification_timestamp: time(stat.st_mtime, stat.st_mtime_nsec),
        status_change_timestamp: time(stat.st_ctime, stat.st_ctime_nsec),
    }
}

/// The root, in which nothing lies.
pub(super) const fn root() -> DescriptorStat {
    DescriptorStat {
        type_: DescriptorType::Directory,
        link_count: 1,
        size: 0,
        data_access_timestamp: None,
        data_modification_timestamp: None,
        status_change_timestamp: None,
    }
}

/// What is the same for the same file, and tells nothing of where it lies.
pub(super) fn metadata_hash(stat: &Stat) -> MetadataHashValue {
    static KEY: OnceLock<[u8; 32]> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        let mut key = [0; 32];
        // Without randomness it is the same in each process, which hurts little.
        let _ = getrandom::fill(&mut key);
        key
    });
    let (device, number) = identity(stat);
    let mut text = [0; 16];
    let (one, other) = text.split_at_mut(8);
    one.copy_from_slice(&device.to_le_bytes());
    other.copy_from_slice(&number.to_le_bytes());
    let mut read = blake3::Hasher::new_keyed(key).update(&text).finalize_xof();
    let mut half = || {
        let mut bytes = [0; 8];
        read.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    };
    MetadataHashValue {
        lower: half(),
        upper: half(),
    }
}

/// Whether a path from the root leads to it.
pub(super) fn is_root(path: &str) -> bool {
    // An empty path leads nowhere.
    !path.is_empty() && matches!(path.trim_matches('/'), "" | ".")
}

/// A path from the root, as it is granted: with one slash in front, and none at the end.
pub(super) fn absolute(path: &str) -> String {
    format!("/{}", plain("", path))
}

/// The folder that would have to be granted for an absolute path: that in which it lies,
/// or itself where it lies in none.
pub(super) fn folder_of(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some((folder, _)) if !folder.is_empty() => folder,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_path_is_never_the_root() {
        for (path, folder) in [
            ("data/sub/a", "/data/sub"),
            ("data/a/", "/data"),
            ("a", "/a"),
            ("//a", "/a"),
            ("./data/x/../a", "/data"),
        ] {
            assert_eq!(folder_of(&absolute(path)), folder);
        }
    }
}
