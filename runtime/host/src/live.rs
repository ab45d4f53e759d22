//! Components that are loaded, and what they may do from moment to moment.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use patinox_policy::{Failure as _, Grant, Policy};
use patinox_sandbox::Sandbox;

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
pub(crate) struct Live(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    given: Vec<Given>,
    /// What the file was when it was read; `None` before.
    read: Option<Option<Stamp>>,
    loaded: Vec<Weak<Effective>>,
    /// Has the thread that looks end when this is dropped.
    watching: Option<Sender<()>>,
}

/// What one component may do that is loaded.
#[derive(Debug)]
pub(crate) struct Effective {
    sandbox: Sandbox,
    digest: Arc<str>,
    /// By whoever loaded it, and what he gave and took afterwards.
    own: Mutex<Policy>,
}

impl Effective {
    pub(crate) fn new(sandbox: Sandbox, digest: Arc<str>, own: Policy) -> Arc<Self> {
        let own = Mutex::new(own);
        Arc::new(Self {
            sandbox,
            digest,
            own,
        })
    }

    pub(crate) const fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl Live {
    /// What was granted to this component, as far as it can be read.
    pub(crate) fn given_to(&self, digest: &str) -> Vec<Grant> {
        self.state().given_to(digest)
    }

    /// Reads what was granted, if it is not what was read before, and has everything that
    /// is loaded go by it. It waits for the disk.
    ///
    /// What cannot be read grants nothing.
    pub(crate) fn look(&self, parts: &Parts) -> Result<(), PatinoxError> {
        let Some(store) = &parts.config.grants else {
            return Ok(());
        };
        let mut state = self.state();
        let stamp = store.stamp();
        if state.read == Some(stamp) {
            return Ok(());
        }
        let all = store.all(parts.config.clock.steady());
        state.read = Some(stamp);
        let (given, error) = match all {
            Ok(given) => (given, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        state.given = given;
        state.loaded.retain(|one| one.strong_count() != 0);
        for effective in state.loaded.iter().filter_map(Weak::upgrade) {
            state.apply(parts, &effective);
        }
        drop(state);
        match error {
            None => Ok(()),
            Some(error) => {
                // It is asked for again, so that whoever loads something is told.
                self.state().read = None;
                Err(error.into())
            }
        }
    }

    /// Has a component go by what is granted from now on.
    pub(crate) fn keep(&self, parts: &Parts, effective: &Arc<Effective>) {
        let mut state = self.state();
        state.loaded.push(Arc::downgrade(effective));
        state.apply(parts, effective);
    }

    /// Changes what whoever loaded a component gave it.
    pub(crate) fn change<R>(
        &self,
        parts: &Parts,
        effective: &Effective,
        change: impl FnOnce(&mut Policy) -> R,
    ) -> R {
        let state = self.state();
        let mut own = locked(&effective.own);
        let answer = change(&mut own);
        drop(own);
        state.apply(parts, effective);
        answer
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
                let looked = parts.live.look(&parts);
                if let Err(error) = &looked
                    && !was_told
                {
                    tracing::warn!(code = error.code().as_str(), "grants are lost: {error}");
                }
                was_told = looked.is_err();
            }
        };
        let thread = std::thread::Builder::new().name("patinox-grants".to_owned());
        thread.spawn(look)?;
        state.watching = Some(watching);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.0)
    }
}

impl Host {
    /// Grants a component that is loaded something more: from the next thing on that a
    /// guest asks for, in calls that run as well; a folder from the next call on. What
    /// its tools are said to do, their [annotations](patinox_tools::ToolAnnotations), is
    /// what it was when the component was loaded.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load) has them of a grant: if it gives a name that another one
    /// gives to something else, if its folder is not there or not to be granted, or the
    /// host does not hold components to it yet; and of tools of the embedder's own.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is done, nothing is granted.
    pub async fn grant(&self, component: &Loaded, grant: Grant) -> Result<(), PatinoxError> {
        let effective = component
            .effective()
            .ok_or_else(|| PatinoxError::not_enforced(&grant))?;
        let parts = self.parts();
        let alone = alone(&effective.sandbox().policy(), &grant)?;
        load::checked(parts, alone).await?;
        let added = |own: &mut Policy| own.allow(grant);
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
    /// What [`Config::grants`](crate::Config::grants) gives is taken back there.
    pub fn revoke(&self, component: &Loaded, grant: &Grant) -> usize {
        let Some(effective) = component.effective() else {
            return 0;
        };
        let parts = self.parts();
        let revoked = |own: &mut Policy| own.revoke(grant);
        parts.live.change(parts, effective, revoked)
    }
}

impl State {
    fn given_to(&self, digest: &str) -> Vec<Grant> {
        let given = self.given.iter().filter(|one| one.component == digest);
        given.map(|one| one.grant.clone()).collect()
    }

    /// What is granted no more ends first: to look at folders may take a while. What
    /// cannot be granted is left out, and the log says so.
    fn apply(&self, parts: &Parts, effective: &Effective) {
        let before = effective.sandbox.policy();
        let was_granted = |grant: &Grant| before.granted().contains(grant);
        let given = self.given_to(&effective.digest).into_iter();
        let (kept, new): (Vec<_>, Vec<_>) = given.partition(was_granted);
        let mut policy = locked(&effective.own).clone();
        for grant in kept {
            add(&mut policy, grant, |_| Ok(()));
        }
        effective.sandbox.set_policy(policy.clone());
        if !new.is_empty() {
            for grant in new {
                add(&mut policy, grant, |alone| parts.check_folders(alone));
            }
            effective.sandbox.set_policy(policy);
        }
    }
}

/// Grants something more, if nothing is wrong with it.
fn add(policy: &mut Policy, grant: Grant, check: impl FnOnce(&Policy) -> Result<(), PatinoxError>) {
    let named = grant.named();
    let added = alone(policy, &grant).and_then(|alone| {
        check(&alone)?;
        Ok(policy.allow(grant)?)
    });
    if let Err(error) = added {
        tracing::warn!("`{named}` is not granted: {error}");
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
