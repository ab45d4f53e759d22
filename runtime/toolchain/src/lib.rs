//! Finds guest toolchains and builds guests.
//!
//! **Owns** which way a Rust guest is built on this machine, what would have
//! to be installed for it, the clean environment of the nested `cargo`, and
//! the descriptions that a build step adds to a finished component.
//!
//! **Never** runs a guest, installs anything, calls `rustup`, or knows the
//! engine.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use patinox_toolchain::{Job, Lock, Toolchain};
//!
//! let folder = Path::new("components");
//! let toolchain = Toolchain::find(folder)?;
//! let job = Job {
//!     folder,
//!     target_dir: Path::new("target/guests"),
//!     package: None,
//!     lock: Lock::Keep,
//! };
//! for built in toolchain.build(&job, &mut |line| eprintln!("{line}"))? {
//!     println!("{}: {} bytes", built.guest.name, built.component()?.len());
//! }
//! # Ok::<(), patinox_toolchain::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod docs;
pub mod versions;

mod build;
mod debian;
mod environment;
mod error;
mod find;
mod folder;
mod guest;
mod run;
mod wit;

pub use build::{Built, Job, Lock};
pub use debian::DebianPackage;
pub use error::Error;
pub use find::{Status, Toolchain, Way, status};
pub use folder::{guests_dir, watched};
pub use guest::{Guest, guests};
pub use wit::Wit;
