//! What Patinox does, shown on embedded components.

pub(crate) mod components;
pub(crate) mod embedded;
pub(crate) mod rows;
pub(crate) mod show;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use crate::error::Error;

/// A folder for what the demo has guests keep: nothing of it is left when this is
/// dropped.
pub(crate) fn storage() -> Result<TempDir, Error> {
    let made = tempfile::Builder::new()
        .prefix("patinox-demo-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir();
    made.map_err(|source| Error::Start {
        what: "no temporary folder can be made",
        source,
    })
}
