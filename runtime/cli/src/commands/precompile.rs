//! `patinox precompile`: fills a store for hosts without a compiler.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use patinox_host::{ArtifactStore, Config, Host, Loaded, StoreConfig, Stored};
use serde_json::{Value, json};

use crate::args::Precompile;
use crate::error::{CacheError, Error};
use crate::output::cost;
use crate::session::Session;
use crate::source::{Target, shown};

pub(crate) fn run(session: Session, precompile: &Precompile) -> Result<ExitCode, Error> {
    let targets = precompile.components.iter();
    let targets = targets.map(|component| Target::parse(component, &session.again));
    let targets: Vec<_> = targets.collect::<Result<_, _>>()?;
    for target in &targets {
        target.source.check()?;
    }
    let store = open(precompile)?;
    session.run(async |session, cancel| {
        let host = Host::new(Config {
            store: Some(store),
            ..session.config()
        })?;
        let (mut document, mut text) = (Vec::new(), String::new());
        for (name, target) in precompile.components.iter().zip(&targets) {
            let loaded = session.load(&host, &target.source, &cancel).await?;
            let (entry, line) = kept(name, &loaded)?;
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
    let opened = ArtifactStore::open(StoreConfig::new(absolute(store), absolute(key_file)));
    opened.map_err(|error| {
        let folder = shown(&store.to_string_lossy());
        CacheError { error, folder }.into()
    })
}

/// What is in the store now, or why it is not.
fn kept(name: &str, loaded: &Loaded) -> Result<(Value, String), Error> {
    let Some(component) = loaded.component() else {
        let left_out = Vec::new();
        return Err(patinox_tools::Error::NothingCallable { left_out }.into());
    };
    let was = match component.store() {
        Stored::Hit => "was there",
        Stored::Kept | Stored::Replaced { .. } => "compiled",
        Stored::NotKept { reason } => {
            let reason = reason.clone();
            return Err(Error::NotKept { reason });
        }
        Stored::Absent => "not kept",
    };
    let (name, size) = (shown(name), component.size_bytes());
    let document = json!({
        "component": name,
        "digest": component.digest(),
        "profile": component.profile().as_str(),
        "size_bytes": size,
        "compiled": was == "compiled",
    });
    let line = format!(
        "{name}: {was}, {}, {}",
        cost::bytes(size),
        component.digest()
    );
    Ok((document, line))
}
