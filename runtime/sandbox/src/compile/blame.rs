//! Who is to blame for a compiler that ran out of time.

use std::time::Duration;

use patinox_resources::ProcessTime;

/// Whether a compiler that had this long of the time that it may have would come
/// no further another time.
///
/// If not, others had its cores, the system had it wait for something, or whoever
/// sent the component took most of the time.
pub(super) fn had_all(spent: ProcessTime, had: Duration, of: Duration) -> bool {
    of / 10 * 9 <= had && of / 4 * 3 <= spent.computed && spent.waited <= spent.computed / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_that_had_all_is_to_blame() {
        let had = |seconds, computed, waited| {
            let spent = ProcessTime {
                computed: Duration::from_secs(computed),
                waited: Duration::from_secs(waited),
            };
            had_all(
                spent,
                Duration::from_secs(seconds),
                Duration::from_secs(100),
            )
        };
        // By one thread, and by two.
        assert!(had(100, 99, 1));
        assert!(had(100, 180, 10));
        // Others computed meanwhile.
        assert!(!had(100, 60, 40));
        assert!(!had(100, 90, 110));
        // It was stopped, or waited for a disk.
        assert!(!had(100, 10, 0));
        // It began late: with two threads it may have computed as much.
        assert!(!had(50, 95, 0));
    }
}
