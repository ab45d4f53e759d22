//! Finds guest toolchains and builds guests.
//!
//! **Owns** how a guest in each language is built on this machine, what would
//! have to be installed for it, the clean environment of the tools, and the
//! descriptions that a build step adds to a finished component.
//!
//! **Never** runs a guest, installs anything, calls `rustup`, runs what lies in
//! a project's folder only to look at it, or knows the engine.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use patinox_toolchain::{Job, Lock, Toolchains};
//!
//! let folder = Path::new("components");
//! let job = Job {
//!     folder,
//!     target_dir: Path::new("target/guests"),
//!     package: None,
//!     lock: Lock::Keep,
//! };
//! let toolchains = Toolchains::find(folder);
//! let (built, left_out) = toolchains.build(&job, &mut |line| eprintln!("{line}"))?;
//! for built in built {
//!     println!("{}: {} bytes", built.guest.name, built.component()?.len());
//! }
//! for left_out in left_out {
//!     println!("{}: {}", left_out.names.join(", "), left_out.why);
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
mod language;
mod manifest;
mod own;
mod program;
mod run;
mod stamp;
mod toolchains;
mod wit;

pub use build::{Built, Job, Lock};
pub use debian::DebianPackage;
pub use error::Error;
pub use find::{Status, Toolchain, Way, status};
pub use folder::{guests_dir, watched};
pub use guest::{Guest, guests};
pub use language::Language;
pub use own::LanguageStatus;
pub use toolchains::{LeftOut, Toolchains};
pub use wit::Wit;
