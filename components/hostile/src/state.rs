//! State that must not survive a call.

use std::mem;
use std::sync::{Mutex, PoisonError};

static KEPT: Mutex<String> = Mutex::new(String::new());

/// Keeps a text in place of the one before.
pub(crate) fn remember(text: String) -> String {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    mem::replace(&mut *kept, text)
}
