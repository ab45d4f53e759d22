//! The folders that a call begins with.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use patinox_policy::{Grant, Mode, Policy};
use wasmtime::Result;

use super::asked::Handle;
use super::descriptor::{Descriptor, Opened};
use super::place;
use crate::bindings::offered::wasi::filesystem::preopens;
use crate::error::Error;
use crate::scratch::Scratch;
use crate::state::State;

/// Looks whether each folder that a policy grants can be.
/// None holds one of our own folders or lies in one; none that is to be written holds
/// one of our own files.
pub(crate) fn check(
    scratch: &Scratch,
    policy: &Policy,
    own: (&[PathBuf], &[PathBuf]),
) -> Result<(), Error> {
    let folders = policy.granted().iter().filter_map(Grant::folder);
    for (host, guest, mode) in folders {
        let checked = match host {
            Some(host) => check_folder((host, mode), policy, own),
            None => scratch.check(),
        };
        checked.map_err(|source| Error::Folder {
            guest: guest.to_owned(),
            source,
        })?;
    }
    Ok(())
}

fn check_folder(
    (host, mode): (&Path, Mode),
    policy: &Policy,
    (folders, files): (&[PathBuf], &[PathBuf]),
) -> io::Result<()> {
    place::check(host)?;
    let own = folders.iter().map(PathBuf::as_path);
    let why = "which this host keeps for itself";
    place::check_apart(host, own, why)?;
    if mode == Mode::Write {
        let own = files.iter().map(PathBuf::as_path);
        let why = "which says what is granted, and it would be written";
        place::check_apart(host, own, why)?;
    }
    // Whatever of it is granted: what lies below a folder is found by many names.
    let denied = policy.denied().iter().filter_map(Grant::folder);
    let denied = denied.filter_map(|(denied, ..)| denied);
    place::check_apart(host, denied, "which is denied")
}

impl preopens::Host for State {
    async fn get_directories(&mut self) -> Result<Vec<(Handle, String)>> {
        // However often a guest asks, each is opened once.
        if self.folders.granted.is_none() {
            let changes = self.authority.policy().watch();
            let mut folders = Vec::new();
            for (number, folder) in self.authority.folders().into_iter().enumerate() {
                let jobs = self.folders.jobs().clone();
                let opened = match folder.host().map(Path::to_owned) {
                    Some(host) => jobs.run(move || place::open_granted(&host)).await?,
                    None => self.make_scratch(number).await?,
                };
                // One that is not there, or is none, is as if it had not been granted.
                if let Ok(fd) = opened {
                    folders.push(Opened::folder(fd, Arc::new(folder), (jobs, self.clock)));
                }
            }
            self.folders.grant(folders, changes, self.clock);
        }
        let mut found = Vec::new();
        for opened in self.folders.granted.iter().flatten() {
            let path = opened.folder.guest().to_owned();
            let handle = self.table.push(Descriptor::Open(opened.clone()))?;
            found.push((handle, path));
        }
        if found.iter().all(|(_, path)| path != "/") && !self.authority.grants_nothing() {
            found.push((self.table.push(Descriptor::Root)?, "/".to_owned()));
        }
        Ok(found)
    }
}
