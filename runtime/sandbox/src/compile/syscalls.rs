//! What the child may still ask of the system.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

/// What compiling needs, whatever the arguments. Everything that is neither
/// here nor in [`narrowed`] ends the process.
const ALLOWED: [i64; 18] = [
    // Memory; what maps it is narrowed.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Threads that wait for each other. No new one: all are there already.
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    // Its own signals, to end by one.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_gettid,
    // Time, and seeds for hash maps.
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// What fails, and does not end the process: the system's allocator looks for a
/// file that tells how many processors there are, and can do without.
const FAILS: i64 = libc::SYS_openat;

/// Restricts every thread of this process, where the kernel can.
pub(super) fn restrict() {
    // A kernel without it says so; what the limits hold is held anyway.
    let restrict = |program: BpfProgram| apply_filter_all_threads(&program).ok();
    // Of two filters the stricter answer counts. What fails by the first is
    // not to kill by the second, and only then.
    let fails = failing().and_then(restrict);
    let _ = allowing(fails.map(|()| FAILS)).and_then(restrict);
}

/// Lets one call fail and all others pass.
fn failing() -> Option<BpfProgram> {
    let rules = BTreeMap::from([(FAILS, Vec::new())]);
    let refusal = SeccompAction::Errno(libc::EACCES.unsigned_abs());
    program(rules, SeccompAction::Allow, refusal)
}

/// Lets pass what is allowed, and this one; everything else kills.
fn allowing(another: Option<i64>) -> Option<BpfProgram> {
    let calls = ALLOWED.into_iter().chain(another);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = calls.map(|call| (call, Vec::new())).collect();
    rules.extend(narrowed().ok()?);
    program(rules, SeccompAction::KillProcess, SeccompAction::Allow)
}

/// `None` on a processor that there is no filter for.
fn program(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    matching: SeccompAction,
) -> Option<BpfProgram> {
    let filter = SeccompFilter::new(rules, otherwise, matching, architecture()?);
    filter.ok()?.try_into().ok()
}

const fn architecture() -> Option<TargetArch> {
    if cfg!(target_arch = "x86_64") {
        Some(TargetArch::x86_64)
    } else if cfg!(target_arch = "aarch64") {
        Some(TargetArch::aarch64)
    } else {
        None
    }
}

/// What is allowed with some arguments only.
fn narrowed() -> Result<[(i64, Vec<SeccompRule>); 5], seccompiler::BackendError> {
    let pid = rustix::process::getpid().as_raw_pid();
    Ok([
        // An inherited descriptor is of no use.
        (libc::SYS_read, vec![all([is(0, 0)?])?]),
        (libc::SYS_write, vec![all([is(0, 1)?])?, all([is(0, 2)?])?]),
        // Memory that is no file's, and that nothing runs in.
        (
            libc::SYS_mmap,
            vec![all([
                has(2, libc::PROT_EXEC, 0)?,
                has(3, libc::MAP_ANONYMOUS, libc::MAP_ANONYMOUS)?,
            ])?],
        ),
        (
            libc::SYS_mprotect,
            vec![all([has(2, libc::PROT_EXEC, 0)?])?],
        ),
        // It ends itself when an allocation fails.
        (
            libc::SYS_tgkill,
            vec![all([is(0, pid)?, is(2, libc::SIGABRT)?])?],
        ),
    ])
}

fn all<const N: usize>(
    conditions: [SeccompCondition; N],
) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(conditions.into())
}

/// An argument has this value.
fn is(argument: u8, value: i32) -> Result<SeccompCondition, seccompiler::BackendError> {
    let value = value.unsigned_abs().into();
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

/// An argument has, of these bits, those.
fn has(argument: u8, mask: i32, bits: i32) -> Result<SeccompCondition, seccompiler::BackendError> {
    let compare = SeccompCmpOp::MaskedEq(mask.unsigned_abs().into());
    let bits = bits.unsigned_abs().into();
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compare, bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_can_be_made() {
        let made = failing().is_some() && allowing(Some(FAILS)).is_some();
        assert_eq!(made, architecture().is_some());
    }
}
