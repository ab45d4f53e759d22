//! The file of the folder that the program is started in, which somebody else may have
//! written.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use crate::components::{ComponentEntry, Which};
use crate::file::Source;
use crate::layer::Entry;
use crate::parse::Contents;
use crate::{Error, Key, Place, Settings};

/// The name of the file.
pub const PROJECT_FILE: &str = "patinox.toml";

/// A folder whose file is read, and the files that a person trusts.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// The folder that the program is started in.
    pub folder: PathBuf,
    /// The paths that are trusted, as [`ProjectFile::path`] has them, each with the
    /// digest that the file had then.
    pub trusted: Vec<(PathBuf, String)>,
}

/// The file of a folder, as somebody who is asked whether he trusts it sees it.
#[derive(Clone, Debug)]
pub struct ProjectFile {
    /// Its path, without links.
    pub path: PathBuf,
    /// SHA-256 of its bytes: `sha256:` and 64 digits.
    pub digest: String,
    /// What counts only where it is trusted, a line each, with its place.
    pub widens: Vec<String>,
}

/// How far a file is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    Trusted,
    /// A person trusted it, when it was another one.
    Changed,
    Never,
}

impl Project {
    /// What its file says; nothing where there is none.
    pub(crate) fn contents(&self) -> Result<Option<(Contents, Trust)>, Error> {
        let Some((source, path)) = source(&self.folder)? else {
            return Ok(None);
        };
        let (contents, digest) = source.contents_with_digest()?;
        let mut known = self.trusted.iter().filter(|(trusted, _)| *trusted == path);
        let mut trust = Trust::Never;
        if self.trusted.iter().any(|(trusted, _)| *trusted == path) {
            trust = Trust::Changed;
        }
        if known.any(|(_, trusted)| *trusted == digest) {
            trust = Trust::Trusted;
        }
        has_no_ceiling(&contents)?;
        Ok(Some((contents, trust)))
    }

    /// With what a project's file says of components bound to its folder, and to what it
    /// is trusted with.
    pub(crate) fn bounded(&self, mut contents: Contents, trust: Trust) -> Contents {
        let folder = self.folder.canonicalize();
        let folder = folder.unwrap_or_else(|_| self.folder.clone());
        for component in &mut contents.components {
            component.narrows_only = trust != Trust::Trusted;
            component.within = Some(folder.clone());
        }
        contents
    }
}

/// The file of a folder and its path; `None` where there is none.
fn source(folder: &Path) -> Result<Option<(Source, PathBuf)>, Error> {
    let file = folder.join(PROJECT_FILE);
    let shown = PathBuf::from(PROJECT_FILE);
    match file.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Error::Unreadable {
                file: shown,
                source,
            });
        }
        Ok(_) => {}
    }
    let path = folder
        .canonicalize()
        .map(|folder| folder.join(PROJECT_FILE));
    let path = path.map_err(|source| Error::Unreadable {
        file: shown.clone(),
        source,
    })?;
    Ok(Some((Source::project(path.clone(), shown), path)))
}

impl ProjectFile {
    /// The file of a folder, beside what the settings say without it; `None` where there
    /// is none.
    ///
    /// # Errors
    ///
    /// If it cannot be read or has a mistake.
    pub fn of(folder: &Path, settings: &Settings) -> Result<Option<Self>, Error> {
        let Some((source, path)) = source(folder)? else {
            return Ok(None);
        };
        let (contents, digest) = source.contents_with_digest()?;
        has_no_ceiling(&contents)?;
        settings.clone().with_layer(contents.layer.clone())?;
        let widens = widening(&contents, settings).into_iter();
        let widens = widens.map(|(what, place)| format!("line {}: {what}", place.line));
        Ok(Some(Self {
            path,
            digest,
            widens: widens.collect(),
        }))
    }
}

/// A ceiling is no matter of a folder.
fn has_no_ceiling(contents: &Contents) -> Result<(), Error> {
    match &contents.ceiling_place {
        Some(place) => Err(Error::NotInProject {
            section: crate::ceiling::SECTION,
            place: place.clone(),
        }),
        None => Ok(()),
    }
}

/// Refuses what only a file that is trusted may say.
pub(crate) fn check_narrows(
    contents: &Contents,
    trust: Trust,
    settings: &Settings,
) -> Result<(), Error> {
    if trust == Trust::Trusted {
        return Ok(());
    }
    let mut widening = widening(contents, settings).into_iter();
    let Some((what, place)) = widening.next() else {
        return Ok(());
    };
    let more = widening.len();
    Err(Error::Untrusted {
        what: match more {
            0 => what,
            more => format!("{what}, and {more} more,"),
        },
        place,
        was_trusted: trust == Trust::Changed,
    })
}

/// All that does more than narrow what the settings say so far.
fn widening(contents: &Contents, settings: &Settings) -> Vec<(String, Place)> {
    let mut all = Vec::new();
    for entry in contents
        .layer
        .iter()
        .filter(|entry| raises(entry, settings))
    {
        all.push((raised(entry), place_of(entry)));
    }
    if let Some(place) = &contents.alerts_place {
        all.push(("`alerts`".to_owned(), place.clone()));
    }
    for component in &contents.components {
        all.extend(widening_of(component, settings));
    }
    all
}

fn widening_of(component: &ComponentEntry, settings: &Settings) -> Vec<(String, Place)> {
    let (mut all, name) = (Vec::new(), component.which.to_string());
    if let Some(place) = &component.allow_place {
        for grant in &component.allow {
            let line = match grant.origin() {
                patinox_policy::Origin::File { line, .. } => usize::try_from(*line).ok(),
                _ => None,
            };
            let place = Place {
                line: line.unwrap_or(place.line),
                ..place.clone()
            };
            all.push((format!("the grant `{}` to `{name}`", grant.named()), place));
        }
    }
    for entry in &component.limits {
        if raises(entry, settings) {
            all.push((format!("{} of `{name}`", raised(entry)), place_of(entry)));
        }
    }
    // It can put something in the place of what a tool is given.
    for validator in &component.validators {
        let what = format!("a validator of `{name}`");
        all.push((what, validator.place.clone()));
    }
    // What lies elsewhere is no matter of a folder: to look for it can be slow.
    if let (Which::File(path), Some(within)) = (&component.which, &component.within) {
        let leaves = path.components().any(|part| part == Component::ParentDir);
        if leaves || !path.starts_with(within) {
            all.push((
                format!("a path elsewhere, `{name}`"),
                component.place.clone(),
            ));
        }
    }
    all
}

fn raised(entry: &Entry) -> String {
    format!("`{}` as {}", entry.key, entry.value.shown())
}

/// Whether it is more than a limit that is lower than the one that counts so far.
fn raises(entry: &Entry, settings: &Settings) -> bool {
    match entry.key {
        Key::Limit(name) => {
            let so_far = settings.limit(name);
            entry.limit().map_or(true, |value| so_far < value)
        }
        // It could hide what is told.
        Key::LogLevel | Key::LogFormat | Key::OutputFormat => true,
    }
}

fn place_of(entry: &Entry) -> Place {
    match &entry.origin {
        crate::Origin::File(place) => place.clone(),
        _ => Place::default(),
    }
}

#[cfg(test)]
mod tests;
