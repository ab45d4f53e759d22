//! The settings that count, each with where it came from.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use patinox_policy::{Admission, LimitName, LimitScope, Limits, LoadLimits};

use crate::environment::{Environment, RUST_LOG};
use crate::error::echo;
use crate::layer::Entry;
use crate::{AlertSettings, Error, Folders, Format, Key, Origin};

/// The longest log filter, in bytes: each of its directives costs at every
/// record.
pub const MAX_FILTER_BYTES: usize = 4 << 10;

/// What a log filter shows, the fewest records first.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The settings that count, each with where it came from.
#[derive(Clone, Debug)]
pub struct Settings {
    limits: Limits,
    load: LoadLimits,
    admission: Admission,
    log_level: String,
    log_format: Format,
    output_format: Format,
    alerts: Option<AlertSettings>,
    origins: HashMap<Key, Origin>,
    folders: Folders,
    home: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            load: LoadLimits::default(),
            admission: Admission::default(),
            log_level: Key::LogLevel.example(),
            log_format: Format::default(),
            output_format: Format::default(),
            alerts: None,
            origins: HashMap::new(),
            folders: Folders::default(),
            home: None,
        }
    }
}

impl Settings {
    /// The ceilings of a call.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// The ceilings of loading a component.
    #[must_use]
    pub const fn load_limits(&self) -> LoadLimits {
        self.load
    }

    /// How many calls run and wait at once.
    #[must_use]
    pub const fn admission(&self) -> Admission {
        self.admission
    }

    /// Which log records are shown: a `tracing` filter, like `warn` or
    /// `warn,patinox_host=debug`.
    ///
    /// Only its length is checked here. Who builds the filter reports one that
    /// cannot be read with [`Settings::refuse`].
    #[must_use]
    pub fn log_level(&self) -> &str {
        &self.log_level
    }

    /// How log records are written.
    #[must_use]
    pub const fn log_format(&self) -> Format {
        self.log_format
    }

    /// How results are written.
    #[must_use]
    pub const fn output_format(&self) -> Format {
        self.output_format
    }

    /// What a host is to tell when something is wrong: what the file says in its
    /// section `[alerts]`, else the default rules. A command that makes one call tells
    /// nobody; it is for programs that run a host for long.
    #[must_use]
    pub fn alerts(&self) -> AlertSettings {
        self.alerts.clone().unwrap_or_default()
    }

    /// The folder of what can be made again; see [`Folders::cache`].
    #[must_use]
    pub fn cache_folder(&self) -> Option<PathBuf> {
        self.folders.cache.clone()
    }

    /// The folder of what must last; see [`Folders::state`].
    #[must_use]
    pub fn state_folder(&self) -> Option<PathBuf> {
        self.folders.state.clone()
    }

    /// The folder of what is installed; see [`Folders::data`].
    #[must_use]
    pub fn data_folder(&self) -> Option<PathBuf> {
        self.folders.data.clone()
    }

    /// A path for a message, as a person writes it: short below his home.
    ///
    /// ```
    /// use patinox_config::{Inputs, resolve};
    ///
    /// let inputs = Inputs {
    ///     environment: [("HOME", "/home/ada")].into_iter().collect(),
    ///     ..Inputs::default()
    /// };
    /// let settings = resolve(&inputs)?;
    /// let cache = settings.cache_folder().unwrap();
    /// assert_eq!(settings.short_path(&cache).to_str(), Some("~/.cache/patinox"));
    /// # Ok::<(), patinox_config::Error>(())
    /// ```
    #[must_use]
    pub fn short_path(&self, path: &Path) -> PathBuf {
        let home = self.home.as_deref();
        let below = home.and_then(|home| path.strip_prefix(home).ok());
        below.map_or_else(|| path.to_owned(), |below| Path::new("~").join(below))
    }

    /// Where the value of a key came from.
    #[must_use]
    pub fn origin(&self, key: Key) -> &Origin {
        self.origins.get(&key).unwrap_or(&Origin::Default)
    }

    /// The value of a key as it would be written.
    #[must_use]
    pub fn value(&self, key: Key) -> String {
        match key {
            Key::Limit(name) => {
                let value = match name.scope() {
                    LimitScope::Call => self.limits.get(name),
                    LimitScope::Load => self.load.get(name),
                    LimitScope::Admission => self.admission.get(name),
                };
                name.quantity(value.unwrap_or_default()).to_string()
            }
            Key::LogLevel => self.log_level.clone(),
            Key::LogFormat => self.log_format.to_string(),
            Key::OutputFormat => self.output_format.to_string(),
        }
    }

    /// The error for a value that only its user could judge, with the place it
    /// came from. The rule is a clause, like `must be a log filter`.
    ///
    /// ```
    /// use patinox_config::{Inputs, Key, resolve};
    ///
    /// let inputs = Inputs {
    ///     environment: [("RUST_LOG", "===")].into_iter().collect(),
    ///     ..Inputs::default()
    /// };
    /// let error = resolve(&inputs)?.refuse(Key::LogLevel, "must be a log filter");
    /// assert_eq!(error.to_string(), "`RUST_LOG` must be a log filter, not `===`");
    /// # Ok::<(), patinox_config::Error>(())
    /// ```
    #[must_use]
    pub fn refuse(&self, key: Key, rule: &str) -> Error {
        Error::Value {
            key,
            origin: self.origin(key).clone(),
            rule: rule.to_owned(),
            given: format!("`{}`", echo(&self.value(key))),
        }
    }

    /// The defaults, where the environment places our folders, and what only a file
    /// can say.
    pub(crate) fn within(environment: &Environment, alerts: Option<AlertSettings>) -> Self {
        Self {
            alerts,
            folders: environment.folders(),
            home: environment.home(),
            ..Self::default()
        }
    }

    /// These settings with one more entry on top: the step of the fold.
    pub(crate) fn with(mut self, entry: Entry) -> Result<Self, Error> {
        match entry.key {
            Key::Limit(name) => self.set_limit(name, &entry)?,
            Key::LogLevel => self.log_level = filter(&entry)?,
            Key::LogFormat => self.log_format = format(&entry)?,
            Key::OutputFormat => self.output_format = format(&entry)?,
        }
        self.origins.insert(entry.key, entry.origin);
        Ok(self)
    }

    fn set_limit(&mut self, name: LimitName, entry: &Entry) -> Result<(), Error> {
        let text = entry.quantity()?;
        let set = match name.scope() {
            LimitScope::Call => self.limits.set(name.as_str(), text),
            LimitScope::Load => self.load.set(name.as_str(), text),
            LimitScope::Admission => self.admission.set(name.as_str(), text),
        };
        set.map_err(|error| entry.refused(error))
    }
}

fn filter(entry: &Entry) -> Result<String, Error> {
    // That one is often set for other programs, and may be whatever they take.
    let is_shared = matches!(&entry.origin, Origin::Variable(name) if name == RUST_LOG);
    let rule = match is_shared {
        true => "must be a log filter",
        false => {
            "must be `off`, `error`, `warn`, `info`, `debug` or `trace`, or a list of `TARGET=LEVEL` or `TARGET[SPAN]=LEVEL`"
        }
    };
    let text = entry.text(rule)?;
    if MAX_FILTER_BYTES < text.len() {
        let rule = format!("must have at most {MAX_FILTER_BYTES} bytes");
        return Err(entry.breaks(&rule));
    }
    if !is_shared && !text.split(',').all(is_directive) {
        return Err(entry.breaks(rule));
    }
    Ok(text.to_owned())
}

/// Whether this is one part of a `tracing` filter: a level, a target with its level,
/// or one with a span in brackets. A target by itself is none, as a level that is
/// misspelt would be one.
fn is_directive(part: &str) -> bool {
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    let part = part.trim();
    match part.rsplit_once(']') {
        Some((head, rest)) if head.contains('[') => {
            rest.is_empty() || rest.strip_prefix('=').is_some_and(is_level)
        }
        _ => match part.split_once('=') {
            Some((target, level)) => !target.is_empty() && is_level(level),
            None => is_level(part),
        },
    }
}

fn format(entry: &Entry) -> Result<Format, Error> {
    let rule = "must be `text` or `json`";
    let text = entry.text(rule)?;
    let found = Format::ALL.into_iter().find(|f| f.as_str() == text);
    found.ok_or_else(|| entry.breaks(rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_filter_has_levels_alone_or_of_targets() {
        let right = [
            "off",
            "WARN",
            "info, patinox_host=debug",
            "patinox_host::call=trace",
            "[call]",
            "patinox_host[call{tool=count}]=debug",
        ];
        for text in right {
            assert!(text.split(',').all(is_directive), "{text}");
        }
        for text in [
            "",
            "loud",
            "warning",
            "5",
            "patinox_host=loud",
            "a,",
            "=info",
            "warn]",
        ] {
            assert!(!text.split(',').all(is_directive), "{text}");
        }
    }
}
