//! Where guests keep what outlives their calls: the host fills it in.

use std::error::Error;
use std::fmt::Debug;

use futures_util::future::BoxFuture;

/// The most bytes of a key.
pub const MAX_KEY_BYTES: usize = 512;

/// The most keys that one operation names.
pub const MAX_KEYS: usize = 1_000;

/// What an entry counts: its value, its key twice, as it is found by an index too, and
/// 128 bytes, as entries without a value take room too.
#[must_use]
pub fn entry_bytes(key: &str, value_bytes: u64) -> u64 {
    let key = u64::try_from(key.len()).unwrap_or(u64::MAX);
    let beside = key.saturating_mul(2).saturating_add(128);
    value_bytes.saturating_add(beside)
}

/// The answer of a [`KeyValue`], once it is there.
pub type StorageFuture<'a, T> = BoxFuture<'a, Result<T, StorageError>>;

/// Keeps what guests store by keys, in namespaces that are granted to them.
///
/// The sandbox decides and counts before it asks: a namespace is one that was granted, a
/// key takes at most [`MAX_KEY_BYTES`], and there are at most [`MAX_KEYS`] of them. Each
/// function is done whole or not at all, beside any other that is under way, of this
/// process or another; what it changed is there for whoever asks after it has answered,
/// also when this process is killed then.
///
/// Cancel safety: what has begun may still be done when its future is dropped.
pub trait KeyValue: Debug + Send + Sync + 'static {
    /// Looks whether something can be kept. Asked when a component is loaded that is
    /// granted a namespace.
    fn check(&self) -> StorageFuture<'_, ()>;

    /// The values of these keys, in that order, `None` of one that is not there; at most
    /// so many bytes of values, else [`StorageError::Large`].
    fn get(
        &self,
        namespace: &str,
        keys: Vec<String>,
        most: u64,
    ) -> StorageFuture<'_, Vec<Option<Vec<u8>>>>;

    /// Puts values there, the last of those that have the same key. The entries of the
    /// namespace may count so many bytes, by [`entry_bytes`]; else
    /// [`StorageError::Full`], unless they do not grow.
    fn set(
        &self,
        namespace: &str,
        entries: Vec<(String, Vec<u8>)>,
        quota: u64,
    ) -> StorageFuture<'_, ()>;

    /// Takes these keys away; one that is not there is no error.
    fn delete(&self, namespace: &str, keys: Vec<String>) -> StorageFuture<'_, ()>;

    /// Whether this key is there.
    fn exists(&self, namespace: &str, key: String) -> StorageFuture<'_, bool>;

    /// Some keys, after a cursor of an earlier page. One that is there from the first
    /// page to the last comes exactly once.
    fn keys(&self, namespace: &str, after: Option<u64>) -> StorageFuture<'_, Keys>;

    /// Adds to a value that is a whole number in decimal digits, or puts the number there,
    /// and tells what it is then; by the quota of [`set`](Self::set).
    fn increment(
        &self,
        namespace: &str,
        key: String,
        delta: u64,
        quota: u64,
    ) -> StorageFuture<'_, u64>;

    /// Ends what has begun, and lets go of what it holds; asked when the host shuts down,
    /// and nothing is asked afterwards. Does nothing unless it is written.
    fn close(&self) -> StorageFuture<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A page of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Some keys.
    pub keys: Vec<String>,
    /// Where the next page begins; `None` after the last.
    pub cursor: Option<u64>,
}

/// Why something is not kept, or not told. A guest reads the text; it never has the
/// source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The namespace would take more than it may.
    #[error("the namespace would take {bytes} bytes, and may take {quota}")]
    Full {
        /// What it would come to.
        bytes: u64,
        /// What it may.
        quota: u64,
    },
    /// The values are more than fit an answer.
    #[error("the values take more than {most} bytes; ask for fewer at once")]
    Large {
        /// What fits.
        most: u64,
    },
    /// The value is no number that can be added to.
    #[error("the value is no whole number in decimal digits")]
    NotANumber,
    /// The sum is above the largest number.
    #[error("the sum is above {}", u64::MAX)]
    Overflow,
    /// Others had it for too long.
    #[error("the storage is busy")]
    Busy,
    /// Its disk is almost full.
    #[error("the disk of the storage is almost full")]
    NoSpace,
    /// It cannot be used, whoever asks.
    #[error("the storage cannot be used")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}
