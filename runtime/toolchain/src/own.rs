//! Guests that `cargo` does not build: what each language needs, and its steps.

mod c;
mod javascript;
mod python;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;

use crate::build::checked;
use crate::environment::Environment;
use crate::guest::Source;
use crate::program::{Program, Wanted};
use crate::stamp::{self, Stamp};
use crate::versions::{
    COMPONENTIZE_PY, COMPONENTIZE_QJS, ESBUILD, NODE, Release, WASM_TOOLS, WIT_BINDGEN, ZIG,
};
use crate::{Built, Error, Guest, Language};

/// The languages that are not Rust.
pub(crate) const ALL: [Language; 3] = [Language::C, Language::JavaScript, Language::Python];

/// What this machine has for building guests in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LanguageStatus {
    /// The language.
    pub language: Language,
    /// The programs with their versions, in words; empty where one is missing.
    pub programs: Vec<String>,
    /// What is not there, in words.
    pub missing: Vec<String>,
    /// The one command that gets what is missing.
    pub command: Option<String>,
    /// Programs that a guest outside this repository takes as well and that are
    /// not there, with what installs them.
    pub outside: Option<String>,
}

/// What builds guests in one language.
#[derive(Clone, Debug)]
pub(crate) struct OwnToolchain {
    language: Language,
    environment: Environment,
    programs: Vec<Program>,
}

const fn wanted(names: &'static [&'static str], release: Release) -> Wanted {
    Wanted {
        names,
        release,
        version_argument: Some("--version"),
    }
}

/// The programs that a language needs, in the order of its steps.
fn programs(language: Language) -> Vec<Wanted> {
    match language {
        // It is for `cargo` to know.
        Language::Rust => Vec::new(),
        Language::C => vec![Wanted {
            version_argument: Some("version"),
            ..wanted(&["zig", "python-zig"], ZIG)
        }],
        Language::JavaScript => vec![
            wanted(&["node"], NODE),
            wanted(&["esbuild"], ESBUILD),
            Wanted {
                version_argument: None,
                ..wanted(&["componentize-qjs"], COMPONENTIZE_QJS)
            },
        ],
        Language::Python => vec![wanted(&["componentize-py"], COMPONENTIZE_PY)],
    }
}

/// The programs that stand for what this repository's build has as libraries.
fn programs_outside(language: Language) -> Vec<Wanted> {
    match language {
        Language::C => vec![
            wanted(&["wit-bindgen"], WIT_BINDGEN),
            wanted(&["wasm-tools"], WASM_TOOLS),
        ],
        Language::Rust | Language::JavaScript | Language::Python => Vec::new(),
    }
}

/// Those of them that are not there, each with its command.
fn lacking_outside(language: Language, folder: &Path, environment: &Environment) -> Option<String> {
    let lacks = |wanted: &Wanted| wanted.find(folder, environment).is_err();
    let missing = programs_outside(language).into_iter().filter(lacks);
    let commands = missing.map(|wanted| {
        let Release {
            package, pinned, ..
        } = wanted.release;
        let options = match package == WIT_BINDGEN.package {
            true => " --no-default-features --features c",
            false => "",
        };
        format!("`cargo install {package}@{pinned}{options}`")
    });
    let commands: Vec<_> = commands.collect();
    (!commands.is_empty()).then(|| commands.join(" and "))
}

/// An environment of Python beside the guest: many systems refuse to install
/// outside one.
const VENV: &str = "python3 -m venv .venv";
const PIP: &str = ".venv/bin/pip install";

/// The command that installs what a language needs, in a folder of one's own.
fn install(language: Language, lacks_node: bool) -> String {
    let release = |release: Release| match language {
        Language::JavaScript => format!("{}@{}", release.package, release.pinned),
        _ => format!("{}=={}", release.package, release.pinned),
    };
    match language {
        Language::Rust => String::new(),
        Language::C => format!("{VENV} && {PIP} {}", release(ZIG)),
        Language::Python => format!("{VENV} && {PIP} {}", release(COMPONENTIZE_PY)),
        Language::JavaScript => {
            let node = if lacks_node {
                "apt-get install nodejs npm && "
            } else {
                ""
            };
            let (qjs, esbuild) = (release(COMPONENTIZE_QJS), release(ESBUILD));
            format!("{node}npm install {qjs} {esbuild}")
        }
    }
}

impl OwnToolchain {
    /// Finds the programs for a guest in `folder`.
    ///
    /// # Errors
    ///
    /// If one is missing or too old: [`Error::MissingToolchain`] says what to
    /// install.
    pub(crate) fn find(
        language: Language,
        folder: &Path,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        let mut lacks_node = false;
        for wanted in programs(language) {
            match wanted.find(folder, environment) {
                Ok(program) => found.push(program),
                Err(what) => {
                    lacks_node |= wanted.names.contains(&"node");
                    missing.push(what);
                }
            }
        }
        if !missing.is_empty() {
            return Err(Error::MissingToolchain {
                language,
                missing,
                command: install(language, lacks_node),
            });
        }
        Ok(Self {
            language,
            environment: environment.clone(),
            programs: found,
        })
    }

    pub(crate) fn status(
        language: Language,
        folder: &Path,
        environment: &Environment,
    ) -> LanguageStatus {
        let mut status = LanguageStatus {
            language,
            programs: Vec::new(),
            missing: Vec::new(),
            command: None,
            outside: lacking_outside(language, folder, environment),
        };
        match Self::find(language, folder, environment) {
            Ok(toolchain) => status.programs = toolchain.described(),
            Err(Error::MissingToolchain {
                missing, command, ..
            }) => {
                status.missing = missing;
                status.command = Some(command);
            }
            Err(error) => status.missing = vec![error.to_string()],
        }
        status
    }

    /// As in `zig 0.17.1`.
    fn described(&self) -> Vec<String> {
        let wanted = programs(self.language);
        let pairs = wanted.iter().zip(&self.programs);
        pairs
            .map(|(wanted, program)| {
                let name = wanted.names.first().copied().unwrap_or_default();
                format!("{name} {}", program.version)
            })
            .collect()
    }

    /// Builds a guest below `target_dir`, unless nothing has changed.
    pub(crate) fn build(
        &self,
        guest: &Guest,
        target_dir: &Path,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<Built, Error> {
        let Source::Folder { path, main, wasi } = &guest.source else {
            return Err(Error::NotAComponent);
        };
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let out = absolute(target_dir).join("own").join(&guest.name);
        let built = Built {
            path: out.join(&guest.name).with_extension("wasm"),
            guest: guest.clone(),
        };
        let stamp = self.stamp(guest, path)?;
        let stamp_file = stamp::file(&built.path);
        let is_same = fs::read_to_string(&stamp_file).is_ok_and(|text| text == stamp);
        if is_same && built.path.is_file() {
            return Ok(built);
        }
        fs::create_dir_all(&out).map_err(|source| unwritten(&out, source))?;
        // Should this build be broken off, the next one begins anew.
        let _ = fs::remove_file(&stamp_file);
        let step = Step {
            toolchain: self,
            guest,
            folder: &absolute(path),
            main,
            wasi: *wasi,
            out: &out,
            component: &built.path,
        };
        match self.language {
            Language::Rust => return Err(Error::NotAComponent),
            Language::C => c::build(&step, on_line)?,
            Language::JavaScript => javascript::build(&step, on_line)?,
            Language::Python => python::build(&step, on_line)?,
        }
        write(&stamp_file, stamp.as_bytes())?;
        Ok(built)
    }

    fn stamp(&self, guest: &Guest, folder: &Path) -> Result<String, Error> {
        // A step that changes makes another component of the same sources.
        let steps = match self.language {
            Language::Rust => "",
            Language::C => include_str!("own/c.rs"),
            Language::JavaScript => include_str!("own/javascript.rs"),
            Language::Python => include_str!("own/python.rs"),
        };
        let described = self.described().join(" ");
        let mut stamp = Stamp::new(&[steps, &guest.name, &described]);
        stamp.folder(folder)?;
        Ok(stamp.finish())
    }
}

/// What the steps of a build need.
struct Step<'a> {
    toolchain: &'a OwnToolchain,
    guest: &'a Guest,
    /// The guest's folder.
    folder: &'a Path,
    main: &'a str,
    wasi: bool,
    /// Where everything goes that is made.
    out: &'a Path,
    /// Where the component goes.
    component: &'a Path,
}

impl Step<'_> {
    /// Runs the program at a place in the list, in the guest's folder.
    fn run(
        &self,
        place: usize,
        told: &str,
        arguments: impl FnOnce(&mut Command),
        on_line: &mut dyn FnMut(&str),
    ) -> Result<(), Error> {
        let program = self.toolchain.programs.get(place);
        let program = program.map_or(Path::new(""), |program| &program.path);
        let mut command = self.toolchain.environment.command(program.as_os_str());
        command.current_dir(self.folder);
        arguments(&mut command);
        checked(told, &mut command, on_line)?;
        Ok(())
    }
}

fn unwritten(path: &Path, source: std::io::Error) -> Error {
    Error::Write {
        path: path.to_owned(),
        source,
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<PathBuf, Error> {
    fs::write(path, bytes).map_err(|source| unwritten(path, source))?;
    Ok(path.to_owned())
}
