//! Where settings come from: defaults, files, environment and flags.
//!
//! **Owns** the keys of the configuration, the order in which layers win, and
//! the rule that every value knows where it came from. A flag wins over the
//! environment, the environment over the files, a file over the default. There is
//! the system's file, the user's own, or the one that `--config` or `PATINOX_CONFIG`
//! names in its place, and that of the folder it is started in. `RUST_LOG` wins over
//! `PATINOX_LOG__LEVEL`. Nothing is above the ceiling of the first two.
//!
//! **Never** believes a file of the folder it is started in, beyond what narrows, before
//! somebody trusts it; writes anything; or hands its types to the parts below: each gets
//! its own plain values.
//!
//! ```
//! use patinox_config::{Inputs, Key, resolve};
//! use patinox_policy::LimitName;
//!
//! let inputs = Inputs {
//!     environment: [("PATINOX_LIMITS__WALL", "2s")].into_iter().collect(),
//!     ..Inputs::default()
//! };
//! let settings = resolve(&inputs)?;
//! assert_eq!(settings.limits().wall_ms, 2_000);
//!
//! let wall = settings.origin(Key::Limit(LimitName::Wall));
//! assert_eq!(wall.to_string(), "`PATINOX_LIMITS__WALL`");
//! # Ok::<(), patinox_config::Error>(())
//! ```
#![forbid(unsafe_code)]

mod resolve;
mod settings;

mod schema;

mod layer;
mod origin;

mod alerts;
mod ceiling;
mod components;
mod environment;
mod file;
mod parse;
mod project;
mod table;
mod validators;

mod error;

pub use alerts::{AlertSettings, MAX_ALERT_RULES};
pub use components::{Asked, ForComponent};
pub use environment::{Environment, Folders};
pub use error::Error;
pub use file::MAX_FILE_BYTES;
pub use origin::{Origin, Place};
pub use project::{PROJECT_FILE, Project, ProjectFile};
pub use resolve::{Flag, Inputs, resolve};
pub use schema::{Format, Key};
pub use settings::{MAX_FILTER_BYTES, Settings};
pub use validators::{NamedComponent, NamedValidator};
