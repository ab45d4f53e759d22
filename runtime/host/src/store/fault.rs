//! Why something was not done.

use std::error::Error;
use std::io;

use patinox_sandbox::StorageError;
use rusqlite::ErrorCode;

#[derive(Debug)]
pub(super) enum Fault {
    /// The guest is told.
    Told(StorageError),
    /// The storage is to blame.
    Failed(Box<dyn Error + Send + Sync>),
}

/// What was done.
pub(super) type Done<T> = Result<T, Fault>;

impl Fault {
    pub(super) fn into_error(self) -> StorageError {
        match self {
            Self::Told(error) => error,
            Self::Failed(cause) => StorageError::Failed(cause),
        }
    }
}

impl From<StorageError> for Fault {
    fn from(error: StorageError) -> Self {
        Self::Told(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StorageError::Busy.into(),
            Some(ErrorCode::DiskFull) => StorageError::NoSpace.into(),
            // Its own text has the path.
            _ => match error.sqlite_error() {
                Some(plain) => Self::Failed((*plain).into()),
                None => Self::Failed(error.into()),
            },
        }
    }
}
