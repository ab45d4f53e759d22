//! What this process may have: address space, descriptors, processes.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use super::groups::Groups;
use super::{Detector, Figure, STATUS, field, kib_figure};

const DESCRIPTORS: &str = "/proc/self/fd";
const FILES_ALL: &str = "/proc/sys/fs/file-nr";
const LIMITS: &str = "/proc/self/limits";
const LOAD: &str = "/proc/loadavg";
const MAP_COUNT_MAX: &str = "/proc/sys/vm/max_map_count";
const PIDS_MAX: &str = "/proc/sys/kernel/pid_max";
const THREADS_MAX: &str = "/proc/sys/kernel/threads-max";

const PROCESSES: &str = "/proc";
const USERS: &str = "/proc/self/uid_map";

/// What `USERS` has where users are those of the machine.
const INITIAL_USERS: [&str; 3] = ["0", "0", "4294967295"];

/// What lets a process have more than its user may: `capabilities(7)`.
const CAP_SYS_ADMIN: u64 = 1 << 21;
const CAP_SYS_RESOURCE: u64 = 1 << 24;

/// Processes that are looked at to count those of a user.
const MAX_PROCESSES: usize = 4_096;

/// Descriptors that are counted: a table may have a million, and beyond this the
/// count is only known to be more.
const MAX_DESCRIPTORS: usize = 100_000;

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

/// How many of something there may be, and how many there are.
///
/// Where several limits hold, it is the one that leaves the fewest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// How many there may be.
    pub limit: Figure<u64>,
    /// How many of them there are; absent where nobody says.
    pub used: Option<Figure<u64>>,
}

impl Held {
    /// How many more there may be; all of them where nobody says how many there
    /// are.
    #[must_use]
    pub fn left(&self) -> u64 {
        let used = self.used.as_ref().map_or(0, |used| used.value);
        self.limit.value.saturating_sub(used)
    }

    /// Of several the one that leaves the fewest.
    pub(super) fn tightest(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().min_by_key(Self::left)
    }
}

impl Detector {
    /// Reads what this process may map, and nothing else.
    #[must_use]
    pub fn address_space(&self) -> AddressSpace {
        self.address_space_by(&self.read(STATUS).unwrap_or_default())
    }

    pub(super) fn address_space_by(&self, status: &str) -> AddressSpace {
        let map_count_max = self.read_number(MAP_COUNT_MAX);
        AddressSpace {
            limit_bytes: self.soft_limit("Max address space"),
            used_bytes: kib_figure(status, "VmSize:", STATUS),
            map_count_max: map_count_max.map(|count| Figure::in_file(count, MAP_COUNT_MAX)),
        }
    }

    /// The descriptors of this process: its own limit, or that of the machine
    /// where it is nearer.
    pub(super) fn descriptors(&self) -> Option<Held> {
        let used = self.count_descriptors();
        let own = self.soft_limit("Max open files").map(|limit| Held {
            limit,
            used: used.map(|used| Figure::in_file(used, DESCRIPTORS)),
        });
        let all = self.read(FILES_ALL);
        let all = all.and_then(|text| {
            let mut numbers = text.split_whitespace().map(str::parse);
            let (used, limit) = (numbers.next()?.ok()?, numbers.nth(1)?.ok()?);
            Some(Held {
                limit: Figure::in_file(limit, FILES_ALL),
                used: Some(Figure::in_file(used, FILES_ALL)),
            })
        });
        Held::tightest(own.into_iter().chain(all))
    }

    /// The processes and threads that may be: of this user, of the machine, of a
    /// control group.
    pub(super) fn processes(&self, groups: &Groups<'_>) -> Option<Held> {
        let all = self.read(LOAD).and_then(|text| tasks(&text));
        let kernels = [THREADS_MAX, PIDS_MAX].into_iter().filter_map(|path| {
            let limit = self.read_number(path)?;
            Some(Held {
                limit: Figure::in_file(limit, path),
                used: all.map(|all| Figure::in_file(all, LOAD)),
            })
        });
        let known = self.processes_of_user().into_iter().chain(kernels);
        Held::tightest(known.chain(groups.processes()))
    }

    /// What the limit of this user leaves him; `None` where it does not hold him.
    fn processes_of_user(&self) -> Option<Held> {
        let limit = self.soft_limit("Max processes")?;
        let status = self.read(STATUS).unwrap_or_default();
        let user: Option<u32> = first_of(&status, "Uid:").and_then(|uid| uid.parse().ok());
        if self.is_exempt(&status, user) {
            return None;
        }
        let used = user.and_then(|user| self.count_tasks_of(user));
        Some(Held {
            limit,
            used: used.map(|used| Figure::in_file(used, PROCESSES)),
        })
    }

    /// Whether the kernel lets this process have more than its user may: root, and
    /// who may administrate, but not in a namespace of users of their own.
    fn is_exempt(&self, status: &str, user: Option<u32>) -> bool {
        let map = self.read(USERS);
        let is_initial = map.is_none_or(|map| map.split_whitespace().eq(INITIAL_USERS));
        let held = first_of(status, "CapEff:").and_then(|set| u64::from_str_radix(set, 16).ok());
        let may = held.is_some_and(|held| held & (CAP_SYS_ADMIN | CAP_SYS_RESOURCE) != 0);
        is_initial && (user == Some(0) || may)
    }

    /// How many processes and threads of a user there are; at least so many where
    /// there are very many processes.
    fn count_tasks_of(&self, user: u32) -> Option<u64> {
        let folder = fs::read_dir(self.place(PROCESSES.as_ref())).ok()?;
        let (mut processes, mut tasks) = (0_usize, 0_u64);
        for process in folder.flatten() {
            let name = process.file_name();
            if !name.as_encoded_bytes().iter().all(u8::is_ascii_digit) {
                continue;
            }
            processes += 1;
            if MAX_PROCESSES < processes {
                break;
            }
            // It may be gone by now.
            if let Ok(folder) = fs::metadata(process.path().join("task"))
                && folder.uid() == user
            {
                // One for each thread, and two as each folder has.
                tasks = tasks.saturating_add(folder.nlink().saturating_sub(2));
            }
        }
        Some(tasks)
    }

    /// A soft limit of this process; `None` for `unlimited`.
    fn soft_limit(&self, name: &str) -> Option<Figure<u64>> {
        let limits = self.read(LIMITS)?;
        let soft = field(&limits, name)?.split_whitespace().next()?;
        Some(Figure::in_file(soft.parse().ok()?, LIMITS))
    }

    /// How many descriptors are open, the one that this takes left out.
    fn count_descriptors(&self) -> Option<u64> {
        let folder = fs::read_dir(self.place(DESCRIPTORS.as_ref())).ok()?;
        let count = folder.take(MAX_DESCRIPTORS).count();
        Some(u64::try_from(count).ok()?.saturating_sub(1))
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

/// The first word of a field of [`STATUS`].
fn first_of<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    field(status, name)?.split_whitespace().next()
}

/// How many tasks the machine has, behind the `/` of the fourth field.
fn tasks(load: &str) -> Option<u64> {
    let (_, all) = load.split_whitespace().nth(3)?.split_once('/')?;
    all.parse().ok()
}
