//! What a process may have: swap, descriptors, processes; what it waits for, and
//! the room on disks.

use std::os::unix::fs::MetadataExt as _;

use super::*;

const LIMITS: &str = "\
Limit                     Soft Limit           Hard Limit           Units     \n\
Max processes             100                  unlimited            processes \n\
Max open files            50                   4096                 files     \n";

const LIMITED: Files<'_> = &[
    ("/proc/self/limits", LIMITS),
    ("/proc/self/fd/0", ""),
    ("/proc/self/fd/1", ""),
    ("/proc/self/fd/2", ""),
    ("/proc/loadavg", "0.10 1.25 12.05 3/70 4242\n"),
];

#[test]
fn a_process_has_what_its_own_limits_leave() {
    check(
        &[PLAIN, LIMITED],
        &[
            // One of them is the look at them.
            "descriptors 2 by /proc/self/fd of 50 /proc/self/limits",
            "processes unknown of 100 /proc/self/limits",
            "load 0.10 1.25 12.05 /proc/loadavg",
        ],
    );
    let held = detect(&[PLAIN, LIMITED]).descriptors.unwrap();
    assert_eq!(held.left(), 48);
}

#[test]
fn the_limit_that_leaves_the_fewest_counts() {
    let machine: Files<'_> = &[
        ("/proc/sys/fs/file-nr", "990\t0\t1000\n"),
        ("/proc/sys/kernel/threads-max", "80\n"),
        ("/proc/sys/kernel/pid_max", "32768\n"),
    ];
    check(
        &[PLAIN, LIMITED, machine],
        &[
            "descriptors 990 by /proc/sys/fs/file-nr of 1000 /proc/sys/fs/file-nr",
            "processes 70 by /proc/loadavg of 80 /proc/sys/kernel/threads-max",
        ],
    );
    let group: Files<'_> = &[
        ("/sys/fs/cgroup/outer/pids.max", "20\n"),
        ("/sys/fs/cgroup/outer/pids.current", "15\n"),
        ("/sys/fs/cgroup/outer/middle/pids.max", "max\n"),
        ("/sys/fs/cgroup/outer/middle/own/pids.max", "10\n"),
        ("/sys/fs/cgroup/outer/middle/own/pids.current", "1\n"),
    ];
    let outer = "/sys/fs/cgroup/outer";
    let processes = format!("processes 15 by {outer}/pids.current of 20 {outer}/pids.max");
    check(&[PLAIN, LIMITED, machine, NESTED, group], &[&processes]);
    let v1: Files<'_> = &[
        ("/proc/self/cgroup", "7:pids:/docker/x\n"),
        ("/sys/fs/cgroup/pids/docker/x/pids.max", "9\n"),
        ("/sys/fs/cgroup/pids/docker/x/pids.current", "8\n"),
    ];
    let x = "/sys/fs/cgroup/pids/docker/x";
    let processes = format!("processes 8 by {x}/pids.current of 9 {x}/pids.max");
    check(&[PLAIN, LIMITED, v1], &[&processes]);
}

/// A user's limit is about his own tasks, and holds neither root nor who may
/// administrate, but for those of a container.
#[test]
fn a_limit_of_a_user_is_about_his_own_tasks() {
    let own = fs::metadata(TempDir::new().unwrap().path()).unwrap().uid();
    let other = own + 1;
    let machine = |uid: u32, capabilities: &str, map: &str| {
        let status = format!("Name:\tp\nUid:\t{uid}\t0\t0\t0\nCapEff:\t{capabilities}\n");
        let root = root(&[
            PLAIN,
            LIMITED,
            &[
                ("/proc/self/status", &status),
                ("/proc/self/uid_map", map),
                // Two threads of one process, one of another; what is no process.
                ("/proc/7/task/7/comm", "a"),
                ("/proc/7/task/8/comm", "b"),
                ("/proc/9/task/9/comm", "c"),
                ("/proc/sys/task/1/comm", "d"),
            ],
        ]);
        let text = describe(&Detector::below(root.path()).detect());
        let line = text.lines().find(|line| line.starts_with("processes "));
        line.expect("a line").to_owned()
    };
    let none = "0000000000000000";
    let container = "0 100000 65536\n";
    let machines = "         0          0 4294967295\n";
    let counted = "processes 3 by /proc of 100 /proc/self/limits";
    let others = "processes 0 by /proc of 100 /proc/self/limits";
    assert_eq!(machine(own, none, container), counted);
    assert_eq!(machine(other, none, machines), others);
    assert_eq!(machine(0, none, machines), "processes unknown");
    for may in ["0000000001000000", "0000000000200000", "000001ffffffffff"] {
        assert_eq!(machine(other, may, machines), "processes unknown");
        assert_eq!(machine(other, may, container), others);
    }
    assert_eq!(machine(other, "0000000000000400", machines), others);
}

#[test]
fn no_limit_and_no_count_are_told_apart() {
    check(
        &[PLAIN, &[("/proc/loadavg", "1 2 3")]],
        &["descriptors unknown", "processes unknown", "load unknown"],
    );
    let uncounted: Files<'_> = &[("/proc/self/limits", LIMITS)];
    check(
        &[PLAIN, uncounted],
        &[
            "descriptors unknown of 50 /proc/self/limits",
            "processes unknown of 100 /proc/self/limits",
        ],
    );
    let held = detect(&[PLAIN, uncounted]).descriptors.unwrap();
    assert_eq!(held.left(), 50);
}

#[test]
fn swap_is_what_machine_and_groups_leave() {
    let meminfo: Files<'_> = &[(
        "/proc/meminfo",
        "MemTotal: 8388608 kB\nSwapTotal: 2048 kB\nSwapFree: 1024 kB\n",
    )];
    check(
        &[PLAIN, meminfo],
        &[
            "swap total 2097152 /proc/meminfo",
            "swap free 1048576 /proc/meminfo",
        ],
    );
    let group: Files<'_> = &[
        ("/sys/fs/cgroup/outer/memory.swap.max", "1500000\n"),
        ("/sys/fs/cgroup/outer/memory.swap.current", "1400000\n"),
    ];
    let max = "/sys/fs/cgroup/outer/memory.swap.max";
    let lines = [
        format!("swap total 1500000 {max}"),
        format!("swap free 100000 {max}"),
    ];
    let lines = lines.each_ref().map(String::as_str);
    check(&[PLAIN, meminfo, NESTED, group], &lines);
}

const PRESSURE: &str = "some avg10=1.50 avg60=0.00 avg300=12.34 total=5\n\
                        full avg10=0.25 avg60=0.00 avg300=0.00 total=3\n";

#[test]
fn stalls_are_of_the_machine_or_of_a_group_that_waits_more() {
    let machine: Files<'_> = &[
        ("/proc/pressure/memory", PRESSURE),
        (
            "/proc/pressure/cpu",
            "some avg10=0.10 avg60=0.20 avg300=0.30 total=5\n",
        ),
        ("/proc/pressure/io", "nonsense\n"),
    ];
    check(
        &[PLAIN, machine],
        &[
            "stall memory some 1.50 0.00 12.34 full 0.25 0.00 0.00 /proc/pressure/memory",
            "stall cpu some 0.10 0.20 0.30 full unknown /proc/pressure/cpu",
            "stall io unknown",
        ],
    );
    let worse = PRESSURE.replace("avg10=1.50", "avg10=99.00");
    let group: Files<'_> = &[
        ("/sys/fs/cgroup/outer/memory.pressure", &worse),
        (
            "/sys/fs/cgroup/outer/cpu.pressure",
            "some avg10=0.05 avg60=0.00 avg300=0.00\n",
        ),
    ];
    check(
        &[PLAIN, machine, NESTED, group],
        &[
            "stall memory some 99.00 0.00 12.34 full 0.25 0.00 0.00 /sys/fs/cgroup/outer/memory.pressure",
            "stall cpu some 0.10 0.20 0.30 full unknown /proc/pressure/cpu",
        ],
    );
}

#[test]
fn a_folder_that_is_not_there_yet_is_told_by_the_one_above() {
    let root = TempDir::new().unwrap();
    let below = root.path().join("not/there/yet");
    let detector = Detector::new().with_folders([below.clone(), "relative".into()]);
    let machine = detector.detect();
    let [space] = machine.folders.as_slice() else {
        panic!("{:?}", machine.folders);
    };
    let there = Detector::new().folder(root.path()).unwrap();
    assert_eq!(space.folder, below);
    assert_eq!(space.bytes_total, there.bytes_total);
    assert!(space.bytes_available.value <= space.bytes_total.value);
}

proptest! {
    #[test]
    fn hundredths_are_read_as_they_are_written(number: u64) {
        let number = Hundredths(number);
        prop_assert_eq!(number.to_string().parse(), Ok(number));
    }

    #[test]
    fn no_other_text_is_hundredths(text in "[0-9.+ -]{0,6}") {
        if let Ok(number) = text.parse::<Hundredths>() {
            let zeros = text.trim_start_matches('0');
            prop_assert!(number.to_string().ends_with(zeros), "{}", text);
        }
    }

    #[test]
    fn percent_of_a_part_is_at_most_all(part: u64, whole in 1..=u64::MAX) {
        let percent = Hundredths::percent(part.min(whole), whole);
        prop_assert!(percent <= Hundredths(10_000));
        prop_assert_eq!(percent == Hundredths(10_000), whole <= part);
    }
}
