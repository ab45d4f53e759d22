//! The files of folders that a person trusts, each by its path and its digest.

use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use patinox_policy::{Code, Failure, RecoveryStrategy, cut, debug_failure, escape_line};
use patinox_resources::private_folder;
use rustix::fs::Mode;
use serde::{Deserialize, Serialize};

use crate::own_files::{changing, read, write};

/// The file that says what is trusted.
const FILE: &str = "trusted.json";

/// How the file is laid out: one of a later version is left alone.
const VERSION: u32 = 1;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// The most files that are trusted.
const MAX_TRUSTED: usize = 10_000;

/// The longest text of the file that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 160;

/// What a person trusts: kept in a folder which is ours alone.
#[derive(Clone, Debug)]
pub struct TrustStore {
    folder: PathBuf,
}

/// A file that a person trusts, as it was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trusted {
    /// Its path, without links.
    pub path: PathBuf,
    /// SHA-256 of its bytes: `sha256:` and 64 digits.
    pub digest: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default)]
    trusted: Vec<Trusted>,
}

impl TrustStore {
    /// What is kept in this folder. Nothing is read before it is asked for; the folder is
    /// made when something is trusted.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// All that is trusted. It waits for the disk, as everything here.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is wrong somewhere, or the folder is not ours alone.
    pub fn all(&self) -> Result<Vec<Trusted>, TrustError> {
        match self.folder.try_exists() {
            Ok(false) => Ok(Vec::new()),
            _ => all(&self.open()?),
        }
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
        self.change(|all| {
            all.retain(|other| other.path != trusted.path);
            all.push(trusted);
        })
    }

    /// Trusts a file no more, whatever is in it: whether it was trusted.
    ///
    /// # Errors
    ///
    /// If the disk refuses something, or what is kept is wrong somewhere.
    pub fn forget(&self, path: &Path) -> Result<bool, TrustError> {
        if matches!(self.folder.try_exists(), Ok(false)) {
            return Ok(false);
        }
        let mut was_trusted = false;
        self.change(|all| {
            let before = all.len();
            all.retain(|trusted| trusted.path != path);
            was_trusted = all.len() < before;
        })?;
        Ok(was_trusted)
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Trusted>)) -> Result<(), TrustError> {
        let folder = self.open()?;
        let _changing = changing(&folder).map_err(TrustError::Io)?;
        let mut trusted = all(&folder)?;
        change(&mut trusted);
        if MAX_TRUSTED < trusted.len() {
            return Err(TrustError::TooMany);
        }
        let version = VERSION;
        let text = serde_json::to_string_pretty(&File { version, trusted });
        let text = text.map_err(|error| TrustError::Io(io::Error::other(error)))?;
        let written = write(&folder, FILE, text.as_bytes(), Mode::RUSR | Mode::WUSR);
        written.map_err(TrustError::Io)
    }

    fn open(&self) -> Result<OwnedFd, TrustError> {
        private_folder(&self.folder).map_err(TrustError::Io)
    }
}

fn all(folder: &OwnedFd) -> Result<Vec<Trusted>, TrustError> {
    let file = match read(folder, FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file.map_err(TrustError::Io)?,
    };
    let mut text = String::new();
    let read = file.take(MAX_BYTES).read_to_string(&mut text);
    read.map_err(TrustError::Io)?;
    let wrong = |message: &str| {
        let message = cut(&escape_line(message), MAX_ECHO_BYTES).into_owned();
        TrustError::Wrong(message)
    };
    let file = serde_json::from_str::<File>(&text).map_err(|error| wrong(&error.to_string()))?;
    match file.version {
        VERSION => Ok(file.trusted),
        version => Err(wrong(&format!(
            "it is of version {version}, and this program knows version {VERSION}"
        ))),
    }
}

/// Why it is not known what is trusted, or not kept. It names no path.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The system refused something.
    #[error("what is trusted cannot be read or kept")]
    Io(#[source] io::Error),
    /// The file is wrong somewhere: then nothing of it counts.
    #[error("what is trusted is wrong somewhere: {0}")]
    Wrong(String),
    /// A path that cannot be kept.
    #[error("only a file with an absolute path in UTF-8 can be trusted")]
    Path,
    /// More than anybody has.
    #[error("at most {MAX_TRUSTED} files are trusted")]
    TooMany,
}

impl Failure for TrustError {
    fn code(&self) -> Code {
        match self {
            Self::Io(_) => Code::Unreadable,
            Self::Wrong(_) => Code::InvalidConfig,
            Self::Path | Self::TooMany => Code::Usage,
        }
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                "the folder `trust` of the state folder has to be yours alone, with mode `0700`"
                    .to_owned()
            }
            Self::Wrong(_) => "`patinox trust` writes it: remove `trusted.json` of the folder \
                               `trust` in the state folder, and trust again what you trust"
                .to_owned(),
            Self::TooMany => "trust less: `patinox trust --forget`".to_owned(),
            Self::Io(_) | Self::Path => return None,
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
            assert!(matches!(error, TrustError::Wrong(_)), "{wrong}: {error:?}");
            // Nor is it written over.
            assert!(store.trust(trusted("/b/patinox.toml", 'a')).is_err());
            assert_eq!(std::fs::read_to_string(&file).unwrap(), wrong);
        }
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(store.all(), Err(TrustError::Io(_))));
    }
}
