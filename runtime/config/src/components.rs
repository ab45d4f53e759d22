//! What a file says of single components: section `[[components]]`.

use std::fmt;
use std::path::{Path, PathBuf};

use patinox_policy::{Failure as _, Grant, InstalledName, LimitName, LimitScope, Limits, Origin};
use toml::de::DeValue;

use crate::error::echo;
use crate::layer::{Entry, Layer};
use crate::parse::{Reader, given, in_order};
use crate::table::{Field, Table, tables, text, texts};
use crate::validators::{NamedValidator, validators};
use crate::{Error, Key, Place};

/// The name of the section.
pub(crate) const SECTION: &str = "components";

/// The most components that a file speaks of.
pub(crate) const MAX_COMPONENTS: usize = 1_000;

/// The most grants or denials of one component: a policy has no more.
const MAX_GRANTS: usize = 1_000;

const EACH: &str = "write each as `[[components]]`, with its keys below it";

const KEYS: [&str; 7] = [
    "name",
    "path",
    "digest",
    "limits",
    "allow",
    "deny",
    "validators",
];

/// How a digest begins.
const SHA256: &str = "sha256:";

/// What a file says of one component.
#[derive(Clone, Debug)]
pub(crate) struct ComponentEntry {
    pub(crate) which: Which,
    /// The digest that it has to have for what widens to count.
    pub(crate) digest: Option<String>,
    pub(crate) allow: Vec<Grant>,
    pub(crate) deny: Vec<Grant>,
    pub(crate) limits: Layer,
    /// Who judges its calls, whatever its bytes are.
    pub(crate) validators: Vec<NamedValidator>,
    /// Where it stands.
    pub(crate) place: Place,
    /// Where its grants stand, if it has any.
    pub(crate) allow_place: Option<Place>,
    /// Whether nobody trusts the file that says it: then it only narrows.
    pub(crate) narrows_only: bool,
    /// The folder that what it grants has to lie in: that of a project, whose links
    /// others make.
    pub(crate) within: Option<PathBuf>,
}

/// Which component an entry is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// One that is installed, in one version.
    Installed(InstalledName),
    /// A file.
    File(PathBuf),
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed(name) => name.fmt(f),
            Self::File(path) => {
                let name = path.file_name().unwrap_or_default();
                f.write_str(&echo(&name.to_string_lossy()))
            }
        }
    }
}

/// Reads the section. Paths are taken from the folder of the file.
pub(crate) fn read(
    reader: Reader<'_>,
    value: &toml::Spanned<DeValue<'_>>,
) -> Result<Vec<ComponentEntry>, Error> {
    let field = Field {
        name: SECTION.to_owned(),
        place: reader.place(value.span().start),
        value,
    };
    let tables = tables(reader, &field, (MAX_COMPONENTS, EACH))?;
    tables.iter().map(entry).collect()
}

fn entry(table: &Table<'_, '_>) -> Result<ComponentEntry, Error> {
    table.has_only(&KEYS)?;
    let which = which(table, "text@1.2.0")?;
    let digest = table.field("digest");
    let digest = digest.map(|field| digest_of(&field)).transpose()?;
    let allow = grants(table, "allow")?;
    if digest.is_none() && !allow.is_empty() {
        let example = format!(
            "write it like `digest = \"{SHA256}…\"`: it is what `sha256sum` says of the component"
        );
        return Err(table.breaks("grants something, so it must have the `digest`", example));
    }
    Ok(ComponentEntry {
        which,
        digest,
        allow_place: table.field("allow").map(|field| field.place),
        allow,
        deny: grants(table, "deny")?,
        validators: validators(table)?,
        limits: limits(table, |scope| scope == LimitScope::Call)?,
        place: table.place.clone(),
        narrows_only: false,
        within: None,
    })
}

/// Reads `name` or `path`; the example is one of a name.
pub(crate) fn which(table: &Table<'_, '_>, example: &str) -> Result<Which, Error> {
    match (table.field("name"), table.field("path")) {
        (Some(name), None) => {
            let written = text(&name)?;
            let read: Result<InstalledName, _> = written.parse();
            let example = || format!("write it like `name = \"{example}\"`");
            let read =
                read.map_err(|error| name.breaks(format!("is wrong: {error}"), example()))?;
            match read.version() {
                Some(_) => Ok(Which::Installed(read)),
                // What is granted to one version is not granted to the next.
                None => Err(name.breaks("must name a version".to_owned(), example())),
            }
        }
        (None, Some(path)) => {
            let written = text(&path)?;
            let is_other = written.starts_with('~') || written.starts_with("demo:");
            if written.is_empty() || is_other || written.chars().any(char::is_control) {
                let hint = "write it like `path = \"build/text.wasm\"`".to_owned();
                return Err(path.breaks("must be the path of a file".to_owned(), hint));
            }
            Ok(Which::File(table.reader.folder().join(written)))
        }
        (Some(_), Some(path)) => {
            let hint = "write one of them".to_owned();
            Err(path.breaks("stands beside a `name`".to_owned(), hint))
        }
        (None, None) => {
            let hint = format!("write it like `name = \"{example}\"`");
            Err(table.breaks("must have a `name` or a `path`", hint))
        }
    }
}

pub(crate) fn digest_of(field: &Field<'_, '_>) -> Result<String, Error> {
    let digest = text(field)?;
    let digits = digest.strip_prefix(SHA256).unwrap_or_default();
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    match digits.len() == 64 && digits.chars().all(is_hex) {
        true => Ok(digest.to_owned()),
        false => {
            let rule = format!(
                "must be `{SHA256}` and 64 digits out of `0-9a-f`, not `{}`",
                echo(digest)
            );
            let hint = "it is what `sha256sum` says of the component".to_owned();
            Err(field.breaks(rule, hint))
        }
    }
}

/// Grants or denials, each with its line; paths of folders are taken from that of the
/// file.
pub(crate) fn grants(table: &Table<'_, '_>, key: &str) -> Result<Vec<Grant>, Error> {
    let Some(field) = table.field(key) else {
        return Ok(Vec::new());
    };
    let words = texts(table, &field, (MAX_GRANTS, "[\"env=TZ\"]"))?;
    let grants = words.into_iter().map(|(word, byte)| {
        let grant: Grant = word.parse().map_err(|error: patinox_policy::GrantError| {
            let hint = error.hint().unwrap_or_default();
            Error::Rule {
                subject: format!("`{}`", field.name),
                place: table.reader.place(byte),
                rule: format!("is wrong: {error}"),
                hint,
            }
        })?;
        let (file, line) = table.reader.line(byte);
        let origin = Origin::File {
            name: file.to_string_lossy().into(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
        };
        Ok(grant.based(table.reader.folder()).given_by(origin))
    });
    grants.collect()
}

/// Limits in a table of their own, each checked.
pub(crate) fn limits(
    table: &Table<'_, '_>,
    is_one: impl Fn(LimitScope) -> bool,
) -> Result<Layer, Error> {
    let Some(field) = table.field("limits") else {
        return Ok(Layer::new());
    };
    let DeValue::Table(inner) = field.value.get_ref() else {
        return Err(field.must_be("a table", "{ wall = \"2s\" }"));
    };
    let of_table = Table {
        reader: table.reader,
        name: field.name,
        place: field.place,
        table: inner,
    };
    let names: Vec<_> = LimitName::ALL
        .into_iter()
        .filter(|name| is_one(name.scope()))
        .map(LimitName::as_str)
        .collect();
    of_table.has_only(&names)?;
    let entries = in_order(inner).into_iter().filter_map(|(key, value)| {
        let name: LimitName = key.get_ref().parse().ok()?;
        Some(Entry {
            key: Key::Limit(name),
            value: given(value.get_ref()),
            origin: crate::Origin::File(table.reader.place(value.span().start)),
        })
    });
    let entries: Layer = entries.collect();
    for entry in &entries {
        entry.limit()?;
    }
    Ok(entries)
}

impl Entry {
    /// The value of a limit.
    pub(crate) fn limit(&self) -> Result<u64, Error> {
        let Key::Limit(name) = self.key else {
            return Err(self.breaks("must be a limit"));
        };
        let value = crate::settings::limit_value(name, self.quantity()?);
        value.map_err(|error| self.refused(error))
    }
}

/// A component that is to be loaded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Its name and version, if it is one that is installed.
    pub name: Option<&'a InstalledName>,
    /// Its path, if it is a file of the person's.
    pub path: Option<&'a Path>,
    /// SHA-256 of its bytes, where something depends on that.
    pub digest: Option<&'a str>,
}

/// What the settings say of one component.
#[derive(Clone, Debug)]
pub struct ForComponent {
    /// The ceilings of a call of it.
    pub limits: Limits,
    /// What it is granted.
    pub allow: Vec<Grant>,
    /// What it is denied, whatever is granted.
    pub deny: Vec<Grant>,
    /// Who judges its calls, in that order.
    pub validators: Vec<NamedValidator>,
    /// Who judges them after those, as a ceiling requires.
    pub required: Vec<NamedValidator>,
    /// What is said of other bytes under that name or path: nothing of that is granted.
    pub stale: Vec<Place>,
    /// Folders that a project's file grants, and that lead out of the project: they are
    /// not granted.
    pub astray: Vec<Grant>,
}

impl ComponentEntry {
    /// What it grants, and what of that leads out of the folder that it has to lie in.
    pub(crate) fn granted(&self) -> (Vec<Grant>, Vec<Grant>) {
        let grants = self.allow.iter().cloned();
        match &self.within {
            Some(within) => grants.partition(|grant| lies_in(grant, within)),
            None => (grants.collect(), Vec::new()),
        }
    }

    /// Whether it is about this one, whatever its bytes are.
    pub(crate) fn is_about(&self, asked: &Asked<'_>) -> bool {
        match &self.which {
            Which::Installed(name) => asked.name == Some(name),
            Which::File(path) => asked.path.is_some_and(|other| is_same_file(path, other)),
        }
    }

    /// Whether it is about these bytes, too: a name and a path say nothing of that.
    pub(crate) fn has_digest(&self, asked: &Asked<'_>) -> bool {
        self.digest.is_some() && self.digest.as_deref() == asked.digest
    }
}

/// Whether a folder lies in that one, through all links. One that is not there is
/// refused for that by whoever opens it.
fn lies_in(grant: &Grant, within: &Path) -> bool {
    let Some((Some(folder), ..)) = grant.folder() else {
        return true;
    };
    if !folder.starts_with(within) {
        // Somebody who trusts the file has read that it is elsewhere.
        return true;
    }
    let real = folder.canonicalize();
    real.map_or(true, |real| {
        within
            .canonicalize()
            .is_ok_and(|within| real.starts_with(within))
    })
}

/// Whether both lead to the same place. One that leads nowhere is no other's.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let has_its_name = one.file_name() == other.file_name();
    // A link may have another name than what it leads to: then the path is that of it.
    one == other
        || has_its_name
            && one
                .canonicalize()
                .ok()
                .is_some_and(|one| other.canonicalize().ok() == Some(one))
}
