//! The files of the repository, and what is wrong with one.

use std::fmt;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

/// Folders that hold nothing of ours.
const SKIPPED_FOLDERS: [&str; 4] = ["target", ".git", "node_modules", ".venv"];

/// Every file of the repository, sorted by path.
#[derive(Debug)]
pub struct Tree {
    files: Vec<File>,
}

/// One file.
#[derive(Debug)]
pub struct File {
    /// The path from the repository's root, with `/`.
    pub path: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// One breach of a rule. It displays as `path:line: rule; fix: …`.
#[derive(Debug)]
pub struct Finding {
    path: String,
    line: usize,
    rule: String,
    fix: String,
}

impl Tree {
    /// Reads the repository. What cannot be read is left out: the rule that
    /// needs it says that it is missing.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let mut files = Vec::new();
        collect(root, "", &mut files);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { files }
    }

    /// A tree of these files, for the tests of a rule.
    #[must_use]
    pub fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        let files = files.map(|(path, text)| File {
            path: path.to_owned(),
            bytes: text.as_bytes().to_vec(),
        });
        files.into_iter().collect()
    }

    /// The files below a folder (`""`: all) whose name ends so.
    pub fn files<'t>(&'t self, folder: &str, suffix: &str) -> impl Iterator<Item = &'t File> {
        self.files
            .iter()
            .filter(move |file| file.path.starts_with(folder) && file.path.ends_with(suffix))
    }

    /// The file at a path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The file at a path, or the finding that it is not there.
    ///
    /// # Errors
    ///
    /// If there is no such file.
    pub fn need(&self, path: &str) -> Result<&File, Finding> {
        self.file(path)
            .ok_or_else(|| Finding::new(path, 1, "this file belongs to the repository", "write it"))
    }

    /// Whether a path names a file or a folder with one in it.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.files.iter().any(|file| {
            let rest = file.path.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// The names of the folders right below a folder.
    #[must_use]
    pub fn folders(&self, below: &str) -> Vec<&str> {
        let mut names: Vec<_> = self
            .files(below, "")
            .filter_map(|file| file.path.strip_prefix(below)?.split_once('/'))
            .map(|(name, _)| name)
            .collect();
        names.dedup();
        names
    }
}

impl FromIterator<File> for Tree {
    fn from_iter<I: IntoIterator<Item = File>>(files: I) -> Self {
        let files = files.into_iter().collect();
        Self { files }
    }
}

impl File {
    /// The text; empty if it is none.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// The lines, counted from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text().lines())
    }

    /// A finding in this file.
    #[must_use]
    pub fn finding(&self, line: usize, rule: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding::new(&self.path, line, rule, fix)
    }
}

impl Finding {
    /// What is wrong, where, and what to do.
    #[must_use]
    pub fn new(path: &str, line: usize, rule: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            rule: rule.into(),
            fix: fix.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            rule,
            fix,
        } = self;
        write!(f, "{path}:{line}: {rule}; fix: {fix}")
    }
}

/// The SHA-256 of some bytes, in lower-case hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() && !SKIPPED_FOLDERS.contains(&name.as_str()) {
            collect(&entry.path(), &format!("{path}/"), files);
        } else if kind.is_file()
            && !path.ends_with(".pending-snap")
            && let Ok(bytes) = fs::read(entry.path())
        {
            files.push(File { path, bytes });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_files_and_folders() {
        let tree = Tree::of([("a/b/c.rs", ""), ("a/b/d.wit", ""), ("a/e/f.rs", "")]);
        assert_eq!(tree.folders("a/"), ["b", "e"]);
        assert_eq!(tree.files("a/", ".rs").count(), 2);
        assert!(tree.has("a/b/") && tree.has("a/e/f.rs") && !tree.has("a/e/f"));
        let missing = tree.need("README.md").unwrap_err().to_string();
        assert_eq!(
            missing,
            "README.md:1: this file belongs to the repository; fix: write it"
        );
    }
}
