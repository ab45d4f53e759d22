//! `patinox cache`: what is kept of components that were compiled.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use patinox_host::{ArtifactFolder, EntryInfo, StoreError};
use patinox_telemetry::Clock;
use serde_json::{Value, json};

use crate::args::{Cache, CacheVerb};
use crate::error::{CacheError, Error};
use crate::output::cost;
use crate::session::Session;
use crate::source::shown;

pub(crate) fn run(session: &Session, cache: &Cache) -> Result<ExitCode, Error> {
    let path = session.settings.cache_folder().ok_or(Error::NoCache)?;
    let path = path.join("artifacts");
    let short = session.settings.short_path(&path);
    let folder = shown(&short.to_string_lossy());
    let done = ArtifactFolder::open(&path, Clock::system()).and_then(|opened| match cache.verb {
        CacheVerb::Ls => ls(opened, &folder),
        CacheVerb::Clear => clear(opened, &folder),
    });
    match done {
        Ok((document, text)) => Ok(session.output.done(&document, &text)),
        Err(error) => Err(CacheError {
            error,
            place: folder,
        }
        .into()),
    }
}

/// A folder that is not there yet holds nothing.
fn ls(opened: Option<ArtifactFolder>, folder: &str) -> Result<(Value, String), StoreError> {
    let entries = opened.map_or_else(|| Ok(Vec::new()), |opened| opened.list())?;
    let size = entries.iter().map(|entry| entry.bytes);
    let size = size.fold(0, u64::saturating_add);
    let document = json!({
        "folder": folder,
        "size_bytes": size,
        "entries": entries.iter().map(entry_document).collect::<Vec<_>>(),
    });
    let mut text = format!("{folder}: {}", amount(entries.len(), size));
    let now = Clock::system().wall();
    for entry in &entries {
        // Writing to a `String` cannot fail.
        let _ = write!(
            text,
            "\n{:>10}  {:<6}  {:>14}  {}",
            cost::bytes(entry.bytes),
            entry.profile.as_str(),
            ago(now, entry.used),
            entry.digest,
        );
    }
    Ok((document, text))
}

fn entry_document(entry: &EntryInfo) -> Value {
    let used = entry.used.duration_since(SystemTime::UNIX_EPOCH);
    let used = used.map_or(0, |used| used.as_millis());
    json!({
        "digest": entry.digest,
        "profile": entry.profile.as_str(),
        "size_bytes": entry.bytes,
        "used_at_unix_ms": u64::try_from(used).unwrap_or(u64::MAX),
    })
}

fn clear(opened: Option<ArtifactFolder>, folder: &str) -> Result<(Value, String), StoreError> {
    let cleared = opened.map_or_else(|| Ok(Default::default()), |opened| opened.clear())?;
    let document = json!({
        "folder": folder,
        "size_bytes": cleared.bytes,
        "entries": cleared.entries,
    });
    let count = usize::try_from(cleared.entries).unwrap_or(usize::MAX);
    let text = format!("{folder}: removed {}", amount(count, cleared.bytes));
    Ok((document, text))
}

fn amount(entries: usize, size: u64) -> String {
    match (entries, size) {
        (0, 0) => "nothing".to_owned(),
        (1, size) => format!("1 entry, {}", cost::bytes(size)),
        (count, size) => format!("{count} entries, {}", cost::bytes(size)),
    }
}

/// How long ago it was, in the largest unit that fits.
fn ago(now: SystemTime, then: SystemTime) -> String {
    let seconds = now.duration_since(then).unwrap_or(Duration::ZERO).as_secs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let unit = units.into_iter().find(|(length, _)| *length <= seconds);
    match unit.map(|(length, name)| (seconds / length, name)) {
        None => "just now".to_owned(),
        Some((1, name)) => format!("1 {name} ago"),
        Some((count, name)) => format!("{count} {name}s ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(seconds: u64, expected: &str) {
        let then = SystemTime::UNIX_EPOCH;
        assert_eq!(ago(then + Duration::from_secs(seconds), then), expected);
    }

    #[test]
    fn a_time_is_told_in_the_unit_that_fits() {
        check(0, "just now");
        check(59, "just now");
        check(60, "1 minute ago");
        check(7_199, "1 hour ago");
        check(7_200, "2 hours ago");
        check(86_400 * 400, "400 days ago");
        // A clock that was set back.
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        assert_eq!(ago(SystemTime::UNIX_EPOCH, then), "just now");
    }
}
