//! Where a path leads, and no further than the folder that was granted.
//!
//! The kernel resolves paths (`openat2`, since Linux 5.6): below the folder, through
//! no link of its own kind that leads elsewhere, and into no other mount.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use patinox_policy::escape_line;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, StatFs, fstat, fstatfs};
use rustix::io::Errno;

use super::descriptor::Held;

/// The longest path, in bytes: Linux takes no longer ones.
pub(super) const MAX_PATH_BYTES: usize = 4_095;

/// What lies below a folder is reached only so.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// The kernel may ask to resolve a path again when something above it was renamed.
const ATTEMPTS: usize = 8;

/// The kernel's own file systems, which are no folders of anybody's: `proc`, `sysfs`,
/// both kinds of control groups, `debugfs`, `tracefs`, `securityfs`, `devpts`,
/// `efivarfs`, `bpf`, `pstore`, `selinuxfs`, `smackfs`, `configfs`, `fusectl`, `resctrl`,
/// `binfmt_misc`, `nfsd`, `mqueue`, `rpc_pipefs`, `nsfs`, `autofs`. Their numbers are
/// those of `linux/magic.h` and of the kernel's sources.
const OF_THE_KERNEL: [u32; 22] = [
    0x9fa0,
    0x6265_6572,
    0x0027_e0eb,
    0x6367_7270,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0x1cd1,
    0xde5e_81e4,
    0xcafe_4a11,
    0x6165_676c,
    0xf97c_ff8c,
    0x4341_5d53,
    0x6265_6570,
    0x6573_5543,
    0x0765_5821,
    0x4249_4e4d,
    0x6e66_7364,
    0x1980_0202,
    0x6759_6969,
    0x6e73_6673,
    0x0187,
];

/// What something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
}

impl Kind {
    /// Only files and folders may be opened: a pipe would wait, a device act.
    pub(super) fn of(stat: &Stat) -> Result<Self, Errno> {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Self::File),
            FileType::Directory => Ok(Self::Folder),
            FileType::Symlink => Err(Errno::LOOP),
            _ => Err(Errno::ACCESS),
        }
    }
}

/// How something is to be opened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// A link at the end of the path is followed.
    pub(super) follow: bool,
    /// It has to be a folder.
    pub(super) folder: bool,
}

/// Opens a folder of the host that was granted.
pub(super) fn open_granted(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    // Links of the host's own lead to it, those of `/proc` do not.
    let resolve = ResolveFlags::NO_MAGICLINKS;
    let folder = rustix::fs::openat2(CWD, path, flags, Mode::empty(), resolve)?;
    refuse_kernels(&fstatfs(&folder)?)?;
    Ok(folder)
}

fn refuse_kernels(found: &StatFs) -> Result<(), Errno> {
    let kind = u32::try_from(found.f_type).unwrap_or_default();
    match OF_THE_KERNEL.contains(&kind) {
        true => Err(Errno::ACCESS),
        false => Ok(()),
    }
}

/// Opens a file or a folder to read it. It is looked at before, so that nothing else is
/// opened, and again on what was opened, as it may have become something else.
pub(super) fn open(
    folder: impl AsFd,
    path: &str,
    wanted: Wanted,
) -> Result<(OwnedFd, Kind), Errno> {
    let looked_at = look(&folder, path, wanted)?;
    Kind::of(&fstat(&looked_at)?)?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    // To look at something is no change of it; only its owner may ask for that.
    let opened = match beneath(
        &folder,
        path,
        (flags | OFlags::NOATIME, Mode::empty()),
        wanted,
    ) {
        Err(Errno::PERM) => beneath(&folder, path, (flags, Mode::empty()), wanted)?,
        opened => opened?,
    };
    let kind = Kind::of(&fstat(&opened)?)?;
    Ok((opened, kind))
}

/// What a path leads to, without opening it.
pub(super) fn stat(folder: impl AsFd, path: &str, wanted: Wanted) -> Result<Stat, Errno> {
    fstat(look(folder, path, wanted)?)
}

/// Where a link leads, as it is written.
pub(super) fn read_link(folder: &Held, path: &str) -> Result<String, Errno> {
    let link = look(folder, path, Wanted::default())?;
    let target = rustix::fs::readlinkat(link, "", Vec::new());
    let target = target.map_err(|errno| match errno {
        // What is no link is told so, as it was found.
        Errno::NOENT => Errno::INVAL,
        errno => errno,
    })?;
    let target = target.into_string().map_err(|_| Errno::ILSEQ)?;
    // That it leads elsewhere is not the guest's to know where.
    let follow = Wanted {
        follow: true,
        folder: false,
    };
    let leads_out = look(folder, path, follow).err() == Some(Errno::PERM);
    match leads_out || target.starts_with('/') {
        true => Err(Errno::PERM),
        false => Ok(target),
    }
}

/// What a path leads to, to look at it and no more.
pub(super) fn look(folder: impl AsFd, path: &str, wanted: Wanted) -> Result<OwnedFd, Errno> {
    beneath(folder, path, (OFlags::PATH, Mode::empty()), wanted)
}

/// Opens what a path leads to below a folder; made, it gets this mode.
pub(super) fn beneath(
    folder: impl AsFd,
    path: &str,
    (flags, mode): (OFlags, Mode),
    Wanted {
        follow,
        folder: is_folder,
    }: Wanted,
) -> Result<OwnedFd, Errno> {
    if MAX_PATH_BYTES < path.len() {
        return Err(Errno::NAMETOOLONG);
    }
    // The kernel calls it none of its own.
    if path.starts_with('/') {
        return Err(Errno::PERM);
    }
    let mut flags = flags | OFlags::CLOEXEC;
    flags.set(OFlags::NOFOLLOW, !follow);
    flags.set(OFlags::DIRECTORY, is_folder);
    let mut attempts = ATTEMPTS;
    loop {
        let opened = rustix::fs::openat2(&folder, path, flags, mode, BENEATH);
        attempts -= 1;
        match opened {
            Err(Errno::AGAIN | Errno::INTR) if 0 < attempts => {}
            // It leads out of the folder, or into another mount.
            Err(Errno::XDEV) => return Err(Errno::PERM),
            opened => return opened,
        }
    }
}

/// Looks whether a folder of the host can be granted: it is there, and the kernel
/// resolves paths below it.
pub(super) fn check(path: &Path) -> Result<(), Errno> {
    let folder = open_granted(path)?;
    look(&folder, ".", Wanted::default()).map(drop)
}

/// Looks whether a folder of the host holds none of these, and lies in none; else what
/// they are is why it cannot be granted.
pub(super) fn check_apart<'a>(
    path: &Path,
    others: impl Iterator<Item = &'a Path>,
    what: &'static str,
) -> io::Result<()> {
    let granted = path.canonicalize()?;
    for other in others.filter_map(canonical) {
        if granted.starts_with(&other) || other.starts_with(&granted) {
            let [granted, other] = [&granted, &other].map(|path| path.to_string_lossy());
            let [granted, other] = [escape_line(&granted), escape_line(&other)];
            let why = format!("`{granted}` holds or lies in `{other}`, {what}");
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, why));
        }
    }
    Ok(())
}

/// Without links, also where the last parts of it are not there yet.
fn canonical(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    path.ancestors().find_map(|there| {
        let rest = path.strip_prefix(there).ok()?;
        Some(there.canonicalize().ok()?.join(rest))
    })
}

/// What tells one file from another: device and number.
pub(super) const fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}
