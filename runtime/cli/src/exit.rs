//! Exit codes: one for each fault, and nothing else decides them.

use std::process::ExitCode;

use patinox_policy::Fault;

/// The exit code of a fault.
pub(crate) fn code(fault: Fault) -> ExitCode {
    ExitCode::from(number(fault))
}

const fn number(fault: Fault) -> u8 {
    match fault {
        Fault::Caller => 2,
        Fault::Policy => 3,
        Fault::Limit => 4,
        Fault::Component => 5,
        Fault::Upstream => 6,
        Fault::Cancelled => 130,
        Fault::Host => 70,
    }
}
