//! `wasi:keyvalue`: namespaces that were granted, in the host's storage.
//!
//! A bucket is a namespace by its name. To open one decides nothing: each operation is
//! decided when it is asked for, so that what is told to be missing is what was missing.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use patinox_policy::{Access, LimitName, Limits, Mode};
use tokio::time::timeout;
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::offered::wasi::keyvalue::store::{Error, KeyResponse};
use crate::bindings::offered::wasi::keyvalue::{atomics, batch, store};
use crate::state::State;
use crate::storage::{KeyValue, Keys, MAX_KEY_BYTES, MAX_KEYS, StorageError};

/// A namespace that a guest has opened.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct Bucket(Arc<str>);

type Handle = Resource<Bucket>;

/// What is answered, if the guest is not to be stopped.
type Answer<T> = Result<Result<T, Error>>;

/// What a call may keep, and whether that was too little at last.
#[derive(Debug)]
pub(crate) struct Keeping {
    quota: u64,
    /// What a namespace would have come to, where the last was refused. Who got some
    /// afterwards has coped.
    refused: Option<u64>,
}

impl Keeping {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            quota: limits.kv_bytes,
            refused: None,
        }
    }

    /// A limit that was in the way at last, and what it would have come to.
    pub(crate) fn refused(&self) -> Option<(LimitName, u64)> {
        Some((LimitName::KvBytes, self.refused?))
    }

    fn kept<T>(&mut self, result: Result<T, StorageError>) -> Result<T, StorageError> {
        self.refused = match result {
            Err(StorageError::Full { bytes, .. }) => Some(bytes),
            _ => None,
        };
        result
    }
}

/// How often it is looked whether an operation that waits for its turn may still be done.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A namespace that may be used at this moment.
struct Granted {
    storage: Arc<dyn KeyValue>,
    namespace: Arc<str>,
    access: Access,
}

impl State {
    async fn granted<'a>(
        &mut self,
        bucket: &Handle,
        mode: Mode,
        keys: impl IntoIterator<Item = &'a String, IntoIter: ExactSizeIterator>,
    ) -> Answer<Granted> {
        let namespace = Arc::clone(&self.table.get(bucket)?.0);
        let Ok(access) = Access::key_value(&namespace, mode) else {
            return Ok(Err(Error::AccessDenied));
        };
        self.authority.ask(&access).await;
        let may = self.authority.may(&access);
        Ok(match self.authority.storage() {
            _ if !may => Err(Error::AccessDenied),
            None => Err(Error::NoSuchStore),
            Some(storage) => checked(keys).map(|()| Granted {
                storage,
                namespace,
                access,
            }),
        })
    }

    /// Waits for an operation, and for its turn no longer than it is granted.
    async fn held<T>(
        &mut self,
        access: &Access,
        work: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<Result<T, StorageError>, Error> {
        let mut work = pin!(work);
        loop {
            match timeout(LOOK_EVERY, work.as_mut()).await {
                Ok(done) => return Ok(done),
                Err(_) if self.authority.may(access) => {}
                Err(_) => return Err(Error::AccessDenied),
            }
        }
    }

    async fn get_all(
        &mut self,
        bucket: &Handle,
        keys: Vec<String>,
    ) -> Answer<Vec<Option<Vec<u8>>>> {
        let Granted {
            storage,
            namespace,
            access,
        } = match self.granted(bucket, Mode::Read, &keys).await? {
            Ok(granted) => granted,
            Err(error) => return Ok(Err(error)),
        };
        let work = storage.get(&namespace, keys, self.hostcall_bytes());
        let values = self.held(&access, work).await;
        Ok(values.and_then(|values| values.map_err(|error| told(&error))))
    }

    async fn set_all(&mut self, bucket: &Handle, entries: Vec<(String, Vec<u8>)>) -> Answer<()> {
        let Granted {
            storage,
            namespace,
            access,
        } = match self
            .granted(bucket, Mode::Write, entries.iter().map(|(key, _)| key))
            .await?
        {
            Ok(granted) => granted,
            Err(error) => return Ok(Err(error)),
        };
        let work = storage.set(&namespace, entries, self.keeping.quota);
        let set = self.held(&access, work).await;
        Ok(set.and_then(|set| self.keeping.kept(set).map_err(|error| told(&error))))
    }

    async fn delete_all(&mut self, bucket: &Handle, keys: Vec<String>) -> Answer<()> {
        let Granted {
            storage,
            namespace,
            access,
        } = match self.granted(bucket, Mode::Write, &keys).await? {
            Ok(granted) => granted,
            Err(error) => return Ok(Err(error)),
        };
        let work = storage.delete(&namespace, keys);
        let deleted = self.held(&access, work).await;
        Ok(deleted.and_then(|deleted| deleted.map_err(|error| told(&error))))
    }
}

/// Whether these are keys, and not too many.
fn checked<'a>(
    keys: impl IntoIterator<Item = &'a String, IntoIter: ExactSizeIterator>,
) -> Result<(), Error> {
    let mut keys = keys.into_iter();
    let count = keys.len();
    if MAX_KEYS < count {
        let text = format!("at most {MAX_KEYS} keys can be named at once, not {count}");
        return Err(Error::Other(text));
    }
    match keys.find(|key| MAX_KEY_BYTES < key.len()) {
        Some(key) => Err(Error::Other(format!(
            "a key takes at most {MAX_KEY_BYTES} bytes, not {}",
            key.len()
        ))),
        None => Ok(()),
    }
}

fn told(error: &StorageError) -> Error {
    Error::Other(error.to_string())
}

impl store::Host for State {
    fn open(&mut self, identifier: String) -> Answer<Handle> {
        // What nobody can be granted is not there.
        match Access::key_value(&identifier, Mode::Read) {
            Ok(_) => Ok(Ok(self.table.push(Bucket(identifier.into()))?)),
            Err(_) => Ok(Err(Error::NoSuchStore)),
        }
    }
}

impl store::HostBucket for State {
    async fn get(&mut self, bucket: Handle, key: String) -> Answer<Option<Vec<u8>>> {
        let values = self.get_all(&bucket, vec![key]).await?;
        Ok(values.map(|values| values.into_iter().next().flatten()))
    }

    async fn set(&mut self, bucket: Handle, key: String, value: Vec<u8>) -> Answer<()> {
        self.set_all(&bucket, vec![(key, value)]).await
    }

    async fn delete(&mut self, bucket: Handle, key: String) -> Answer<()> {
        self.delete_all(&bucket, vec![key]).await
    }

    async fn exists(&mut self, bucket: Handle, key: String) -> Answer<bool> {
        let Granted {
            storage,
            namespace,
            access,
        } = match self.granted(&bucket, Mode::Read, [&key]).await? {
            Ok(granted) => granted,
            Err(error) => return Ok(Err(error)),
        };
        let exists = self.held(&access, storage.exists(&namespace, key)).await;
        Ok(exists.and_then(|exists| exists.map_err(|error| told(&error))))
    }

    async fn list_keys(&mut self, bucket: Handle, cursor: Option<u64>) -> Answer<KeyResponse> {
        let Granted {
            storage,
            namespace,
            access,
        } = match self.granted(&bucket, Mode::Read, []).await? {
            Ok(granted) => granted,
            Err(error) => return Ok(Err(error)),
        };
        let keys = self.held(&access, storage.keys(&namespace, cursor)).await;
        let response = |page: Keys| KeyResponse {
            keys: page.keys,
            cursor: page.cursor,
        };
        Ok(keys.and_then(|keys| keys.map(response).map_err(|error| told(&error))))
    }

    async fn drop(&mut self, bucket: Handle) -> Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for State {
    async fn increment(&mut self, bucket: Handle, key: String, delta: u64) -> Answer<u64> {
        let Granted {
            storage,
            namespace,
            access,
        } = match self.granted(&bucket, Mode::Write, [&key]).await? {
            Ok(granted) => granted,
            Err(error) => return Ok(Err(error)),
        };
        let work = storage.increment(&namespace, key, delta, self.keeping.quota);
        let sum = self.held(&access, work).await;
        Ok(sum.and_then(|sum| self.keeping.kept(sum).map_err(|error| told(&error))))
    }
}

impl batch::Host for State {
    async fn get_many(
        &mut self,
        bucket: Handle,
        keys: Vec<String>,
    ) -> Answer<Vec<Option<(String, Vec<u8>)>>> {
        let values = self.get_all(&bucket, keys.clone()).await?;
        let pairs = |values: Vec<Option<Vec<u8>>>| {
            let both = keys.into_iter().zip(values);
            both.map(|(key, value)| Some((key, value?))).collect()
        };
        Ok(values.map(pairs))
    }

    async fn set_many(&mut self, bucket: Handle, entries: Vec<(String, Vec<u8>)>) -> Answer<()> {
        self.set_all(&bucket, entries).await
    }

    async fn delete_many(&mut self, bucket: Handle, keys: Vec<String>) -> Answer<()> {
        self.delete_all(&bucket, keys).await
    }
}
