//! The lock of what is tested by interleaving its threads in every way: the
//! standard library's, or the one that the tests steer.

#[cfg(not(feature = "shuttle"))]
pub(crate) use std::sync::{Mutex, MutexGuard};

#[cfg(feature = "shuttle")]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
