//! What is written down.

use std::io;
use std::time::SystemTime;

use patinox_policy::{Denial, Failure as _, Fault, Grant, Policy, Usage, Why, cut};
use patinox_telemetry::{CallId, Clock};
use patinox_tools::Judgement;
use serde::Serialize;
use serde_json::Value;

use super::{AuditError, AuditLog};
use crate::call::{Called, Request};
use crate::host::Parts;
use crate::own_files::digest;
use crate::prompt::Answer;
use crate::{Given, Loaded, PatinoxError};

/// The longest text of somebody else's that is written down, in bytes.
const MAX_TEXT_BYTES: usize = 400;

/// The most grants of a component that are written down.
const MAX_GRANTS: usize = 256;

/// Something that is written down.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum AuditEvent {
    /// A component can be called, and may do this.
    ComponentLoaded {
        component: String,
        grants: Vec<Granted>,
        denied: Vec<Granted>,
    },
    /// A component was not loaded, by a policy.
    LoadRefused { code: &'static str, message: String },
    /// A call is to begin.
    CallBegun {
        call: CallId,
        component: String,
        tool: String,
        principal: String,
        /// Of the arguments as JSON.
        arguments: String,
    },
    /// A call is over.
    CallEnded {
        call: CallId,
        component: String,
        tool: String,
        ok: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'static str>,
        /// Of the result as JSON.
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<String>,
        denials: Vec<Denied>,
        /// What validators said.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        verdicts: Vec<Verdict>,
        usage: Usage,
    },
    /// Whoever waited for a call did so no longer, or the host ended it.
    CallDropped {
        call: CallId,
        component: String,
        tool: String,
    },
    /// What a component may do has changed, or somebody has said that it is not to.
    Grant {
        change: Change,
        component: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        call: Option<CallId>,
        grant: Granted,
    },
}

/// What becomes of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Change {
    /// It is kept for every process, or given by the program that embeds the host.
    Granted,
    Revoked,
    /// Answers of a person who was asked.
    Once,
    ThisRun,
    Always,
    No,
    Never,
}

impl From<Answer> for Change {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::No => Self::No,
            Answer::Once => Self::Once,
            Answer::ThisRun => Self::ThisRun,
            Answer::Always => Self::Always,
            Answer::Never => Self::Never,
        }
    }
}

/// A grant without its value.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Granted {
    grant: String,
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until_ms: Option<u64>,
}

impl From<&Grant> for Granted {
    fn from(grant: &Grant) -> Self {
        Self {
            grant: grant.named(),
            by: grant.origin().to_string(),
            until_ms: grant.expires().map(milliseconds),
        }
    }
}

/// Something that a call was denied.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Denied {
    asked: String,
    why: &'static str,
}

/// What a validator said, without its words: they may be about what it judged.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    validator: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    stage: &'static str,
    verdict: &'static str,
}

impl From<&Judgement> for Verdict {
    fn from(judgement: &Judgement) -> Self {
        Self {
            validator: judgement.validator.to_string(),
            component: judgement.component.as_deref().map(str::to_owned),
            stage: judgement.stage.as_str(),
            verdict: judgement.ruling.as_str(),
        }
    }
}

impl From<&Denial> for Denied {
    fn from(denial: &Denial) -> Self {
        Self {
            asked: text(&denial.access().to_string()),
            why: match denial.why() {
                Why::Denied(_) => "denied",
                Why::Expired(_) => "expired",
                Why::Address(_) => "address",
                _ => "not-granted",
            },
        }
    }
}

impl AuditEvent {
    pub(crate) fn of_grant(change: Change, given: &Given, call: Option<CallId>) -> Self {
        Self::Grant {
            change,
            component: text(&given.component),
            name: Some(text(&given.name)),
            call,
            grant: Granted::from(&given.grant),
        }
    }

    /// Of a component that is loaded, by the program that embeds the host.
    pub(crate) fn of_program(change: Change, component: &str, grant: &Grant) -> Self {
        Self::Grant {
            change,
            component: component.to_owned(),
            name: None,
            call: None,
            grant: Granted::from(grant),
        }
    }

    pub(super) fn line(&self, at: SystemTime) -> Result<String, AuditError> {
        #[derive(Serialize)]
        struct Record<'a> {
            at_ms: u64,
            #[serde(flatten)]
            event: &'a AuditEvent,
        }
        let record = Record {
            at_ms: milliseconds(at),
            event: self,
        };
        serde_json::to_string(&record).map_err(|error| AuditError(io::Error::other(error)))
    }
}

fn text(text: &str) -> String {
    cut(text, MAX_TEXT_BYTES).into_owned()
}

/// Milliseconds of the Unix epoch.
pub(super) fn milliseconds(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// The digest of a value as JSON.
fn digest_of(value: &Value) -> String {
    digest(value.to_string().as_bytes())
}

/// A call that was written down as begun. Dropped before it is over, it is written down as
/// dropped.
pub(crate) struct Begun {
    log: AuditLog,
    clock: Clock,
    is_over: bool,
    call: CallId,
    component: String,
    tool: String,
}

/// Writes down that a call is to begin.
pub(crate) async fn begin(
    parts: &Parts,
    log: &AuditLog,
    component: &Loaded,
    (call, tool): (CallId, &str),
    request: &Request,
) -> Result<Option<Box<Begun>>, AuditError> {
    let mut begun = Box::new(Begun {
        log: log.clone(),
        clock: parts.config.clock,
        // Dropped from here on, it may have been written down that it begins.
        is_over: false,
        call,
        component: component.digest().to_owned(),
        tool: text(tool),
    });
    let event = AuditEvent::CallBegun {
        call,
        component: begun.component.clone(),
        tool: begun.tool.clone(),
        principal: request.asked_by().to_string(),
        arguments: digest_of(request.arguments()),
    };
    if let Err(error) = append(log, begun.clock, event).await {
        begun.is_over = true;
        return Err(error);
    }
    Ok(Some(begun))
}

impl Begun {
    /// Writes down what came of it.
    pub(crate) async fn ended(mut self: Box<Self>, called: &Called) {
        let error = called.result.as_ref().err();
        let event = AuditEvent::CallEnded {
            call: self.call,
            component: std::mem::take(&mut self.component),
            tool: std::mem::take(&mut self.tool),
            ok: error.is_none(),
            code: error.map(|error| error.code().as_str()),
            result: called.result.as_ref().ok().map(digest_of),
            denials: called.denials.iter().map(Denied::from).collect(),
            verdicts: called.judgements.iter().map(Verdict::from).collect(),
            usage: called.usage,
        };
        self.is_over = true;
        tell(append(&self.log, self.clock, event).await);
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let event = AuditEvent::CallDropped {
            call: self.call,
            component: std::mem::take(&mut self.component),
            tool: std::mem::take(&mut self.tool),
        };
        // Rare, and short: nobody is left who could wait for it.
        tell(self.log.append(self.clock.wall(), &event));
    }
}

/// Writes down what came of loading a component, where that is something to know.
pub(crate) async fn loaded(
    parts: &Parts,
    loaded: Result<Loaded, PatinoxError>,
) -> Result<Loaded, PatinoxError> {
    let Some(log) = &parts.config.audit else {
        return loaded;
    };
    let all = |grants: &[Grant]| grants.iter().take(MAX_GRANTS).map(Granted::from).collect();
    let event = match &loaded {
        Ok(component) => {
            let policy = component.policy().unwrap_or_default();
            AuditEvent::ComponentLoaded {
                component: component.digest().to_owned(),
                grants: all(Policy::granted(&policy)),
                denied: all(Policy::denied(&policy)),
            }
        }
        Err(error) if error.code().fault() == Fault::Policy => AuditEvent::LoadRefused {
            code: error.code().as_str(),
            message: text(&error.to_string()),
        },
        Err(_) => return loaded,
    };
    append(log, parts.config.clock, event).await?;
    loaded
}

pub(crate) async fn append(
    log: &AuditLog,
    clock: Clock,
    event: AuditEvent,
) -> Result<(), AuditError> {
    let log = log.clone();
    let appended = tokio::task::spawn_blocking(move || log.append(clock.wall(), &event));
    appended
        .await
        .unwrap_or_else(|error| Err(AuditError(io::Error::other(error))))
}

/// What cannot be told to whoever asked.
pub(crate) fn tell(appended: Result<(), AuditError>) {
    if let Err(error) = appended {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(cause, "something is missing in the audit log: {error}");
    }
}
