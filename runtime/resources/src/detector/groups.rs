//! The control groups that this process is in, and what they leave to it.

use std::num::NonZeroUsize;
use std::path::{Component, Path, PathBuf};

use super::limits::Held;
use super::stall::{Stall, stall};
use super::{Detector, Figure, field};

const MEMBERSHIP: &str = "/proc/self/cgroup";
const MOUNT: &str = "/sys/fs/cgroup";
/// Where version 2 is mounted beside version 1.
const MOUNT_BESIDE: &str = "/sys/fs/cgroup/unified";

/// What version 1 writes for "no limit": the largest number of whole pages,
/// whatever the size of a page is.
const V1_UNLIMITED_BYTES: u64 = 0x7FFF_FFFF_FFFF_0000;

/// The groups of this process, in each hierarchy that matters.
///
/// A limit holds for everything below its group, so each figure is asked of the
/// process's own group and of every ancestor. What of these is outside a
/// container cannot be seen from the inside.
pub(super) struct Groups<'d> {
    detector: &'d Detector,
    v2: Line,
    v1_cpu: Line,
    v1_cpu_used: Line,
    v1_memory: Line,
    v1_pids: Line,
}

/// The time that a group with a quota has computed.
#[derive(Clone, Debug)]
pub(super) struct Spent {
    /// The file of the quota.
    pub(super) file: PathBuf,
    /// Since the group was made, in microseconds.
    pub(super) used_us: u64,
    /// How much it may compute in each period, in microseconds.
    pub(super) quota_us: u64,
    pub(super) period_us: u64,
}

impl Spent {
    /// Whether both tell of one group under one quota.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let of = |spent: &Self| (spent.quota_us, spent.period_us);
        self.file == other.file && of(self) == of(other)
    }
}

/// A group and its ancestors, the mount's root first.
#[derive(Default)]
struct Line {
    folders: Vec<PathBuf>,
    /// Whether they were found where the kernel says that the process is; else
    /// the mount's root stands in for the group.
    is_own: bool,
}

impl<'d> Groups<'d> {
    pub(super) fn of(detector: &'d Detector) -> Self {
        let membership = detector.read(MEMBERSHIP).unwrap_or_default();
        Self {
            detector,
            v2: v2_line(detector, &membership),
            v1_cpu: v1_line(detector, &membership, "cpu"),
            v1_cpu_used: v1_line(detector, &membership, "cpuacct"),
            v1_memory: v1_line(detector, &membership, "memory"),
            v1_pids: v1_line(detector, &membership, "pids"),
        }
    }

    /// The cores that each group gives time for.
    pub(super) fn cores(&self) -> impl Iterator<Item = Figure<NonZeroUsize>> {
        let v2 = self.v2.figures("cpu.max", |_, file| {
            let (quota, period) = self.v2_quota(file)?;
            cores(quota, period)
        });
        let v1 = self.v1_cpu.figures("cpu.cfs_quota_us", |folder, file| {
            let (quota, period) = self.v1_quota(folder, file)?;
            cores(quota, period)
        });
        v2.chain(v1)
    }

    /// What each group with a quota has computed.
    pub(super) fn spent(&self) -> Vec<Spent> {
        let v2 = self.v2.figures("cpu.max", |folder, file| {
            let stat = self.detector.read(folder.join("cpu.stat"))?;
            let used = field(&stat, "usage_usec ")?.parse().ok()?;
            Some((self.v2_quota(file)?, used))
        });
        let v1 = self.v1_cpu.figures("cpu.cfs_quota_us", |folder, file| {
            // The same group of the hierarchy that counts, which most often is
            // the same folder.
            let at = self.v1_cpu.folders.iter().position(|one| one == folder)?;
            let counts = self.v1_cpu_used.folders.get(at)?.join("cpuacct.usage");
            let used_ns = self.detector.read_number(counts)?;
            Some((self.v1_quota(folder, file)?, used_ns / 1_000))
        });
        let spent = v2.chain(v1).filter_map(|figure| {
            let ((quota_us, period_us), used_us) = figure.value;
            let super::Origin::File(file) = figure.origin else {
                return None;
            };
            Some(Spent {
                file,
                used_us,
                quota_us,
                period_us,
            })
        });
        spent.collect()
    }

    fn v2_quota(&self, file: &Path) -> Option<(u64, u64)> {
        let text = self.detector.read(file)?;
        let (quota, period) = text.trim().split_once(' ')?;
        Some((quota.parse().ok()?, period.parse().ok()?))
    }

    fn v1_quota(&self, folder: &Path, file: &Path) -> Option<(u64, u64)> {
        let period = self
            .detector
            .read_number(folder.join("cpu.cfs_period_us"))?;
        Some((self.detector.read_number(file)?, period))
    }

    /// The processes and threads that each group may have.
    pub(super) fn processes(&self) -> impl Iterator<Item = Held> {
        let lines = [&self.v2, &self.v1_pids].into_iter();
        lines.flat_map(|line| {
            let limits = line.figures("pids.max", |folder, file| {
                let limit = self.detector.read_number(file)?;
                Some((limit, folder.join("pids.current")))
            });
            limits.map(|figure| {
                let (limit, current) = figure.value;
                let used = self.detector.read_number(&current);
                Held {
                    limit: Figure {
                        value: limit,
                        origin: figure.origin,
                    },
                    used: used.map(|used| Figure::in_file(used, current)),
                }
            })
        })
    }

    /// The swap that each group may have, in bytes. Version 1 counts it together
    /// with memory, and tells nothing of it alone.
    pub(super) fn swap_bytes_total(&self) -> impl Iterator<Item = Figure<u64>> {
        let read = |_: &Path, file: &Path| self.detector.read_number(file);
        self.v2.figures("memory.swap.max", read)
    }

    /// The swap that each group has left, in bytes.
    pub(super) fn swap_bytes_free(&self) -> impl Iterator<Item = Figure<u64>> {
        self.v2.figures("memory.swap.max", |folder, file| {
            let used = folder.join("memory.swap.current");
            let limit = self.detector.read_number(file)?;
            Some(limit.saturating_sub(self.detector.read_number(used)?))
        })
    }

    /// What each group loses waiting, by the file of this name.
    pub(super) fn stalls(&self, name: String) -> impl Iterator<Item = Figure<Stall>> {
        let folders = self.v2.folders.iter();
        folders.filter_map(move |folder| {
            let file = folder.join(&name);
            let stall = stall(&self.detector.read(&file)?)?;
            Some(Figure::in_file(stall, file))
        })
    }

    /// The memory that each group may have, in bytes.
    pub(super) fn memory_bytes_total(&self) -> impl Iterator<Item = Figure<u64>> {
        self.memory(|_, limit, _| Some(limit))
    }

    /// The memory that each group has left, in bytes. What the kernel can take
    /// back from its cache counts as left, as it does for the whole machine.
    pub(super) fn memory_bytes_available(&self) -> impl Iterator<Item = Figure<u64>> {
        self.memory(|folder, limit, names| {
            let used = self.detector.read_number(folder.join(names.used))?;
            let stat = self.detector.read(folder.join("memory.stat"));
            let cached = stat.and_then(|stat| field(&stat, names.cached)?.parse().ok());
            Some(limit.saturating_sub(used.saturating_sub(cached.unwrap_or(0))))
        })
    }

    fn memory(
        &self,
        left: impl Fn(&Path, u64, &MemoryNames) -> Option<u64> + Copy,
    ) -> impl Iterator<Item = Figure<u64>> {
        let lines = [(&self.v2, &V2_MEMORY), (&self.v1_memory, &V1_MEMORY)];
        lines.into_iter().flat_map(move |(line, names)| {
            line.figures(names.limit, move |folder, file| {
                // In version 2 `max`, which is no number, stands for no limit.
                let limit = self.detector.read_number(file)?;
                let limit = Some(limit).filter(|limit| *limit < V1_UNLIMITED_BYTES)?;
                left(folder, limit, names)
            })
        })
    }

    /// The file of the group that forbids swap, if one does.
    ///
    /// A group that only stands in for the process's own is not believed: it
    /// may hold others.
    pub(super) fn swap_forbidden(&self) -> Option<PathBuf> {
        let folders = self.v2.folders.iter().filter(|_| self.v2.is_own);
        folders
            .map(|folder| folder.join("memory.swap.max"))
            .find(|file| self.detector.read_number(file) == Some(0))
    }
}

impl Line {
    /// The ancestors of a group and itself, or the mount's root where it is not
    /// to be seen below the mount.
    fn below(detector: &Detector, mount: &Path, group: Option<&str>) -> Self {
        let own = group.and_then(|group| descent(mount, Path::new(group)));
        let own = own.filter(|folders| folders.last().is_some_and(|own| detector.is_folder(own)));
        Self {
            is_own: own.is_some(),
            folders: own.unwrap_or_else(|| vec![mount.to_owned()]),
        }
    }

    fn figures<T>(
        &self,
        name: &'static str,
        read: impl Fn(&Path, &Path) -> Option<T>,
    ) -> impl Iterator<Item = Figure<T>> {
        self.folders.iter().filter_map(move |folder| {
            let file = folder.join(name);
            let value = read(folder, &file)?;
            Some(Figure::in_file(value, file))
        })
    }
}

/// The names of the files and fields that tell of a group's memory.
struct MemoryNames {
    limit: &'static str,
    used: &'static str,
    cached: &'static str,
}

const V2_MEMORY: MemoryNames = MemoryNames {
    limit: "memory.max",
    used: "memory.current",
    cached: "inactive_file ",
};

const V1_MEMORY: MemoryNames = MemoryNames {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    cached: "total_inactive_file ",
};

fn v2_line(detector: &Detector, membership: &str) -> Line {
    let is_alone = detector
        .read(format!("{MOUNT}/cgroup.controllers"))
        .is_some();
    let is_beside = !is_alone && detector.is_folder(Path::new(MOUNT_BESIDE));
    let mount = if is_beside { MOUNT_BESIDE } else { MOUNT };
    Line::below(detector, Path::new(mount), field(membership, "0::"))
}

/// Empty where version 1 does not have the controller.
fn v1_line(detector: &Detector, membership: &str, controller: &str) -> Line {
    let entry = membership.lines().find_map(|line| {
        let (controllers, group) = line.split_once(':')?.1.split_once(':')?;
        let names = controllers.split(',').any(|name| name == controller);
        names.then_some((controllers, group))
    });
    let Some((controllers, group)) = entry else {
        return Line::default();
    };
    // Controllers of one hierarchy share a mount, mostly with a link for each.
    let mounts = [controllers, controller].map(|name| Path::new(MOUNT).join(name));
    let mount = mounts.into_iter().find(|mount| detector.is_folder(mount));
    mount.map_or_else(Line::default, |mount| {
        Line::below(detector, &mount, Some(group))
    })
}

/// Every folder on the way from a mount down to a group. `None` for what is no
/// path of a group, and for a group outside the mount, which is named by `..`.
fn descent(mount: &Path, group: &Path) -> Option<Vec<PathBuf>> {
    let mut folders = vec![mount.to_owned()];
    for step in group.strip_prefix("/").ok()?.components() {
        match step {
            Component::Normal(name) => folders.push(folders.last()?.join(name)),
            _ => return None,
        }
    }
    Some(folders)
}

/// The whole cores in a quota of time, or one where it is less.
fn cores(quota_us: u64, period_us: u64) -> Option<NonZeroUsize> {
    let cores = usize::try_from(quota_us.checked_div(period_us)?).ok()?;
    NonZeroUsize::new(cores.max(1))
}
