//! What the system has no more of for this process.

use std::io;

use super::Error;
use crate::compile::WorkerFault;

/// What the system has no more of for this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exhausted {
    /// Descriptors: of this process, or of the machine.
    Descriptors,
    /// Processes and threads, or memory for one more.
    Processes,
}

impl Exhausted {
    /// What an error of the system says, if it is one of these. `starts` tells that
    /// a process was to be started.
    fn behind(error: &io::Error, starts: bool) -> Option<Self> {
        use rustix::io::Errno;
        match Errno::from_io_error(error)? {
            Errno::MFILE | Errno::NFILE => Some(Self::Descriptors),
            Errno::AGAIN | Errno::NOMEM if starts => Some(Self::Processes),
            _ => None,
        }
    }

    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Descriptors => "the system has no more descriptors for this host",
            Self::Processes => "the system has no more processes for this host",
        }
    }

    pub(super) const fn hint(self) -> &'static str {
        match self {
            Self::Descriptors => {
                "give the host more by `ulimit -n`, or call again when fewer files are open"
            }
            Self::Processes => {
                "give the host more by `ulimit -u` or `sysctl kernel.pid_max`, or call again \
                 when fewer run"
            }
        }
    }
}

/// How the system says that there is no address space, or no mapping, left:
/// `ENOMEM`.
const OUT_OF_MEMORY: &str = "(os error 12)";

/// How it says that there are no descriptors: `ENFILE`, `EMFILE`.
const OUT_OF_DESCRIPTORS: [&str; 2] = ["(os error 23)", "(os error 24)"];

impl Error {
    /// What the engine could not do because of this machine. It has no type for
    /// that, so the text of the system's error is all there is.
    pub(crate) fn of_machine(error: wasmtime::Error) -> Self {
        let cause = error.root_cause().to_string();
        if cause.contains(OUT_OF_MEMORY) {
            return Self::NoRoom(error.to_string());
        }
        if OUT_OF_DESCRIPTORS.iter().any(|text| cause.contains(text)) {
            return Self::Exhausted(Exhausted::Descriptors, io::Error::other(cause));
        }
        Self::internal(error)
    }

    /// A component's file cannot be read.
    pub(crate) fn unreadable(error: io::Error) -> Self {
        match Exhausted::behind(&error, false) {
            Some(what) => Self::Exhausted(what, error),
            None => Self::Unreadable(error),
        }
    }

    /// A compile worker does not work.
    pub(crate) fn worker(fault: WorkerFault) -> Self {
        match fault {
            WorkerFault::NotStarted(error) => match Exhausted::behind(&error, true) {
                Some(what) => Self::Exhausted(what, error),
                None => Self::Worker(WorkerFault::NotStarted(error)),
            },
            fault => Self::Worker(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use patinox_policy::{Code, Failure as _, RecoveryStrategy};
    use rustix::io::Errno;

    use super::*;

    #[track_caller]
    fn check(error: &Error, code: Code, message: &str) {
        assert_eq!(error.code(), code);
        assert_eq!(error.to_string(), message);
        if code == Code::Busy {
            let retry = RecoveryStrategy::Retry { after: None };
            assert_eq!(error.recovery(), retry);
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn what_there_is_no_more_of_is_told_apart_from_what_does_not_work() {
        let descriptors = "the system has no more descriptors for this host";
        let processes = "the system has no more processes for this host";
        let unreadable = "the component's file cannot be read";
        let file = |errno: Errno| Error::unreadable(errno.into());
        check(&file(Errno::MFILE), Code::Busy, descriptors);
        check(&file(Errno::NFILE), Code::Busy, descriptors);
        check(&file(Errno::IO), Code::Unreadable, unreadable);
        check(&file(Errno::AGAIN), Code::Unreadable, unreadable);
        let start = |errno: Errno| Error::worker(WorkerFault::NotStarted(errno.into()));
        check(&start(Errno::MFILE), Code::Busy, descriptors);
        check(&start(Errno::AGAIN), Code::Busy, processes);
        check(&start(Errno::NOMEM), Code::Busy, processes);
        let not_started = "the compile worker cannot be started";
        check(&start(Errno::NOENT), Code::Internal, not_started);
        let broke_off = Error::worker(WorkerFault::BrokeOff);
        check(&broke_off, Code::Internal, "the compile worker broke off");
    }
}
