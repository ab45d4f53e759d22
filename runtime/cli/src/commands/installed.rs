//! `patinox install`, `ls`, `show`, `rm` and `verify`: components with names of their
//! own, pinned by digests.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use patinox_host::{Installed, LoadRequest, PatinoxError};
use patinox_policy::{InstalledName, escape_line};
use patinox_tools::{Lock, Locked};
use serde_json::{Value, json};

use crate::args::{Install, Named, Verify};
use crate::error::Error;
use crate::output::cost;
use crate::permitted::Permitted;
use crate::session::{Session, blocking};
use crate::source::{Source, shown};

pub(crate) fn install(session: Session, install: &Install) -> Result<ExitCode, Error> {
    let source = Source::parse(&install.component, "", &session.again)?.found(&session)?;
    let name = match &install.name {
        Some(name) => named(name)?,
        None => usual_name(&install.component)?,
    };
    let installed = session.installed()?;
    let (written, most) = (shown(&install.component), session.settings.load_limits());
    session.run(async |session, cancel| {
        let bytes = blocking(&cancel, move || source.bytes(&most)).await?;
        let host = session.host(&Permitted::nothing(session))?;
        let load = host.load(LoadRequest::bytes(bytes.clone()));
        let load = async { Ok(load.await?) };
        let loaded = session.loading(load, &cancel).await?;
        let locked = Installed::pin(&loaded, &name, &written);
        let locked = locked.map_err(PatinoxError::from)?;
        let (entry, text) = (locked.clone(), locked.full_name());
        let is_new = blocking(&cancel, move || {
            Ok(installed.add(&bytes, entry).map_err(PatinoxError::from)?)
        });
        let is_new = is_new.await?;
        let mut document = document_of(&locked);
        if let Some(document) = document.as_object_mut() {
            document.insert("new".to_owned(), json!(is_new));
        }
        let is_there = if is_new {
            "installed"
        } else {
            "is installed already:"
        };
        let text = format!("{is_there} {text}\ndigest  {}", locked.digest);
        Ok(session.output.done(&document, &text))
    })
}

pub(crate) fn ls(session: &Session) -> Result<ExitCode, Error> {
    let lock = lock(session)?;
    let all = lock.as_slice();
    let document = json!({ "components": all.iter().map(document_of).collect::<Vec<_>>() });
    let names: Vec<_> = all.iter().map(Locked::full_name).collect();
    let width = names.iter().map(String::len).max().unwrap_or_default();
    let mut text = String::new();
    for (locked, name) in all.iter().zip(&names) {
        let (size, digest) = (cost::bytes(locked.size_bytes), short(&locked.digest));
        let source = escape_line(&locked.source);
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{name:<width$}  {size:>9}  {digest}  {source}");
    }
    if all.is_empty() {
        text.push_str("nothing is installed: `patinox install PATH` does that");
    }
    Ok(session.output.done(&document, text.trim_end()))
}

pub(crate) fn show(session: &Session, show: &Named) -> Result<ExitCode, Error> {
    let name = named(&show.name)?;
    let lock = lock(session)?;
    let locked = found(&lock, &name)?;
    let (size, path) = (locked.size_bytes, session.installed()?.path(locked));
    let path = session.settings.short_path(&path);
    let mut text = format!(
        "name     {}\ndigest   {}\nsize     {} ({size} bytes)\nsource   {}\nfile     {}\n",
        locked.full_name(),
        locked.digest,
        cost::bytes(size),
        escape_line(&locked.source),
        escape_line(&path.to_string_lossy()),
    );
    if let Some(digest) = &locked.tools_digest {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "tools    {digest}");
    }
    text.push_str("\nIMPORTS\n");
    for import in &locked.imports {
        let _ = writeln!(text, "  {}", escape_line(import));
    }
    if locked.imports.is_empty() {
        text.push_str("  none\n");
    }
    Ok(session.output.done(&document_of(locked), text.trim_end()))
}

pub(crate) fn rm(session: &Session, rm: &Named) -> Result<ExitCode, Error> {
    let name = named(&rm.name)?;
    let removed = session.installed()?.remove(&name);
    let removed = removed.map_err(PatinoxError::from)?;
    let text = format!("removed {}", removed.full_name());
    Ok(session.output.done(&document_of(&removed), &text))
}

pub(crate) fn verify(session: Session, verify: &Verify) -> Result<ExitCode, Error> {
    let lock = lock(&session)?;
    let all: Vec<Locked> = match &verify.name {
        Some(name) => vec![found(&lock, &named(name)?)?.clone()],
        None => lock.as_slice().to_vec(),
    };
    let installed = session.installed()?;
    session.run(async |session, cancel| {
        let host = session.host(&Permitted::nothing(session))?;
        let (mut text, mut changed) = (String::new(), Vec::new());
        for locked in &all {
            let (installed, entry) = (installed.clone(), locked.clone());
            let looked = blocking(&cancel, move || {
                Ok(installed.verify(&entry).map_err(PatinoxError::from))
            });
            let judged = match (looked.await?, &locked.tools_digest) {
                (Ok(()), Some(_)) => {
                    let request = LoadRequest::file(installed_path(session, locked)?);
                    let load = async { Ok(host.load(request.pinned(locked)).await) };
                    session.loading(load, &cancel).await?.map(drop)
                }
                (judged, _) => judged,
            };
            let name = locked.full_name();
            let said = match judged {
                Ok(()) => format!("{name}: as it was"),
                Err(error) => {
                    changed.push(name.clone());
                    format!("{name}: {error}")
                }
            };
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "{}", escape_line(&said));
        }
        match changed.as_slice() {
            [] => {
                let names: Vec<_> = all.iter().map(Locked::full_name).collect();
                let text = if all.is_empty() {
                    "nothing is installed"
                } else {
                    text.trim_end()
                };
                Ok(session.output.done(&json!({ "verified": names }), text))
            }
            _ => Err(Error::NotAsInstalled {
                names: changed.join(", "),
                report: text.trim_end().to_owned(),
            }),
        }
    })
}

fn installed_path(session: &Session, locked: &Locked) -> Result<std::path::PathBuf, Error> {
    Ok(session.installed()?.path(locked))
}

fn lock(session: &Session) -> Result<Lock, Error> {
    let lock = session.installed()?.lock();
    Ok(lock.map_err(PatinoxError::from)?)
}

fn named(text: &str) -> Result<InstalledName, Error> {
    let name = text.parse().map_err(patinox_host::InstallError::from);
    Ok(name.map_err(PatinoxError::from)?)
}

fn found<'a>(lock: &'a Lock, name: &InstalledName) -> Result<&'a Locked, Error> {
    let found = lock.get(name).map_err(patinox_host::InstallError::from);
    Ok(found.map_err(PatinoxError::from)?)
}

/// The name of a file without its ending, as a name of a component is written.
fn usual_name(component: &str) -> Result<InstalledName, Error> {
    let word = component.strip_prefix("demo:").unwrap_or(component);
    let stem = Path::new(word).file_stem().unwrap_or_default();
    let name = stem.to_string_lossy().replace('_', "-");
    name.parse().map_err(|_| Error::Usage {
        message: format!("`{}` is no name of a component", shown(&name)),
        hint: "give it one: `--as NAME`, of lower-case letters, digits and hyphens".to_owned(),
    })
}

/// Enough of a digest to tell it from others.
fn short(digest: &str) -> &str {
    digest.get(.."sha256:".len() + 12).unwrap_or(digest)
}

fn document_of(locked: &Locked) -> Value {
    json!({
        "name": locked.name,
        "version": locked.version.to_string(),
        "digest": locked.digest,
        "size_bytes": locked.size_bytes,
        "source": locked.source,
        "imports": locked.imports,
        "tools_digest": locked.tools_digest,
    })
}
