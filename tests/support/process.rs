//! What this process holds, as the system counts it.

use std::fs;

/// The memory that it has now, in bytes.
pub(crate) fn resident() -> u64 {
    field("VmRSS")
}

/// The most that it has had since [`forget_peak`], in bytes.
pub(crate) fn resident_peak() -> u64 {
    field("VmHWM")
}

/// Sets the most that it has had back to what it has.
pub(crate) fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").expect("its own process");
}

/// How many descriptors are open, that of the look included.
pub(crate) fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("Linux").count()
}

/// How many threads it has.
pub(crate) fn threads() -> usize {
    fs::read_dir("/proc/self/task").expect("Linux").count()
}

/// Whether a file below this folder is mapped.
pub(crate) fn maps_of(folder: &std::path::Path) -> bool {
    let maps = fs::read_to_string("/proc/self/maps").expect("Linux");
    maps.contains(folder.to_str().expect("a name"))
}

fn field(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with(name));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|n| n.parse::<u64>().ok()).expect("kB") << 10
}
