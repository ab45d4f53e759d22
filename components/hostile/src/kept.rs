//! `kv-bytes`: much of a namespace, and what lies in others.

use crate::length;
use crate::world::wasi::keyvalue::batch::set_many;
use crate::world::wasi::keyvalue::store::{Bucket, Error, open};

/// The most keys that are named at once, and the bytes of their values.
const KEYS: u64 = 1_000;
const PIECE: u64 = 1 << 20;

/// Keeps so many entries, with values of so many bytes.
pub(crate) fn keep(n: u64, bytes: u64) -> Result<u64, String> {
    told(|| {
        let bucket = open("attack")?;
        let at_once = (PIECE / bytes.max(1)).clamp(1, KEYS);
        let mut kept = 0;
        while kept < n {
            let until = n.min(kept + at_once);
            let entries = (kept..until).map(|number| (key(number), vec![b'x'; length(bytes)]));
            set_many(&bucket, &entries.collect::<Vec<_>>())?;
            kept = until;
        }
        Ok(kept)
    })
}

/// A key that is more than a name wherever it is taken for one.
fn key(number: u64) -> String {
    format!("../attack\0' OR 1 --%/{number}")
}

/// How much a namespace has under a key.
pub(crate) fn pry(namespace: &str, key: &str) -> Result<u64, String> {
    told(|| {
        let bucket: Bucket = open(namespace)?;
        let value = bucket.get(key)?;
        Ok(value.unwrap_or_default().len() as u64)
    })
}

fn told(work: impl FnOnce() -> Result<u64, Error>) -> Result<u64, String> {
    work().map_err(|error| match error {
        Error::NoSuchStore => "no such store".to_owned(),
        Error::AccessDenied => "access denied".to_owned(),
        Error::Other(text) => text,
    })
}
