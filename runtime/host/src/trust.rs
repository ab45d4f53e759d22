//! The files of folders that a person trusts, each by its path and its digest.

use std::io;
use std::path::{Path, PathBuf};

use patinox_policy::{Code, Failure, RecoveryStrategy, debug_failure};
use serde::{Deserialize, Serialize};

use crate::own_files::{List, ListError};

/// What a person trusts: kept in a folder which is ours alone.
#[derive(Clone, Debug)]
pub struct TrustStore(List);

/// A file that a person trusts, as it was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trusted {
    /// Its path, without links.
    pub path: PathBuf,
    /// SHA-256 of its bytes: `sha256:` and 64 digits.
    pub digest: String,
}

impl TrustStore {
    /// What is kept in this folder. Nothing is read before it is asked for; the folder is
    /// made when something is trusted.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self(List::new(folder, "trusted.json"))
    }

    /// All that is trusted. It waits for the disk, as everything here.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is wrong somewhere, or the folder is not ours alone.
    pub fn all(&self) -> Result<Vec<Trusted>, TrustError> {
        Ok(self.0.all()?)
    }

    /// Trusts a file as it is; what it was before is trusted no more.
    ///
    /// # Errors
    ///
    /// If the path is not UTF-8 or not absolute, too many are trusted, or the disk refuses
    /// something.
    pub fn trust(&self, trusted: Trusted) -> Result<(), TrustError> {
        if trusted.path.to_str().is_none() || !trusted.path.is_absolute() {
            return Err(TrustError::Path);
        }
        Ok(self.0.change(|all: &mut Vec<Trusted>| {
            all.retain(|other| other.path != trusted.path);
            all.push(trusted);
        })?)
    }

    /// Trusts a file no more, whatever is in it: whether it was trusted.
    ///
    /// # Errors
    ///
    /// If the disk refuses something, or what is kept is wrong somewhere.
    pub fn forget(&self, path: &Path) -> Result<bool, TrustError> {
        let forgotten = self.0.take(|trusted: &Trusted| trusted.path == path)?;
        Ok(!forgotten.is_empty())
    }
}

/// Why it is not known what is trusted, or not kept. It names no path.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The list of it is not to be had.
    #[error("what is trusted cannot be read or kept")]
    List(#[from] ListError),
    /// A path that cannot be kept.
    #[error("only a file with an absolute path in UTF-8 can be trusted")]
    Path,
}

impl Failure for TrustError {
    fn code(&self) -> Code {
        match self {
            Self::List(error) => error.code(),
            Self::Path => Code::Usage,
        }
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::List(ListError::Io(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
                "the folder `trust` of the state folder has to be yours alone, with mode `0700`"
                    .to_owned()
            }
            Self::List(ListError::Wrong(_)) => {
                "`patinox trust` writes it: remove `trusted.json` of the folder `trust` in the \
                 state folder, and trust again what you trust"
                    .to_owned()
            }
            Self::List(ListError::TooMany) => "trust less: `patinox trust --forget`".to_owned(),
            Self::List(ListError::Io(_)) | Self::Path => return None,
        })
    }
}

impl std::fmt::Debug for TrustError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_failure(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(path: &str, digit: char) -> Trusted {
        Trusted {
            path: path.into(),
            digest: format!("sha256:{}", digit.to_string().repeat(64)),
        }
    }

    #[test]
    fn what_is_trusted_is_kept_by_path_and_digest() {
        let folder = tempfile::tempdir().unwrap();
        let store = TrustStore::in_folder(folder.path().join("trust"));
        assert_eq!(store.all().unwrap(), []);
        assert!(!store.forget(Path::new("/a/patinox.toml")).unwrap());
        store.trust(trusted("/a/patinox.toml", 'a')).unwrap();
        store.trust(trusted("/b \n\"/patinox.toml", 'b')).unwrap();
        store.trust(trusted("/a/patinox.toml", 'c')).unwrap();
        let all = [
            trusted("/b \n\"/patinox.toml", 'b'),
            trusted("/a/patinox.toml", 'c'),
        ];
        assert_eq!(store.all().unwrap(), all);
        assert!(store.forget(Path::new("/a/patinox.toml")).unwrap());
        assert_eq!(store.all().unwrap(), all[..1]);
        let relative = store.trust(trusted("patinox.toml", 'a'));
        assert!(matches!(relative, Err(TrustError::Path)), "{relative:?}");
    }

    #[test]
    fn what_is_wrong_somewhere_trusts_nothing() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("trust");
        let store = TrustStore::in_folder(&folder);
        store.trust(trusted("/a/patinox.toml", 'a')).unwrap();
        let file = folder.join("trusted.json");
        let good = std::fs::read_to_string(&file).unwrap();
        for wrong in [
            good.replace("\"version\": 1", "\"version\": 2"),
            good.replace("digest", "digests"),
            good.replace("\"version\"", "\"all\": true, \"version\""),
            "*".to_owned(),
        ] {
            std::fs::write(&file, &wrong).unwrap();
            let error = store.all().unwrap_err();
            let error_is = matches!(error, TrustError::List(ListError::Wrong(_)));
            assert!(error_is, "{wrong}: {error:?}");
            // Nor is it written over.
            assert!(store.trust(trusted("/b/patinox.toml", 'a')).is_err());
            assert_eq!(std::fs::read_to_string(&file).unwrap(), wrong);
        }
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(
            store.all(),
            Err(TrustError::List(ListError::Io(_)))
        ));
    }
}
