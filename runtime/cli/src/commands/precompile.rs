//! `patinox precompile`: fills a store for hosts without a compiler.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use patinox_host::{
    ArtifactFolder, ArtifactStore, Config, Host, Precompiled, StoreConfig, StoreError, StorePlace,
    Stored,
};
use patinox_telemetry::Clock;
use serde_json::{Value, json};

use crate::args::Precompile;
use crate::error::{CacheError, Error};
use crate::output::cost;
use crate::session::Session;
use crate::source::{Target, shown};

pub(crate) fn run(session: Session, precompile: &Precompile) -> Result<ExitCode, Error> {
    let targets = precompile.components.iter();
    let targets = targets.map(|component| {
        let target = Target::parse(component, &session.again)?;
        target.found(&session)
    });
    let targets: Vec<_> = targets.collect::<Result<_, _>>()?;
    let store = open(precompile)?;
    session.run(async |session, cancel| {
        let host = Host::new(Config {
            store: Some(store),
            ..session.config()
        })?;
        let (mut document, mut text) = (Vec::new(), String::new());
        for (name, target) in precompile.components.iter().zip(&targets) {
            let done = target.source.precompile(&host);
            let done = session.loading(done, &cancel).await;
            let done = done.map_err(|error| error.about(name))?;
            let (entry, line) = kept(name, &done)?;
            document.push(entry);
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "{line}");
        }
        let document = json!({ "components": document });
        Ok(session.output.done(&document, text.trim_end()))
    })
}

/// Opens the store, and makes it and its key where there are none.
fn open(precompile: &Precompile) -> Result<ArtifactStore, Error> {
    let Precompile {
        store, key_file, ..
    } = precompile;
    // Relative paths are meant from here, and a bare name has no folder.
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let (folder, key_file) = (absolute(store), absolute(key_file));
    let failed = |error: StoreError| {
        let path = match error.place() {
            StorePlace::Folder => Some(store.as_path()),
            StorePlace::KeyFolder => precompile.key_file.parent(),
            StorePlace::Key => Some(precompile.key_file.as_path()),
        };
        // The folder of a bare name is the one that we are in.
        let path = path.filter(|path| !path.as_os_str().is_empty());
        let path = path.unwrap_or_else(|| Path::new("."));
        let place = shown(&path.to_string_lossy());
        Error::from(CacheError { error, place })
    };
    let there = ArtifactFolder::open(&folder, Clock::system()).map_err(failed)?;
    let entries = there.map_or_else(|| Ok(Vec::new()), |there| there.list());
    if !entries.map_err(failed)?.is_empty() && !key_file.exists() {
        // A new key would make all of them useless.
        let key_file = shown(&key_file.to_string_lossy());
        return Err(Error::Usage {
            message: format!("the store has entries, and there is no key file `{key_file}`"),
            hint: "name the key file that it was filled with, or another store".to_owned(),
        });
    }
    let config = StoreConfig {
        // Nothing makes room for something else here.
        max_bytes: u64::MAX,
        ..StoreConfig::new(folder, key_file)
    };
    ArtifactStore::open(config).map_err(failed)
}

/// What is in the store now, or why it is not.
fn kept(name: &str, done: &Precompiled) -> Result<(Value, String), Error> {
    let was = match &done.store {
        Stored::Hit => "was there",
        Stored::Kept => "compiled",
        Stored::Replaced { .. } => "compiled anew, as its entry was of no use",
        Stored::NotKept { reason } => {
            let reason = reason.clone();
            return Err(Error::NotKept { reason });
        }
        Stored::Absent => "not kept",
    };
    let (name, size) = (shown(name), done.size_bytes);
    let document = json!({
        "component": name,
        "digest": done.digest,
        "profile": done.profile.as_str(),
        "size_bytes": size,
        "compiled": done.store != Stored::Hit,
        "replaced": matches!(done.store, Stored::Replaced { .. }),
        "imports_of_embedder": done.outline.wanted,
    });
    let mut line = format!("{name}: {was}, {}, {}", cost::bytes(size), done.digest);
    let wanted = &done.outline.wanted;
    if !wanted.is_empty() {
        // Writing to a `String` cannot fail.
        let _ = write!(line, "; its host must offer {}", list(wanted));
    }
    Ok((document, line))
}

/// Names that a stranger chose, as far as a person reads them.
fn list(names: &[String]) -> String {
    const MOST: usize = 20;
    let shown = names
        .iter()
        .take(MOST)
        .map(|name| format!("`{}`", shown(name)));
    let shown: Vec<_> = shown.collect();
    match names.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
