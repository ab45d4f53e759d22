//! Exit codes: one for each fault, and one for what was judged and found bad.

use std::process::ExitCode;

use patinox_policy::Fault;

/// Where a command judges something else than its own work, and it did not do
/// as it should: none of the faults.
pub(crate) const FOUND_BAD: ExitCode = ExitCode::FAILURE;

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
