//! The namespace of the host's storage.

use crate::book::Keep;
use crate::world::wasi::keyvalue::store::{self, Bucket, Error};
use crate::world::wasi::keyvalue::{atomics, batch};

/// The namespace that is to be granted.
const NAMESPACE: &str = "notes";

pub(crate) fn open() -> Result<Bucket, String> {
    store::open(NAMESPACE).map_err(told)
}

impl Keep for Bucket {
    fn increment(&self, key: &str) -> Result<u64, String> {
        atomics::increment(self, key, 1).map_err(told)
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), String> {
        self.set(key, value).map_err(told)
    }

    fn get(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, String> {
        let values = batch::get_many(self, keys).map_err(told)?;
        let values = values.into_iter();
        Ok(values.map(|pair| pair.map(|(_, value)| value)).collect())
    }

    fn delete(&self, key: &str) -> Result<(), String> {
        self.delete(key).map_err(told)
    }

    fn keys(&self, cursor: Option<u64>) -> Result<(Vec<String>, Option<u64>), String> {
        let page = self.list_keys(cursor).map_err(told)?;
        Ok((page.keys, page.cursor))
    }
}

fn told(error: Error) -> String {
    match error {
        Error::NoSuchStore => format!("there is no namespace `{NAMESPACE}`"),
        Error::AccessDenied => format!("the namespace `{NAMESPACE}` is not granted"),
        Error::Other(text) => text,
    }
}
