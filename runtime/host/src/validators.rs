//! Components that judge calls.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use patinox_policy::{Limits, Policy};
use patinox_telemetry::{CallId, CallJudged, Event, trace};
use patinox_tools::{ComponentValidator, Judged, Judgement, Judging, Ruling, Subject, Validator};
use tracing::Instrument as _;

use crate::audit;
use crate::host::Parts;
use crate::live::Effective;
use crate::{Host, LoadRequest, PatinoxError, load};

/// A component that judges calls, with what it may do: see [`Host::load_validator`].
#[derive(Clone, Debug)]
pub struct LoadedValidator {
    judge: ComponentValidator,
    /// What people grant it and revoke acts for as long as this is there.
    effective: Arc<Effective>,
}

impl LoadedValidator {
    /// What it may do at this moment.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.effective.sandbox().policy()
    }
}

impl Validator for LoadedValidator {
    fn name(&self) -> &str {
        self.judge.name()
    }

    fn digest(&self) -> Option<&str> {
        self.judge.digest()
    }

    fn memory_bytes(&self) -> u64 {
        self.judge.memory_bytes()
    }

    fn check<'a>(&'a self, subject: &'a Subject, judging: &'a Judging) -> BoxFuture<'a, Judged> {
        self.judge.check(subject, judging)
    }
}

impl Host {
    /// Loads a component that judges calls, under the name that its verdicts are told by:
    /// 1 to 128 characters out of `A-Za-z0-9_.-`, and an `@` before a version.
    ///
    /// It is granted nothing but what the request says: settings that it asks for by
    /// `wasi:config` are `config=KEY=VALUE`. Each judgement has these limits;
    /// [`validator_limits`](patinox_tools::validator_limits) are those meant for it.
    /// [`Loaded::judged_by`](crate::Loaded::judged_by) puts it to use.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), but for tools; and if the component is no validator, or
    /// that is no name.
    ///
    /// # Cancel safety
    ///
    /// As [`load`](Self::load).
    pub async fn load_validator(
        &self,
        name: &str,
        request: impl Into<LoadRequest>,
        limits: Limits,
    ) -> Result<LoadedValidator, PatinoxError> {
        let parts = self.parts();
        let mut load = Box::pin(load::sandboxed(parts, request.into()));
        let _begun = parts.running.begin();
        let load = parts.running.run(load.as_mut());
        let loaded = load.instrument(trace::load_span()).await;
        let policy = |effective: &Arc<Effective>| {
            let sandbox = effective.sandbox();
            (sandbox.component().digest().to_owned(), sandbox.policy())
        };
        let effective = audit::loaded(parts, loaded, policy).await?;
        let judge = ComponentValidator::new(effective.sandbox().clone(), name, limits)?;
        load::keep(parts, Some(&effective));
        Ok(LoadedValidator { judge, effective })
    }
}

impl Parts {
    /// Tells what validators did not simply allow.
    pub(crate) fn record_judgements(&self, call: CallId, judgements: &[Judgement]) {
        let told = |one: &&Judgement| one.ruling != Ruling::Allowed;
        for one in judgements.iter().filter(told) {
            self.record(&Event::CallJudged(CallJudged {
                call,
                validator: one.validator.to_string(),
                component: one.component.as_deref().map(str::to_owned),
                stage: one.stage.as_str(),
                verdict: one.ruling.as_str(),
                reason: one.ruling.text().map(str::to_owned),
                usage: one.usage,
            }));
        }
    }
}
