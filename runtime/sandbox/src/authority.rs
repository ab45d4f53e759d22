//! What one call may do, asked at each operation.

mod folder;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use patinox_policy::{Access, Denial, Grant, Mode, Policy};
use patinox_telemetry::Clock;

pub(crate) use self::folder::Folder;

/// The most denials of a call that are kept; of more the first ones.
const MAX_DENIALS: usize = 32;

/// The host's own variables that a grant without a value hands on, by name. Values are
/// never shown.
#[derive(Clone, Default)]
pub struct Variables(Arc<BTreeMap<String, String>>);

impl Variables {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(all: I) -> Self {
        Self(Arc::new(all.into_iter().collect()))
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.keys().collect();
        f.debug_tuple("Variables").field(&names).finish()
    }
}

/// What one call may do, and what it was denied.
#[derive(Debug)]
pub(crate) struct Authority {
    policy: Arc<Policy>,
    variables: Variables,
    clock: Clock,
    /// Whether nothing that was granted may be used: a component that is asked for its
    /// tools.
    grants_nothing: bool,
    denials: Vec<Denial>,
}

impl Authority {
    pub(crate) const fn new(policy: Arc<Policy>, variables: Variables, clock: Clock) -> Self {
        Self {
            policy,
            variables,
            clock,
            grants_nothing: false,
            denials: Vec::new(),
        }
    }

    /// Takes back what was granted.
    pub(crate) const fn grant_nothing(&mut self) {
        self.grants_nothing = true;
    }

    pub(crate) const fn grants_nothing(&self) -> bool {
        self.grants_nothing
    }

    /// What it was denied, each once.
    pub(crate) fn take_denials(&mut self) -> Vec<Denial> {
        std::mem::take(&mut self.denials)
    }

    /// Whether something may be done at this moment. What may not is told with the call.
    pub(crate) fn may(&mut self, access: &Access) -> bool {
        if self.grants_nothing {
            return false;
        }
        match self.policy.decide(access, self.now()) {
            Ok(_) => true,
            Err(denial) => {
                if self.denials.len() < MAX_DENIALS && !self.denials.contains(&denial) {
                    self.denials.push(*denial);
                }
                false
            }
        }
    }

    /// Whether something may be done that a guest cannot know to be missing: nothing is
    /// told.
    pub(crate) fn quietly_may(&self, access: &Access) -> bool {
        self.effective(access).is_some()
    }

    /// The setting of this name, where it is granted.
    pub(crate) fn setting(&mut self, key: &str) -> Option<String> {
        // What is no name of a setting is granted to nobody.
        let access = Access::config(key).ok()?;
        if !self.may(&access) {
            return None;
        }
        let (_, value) = self.effective(&access)?.setting()?;
        Some(value.to_owned())
    }

    /// All settings that are granted.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let settings = self.granted(Grant::setting, |(key, _)| Access::config(key).ok());
        let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
        // Two may grant the same one.
        settings.collect::<BTreeMap<_, _>>().into_iter().collect()
    }

    /// The variables of the environment that are granted, and are set.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let variables = self.granted(Grant::variable, |(name, _)| Access::environment(name).ok());
        let set = variables.filter_map(|(name, value)| {
            let value = value.or_else(|| self.variables.get(name))?;
            Some((name.to_owned(), value.to_owned()))
        });
        set.collect::<BTreeMap<_, _>>().into_iter().collect()
    }

    /// The folders that are granted, each path of the guest once: that which may be
    /// written, where one may.
    pub(crate) fn folders(&self) -> Vec<Folder> {
        if self.grants_nothing {
            return Vec::new();
        }
        let now = self.now();
        let granted = self.policy.granted().iter();
        let lasting = granted.filter(|grant| !grant.has_expired(now));
        let mut folders = BTreeMap::new();
        for folder in lasting.filter_map(Folder::of) {
            let before: Option<&Folder> = folders.get(folder.guest());
            if before.is_none_or(|before| before.mode() < folder.mode()) {
                folders.insert(folder.guest().to_owned(), folder);
            }
        }
        folders.into_values().collect()
    }

    /// Whether a folder may be used so at this moment, by its own grant; `path` is what
    /// the guest asks for, by its own name.
    pub(crate) fn may_use(&mut self, folder: &Folder, mode: Mode, path: &str) -> bool {
        let lasts = !self.grants_nothing && !folder.grant().has_expired(self.now());
        if lasts && mode <= folder.mode() {
            return true;
        }
        self.refuse(path, mode);
        false
    }

    /// Writes down that something in a folder was asked for which no grant of the guest's
    /// holds.
    pub(crate) fn refuse(&mut self, path: &str, mode: Mode) {
        // A path that nobody can be granted is nothing to tell of.
        if let Ok(access) = Access::folder(path, mode) {
            self.may(&access);
        }
    }

    fn granted<'a, T: Copy + 'a>(
        &'a self,
        read: impl Fn(&'a Grant) -> Option<T> + 'a,
        access: impl Fn(T) -> Option<Access> + 'a,
    ) -> impl Iterator<Item = T> + 'a {
        let all = self.policy.granted().iter().filter_map(read);
        all.filter(move |one| access(*one).is_some_and(|access| self.quietly_may(&access)))
    }

    fn effective(&self, access: &Access) -> Option<&Grant> {
        // Most calls have been granted nothing, and the clock is asked often.
        if self.grants_nothing || self.policy.granted().is_empty() {
            return None;
        }
        self.policy.decide(access, self.now()).ok()
    }

    fn now(&self) -> SystemTime {
        self.clock.steady()
    }
}
