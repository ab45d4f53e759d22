//! Whether something has changed since it was built.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::Error;

/// What lies in a guest's folder and is made by its tools.
const NOT_SOURCES: [&str; 4] = ["node_modules", ".venv", "target", "__pycache__"];

/// A digest of everything that a build depends on.
pub(crate) struct Stamp(Sha256);

impl Stamp {
    /// Begins with what is not in a file: programs, versions, options.
    pub(crate) fn new(words: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for word in words {
            hash.update(word.len().to_le_bytes());
            hash.update(word);
        }
        Self(hash)
    }

    /// Adds the names and contents of all files in a folder.
    pub(crate) fn folder(&mut self, folder: &Path) -> Result<(), Error> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            |source| Error::Read { path, source }
        };
        let mut paths = Vec::new();
        for entry in folder.read_dir().map_err(unreadable(folder))? {
            paths.push(entry.map_err(unreadable(folder))?.path());
        }
        paths.sort();
        for path in paths.iter().filter(|path| is_source(path)) {
            if path.is_dir() {
                self.folder(path)?;
                continue;
            }
            let bytes = fs::read(path).map_err(unreadable(path))?;
            self.0.update(path.as_os_str().as_encoded_bytes());
            self.0.update([0]);
            self.0.update(bytes.len().to_le_bytes());
            self.0.update(bytes);
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> String {
        let digest = self.0.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

pub(crate) fn is_source(path: &Path) -> bool {
    !NOT_SOURCES
        .iter()
        .any(|name| path.file_name().is_some_and(|own| own == *name))
}

/// The file that keeps a stamp beside what was built.
pub(crate) fn file(built: &Path) -> PathBuf {
    built.with_extension("stamp")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(folder: &Path, words: &[&str]) -> String {
        let mut stamp = Stamp::new(words);
        stamp.folder(folder).unwrap();
        stamp.finish()
    }

    #[test]
    fn every_source_and_word_counts_and_nothing_that_tools_make() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("src/a.c", "1");
        let first = stamp(folder.path(), &["zig", "0.17"]);
        write("node_modules/x/y.js", "2");
        assert_eq!(stamp(folder.path(), &["zig", "0.17"]), first);
        assert_ne!(stamp(folder.path(), &["zig0", ".17"]), first);
        write("src/a.c", "2");
        let second = stamp(folder.path(), &["zig", "0.17"]);
        assert_ne!(second, first);
        write("src/b.c", "");
        assert_ne!(stamp(folder.path(), &["zig", "0.17"]), second);
    }
}
