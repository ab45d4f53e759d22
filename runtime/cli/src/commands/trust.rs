//! `patinox trust`: the files of folders that count as their owner's own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use patinox_config::{PROJECT_FILE, ProjectFile};
use patinox_host::Trusted;
use patinox_policy::escape_line;
use serde_json::json;

use crate::args::Trust;
use crate::error::Error;
use crate::session::Session;
use crate::source::shown;

pub(crate) fn run(session: &Session, trust: &Trust) -> Result<ExitCode, Error> {
    let folder = trust.folder.as_deref().unwrap_or_else(|| Path::new("."));
    match (trust.list, trust.forget) {
        (true, _) => list(session),
        (_, true) => forget(session, folder),
        _ => add(session, folder),
    }
}

fn add(session: &Session, folder: &Path) -> Result<ExitCode, Error> {
    let file = ProjectFile::of(folder, &session.settings)?.ok_or_else(|| Error::NoProject {
        folder: shown(&folder.to_string_lossy()),
    })?;
    session.trust()?.trust(Trusted {
        path: file.path.clone(),
        digest: file.digest.clone(),
    })?;
    let path = path_of(session, &file.path);
    let mut text = format!("trusted: {path}\n  {}\n", file.digest);
    match file.widens.as_slice() {
        [] => text.push_str("it does not need that: it only narrows"),
        widens => {
            text.push_str("from now on there counts\n");
            for what in widens {
                // Writing to a `String` cannot fail.
                let _ = writeln!(text, "  {}", escape_line(what));
            }
        }
    }
    let document = json!({
        "path": file.path.to_string_lossy(),
        "digest": file.digest,
        "widens": file.widens,
    });
    Ok(session.output.done(&document, text.trim_end()))
}

fn list(session: &Session) -> Result<ExitCode, Error> {
    let all = session.trust()?.all()?;
    let mut text = String::new();
    for trusted in &all {
        let path = path_of(session, &trusted.path);
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{path}\n  {}", trusted.digest);
    }
    if all.is_empty() {
        text.push_str("nothing is trusted");
    }
    let files = all
        .iter()
        .map(|trusted| json!({ "path": trusted.path.to_string_lossy(), "digest": trusted.digest }));
    let document = json!({ "trusted": files.collect::<Vec<_>>() });
    Ok(session.output.done(&document, text.trim_end()))
}

fn forget(session: &Session, folder: &Path) -> Result<ExitCode, Error> {
    // A folder that is gone is forgotten by its name.
    let real = folder.canonicalize();
    let real = real.or_else(|_| std::path::absolute(folder));
    let path = real
        .unwrap_or_else(|_| folder.to_owned())
        .join(PROJECT_FILE);
    let was_trusted = session.trust()?.forget(&path)?;
    let text = match was_trusted {
        true => format!("no longer trusted: {}", path_of(session, &path)),
        false => format!("was not trusted: {}", path_of(session, &path)),
    };
    let document = json!({ "path": path.to_string_lossy(), "was_trusted": was_trusted });
    Ok(session.output.done(&document, &text))
}

fn path_of(session: &Session, path: &Path) -> String {
    let path: PathBuf = session.settings.short_path(path);
    escape_line(&path.to_string_lossy()).into_owned()
}
