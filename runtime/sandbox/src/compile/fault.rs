//! What is wrong with a worker.

use std::io;

/// What is wrong with a worker.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerFault {
    /// The program cannot be started.
    #[error("the compile worker cannot be started")]
    NotStarted(#[source] io::Error),
    /// The program that was started is no worker.
    #[error("the program that is named as compile worker is none")]
    NotAWorker,
    /// The worker ended without an answer, or gave one that makes no sense.
    #[error("the compile worker broke off")]
    BrokeOff,
    /// The worker cannot do its work.
    #[error("the compile worker failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}
