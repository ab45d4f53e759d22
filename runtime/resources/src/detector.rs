//! Reads the machine: the only place that names the files where it tells of itself.

mod groups;
mod swap;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

pub use self::swap::{Swap, SwapWatch};

use self::groups::Groups;

const CPUS_ONLINE: &str = "/sys/devices/system/cpu/online";
const LIMITS: &str = "/proc/self/limits";
const MAP_COUNT_MAX: &str = "/proc/sys/vm/max_map_count";
const MEMORY: &str = "/proc/meminfo";
const STATUS: &str = "/proc/self/status";

/// A longer file is nonsense. The kernel's own take a few KiB.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// Most are read at once: each read has the kernel write them anew.
const USUAL_FILE_BYTES: usize = 4 << 10;

/// A list that names a CPU from here on is nonsense, and is not counted out.
const MAX_CPUS: u32 = 1 << 16;

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
}

/// The facts of the machine at one moment, as this process meets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The cores that this process may keep busy: those that it may run on, or
    /// fewer where a control group gives it less time. A part of a core counts
    /// only where there is no whole one.
    pub cores: Figure<NonZeroUsize>,
    /// The memory that this process could use if it were alone, in bytes.
    pub memory_bytes_total: Option<Figure<u64>>,
    /// The memory that is free, or that the kernel can free at once, in bytes.
    pub memory_bytes_available: Option<Figure<u64>>,
    /// Whether memory of this process can be swapped out.
    pub swap: Figure<Swap>,
    /// What this process may map.
    pub address_space: AddressSpace,
}

/// What a process may map at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressSpace {
    /// How much, in bytes. `None` where there is no limit.
    pub limit_bytes: Option<Figure<u64>>,
    /// How much it has mapped, in bytes.
    pub used_bytes: Option<Figure<u64>>,
    /// How many mappings it may have.
    pub map_count_max: Option<Figure<u64>>,
}

/// A fact and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure<T> {
    /// The fact.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

/// Where a fact came from. It displays as a path or the name of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file, as it is called on the machine, also where a fixture stands in.
    File(PathBuf),
    /// A call, for want of a file.
    Call(&'static str),
}

impl Detector {
    /// A detector of this machine.
    #[must_use]
    pub fn new() -> Self {
        Self::below("/")
    }

    /// A detector that takes a folder for the root of all files that it reads.
    #[must_use]
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Reads everything.
    #[must_use]
    pub fn detect(&self) -> Machine {
        let groups = Groups::of(self);
        let memory = self.read(MEMORY).unwrap_or_default();
        let memory = |name| kib_figure(&memory, name, MEMORY);
        let status = self.read(STATUS).unwrap_or_default();
        let cores = self.cores(&status);
        Machine {
            cores: groups.cores().fold(cores, Figure::smaller),
            memory_bytes_total: memory("MemTotal:")
                .into_iter()
                .chain(groups.memory_bytes_total())
                .reduce(Figure::smaller),
            memory_bytes_available: memory("MemAvailable:")
                .into_iter()
                .chain(groups.memory_bytes_available())
                .reduce(Figure::smaller),
            swap: self.swap(),
            address_space: self.address_space_by(&status),
        }
    }

    /// Reads what this process may map, and nothing else.
    #[must_use]
    pub fn address_space(&self) -> AddressSpace {
        self.address_space_by(&self.read(STATUS).unwrap_or_default())
    }

    fn address_space_by(&self, status: &str) -> AddressSpace {
        let map_count_max = self.read_number(MAP_COUNT_MAX);
        AddressSpace {
            limit_bytes: self.address_space_bytes(),
            used_bytes: kib_figure(status, "VmSize:", STATUS),
            map_count_max: map_count_max.map(|count| Figure::in_file(count, MAP_COUNT_MAX)),
        }
    }

    /// The memory that this process has in use right now, in bytes: what of it
    /// is not swapped out.
    #[must_use]
    pub fn memory_resident_bytes(&self) -> Option<Figure<u64>> {
        kib_figure(&self.read(STATUS)?, "VmRSS:", STATUS)
    }

    /// The cores that the process may run on, without control groups.
    fn cores(&self, status: &str) -> Figure<NonZeroUsize> {
        let call = || Figure {
            value: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            origin: Origin::Call("std::thread::available_parallelism"),
        };
        self.allowed_cores(status).unwrap_or_else(call)
    }

    fn allowed_cores(&self, status: &str) -> Option<Figure<NonZeroUsize>> {
        let allowed = cpu_list(field(status, "Cpus_allowed_list:")?)?;
        // The kernel allows also CPUs that may be plugged in one day.
        let online = self.read(CPUS_ONLINE).and_then(|list| cpu_list(&list));
        let is_online = |cpu: &u32| online.as_ref().is_none_or(|online| online.contains(cpu));
        let count = allowed.into_iter().filter(is_online).count();
        Some(Figure::in_file(NonZeroUsize::new(count)?, STATUS))
    }

    fn address_space_bytes(&self) -> Option<Figure<u64>> {
        let limits = self.read(LIMITS)?;
        let soft = field(&limits, "Max address space")?
            .split_whitespace()
            .next()?;
        Some(Figure::in_file(soft.parse().ok()?, LIMITS))
    }

    /// Where a file of the machine is to be found.
    fn place(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn is_folder(&self, path: &Path) -> bool {
        self.place(path).is_dir()
    }

    fn read(&self, path: impl AsRef<Path>) -> Option<String> {
        let file = File::open(self.place(path.as_ref())).ok()?;
        let mut text = Vec::with_capacity(USUAL_FILE_BYTES);
        let read = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text).ok()?;
        // A number that is cut off in the middle would be taken for another.
        let is_whole = u64::try_from(read).is_ok_and(|read| read <= MAX_FILE_BYTES);
        is_whole.then(|| String::from_utf8_lossy(&text).into_owned())
    }

    fn read_number(&self, path: impl AsRef<Path>) -> Option<u64> {
        self.read(path)?.trim().parse().ok()
    }
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

impl AddressSpace {
    /// How much is left to map, in bytes. `None` where there is no limit;
    /// nothing is left where there is one and what is used is unknown.
    #[must_use]
    pub fn left_bytes(&self) -> Option<u64> {
        let limit = self.limit_bytes.as_ref()?.value;
        let used = self.used_bytes.as_ref();
        Some(limit.saturating_sub(used.map_or(limit, |used| used.value)))
    }
}

impl<T> Figure<T> {
    fn in_file(value: T, path: impl Into<PathBuf>) -> Self {
        let origin = Origin::File(path.into());
        Self { value, origin }
    }

    /// The smaller of two, the first where they are equal.
    fn smaller(self, other: Self) -> Self
    where
        T: Ord,
    {
        if other.value < self.value {
            other
        } else {
            self
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Call(name) => f.write_str(name),
        }
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

/// The CPUs of a list such as `0-3,8`, which ascends.
fn cpu_list(text: &str) -> Option<BTreeSet<u32>> {
    let mut cpus = BTreeSet::new();
    for range in text.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        let ascends = cpus.last().is_none_or(|before| *before < first) && first <= last;
        if !ascends || MAX_CPUS <= last {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

#[cfg(test)]
mod tests;
