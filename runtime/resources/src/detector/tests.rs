mod busy;
mod describe;
mod have;
mod here;

use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::cpu::{MAX_CPUS, cpu_list};
use super::*;
use describe::describe;

/// Files below a root, by their path on a machine.
type Files<'a> = &'a [(&'a str, &'a str)];

/// A machine without control groups: 4 cores of which 3 may be used, 8 GiB.
const PLAIN: Files<'_> = &[
    (
        "/proc/self/status",
        "Name:\tpatinox\nVmPeak:\t  9999 kB\nVmSize:\t  2048 kB\nCpus_allowed:\te\nCpus_allowed_list:\t1-3\n",
    ),
    ("/proc/self/limits", UNLIMITED),
    (
        "/proc/meminfo",
        "MemTotal:        8388608 kB\nMemFree:          100 kB\nMemAvailable:    4194304 kB\n",
    ),
    ("/proc/swaps", NO_SWAP),
    ("/proc/sys/vm/max_map_count", "65530\n"),
    ("/sys/devices/system/cpu/online", "0-3\n"),
];

const UNLIMITED: &str = "\
Limit                     Soft Limit           Hard Limit           Units     \n\
Max cpu time              unlimited            unlimited            seconds   \n\
Max address space         unlimited            unlimited            bytes     \n";

const LIMITED: &str = "\
Max address space         4194304              unlimited            bytes     \n";

pub(super) const NO_SWAP: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
pub(super) const ZRAM: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
     /dev/zram0                              partition\t4030460\t\t0\t\t100\n";

pub(super) fn write(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
}

/// A root with the later files instead of or beside the earlier.
fn root(files: &[Files<'_>]) -> TempDir {
    let root = TempDir::new().unwrap();
    for (path, text) in files.iter().copied().flatten() {
        write(root.path(), path, text.as_bytes());
    }
    root
}

fn detect(files: &[Files<'_>]) -> Machine {
    Detector::below(root(files).path()).detect()
}

/// Each of these lines is among those that describe the machine.
#[track_caller]
fn check(files: &[Files<'_>], expected: &[&str]) {
    let text = describe(&detect(files));
    for line in expected {
        assert!(text.lines().any(|found| found == *line), "{line}\n{text}");
    }
}

#[test]
fn a_plain_host_says_everything() {
    let all = [
        "cores 3 /proc/self/status",
        "total 8589934592 /proc/meminfo",
        "available 4294967296 /proc/meminfo",
        "address space unknown",
        "used 2097152 /proc/self/status",
        "maps 65530 /proc/sys/vm/max_map_count",
        "swap Absent /proc/swaps",
    ];
    check(&[PLAIN], &all);
    assert_eq!(detect(&[PLAIN]).address_space.left_bytes(), None);
}

#[test]
fn address_space_is_what_the_soft_limit_leaves() {
    let limited = [PLAIN, &[("/proc/self/limits", LIMITED)]];
    check(&limited, &["address space 4194304 /proc/self/limits"]);
    let left = |files: &[Files<'_>]| detect(files).address_space.left_bytes();
    assert_eq!(left(&limited), Some(2 << 20));
    let used_up: Files<'_> = &[("/proc/self/status", "VmSize: 9999 kB\n")];
    assert_eq!(left(&[PLAIN, limited[1], used_up]), Some(0));
    let used_unknown: Files<'_> = &[("/proc/self/status", "")];
    assert_eq!(left(&[PLAIN, limited[1], used_unknown]), Some(0));
}

#[test]
fn cores_are_those_allowed_and_there() {
    let status = |list: &str| format!("Cpus_allowed_list:\t{list}\n");
    for (list, online, expected) in [
        ("0-127", "0-3", 4),
        ("0,2-3,9", "0-15", 4),
        ("0-3", "0,3", 2),
        ("5", "", 1),
        ("0-7", "nonsense", 8),
    ] {
        let status = status(list);
        let files = [
            ("/proc/self/status", status.as_str()),
            ("/sys/devices/system/cpu/online", online),
        ];
        let cores = detect(&[&files]).cores;
        assert_eq!(cores.value.get(), expected, "{list} of {online}");
    }
    // Nonsense: the call answers instead.
    for list in ["", "3-1", "0-3,2", "0-4294967295", "-", "a-b", "0-65536"] {
        let files = [("/proc/self/status", status(list))];
        let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
        let cores = detect(&[&files]).cores;
        assert!(matches!(cores.origin, Origin::Call(_)), "{list}: {cores:?}");
    }
}

/// A container of version 2, with a view of its own group alone.
const CONTAINER: Files<'_> = &[
    ("/proc/self/cgroup", "0::/\n"),
    ("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n"),
    ("/sys/fs/cgroup/cpu.max", "250000 100000\n"),
    ("/sys/fs/cgroup/memory.max", "1073741824\n"),
    ("/sys/fs/cgroup/memory.current", "536870912\n"),
];

#[test]
fn a_container_has_what_its_group_has() {
    check(
        &[PLAIN, CONTAINER],
        &[
            "cores 2 /sys/fs/cgroup/cpu.max",
            "total 1073741824 /sys/fs/cgroup/memory.max",
            "available 536870912 /sys/fs/cgroup/memory.max",
            "swap Absent /proc/swaps",
        ],
    );
}

#[test]
fn the_cache_of_a_group_is_available() {
    for (stat, expected) in [
        (
            "anon 1\ninactive_file 134217728\nactive_file 9\n",
            640 << 20,
        ),
        ("inactive_file 99999999999999\n", 1 << 30),
        ("inactive_file nonsense\n", 512 << 20),
        ("anon 1\n", 512 << 20),
    ] {
        let stat = [("/sys/fs/cgroup/memory.stat", stat)];
        let machine = detect(&[PLAIN, CONTAINER, &stat]);
        let available = machine.memory_bytes_available.unwrap();
        assert_eq!(available.value, expected, "{stat:?}");
    }
}

#[test]
fn a_group_without_limits_takes_nothing() {
    for (quota, limit) in [("max 100000", "max"), ("x", ""), ("100000 0", "-1")] {
        let unlimited = [
            ("/sys/fs/cgroup/cpu.max", quota),
            ("/sys/fs/cgroup/memory.max", limit),
        ];
        check(
            &[PLAIN, CONTAINER, &unlimited],
            &[
                "cores 3 /proc/self/status",
                "total 8589934592 /proc/meminfo",
                "available 4294967296 /proc/meminfo",
            ],
        );
    }
}

#[test]
fn a_part_of_a_core_is_one() {
    let quota = [("/sys/fs/cgroup/cpu.max", "5000 100000\n")];
    check(
        &[PLAIN, CONTAINER, &quota],
        &["cores 1 /sys/fs/cgroup/cpu.max"],
    );
}

/// Groups in groups: each has limits, the tightest of each kind elsewhere.
const NESTED: Files<'_> = &[
    ("/proc/self/cgroup", "0::/outer/middle/own\n"),
    ("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n"),
    ("/sys/fs/cgroup/outer/cpu.max", "100000 100000\n"),
    ("/sys/fs/cgroup/outer/memory.max", "4294967296\n"),
    ("/sys/fs/cgroup/outer/memory.current", "4294967295\n"),
    ("/sys/fs/cgroup/outer/memory.swap.max", "0\n"),
    ("/sys/fs/cgroup/outer/middle/cpu.max", "max 100000\n"),
    ("/sys/fs/cgroup/outer/middle/memory.max", "2147483648\n"),
    ("/sys/fs/cgroup/outer/middle/memory.current", "1048576\n"),
    ("/sys/fs/cgroup/outer/middle/memory.swap.max", "max\n"),
    ("/sys/fs/cgroup/outer/middle/own/cpu.max", "200000 100000\n"),
    ("/sys/fs/cgroup/outer/middle/own/memory.max", "max\n"),
    ("/sys/fs/cgroup/outer/middle/own/memory.swap.max", "max\n"),
    // A neighbour, which does not matter.
    ("/sys/fs/cgroup/outer/other/memory.max", "1\n"),
    ("/sys/fs/cgroup/outer/other/cpu.max", "1000 100000\n"),
];

#[test]
fn the_tightest_ancestor_counts() {
    check(
        &[PLAIN, NESTED],
        &[
            "cores 1 /sys/fs/cgroup/outer/cpu.max",
            "total 2147483648 /sys/fs/cgroup/outer/middle/memory.max",
            "available 1 /sys/fs/cgroup/outer/memory.max",
        ],
    );
}

#[test]
fn a_group_or_an_ancestor_can_forbid_swap() {
    let zram: Files<'_> = &[("/proc/swaps", ZRAM)];
    let forbidden = "swap Forbidden /sys/fs/cgroup/outer/memory.swap.max";
    check(&[PLAIN, NESTED, zram], &[forbidden]);
    // Where it is not known whether there is swap, it is still forbidden.
    check(&[PLAIN, NESTED, &[("/proc/swaps", "?")]], &[forbidden]);
    let present = "swap Present /proc/swaps";
    for limit in ["max", "4096", "", "-0", "none"] {
        let files = [("/sys/fs/cgroup/outer/memory.swap.max", limit)];
        check(&[PLAIN, NESTED, zram, &files], &[present]);
    }
    let own = [("/sys/fs/cgroup/memory.swap.max", "0\n")];
    let of_mount = "swap Forbidden /sys/fs/cgroup/memory.swap.max";
    check(&[PLAIN, CONTAINER, zram, &own], &[of_mount]);
}

#[test]
fn swap_is_there_unless_the_machine_says_otherwise() {
    let partition = format!("{NO_SWAP}/dev/sda2 partition 1 0 -2\n");
    for (list, expected) in [
        (NO_SWAP, "swap Absent /proc/swaps"),
        (&partition, "swap Present /proc/swaps"),
        (ZRAM, "swap Present /proc/swaps"),
        ("", "swap Present /proc/swaps"),
        ("\n", "swap Present /proc/swaps"),
        ("nonsense\n", "swap Present /proc/swaps"),
    ] {
        check(&[PLAIN, &[("/proc/swaps", list)]], &[expected]);
    }
    check(&[], &["swap Present /proc/swaps"]);
}

#[test]
fn a_group_outside_the_view_is_stood_in_for_by_the_mount() {
    let zram: Files<'_> = &[("/proc/swaps", ZRAM)];
    let forbids: Files<'_> = &[("/sys/fs/cgroup/memory.swap.max", "0\n")];
    for membership in ["0::/kubepods/pod1/gone", "0::/../sibling", "", "0::", "??"] {
        let membership: Files<'_> = &[("/proc/self/cgroup", membership)];
        check(
            &[PLAIN, CONTAINER, zram, forbids, membership],
            &[
                "cores 2 /sys/fs/cgroup/cpu.max",
                "total 1073741824 /sys/fs/cgroup/memory.max",
                // That group may be another's: what it forbids is not sure.
                "swap Present /proc/swaps",
            ],
        );
    }
    // Two steps up and out of the folder of the groups.
    let beside = [
        ("/proc/self/cgroup", "0::/../../secret\n"),
        ("/sys/secret/memory.max", "1\n"),
    ];
    let total = "total 1073741824 /sys/fs/cgroup/memory.max";
    check(&[PLAIN, CONTAINER, &beside], &[total]);
}

/// Version 1, with the controllers of time on one mount.
const V1: Files<'_> = &[
    (
        "/proc/self/cgroup",
        "5:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/docker/x\n",
    ),
    ("/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us", "-1\n"),
    (
        "/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us",
        "100000\n",
    ),
    (
        "/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us",
        "200000\n",
    ),
    (
        "/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us",
        "100000\n",
    ),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "9223372036854771712\n",
    ),
    (
        "/sys/fs/cgroup/memory/docker/memory.limit_in_bytes",
        "1000000\n",
    ),
    (
        "/sys/fs/cgroup/memory/docker/memory.usage_in_bytes",
        "400000\n",
    ),
    (
        "/sys/fs/cgroup/memory/docker/memory.stat",
        "inactive_file 7\ntotal_inactive_file 100000\n",
    ),
    (
        "/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes",
        "2000000\n",
    ),
    (
        "/sys/fs/cgroup/memory/docker/x/memory.usage_in_bytes",
        "1\n",
    ),
];

#[test]
fn version_1_has_its_own_names() {
    check(
        &[PLAIN, V1],
        &[
            "cores 2 /sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us",
            "total 1000000 /sys/fs/cgroup/memory/docker/memory.limit_in_bytes",
            "available 700000 /sys/fs/cgroup/memory/docker/memory.limit_in_bytes",
        ],
    );
}

#[test]
fn no_limit_of_version_1_is_none_for_every_page_size() {
    for unlimited in [
        "9223372036854771712",
        "9223372036854710272",
        "9223372036854775807",
    ] {
        let files = [
            ("/proc/self/cgroup", "5:memory:/\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", unlimited),
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "1"),
        ];
        check(&[&files], &["total unknown", "available unknown"]);
    }
}

#[test]
fn a_hybrid_has_groups_of_both_versions() {
    let hybrid = [
        (
            "/proc/self/cgroup",
            "9:memory:/docker/x\n2:cpu,cpuacct:/gone\n0::/user\n",
        ),
        ("/sys/fs/cgroup/unified/user/cpu.max", "100000 100000\n"),
        ("/sys/fs/cgroup/unified/user/memory.swap.max", "0\n"),
        ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000\n"),
        ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
        ("/proc/swaps", ZRAM),
    ];
    check(
        &[PLAIN, V1, &hybrid],
        &[
            "cores 1 /sys/fs/cgroup/unified/user/cpu.max",
            "total 1000000 /sys/fs/cgroup/memory/docker/memory.limit_in_bytes",
            "swap Forbidden /sys/fs/cgroup/unified/user/memory.swap.max",
        ],
    );
    let looser = [("/sys/fs/cgroup/unified/user/cpu.max", "max 100000\n")];
    let cores = "cores 2 /sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us";
    check(&[PLAIN, V1, &hybrid, &looser], &[cores]);
}

#[test]
fn a_machine_that_says_nothing_has_cores_and_maybe_swap() {
    let machine = detect(&[]);
    assert_eq!(
        machine,
        Machine {
            cores: Figure {
                value: std::thread::available_parallelism().unwrap(),
                origin: Origin::Call("std::thread::available_parallelism"),
            },
            cpu_percent: None,
            own_cpu_percent: None,
            load: None,
            memory_bytes_total: None,
            memory_bytes_available: None,
            swap: Figure::in_file(Swap::Present, "/proc/swaps"),
            swap_bytes_total: None,
            swap_bytes_free: None,
            memory_resident_bytes: None,
            stalls: Stalls::default(),
            address_space: AddressSpace::default(),
            descriptors: None,
            processes: None,
            folders: Vec::new(),
        }
    );
}

#[test]
fn nonsense_is_as_good_as_nothing() {
    let nothing = detect(&[]);
    for nonsense in [
        "",
        "\n\n",
        "18446744073709551616 kB",
        "MemTotal:\nVmSize: 1 MB",
        "\0é\u{1b}",
    ] {
        let files: Vec<_> = [PLAIN, CONTAINER]
            .concat()
            .iter()
            .map(|(path, _)| (*path, nonsense))
            .collect();
        assert_eq!(detect(&[&files]), nothing, "{nonsense:?}");
    }
    let overflow = [("/proc/meminfo", "MemTotal: 18446744073709551615 kB\n")];
    check(&[&overflow], &["total unknown"]);
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let root = root(&[PLAIN]);
    for path in ["proc/meminfo", "proc/swaps", "proc/self/limits"] {
        let path = root.path().join(path);
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    }
    let machine = Detector::below(root.path()).detect();
    assert_eq!(machine.memory_bytes_total, None);
    assert_eq!(machine.swap.value, Swap::Present);
    // Cut off, this would say 1 byte.
    let long = format!("{}1{}", " ".repeat(64 << 10), "0".repeat(9));
    check(
        &[&[("/proc/sys/vm/max_map_count", &long)]],
        &["maps unknown"],
    );
}

/// Paths that a machine with every kind of group has.
fn every_path() -> Vec<&'static str> {
    let files = [PLAIN, CONTAINER, NESTED, V1].concat();
    files.iter().map(|(path, _)| *path).collect()
}

/// Text that comes close to what the kernel writes.
fn near_text() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "MemTotal:",
        "MemAvailable:",
        "VmSize:",
        "Cpus_allowed_list:",
        "Max address space",
        "Filename",
        "inactive_file ",
        "total_inactive_file ",
        "0::",
        "5:memory:",
        "4:cpu,cpuacct:",
        "/",
        "..",
        "outer",
        "docker",
        "x",
        "max",
        "unlimited",
        "kB",
        " ",
        "\n",
        "\n",
        ",",
        "-",
        "0",
        "1",
        "100000",
        "65535",
        "18446744073709551615",
        "9223372036854771712",
    ];
    let near = prop::collection::vec(prop::sample::select(words.to_vec()), 0..12);
    prop_oneof![
        near.prop_map(|words| words.concat().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..64),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_panic(texts in prop::collection::vec(near_text(), 33)) {
        let root = TempDir::new().unwrap();
        for (path, text) in every_path().iter().zip(&texts) {
            write(root.path(), path, text);
        }
        let machine = Detector::below(root.path()).detect();
        prop_assert!(1 <= machine.cores.value.get());
        prop_assert!(!describe(&machine).is_empty());
        let _ = machine.address_space.left_bytes();
    }

    #[test]
    fn a_list_of_cpus_reads_back(cpus in prop::collection::btree_set(0..MAX_CPUS, 1..40)) {
        let list: Vec<_> = cpus.iter().map(ToString::to_string).collect();
        prop_assert_eq!(cpu_list(&list.join(",")), Some(cpus));
    }

    #[test]
    fn a_tighter_group_never_gives_more(quota in 0_u64..1_000_000, limit: u64, less in 0_u64..1_000_000) {
        let machine = |quota: u64, limit: u64| {
            let (quota, limit) = (format!("{quota} 100000"), limit.to_string());
            let files = [
                ("/sys/fs/cgroup/cpu.max", quota.as_str()),
                ("/sys/fs/cgroup/memory.max", limit.as_str()),
            ];
            detect(&[PLAIN, CONTAINER, &files])
        };
        let loose = machine(quota, limit);
        let tight = machine(quota.saturating_sub(less), limit.saturating_sub(less));
        prop_assert!(tight.cores.value <= loose.cores.value);
        let bytes = |figure: &Option<Figure<u64>>| figure.as_ref().map(|figure| figure.value);
        prop_assert!(bytes(&tight.memory_bytes_total) <= bytes(&loose.memory_bytes_total));
        prop_assert!(bytes(&tight.memory_bytes_available) <= bytes(&loose.memory_bytes_available));
    }
}
