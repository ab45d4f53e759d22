//! Reads the machine: the only place that names the files where it tells of itself.

mod cpu;
mod disks;
mod figure;
mod folder;
mod groups;
mod limits;
mod sampler;
mod stall;
mod swap;
mod time;

use std::fs::File;
use std::io::{self, Read as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

pub use self::cpu::Load;
pub use self::figure::{Figure, Hundredths, NotHundredths, Origin};
pub use self::folder::FolderSpace;
pub use self::limits::{AddressSpace, Held};
pub use self::sampler::Sampler;
pub use self::stall::{Stall, StallAverages, Stalls};
pub use self::swap::{Swap, SwapWatch};
pub use self::time::ProcessTime;

use self::groups::Groups;

const MEMORY: &str = "/proc/meminfo";
const STATUS: &str = "/proc/self/status";

/// The field of [`STATUS`] that counts what is in use.
const RESIDENT: &str = "VmRSS:";

/// A longer file is nonsense. The kernel's own take a few KiB.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// Most are read at once: each read has the kernel write them anew.
const USUAL_FILE_BYTES: usize = 4 << 10;

/// Reads the facts of the machine.
///
/// Nothing is kept: each look reads the files anew. What is missing or nonsense
/// is no error, the fact is then absent.
///
/// ```
/// # let root = tempfile::tempdir().unwrap();
/// # std::fs::create_dir(root.path().join("proc")).unwrap();
/// # std::fs::write(root.path().join("proc/meminfo"), "MemTotal: 2048 kB\n").unwrap();
/// use patinox_resources::Detector;
///
/// let machine = Detector::below(root.path()).detect();
/// let total = machine.memory_bytes_total.unwrap();
/// assert_eq!(total.value, 2 << 20);
/// assert_eq!(total.origin.to_string(), "/proc/meminfo");
/// assert_eq!(machine.memory_bytes_available, None);
/// ```
#[derive(Clone, Debug)]
pub struct Detector {
    root: PathBuf,
    folders: Vec<PathBuf>,
}

/// The facts of the machine at one moment, as this process meets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The cores that this process may keep busy: those that it may run on, or
    /// fewer where a control group gives it less time. A part of a core counts
    /// only where there is no whole one.
    pub cores: Figure<NonZeroUsize>,
    /// How busy these cores were since the last look, in percent of all of them:
    /// by a [`Sampler`], from its second look on.
    pub cpu_percent: Option<Figure<Hundredths>>,
    /// How much this process computed since the last look, in percent of one
    /// core: by a [`Sampler`], from its second look on.
    pub own_cpu_percent: Option<Figure<Hundredths>>,
    /// How many tasks run or wait for a disk.
    pub load: Option<Figure<Load>>,
    /// The memory that this process could use if it were alone, in bytes.
    pub memory_bytes_total: Option<Figure<u64>>,
    /// The memory that is free, or that the kernel can free at once, in bytes.
    pub memory_bytes_available: Option<Figure<u64>>,
    /// Whether memory of this process can be swapped out.
    pub swap: Figure<Swap>,
    /// The swap that this process could use if it were alone, in bytes.
    pub swap_bytes_total: Option<Figure<u64>>,
    /// What of it is free, in bytes.
    pub swap_bytes_free: Option<Figure<u64>>,
    /// The memory that this process has in use, in bytes.
    pub memory_resident_bytes: Option<Figure<u64>>,
    /// How much time is lost waiting for cores, memory and disks.
    pub stalls: Stalls,
    /// What this process may map.
    pub address_space: AddressSpace,
    /// The files, sockets and the like that this process may have open; `None`
    /// where there is no limit.
    pub descriptors: Option<Held>,
    /// The processes and threads that there may be; `None` where there is no
    /// limit.
    pub processes: Option<Held>,
    /// The room where each folder lies that the detector was told of.
    pub folders: Vec<FolderSpace>,
}

impl Detector {
    /// A detector of this machine.
    #[must_use]
    pub fn new() -> Self {
        Self::below("/")
    }

    /// A detector that takes a folder for the root of all files that it reads: for
    /// fixtures. It tells of no folder's room, which no file tells.
    #[must_use]
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            folders: Vec::new(),
        }
    }

    /// Tells of the room in these folders too: those that are written to.
    #[must_use]
    pub fn with_folders(mut self, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        self.folders = folders.into_iter().collect();
        self
    }

    /// Tells of the room in this folder too.
    #[must_use]
    pub fn and_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        if !self.folders.contains(&folder) {
            self.folders.push(folder);
        }
        self
    }

    /// Reads everything, but how busy it is: that is what a [`Sampler`] tells.
    ///
    /// It asks the file systems of the folders, which may take long where one is
    /// of a network: then call it on a thread that may block.
    #[must_use]
    pub fn detect(&self) -> Machine {
        let status = self.read(STATUS).unwrap_or_default();
        Machine {
            folders: self.room(&self.asked()),
            ..self.detect_in(&Groups::of(self), &status)
        }
    }

    /// The folders whose file systems are asked: by a call, which fixtures cannot
    /// answer.
    fn asked(&self) -> Vec<PathBuf> {
        match self.root == Path::new("/") {
            true => self.folders.clone(),
            false => Vec::new(),
        }
    }

    fn room(&self, folders: &[PathBuf]) -> Vec<FolderSpace> {
        let spaces = folders.iter();
        spaces.filter_map(|folder| self.folder(folder)).collect()
    }

    /// Everything, but what is asked of file systems.
    fn detect_in(&self, groups: &Groups<'_>, status: &str) -> Machine {
        let memory = self.read(MEMORY).unwrap_or_default();
        let memory = |name| kib_figure(&memory, name, MEMORY).into_iter();
        let swap_free = memory("SwapFree:").chain(groups.swap_bytes_free());
        let swap_total = memory("SwapTotal:").chain(groups.swap_bytes_total());
        let available = memory("MemAvailable:").chain(groups.memory_bytes_available());
        let total = memory("MemTotal:").chain(groups.memory_bytes_total());
        Machine {
            cores: groups.cores().fold(self.cores(status), Figure::smaller),
            cpu_percent: None,
            own_cpu_percent: None,
            load: self.load(),
            memory_bytes_total: total.reduce(Figure::smaller),
            memory_bytes_available: available.reduce(Figure::smaller),
            swap: self.swap_in(groups),
            swap_bytes_total: swap_total.reduce(Figure::smaller),
            swap_bytes_free: swap_free.reduce(Figure::smaller),
            memory_resident_bytes: kib_figure(status, RESIDENT, STATUS),
            stalls: self.stalls(groups),
            address_space: self.address_space_by(status),
            descriptors: self.descriptors(),
            processes: self.processes(groups),
            folders: Vec::new(),
        }
    }

    /// The memory that this process has in use right now, in bytes: what of it
    /// is not swapped out.
    #[must_use]
    pub fn memory_resident_bytes(&self) -> Option<Figure<u64>> {
        kib_figure(&self.read(STATUS)?, RESIDENT, STATUS)
    }

    /// Where a file of the machine is to be found.
    fn place(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn is_folder(&self, path: &Path) -> bool {
        self.place(path).is_dir()
    }

    fn read(&self, path: impl AsRef<Path>) -> Option<String> {
        whole(File::open(self.place(path.as_ref())).ok()?)
    }

    /// The first lines of a file that may be a long one.
    fn read_head(&self, path: impl AsRef<Path>) -> Option<String> {
        let file = File::open(self.place(path.as_ref())).ok()?;
        let mut text = Vec::with_capacity(USUAL_FILE_BYTES);
        file.take(MAX_FILE_BYTES).read_to_end(&mut text).ok()?;
        let whole_lines = text.iter().rposition(|byte| *byte == b'\n')?;
        text.truncate(whole_lines);
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    fn read_number(&self, path: impl AsRef<Path>) -> Option<u64> {
        self.read(path)?.trim().parse().ok()
    }
}

/// All that a file says, from where it is read next.
fn whole(file: impl io::Read) -> Option<String> {
    let mut text = Vec::with_capacity(USUAL_FILE_BYTES);
    let read = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text).ok()?;
    // A number that is cut off in the middle would be taken for another.
    let is_whole = u64::try_from(read).is_ok_and(|read| read <= MAX_FILE_BYTES);
    is_whole.then(|| String::from_utf8_lossy(&text).into_owned())
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

/// What stands behind a name at the start of a line.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .map(str::trim)
}

/// A field of a file that counts KiB, for which the kernel writes `kB`.
fn kib_figure(text: &str, name: &str, path: &str) -> Option<Figure<u64>> {
    let number = field(text, name)?.strip_suffix("kB")?;
    let number: u64 = number.trim().parse().ok()?;
    let bytes = number.checked_mul(1 << 10)?;
    Some(Figure::in_file(bytes, path))
}

#[cfg(test)]
mod tests;
