//! What a call may still ask of the host, beyond calls and fuel.

use patinox_policy::{LimitName, Limits};

use crate::error::Stop;

/// How much of some limits a call has used up.
#[derive(Debug)]
pub(crate) struct Allowance {
    pollables: u64,
    max_pollables: u64,
    random_bytes: u64,
    max_random_bytes: u64,
}

impl Allowance {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            pollables: 0,
            max_pollables: limits.pollables,
            random_bytes: 0,
            max_random_bytes: limits.random_bytes,
        }
    }

    /// Counts one more pollable that the guest holds.
    pub(super) const fn hold_pollable(&mut self) -> Result<(), Stop> {
        self.pollables = self.pollables.saturating_add(1);
        self.wait_for(self.pollables)
    }

    /// Counts one less.
    pub(super) const fn drop_pollable(&mut self) {
        self.pollables = self.pollables.saturating_sub(1);
    }

    /// Refuses to wait for more pollables than a guest may hold. It may name
    /// one many times.
    pub(super) const fn wait_for(&self, pollables: u64) -> Result<(), Stop> {
        if self.max_pollables < pollables {
            return Err(Stop::Limit(LimitName::Pollables, Some(pollables)));
        }
        Ok(())
    }

    /// Counts random bytes, before any are made: their number is the guest's
    /// word.
    pub(super) const fn take_random(&mut self, bytes: u64) -> Result<(), Stop> {
        self.random_bytes = self.random_bytes.saturating_add(bytes);
        if self.max_random_bytes < self.random_bytes {
            return Err(Stop::Limit(LimitName::Random, Some(self.random_bytes)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pollables_count_while_they_are_held() {
        let mut allowance = Allowance::new(&Limits {
            pollables: 2,
            ..Limits::default()
        });
        allowance.hold_pollable().unwrap();
        allowance.hold_pollable().unwrap();
        allowance.drop_pollable();
        allowance.hold_pollable().unwrap();
        assert!(allowance.hold_pollable().is_err());
    }

    #[test]
    fn random_bytes_count_together() {
        let mut allowance = Allowance::new(&Limits {
            random_bytes: 10,
            ..Limits::default()
        });
        allowance.take_random(10).unwrap();
        allowance.take_random(0).unwrap();
        assert!(allowance.take_random(1).is_err());
        assert!(allowance.take_random(u64::MAX).is_err());
    }
}
