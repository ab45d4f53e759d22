//! Folders that a build writes to and looks at.

use std::path::{Path, PathBuf};

use crate::environment::Environment;
use crate::run::ask;

/// The file with which `cargo` marks the root of a target folder.
const TARGET_MARK: &str = "CACHEDIR.TAG";

/// Where guests are built: a folder of its own in the target folder that
/// `inside` lies in, as a build script's `OUT_DIR` and a running program do.
///
/// It is the same for all of them and for every profile, so a guest is built
/// once and the nested `cargo` never waits for the one that started it.
#[must_use]
pub fn guests_dir(inside: &Path) -> Option<PathBuf> {
    let target = inside
        .ancestors()
        .find(|folder| folder.join(TARGET_MARK).is_file())?;
    Some(target.join("guests"))
}

/// What changes when somebody installs a missing toolchain for a guest in
/// `folder`; for a build script that found none.
#[must_use]
pub fn watched(folder: &Path) -> Vec<PathBuf> {
    let environment = Environment::here();
    let sysroot = ask(
        &environment.rustc(),
        &["--print=sysroot"],
        folder,
        &environment,
    );
    let rustlib = sysroot.map(|path| Path::new(path.trim()).join("lib/rustlib"));
    // Debian's list of installed packages.
    let installed = PathBuf::from("/var/lib/dpkg/status");
    rustlib
        .into_iter()
        .chain([installed])
        .filter(|path| path.exists())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_lie_in_the_outermost_folder_of_the_build() {
        let target = tempfile::tempdir().unwrap();
        let out = target.path().join("debug/build/some-crate-0123/out");
        std::fs::create_dir_all(&out).unwrap();
        assert_eq!(guests_dir(&out), None);
        std::fs::write(target.path().join(TARGET_MARK), "").unwrap();
        assert_eq!(guests_dir(&out), Some(target.path().join("guests")));
    }
}
