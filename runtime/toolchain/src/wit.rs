//! The interface definition of a guest.

use std::path::{Path, PathBuf};

use wit_parser::{Resolve, SourceMap, UnresolvedPackageGroup, World, WorldId};

use crate::Error;

/// Where the interface definition of a guest lies.
///
/// It comes from `[package.metadata.component.target]`; without that it is the
/// only world of the package's folder `wit`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wit {
    /// The file or folder with the world; `None` if the guest has none. A
    /// folder `deps` in it has packages that it uses, one a file or folder.
    pub path: Option<PathBuf>,
    /// Files and folders of packages that it uses besides, in any order.
    pub dependencies: Vec<PathBuf>,
    /// The world; `None` if there is only one.
    pub world: Option<String>,
}

impl Wit {
    /// Parses everything and picks the world.
    pub(crate) fn parse(&self) -> Result<(Resolve, World), Error> {
        let (resolve, world) = self.resolve()?;
        match resolve.worlds.get(world).cloned() {
            Some(world) => Ok((resolve, world)),
            None => Err(unreadable(&"the world is not in its package")),
        }
    }

    /// The names of what the world imports, as its code names them.
    pub(crate) fn imports(&self) -> Result<Vec<String>, Error> {
        let (resolve, world) = self.parse()?;
        let names = world.imports.keys().map(|key| resolve.name_world_key(key));
        Ok(names.collect())
    }

    /// As [`parse`](Self::parse), with the world's id.
    pub(crate) fn resolve(&self) -> Result<(Resolve, WorldId), Error> {
        let path = self.path.as_deref().unwrap_or(Path::new(""));
        let mut dependencies = self.dependencies.clone();
        dependencies.extend(in_deps(path));
        let dependencies: Result<Vec<_>, _> = dependencies.iter().map(|path| group(path)).collect();
        let mut resolve = Resolve {
            // What is gated as unstable is described too, if it is exported.
            all_features: true,
            ..Resolve::default()
        };
        let package = resolve
            .push_groups(group(path)?, dependencies?)
            .map_err(|error| unreadable(&error))?;
        let world = resolve
            .select_world(&[package], self.world.as_deref())
            .map_err(|error| unreadable(&format!("{error:#}")))?;
        Ok((resolve, world))
    }
}

fn unreadable(reason: &dyn std::fmt::Display) -> Error {
    Error::Wit {
        reason: reason.to_string(),
    }
}

/// The packages in the folder `deps` of a folder.
fn in_deps(path: &Path) -> Vec<PathBuf> {
    let is_wit = |path: &PathBuf| path.is_dir() || path.extension().is_some_and(|e| e == "wit");
    let entries = path.join("deps").read_dir().into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(is_wit).collect();
    paths.sort();
    paths
}

/// Reads one package: a file, or the files of a folder.
fn group(path: &Path) -> Result<UnresolvedPackageGroup, Error> {
    let mut source = SourceMap::default();
    let read = if path.is_dir() {
        source.push_dir(path)
    } else {
        source.push_file(path)
    };
    read.map_err(|error| unreadable(&format!("{error:#}")))?;
    source
        .parse()
        .map_err(|(source, error)| unreadable(&error.render(&source)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn dependencies_may_stand_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        };
        let first = write("a.wit", "package x:a; interface i { use x:z/t.{n}; }");
        let last = write("z.wit", "package x:z; interface t { type n = u8; }");
        write(
            "wit/deps/b/b.wit",
            "package x:b; interface i { use x:a/i.{n}; }",
        );
        write("wit/w.wit", "package x:w; world w { import x:b/i; }");
        let wit = Wit {
            path: Some(folder.path().join("wit")),
            dependencies: vec![first, last],
            world: None,
        };
        let (_, world) = wit.parse().unwrap();
        assert_eq!(world.name, "w");
    }

    #[test]
    fn a_wrong_word_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.wit");
        fs::write(&path, "package x:w;\nwurld w {}").unwrap();
        let wit = Wit {
            path: Some(path),
            ..Wit::default()
        };
        let text = wit.parse().unwrap_err().to_string();
        assert!(text.contains("w.wit:2:1"), "{text}");
    }
}
