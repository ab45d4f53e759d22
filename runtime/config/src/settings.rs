//! The settings that count, each with where it came from.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use patinox_policy::{
    Admission, InstalledName, LimitError, LimitName, LimitScope, Limits, LoadLimits,
};

use crate::ceiling::Ceiling;
use crate::components::{ComponentEntry, Which};
use crate::environment::{Environment, RUST_LOG};
use crate::error::echo;
use crate::layer::{Entry, Given, Layer};
use crate::{AlertSettings, Asked, Error, Folders, ForComponent, Format, Key, Origin, Place};

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
    components: Vec<ComponentEntry>,
    ceiling: Ceiling,
    /// The limits before the flags, and these: what is said of one component stands
    /// between them.
    before_flags: Limits,
    flags: Layer,
    /// The files of the system and of the user, there or not.
    files: Vec<PathBuf>,
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
            components: Vec::new(),
            ceiling: Ceiling::default(),
            before_flags: Limits::default(),
            flags: Layer::new(),
            files: Vec::new(),
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

    /// What counts for one component: its limits, and what the files grant and deny it.
    ///
    /// What is said of it for other bytes than it has only narrows.
    #[must_use]
    pub fn of_component(&self, asked: &Asked<'_>) -> ForComponent {
        let mut found = self.said_of(asked, self.before_flags, |_| true);
        for flag in &self.flags {
            if let (Key::Limit(name), Ok(value)) = (flag.key, flag.limit()) {
                set_limit(&mut found.limits, name, value);
            }
        }
        self.below_ceiling(&mut found.limits);
        found
    }

    /// The same of one that judges calls and that a person names: its limits are these
    /// where the files say no others of it. Flags and other settings are of the call.
    ///
    /// A file of a folder that nobody trusts says nothing of it: what narrows a tool
    /// could have a validator let more pass.
    #[must_use]
    pub fn of_validator(&self, asked: &Asked<'_>, limits: Limits) -> ForComponent {
        let is_trusted = |entry: &ComponentEntry| !entry.narrows_only;
        let mut found = self.said_of(asked, limits, is_trusted);
        self.below_ceiling(&mut found.limits);
        found
    }

    fn said_of(
        &self,
        asked: &Asked<'_>,
        limits: Limits,
        counts: impl Fn(&ComponentEntry) -> bool,
    ) -> ForComponent {
        let mut found = ForComponent {
            limits,
            allow: Vec::new(),
            deny: self.ceiling.deny.clone(),
            validators: Vec::new(),
            required: self.ceiling.validators.clone(),
            stale: Vec::new(),
            astray: Vec::new(),
        };
        let about_it = |entry: &&ComponentEntry| entry.is_about(asked) && counts(entry);
        for entry in self.components.iter().filter(about_it) {
            let is_it = entry.has_digest(asked) && !entry.narrows_only;
            let mut is_stale = !is_it && !entry.allow.is_empty();
            for limit in &entry.limits {
                let (Key::Limit(name), Ok(value)) = (limit.key, limit.limit()) else {
                    continue;
                };
                let so_far = found.limits.get(name);
                if is_it || Some(value) < so_far {
                    set_limit(&mut found.limits, name, value);
                } else {
                    is_stale |= so_far < Some(value);
                }
            }
            found.deny.extend(entry.deny.iter().cloned());
            found.validators.extend(entry.validators.iter().cloned());
            if is_it {
                let (allow, astray) = entry.granted();
                found.allow.extend(allow);
                found.astray.extend(astray);
            } else if is_stale && !entry.narrows_only {
                found.stale.push(entry.place.clone());
            }
        }
        found
    }

    fn below_ceiling(&self, limits: &mut Limits) {
        for (name, most, _) in self.ceiling.all() {
            if limits.get(name).is_some_and(|value| most < value) {
                set_limit(limits, name, most);
            }
        }
    }

    /// Whether a file says something of a component at this path: then it depends on
    /// the bytes what that is.
    #[must_use]
    pub fn speaks_of(&self, path: &Path) -> bool {
        let asked = Asked {
            path: Some(path),
            ..Asked::default()
        };
        self.components.iter().any(|entry| entry.is_about(&asked))
    }

    /// What the files say of components that are not there, each as it is named and where
    /// that stands: a file that is not there, a version that `is_installed` does not know.
    /// It looks at the disk.
    #[must_use]
    pub fn of_nobody(&self, is_installed: impl Fn(&InstalledName) -> bool) -> Vec<(String, Place)> {
        let is_there = |which: &Which| match which {
            Which::Installed(name) => is_installed(name),
            Which::File(path) => path.exists(),
        };
        let of_nobody = self.components.iter().filter(|one| !is_there(&one.which));
        let named = of_nobody.map(|one| (one.which.to_string(), one.place.clone()));
        named.collect()
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

    /// The files of the system and of the user, there or not: whoever writes them
    /// decides what is granted.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
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
            Key::Limit(name) => name.quantity(self.limit(name)).to_string(),
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

    /// The defaults, and where the environment places our folders.
    pub(crate) fn within(environment: &Environment) -> Self {
        Self {
            folders: environment.folders(),
            home: environment.home(),
            ..Self::default()
        }
    }

    /// A limit that counts so far.
    pub(crate) fn limit(&self, name: LimitName) -> u64 {
        let value = match name.scope() {
            LimitScope::Call => self.limits.get(name),
            LimitScope::Load => self.load.get(name),
            LimitScope::Admission => self.admission.get(name),
        };
        value.unwrap_or_default()
    }

    /// These settings with what files say of components, and the ceiling of them.
    pub(crate) fn below(mut self, ceiling: Ceiling) -> Result<Self, Error> {
        for (name, most, origin) in ceiling.all() {
            // A default is none of anybody's.
            if most < self.limit(name) {
                let entry = Entry {
                    key: Key::Limit(name),
                    value: Given::Text(name.quantity(most).to_string()),
                    origin: origin.clone(),
                };
                self = self.with(entry)?;
            }
        }
        self.ceiling = ceiling;
        Ok(self)
    }

    /// These settings with one more layer, which nothing of the ceiling forbids.
    pub(crate) fn with_layer(self, layer: Layer) -> Result<Self, Error> {
        layer.into_iter().try_fold(self, |settings, entry| {
            settings.ceiling.check(&entry)?;
            settings.with(entry)
        })
    }

    /// These settings with what a file says of components.
    pub(crate) fn with_components(mut self, all: Vec<ComponentEntry>) -> Result<Self, Error> {
        for entry in all.iter().flat_map(|component| &component.limits) {
            self.ceiling.check(entry)?;
        }
        self.components.extend(all);
        Ok(self)
    }

    /// These settings with the flags: what stands before them is kept.
    pub(crate) fn with_flags(mut self, flags: Layer) -> Result<Self, Error> {
        self.before_flags = self.limits;
        self.flags.clone_from(&flags);
        self.with_layer(flags)
    }

    /// These settings, with the files that they may come from.
    pub(crate) fn with_files(mut self, files: Vec<PathBuf>) -> Self {
        self.files = files;
        self
    }

    /// What a host is to tell when something is wrong, as a file says it.
    pub(crate) fn with_alerts(mut self, alerts: Option<AlertSettings>) -> Self {
        self.alerts = alerts.or(self.alerts);
        self
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

pub(crate) fn set_limit(limits: &mut Limits, name: LimitName, value: u64) {
    // It is one of a call and was in its range, where it stands.
    let _ = limits.set(name.as_str(), &name.quantity(value).to_string());
}

/// A limit of any kind by its text.
pub(crate) fn limit_value(name: LimitName, text: &str) -> Result<u64, LimitError> {
    let mut settings = Settings::default();
    match name.scope() {
        LimitScope::Call => settings.limits.set(name.as_str(), text)?,
        LimitScope::Load => settings.load.set(name.as_str(), text)?,
        LimitScope::Admission => settings.admission.set(name.as_str(), text)?,
    }
    Ok(settings.limit(name))
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
