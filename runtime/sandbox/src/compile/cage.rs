//! What the child takes from itself, before it reads a byte.
//!
//! First everything that needs no thread but its own ([`Cage::enter`]); then
//! the threads that the compiler works on, which inherit it; then the last
//! doors are closed to all of them ([`Cage::close`]).
//!
//! Landlock and seccomp are there from Linux 5.13 on, where they are not
//! switched off; without them the child goes on with the rest.

use std::fs;
use std::os::fd::RawFd;
use std::thread;

use landlock::{ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, Scope};
use rayon::{ThreadPoolBuildError, ThreadPoolBuilder};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getppid, getrlimit, nice, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use rustix::thread::set_no_new_privs;

use super::syscalls;
use super::wire::Bounds;

/// What the first thread has of its stack, whatever memory is left, in bytes: several
/// times what compiling takes.
const STACK_BYTES: usize = 1 << 20;

/// Threads of one compiler. More of them finish little sooner, and each takes
/// address space for its stack and its share of the heap.
const MAX_THREADS: usize = 8;

/// How far a compiler gives way to calls that want the same processor: they get
/// three times as much of it. With more it would starve on a busy machine, and
/// honest components come to `compile-wall`.
const NICE: i32 = 5;

/// The system's killer, when memory is short, takes a compiler before the host.
const FIRST_TO_GO: &str = "1000";

/// Stdin, stdout and stderr; no further descriptor can be made.
const DESCRIPTORS: u64 = 3;

/// How many are closed where nothing tells which there are.
const MAX_DESCRIPTORS: u64 = 4_096;

/// The newest rules that are asked for; an older kernel gives those it knows.
const LANDLOCK: ABI = ABI::V7;

/// A process that has limited itself.
pub(super) struct Cage {
    threads: usize,
}

impl Cage {
    /// Limits this process. `None` if it cannot, or if it is not alone in it:
    /// then it is no worker.
    pub(super) fn enter(bounds: Bounds) -> Option<Self> {
        if !is_single_threaded() {
            return None;
        }
        set_parent_process_death_signal(Some(Signal::KILL)).ok()?;
        // It may have died before the signal was asked for.
        if getppid() != Some(bounds.parent) {
            return None;
        }
        rustix::process::chdir("/").ok()?;
        close_descriptors();
        // Courtesies, which may be refused.
        let _ = fs::write("/proc/self/oom_score_adj", FIRST_TO_GO);
        let _ = nice(NICE);
        // Asked for while the files that tell it can still be read.
        let threads = thread::available_parallelism().map_or(1, usize::from);
        set_no_new_privs(true).ok()?;
        set_dumpable_behavior(DumpableBehavior::NotDumpable).ok()?;
        hold(Resource::Core, 0, 0)?;
        hold(Resource::Fsize, 0, 0)?;
        // One second between the signal that says why and the one that kills.
        let seconds = bounds.cpu_seconds;
        hold(Resource::Cpu, seconds, seconds.saturating_add(1))?;
        forbid_files();
        grow_stack();
        // Last: from here on nothing needs memory until the parent knows that
        // this is a worker.
        hold(Resource::As, bounds.memory_bytes, bounds.memory_bytes)?;
        Some(Self {
            threads: threads.min(MAX_THREADS),
        })
    }

    /// Makes the threads that the compiler works on and closes the rest.
    ///
    /// # Errors
    ///
    /// If there is no memory for the threads.
    pub(super) fn close(&self) -> Result<(), ThreadPoolBuildError> {
        ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .build_global()?;
        // Neither touches the threads and descriptors that are there.
        let _ = hold(Resource::Nproc, 0, 0);
        let _ = hold(Resource::Nofile, DESCRIPTORS, DESCRIPTORS);
        syscalls::restrict();
        Ok(())
    }
}

/// Takes what the first thread needs of its stack. Once no memory is left it could grow no
/// further, and the system would end the process as if the compiler had crashed.
fn grow_stack() {
    let most = getrlimit(Resource::Stack).current;
    if most.is_none_or(|most| 4 * STACK_BYTES as u64 <= most) {
        std::hint::black_box([0_u8; STACK_BYTES]);
    }
}

/// Closes what was inherited beside them. What a parent opens itself is closed
/// already; this is what others left open to it.
fn close_descriptors() {
    let named = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    let open: Vec<u64> = match fs::read_dir("/proc/self/fd") {
        Ok(entries) => entries.flatten().filter_map(named).collect(),
        // Where no file tells: all that there usually are.
        Err(_) => (0..MAX_DESCRIPTORS).collect(),
    };
    let others = open.into_iter().filter(|number| DESCRIPTORS <= *number);
    for number in others.flat_map(RawFd::try_from) {
        // The one of the folder is closed by now.
        let _ = nix::unistd::close(number);
    }
}

/// Whether this is the only thread; seccomp would end what others do, and
/// Landlock would not hold them. Where no file tells, it is believed.
fn is_single_threaded() -> bool {
    fs::read_dir("/proc/self/task").map_or(true, |threads| threads.count() == 1)
}

/// Lowers a limit of the system, never above what it is already.
fn hold(resource: Resource, soft: u64, hard: u64) -> Option<()> {
    let allowed = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let limit = Rlimit {
        current: Some(soft.min(allowed)),
        maximum: Some(hard.min(allowed)),
    };
    setrlimit(resource, limit).ok()
}

/// No file, no network, no signal to others.
fn forbid_files() {
    let rules = || {
        Ruleset::default()
            .handle_access(AccessFs::from_all(LANDLOCK))?
            .handle_access(AccessNet::from_all(LANDLOCK))?
            .scope(Scope::from_all(LANDLOCK))?
            .create()?
            .restrict_self()
    };
    // A kernel without it says so; seccomp closes the same doors.
    let _ = rules();
}
