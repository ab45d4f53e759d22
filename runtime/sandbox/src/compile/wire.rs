//! What parent and child say to each other.
//!
//! The child's arguments are `__compile-worker` and its [`Bounds`], so that it
//! can limit itself before it reads anything. Then, over stdin and stdout:
//!
//! ```text
//! child   HELLO                                     it has limited itself
//! parent  REQUEST, order, length (u64), component
//! child   status (u8), length (u64), payload        code, or the reason why not
//! ```
//!
//! Numbers are little-endian. Both are the same program, so there is one
//! version, and a change of the format changes both words.

use std::ffi::OsString;

use patinox_policy::LoadLimits;
use rustix::process::Pid;

use super::Order;

/// What a worker says once it has limited itself.
pub(super) const HELLO: [u8; 8] = *b"patinox!";

/// What a request begins with: not what a worker says, so that a program which
/// echoes is not taken for one.
const REQUEST: [u8; 8] = *b"compile:";

/// The longest reason that is taken from a child, in bytes.
pub(super) const MAX_REASON_BYTES: u64 = 4 << 10;

/// What the child holds itself to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Who must be its parent; if it is not, that one is gone already.
    pub(super) parent: Pid,
    pub(super) cpu_seconds: u64,
    pub(super) memory_bytes: u64,
}

impl Bounds {
    pub(super) fn new(limits: &LoadLimits) -> Self {
        Self {
            parent: rustix::process::getpid(),
            cpu_seconds: limits.compile_cpu_ms.div_ceil(1_000),
            memory_bytes: limits.compile_memory_bytes,
        }
    }

    pub(super) fn to_arguments(self) -> [String; 3] {
        [
            self.parent.as_raw_pid().to_string(),
            self.cpu_seconds.to_string(),
            self.memory_bytes.to_string(),
        ]
    }

    pub(super) fn from_arguments(arguments: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut arguments = arguments.into_iter();
        let mut next = || arguments.next()?.into_string().ok();
        Some(Self {
            parent: Pid::from_raw(next()?.parse().ok()?)?,
            cpu_seconds: next()?.parse().ok()?,
            memory_bytes: next()?.parse().ok()?,
        })
    }
}

/// The head of a request; the component follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) order: Order,
    pub(super) len: u64,
}

impl Request {
    pub(super) const BYTES: usize = REQUEST.len() + Order::BYTES + 8;

    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let parts = REQUEST.into_iter().chain(self.order.to_bytes());
        let parts = parts.chain(self.len.to_le_bytes());
        bytes
            .iter_mut()
            .zip(parts)
            .for_each(|(to, from)| *to = from);
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let rest = bytes.strip_prefix(&REQUEST)?;
        let (order, len) = rest.split_first_chunk()?;
        Some(Self {
            order: Order::from_bytes(*order)?,
            len: u64::from_le_bytes(len.try_into().ok()?),
        })
    }
}

/// What a reply holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// Compiled code.
    Code,
    /// Why the component cannot be compiled.
    Invalid,
    /// Nothing: the memory was not enough.
    Memory,
    /// Why the worker cannot do its work.
    Fault,
}

/// The head of a reply; the payload follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: Status,
    pub(super) len: u64,
}

impl Reply {
    pub(super) const BYTES: usize = 9;

    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let status = match self.status {
            Status::Code => 0,
            Status::Invalid => 1,
            Status::Memory => 2,
            Status::Fault => 3,
        };
        let mut bytes = [status; Self::BYTES];
        let len = bytes.iter_mut().skip(1).zip(self.len.to_le_bytes());
        len.for_each(|(to, from)| *to = from);
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let (status, len) = bytes.split_first()?;
        let status = match status {
            0 => Status::Code,
            1 => Status::Invalid,
            2 => Status::Memory,
            3 => Status::Fault,
            _ => return None,
        };
        Some(Self {
            status,
            len: u64::from_le_bytes(len.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Profile;
    use crate::settings::Tunables;

    #[test]
    fn what_is_said_is_understood() {
        for profile in [Profile::Lean, Profile::Strict] {
            let request = Request {
                order: Order {
                    tunables: Tunables::wide(profile),
                },
                len: 0x0123_4567_89ab_cdef,
            };
            assert_eq!(Request::from_bytes(&request.to_bytes()), Some(request));
        }
        for status in [Status::Code, Status::Invalid, Status::Memory, Status::Fault] {
            let reply = Reply { status, len: 77 };
            assert_eq!(Reply::from_bytes(&reply.to_bytes()), Some(reply));
        }
        let bounds = Bounds::new(&LoadLimits::default());
        let arguments = bounds.to_arguments().map(OsString::from);
        assert_eq!(Bounds::from_arguments(arguments), Some(bounds));
    }

    #[test]
    fn what_is_no_request_is_none() {
        assert_eq!(Request::from_bytes(&[b'c'; Request::BYTES]), None);
        assert_eq!(Reply::from_bytes(&[9; Reply::BYTES]), None);
        let words = |words: &[&str]| Bounds::from_arguments(words.iter().map(OsString::from));
        assert_eq!(words(&[]), None);
        assert_eq!(words(&["1", "60"]), None);
        assert_eq!(words(&["0", "60", "1"]), None);
        assert_eq!(words(&["1", "-1", "1"]), None);
    }
}
