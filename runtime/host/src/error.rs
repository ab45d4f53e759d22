//! The errors of every part up to the host, joined.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use patinox_policy::{
    Code, Failure, Grant, LimitError, LimitName, Limits, PolicyError, Quantity, RecoveryStrategy,
    Unit, cut, debug_failure, escape_line,
};

use patinox_resources::ThresholdError;
use patinox_sandbox::{ImportError, StorageError};
use patinox_telemetry::RuleError;

use crate::AuditError;
use crate::status::StatusError;
use crate::{Busy, GrantsError, InstallError};

/// The longest path that a message repeats, in bytes.
const MAX_PATH_BYTES: usize = 1 << 10;

/// What can go wrong in a host.
///
/// Match on [`fault`](Failure::fault) to answer, on
/// [`recovery`](Failure::recovery) to go on.
///
/// ```
/// use patinox_host::{Config, Host};
/// use patinox_policy::{Failure, Fault, RecoveryStrategy};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let host = Host::new(Config::default())?;
/// let error = host.load_file("no-such.wasm").await.unwrap_err();
/// assert_eq!(error.fault(), Fault::Caller);
/// assert_eq!(error.recovery(), RecoveryStrategy::Fail);
/// assert_eq!(error.to_string(), "cannot read `no-such.wasm`");
/// # Ok::<(), patinox_host::PatinoxError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PatinoxError {
    /// A component could not be loaded or run.
    #[error(transparent)]
    Sandbox(#[from] patinox_sandbox::Error),
    /// A tool could not be found or called.
    #[error(transparent)]
    Tools(#[from] patinox_tools::Error),
    /// Too many calls run and wait.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// A limit that was asked for cannot be set.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A file cannot be read.
    #[error("cannot read `{}`", shown(path))]
    Unreadable {
        /// The path, as it was given.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A directory, pipe or device where a file should be.
    #[error("`{}` is {}", shown(path), if *is_folder { "a folder" } else { "not a file" })]
    NotAFile {
        /// The path, as it was given.
        path: PathBuf,
        /// Whether it is a directory.
        is_folder: bool,
    },
    /// An interface of the embedder's own cannot be offered.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A grant that the host does not hold components to yet.
    #[error("`{grant}` cannot be granted yet: {reason}")]
    NotEnforced {
        /// The grant, cut and without its value.
        grant: String,
        /// What can be.
        reason: &'static str,
    },
    /// A grant cannot be part of a policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The storage cannot be used that a component is granted a namespace of.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A component is not the one that is installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// What people have granted is not known.
    #[error(transparent)]
    Grants(#[from] GrantsError),
    /// It cannot be written down what is to be done, and so it is not done.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// What a component may do is for the host to say that loaded it.
    #[error("another host has loaded the component")]
    OtherHost,
    /// A threshold of pressure makes no sense.
    #[error(transparent)]
    Threshold(#[from] ThresholdError),
    /// A rule for alerts makes no sense.
    #[error(transparent)]
    AlertRule(RuleError),
    /// The status socket cannot be opened.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The machine refuses a thread that looks at it.
    #[error("no thread can be made that looks at the machine")]
    NoThread(#[source] std::io::Error),
    /// A Rust value has no form in JSON.
    #[error("the arguments have no form in JSON")]
    Untyped(#[source] serde_json::Error),
    /// The answer is not of the Rust type that was asked for.
    #[error("the answer does not fit the Rust type that was asked for: {reason}")]
    Mistyped {
        /// Where and why; escaped and cut.
        reason: String,
    },
    /// The host ended the call, as it had run for long and the machine ran out of
    /// something.
    #[error("the host ended the call to relieve its machine: it had run for {}", seconds(*ran))]
    Relieved {
        /// How long it had run.
        ran: Duration,
    },
    /// The host is shutting down.
    #[error("the host is shutting down")]
    Closing,
    /// A part of the host panicked, and with it this call alone.
    #[error("a worker failed")]
    Worker(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl PatinoxError {
    /// The error of loading a file: what is wrong with the file itself names
    /// it.
    pub(crate) fn of_file(path: &Path, error: patinox_sandbox::Error) -> Self {
        let path = || path.to_owned();
        match error {
            patinox_sandbox::Error::Unreadable(source) => Self::Unreadable {
                path: path(),
                source,
            },
            patinox_sandbox::Error::NotAFile { is_folder } => Self::NotAFile {
                path: path(),
                is_folder,
            },
            error => Self::Sandbox(error),
        }
    }

    /// What a grant is refused as that nothing would hold a component to.
    pub(crate) fn not_enforced(grant: &Grant) -> Self {
        Self::NotEnforced {
            grant: grant.named(),
            reason: "this host knows `fs`, `env`, `config`, `kv`, `clock`, `random` and `import` \
                     alone",
        }
    }

    /// The same, of a host that has nowhere to keep something.
    pub(crate) fn no_storage(grant: &Grant) -> Self {
        Self::NotEnforced {
            grant: grant.named(),
            reason: "this host was given no storage",
        }
    }

    /// The imports that this host does not offer, where that is what is wrong.
    #[must_use]
    pub fn missing_imports(&self) -> Option<&[String]> {
        match self {
            Self::Sandbox(patinox_sandbox::Error::MissingImports { names }) => Some(names),
            _ => None,
        }
    }

    /// The error of a limit that was reached before a call began.
    #[must_use]
    pub fn limit(name: LimitName, limits: &Limits, spent: Option<u64>) -> Self {
        Self::Sandbox(patinox_sandbox::Error::limit(name, limits, spent))
    }
}

impl Failure for PatinoxError {
    fn code(&self) -> Code {
        match self {
            Self::Sandbox(error) => error.code(),
            Self::Tools(error) => error.code(),
            Self::Busy(error) => error.code(),
            Self::Limit(error) => error.code(),
            Self::Unreadable { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound => Code::NotFound,
                _ => Code::Unreadable,
            },
            Self::NotAFile { .. } | Self::Storage(StorageError::Failed(_)) => Code::Unreadable,
            Self::Storage(_) => Code::Busy,
            Self::Install(error) => error.code(),
            Self::Grants(error) => error.code(),
            Self::Audit(error) => error.code(),
            Self::Import(error) => error.code(),
            Self::Status(error) => error.code(),
            Self::Policy(error) => error.code(),
            Self::Threshold(_) | Self::AlertRule(_) | Self::NotEnforced { .. } => {
                Code::InvalidConfig
            }
            Self::OtherHost => Code::Usage,
            Self::Untyped(_) => Code::InvalidArguments,
            Self::Mistyped { .. } => Code::Mistyped,
            Self::Closing | Self::Relieved { .. } => Code::Busy,
            Self::Worker(_) | Self::NoThread(_) => Code::Internal,
        }
    }

    fn recovery(&self) -> RecoveryStrategy {
        match self {
            Self::Sandbox(error) => error.recovery(),
            Self::Tools(error) => error.recovery(),
            Self::Busy(error) => error.recovery(),
            Self::Limit(error) => error.recovery(),
            Self::Install(error) => error.recovery(),
            Self::Grants(error) => error.recovery(),
            Self::Audit(error) => error.recovery(),
            Self::Import(error) => error.recovery(),
            Self::Status(error) => error.recovery(),
            Self::Policy(error) => error.recovery(),
            Self::Unreadable { .. }
            | Self::NotAFile { .. }
            | Self::Untyped(_)
            | Self::Mistyped { .. }
            | Self::Threshold(_)
            | Self::AlertRule(_)
            | Self::NotEnforced { .. }
            | Self::OtherHost
            | Self::Storage(StorageError::Failed(_))
            | Self::Closing => RecoveryStrategy::Fail,
            Self::Worker(_) | Self::NoThread(_) | Self::Relieved { .. } | Self::Storage(_) => {
                RecoveryStrategy::Retry { after: None }
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Sandbox(error) => error.hint(),
            Self::Tools(error) => error.hint(),
            Self::Busy(error) => error.hint(),
            Self::Limit(error) => error.hint(),
            Self::Unreadable { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound => Some("check the path".to_owned()),
                std::io::ErrorKind::PermissionDenied => {
                    Some("check who may read the file".to_owned())
                }
                _ => None,
            },
            Self::NotAFile { .. } => {
                Some("give the path of a component, a `.wasm` file".to_owned())
            }
            Self::Install(error) => error.hint(),
            Self::Grants(error) => error.hint(),
            Self::Audit(error) => error.hint(),
            Self::Import(error) => error.hint(),
            Self::Status(error) => error.hint(),
            Self::Policy(error) => error.hint(),
            Self::Threshold(_) => {
                Some("elevated comes before critical, and both are at most 100 %".to_owned())
            }
            Self::Mistyped { .. } => Some(
                "write the type by the tool's result, as `patinox inspect` shows it; a component's \
                 names have hyphens: `#[serde(rename_all = \"kebab-case\")]`"
                    .to_owned(),
            ),
            Self::Relieved { .. } => {
                Some("call it again when less runs here, or let it do less".to_owned())
            }
            Self::Storage(StorageError::Failed(_)) => Some(
                "its folder has to be ours alone, with mode `0700`, on a disk that can be written"
                    .to_owned(),
            ),
            Self::AlertRule(error) => Some(error.hint.clone()),
            Self::Worker(_)
            | Self::NoThread(_)
            | Self::Untyped(_)
            | Self::Closing
            | Self::Storage(_) => None,
            Self::OtherHost => Some("ask the one that loaded it".to_owned()),
            Self::NotEnforced { .. } => Some("leave it out: nothing comes of it".to_owned()),
        }
    }
}

impl fmt::Debug for PatinoxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_failure(self, f)
    }
}

fn seconds(span: Duration) -> Quantity {
    Quantity {
        value: u64::try_from(span.as_millis()).unwrap_or(u64::MAX),
        unit: Unit::Milliseconds,
    }
}

fn shown(path: &Path) -> String {
    let path = path.to_string_lossy();
    let path = cut(&path, MAX_PATH_BYTES);
    cut(&escape_line(&path), MAX_PATH_BYTES).into_owned()
}
