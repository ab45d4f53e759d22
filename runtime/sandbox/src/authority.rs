//! What one call may do, asked at each operation.

mod folder;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use patinox_policy::{Access, Denial, Grant, Mode, Policy, Why, escape_line};
use patinox_resources::{Registry, Shared};

pub(crate) use self::folder::Folder;

use crate::approval::{Approval, Approving};
use crate::engine::Engine;
use crate::error::Error;
use crate::sandbox::Run;
use crate::scratch::Scratch;
use crate::storage::KeyValue;

/// The most denials of a call, and the most uses, that are kept; of more the first ones.
const MAX_KEPT: usize = 64;

/// How often somebody is asked in one call: a guest must not wear anybody out.
const MAX_ASKED: usize = 16;

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

/// Something that was denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) denial: Denial,
    /// The path from the root, of what interpreters look for without needing it: then it
    /// is the reason of a failure only where that names it.
    pub(crate) path: Option<String>,
}

impl Denied {
    /// Whether a call that fails so most likely fails for this.
    pub(crate) fn explains(&self, failure: &Error) -> bool {
        match (&self.path, failure) {
            (None, _) => true,
            (Some(path), Error::ToolError { text }) => text.contains(&*escape_line(path)),
            (Some(_), _) => false,
        }
    }
}

/// What was granted while a call waited.
#[derive(Debug)]
pub(crate) struct Approved {
    grant: Grant,
    /// To this call alone.
    is_once: bool,
}

/// What one call may do by the policy of each moment, and what it was denied.
#[derive(Debug)]
pub(crate) struct Authority {
    policy: Shared<Policy>,
    engine: Engine,
    /// Whether nothing that was granted may be used: a component that is asked for its
    /// tools.
    grants_nothing: bool,
    denials: Vec<Denied>,
    /// What was used, where somebody wants to know.
    uses: Option<Vec<Access>>,
    /// Who is asked about what is not granted.
    approving: Option<Approving>,
    /// What somebody was asked about.
    asked: Vec<Access>,
    /// What was granted to this call alone.
    once: Policy,
}

impl Authority {
    pub(crate) fn new(policy: Shared<Policy>, engine: Engine, run: &Run) -> Self {
        Self {
            policy,
            engine,
            grants_nothing: false,
            denials: Vec::new(),
            uses: run.observe.then(Vec::new),
            approving: run.approving.clone(),
            asked: Vec::new(),
            once: Policy::default(),
        }
    }

    /// Takes back what was granted.
    pub(crate) const fn grant_nothing(&mut self) {
        self.grants_nothing = true;
    }

    pub(crate) const fn grants_nothing(&self) -> bool {
        self.grants_nothing
    }

    /// Where folders of calls are made, and written down.
    pub(crate) fn scratch(&self) -> (Arc<Scratch>, Registry) {
        let engine = &self.engine;
        (Arc::clone(engine.scratch()), engine.registry().clone())
    }

    /// Where it keeps what is granted to it.
    pub(crate) fn storage(&self) -> Option<Arc<dyn KeyValue>> {
        self.engine.key_value().map(Arc::clone)
    }

    /// What it was denied, in that order.
    pub(crate) fn take_denials(&mut self) -> Vec<Denied> {
        std::mem::take(&mut self.denials)
    }

    /// What it used, each once.
    pub(crate) fn take_uses(&mut self) -> Vec<Access> {
        self.uses.take().unwrap_or_default()
    }

    fn used(&mut self, access: &Access) {
        let Some(uses) = &mut self.uses else {
            return;
        };
        if uses.len() < MAX_KEPT && !uses.contains(access) {
            uses.push(access.clone());
        }
    }

    /// Whether something may be done at this moment. What may not is told with the call.
    pub(crate) fn may(&mut self, access: &Access) -> bool {
        if self.grants_nothing {
            return false;
        }
        match self.decide(access) {
            Ok(()) => {
                self.used(access);
                true
            }
            Err(denial) => {
                self.keep(Denied {
                    denial: *denial,
                    path: None,
                });
                false
            }
        }
    }

    fn decide(&self, access: &Access) -> Result<(), Box<Denial>> {
        let now = self.now();
        let decided = |policy: &Policy| policy.decide(access, now).map(drop);
        self.policy.with(decided).or_else(|denial| {
            let is_denied = matches!(denial.why(), Why::Denied(_));
            match !is_denied && self.once.decide(access, now).is_ok() {
                true => Ok(()),
                false => Err(denial),
            }
        })
    }

    /// Asks somebody about what is not granted, if there is somebody: once for each thing,
    /// and for [`MAX_ASKED`] of them.
    ///
    /// What comes of it and is a folder has yet to be opened.
    pub(crate) async fn ask(&mut self, access: &Access) -> Option<Approved> {
        let approving = self.approving.as_ref().filter(|_| !self.grants_nothing)?;
        let denial = self.decide(access).err()?;
        // Whoever has denied it is not asked by a guest.
        let is_denied = matches!(denial.why(), Why::Denied(_));
        if is_denied || MAX_ASKED <= self.asked.len() || self.asked.contains(access) {
            return None;
        }
        self.asked.push(access.clone());
        match approving.ask(*denial).await {
            Approval::Refused => None,
            Approval::Granted(grant) => Some(Approved {
                grant,
                is_once: false,
            }),
            Approval::Once(grant) => {
                // One that contradicts what was granted before is no answer.
                self.once.allow(grant.clone()).ok()?;
                Some(Approved {
                    grant,
                    is_once: true,
                })
            }
        }
    }

    /// Whether somebody is asked about what is not granted.
    pub(crate) const fn asks(&self) -> bool {
        self.approving.is_some()
    }

    /// A folder that was granted while the call runs, if it is one.
    pub(crate) fn folder_of(&self, approved: &Approved) -> Option<Folder> {
        let folder = Folder::of(&approved.grant, &self.policy)?;
        Some(match approved.is_once {
            true => folder.once(),
            false => folder,
        })
    }

    fn keep(&mut self, denied: Denied) {
        if self.denials.len() < MAX_KEPT && !self.denials.contains(&denied) {
            self.denials.push(denied);
        }
    }

    /// Whether something may be done that a guest cannot know to be missing: nothing is
    /// told.
    pub(crate) fn quietly_may(&mut self, access: &Access) -> bool {
        let may = self.effective(access, |_| ()).is_some();
        if may {
            self.used(access);
        }
        may
    }

    /// The setting of this name, where it is granted.
    pub(crate) fn setting(&mut self, key: &str) -> Option<String> {
        // What is no name of a setting is granted to nobody.
        let access = Access::config(key).ok()?;
        if !self.may(&access) {
            return None;
        }
        let value = |grant: &Grant| Some(grant.setting()?.1.to_owned());
        self.effective(&access, value).flatten()
    }

    /// All settings that are granted.
    pub(crate) fn settings(&mut self) -> Vec<(String, String)> {
        let policy = self.policy.load();
        let granted = policy.granted().iter().filter_map(Grant::setting);
        let granted = granted.map(|(key, value)| (key.to_owned(), value.to_owned()));
        // Two may grant the same one.
        let granted: BTreeMap<_, _> = granted.collect();
        self.effective_of(granted, |key| Access::config(key).ok())
    }

    /// The variables of the environment that are granted, and are set.
    pub(crate) fn variables(&mut self) -> Vec<(String, String)> {
        let policy = self.policy.load();
        let granted = policy.granted().iter().filter_map(Grant::variable);
        let set = granted.filter_map(|(name, value)| {
            let value = value.or_else(|| self.engine.variables().get(name))?;
            Some((name.to_owned(), value.to_owned()))
        });
        let set: BTreeMap<_, _> = set.collect();
        self.effective_of(set, |name| Access::environment(name).ok())
    }

    fn effective_of(
        &mut self,
        granted: BTreeMap<String, String>,
        access: impl Fn(&str) -> Option<Access>,
    ) -> Vec<(String, String)> {
        let granted = granted.into_iter();
        let effective = granted
            .filter(|(name, _)| access(name).is_some_and(|access| self.quietly_may(&access)));
        effective.collect()
    }

    /// The folders that are granted, each path of the guest once.
    pub(crate) fn folders(&self) -> Vec<Folder> {
        if self.grants_nothing {
            return Vec::new();
        }
        let now = self.now();
        let policy = self.policy.load();
        let granted = policy.granted().iter();
        let of = |grant| Folder::of(grant, &self.policy);
        let mut folders: BTreeMap<_, Folder> = BTreeMap::new();
        let lasting = |folder: &Folder| folder.allows(Mode::Read, now);
        for folder in granted.filter_map(of).filter(lasting) {
            let guest = folder.guest().to_owned();
            let folder = match folders.remove(&guest) {
                Some(before) => before.and(folder),
                None => folder,
            };
            folders.insert(guest, folder);
        }
        folders.into_values().collect()
    }

    /// What the policy is, to know when it changes.
    pub(crate) const fn policy(&self) -> &Shared<Policy> {
        &self.policy
    }

    /// Whether a folder may be used so at this moment, by its own grants; `path` is what
    /// the guest asks for, by its own name.
    pub(crate) fn may_use(&mut self, folder: &Folder, mode: Mode, path: &str) -> bool {
        let now = self.now();
        if !self.grants_nothing && folder.allows(mode, now) {
            return true;
        }
        if !self.grants_nothing
            && let Some(access) = access(folder, path, mode)
            && let Err(denial) = self.decide(&access)
        {
            self.keep(Denied {
                denial: *denial,
                path: None,
            });
        }
        false
    }

    /// Writes down that something in a folder was read or written, by that of the folders
    /// in which it lies.
    pub(crate) fn has_used(&mut self, folder: &Folder, path: &str, mode: Mode) {
        if self.uses.is_some()
            && let Some(access) = access(folder, folder.of_path(path), mode)
        {
            self.used(&access);
        }
    }

    /// Writes down that something was asked for by its path from the root, where nothing
    /// lies; it lies in that folder, if in any.
    pub(crate) fn refuse(&mut self, path: &str, folder: &str, mode: Mode) {
        // A path that nobody can be granted is nothing to tell of.
        let Ok(access) = Access::folder(folder, mode) else {
            return;
        };
        if let Err(denial) = self.decide(&access) {
            self.keep(Denied {
                denial: *denial,
                path: Some(path.to_owned()),
            });
        }
    }

    /// What grants something at this moment, looked at.
    fn effective<T>(&self, access: &Access, look: impl FnOnce(&Grant) -> T) -> Option<T> {
        if self.grants_nothing {
            return None;
        }
        self.policy.with(|policy| {
            // Most calls have been granted nothing, and the clock is asked often.
            if policy.granted().is_empty() {
                return None;
            }
            policy.decide(access, self.now()).ok().map(look)
        })
    }

    fn now(&self) -> SystemTime {
        self.engine.clock().steady()
    }
}

/// What is asked of a folder; by the folder itself where nobody can be granted the path.
fn access(folder: &Folder, path: &str, mode: Mode) -> Option<Access> {
    let access = Access::folder(path, mode);
    access
        .or_else(|_| Access::folder(folder.guest(), mode))
        .ok()
}
