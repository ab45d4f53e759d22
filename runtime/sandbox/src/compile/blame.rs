//! Who is to blame for a compiler that ran out of time.

use std::time::Duration;

use patinox_policy::LimitName;
use patinox_resources::ProcessTime;

use super::Failed;
use crate::error::Starved;

/// What it means that a compiler had this long of the time that it may have, and
/// was not done. What it computed is not known everywhere.
pub(super) fn late(spent: Option<ProcessTime>, had: Duration, of: Duration) -> Failed {
    let had_the_time = of / 10 * 9 <= had;
    let had_all = match spent {
        Some(spent) => of / 4 * 3 <= spent.computed && spent.waited <= spent.computed / 4,
        None => true,
    };
    // It would come no further another time.
    if had_the_time && had_all {
        return Failed::Limit(LimitName::CompileWall);
    }
    // Others had its cores, the system had it wait for something, or whoever sent
    // the component took most of the time.
    Failed::Starved(Starved::Compiling {
        computed: spent.map(|spent| spent.computed),
        is_busy: spent.is_some_and(|spent| of / 10 <= spent.waited),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_that_had_all_is_to_blame() {
        let late = |seconds, computed, waited| {
            let spent = ProcessTime {
                computed: Duration::from_secs(computed),
                waited: Duration::from_secs(waited),
                threads: 2,
            };
            let had = Duration::from_secs(seconds);
            match late(Some(spent), had, Duration::from_secs(100)) {
                Failed::Limit(_) => "blamed",
                Failed::Starved(Starved::Compiling { is_busy: true, .. }) => "busy",
                _ => "not done",
            }
        };
        // By one thread, and by two.
        assert_eq!(late(100, 99, 1), "blamed");
        assert_eq!(late(100, 180, 10), "blamed");
        // Others computed meanwhile.
        assert_eq!(late(100, 60, 40), "busy");
        assert_eq!(late(100, 90, 110), "busy");
        // It was stopped, or waited for a disk.
        assert_eq!(late(100, 10, 0), "not done");
        // It began late: with two threads it may have computed as much.
        assert_eq!(late(50, 95, 0), "not done");
    }

    /// Where the kernel tells nothing, the time alone must do.
    #[test]
    fn without_figures_who_had_the_time_is_to_blame() {
        let late = |seconds| {
            let had = Duration::from_secs(seconds);
            late(None, had, Duration::from_secs(100))
        };
        assert!(matches!(late(95), Failed::Limit(_)));
        assert!(matches!(late(50), Failed::Starved(_)));
    }
}
