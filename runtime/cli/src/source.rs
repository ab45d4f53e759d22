//! What COMPONENT says: where a component comes from.

use std::path::{Path, PathBuf};

use patinox_host::{Host, Loaded};
use patinox_policy::{cut, escape_line};

use crate::demo::embedded;
use crate::error::Error;

/// The longest reference that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 200;

/// Where a component comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file.
    Path(PathBuf),
    /// Embedded in the program.
    Demo(String),
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
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let Some((component, tool)) = text.rsplit_once('#') else {
            return Ok(Self {
                source: Source::parse(text)?,
                tool: None,
            });
        };
        let whole_exists = Path::new(text).exists();
        if whole_exists && Path::new(component).exists() {
            return Err(Error::Argument {
                message: format!("`{0}` is a file, and so is `{component}`", shown(text)),
                hint: "rename one of them".to_owned(),
            });
        }
        if whole_exists {
            return Ok(Self {
                source: Source::Path(text.into()),
                tool: None,
            });
        }
        Ok(Self {
            source: Source::parse(component)?,
            tool: Some(tool.to_owned()).filter(|tool| !tool.is_empty()),
        })
    }
}

impl Source {
    /// Reads COMPONENT.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if let Some(name) = text.strip_prefix("demo:") {
            return Ok(Self::Demo(name.to_owned()));
        }
        let unsupported = |form, hint: String| {
            Err(Error::UnsupportedSource {
                form,
                source_text: shown(text),
                hint,
            })
        };
        if text.starts_with("http://") || text.starts_with("https://") {
            let hint = format!(
                "fetch it, then call it by path: `curl -fLo tool.wasm {}`",
                quote(text)
            );
            return unsupported("a URL", hint);
        }
        if text.starts_with("oci://") || is_oci_reference(text) {
            let reference = text.trim_start_matches("oci://");
            let reference = quote(reference);
            let hint = format!("fetch it, then call it by path: `oras pull {reference}`");
            return unsupported("an OCI reference", hint);
        }
        if is_name(text) && !Path::new(text).exists() {
            let hint = format!("call it by path: `patinox call ./{text}.wasm`");
            return unsupported("an installed name", hint);
        }
        Ok(Self::Path(text.into()))
    }

    /// Loads the component.
    pub(crate) async fn load(&self, host: &Host) -> Result<Loaded, Error> {
        match self {
            Self::Path(path) => Ok(host.load_file(path).await?),
            Self::Demo(name) => Ok(host.load(embedded::component(name)?).await?),
        }
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

/// A bare word: no folder, no ending.
fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':');
    !text.is_empty() && text.chars().all(is_part)
}

pub(crate) fn shown(text: &str) -> String {
    cut(&escape_line(text), MAX_ECHO_BYTES).into_owned()
}

/// An argument as a shell takes it.
pub(crate) fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use patinox_policy::Failure as _;

    #[track_caller]
    fn check(text: &str, source: &Source, tool: Option<&str>) {
        let target = Target::parse(text).expect("a target");
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

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = Target::parse(text).expect_err("not built yet");
        assert_eq!(error.code().as_str(), "caller/unsupported-source");
        assert_eq!(
            format!("{error} | {}", error.hint().unwrap_or_default()),
            expected
        );
    }

    #[test]
    fn says_what_to_do_for_forms_that_are_not_built() {
        refused(
            "https://example.com/tool.wasm#run",
            "a URL cannot be called yet: `https://example.com/tool.wasm` | fetch it, then call it by path: `curl -fLo tool.wasm https://example.com/tool.wasm`",
        );
        refused(
            "registry.example/tools/text:1.0",
            "an OCI reference cannot be called yet: `registry.example/tools/text:1.0` | fetch it, then call it by path: `oras pull registry.example/tools/text:1.0`",
        );
        refused(
            "text#count",
            "an installed name cannot be called yet: `text` | call it by path: `patinox call ./text.wasm`",
        );
    }

    #[test]
    fn quotes_for_a_shell() {
        assert_eq!(quote("demo:text#count"), "'demo:text#count'");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote("a=b"), "a=b");
    }
}
