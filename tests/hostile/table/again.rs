//! Tests that need an environment of their own: nothing changes that of a
//! process that runs, so they run themselves once more.

use std::process::Command;

/// The allocator gives back what is freed, so that what a process still has
/// after an attack is ours. Else it keeps some, at its own discretion.
pub(super) const KEEPS_NOTHING: (&str, &str) = ("MALLOC_TRIM_THRESHOLD_", "131072");

/// Others of the same, that need not be asked for.
const WITH_IT: [(&str, &str); 2] = [
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
    ("MALLOC_ARENA_MAX", "2"),
];

/// Runs `work` where the environment has a variable; else the test of that name
/// in this folder's module, in a process where it has.
pub(super) fn with((key, value): (&str, &str), test: &str, work: impl FnOnce()) {
    if has(key, value) {
        return work();
    }
    let (module, _) = module_path!().rsplit_once("::").expect("a module");
    let (_, module) = module.split_once("::").expect("a crate");
    let itself = std::env::current_exe().expect("the program of the tests");
    let mut again = Command::new(itself);
    again.args(["--exact", &format!("{module}::{test}"), "--nocapture"]);
    again.env(key, value);
    if (key, value) == KEEPS_NOTHING {
        again.envs(WITH_IT);
    }
    let ended = again.output().expect("the program of the tests");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    let also = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}\n{also}");
    assert!(said.contains("1 passed"), "{said}");
    eprint!("{also}");
}

fn has(key: &str, value: &str) -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment is what this is about"
    )]
    let has = std::env::var(key);
    has.is_ok_and(|has| has == value)
}
