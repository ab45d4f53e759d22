//! What is installed, pinned by digests: the file `patinox.lock`.

use std::fmt;

use patinox_policy::{InstalledName, InstalledNameError, cut, escape_line};
use semver::Version;
use serde::{Deserialize, Serialize};

/// How the file is laid out: one of a later version is left alone.
const VERSION: u32 = 1;

/// The most components of a lock.
const MAX_LOCKED: usize = 10_000;

/// The longest text of a stranger that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 100;

/// What a digest begins with.
const SHA256: &str = "sha256:";

/// A component that is installed: what it was when somebody decided to have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Locked {
    /// Its name.
    pub name: String,
    /// Its version. There may be several, side by side.
    pub version: Version,
    /// SHA-256 of its bytes, those that are compiled: `sha256:` and 64 digits.
    pub digest: String,
    /// How many bytes these are.
    pub size_bytes: u64,
    /// Where it came from, as whoever installed it wrote that.
    pub source: String,
    /// What it imports, by name.
    pub imports: Vec<String>,
    /// SHA-256 of what it says of its tools, where it lists them itself when it runs: the
    /// digest of its bytes says nothing of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools_digest: Option<String>,
}

impl Locked {
    /// Its name with its version.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    fn check(&self) -> Result<(), LockError> {
        self.full_name().parse::<InstalledName>()?;
        let digests = [Some(&self.digest), self.tools_digest.as_ref()];
        match digests
            .into_iter()
            .flatten()
            .find(|digest| !is_digest(digest))
        {
            Some(digest) => Err(LockError::Digest(echo(digest))),
            None => Ok(()),
        }
    }
}

fn echo(text: &str) -> String {
    cut(&escape_line(text), MAX_ECHO_BYTES).into_owned()
}

fn is_digest(text: &str) -> bool {
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let digits = text.strip_prefix(SHA256);
    digits.is_some_and(|digits| digits.len() == 64 && digits.chars().all(is_hex))
}

/// The file as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default, rename = "component")]
    components: Vec<Locked>,
}

/// All that is installed: by name, the latest version of each first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock(Vec<Locked>);

impl Lock {
    /// Reads the text of a lock. Nothing of one that is wrong somewhere is used.
    ///
    /// # Errors
    ///
    /// If it is no TOML, has a key that is not known or none that is needed, is of a later
    /// version, or names something twice; with the line, where it is about one.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let file: File = toml::from_str(text).map_err(|error| LockError::Toml {
            line: error.span().map_or(1, |span| line_of(text, span.start)),
            reason: echo(error.message()),
        })?;
        if file.version != VERSION {
            return Err(LockError::Later {
                version: file.version,
            });
        }
        if MAX_LOCKED < file.components.len() {
            return Err(LockError::TooMany);
        }
        let mut lock = Self::default();
        for locked in file.components {
            locked.check()?;
            lock.add(locked)?;
        }
        Ok(lock)
    }

    /// All of them.
    #[must_use]
    pub fn as_slice(&self) -> &[Locked] {
        &self.0
    }

    /// Adds one. That the same one is there already is no error.
    ///
    /// # Errors
    ///
    /// If another one has that name and version: a version never changes.
    pub fn add(&mut self, locked: Locked) -> Result<(), LockError> {
        let place = |other: &Locked| {
            let by_name = other.name.cmp(&locked.name);
            by_name.then_with(|| locked.version.cmp(&other.version))
        };
        match self.0.binary_search_by(place) {
            Err(_) if MAX_LOCKED <= self.0.len() => Err(LockError::TooMany),
            Err(place) => {
                self.0.insert(place, locked);
                Ok(())
            }
            Ok(place) => match self.0.get(place) {
                Some(other) if other.digest != locked.digest => Err(LockError::Taken {
                    name: other.full_name(),
                    digest: other.digest.clone(),
                }),
                _ => Ok(()),
            },
        }
    }

    /// Takes one away.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); and if it has several versions and none is named.
    pub fn remove(&mut self, name: &InstalledName) -> Result<Locked, LockError> {
        let found = self.get(name)?.clone();
        let versions = full_names(&self.versions(name.name()));
        if name.version().is_none() && 1 < versions.len() {
            return Err(LockError::Several { versions });
        }
        self.0.retain(|locked| *locked != found);
        Ok(found)
    }

    /// One by its name: its latest version, where none is named. A version before a
    /// release, like `1.0.0-rc.1`, is meant where there is no release.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn get(&self, name: &InstalledName) -> Result<&Locked, LockError> {
        let versions = self.versions(name.name());
        let is_release = |locked: &&&Locked| locked.version.pre.is_empty();
        let mut all = versions.iter();
        let found = match name.version() {
            Some(version) => all.find(|locked| locked.version == *version),
            None => all.find(is_release).or_else(|| versions.first()),
        };
        found.copied().ok_or_else(|| LockError::NotInstalled {
            name: name.to_string(),
            versions: full_names(&versions),
        })
    }

    /// Those of a name, the latest first.
    #[must_use]
    pub fn versions(&self, name: &str) -> Vec<&Locked> {
        let all = self.0.iter();
        all.filter(|locked| locked.name == name).collect()
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("# What is installed, as `patinox install` wrote it.\n\n")?;
        let file = File {
            version: VERSION,
            components: self.0.clone(),
        };
        f.write_str(&toml::to_string(&file).map_err(|_| fmt::Error)?)
    }
}

fn full_names(all: &[&Locked]) -> Vec<String> {
    all.iter().map(|locked| locked.full_name()).collect()
}

fn line_of(text: &str, place: usize) -> usize {
    let before = text.get(..place).unwrap_or(text);
    before.matches('\n').count().saturating_add(1)
}

/// Why a lock, or a name in one, is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// It cannot be read.
    #[error("line {line}: {reason}")]
    Toml {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A later Patinox wrote it.
    #[error("it is of version {version}, and this program knows version {VERSION}")]
    Later {
        /// Its version.
        version: u32,
    },
    /// More than anybody has.
    #[error("it has more than {MAX_LOCKED} components")]
    TooMany,
    /// A name or a version that is none.
    #[error(transparent)]
    Name(#[from] InstalledNameError),
    /// A digest that is none.
    #[error("`{0}` is no digest: it is `sha256:` and 64 digits out of `0-9a-f`")]
    Digest(String),
    /// Another one has that name and version.
    #[error("`{name}` is installed already, with the digest {digest}")]
    Taken {
        /// The name with its version.
        name: String,
        /// The digest of the one that is there.
        digest: String,
    },
    /// None has that name, or that version.
    #[error("`{name}` is not installed")]
    NotInstalled {
        /// The name, with its version where one was named.
        name: String,
        /// The versions of that name that are.
        versions: Vec<String>,
    },
    /// It is not clear which.
    #[error("there are several versions: {}", versions.join(", "))]
    Several {
        /// Each with its name.
        versions: Vec<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(name: &str, version: &str, digit: char) -> Locked {
        Locked {
            name: name.to_owned(),
            version: Version::parse(version).unwrap(),
            digest: format!("{SHA256}{}", digit.to_string().repeat(64)),
            size_bytes: 7,
            source: "a/b.wasm".to_owned(),
            imports: vec!["wasi:io/poll@0.2.12".to_owned()],
            tools_digest: None,
        }
    }

    fn name(text: &str) -> InstalledName {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut lock = Lock::default();
        assert_eq!(Lock::parse(&lock.to_string()), Ok(lock.clone()));
        for (name, version) in [("text", "1.2.0"), ("text", "1.10.0"), ("a", "0.1.0-rc.1")] {
            lock.add(locked(name, version, 'a')).unwrap();
        }
        let mut handler = locked("b", "1.0.0", 'c');
        handler.tools_digest = Some(handler.digest.clone());
        handler.source = "\"quoted\"\n\\odd'".to_owned();
        lock.add(handler).unwrap();
        assert_eq!(Lock::parse(&lock.to_string()), Ok(lock.clone()));
        let names: Vec<_> = lock.as_slice().iter().map(Locked::full_name).collect();
        assert_eq!(
            names,
            ["a@0.1.0-rc.1", "b@1.0.0", "text@1.10.0", "text@1.2.0"]
        );
    }

    #[test]
    fn the_latest_version_is_meant_where_none_is_named() {
        let mut lock = Lock::default();
        for version in ["1.2.0", "1.10.0", "2.0.0-rc.1"] {
            lock.add(locked("text", version, 'a')).unwrap();
        }
        let version = |text: &str| lock.get(&name(text)).map(|found| found.version.to_string());
        assert_eq!(version("text").unwrap(), "1.10.0");
        assert_eq!(version("text@1.2.0").unwrap(), "1.2.0");
        assert_eq!(
            version("text@3.0.0").unwrap_err().to_string(),
            "`text@3.0.0` is not installed"
        );
        let several = lock.remove(&name("text")).unwrap_err();
        assert!(matches!(several, LockError::Several { .. }), "{several}");
        lock.remove(&name("text@1.10.0")).unwrap();
        lock.remove(&name("text@1.2.0")).unwrap();
        assert_eq!(
            lock.get(&name("text")).unwrap().version.to_string(),
            "2.0.0-rc.1"
        );
        lock.remove(&name("text")).unwrap();
        assert!(lock.remove(&name("text")).is_err());
    }

    #[test]
    fn a_version_never_changes() {
        let mut lock = Lock::default();
        lock.add(locked("text", "1.0.0", 'a')).unwrap();
        lock.add(locked("text", "1.0.0", 'a')).unwrap();
        assert_eq!(lock.as_slice().len(), 1);
        let error = lock.add(locked("text", "1.0.0", 'b')).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("`text@1.0.0` is installed already")
        );
    }

    /// What somebody could put there instead.
    #[test]
    fn a_lock_that_is_wrong_somewhere_is_none() {
        let mut lock = Lock::default();
        lock.add(locked("text", "1.0.0", 'a')).unwrap();
        let good = lock.to_string();
        let component = good.split_once("[[component]]").unwrap().1;
        let twice = format!("{good}\n[[component]]{}", component.replace("aaaa", "bbbb"));
        let cases = [
            (String::new(), "line 1: missing field `version`"),
            (
                "version = 2".to_owned(),
                "it is of version 2, and this program",
            ),
            ("version = -1".to_owned(), "line 1: "),
            (
                "version = 1\nextra = 1".to_owned(),
                "line 2: unknown field `extra`",
            ),
            ("version = 1\n\u{1b}[31m".to_owned(), "line 2: "),
            (good.replace("size-bytes = 7", "size-bytes = -7"), "line "),
            (
                good.replace("size-bytes = 7", "size-bytes = 7\ngrant = \"fs=/:rw\""),
                "line ",
            ),
            (
                good.replace("\"text\"", "\"../text\""),
                "`../text` is no name",
            ),
            (good.replace("\"text\"", "\"*\""), "`*` is no name"),
            (good.replace("\"1.0.0\"", "\"latest\""), "line "),
            (good.replace("sha256:a", "sha256:A"), "`sha256:Aaaa"),
            (good.replace("sha256:", "sha1:"), "`sha1:aaaa"),
            (good.replace("sha256:a", "sha256:../a"), "`sha256:../"),
            (twice, "`text@1.0.0` is installed already"),
        ];
        for (text, expected) in cases {
            let error = Lock::parse(&text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}\n{text}");
            assert!(!error.chars().any(char::is_control), "{error:?}");
        }
    }
}
