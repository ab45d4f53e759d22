//! Entries of namespaces, in the database. All of it may wait for the disk.

use std::collections::BTreeMap;
use std::error::Error;

use patinox_sandbox::{ENTRY_BYTES, Keys, StorageError};
use rusqlite::{
    Connection, ErrorCode, OptionalExtension as _, Transaction, TransactionBehavior, params,
};

/// The most keys of a page.
const PAGE: usize = 1_000;

/// Why something was not done.
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

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StorageError::Busy.into(),
            Some(ErrorCode::DiskFull) => StorageError::NoSpace.into(),
            _ => Self::Failed(error.into()),
        }
    }
}

pub(super) fn get(
    database: &mut Connection,
    namespace: &str,
    keys: &[String],
    most: u64,
) -> Done<Vec<Option<Vec<u8>>>> {
    // All at one moment.
    let transaction = database.transaction()?;
    let Some(namespace) = known(&transaction, namespace)? else {
        return Ok(vec![None; keys.len()]);
    };
    let mut find = transaction.prepare_cached(
        "SELECT length(value), value FROM entries WHERE namespace = ?1 AND key = ?2",
    )?;
    let mut left = most;
    let mut values = Vec::with_capacity(keys.len());
    for key in keys {
        let mut rows = find.query(params![namespace, key.as_bytes()])?;
        let Some(row) = rows.next()? else {
            values.push(None);
            continue;
        };
        // Before it is read.
        left = left
            .checked_sub(row.get(0)?)
            .ok_or(StorageError::Large { most })?;
        values.push(Some(row.get(1)?));
    }
    Ok(values)
}

pub(super) fn exists(database: &Connection, namespace: &str, key: &str) -> Done<bool> {
    let mut find = database.prepare_cached(
        "SELECT 1 FROM entries JOIN namespaces ON namespaces.id = namespace
         WHERE name = ?1 AND key = ?2",
    )?;
    Ok(find.exists(params![namespace, key.as_bytes()])?)
}

pub(super) fn keys(database: &Connection, namespace: &str, after: Option<u64>) -> Done<Keys> {
    let Ok(after) = i64::try_from(after.unwrap_or_default()) else {
        return Ok(Keys::default());
    };
    let Some(namespace) = known(database, namespace)? else {
        return Ok(Keys::default());
    };
    let mut find = database.prepare_cached(
        "SELECT id, key FROM entries WHERE namespace = ?1 AND ?2 < id ORDER BY id LIMIT ?3",
    )?;
    let mut rows = find.query(params![namespace, after, PAGE + 1])?;
    let mut page = Keys::default();
    let mut last = None;
    while let Some(row) = rows.next()? {
        if page.keys.len() == PAGE {
            page.cursor = last;
            break;
        }
        last = Some(row.get(0)?);
        page.keys.push(text(row.get(1)?)?);
    }
    Ok(page)
}

fn text(key: Vec<u8>) -> Done<String> {
    String::from_utf8(key).map_err(|error| Fault::Failed(error.into()))
}

pub(super) fn set(
    database: &mut Connection,
    namespace: &str,
    entries: Vec<(String, Vec<u8>)>,
    quota: u64,
) -> Done<()> {
    let mut change = Change::begin(database, namespace)?;
    let entries = last_of_each(entries);
    let mut sizes = Sizes::default();
    for (key, value) in &entries {
        sizes.add(change.size(key)?, Some(size(key, value)));
    }
    change.fits(sizes, quota)?;
    for (key, value) in &entries {
        change.put(key, value)?;
    }
    change.commit(sizes)
}

/// In the order in which they came, each key once.
fn last_of_each(entries: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let mut last = BTreeMap::new();
    for (place, (key, value)) in entries.into_iter().enumerate() {
        last.insert(key, (place, value));
    }
    let mut entries: Vec<_> = last.into_iter().collect();
    entries.sort_unstable_by_key(|(_, (place, _))| *place);
    let entries = entries.into_iter();
    entries.map(|(key, (_, value))| (key, value)).collect()
}

pub(super) fn increment(
    database: &mut Connection,
    namespace: &str,
    (key, delta): (&str, u64),
    quota: u64,
) -> Done<u64> {
    let mut change = Change::begin(database, namespace)?;
    let before = match change.value(key)? {
        None => 0,
        Some(value) => number(&value).ok_or(StorageError::NotANumber)?,
    };
    let sum = before.checked_add(delta).ok_or(StorageError::Overflow)?;
    let value = sum.to_string().into_bytes();
    let mut sizes = Sizes::default();
    sizes.add(change.size(key)?, Some(size(key, &value)));
    change.fits(sizes, quota)?;
    change.put(key, &value)?;
    change.commit(sizes)?;
    Ok(sum)
}

fn number(value: &[u8]) -> Option<u64> {
    let is_decimal = value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| is_decimal)?;
    text.parse().ok()
}

pub(super) fn delete(database: &mut Connection, namespace: &str, keys: &[String]) -> Done<()> {
    if known(database, namespace)?.is_none() {
        return Ok(());
    }
    let mut change = Change::begin(database, namespace)?;
    let mut sizes = Sizes::default();
    for key in keys {
        // One that comes twice is gone by then.
        sizes.add(change.size(key)?, None);
        change.remove(key)?;
    }
    change.commit(sizes)
}

/// What an entry counts.
fn size(key: &str, value: &[u8]) -> u64 {
    let bytes = key.len().saturating_add(value.len());
    u64::try_from(bytes)
        .unwrap_or(u64::MAX)
        .saturating_add(ENTRY_BYTES)
}

/// The id of a namespace that something has been kept in.
fn known(database: &Connection, namespace: &str) -> Done<Option<i64>> {
    let mut find = database.prepare_cached("SELECT id FROM namespaces WHERE name = ?1")?;
    Ok(find.query_row([namespace], |row| row.get(0)).optional()?)
}

/// What entries counted before, and count after.
#[derive(Clone, Copy, Default)]
struct Sizes {
    before: u64,
    after: u64,
}

impl Sizes {
    fn add(&mut self, before: Option<u64>, after: Option<u64>) {
        self.before = self.before.saturating_add(before.unwrap_or_default());
        self.after = self.after.saturating_add(after.unwrap_or_default());
    }
}

/// A change of one namespace. Dropped, nothing of it was done.
struct Change<'a> {
    transaction: Transaction<'a>,
    namespace: i64,
    bytes: u64,
}

impl<'a> Change<'a> {
    fn begin(database: &'a mut Connection, namespace: &str) -> Done<Self> {
        let behavior = TransactionBehavior::Immediate;
        let transaction = database.transaction_with_behavior(behavior)?;
        transaction
            .prepare_cached("INSERT OR IGNORE INTO namespaces (name) VALUES (?1)")?
            .execute([namespace])?;
        let (namespace, bytes) = transaction
            .prepare_cached("SELECT id, bytes FROM namespaces WHERE name = ?1")?
            .query_row([namespace], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Self {
            transaction,
            namespace,
            bytes,
        })
    }

    fn value(&self, key: &str) -> Done<Option<Vec<u8>>> {
        let find = "SELECT value FROM entries WHERE namespace = ?1 AND key = ?2";
        let mut find = self.transaction.prepare_cached(find)?;
        let key = params![self.namespace, key.as_bytes()];
        Ok(find.query_row(key, |row| row.get(0)).optional()?)
    }

    /// What an entry counts that is there.
    fn size(&self, key: &str) -> Done<Option<u64>> {
        let find = "SELECT length(key) + length(value) FROM entries
                    WHERE namespace = ?1 AND key = ?2";
        let mut find = self.transaction.prepare_cached(find)?;
        let key = params![self.namespace, key.as_bytes()];
        let bytes = find.query_row(key, |row| row.get::<_, u64>(0)).optional()?;
        Ok(bytes.map(|bytes| bytes.saturating_add(ENTRY_BYTES)))
    }

    /// What the namespace would come to.
    const fn sum(&self, sizes: Sizes) -> u64 {
        let rest = self.bytes.saturating_sub(sizes.before);
        rest.saturating_add(sizes.after)
    }

    /// Whether it may come to that: what shrinks may, too, if that is still too much.
    fn fits(&self, sizes: Sizes, quota: u64) -> Done<()> {
        let bytes = self.sum(sizes);
        match quota < bytes && sizes.before < sizes.after {
            true => Err(StorageError::Full { bytes, quota }.into()),
            false => Ok(()),
        }
    }

    fn put(&mut self, key: &str, value: &[u8]) -> Done<()> {
        let put = "INSERT INTO entries (namespace, key, value) VALUES (?1, ?2, ?3)
                   ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value";
        let mut put = self.transaction.prepare_cached(put)?;
        put.execute(params![self.namespace, key.as_bytes(), value])?;
        Ok(())
    }

    fn remove(&mut self, key: &str) -> Done<()> {
        let remove = "DELETE FROM entries WHERE namespace = ?1 AND key = ?2";
        let mut remove = self.transaction.prepare_cached(remove)?;
        remove.execute(params![self.namespace, key.as_bytes()])?;
        Ok(())
    }

    fn commit(self, sizes: Sizes) -> Done<()> {
        let bytes = self.sum(sizes);
        self.transaction
            .prepare_cached("UPDATE namespaces SET bytes = ?1 WHERE id = ?2")?
            .execute(params![bytes, self.namespace])?;
        Ok(self.transaction.commit()?)
    }
}
