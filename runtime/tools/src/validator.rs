//! What judges calls.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use patinox_policy::{LimitName, Limits, Usage};
use patinox_sandbox::{Error as SandboxError, Judging, Sandbox, Subject, Verdict};

use crate::Error;
use crate::spec::is_name;

/// Judges what goes into a call and what comes out of it.
///
/// A verdict narrows what happens next and never widens it. One that cannot be given
/// counts as a refusal.
///
/// ```
/// use std::sync::Arc;
///
/// use futures_util::future::BoxFuture;
/// use patinox_tools::{Judged, Judging, Subject, Validator, Verdict};
///
/// #[derive(Debug)]
/// struct Quiet;
///
/// impl Validator for Quiet {
///     fn name(&self) -> &str {
///         "quiet"
///     }
///
///     fn check<'a>(&'a self, subject: &'a Subject, _: &'a Judging) -> BoxFuture<'a, Judged> {
///         let verdict = match subject {
///             Subject::Diagnostics(_) => Verdict::Replace("(not told)".to_owned()),
///             _ => Verdict::Allow,
///         };
///         Box::pin(std::future::ready(Judged::at_once(verdict)))
///     }
/// }
///
/// let quiet: Arc<dyn Validator> = Arc::new(Quiet);
/// assert_eq!(quiet.name(), "quiet");
/// ```
pub trait Validator: fmt::Debug + Send + Sync {
    /// What its verdicts are told and recorded under.
    fn name(&self) -> &str;

    /// The digest of its component; `None` for one in the host's own code.
    fn digest(&self) -> Option<&str> {
        None
    }

    /// The most memory of a guest that one judgement takes; none for one in the host's
    /// own code.
    fn memory_bytes(&self) -> u64 {
        0
    }

    /// Judges one subject. It must not block.
    ///
    /// # Errors
    ///
    /// In what comes of it: why there is no verdict. That refuses the subject.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends it and frees all it held.
    fn check<'a>(&'a self, subject: &'a Subject, judging: &'a Judging) -> BoxFuture<'a, Judged>;
}

/// What came of asking a validator.
#[derive(Debug)]
pub struct Judged {
    /// The verdict, or why there is none.
    pub verdict: Result<Verdict, Error>,
    /// What it spent.
    pub usage: Usage,
}

impl Judged {
    /// A verdict that cost nothing.
    #[must_use]
    pub fn at_once(verdict: Verdict) -> Self {
        Self {
            verdict: Ok(verdict),
            usage: Usage::default(),
        }
    }
}

/// The ceilings of one judgement: a tenth of a call's time, less than half of its fuel,
/// its memory. How much a verdict carries is bounded by the call that it is about.
#[must_use]
pub fn validator_limits() -> Limits {
    Limits {
        wall_ms: 1_000,
        memory_bytes: 64 << 20,
        fuel: 20_000_000_000,
        ..Limits::default()
    }
}

/// A component that judges, in an instance of its own each time.
#[derive(Clone, Debug)]
pub struct ComponentValidator {
    sandbox: Sandbox,
    name: Arc<str>,
    limits: Limits,
}

impl ComponentValidator {
    /// Makes one of a component, under a name: 1 to 128 characters out of
    /// `A-Za-z0-9_.@-`. [`validator_limits`] are the ceilings that are meant for it.
    ///
    /// # Errors
    ///
    /// If the component is no validator, or that is no name.
    pub fn new(sandbox: Sandbox, name: &str, limits: Limits) -> Result<Self, Error> {
        if !sandbox.component().is_validator() {
            return Err(SandboxError::NotAValidator.into());
        }
        Ok(Self {
            name: named(name)?,
            sandbox,
            limits,
        })
    }

    /// The component, with what it may do.
    #[must_use]
    pub const fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl Validator for ComponentValidator {
    fn name(&self) -> &str {
        &self.name
    }

    fn digest(&self) -> Option<&str> {
        Some(self.sandbox.component().digest())
    }

    fn memory_bytes(&self) -> u64 {
        self.limits.memory_bytes
    }

    fn check<'a>(&'a self, subject: &'a Subject, judging: &'a Judging) -> BoxFuture<'a, Judged> {
        Box::pin(async move {
            let outcome = self.sandbox.judge(subject, &self.limits, judging).await;
            Judged {
                verdict: outcome.result.map_err(Error::from),
                usage: outcome.usage,
            }
        })
    }
}

/// A validator in the embedder's own code: trusted, in time, and a panic of it is a
/// refusal.
pub struct NativeValidator {
    name: Arc<str>,
    wall: Duration,
    code: Box<dyn Fn(Subject) -> BoxFuture<'static, Verdict> + Send + Sync>,
}

impl NativeValidator {
    /// Makes one. It has as much time as a component's has: a second. It must not block.
    ///
    /// # Errors
    ///
    /// If that is no name.
    pub fn new<Fut>(
        name: &str,
        code: impl Fn(Subject) -> Fut + Send + Sync + 'static,
    ) -> Result<Self, Error>
    where
        Fut: Future<Output = Verdict> + Send + 'static,
    {
        Ok(Self {
            name: named(name)?,
            wall: Duration::from_millis(validator_limits().wall_ms),
            code: Box::new(move |subject| code(subject).boxed()),
        })
    }

    async fn ask(&self, subject: &Subject, judging: &Judging) -> Result<Verdict, Error> {
        // The code itself may panic, and not only what it makes.
        let verdict = AssertUnwindSafe(async { (self.code)(subject.clone()).await });
        tokio::select! {
            verdict = verdict.catch_unwind() => {
                verdict.map_err(|_| SandboxError::Internal("a validator panicked".into()).into())
            }
            () = judging.cancel.cancelled() => Err(SandboxError::Cancelled.into()),
            () = tokio::time::sleep(self.wall) => {
                Err(SandboxError::limit(LimitName::Wall, &validator_limits(), None).into())
            }
        }
    }
}

impl Validator for NativeValidator {
    fn name(&self) -> &str {
        &self.name
    }

    fn check<'a>(&'a self, subject: &'a Subject, judging: &'a Judging) -> BoxFuture<'a, Judged> {
        Box::pin(async move {
            let started = Instant::now();
            Judged {
                verdict: self.ask(subject, judging).await,
                usage: Usage {
                    wall: started.elapsed(),
                    ..Usage::default()
                },
            }
        })
    }
}

impl fmt::Debug for NativeValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeValidator")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A name, which may have a version.
fn named(name: &str) -> Result<Arc<str>, Error> {
    match is_name(&name.replacen('@', "-", 1)) {
        true => Ok(name.into()),
        false => Err(Error::no_name(name)),
    }
}
