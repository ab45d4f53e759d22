//! Components that judge calls.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use patinox_policy::{Limits, Policy};
use patinox_telemetry::{CallId, CallJudged, Event};
use patinox_tools::{ComponentValidator, Judged, Judgement, Judging, Ruling, Subject, Validator};

use crate::host::Parts;
use crate::live::Effective;
use crate::{Loaded, PatinoxError};

/// A component that judges calls, with what it may do: see [`Loaded::validator`].
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

impl Loaded {
    /// A component that judges calls, under the name that its verdicts are told by: 1 to
    /// 128 characters out of `A-Za-z0-9_.-`, and an `@` before a version.
    ///
    /// It may do what it was granted when it was loaded: settings that it asks for by
    /// `wasi:config` are `config=KEY=VALUE`. Each judgement has these limits;
    /// [`validator_limits`](patinox_tools::validator_limits) are those meant for it.
    /// [`judged_by`](Self::judged_by) puts it to use.
    ///
    /// # Errors
    ///
    /// If it is no validator, or that is no name.
    pub fn validator(&self, name: &str, limits: Limits) -> Result<LoadedValidator, PatinoxError> {
        let effective = self.effective();
        let effective = effective.ok_or(patinox_sandbox::Error::NotAValidator)?;
        let sandbox = effective.sandbox().clone();
        Ok(LoadedValidator {
            judge: ComponentValidator::new(sandbox, name, limits)?,
            effective: Arc::clone(effective),
        })
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
