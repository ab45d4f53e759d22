//! `guest.toml`: what a folder says of a guest that `cargo` does not build.
//!
//! ```toml
//! language = "c"       # or "javascript", "python"
//! main = "src/json.ts" # JavaScript: the file that exports; Python: the module
//! world = "hash"       # needed only where the folder `wit` has several
//! wasi = false         # JavaScript, Python: no imports; what asks for time,
//!                      # random numbers or output traps
//! ```
//!
//! The guest is called as its folder, and its interface lies in the folder
//! `wit`. C has no `main`: all of `src/*.c` is compiled.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::guest::Source;
use crate::{Error, Guest, Language, Wit, stamp};

const NAME: &str = "guest.toml";

/// How deep below a folder its guests may lie: `tools/NAME`.
const MAX_DEPTH: u32 = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    language: Language,
    main: Option<String>,
    world: Option<String>,
    #[serde(default = "yes")]
    wasi: bool,
}

const fn yes() -> bool {
    true
}

/// Lists the guests of a folder that `cargo` does not build, by their names.
pub(crate) fn list(folder: &Path) -> Result<Vec<Guest>, Error> {
    let mut folders = Vec::new();
    collect(folder, MAX_DEPTH, &mut folders);
    let guests: Result<Vec<_>, _> = folders.iter().map(|folder| read(folder)).collect();
    let mut guests = guests?;
    guests.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(guests)
}

fn collect(folder: &Path, depth: u32, found: &mut Vec<PathBuf>) {
    if folder.join(NAME).is_file() {
        found.push(folder.to_owned());
    } else if 0 < depth {
        let entries = folder.read_dir().into_iter().flatten().flatten();
        for entry in entries.filter(|entry| stamp::is_source(&entry.path())) {
            collect(&entry.path(), depth - 1, found);
        }
    }
}

fn read(folder: &Path) -> Result<Guest, Error> {
    let path = folder.join(NAME);
    let invalid = |reason: String| Error::Manifest {
        path: path.clone(),
        reason,
    };
    let text = fs::read_to_string(&path).map_err(|source| Error::Read {
        path: path.clone(),
        source,
    })?;
    let manifest: Manifest = toml::from_str(&text).map_err(|error| invalid(error.to_string()))?;
    let main = match (manifest.language, manifest.main) {
        (Language::Rust, _) => {
            let reason = "a guest in Rust is a package of Cargo and needs no such file";
            return Err(invalid(reason.to_owned()));
        }
        (Language::C, Some(_)) => return Err(invalid("C has no `main`".to_owned())),
        (Language::C, None) => String::new(),
        (_, Some(main)) => main,
        (language, None) => return Err(invalid(format!("{language} needs `main`"))),
    };
    let name = folder.file_name().unwrap_or_default();
    Ok(Guest {
        name: name.to_string_lossy().into_owned(),
        language: manifest.language,
        wit: Wit {
            path: Some(folder.join("wit")),
            dependencies: Vec::new(),
            world: manifest.world,
        },
        source: Source::Folder {
            path: folder.to_owned(),
            main,
            wasi: manifest.wasi,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(text: &str) -> Result<Guest, String> {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("tools/one");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join(NAME), text).unwrap();
        let guests = list(folder.path()).map_err(|error| error.to_string())?;
        assert_eq!(guests.len(), 1);
        Ok(guests.into_iter().next().unwrap())
    }

    #[test]
    fn a_guest_is_called_as_its_folder() {
        let guest = guest("language = 'python'\nmain = 'app'\nworld = 'w'").unwrap();
        assert_eq!(guest.name, "one");
        assert_eq!(guest.language, Language::Python);
        let Source::Folder { main, wasi, .. } = guest.source else {
            panic!("no folder");
        };
        assert_eq!((main.as_str(), wasi), ("app", true));
        assert_eq!(guest.wit.world.as_deref(), Some("w"));
        assert!(guest.wit.path.unwrap().ends_with("tools/one/wit"));
    }

    #[test]
    fn what_does_not_fit_is_told_with_the_file() {
        for (text, reason) in [
            ("language = 'cobol'", "unknown variant `cobol`"),
            ("language = 'c'\nmian = 'x'", "unknown field `mian`"),
            ("language = 'c'\nmain = 'x'", "C has no `main`"),
            ("language = 'javascript'", "JavaScript needs `main`"),
            ("language = 'rust'", "is a package of Cargo"),
        ] {
            let error = guest(text).unwrap_err();
            assert!(error.contains("tools/one/guest.toml` is not"), "{error}");
            assert!(error.contains(reason), "{error}");
        }
    }
}
