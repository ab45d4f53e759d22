//! What the machine that runs the tests says, beside what its own tools say.

use std::env::current_exe;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, id};
use std::time::{Duration, Instant};

use super::{Detector, Hundredths, Machine, Origin, Sampler, describe::describe};

/// How often figures that move between two readings are read again.
const TRIES: usize = 50;

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    // `nproc` would take these for an answer.
    command
        .env_remove("OMP_NUM_THREADS")
        .env_remove("OMP_THREAD_LIMIT");
    let output = command.args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok();
    text.filter(|_| output.status.success())
}

#[test]
fn cores_are_those_that_nproc_counts() {
    let Some(text) = output("nproc", &[]) else {
        return eprintln!("left out: no `nproc` here");
    };
    let counted: usize = text.trim().parse().unwrap();
    let cores = Detector::new().detect().cores;
    // An older `nproc` does not look at quotas, and a newer one rounds up.
    assert!(cores.value.get() <= counted, "{cores:?}, {counted}");
    if cores.origin.to_string().contains("cgroup") {
        eprintln!(
            "left out: `nproc` may not count the quota of {}",
            cores.origin
        );
    } else {
        assert_eq!(cores.value.get(), counted, "{cores:?}");
    }
}

/// Total and available, in bytes.
fn free() -> Option<[u64; 2]> {
    let text = output("free", &["-b"])?;
    let line = text.lines().find_map(|line| line.strip_prefix("Mem:"))?;
    let numbers: Vec<u64> = line
        .split_whitespace()
        .filter_map(|n| n.parse().ok())
        .collect();
    Some([*numbers.first()?, *numbers.get(5)?])
}

/// Whether a figure lies between two readings, or within 2 % of one.
fn is_near(figure: u64, readings: [u64; 2]) -> bool {
    let (low, high) = (readings[0].min(readings[1]), readings[0].max(readings[1]));
    low - low / 50 <= figure && figure <= high + high / 50
}

#[test]
fn memory_is_what_free_counts() {
    if free().is_none() {
        return eprintln!("left out: no `free` here");
    }
    let mut last = String::new();
    for _ in 0..TRIES {
        let before = free().unwrap();
        let machine = Detector::new().detect();
        let after = free().unwrap();
        let figures = [machine.memory_bytes_total, machine.memory_bytes_available];
        let figures = figures.map(Option::unwrap);
        let holds = [0, 1].map(|at| {
            let (figure, readings) = (&figures[at], [before[at], after[at]]);
            // `free` does not know what a control group leaves of it.
            let is_of_group = figure.origin != Origin::File("/proc/meminfo".into());
            let limit = readings[0].max(readings[1]);
            (is_of_group && figure.value <= limit) || is_near(figure.value, readings)
        });
        if holds == [true; 2] {
            return;
        }
        last = format!("{before:?} {figures:?} {after:?}");
    }
    panic!("{last}");
}

#[test]
fn this_machine_says_everything() {
    let machine = Detector::new().detect();
    // On lines of its own, for the process that reads them.
    println!("\n{}", describe(&machine));
    let Machine {
        cores,
        memory_bytes_total,
        memory_bytes_available,
        address_space,
        ..
    } = machine;
    assert!(1 <= cores.value.get());
    let [total, available] = [memory_bytes_total, memory_bytes_available].map(Option::unwrap);
    assert!(available.value <= total.value);
    assert!(0 < address_space.used_bytes.unwrap().value);
}

#[test]
fn what_this_process_has_in_use_grows_with_it() {
    const GROWN: usize = 64 << 20;
    let resident = || Detector::new().memory_resident_bytes().unwrap();
    let before = resident();
    assert_eq!(before.origin.to_string(), "/proc/self/status");
    let written = vec![1_u8; GROWN];
    let after = resident().value;
    // Other tests of this process may give back some meanwhile.
    let grown = before.value + u64::try_from(written.len() / 2).unwrap();
    assert!(grown < after, "{before:?}, {after}");
}

/// Total, used and free, in bytes, and the percentage in use, where the file system
/// of the tests lies.
fn df(folder: &Path) -> Option<[u64; 4]> {
    let columns = "--output=size,used,avail,pcent";
    let text = output("df", &["-B1", columns, folder.to_str()?])?;
    let mut numbers = text.lines().nth(1)?.split_whitespace();
    let mut next = || numbers.next()?.trim_end_matches('%').parse().ok();
    Some([next()?, next()?, next()?, next()?])
}

#[test]
fn room_on_the_disk_is_what_df_counts() {
    let folder = std::env::temp_dir();
    if df(&folder).is_none() {
        return eprintln!("left out: no `df` here");
    }
    let mut last = String::new();
    for _ in 0..TRIES {
        let before = df(&folder).unwrap();
        let space = Detector::new().folder(&folder).unwrap();
        let after = df(&folder).unwrap();
        let bytes = [
            &space.bytes_total,
            &space.bytes_used,
            &space.bytes_available,
        ];
        let bytes = bytes.map(|bytes| bytes.value);
        let mut pairs = bytes.iter().zip(before.into_iter().zip(after));
        let is_same = pairs.all(|(mine, (before, after))| is_near(*mine, [before, after]));
        // It counts whole points, and rounds them up.
        let percent = space.percent_used().unwrap().value;
        let (low, high) = (before[3].min(after[3]), before[3].max(after[3]));
        let is_same_share = low.saturating_sub(1) * 100 <= percent.0 && percent.0 <= high * 100;
        let figures = (bytes, percent);
        if is_same && is_same_share {
            return;
        }
        last = format!("{before:?} {figures:?} {after:?}");
    }
    panic!("{last}");
}

#[test]
fn swap_is_what_free_counts() {
    let swap = || {
        let text = output("free", &["-b"])?;
        let line = text.lines().find_map(|line| line.strip_prefix("Swap:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let Some(counted) = swap() else {
        return eprintln!("left out: no `free` here");
    };
    let total = Detector::new().detect().swap_bytes_total.unwrap();
    if total.origin == Origin::File("/proc/meminfo".into()) {
        assert!(is_near(total.value, [counted; 2]), "{total:?} {counted}");
    } else {
        assert!(total.value <= counted, "{total:?} {counted}");
    }
}

#[test]
fn descriptors_are_those_that_are_open() {
    let held = || Detector::new().detect().descriptors.unwrap();
    let before = held().used.unwrap().value;
    let files: Vec<_> = (0..50)
        .map(|_| fs::File::open("/dev/null").unwrap())
        .collect();
    let after = held().used.unwrap().value;
    drop(files);
    // Other tests of this process open and close some meanwhile.
    assert!(before + 30 <= after, "{before} {after}");
}

/// A core that computes shows, in the machine and in this process.
#[test]
fn computing_is_seen() {
    let mut sampler = Sampler::new(Detector::new());
    let started = Instant::now();
    sampler.sample(started);
    let mut count = 0_u64;
    while started.elapsed() < Duration::from_millis(300) {
        count = std::hint::black_box(count.wrapping_add(1));
    }
    let machine = sampler.sample(Instant::now());
    let own = machine.own_cpu_percent.unwrap().value;
    // Beside others it may have a part of a core.
    assert!(Hundredths(1_000) < own, "{own}");
    let busy = machine.cpu_percent.unwrap();
    let cores = u64::try_from(machine.cores.value.get()).unwrap();
    assert!(own.0 / cores / 2 < busy.value.0, "{own} {busy:?}");
    assert!(busy.value <= Hundredths(11_000), "{busy:?}");
}

/// An independent reader of the same machine agrees within 2 %.
#[test]
fn another_reader_says_the_same() {
    let machine = Detector::new().detect();
    let mut other = sysinfo::System::new().expect("a system");
    other.refresh_memory();
    let total = machine.memory_bytes_total.unwrap();
    if total.origin == Origin::File("/proc/meminfo".into()) {
        assert!(is_near(total.value, [other.total_memory(); 2]), "{total:?}");
    } else {
        assert!(total.value <= other.total_memory(), "{total:?}");
    }
    let load = sysinfo::System::load_average().expect("a load");
    let ours = machine.load.unwrap().value.fifteen_minutes;
    let near = |one: u64, other: u64| one.abs_diff(other) <= 10 + one.max(other) / 50;
    let theirs = format!("{:.2}", load.fifteen)
        .parse::<Hundredths>()
        .unwrap();
    assert!(near(ours.0, theirs.0), "{ours} {theirs}");
}

/// A control group below our own. It is removed at the end.
struct Group(PathBuf);

impl Group {
    /// The group with limits, or why there is none.
    fn make(mount: &str, start_of_line: &str, limits: &[(&str, &str)]) -> Result<Self, String> {
        let membership = fs::read_to_string("/proc/self/cgroup").map_err(|e| e.to_string())?;
        let own = membership.lines().find_map(|line| {
            let line = line.trim_start_matches(|c: char| c.is_ascii_digit());
            line.strip_prefix(start_of_line)
        });
        let own = own.ok_or("we are in no such group")?;
        let folder = Path::new(mount).join(own.trim_start_matches('/'));
        let group = Self(folder.join(format!("patinox-test-{}", id())));
        fs::create_dir(&group.0).map_err(|error| error.to_string())?;
        for (name, value) in limits {
            // Never made anew: outside a control group's mount that would work.
            let mut file = fs::OpenOptions::new();
            let file = file.write(true).open(group.0.join(name));
            let written =
                file.and_then(|mut file| std::io::Write::write_all(&mut file, value.as_bytes()));
            written.map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(group)
    }

    /// What a process in the group finds.
    fn tells(&self) -> Option<String> {
        let script = r#"echo $$ > "$0/cgroup.procs" && exec "$1" --exact --nocapture "$2""#;
        let program = current_exe().ok()?;
        let test = concat!(module_path!(), "::this_machine_says_everything");
        let (_, test) = test.split_once("::")?;
        let arguments = ["-c", script, self.0.to_str()?, program.to_str()?, test];
        output("sh", &arguments)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[track_caller]
fn check(mount: &str, start_of_line: &str, limits: &[(&str, &str)], expected: &str) {
    let group = match Group::make(mount, start_of_line, limits) {
        Ok(group) => group,
        Err(reason) => return eprintln!("left out: a real group in {mount}: {reason}"),
    };
    let Some(text) = group.tells() else {
        return eprintln!("left out: a process in {}", group.0.display());
    };
    let file = group.0.join(limits[0].0);
    let expected = format!("{expected} {}", file.display());
    assert!(
        text.lines().any(|line| line == expected),
        "{expected}\n{text}"
    );
}

#[test]
fn a_real_group_is_found_by_those_in_it() {
    if Detector::new().detect().cores.value.get() < 2 {
        return eprintln!("left out: half a core is no less than what is here");
    }
    let memory = (256 << 20).to_string();
    for mount in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
        check(mount, "::", &[("memory.max", &memory)], "total 268435456");
        check(mount, "::", &[("cpu.max", "50000 100000")], "cores 1");
    }
    let limits = [("memory.limit_in_bytes", memory.as_str())];
    check(
        "/sys/fs/cgroup/memory",
        ":memory:",
        &limits,
        "total 268435456",
    );
    let limits = [
        ("cpu.cfs_quota_us", "50000"),
        ("cpu.cfs_period_us", "100000"),
    ];
    check("/sys/fs/cgroup/cpu", ":cpu:", &limits, "cores 1");
}

#[test]
fn a_real_group_of_processes_is_found_by_those_in_it() {
    for (mount, start) in [
        ("/sys/fs/cgroup", "::"),
        ("/sys/fs/cgroup/unified", "::"),
        ("/sys/fs/cgroup/pids", ":pids:"),
    ] {
        let group = match Group::make(mount, start, &[("pids.max", "77")]) {
            Ok(group) => group,
            Err(reason) => {
                eprintln!("left out: a real group in {mount}: {reason}");
                continue;
            }
        };
        let Some(text) = group.tells() else {
            eprintln!("left out: a process in {}", group.0.display());
            continue;
        };
        let end = format!(" of 77 {}", group.0.join("pids.max").display());
        let is_it = |line: &str| line.starts_with("processes ") && line.ends_with(&end);
        assert!(text.lines().any(is_it), "{end}\n{text}");
    }
}
