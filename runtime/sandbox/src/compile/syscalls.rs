//! What the child may still ask of the system.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

/// What the C library asks for and can do without: when threads contend for
/// memory it looks up the number of processors. It is told that there is no
/// such file.
const IN_VAIN: [i64; 1] = [libc::SYS_openat];

/// What compiling needs, whatever the arguments. Everything that is neither
/// here nor in [`IN_VAIN`] or [`narrowed`] ends the process.
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

/// Restricts every thread of this process, where the kernel can.
pub(super) fn restrict() {
    // Of two filters the stricter answer counts.
    for program in [in_vain(), allowed()].into_iter().flatten() {
        // A kernel without it says so; what the limits hold is held anyway.
        let _ = apply_filter_all_threads(&program);
    }
}

/// The filters are `None` on a processor that they are not written for.
fn in_vain() -> Option<BpfProgram> {
    let error = u32::try_from(libc::ENOENT).ok()?;
    filter(
        whatever(&IN_VAIN),
        SeccompAction::Allow,
        SeccompAction::Errno(error),
    )
}

fn allowed() -> Option<BpfProgram> {
    let mut rules = whatever(&ALLOWED);
    rules.extend(whatever(&IN_VAIN));
    rules.extend(narrowed().ok()?);
    filter(rules, SeccompAction::KillProcess, SeccompAction::Allow)
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Calls with any arguments.
fn whatever(calls: &[i64]) -> Rules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

fn filter(rules: Rules, others: SeccompAction, these: SeccompAction) -> Option<BpfProgram> {
    let filter = SeccompFilter::new(rules, others, these, architecture()?);
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
        assert_eq!(allowed().is_some(), architecture().is_some());
        assert_eq!(in_vain().is_some(), architecture().is_some());
    }
}
