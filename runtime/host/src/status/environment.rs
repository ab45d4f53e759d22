//! All that the host reads of its surroundings: where a socket may lie, and what the
//! program is called. The one file of this crate that names the environment.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// The folder of a user's own for sockets, as the XDG base directory specification
/// has it; one that is not absolute is none.
pub(super) fn runtime_folder() -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever reads the socket is started elsewhere, with no settings of this program"
    )]
    let folder = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    folder.filter(|folder| folder.is_absolute())
}

pub(super) fn temporary_folder() -> PathBuf {
    env::temp_dir()
}

/// What this program is called.
pub(super) fn program() -> Option<OsString> {
    let path = env::current_exe().ok()?;
    path.file_name().map(ToOwned::to_owned)
}
