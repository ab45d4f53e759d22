//! What may happen, and what to say when it does not.
//!
//! **Owns** the limits of a call and their names, what a call has spent, who
//! asks, who must act on an error, and secrets that cannot be shown.
//!
//! **Never** does input or output, reads a clock, waits, or knows of Wasm.
//!
//! ```
//! use patinox_policy::Limits;
//!
//! let mut limits = Limits::default();
//! limits.set("wall", "2s")?;
//! assert_eq!(limits.wall_ms, 2_000);
//! # Ok::<(), patinox_policy::LimitError>(())
//! ```

#![forbid(unsafe_code)]

#[cfg(not(target_os = "linux"))]
compile_error!("Patinox runs on Linux; elsewhere build and run it in a Linux container");

mod access;
mod address;
mod capability;
mod code;
mod decision;
mod folder;
mod grant;
mod installed;
mod limits;
mod name;
mod nearest;
mod pattern;
mod percent;
mod policy;
mod position;
mod principal;
mod quantity;
mod recovery;
mod report;
mod secret;
mod text;
mod usage;

pub use access::{Access, AccessError, HttpAccess, Mode};
pub use address::AddressClass;
pub use capability::Capability;
pub use code::Code;
pub use decision::{Decision, Denial, Why};
pub use grant::{Grant, GrantError, Origin};
pub use installed::{InstalledName, InstalledNameError};
pub use limits::{Admission, LimitError, LimitName, LimitScope, Limits, LoadLimits};
pub use nearest::nearest;
pub use pattern::{HttpHost, Method, Scheme};
pub use policy::{Policy, PolicyError};
pub use position::Position;
pub use principal::{MAX_PRINCIPAL_BYTES, Principal, PrincipalError};
pub use quantity::{Quantity, Unit};
pub use recovery::{Failure, Fault, RecoveryStrategy};
pub use report::{MAX_MESSAGE_BYTES, Report, debug_failure, with_causes};
pub use secret::Secret;
pub use text::{CUT_MARK, cut, escape_block, escape_line, is_unsafe_char};
pub use usage::Usage;
