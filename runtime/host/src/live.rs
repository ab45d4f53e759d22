//! Components that are loaded, and what they may do from moment to moment.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use patinox_policy::{Code, Failure as _, Grant, Policy, PolicyError};
use patinox_sandbox::Sandbox;

use crate::audit::{self, AuditEvent, Change};
use crate::grants::Given;
use crate::host::Parts;
use crate::load;
use crate::own_files::Stamp;
use crate::{Host, LoadRequest, Loaded, PatinoxError, is_enforced};

/// How often it is looked whether something was granted or revoked: what is revoked must
/// have ended within a tenth of a second.
const EVERY: Duration = Duration::from_millis(40);

/// What people have granted to components by the store, and those that are loaded.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// Never held while something waits for a disk.
    state: Mutex<State>,
    /// Held by whoever reads what was granted.
    reading: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    given: Vec<Given>,
    /// What the file was when it was read; `None` before.
    read: Option<Option<Stamp>>,
    loaded: Vec<Weak<Effective>>,
    /// Has the thread that looks end when this is dropped.
    watching: Option<Sender<()>>,
    /// Whether a thread looks at folders that are new, and whether there are more.
    widening: Widening,
    /// There was no thread for that.
    is_behind: bool,
    /// What was read is no list of grants.
    is_wrong: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Widening {
    #[default]
    Idle,
    Runs,
    RunsAgain,
}

/// What one component may do that is loaded.
#[derive(Debug)]
pub(crate) struct Effective {
    sandbox: Sandbox,
    digest: Arc<str>,
    /// By whoever loaded it, and what he gave and took afterwards.
    own: Mutex<Policy>,
    /// That loaded it.
    host: Weak<Parts>,
}

impl Effective {
    pub(crate) fn new(
        parts: &Arc<Parts>,
        (sandbox, digest): (Sandbox, Arc<str>),
        own: Policy,
    ) -> Arc<Self> {
        Arc::new(Self {
            sandbox,
            digest,
            own: Mutex::new(own),
            host: Arc::downgrade(parts),
        })
    }

    pub(crate) fn digest(&self) -> Arc<str> {
        Arc::clone(&self.digest)
    }

    /// The host that loaded it, if that is still there.
    pub(crate) fn host(&self) -> Option<Arc<Parts>> {
        self.host.upgrade()
    }

    pub(crate) const fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Whether it has the same already, by whomever and until when that may be.
    fn has(&self, grant: &Grant) -> bool {
        let policy = self.sandbox.policy();
        policy.granted().iter().any(|one| one.is_same(grant))
    }

    fn is_of(&self, parts: &Arc<Parts>) -> bool {
        std::ptr::eq(self.host.as_ptr(), Arc::as_ptr(parts))
    }
}

impl Live {
    /// What was granted to this component, as far as it can be read.
    pub(crate) fn given_to(&self, digest: &str) -> Vec<Grant> {
        self.state().given_to(digest)
    }

    /// Reads what was granted, if it is not what was read before, and has everything that
    /// is loaded go by it. It waits for the disk on which that is kept, and for no other.
    ///
    /// What cannot be read grants nothing. What is wrong is read `again` only for who would
    /// be told so.
    pub(crate) fn look(&self, parts: &Arc<Parts>, again: bool) -> Result<(), PatinoxError> {
        let Some(store) = &parts.config.grants else {
            return Ok(());
        };
        let _reading = locked(&self.reading);
        let stamp = store.stamp();
        let state = self.state();
        if state.read.as_ref() == Some(&stamp) && !(again && state.is_wrong) {
            return Ok(());
        }
        drop(state);
        let read = store.read(parts.config.clock.steady());
        let (given, read, error) = match read {
            Ok((given, read)) => (given, Some(read), None),
            // What the system refused it may give the next time.
            Err(error) => match error.code() {
                Code::InvalidConfig => (Vec::new(), Some(stamp), Some(error)),
                _ => (Vec::new(), None, Some(error)),
            },
        };
        let mut state = self.state();
        (state.read, state.is_wrong) = (read, error.is_some());
        if state.given != given || mem::take(&mut state.is_behind) {
            state.given = given;
            state.loaded.retain(|one| one.strong_count() != 0);
            for effective in state.loaded() {
                state.apply(parts, &effective);
            }
        }
        error.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Whether something was wrong, which is told once.
    fn look_and_tell(&self, parts: &Arc<Parts>, was_told: bool) -> bool {
        let looked = self.look(parts, false);
        if let Err(error) = &looked
            && !was_told
        {
            tracing::warn!(code = error.code().as_str(), "grants are lost: {error}");
        }
        looked.is_err()
    }

    /// Has a component go by what is granted from now on.
    pub(crate) fn keep(&self, parts: &Arc<Parts>, effective: &Arc<Effective>) {
        let mut state = self.state();
        if state.loaded.len() == state.loaded.capacity() {
            state.loaded.retain(|one| one.strong_count() != 0);
        }
        state.loaded.push(Arc::downgrade(effective));
        state.apply(parts, effective);
    }

    /// Changes what whoever loaded a component gave it.
    fn change<R>(
        &self,
        parts: &Arc<Parts>,
        effective: &Effective,
        change: impl FnOnce(&mut Policy) -> R,
    ) -> R {
        let mut state = self.state();
        let answer = change(&mut locked(&effective.own));
        state.apply(parts, effective);
        answer
    }

    /// Grants a component something for as long as it is loaded.
    pub(crate) fn allow(
        &self,
        parts: &Arc<Parts>,
        effective: &Effective,
        grant: Grant,
    ) -> Result<(), PatinoxError> {
        Ok(self.change(parts, effective, |own| own.allow(grant))?)
    }

    /// Has a component go at once by what was just granted for good.
    pub(crate) fn take_over(
        &self,
        parts: &Arc<Parts>,
        effective: &Effective,
        grant: Grant,
    ) -> Result<(), PatinoxError> {
        self.look(parts, false)?;
        self.widen_by(parts, effective, grant);
        Ok(())
    }

    /// Looks again and again, until the host is gone.
    pub(crate) fn watch(&self, parts: &Arc<Parts>) -> std::io::Result<()> {
        let mut state = self.state();
        if parts.config.grants.is_none() || state.watching.is_some() {
            return Ok(());
        }
        let (watching, gone) = channel::<()>();
        let host = Arc::downgrade(parts);
        let look = move || {
            let mut was_told = false;
            while gone.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                let Some(parts) = host.upgrade() else { return };
                // Whoever takes what is logged may panic.
                let look = AssertUnwindSafe(|| parts.live.look_and_tell(&parts, was_told));
                was_told = catch_unwind(look).unwrap_or(true);
            }
        };
        let thread = std::thread::Builder::new().name("patinox-grants".to_owned());
        thread.spawn(look)?;
        state.watching = Some(watching);
        Ok(())
    }

    /// Grants what is new and can be, until there is nothing more.
    fn widen(&self, parts: &Parts) {
        loop {
            // Neither is looked through under the lock.
            let loaded = self.state().loaded();
            for effective in loaded {
                let new = self.state().new_of(&effective);
                for grant in new {
                    self.widen_by(parts, &effective, grant);
                }
            }
            let mut state = self.state();
            state.widening = match state.widening {
                Widening::RunsAgain => Widening::Runs,
                Widening::Runs | Widening::Idle => Widening::Idle,
            };
            if state.widening == Widening::Idle {
                return;
            }
        }
    }

    fn widen_by(&self, parts: &Parts, effective: &Effective, grant: Grant) {
        let named = grant.named();
        let checked = alone(&effective.sandbox.policy(), &grant);
        let checked = checked.and_then(|alone| parts.check_folders(&alone));
        let added = checked.and_then(|()| {
            let state = self.state();
            // It may have been taken back meanwhile.
            let is_given = state.given_to(&effective.digest).contains(&grant);
            if is_given && !effective.has(&grant) {
                let mut policy = Policy::clone(&effective.sandbox.policy());
                policy.allow(grant)?;
                effective.sandbox.set_policy(policy);
            }
            Ok(())
        });
        if let Err(error) = added {
            tracing::warn!("`{named}` is not granted: {error}");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl State {
    fn given_to(&self, digest: &str) -> Vec<Grant> {
        let given = self.given.iter().filter(|one| one.component == digest);
        given.map(|one| one.grant.clone()).collect()
    }

    fn loaded(&self) -> Vec<Arc<Effective>> {
        self.loaded.iter().filter_map(Weak::upgrade).collect()
    }

    /// What was given to it and it does not have.
    fn new_of(&self, effective: &Effective) -> Vec<Grant> {
        let given = self.given_to(&effective.digest).into_iter();
        given.filter(|grant| !effective.has(grant)).collect()
    }

    /// Has a component go by what is granted. What is granted no more ends here; what is
    /// new has to be looked at, which may wait for any disk, and so another thread does
    /// that.
    fn apply(&mut self, parts: &Arc<Parts>, effective: &Effective) {
        let given = self.given_to(&effective.digest).into_iter();
        let (kept, new): (Vec<_>, Vec<_>) = given.partition(|grant| effective.has(grant));
        let mut policy = locked(&effective.own).clone();
        for grant in kept {
            // What whoever loaded it has given since may have the same name.
            let _ = policy.allow(grant);
        }
        effective.sandbox.set_policy(policy);
        if new.is_empty() {
            return;
        }
        if self.widening != Widening::Idle {
            self.widening = Widening::RunsAgain;
            return;
        }
        let host = Arc::downgrade(parts);
        let widen = move || {
            let Some(parts) = host.upgrade() else { return };
            let widen = AssertUnwindSafe(|| parts.live.widen(&parts));
            if catch_unwind(widen).is_err() {
                parts.live.state().widening = Widening::Idle;
            }
        };
        let thread = std::thread::Builder::new().name("patinox-grants".to_owned());
        match thread.spawn(widen) {
            Ok(_) => self.widening = Widening::Runs,
            // At the next look.
            Err(_) => (self.read, self.is_behind) = (None, true),
        }
    }
}

impl Host {
    /// Grants a component that this host has loaded something more, in the place of the
    /// same until another moment: from the next thing on that a guest asks for, in calls that run as well; a folder from the next call on. What
    /// its tools are said to do, their [annotations](patinox_tools::ToolAnnotations), is
    /// what it was when the component was loaded.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load) has them of a grant: if it gives a name that another one
    /// gives to something else, if its folder is not there or not to be granted, or the
    /// host does not hold components to it yet; of tools of the embedder's own, and of a
    /// component that another host loaded.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is done, nothing is granted.
    pub async fn grant(&self, component: &Loaded, grant: Grant) -> Result<(), PatinoxError> {
        let effective = component
            .effective()
            .ok_or_else(|| PatinoxError::not_enforced(&grant))?;
        let parts = self.parts();
        if !effective.is_of(parts) {
            return Err(PatinoxError::OtherHost);
        }
        let alone = alone(&effective.sandbox().policy(), &grant)?;
        load::checked(parts, alone).await?;
        if let Some(log) = parts.config.audit.clone() {
            let event = AuditEvent::of_program(Change::Granted, &effective.digest, &grant);
            audit::append(&log, parts.config.clock, event).await?;
        }
        let now = parts.config.clock.steady();
        let added = |own: &mut Policy| {
            let mut new = own.clone();
            let mut all = Policy::clone(&effective.sandbox.policy());
            for policy in [&mut new, &mut all] {
                // What it was given until another moment, and what nobody has any more.
                policy.revoke(&grant);
                policy.forget_expired(now);
                policy.allow(grant.clone())?;
            }
            *own = new;
            Ok::<(), PolicyError>(())
        };
        Ok(parts.live.change(parts, effective, added)?)
    }

    /// Looks whether a component could be loaded with these grants and denials, whatever
    /// it is. Nothing of it is read.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load) has them of grants.
    pub async fn check(&self, mut request: LoadRequest) -> Result<(), PatinoxError> {
        let policy = request.policy()?;
        load::checked(self.parts(), policy).await.map(drop)
    }

    /// Takes back what a component was granted when it was loaded or by
    /// [`grant`](Self::grant), whoever gave it: how many grants that were. Calls that run
    /// are held to it as well: what they have open by it is closed, and what waits for a
    /// disk at that moment is done to its end.
    ///
    /// Where the host has an [audit log](crate::Config::audit), it waits for the disk on
    /// which that lies; what cannot be written there is taken back all the same.
    ///
    /// What [`Config::grants`](crate::Config::grants) gives is taken back there. Of a
    /// component that another host loaded nothing is.
    pub fn revoke(&self, component: &Loaded, grant: &Grant) -> usize {
        let parts = self.parts();
        let effective = component.effective();
        let Some(effective) = effective.filter(|effective| effective.is_of(parts)) else {
            return 0;
        };
        let revoked = |own: &mut Policy| own.revoke(grant);
        let revoked = parts.live.change(parts, effective, revoked);
        if let Some(log) = parts.config.audit.as_ref().filter(|_| revoked != 0) {
            let event = AuditEvent::of_program(Change::Revoked, &effective.digest, grant);
            audit::tell(log.append(parts.config.clock.wall(), &event));
        }
        revoked
    }
}

/// A policy that grants this and nothing else, and denies the same: to look at it alone.
pub(crate) fn alone(policy: &Policy, grant: &Grant) -> Result<Policy, PatinoxError> {
    if !is_enforced(grant.capability()) {
        return Err(PatinoxError::not_enforced(grant));
    }
    let mut alone = Policy::default();
    for denied in policy.denied() {
        alone.deny(denied.clone())?;
    }
    alone.allow(grant.clone())?;
    Ok(alone)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
