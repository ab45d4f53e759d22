//! Finds the programs that build guests, and tells how old they are.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::environment::Environment;
use crate::run::ask;
use crate::versions::Release;

/// A program that builds guests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// What it is called; packages do not agree.
    pub(crate) names: &'static [&'static str],
    pub(crate) release: Release,
    /// The argument that makes it tell its version, if there is one.
    pub(crate) version_argument: Option<&'static str>,
}

/// One that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) version: String,
}

/// Where programs lie.
enum Place {
    /// The packages of a project, by npm.
    Npm(PathBuf),
    /// A project's virtual environment of Python.
    Venv(PathBuf),
    /// A folder of the path.
    Path(PathBuf),
}

impl Wanted {
    /// The first in the project's own environments, which lie in `folder` or
    /// around it, and on the path. Of a project nothing is run: what its
    /// packages say of themselves is read.
    ///
    /// # Errors
    ///
    /// What is missing, in words, if there is none or only an old one.
    pub(crate) fn find(&self, folder: &Path, environment: &Environment) -> Result<Program, String> {
        let name = self.names.first().copied().unwrap_or_default();
        let (path, place) = self
            .lies_in(folder, environment)
            .ok_or_else(|| format!("`{name}`"))?;
        let version = self.version(&path, &place, environment);
        let version = version.ok_or_else(|| format!("`{name}` that tells its version"))?;
        if is_at_least(&version, self.release.oldest) {
            return Ok(Program { path, version });
        }
        let (major, minor) = self.release.oldest;
        Err(format!(
            "`{name}` {major}.{minor} or newer, as there is {version}"
        ))
    }

    fn lies_in(&self, folder: &Path, environment: &Environment) -> Option<(PathBuf, Place)> {
        places(folder, environment).into_iter().find_map(|place| {
            let bin = place.bin();
            let mut paths = self.names.iter().map(|name| bin.join(name));
            Some((paths.find(|path| path.is_file())?, place))
        })
    }

    fn version(&self, path: &Path, place: &Place, environment: &Environment) -> Option<String> {
        match (place, self.version_argument) {
            (Place::Venv(root), _) => python_version(root, self.release.package),
            (Place::Npm(_), _) | (Place::Path(_), None) => npm_version(path),
            (Place::Path(_), Some(argument)) => {
                let answer = ask(path.as_os_str(), &[argument], Path::new("/"), environment);
                let answer = answer.ok()?;
                let words = answer.split_whitespace();
                let mut words = words.map(|word| word.trim_start_matches('v'));
                let is_number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
                words.find(is_number).map(str::to_owned)
            }
        }
    }
}

impl Place {
    fn bin(&self) -> PathBuf {
        match self {
            Self::Npm(modules) => modules.join(".bin"),
            Self::Venv(root) => root.join("bin"),
            Self::Path(folder) => folder.clone(),
        }
    }
}

fn places(folder: &Path, environment: &Environment) -> Vec<Place> {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let own = folder.ancestors().flat_map(|folder| {
        [
            Place::Npm(folder.join("node_modules")),
            Place::Venv(folder.join(".venv")),
        ]
    });
    let path = environment.get("PATH").unwrap_or(OsStr::new(""));
    own.chain(std::env::split_paths(path).map(Place::Path))
        .collect()
}

#[derive(Deserialize)]
struct NpmPackage {
    version: String,
}

/// What the npm package says that a program belongs to.
fn npm_version(program: &Path) -> Option<String> {
    let program = fs::canonicalize(program).ok()?;
    let mut manifests = program
        .ancestors()
        .map(|folder| folder.join("package.json"));
    let manifest = fs::read(manifests.find(|manifest| manifest.is_file())?).ok()?;
    let package: NpmPackage = serde_json::from_slice(&manifest).ok()?;
    Some(package.version)
}

/// What an environment of Python has installed of a package. The folder is
/// `lib/python3.N/site-packages/NAME-VERSION.dist-info`, with `_` in the name.
fn python_version(root: &Path, package: &str) -> Option<String> {
    let prefix = format!("{}-", package.replace('-', "_"));
    let releases = root.join("lib").read_dir().ok()?.flatten();
    let packages = releases.filter_map(|release| {
        let packages = release.path().join("site-packages").read_dir().ok()?;
        Some(packages.flatten())
    });
    let mut names = packages.flatten().map(|package| package.file_name());
    names.find_map(|name| {
        let version = name.to_str()?.strip_prefix(&prefix)?;
        Some(version.strip_suffix(".dist-info")?.to_owned())
    })
}

/// Compares the first two numbers of a version.
pub(crate) fn is_at_least(version: &str, least: (u32, u32)) -> bool {
    let mut numbers = version.split('.').map_while(|part| part.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) >= least,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZIG: Wanted = Wanted {
        names: &["zig", "python-zig"],
        release: crate::versions::ZIG,
        version_argument: Some("version"),
    };
    const QJS: Wanted = Wanted {
        names: &["componentize-qjs"],
        release: crate::versions::COMPONENTIZE_QJS,
        version_argument: None,
    };

    /// A machine without any program, but for those that a test puts there.
    struct Fixture(tempfile::TempDir);

    impl Fixture {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn file(&self, path: &str, text: &str) -> &Self {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            self
        }

        fn find(&self, wanted: Wanted) -> Result<String, String> {
            let bin = self.0.path().join("bin");
            let environment = Environment::of(&[("PATH", bin.to_str().unwrap())]);
            let project = self.0.path().join("project/tools/one");
            Ok(wanted.find(&project, &environment)?.version)
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        assert_eq!(Fixture::new().find(ZIG), Err("`zig`".to_owned()));
    }

    #[test]
    fn an_environment_of_python_around_the_folder_is_read_and_not_run() {
        let fixture = Fixture::new();
        let packages = "project/.venv/lib/python3.11/site-packages";
        fixture
            .file("project/.venv/bin/python-zig", "no program at all")
            .file(&format!("{packages}/ziglang-0.17.1.dist-info/METADATA"), "");
        assert_eq!(fixture.find(ZIG), Ok("0.17.1".to_owned()));
    }

    #[test]
    fn a_package_of_npm_tells_its_version() {
        let fixture = Fixture::new();
        let package = "project/node_modules/componentize-qjs";
        fixture
            .file(&format!("{package}/bin/run"), "")
            .file(&format!("{package}/package.json"), r#"{"version":"0.4.5"}"#);
        let bin = fixture.0.path().join("project/node_modules/.bin");
        fs::create_dir_all(&bin).unwrap();
        let link = bin.join("componentize-qjs");
        std::os::unix::fs::symlink("../componentize-qjs/bin/run", link).unwrap();
        assert_eq!(fixture.find(QJS), Ok("0.4.5".to_owned()));

        fixture.file(&format!("{package}/package.json"), r#"{"version":"0.3.9"}"#);
        let old = "`componentize-qjs` 0.4 or newer, as there is 0.3.9";
        assert_eq!(fixture.find(QJS), Err(old.to_owned()));
        fixture.file(&format!("{package}/package.json"), "not JSON");
        let mute = "`componentize-qjs` that tells its version";
        assert_eq!(fixture.find(QJS), Err(mute.to_owned()));
    }
}
