//! What people grant while hosts run, and take back: kept in a file, by the digest of the
//! component.

use std::io;
use std::path::{Path, PathBuf};
use std::slice;
use std::time::{Duration, SystemTime};

use patinox_policy::{
    Code, Failure, Grant, GrantError, Origin, Policy, PolicyError, RecoveryStrategy, debug_failure,
};
use patinox_telemetry::Clock;
use serde::{Deserialize, Serialize};

use crate::audit::{AuditError, AuditEvent, AuditLog, Change};
use crate::own_files::{List, ListError, Stamp};

/// The most that one component is given so.
const MAX_OF_ONE: usize = 200;

/// What people have granted to components, each by its digest, until it ends or is
/// revoked: kept in a folder which is ours alone. Every host that is given the same
/// folder goes by it, whatever process it runs in, within a twentieth of a second.
#[derive(Clone, Debug)]
pub struct GrantStore {
    list: List,
    audit: Option<AuditLog>,
}

/// Something that a person has granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// SHA-256 of the component's bytes: `sha256:` and 64 digits.
    pub component: String,
    /// What the person called it.
    pub name: String,
    /// What it may do, by whom, and until when.
    pub grant: Grant,
}

/// The same, in the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    component: String,
    name: String,
    grant: String,
    by: By,
    /// It was asked for and refused, and nobody is to be asked again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    never: bool,
    /// In milliseconds of the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_ms: Option<u64>,
}

/// Who gave it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum By {
    Command,
    Prompt,
    Elicitation,
    Api,
}

impl GrantStore {
    /// What is kept in this folder. Nothing is read before it is asked for; the folder is
    /// made when something is granted.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            list: List::new(folder, "grants.json"),
            audit: None,
        }
    }

    /// The same, where each change is written down: before something is granted, and once
    /// something is revoked.
    #[must_use]
    pub fn audited(mut self, log: AuditLog) -> Self {
        self.audit = Some(log);
        self
    }

    /// All that is granted at that moment. It waits for the disk, as everything here.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is wrong somewhere, or the folder is not ours alone.
    pub fn all(&self, now: SystemTime) -> Result<Vec<Given>, GrantsError> {
        Ok(self.read(now)?.0)
    }

    /// The same, and what the file was that it was read from.
    pub(crate) fn read(&self, now: SystemTime) -> Result<(Vec<Given>, Option<Stamp>), GrantsError> {
        let (entries, stamp) = self.list.stamped::<Entry>()?;
        let given = entries.into_iter().filter(|entry| !entry.never);
        let given = given.map(Given::try_from);
        let given = given.collect::<Result<Vec<_>, _>>()?.into_iter();
        let lasting = given.filter(|one| !one.grant.has_expired(now));
        Ok((lasting.collect(), stamp))
    }

    /// Grants a component something, from now on and until the grants end: all of it or
    /// nothing. What was granted as well, until another moment, is that no more; what has
    /// ended by then is forgotten.
    ///
    /// # Errors
    ///
    /// If a folder has no absolute path, the component has too many, one contradicts
    /// another one that it has, or the disk refuses something.
    pub fn add(&self, given: &[Given], now: SystemTime) -> Result<(), GrantsError> {
        self.put(given, false, now)
    }

    fn put(&self, given: &[Given], never: bool, now: SystemTime) -> Result<(), GrantsError> {
        let relative = |one: &&Given| {
            let host = one.grant.folder().and_then(|(host, ..)| host);
            host.is_some_and(Path::is_relative)
        };
        if let Some(one) = given.iter().find(relative) {
            return Err(GrantsError::Relative(one.grant.named()));
        }
        let new = given.iter().map(|one| Entry {
            never,
            ..Entry::from(one)
        });
        let new: Vec<_> = new.collect();
        self.list.change(|entries: &mut Vec<Entry>| {
            let mut all = entries.clone();
            all.retain(|one| !one.has_expired(now) && !new.iter().any(|new| one.is_same(new)));
            all.extend(new.iter().cloned());
            for new in &new {
                check(&all, &new.component)?;
            }
            let change = match never {
                true => Change::Never,
                false => Change::Granted,
            };
            for one in given {
                self.tell(change, one, now)?;
            }
            *entries = all;
            Ok(())
        })?
    }

    fn tell(&self, change: Change, given: &Given, now: SystemTime) -> Result<(), GrantsError> {
        match &self.audit {
            Some(log) => Ok(log.append(now, &AuditEvent::of_grant(change, given, None))?),
            None => Ok(()),
        }
    }

    /// What somebody has refused for good when he was asked: it grants nothing, and nobody
    /// is asked about it again.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn refused(&self, now: SystemTime) -> Result<Vec<Given>, GrantsError> {
        let (entries, _) = self.list.stamped::<Entry>()?;
        let refused = entries.into_iter().filter(|entry| entry.never);
        let refused = refused.filter(|entry| !entry.has_expired(now));
        refused.map(Given::try_from).collect()
    }

    /// Keeps that nobody is to be asked about this again; where it was granted, it is that
    /// no more.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn refuse(&self, refused: &Given, now: SystemTime) -> Result<(), GrantsError> {
        self.put(slice::from_ref(refused), true, now)
    }

    /// Takes back what was granted to a component, or refused for good: this, or all of
    /// it. What that was, expired or not.
    ///
    /// # Errors
    ///
    /// If the disk refuses something, or what is kept is wrong somewhere.
    pub fn revoke(
        &self,
        component: &str,
        grant: Option<&Grant>,
    ) -> Result<Vec<Given>, GrantsError> {
        let taken = self.list.take(|entry: &Entry| {
            let is_meant = grant.is_none_or(|grant| entry.grants(grant));
            entry.component == component && is_meant
        })?;
        let taken: Vec<_> = taken
            .into_iter()
            .map(Given::try_from)
            .collect::<Result<_, _>>()?;
        for one in &taken {
            // It is taken back, whoever is told.
            if let Err(error) = self.tell(Change::Revoked, one, Clock::system().wall()) {
                tracing::error!("something is missing in the audit log: {error}");
            }
        }
        Ok(taken)
    }

    pub(crate) fn stamp(&self) -> Option<Stamp> {
        self.list.stamp()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.list.folder()
    }
}

/// Looks whether all that a component is given can stand side by side.
fn check(all: &[Entry], component: &str) -> Result<(), GrantsError> {
    let of_one = all.iter().filter(|one| one.component == component);
    if MAX_OF_ONE < of_one.clone().count() {
        return Err(GrantsError::TooMany);
    }
    let mut policy = Policy::default();
    for one in of_one.filter(|one| !one.never) {
        policy.allow(one.grant.parse()?)?;
    }
    Ok(())
}

impl Entry {
    fn has_expired(&self, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_millis());
        self.expires_ms
            .is_some_and(|expires| u128::from(expires) <= now)
    }

    /// However it is written.
    fn grants(&self, grant: &Grant) -> bool {
        let own = self.grant.parse::<Grant>();
        own.is_ok_and(|own| own.is_same(grant))
    }

    fn is_same(&self, other: &Self) -> bool {
        let grant = other.grant.parse();
        self.component == other.component && grant.is_ok_and(|grant| self.grants(&grant))
    }
}

impl From<&Given> for Entry {
    fn from(given: &Given) -> Self {
        let until = |end: SystemTime| {
            let since = end
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        };
        Self {
            component: given.component.clone(),
            name: given.name.clone(),
            grant: given.grant.to_string(),
            by: match given.grant.origin() {
                Origin::Prompt => By::Prompt,
                Origin::Elicitation => By::Elicitation,
                Origin::Api => By::Api,
                _ => By::Command,
            },
            never: false,
            expires_ms: given.grant.expires().map(until),
        }
    }
}

impl TryFrom<Entry> for Given {
    type Error = GrantsError;

    fn try_from(entry: Entry) -> Result<Self, GrantsError> {
        let grant: Grant = entry.grant.parse()?;
        let grant = grant.given_by(match entry.by {
            By::Command => Origin::GrantCommand,
            By::Prompt => Origin::Prompt,
            By::Elicitation => Origin::Elicitation,
            By::Api => Origin::Api,
        });
        let end = |ms| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(ms));
        Ok(Self {
            component: entry.component,
            name: entry.name,
            // What lasts longer than a clock can tell does not end.
            grant: match entry.expires_ms.and_then(end) {
                Some(end) => grant.until(end),
                None => grant,
            },
        })
    }
}

/// Why it is not known what was granted, or not kept. It names no path.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum GrantsError {
    /// The list of it is not to be had.
    #[error("what was granted cannot be read or kept")]
    List(#[from] ListError),
    /// One that is kept is none.
    #[error("something that was granted is no grant")]
    Grant(#[from] GrantError),
    /// It cannot be written down that something is granted.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Two of them cannot stand side by side.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A folder whose path depends on where somebody is.
    #[error("`{0}` names a folder by a relative path")]
    Relative(String),
    /// More than can be looked at each time that something is decided.
    #[error("a component is given at most {MAX_OF_ONE} grants so")]
    TooMany,
}

impl Failure for GrantsError {
    fn code(&self) -> Code {
        match self {
            Self::List(error) => error.code(),
            Self::Grant(_) => Code::InvalidConfig,
            Self::Policy(error) => error.code(),
            Self::Audit(error) => error.code(),
            Self::Relative(_) | Self::TooMany => Code::Usage,
        }
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::List(ListError::Io(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
                "the folder `grants` of the state folder has to be yours alone, with mode `0700`"
                    .to_owned()
            }
            Self::List(ListError::Wrong(_)) | Self::Grant(_) => {
                "`patinox grant` writes it: remove `grants.json` of the folder `grants` in the \
                 state folder, and grant again what you want to"
                    .to_owned()
            }
            Self::List(ListError::TooMany) | Self::TooMany => {
                "take some back: `patinox grant ls`, `patinox grant revoke`".to_owned()
            }
            Self::Policy(error) => return error.hint(),
            Self::Audit(error) => return error.hint(),
            Self::List(ListError::Io(_)) | Self::Relative(_) => return None,
        })
    }
}

impl std::fmt::Debug for GrantsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_failure(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn given(component: &str, grant: &str, seconds: Option<u64>) -> Given {
        let grant: Grant = grant.parse().unwrap();
        let grant = grant.given_by(Origin::GrantCommand);
        Given {
            component: component.to_owned(),
            name: "a \"name\"\n".to_owned(),
            grant: match seconds {
                Some(seconds) => grant.until(NOW + Duration::from_secs(seconds)),
                None => grant,
            },
        }
    }

    #[test]
    fn what_is_granted_is_kept_until_it_ends_or_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let store = GrantStore::in_folder(folder.path().join("grants"));
        assert_eq!(store.all(NOW).unwrap(), []);
        assert_eq!(store.revoke("a", None).unwrap(), []);
        assert!(!folder.path().join("grants").exists());
        let all = [
            given("a", "config=key=it%27s a %2A", None),
            given("a", "kv=notes:rw", Some(10)),
            given("b", "kv=notes:rw", None),
        ];
        for one in &all {
            store.add(slice::from_ref(one), NOW).unwrap();
        }
        assert_eq!(store.all(NOW).unwrap(), all);
        let later = NOW + Duration::from_secs(10);
        assert_eq!(store.all(later).unwrap(), [all[0].clone(), all[2].clone()]);
        // The same again, for longer: there is one.
        let longer = given("a", "kv=notes:rw", Some(20));
        store.add(slice::from_ref(&longer), NOW).unwrap();
        assert!(store.all(later).unwrap().contains(&longer));
        assert_eq!(store.all(NOW).unwrap().len(), 3);
        let grant = "kv=notes:rw".parse().unwrap();
        assert_eq!(store.revoke("a", Some(&grant)).unwrap(), [longer]);
        assert_eq!(store.revoke("a", Some(&grant)).unwrap(), []);
        assert_eq!(store.revoke("a", None).unwrap(), all[..1]);
        assert_eq!(store.all(NOW).unwrap(), all[2..]);
        let relative = store.add(&[given("a", "fs=./data:ro@/data", None)], NOW);
        assert!(
            matches!(relative, Err(GrantsError::Relative(_))),
            "{relative:?}"
        );
    }

    #[test]
    fn what_is_refused_for_good_grants_nothing_and_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = GrantStore::in_folder(folder.path().join("grants"));
        let notes = given("a", "kv=notes:rw", None);
        store.add(slice::from_ref(&notes), NOW).unwrap();
        store.refuse(&notes, NOW).unwrap();
        assert_eq!(store.all(NOW).unwrap(), []);
        assert_eq!(store.refused(NOW).unwrap(), slice::from_ref(&notes));
        // What is granted is not in the way of what is refused, whatever both say.
        store.refuse(&given("a", "env=A=1", None), NOW).unwrap();
        store.add(&[given("a", "env=A=2", None)], NOW).unwrap();
        // Whoever grants it has changed his mind.
        store.add(slice::from_ref(&notes), NOW).unwrap();
        assert_eq!(store.refused(NOW).unwrap().len(), 1);
        assert_eq!(store.all(NOW).unwrap().len(), 2);
        store.refuse(&notes, NOW).unwrap();
        assert_eq!(store.revoke("a", Some(&notes.grant)).unwrap(), [notes]);
        assert_eq!(store.revoke("a", None).unwrap().len(), 2);
        assert_eq!(store.refused(NOW).unwrap(), []);
        let relative = store.refuse(&given("a", "fs=./data:ro@/data", None), NOW);
        assert!(
            matches!(relative, Err(GrantsError::Relative(_))),
            "{relative:?}"
        );
    }

    #[test]
    fn what_is_wrong_somewhere_grants_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("grants");
        let store = GrantStore::in_folder(&folder);
        store
            .add(&[given("a", "kv=notes:rw", Some(1))], NOW)
            .unwrap();
        let file = folder.join("grants.json");
        let good = std::fs::read_to_string(&file).unwrap();
        for (from, to) in [
            ("\"version\": 1", "\"version\": 2"),
            ("kv=notes:rw", "kv=notes:all"),
            ("kv=notes:rw", "http=*"),
            ("\"by\": \"command\"", "\"by\": \"agent\""),
            ("\"expires_ms\": 1000", "\"expires_ms\": -1"),
            ("\"by\"", "\"all\": true, \"by\""),
            (&good, "*"),
        ] {
            let wrong = good.replace(from, to);
            assert_ne!(wrong, good, "{from}");
            std::fs::write(&file, &wrong).unwrap();
            assert!(store.all(NOW).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_component_is_given_more_than_can_be_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let store = GrantStore::in_folder(folder.path().join("grants"));
        for number in 0..MAX_OF_ONE {
            let grant = format!("env=V{number}");
            store.add(&[given("a", &grant, None)], NOW).unwrap();
        }
        let more = store.add(&[given("a", "env=MORE", None)], NOW);
        assert!(matches!(more, Err(GrantsError::TooMany)), "{more:?}");
        store.add(&[given("b", "env=MORE", None)], NOW).unwrap();
    }

    #[test]
    fn all_of_it_is_granted_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = GrantStore::in_folder(folder.path().join("grants"));
        let both = [given("a", "kv=x:rw", None), given("a", "env=A=1", None)];
        store.add(&both, NOW).unwrap();
        let other = [given("a", "kv=y:rw", None), given("a", "env=A=2", None)];
        let refused = store.add(&other, NOW);
        assert!(
            matches!(refused, Err(GrantsError::Policy(_))),
            "{refused:?}"
        );
        assert_eq!(store.all(NOW).unwrap(), both);
        // To another component, or once the first has ended.
        store.add(&[given("b", "env=A=2", None)], NOW).unwrap();
        store.add(&[given("a", "env=A=1", Some(1))], NOW).unwrap();
        let later = NOW + Duration::from_secs(1);
        store.add(&other, later).unwrap();
        assert_eq!(store.all(later).unwrap().len(), 4);
    }

    #[test]
    fn what_a_person_wrote_otherwise_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let store = GrantStore::in_folder(folder.path().join("grants"));
        store
            .add(&[given("a", "config=k=a%20b", None)], NOW)
            .unwrap();
        let file = folder.path().join("grants/grants.json");
        let kept = std::fs::read_to_string(&file).unwrap();
        assert!(kept.contains("k=a%20b"), "{kept}");
        std::fs::write(&file, kept.replace("a%20b", "%61%20b")).unwrap();
        let grant = "config=k=a b".parse().unwrap();
        assert_eq!(store.revoke("a", Some(&grant)).unwrap().len(), 1);
    }

    #[test]
    fn nothing_is_kept_that_could_not_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = GrantStore::in_folder(folder.path().join("grants"));
        store.add(&[given("a", "kv=x:rw", None)], NOW).unwrap();
        let file = folder.path().join("grants/grants.json");
        let kept = std::fs::read_to_string(&file).unwrap();
        let room = (16 << 20) - kept.len();
        let name = format!("\"name\": \"{}", "x".repeat(room));
        std::fs::write(&file, kept.replace("\"name\": \"", &name)).unwrap();
        let full = store.all(NOW).unwrap();
        let refused = store.add(&[given("b", "kv=x:rw", None)], NOW).unwrap_err();
        assert!(
            matches!(refused, GrantsError::List(ListError::TooMany)),
            "{refused:?}"
        );
        assert_eq!(store.all(NOW).unwrap(), full);
    }
}
