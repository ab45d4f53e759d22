//! The environment: read once, then data.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::error::{echo, unknown_variable};
use crate::file::Source;
use crate::layer::{Entry, Given, Layer};
use crate::schema::VARIABLE_PREFIX;
use crate::{Error, Key, Origin};

/// The variable that names the configuration file, as `--config` does.
pub(crate) const CONFIG_VARIABLE: &str = "PATINOX_CONFIG";

/// The log filter as other Rust programs read it.
pub(crate) const RUST_LOG: &str = "RUST_LOG";

/// What is kept besides our own variables.
pub(crate) const OTHERS: [&str; 6] = [
    RUST_LOG,
    "HOME",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
];

/// The part of the process environment that concerns us, at one moment.
///
/// Collect it from pairs in a test; of two values of one name the first
/// counts, and what does not concern us is not kept:
///
/// ```
/// use patinox_config::Environment;
///
/// let environment: Environment = [("HOME", "/home/ada"), ("AWS_SECRET", "…")]
///     .into_iter()
///     .collect();
/// assert!(!format!("{environment:?}").contains("AWS"));
/// let config = environment.folders().config.unwrap();
/// assert_eq!(config.to_str(), Some("/home/ada/.config/patinox"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

/// Our folders, as the XDG base directory specification places them.
///
/// A variable that is not an absolute path is ignored, as it demands, so that
/// none of them lies in the folder we are started in. `None` where neither the
/// variable nor a home folder is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folders {
    /// `$XDG_CONFIG_HOME/patinox`, else `~/.config/patinox`.
    pub config: Option<PathBuf>,
    /// `$XDG_STATE_HOME/patinox`, else `~/.local/state/patinox`.
    pub state: Option<PathBuf>,
    /// `$XDG_CACHE_HOME/patinox`, else `~/.cache/patinox`.
    pub cache: Option<PathBuf>,
    /// `$XDG_DATA_HOME/patinox`, else `~/.local/share/patinox`.
    pub data: Option<PathBuf>,
}

impl Environment {
    /// Reads the environment of this process: the only place that does.
    ///
    /// Where `HOME` is not set the home folder of the user database counts.
    #[must_use]
    pub fn capture() -> Self {
        let mut environment: Self = std::env::vars_os().collect();
        if let Some(home) = std::env::home_dir() {
            let home = home.into_os_string();
            environment.0.entry(OsString::from("HOME")).or_insert(home);
        }
        environment
    }

    /// A variable of this process that is none of ours, for who hands it on to a
    /// component; `None` where it is not set, or no text.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "everybody else asks here")]
    pub fn of_others(name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// Where our folders lie.
    #[must_use]
    pub fn folders(&self) -> Folders {
        Folders {
            config: self.folder("XDG_CONFIG_HOME", ".config"),
            state: self.folder("XDG_STATE_HOME", ".local/state"),
            cache: self.folder("XDG_CACHE_HOME", ".cache"),
            data: self.folder("XDG_DATA_HOME", ".local/share"),
        }
    }

    /// The user's home folder.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.absolute("HOME")
    }

    fn folder(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let home = || Some(self.home()?.join(below_home));
        Some(self.absolute(variable).or_else(home)?.join("patinox"))
    }

    fn absolute(&self, variable: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.0.get(OsStr::new(variable))?);
        path.is_absolute().then_some(path)
    }

    /// The file that `PATINOX_CONFIG` names.
    pub(crate) fn named_file(&self) -> Option<Source> {
        let path = self.0.get(OsStr::new(CONFIG_VARIABLE))?;
        Some(Source::named(PathBuf::from(path), CONFIG_VARIABLE))
    }

    /// The user's own file, there or not.
    pub(crate) fn default_file(&self) -> Option<Source> {
        let path = self.folders().config?.join("config.toml");
        let below_home = self.absolute("XDG_CONFIG_HOME").is_none();
        let shown = below_home.then(|| PathBuf::from("~/.config/patinox/config.toml"));
        Some(Source::users_own(path, shown))
    }

    /// What the variables say. `RUST_LOG` comes last, so it wins.
    pub(crate) fn layer(&self) -> Result<Layer, Error> {
        let ours = |name: &&OsString| is_ours(name) && *name != CONFIG_VARIABLE;
        let mut layer = Layer::new();
        for name in self.0.keys().filter(ours) {
            let name = name.to_string_lossy();
            let key = Key::all().find(|key| key.variable() == name);
            let key = key.ok_or_else(|| unknown_variable(&name))?;
            layer.extend(self.entry(key, &name)?);
        }
        // By custom an empty `RUST_LOG` is none.
        let rust_log = self.entry(Key::LogLevel, RUST_LOG)?;
        layer.extend(
            rust_log.filter(|entry| !matches!(&entry.value, Given::Text(t) if t.is_empty())),
        );
        Ok(layer)
    }

    fn entry(&self, key: Key, name: &str) -> Result<Option<Entry>, Error> {
        let Some(value) = self.0.get(OsStr::new(name)) else {
            return Ok(None);
        };
        let origin = Origin::Variable(name.to_owned());
        let Some(value) = value.to_str() else {
            return Err(Error::Value {
                key,
                origin,
                rule: "must be UTF-8".to_owned(),
                given: format!("`{}`", echo(&value.to_string_lossy())),
            });
        };
        let value = Given::Text(value.to_owned());
        Ok(Some(Entry { key, value, origin }))
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut kept = BTreeMap::new();
        for (name, value) in pairs {
            let name = name.into();
            if is_ours(&name) || OTHERS.iter().any(|other| name == **other) {
                kept.entry(name).or_insert_with(|| value.into());
            }
        }
        Self(kept)
    }
}

fn is_ours(name: &OsStr) -> bool {
    name.as_encoded_bytes()
        .starts_with(VARIABLE_PREFIX.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pairs: &[(&str, &str)], expected: [Option<&str>; 4]) {
        let environment: Environment = pairs.iter().copied().collect();
        let Folders {
            config,
            state,
            cache,
            data,
        } = environment.folders();
        assert_eq!(
            [config, state, cache, data],
            expected.map(|e| e.map(PathBuf::from))
        );
    }

    #[test]
    fn folders_lie_where_xdg_says() {
        check(&[], [None, None, None, None]);
        let home = [
            Some("/home/ada/.config/patinox"),
            Some("/home/ada/.local/state/patinox"),
            Some("/home/ada/.cache/patinox"),
            Some("/home/ada/.local/share/patinox"),
        ];
        check(&[("HOME", "/home/ada")], home);
        check(
            &[("XDG_CONFIG_HOME", "/c"), ("XDG_STATE_HOME", "/s")],
            [Some("/c/patinox"), Some("/s/patinox"), None, None],
        );
    }

    #[test]
    fn a_folder_is_never_relative_to_where_we_are_started() {
        check(
            &[("HOME", "."), ("XDG_CONFIG_HOME", "conf")],
            [None, None, None, None],
        );
        check(
            &[("HOME", "/h"), ("XDG_CACHE_HOME", "")],
            [
                Some("/h/.config/patinox"),
                Some("/h/.local/state/patinox"),
                Some("/h/.cache/patinox"),
                Some("/h/.local/share/patinox"),
            ],
        );
    }

    #[test]
    fn keeps_nothing_that_is_not_ours() {
        let environment: Environment = [("PATH", "/bin"), ("OPENAI_API_KEY", "sk-1")]
            .into_iter()
            .collect();
        assert!(environment.0.is_empty());
    }

    #[test]
    fn the_first_of_two_values_counts() {
        let environment: Environment = [("HOME", "/a"), ("HOME", "/b")].into_iter().collect();
        assert_eq!(environment.absolute("HOME"), Some(PathBuf::from("/a")));
    }

    #[test]
    fn captures_without_panic() {
        let _ = Environment::capture().folders();
    }
}
