//! The guests of a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::environment::Environment;
use crate::run::run;
use crate::{Error, Language, Wit, manifest};

/// What becomes a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// The name of its package or folder.
    pub name: String,
    /// What it is written in.
    pub language: Language,
    /// What its interface is written in.
    pub wit: Wit,
    pub(crate) source: Source,
}

/// Where the source of a guest is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// In a package.
    Cargo {
        /// What `cargo` calls it in its messages.
        id: String,
    },
    /// In a folder that has a manifest of ours.
    Folder {
        path: PathBuf,
        /// The file or module to begin with; nothing for C.
        main: String,
        /// Whether it may import from WASI.
        wasi: bool,
    },
}

/// Lists what becomes a component: the packages of the Cargo workspace in
/// `folder`, and the folders below it with a `guest.toml`.
///
/// It needs `cargo`, but no guest toolchain and no network.
///
/// # Errors
///
/// If `cargo` cannot read the workspace, or a `guest.toml` is not one.
pub fn guests(folder: &Path) -> Result<Vec<Guest>, Error> {
    let mut guests = list(&Environment::here(), folder)?;
    guests.extend(manifest::list(folder)?);
    Ok(guests)
}

pub(crate) fn list(environment: &Environment, folder: &Path) -> Result<Vec<Guest>, Error> {
    let told = "cargo metadata";
    let mut command = environment.command(&environment.cargo());
    command
        .args(["metadata", "--no-deps", "--format-version=1"])
        .current_dir(folder);
    let finished = run(&mut command, &mut |_| {})?;
    if !finished.status.success() {
        return Err(Error::Build {
            command: told.to_owned(),
            output: finished.tail,
        });
    }
    let metadata: Metadata =
        serde_json::from_slice(&finished.stdout).map_err(|error| Error::Unexpected {
            command: told.to_owned(),
            reason: error.to_string(),
        })?;
    let guests = metadata.packages.into_iter().filter(Package::is_guest);
    Ok(guests.map(Package::into_guest).collect())
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    id: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
    metadata: Option<PackageMetadata>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Default, Deserialize)]
struct PackageMetadata {
    component: Option<ComponentMetadata>,
}

#[derive(Default, Deserialize)]
struct ComponentMetadata {
    target: Option<WitMetadata>,
}

#[derive(Default, Deserialize)]
struct WitMetadata {
    path: Option<PathBuf>,
    world: Option<String>,
    /// A table with a `path`, or a registry's package, which we do not fetch.
    #[serde(default)]
    dependencies: BTreeMap<String, Value>,
}

impl Package {
    fn is_guest(&self) -> bool {
        let mut kinds = self.targets.iter().flat_map(|target| &target.kind);
        kinds.any(|kind| kind == "cdylib")
    }

    fn into_guest(self) -> Guest {
        let folder = self.manifest_path.parent().unwrap_or(Path::new(""));
        let component = self.metadata.unwrap_or_default().component;
        let target = component.unwrap_or_default().target.unwrap_or_default();
        Guest {
            wit: target.into_wit(folder),
            name: self.name,
            language: Language::Rust,
            source: Source::Cargo { id: self.id },
        }
    }
}

impl WitMetadata {
    fn into_wit(self, folder: &Path) -> Wit {
        let path = folder.join(self.path.unwrap_or_else(|| PathBuf::from("wit")));
        let dependencies = self.dependencies.values();
        let dependencies = dependencies.filter_map(|table| table.get("path")?.as_str());
        Wit {
            dependencies: dependencies.map(|path| folder.join(path)).collect(),
            path: path.exists().then_some(path),
            world: self.world,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_guest_is_a_cdylib_with_its_wit() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("one");
        fs::create_dir_all(package.join("src")).unwrap();
        fs::create_dir_all(package.join("wit")).unwrap();
        fs::write(package.join("src/lib.rs"), "").unwrap();
        fs::write(folder.path().join("dep.wit"), "package a:dep;").unwrap();
        let manifest = r#"
            [package]
            name = "one"
            edition = "2024"
            [lib]
            crate-type = ["cdylib"]
            [package.metadata.component.target]
            world = "w"
            [package.metadata.component.target.dependencies]
            "a:dep" = { path = "../dep.wit" }
            "a:remote" = "1.0"
        "#;
        fs::write(package.join("Cargo.toml"), manifest).unwrap();
        let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"one\"]";
        fs::write(folder.path().join("Cargo.toml"), workspace).unwrap();

        let guests = guests(folder.path()).unwrap();
        assert_eq!(guests.len(), 1);
        assert_eq!(guests[0].name, "one");
        assert_eq!(guests[0].wit.world.as_deref(), Some("w"));
        let real = fs::canonicalize(&package).unwrap();
        assert_eq!(guests[0].wit.path, Some(real.join("wit")));
        assert_eq!(guests[0].wit.dependencies, [real.join("../dep.wit")]);
    }

    #[test]
    fn a_folder_without_a_workspace_is_an_error_with_cargos_words() {
        let folder = tempfile::tempdir().unwrap();
        let error = guests(folder.path()).unwrap_err();
        assert!(error.to_string().starts_with("`cargo metadata` failed:\n"));
        assert!(error.to_string().contains("could not find `Cargo.toml`"));
    }
}
