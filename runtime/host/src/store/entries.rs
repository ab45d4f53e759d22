//! Entries of namespaces, in the database. All of it may wait for the disk.

use std::collections::BTreeMap;
use std::sync::Weak;
use std::time::{Duration, Instant};

use patinox_sandbox::{Keys, StorageError, entry_bytes};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::fault::{Done, Fault};
use super::opened::WAIT;

/// The most keys of a page, and their bytes.
const PAGE: usize = 1_000;
const PAGE_BYTES: usize = 64 << 10;

/// How long it takes at most to ask once for the lock of another process.
const ATTEMPT: Duration = Duration::from_millis(10);

/// The digits of the largest number.
const MAX_DIGITS: u64 = 20;

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
    // None is read before it is known that all fit.
    let mut left = most;
    for key in keys {
        let bytes = value_bytes(&transaction, namespace, key)?;
        let rest = left.checked_sub(bytes.unwrap_or_default());
        left = rest.ok_or(StorageError::Large { most })?;
    }
    let values = keys.iter().map(|key| value(&transaction, namespace, key));
    values.collect()
}

fn value(database: &Connection, namespace: i64, key: &str) -> Done<Option<Vec<u8>>> {
    let find = "SELECT value FROM entries WHERE namespace = ?1 AND key = ?2";
    let mut find = database.prepare_cached(find)?;
    let found = find.query_row(params![namespace, key.as_bytes()], |row| row.get(0));
    Ok(found.optional()?)
}

/// How many bytes a value has, without reading it.
fn value_bytes(database: &Connection, namespace: i64, key: &str) -> Done<Option<u64>> {
    let find = "SELECT length(value) FROM entries WHERE namespace = ?1 AND key = ?2";
    let mut find = database.prepare_cached(find)?;
    let found = find.query_row(params![namespace, key.as_bytes()], |row| row.get(0));
    Ok(found.optional()?)
}

pub(super) fn exists(database: &Connection, namespace: &str, key: &str) -> Done<bool> {
    match known(database, namespace)? {
        Some(namespace) => Ok(value_bytes(database, namespace, key)?.is_some()),
        None => Ok(false),
    }
}

pub(super) fn keys(database: &Connection, namespace: &str, after: Option<u64>) -> Done<Keys> {
    let Ok(after) = i64::try_from(after.unwrap_or_default()) else {
        return Ok(Keys::default());
    };
    let Some(namespace) = known(database, namespace)? else {
        return Ok(Keys::default());
    };
    let mut find = database.prepare_cached(
        "SELECT place, key FROM entries WHERE namespace = ?1 AND ?2 < place ORDER BY place",
    )?;
    let mut rows = find.query(params![namespace, after])?;
    let mut page = Keys::default();
    let (mut last, mut left) = (None, PAGE_BYTES);
    while let Some(row) = rows.next()? {
        let key: Vec<u8> = row.get(1)?;
        let rest = left.checked_sub(key.len());
        let Some(rest) = rest.filter(|_| page.keys.len() < PAGE) else {
            page.cursor = last;
            break;
        };
        left = rest;
        last = Some(row.get(0)?);
        page.keys.push(text(key)?);
    }
    Ok(page)
}

fn text(key: Vec<u8>) -> Done<String> {
    String::from_utf8(key).map_err(|error| Fault::Failed(error.into()))
}

/// What is to be changed, as long as somebody waits for it.
pub(super) struct Asked<'a> {
    pub(super) database: &'a Connection,
    pub(super) namespace: &'a str,
    /// Gone once nobody does.
    pub(super) by: &'a Weak<()>,
}

/// Whether there is room for more; asked where some is needed.
type Room<'a> = &'a dyn Fn() -> Done<()>;

pub(super) fn set(
    asked: &Asked<'_>,
    entries: Vec<(String, Vec<u8>)>,
    (quota, room): (u64, Room<'_>),
) -> Done<()> {
    let mut change = Change::begin(asked)?;
    let entries = last_of_each(entries);
    let there = entries.iter().map(|(key, value)| change.count(key, value));
    let there = there.collect::<Done<Vec<_>>>()?;
    // Before anything is written.
    change.fits(quota, room)?;
    for ((key, value), is_there) in entries.iter().zip(there) {
        change.write(key, value, is_there)?;
    }
    change.commit()
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
    asked: &Asked<'_>,
    (key, delta): (&str, u64),
    (quota, room): (u64, Room<'_>),
) -> Done<u64> {
    let mut change = Change::begin(asked)?;
    let before = match value_bytes(&change.transaction, change.namespace, key)? {
        None => 0,
        Some(bytes) if MAX_DIGITS < bytes => return Err(StorageError::NotANumber.into()),
        Some(_) => {
            let value = value(&change.transaction, change.namespace, key)?;
            let number = value.as_deref().and_then(number);
            number.ok_or(StorageError::NotANumber)?
        }
    };
    let sum = before.checked_add(delta).ok_or(StorageError::Overflow)?;
    let value = sum.to_string().into_bytes();
    let is_there = change.count(key, &value)?;
    change.fits(quota, room)?;
    change.write(key, &value, is_there)?;
    change.commit()?;
    Ok(sum)
}

fn number(value: &[u8]) -> Option<u64> {
    let is_decimal = value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| is_decimal)?;
    text.parse().ok()
}

pub(super) fn delete(asked: &Asked<'_>, keys: &[String]) -> Done<()> {
    if known(asked.database, asked.namespace)?.is_none() {
        return Ok(());
    }
    let mut change = Change::begin(asked)?;
    for key in keys {
        change.remove(key)?;
    }
    change.commit()
}

/// The id of a namespace that something has been kept in.
fn known(database: &Connection, namespace: &str) -> Done<Option<i64>> {
    let mut find = database.prepare_cached("SELECT id FROM namespaces WHERE name = ?1")?;
    Ok(find.query_row([namespace], |row| row.get(0)).optional()?)
}

/// Begins to write, once no other process does.
///
/// SQLite asks for a lock less and less often: who came first would hardly get a turn
/// beside one that writes all the time. Each attempt is short, so that all ask as often
/// as each other.
fn begin<'a>(database: &'a Connection, by: &Weak<()>) -> Done<Transaction<'a>> {
    database.busy_timeout(ATTEMPT)?;
    let since = Instant::now();
    loop {
        let begun = Transaction::new_unchecked(database, TransactionBehavior::Immediate);
        match begun.map_err(Fault::from) {
            // What nobody waits for any more may be granted no more.
            _ if by.strong_count() == 0 => return Err(StorageError::Busy.into()),
            Err(Fault::Told(StorageError::Busy)) if since.elapsed() < WAIT => {}
            begun => return begun,
        }
    }
}

/// A change of one namespace. Dropped, nothing of it was done.
struct Change<'a> {
    transaction: Transaction<'a>,
    namespace: i64,
    /// What its entries counted when it began, and count now.
    before: u64,
    bytes: u64,
    /// The place of the next key that comes.
    next: i64,
}

impl<'a> Change<'a> {
    fn begin(asked: &Asked<'a>) -> Done<Self> {
        let namespace = asked.namespace;
        let transaction = begin(asked.database, asked.by)?;
        transaction
            .prepare_cached("INSERT OR IGNORE INTO namespaces (name) VALUES (?1)")?
            .execute([namespace])?;
        let (namespace, bytes, next) = transaction
            .prepare_cached("SELECT id, bytes, next FROM namespaces WHERE name = ?1")?
            .query_row([namespace], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        Ok(Self {
            transaction,
            namespace,
            before: bytes,
            bytes,
            next,
        })
    }

    /// Whether it may come to that: what does not grow may, also where that is too much.
    fn fits(&self, quota: u64, room: Room<'_>) -> Done<()> {
        if self.bytes <= self.before {
            return Ok(());
        }
        if quota < self.bytes {
            let bytes = self.bytes;
            return Err(StorageError::Full { bytes, quota }.into());
        }
        room()
    }

    /// Counts a value in the place of what is there, and tells whether something is.
    fn count(&mut self, key: &str, value: &[u8]) -> Done<bool> {
        let old = value_bytes(&self.transaction, self.namespace, key)?;
        let old_bytes = old.map_or(0, |old| entry_bytes(key, old));
        let bytes = u64::try_from(value.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_sub(old_bytes);
        self.bytes = self.bytes.saturating_add(entry_bytes(key, bytes));
        Ok(old.is_some())
    }

    /// Writes what has been counted.
    fn write(&mut self, key: &str, value: &[u8], is_there: bool) -> Done<()> {
        if is_there {
            let update = "UPDATE entries SET value = ?3 WHERE namespace = ?1 AND key = ?2";
            let mut update = self.transaction.prepare_cached(update)?;
            update.execute(params![self.namespace, key.as_bytes(), value])?;
            return Ok(());
        }
        let insert = "INSERT INTO entries (namespace, place, key, value) VALUES (?1, ?2, ?3, ?4)";
        let mut insert = self.transaction.prepare_cached(insert)?;
        insert.execute(params![self.namespace, self.next, key.as_bytes(), value])?;
        self.next = self.next.saturating_add(1);
        Ok(())
    }

    fn remove(&mut self, key: &str) -> Done<()> {
        // One that comes twice is gone by then.
        let Some(old) = value_bytes(&self.transaction, self.namespace, key)? else {
            return Ok(());
        };
        self.bytes = self.bytes.saturating_sub(entry_bytes(key, old));
        let remove = "DELETE FROM entries WHERE namespace = ?1 AND key = ?2";
        let mut remove = self.transaction.prepare_cached(remove)?;
        remove.execute(params![self.namespace, key.as_bytes()])?;
        Ok(())
    }

    fn commit(self) -> Done<()> {
        self.transaction
            .prepare_cached("UPDATE namespaces SET bytes = ?1, next = ?2 WHERE id = ?3")?
            .execute(params![self.bytes, self.next, self.namespace])?;
        Ok(self.transaction.commit()?)
    }
}
