//! Pressure stall information: how much time is lost waiting for a resource.

use super::groups::Groups;
use super::{Detector, Figure, Hundredths, field};

/// The time that tasks lost waiting, in percent of the time that went by.
///
/// The kernel's own averages, as `Documentation/accounting/psi.rst` describes
/// them: of the machine, or of a control group around this process where that
/// lost more over the last ten seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stalls {
    /// Waiting for a core.
    pub cpu: Option<Figure<Stall>>,
    /// Waiting for memory.
    pub memory: Option<Figure<Stall>>,
    /// Waiting for a disk.
    pub io: Option<Figure<Stall>>,
}

/// The time lost to one resource, in percent of the time that went by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// Where at least one task waited.
    pub some: StallAverages,
    /// Where all waited and nothing was done; absent where the kernel does not
    /// say.
    pub full: Option<StallAverages>,
}

/// Percent of the time, over three lengths of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StallAverages {
    /// Over the last ten seconds.
    pub ten_seconds: Hundredths,
    /// Over the last minute.
    pub one_minute: Hundredths,
    /// Over the last five minutes.
    pub five_minutes: Hundredths,
}

impl Detector {
    pub(super) fn stalls(&self, groups: &Groups<'_>) -> Stalls {
        let of = |name| {
            let path = format!("/proc/pressure/{name}");
            let machine = self.read(&path).and_then(|text| stall(&text));
            let machine = machine.map(|stall| Figure::in_file(stall, path));
            let groups = groups.stalls(format!("{name}.pressure"));
            let all = machine.into_iter().chain(groups);
            all.reduce(|one, other| {
                let lost = |stall: &Figure<Stall>| stall.value.some.ten_seconds;
                if lost(&one) < lost(&other) {
                    other
                } else {
                    one
                }
            })
        };
        Stalls {
            cpu: of("cpu"),
            memory: of("memory"),
            io: of("io"),
        }
    }
}

/// Reads a file of stalls.
pub(super) fn stall(text: &str) -> Option<Stall> {
    Some(Stall {
        some: averages(field(text, "some ")?)?,
        full: field(text, "full ").and_then(averages),
    })
}

fn averages(fields: &str) -> Option<StallAverages> {
    let mut fields = fields.split_whitespace();
    let mut next = |name| fields.next()?.strip_prefix(name)?.parse().ok();
    Some(StallAverages {
        ten_seconds: next("avg10=")?,
        one_minute: next("avg60=")?,
        five_minutes: next("avg300=")?,
    })
}
