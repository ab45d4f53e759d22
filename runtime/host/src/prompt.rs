//! Asking a person, while a call waits, whether it may do what it was not granted.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use patinox_policy::{Denial, Grant, Origin, Policy};
use patinox_sandbox::{Approval, Approver};
use patinox_telemetry::CallId;

use crate::audit::{self, AuditEvent};
use crate::grants::Given;
use crate::host::Parts;
use crate::live::{self, Effective};
use crate::{PatinoxError, load};

/// The longest grant that anybody is asked about, in bytes: he has to see all of it.
const MAX_GRANT_BYTES: usize = 400;

/// What a [`Prompt`] answers with.
pub type PromptFuture<'a> = BoxFuture<'a, Answer>;

/// Asks a person. A call that waits for him keeps its place among those that run, and its
/// memory; what he takes to answer counts for none of its limits.
///
/// He is asked about folders and namespaces: what a guest wants of the environment, of
/// settings, clocks and random bytes it does not ask for by itself, or only he who knows a
/// value can grant it; what a component imports is decided when it is loaded.
pub trait Prompt: fmt::Debug + Send + Sync {
    /// Asks one question. In one call there are few, one after the other; calls that run
    /// at once may ask at once.
    ///
    /// Cancel safety: it is dropped when the call is cancelled.
    fn ask<'a>(&'a self, question: &'a Question) -> PromptFuture<'a>;

    /// What the person calls the component: under that name it is
    /// [kept](crate::Config::grants) what he says for good.
    fn component(&self) -> &str;

    /// Where a folder is looked for on this machine that a guest names; `None` for
    /// nowhere: about those that lie in no folder which was granted, nobody is asked.
    fn folder(&self) -> Option<&Path> {
        None
    }
}

/// What a person is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The call that waits.
    pub call: CallId,
    /// The tool that asks.
    pub tool: String,
    /// SHA-256 of the component's bytes.
    pub component: Arc<str>,
    /// What was asked for, and why it is not granted. Its text is escaped.
    pub denial: Denial,
    /// The least grant that allows it: what is granted, in all of its length.
    pub grant: Grant,
    /// Whether it is kept what he says for good.
    pub is_kept: bool,
}

/// What he says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Not now.
    No,
    /// For this call.
    Once,
    /// For as long as the component is loaded.
    ThisRun,
    /// In every process, until it is [revoked](crate::GrantStore::revoke).
    Always,
    /// Not now, and he is not to be asked again, until that is revoked. Whoever grants it
    /// in another way has changed his mind.
    Never,
}

/// Asks for one call.
pub(crate) struct Asks {
    pub(crate) prompt: Arc<dyn Prompt>,
    pub(crate) effective: Arc<Effective>,
    pub(crate) call: CallId,
    pub(crate) tool: String,
}

impl Approver for Asks {
    fn ask(&self, denial: Denial) -> BoxFuture<'_, Approval> {
        Box::pin(async {
            let asked = self.answer(denial).await;
            asked.unwrap_or_else(|error| {
                tracing::warn!("nothing is granted: {error}");
                Approval::Refused
            })
        })
    }
}

impl Asks {
    async fn answer(&self, denial: Denial) -> Result<Approval, PatinoxError> {
        let Some(parts) = self.effective.host() else {
            return Ok(Approval::Refused);
        };
        let Some(grant) = self.grant(&denial, &parts).await else {
            return Ok(Approval::Refused);
        };
        let store = parts.config.grants.clone();
        let now = parts.config.clock.steady();
        if let Some(store) = store.clone() {
            let (access, component) = (denial.access().clone(), self.effective.digest());
            let refused = blocking(move || {
                let mut refused = Policy::default();
                let all = store.refused(now)?.into_iter();
                for one in all.filter(|one| *one.component == *component) {
                    // Two may have the same name and not be the same.
                    let _ = refused.allow(one.grant);
                }
                Ok(refused.decide(&access, now).is_ok())
            });
            if refused.await? {
                return Ok(Approval::Refused);
            }
        }
        let question = Question {
            call: self.call,
            tool: self.tool.clone(),
            component: self.effective.digest(),
            denial,
            grant: grant.clone(),
            is_kept: store.is_some(),
        };
        let given = Given {
            component: question.component.to_string(),
            name: self.prompt.component().to_owned(),
            grant: grant.clone(),
        };
        let answer = self.prompt.ask(&question).await;
        if let Some(log) = &parts.config.audit {
            let event = AuditEvent::of_grant(answer.into(), &given, Some(self.call));
            audit::append(log, parts.config.clock, event).await?;
        }
        Ok(match (answer, store) {
            (Answer::No | Answer::Never, None) | (Answer::No, _) => Approval::Refused,
            (Answer::Once, _) => Approval::Once(grant),
            (Answer::ThisRun, _) | (Answer::Always, None) => {
                parts.live.allow(&parts, &self.effective, grant.clone())?;
                Approval::Granted(grant)
            }
            (Answer::Always, Some(store)) => {
                let effective = Arc::clone(&self.effective);
                blocking(move || {
                    store.add(&[given], now)?;
                    parts.live.take_over(&parts, &effective, grant.clone())?;
                    Ok(Approval::Granted(grant))
                })
                .await?
            }
            (Answer::Never, Some(store)) => {
                blocking(move || Ok(store.refuse(&given, now)?)).await?;
                Approval::Refused
            }
        })
    }

    /// What would have to be granted, if a person can see it and it can be granted.
    async fn grant(&self, denial: &Denial, parts: &Arc<Parts>) -> Option<Grant> {
        let grant = denial.allowing()?.given_by(Origin::Prompt);
        let grant = match self.prompt.folder() {
            Some(folder) => grant.based(folder),
            None => grant,
        };
        if MAX_GRANT_BYTES < grant.to_string().len() {
            return None;
        }
        let policy = self.effective.sandbox().policy();
        let alone = live::alone(&policy, &grant).ok()?;
        load::checked(parts, alone).await.ok()?;
        let mut with = Policy::clone(&policy);
        with.allow(grant.clone()).ok()?;
        Some(grant)
    }
}

impl fmt::Debug for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asks")
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

/// Does what waits for a disk where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PatinoxError> + Send + 'static,
) -> Result<T, PatinoxError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| PatinoxError::Worker(error.into()))?
}
