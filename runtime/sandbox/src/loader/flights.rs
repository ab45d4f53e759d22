//! What is being loaded now.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::component::Component;

use super::Key;

/// One place for each component that somebody loads: whoever locks it first
/// has it compiled, the others find it there. When the last of them is gone, so
/// is the place.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Key, Weak<Flight>>>);

/// `None` until it has been compiled.
pub(super) type Flight = tokio::sync::Mutex<Option<Component>>;

impl Flights {
    pub(super) fn join(&self, key: &Key) -> Arc<Flight> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(key).and_then(Weak::upgrade) {
            return flight;
        }
        flights.retain(|_, flight| 0 < flight.strong_count());
        let flight = Arc::new(Flight::default());
        flights.insert(*key, Arc::downgrade(&flight));
        flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::Digest;
    use patinox_policy::LoadLimits;

    #[test]
    fn a_place_is_shared_as_long_as_somebody_has_it() {
        let key = |text: &str| (Digest::of(text.as_bytes()), LoadLimits::default());
        let flights = Flights::default();
        let first = flights.join(&key("a"));
        assert!(Arc::ptr_eq(&first, &flights.join(&key("a"))));
        assert!(!Arc::ptr_eq(&first, &flights.join(&key("b"))));
        drop(first);
        let _third = flights.join(&key("c"));
        assert_eq!(flights.0.lock().expect("no panic").len(), 1);
    }
}
