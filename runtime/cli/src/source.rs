//! What COMPONENT says: where a component comes from.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use patinox_host::{Host, InstallError, LoadRequest, Loaded, PatinoxError, Precompiled};
use patinox_policy::{InstalledName, LoadLimits, cut, escape_line};
use patinox_tools::Locked;

use crate::again::{Again, quote};
use crate::demo::embedded;
use crate::error::Error;
use crate::grants::Grants;
use crate::session::Session;

/// The longest reference that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 200;

/// Where a component comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file.
    Path(PathBuf),
    /// Embedded in the program.
    Demo(String),
    /// Installed, by its name.
    Named(InstalledName),
    /// The same, once it is known where it lies and what it has to be.
    Installed(Box<(PathBuf, Locked)>),
    /// A file whose bytes something depends on: these are the ones that are loaded.
    Read { path: PathBuf, bytes: Vec<u8> },
}

/// A component and, where one was named, its tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) source: Source,
    pub(crate) tool: Option<String>,
}

impl Target {
    /// Reads `COMPONENT[#TOOL]`.
    ///
    /// A `#` may also stand in a file's name. Then the whole is the file if
    /// there is one; if both readings name a file, neither is guessed.
    pub(crate) fn parse(text: &str, again: &Again) -> Result<Self, Error> {
        let whole = || {
            Ok(Self {
                source: Source::parse(text, "", again)?,
                tool: None,
            })
        };
        let Some((component, tool)) = text.rsplit_once('#') else {
            return whole();
        };
        // A file of that name beside it is none: it could be anybody's.
        let is_name = component.parse::<InstalledName>().is_ok() && !text.ends_with(".wasm");
        let whole_exists = !is_name && Path::new(text).exists();
        if whole_exists && Path::new(component).exists() {
            return Err(Error::ambiguous(
                format!(
                    "`{}` is a file, and so is `{}`",
                    shown(text),
                    shown(component)
                ),
                "rename one of them".to_owned(),
            ));
        }
        if whole_exists {
            return whole();
        }
        Ok(Self {
            source: Source::parse(component, tool, again)?,
            tool: Some(tool.to_owned()).filter(|tool| !tool.is_empty()),
        })
    }
}

impl Target {
    /// See [`Source::found`].
    pub(crate) fn found(self, session: &Session) -> Result<Self, Error> {
        Ok(Self {
            source: self.source.found(session)?,
            tool: self.tool,
        })
    }
}

impl Source {
    /// Reads COMPONENT. The tool is for the command that an error names.
    pub(crate) fn parse(text: &str, tool: &str, again: &Again) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::Usage {
                message: "no component is named".to_owned(),
                hint: "give the path of a component, or `demo:text`".to_owned(),
            });
        }
        if let Some(name) = text.strip_prefix("demo:") {
            return Ok(Self::Demo(name.to_owned()));
        }
        if let Ok(name) = text.parse() {
            return Ok(Self::Named(name));
        }
        match fetched(text) {
            Some((form, fetch)) => Err(unsupported(form, text, &fetch, tool, again)),
            None => Ok(Self::Path(text.into())),
        }
    }

    /// What it is called wherever somebody is.
    pub(crate) fn full_name(&self) -> String {
        match self {
            Self::Demo(name) => format!("demo:{name}"),
            Self::Named(name) => name.to_string(),
            Self::Installed(installed) => installed.1.full_name(),
            Self::Path(path) | Self::Read { path, .. } => std::path::absolute(path)
                .unwrap_or_else(|_| path.clone())
                .to_string_lossy()
                .into_owned(),
        }
    }

    /// What its verdicts are told by: its name, or that of its file.
    pub(crate) fn short_name(&self) -> String {
        let name = self.full_name();
        let name = name.strip_prefix("demo:").unwrap_or(&name);
        let file = Path::new(name).file_name().unwrap_or_default();
        file.to_string_lossy().trim_end_matches(".wasm").to_owned()
    }

    /// Looks where it lies, if it is installed, and whether there is anything to load:
    /// so that it is told before the rest of the command line is read.
    pub(crate) fn found(self, session: &Session) -> Result<Self, Error> {
        let Self::Named(name) = self else {
            self.check()?;
            return Ok(self);
        };
        let installed = session.installed()?;
        let lock = installed.lock().map_err(PatinoxError::from)?;
        match lock.get(&name) {
            Ok(locked) => {
                let path = installed.path(locked);
                Ok(Self::Installed(Box::new((path, locked.clone()))))
            }
            Err(_) if lock.versions(name.name()).is_empty() => Err(unknown(&name)),
            Err(error) => Err(PatinoxError::from(InstallError::from(error)).into()),
        }
    }

    fn check(&self) -> Result<(), Error> {
        match self {
            Self::Named(_) | Self::Installed(_) | Self::Read { .. } => Ok(()),
            Self::Demo(name) => embedded::exists(name),
            Self::Path(path) => match path.metadata() {
                Ok(metadata) if metadata.is_file() => Ok(()),
                Ok(metadata) => {
                    let (path, is_folder) = (path.clone(), metadata.is_dir());
                    Err(PatinoxError::NotAFile { path, is_folder }.into())
                }
                Err(source) => {
                    let path = path.clone();
                    Err(PatinoxError::Unreadable { path, source }.into())
                }
            },
        }
    }

    /// Loads the component, which may do what is granted.
    pub(crate) async fn load(&self, host: &Host, grants: &Grants) -> Result<Loaded, Error> {
        Ok(host.load(self.request_with(grants)?).await?)
    }

    /// What loads it with these grants.
    pub(crate) fn request_with(&self, grants: &Grants) -> Result<LoadRequest, Error> {
        let given = grants.as_slice().iter().cloned();
        let request = given.fold(self.request()?, LoadRequest::grant);
        let denied = grants.denied().iter().cloned();
        Ok(denied.fold(request, LoadRequest::deny))
    }

    /// Compiles the component for the host's store.
    pub(crate) async fn precompile(&self, host: &Host) -> Result<Precompiled, Error> {
        Ok(host.precompile(self.request()?).await?)
    }

    /// The bytes of the component; of a file not many more than a component may have.
    pub(crate) fn bytes(&self, limits: &LoadLimits) -> Result<Vec<u8>, Error> {
        let path = match self {
            Self::Demo(name) => return embedded::component(name),
            Self::Named(name) => return Err(unknown(name)),
            Self::Read { bytes, .. } => return Ok(bytes.clone()),
            Self::Path(path) => path,
            Self::Installed(installed) => &installed.0,
        };
        let most = limits.file_bytes.saturating_add(1);
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
        let unreadable = |source| PatinoxError::Unreadable {
            path: path.clone(),
            source,
        };
        read.map_err(unreadable)?;
        Ok(bytes)
    }

    fn request(&self) -> Result<LoadRequest, Error> {
        Ok(match self {
            Self::Path(path) => LoadRequest::file(path),
            Self::Demo(name) => LoadRequest::bytes(embedded::component(name)?),
            Self::Read { bytes, .. } => LoadRequest::bytes(bytes.clone()),
            Self::Installed(installed) => {
                let (path, locked) = &**installed;
                LoadRequest::file(path).pinned(locked)
            }
            Self::Named(name) => return Err(unknown(name)),
        })
    }
}

/// What nobody has installed under this name.
fn unknown(name: &InstalledName) -> Error {
    let file = name.to_string();
    let hint = match Path::new(&file).exists() {
        true => format!("write `./{file}` for the file; `patinox ls` shows what is installed"),
        false => format!(
            "give the path of a component, like `./{}.wasm`; `patinox ls` shows what is installed",
            name.name()
        ),
    };
    Error::NotInstalled { name: file, hint }
}

/// A form of COMPONENT that is not built yet, and the command that fetches it.
fn fetched(text: &str) -> Option<(&'static str, String)> {
    if text.starts_with("http://") || text.starts_with("https://") {
        let command = format!("curl -fLo tool.wasm {}", quote(text));
        return Some(("a URL", command));
    }
    if text.starts_with("oci://") || is_oci_reference(text) {
        let reference = quote(text.trim_start_matches("oci://"));
        let command = format!("wkg oci pull -o tool.wasm {reference}");
        return Some(("an OCI reference", command));
    }
    None
}

fn unsupported(form: &'static str, text: &str, fetch: &str, tool: &str, again: &Again) -> Error {
    let hash = if tool.is_empty() { "" } else { "#" };
    let call = |path: &str| again.with_component(&format!("{path}{hash}{tool}"));
    let hint = format!(
        "fetch it, then call it by path: `{fetch} && {}`",
        call("tool.wasm")
    );
    Error::UnsupportedSource {
        form,
        source_text: shown(text),
        hint,
    }
}

/// `registry.example/name/tool:1.0`: a host with a dot or a port, a path, and
/// a tag or digest, and no such file.
fn is_oci_reference(text: &str) -> bool {
    let Some((registry, path)) = text.split_once('/') else {
        return false;
    };
    let is_host = registry.len() > 2 && (registry.contains('.') || registry.contains(':'));
    is_host && path.contains([':', '@']) && !Path::new(text).exists()
}

pub(crate) fn shown(text: &str) -> String {
    cut(&escape_line(text), MAX_ECHO_BYTES).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use patinox_policy::Failure as _;

    fn parse(text: &str) -> Result<Target, Error> {
        Target::parse(text, &Again::new(&[]))
    }

    #[track_caller]
    fn check(text: &str, source: &Source, tool: Option<&str>) {
        let target = parse(text).expect("a target");
        assert_eq!((&target.source, target.tool.as_deref()), (source, tool));
    }

    #[test]
    fn reads_targets() {
        check("tool.wasm", &Source::Path("tool.wasm".into()), None);
        check(
            "./a/tool.wasm#count",
            &Source::Path("./a/tool.wasm".into()),
            Some("count"),
        );
        check(
            "demo:text#count",
            &Source::Demo("text".to_owned()),
            Some("count"),
        );
        check("tool.wasm#", &Source::Path("tool.wasm".into()), None);
    }

    #[test]
    fn a_hash_in_a_file_name_is_not_guessed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("a#b"), "").expect("a file");
        check(&path("a#b"), &Source::Path(path("a#b").into()), None);
        std::fs::write(path("a"), "").expect("a file");
        let error = parse(&path("a#b")).expect_err("two readings");
        let (both, one) = (path("a#b"), path("a"));
        assert_eq!(
            error.to_string(),
            format!("`{both}` is a file, and so is `{one}`")
        );
    }

    #[track_caller]
    fn refused(text: &str) -> String {
        let error = parse(text).expect_err("not built yet");
        format!(
            "{}: {error} | {}",
            error.code(),
            error.hint().unwrap_or_default()
        )
    }

    #[test]
    fn says_what_to_do_for_forms_that_are_not_built() {
        let texts = [
            refused("https://example.com/tool.wasm#run"),
            refused("https://example.com/a?b=1&c=2"),
            refused("registry.example/tools/text:1.0"),
            refused("oci://registry.example/tools/text#run"),
            refused(""),
            refused("#count"),
        ];
        insta::assert_snapshot!(texts.join("\n"), @"
            caller/unsupported-source: a URL cannot be called yet: `https://example.com/tool.wasm` | fetch it, then call it by path: `curl -fLo tool.wasm https://example.com/tool.wasm && patinox call 'tool.wasm#run'`
            caller/unsupported-source: a URL cannot be called yet: `https://example.com/a?b=1&c=2` | fetch it, then call it by path: `curl -fLo tool.wasm 'https://example.com/a?b=1&c=2' && patinox call tool.wasm`
            caller/unsupported-source: an OCI reference cannot be called yet: `registry.example/tools/text:1.0` | fetch it, then call it by path: `wkg oci pull -o tool.wasm registry.example/tools/text:1.0 && patinox call tool.wasm`
            caller/unsupported-source: an OCI reference cannot be called yet: `oci://registry.example/tools/text` | fetch it, then call it by path: `wkg oci pull -o tool.wasm registry.example/tools/text && patinox call 'tool.wasm#run'`
            caller/usage: no component is named | give the path of a component, or `demo:text`
            caller/usage: no component is named | give the path of a component, or `demo:text`
            ");
    }
}
