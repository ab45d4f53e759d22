//! What a file says of who judges the calls of a component: `validators = [{ … }]`.

use std::path::PathBuf;

use patinox_policy::{Grant, InstalledName, LimitName, LimitScope, Limits, Position};

use crate::components::{Which, digest_of, grants, limits, which};
use crate::settings::set_limit;
use crate::table::{Field, Table, tables, text};
use crate::{Error, Key, Place};

/// The most validators of one component, and of a ceiling.
const MAX_VALIDATORS: usize = 16;

const EACH: &str =
    "write it like `validators = [{ name = \"secrets@0.1.0\", digest = \"sha256:…\" }]`";

const KEYS: [&str; 6] = ["name", "path", "digest", "at", "allow", "limits"];

/// A validator that a file names. All that is said of it stands there: what it may do and
/// what it may take are no matter of other entries, files or commands.
#[derive(Clone, Debug)]
pub struct NamedValidator {
    /// Which component.
    pub component: NamedComponent,
    /// The digest that it has to have: `sha256:` and 64 digits.
    pub digest: String,
    /// Before the tool, after it, or both.
    pub position: Position,
    /// What it may do.
    pub allow: Vec<Grant>,
    /// The limits of one judgement that are not the usual ones.
    pub limits: Vec<(LimitName, u64)>,
    /// Where it stands in the file.
    pub place: Place,
}

/// A component by its name or its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedComponent {
    /// One that is installed, in one version.
    Installed(InstalledName),
    /// A file.
    File(PathBuf),
}

impl NamedValidator {
    /// The ceilings of one judgement, of which these are the usual ones.
    #[must_use]
    pub fn limits(&self, mut usual: Limits) -> Limits {
        for (name, value) in &self.limits {
            set_limit(&mut usual, *name, *value);
        }
        usual
    }
}

/// Reads them, in their order. Paths are taken from the folder of the file.
pub(crate) fn validators(table: &Table<'_, '_>) -> Result<Vec<NamedValidator>, Error> {
    let Some(field) = table.field("validators") else {
        return Ok(Vec::new());
    };
    let tables = tables(table.reader, &field, (MAX_VALIDATORS, EACH))?;
    tables.iter().map(validator).collect()
}

fn validator(table: &Table<'_, '_>) -> Result<NamedValidator, Error> {
    table.has_only(&KEYS)?;
    let component = match which(table, "secrets@0.1.0")? {
        Which::Installed(name) => NamedComponent::Installed(name),
        Which::File(path) => NamedComponent::File(path),
    };
    let digest = table.field("digest").ok_or_else(|| {
        let hint = "write it like `digest = \"sha256:…\"`: it is what `sha256sum` says of it";
        table.breaks("must have the `digest`", hint.to_owned())
    })?;
    let position = table.field("at").map(|field| position(&field));
    let limits = limits(table, |scope| scope == LimitScope::Call)?;
    let limits = limits.iter().map(|entry| match entry.key {
        Key::Limit(name) => Ok(Some((name, entry.limit()?))),
        _ => Ok(None),
    });
    let limits: Result<Vec<_>, Error> = limits.filter_map(Result::transpose).collect();
    Ok(NamedValidator {
        component,
        digest: digest_of(&digest)?,
        position: position.transpose()?.unwrap_or_default(),
        allow: grants(table, "allow")?,
        limits: limits?,
        place: table.place.clone(),
    })
}

fn position(field: &Field<'_, '_>) -> Result<Position, Error> {
    let written = text(field)?;
    Position::of(written).ok_or_else(|| {
        let rule = format!(
            "must be `before`, `after` or `both`, not `{}`",
            crate::error::echo(written)
        );
        field.breaks(rule, "without it both are meant".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use patinox_policy::{Failure as _, LimitName, Limits};
    use tempfile::TempDir;

    use super::*;
    use crate::{Asked, Inputs, PROJECT_FILE, Project, Settings, resolve};

    const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn write(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    }

    /// What the files of the system and of a person say, and that of the current folder.
    fn said(system: &str, own: &str, project: &str) -> (TempDir, Result<Settings, Error>) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write(&path("system.toml"), system);
        write(&path("own.toml"), own);
        if !project.is_empty() {
            write(&path(PROJECT_FILE), project);
        }
        let settings = resolve(&Inputs {
            system_file: Some(path("system.toml")),
            config_file: Some(path("own.toml")),
            project: Some(Project {
                folder: folder.path().to_owned(),
                trusted: Vec::new(),
            }),
            ..Inputs::default()
        });
        (folder, settings)
    }

    fn shown(all: &[NamedValidator]) -> Vec<String> {
        let one = |one: &NamedValidator| {
            let component = match &one.component {
                NamedComponent::Installed(name) => name.to_string(),
                NamedComponent::File(path) => {
                    path.file_name().unwrap().to_string_lossy().into_owned()
                }
            };
            format!("{component} {} {}", one.position.as_str(), one.place.line)
        };
        all.iter().map(one).collect()
    }

    #[test]
    fn they_stand_in_the_order_of_the_files_and_a_ceiling_has_the_last_word() {
        let (_folder, settings) = said(
            &format!(
                "[ceiling]\nvalidators = [{{ name = \"secrets@0.1.0\", digest = \"{A}\" }}]\n"
            ),
            &format!(
                "[[components]]\nname = \"text@1.2.0\"\n\
                 validators = [{{ name = \"a@1.0.0\", digest = \"{A}\", at = \"before\" }},\n\
                 {{ path = \"b.wasm\", digest = \"{A}\", at = \"after\" }}]\n\
                 [[components]]\nname = \"text@1.2.0\"\n\
                 [[components.validators]]\nname = \"c@1.0.0\"\ndigest = \"{A}\"\n"
            ),
            "",
        );
        let settings = settings.unwrap();
        let name = "text@1.2.0".parse().unwrap();
        let found = settings.of_component(&Asked {
            name: Some(&name),
            ..Asked::default()
        });
        let expected = ["a@1.0.0 before 3", "b.wasm after 4", "c@1.0.0 both 7"];
        assert_eq!(shown(&found.validators), expected);
        assert_eq!(shown(&found.required), ["secrets@0.1.0 both 2"]);
        // Whatever is called has those of the ceiling.
        let other = settings.of_component(&Asked::default());
        assert!(other.validators.is_empty());
        assert_eq!(shown(&other.required), shown(&found.required));
    }

    #[test]
    fn a_validator_has_limits_of_its_own() {
        let (folder, settings) = said(
            "[ceiling]\nlimits = { memory = \"32MiB\" }\n",
            &format!(
                "[limits]\nwall = \"5s\"\n[[components]]\npath = \"b.wasm\"\n\
                 digest = \"{A}\"\nlimits = {{ fuel = \"9M\" }}\nallow = [\"config=on-find=deny\"]\n"
            ),
            "",
        );
        let settings = settings.unwrap();
        let own = Limits {
            wall_ms: 1_000,
            memory_bytes: 64 << 20,
            ..Limits::default()
        };
        let path = folder.path().join("b.wasm");
        write(&path, "");
        let found = settings.of_validator(
            &Asked {
                path: Some(&path),
                digest: Some(A),
                ..Asked::default()
            },
            own,
        );
        let limit = |name| found.limits.get(name);
        assert_eq!(limit(LimitName::Wall), Some(1_000));
        assert_eq!(limit(LimitName::Fuel), Some(9_000_000));
        assert_eq!(limit(LimitName::Memory), Some(32 << 20));
        assert_eq!(found.allow.len(), 1);
    }

    #[test]
    fn a_folder_that_nobody_trusts_names_none() {
        let project = format!(
            "[[components]]\nname = \"text@1.2.0\"\n\
             validators = [{{ name = \"a@1.0.0\", digest = \"{A}\" }}]\n"
        );
        let (_folder, settings) = said("", "", &project);
        let error = settings.unwrap_err();
        let expected = "a validator of `text@1.2.0` at `patinox.toml:3:15` counts only where the \
                        file is trusted";
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.code().as_str(), "policy/untrusted");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let wrong = [
            ("3", "\"a@1.0.0\""),
            ("[3]", "must be a table"),
            ("[\"a@1.0.0\"]", "must be a table"),
            ("[{}]", "must have a `name` or a `path`"),
            ("[{ name = \"a\" }]", "must name a version"),
            (
                "[{ name = \"a@1.0.0\", path = \"b\" }]",
                "stands beside a `name`",
            ),
            (
                "[{ name = \"a@1.0.0\", digest = \"sha256:0\" }]",
                "64 digits",
            ),
            ("[{ path = \"b.wasm\" }]", "must have the `digest`"),
            ("[{ name = \"a@1.0.0\" }]", "must have the `digest`"),
            ("[{ path = \"~/b.wasm\" }]", "must be the path of a file"),
            (
                "[{ name = \"a@1.0.0\", DIGEST, at = \"behind\" }]",
                "must be `before`, `after` or `both`",
            ),
            ("[{ name = \"a@1.0.0\", DIGEST, at = 3 }]", "must be text"),
            (
                "[{ name = \"a@1.0.0\", limit = {} }]",
                "validators[0].limit",
            ),
            ("[{ name = \"../a@1.0.0\" }]", "is wrong"),
        ];
        for (value, expected) in wrong {
            let value = &*value.replace("DIGEST", &format!("digest = \"{A}\""));
            let own = format!("[[components]]\nname = \"text@1.2.0\"\nvalidators = {value}\n");
            let (_folder, settings) = said("", &own, "");
            let error = settings.expect_err(value);
            let text = format!("{error} {}", error.hint().unwrap_or_default());
            assert!(text.contains(expected) || value == "3", "{value}: {text}");
            assert!(text.contains("own.toml:3:"), "{value}: {text}");
            assert!(text.contains("validators"), "{value}: {text}");
            let ceiling = format!("[ceiling]\nvalidators = {value}\n");
            let (_folder, settings) = said(&ceiling, "", "");
            assert!(
                settings
                    .expect_err(value)
                    .to_string()
                    .contains("system.toml:2:")
            );
        }
        let many = format!("{{ name = \"a@1.0.0\", digest = \"{A}\" }},").repeat(17);
        let (_folder, settings) = said(&format!("[ceiling]\nvalidators = [{many}]\n"), "", "");
        assert!(settings.unwrap_err().to_string().contains("at most 16"));
    }
}
