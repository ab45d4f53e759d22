//! What a guest asks of something that it has open, and whether it may.

use std::path::Path;
use std::sync::Arc;

use patinox_policy::{Access, Mode};
use rustix::fs::Stat;
use wasmtime::Result;
use wasmtime::component::Resource;

use super::answers;
use super::descriptor::{Descriptor, Opened};
use super::place::{self, Wanted};
use crate::authority::Folder;
use crate::bindings::offered::wasi::filesystem::types::{ErrorCode, PathFlags};
use crate::state::State;

/// What a function of the interface answers.
pub(super) type Answer<T> = Result<Result<T, ErrorCode>>;

/// A descriptor as a guest names it.
pub(super) type Handle = Resource<Descriptor>;

/// A folder that is open, and a path from there.
pub(super) type In = (Opened, String);

impl State {
    /// What is open under this handle, if it may be read at this moment.
    pub(super) fn reading(&mut self, file: &Handle) -> Answer<Opened> {
        self.may_read(file, "")
    }

    /// What is open under this handle, if it may be written at this moment; that is written
    /// down.
    pub(super) fn writing(&mut self, file: &Handle) -> Answer<Opened> {
        self.may_write(file, "")
    }

    /// In which folder something lies that a guest asks to read, if it may.
    pub(super) async fn reading_in(&mut self, folder: &Handle, path: String) -> Answer<In> {
        match self.asked_for(folder, &path, Mode::Read).await? {
            Some(found) => Ok(Ok(found)),
            None => Ok(self.may_read(folder, &path)?.map(|opened| (opened, path))),
        }
    }

    /// In which folder something lies that a guest asks to change, if it may; that is
    /// written down.
    pub(super) async fn writing_in(&mut self, folder: &Handle, path: String) -> Answer<In> {
        match self.asked_for(folder, &path, Mode::Write).await? {
            Some((opened, path)) => {
                let whole = opened.path_of(&path);
                self.authority.has_used(&opened.folder, &whole, Mode::Write);
                Ok(Ok((opened, path)))
            }
            None => Ok(self.may_write(folder, &path)?.map(|opened| (opened, path))),
        }
    }

    fn may_read(&mut self, folder: &Handle, path: &str) -> Answer<Opened> {
        let Some(opened) = self.open_or_told(folder, path, Mode::Read)? else {
            // As it is where nothing lies: programs look for what they can do without.
            return Ok(Err(ErrorCode::NoEntry));
        };
        let path = opened.path_of(path);
        match self.authority.may_use(&opened.folder, Mode::Read, &path) {
            true => Ok(Ok(opened)),
            false => Ok(Err(ErrorCode::Access)),
        }
    }

    fn may_write(&mut self, folder: &Handle, path: &str) -> Answer<Opened> {
        let Some(opened) = self.open_or_told(folder, path, Mode::Write)? else {
            return Ok(Err(ErrorCode::Access));
        };
        let path = opened.path_of(path);
        let of = opened.folder.of_path(&path);
        if self.authority.may_use(&opened.folder, Mode::Write, of) {
            self.authority.has_used(&opened.folder, &path, Mode::Write);
            return Ok(Ok(opened));
        }
        Ok(Err(match opened.folder.mode() {
            Mode::Read => ErrorCode::ReadOnly,
            Mode::Write => ErrorCode::Access,
        }))
    }

    /// The folder in which something lies, where it was granted because the guest asked
    /// for it; if it was not, somebody is asked. From what lies deeper than a folder that
    /// was granted, nobody is.
    async fn asked_for(&mut self, folder: &Handle, path: &str, mode: Mode) -> Result<Option<In>> {
        if !self.authority.asks() {
            return Ok(None);
        }
        let (path, of) = match self.table.get(folder)? {
            Descriptor::Root => (whole_path("", path), None),
            Descriptor::Open(opened) if opened.inside.is_empty() => {
                let now = self.clock.steady();
                if opened.folder.allows(mode, now) {
                    return Ok(None);
                }
                let folder = &opened.folder;
                (whole_path(folder.guest(), path), Some(Arc::clone(folder)))
            }
            Descriptor::Open(_) => return Ok(None),
        };
        let Some(path) = path.filter(|path| !answers::is_root(path)) else {
            return Ok(None);
        };
        let clock = self.clock;
        let may = |folder: &Folder| folder.allows(mode, clock.steady());
        if let Some(found) = self.folders.asked_for(&path, may) {
            return Ok(Some(found));
        }
        let lies_in = path.trim_end_matches('/');
        let lies_in = match &of {
            Some(folder) => folder.of_path(lies_in),
            None => answers::folder_of(lies_in),
        };
        let Ok(access) = Access::folder(lies_in, mode) else {
            return Ok(None);
        };
        let approved = self.authority.ask(&access).await;
        let granted = approved.and_then(|approved| self.authority.folder_of(&approved));
        if let Some(granted) = granted {
            self.open_another(granted).await?;
        }
        Ok(self.folders.asked_for(&path, may))
    }

    /// Opens a folder that was granted while the call runs.
    async fn open_another(&mut self, folder: Folder) -> Result<()> {
        let Some(host) = folder.host().map(Path::to_owned) else {
            return Ok(());
        };
        let changes = self.authority.policy().watch();
        let jobs = self.folders.jobs().clone();
        // One that is not there any more is as if it had not been granted.
        if let Ok(fd) = jobs.run(move || place::open_granted(&host)).await? {
            let opened = Opened::folder(fd, Arc::new(folder), (jobs, self.clock));
            self.folders.grant_another(opened, changes, self.clock);
        }
        Ok(())
    }

    /// What is open under this handle. Of the root nothing is, which is told with the call.
    fn open_or_told(&mut self, folder: &Handle, path: &str, mode: Mode) -> Result<Option<Opened>> {
        if let Descriptor::Open(opened) = self.table.get(folder)? {
            return Ok(Some(opened.clone()));
        }
        self.not_granted(path, mode);
        Ok(None)
    }

    /// Writes down that something in a folder was read. That a folder is opened again is no
    /// use of it yet.
    pub(super) fn has_read(&mut self, within: &Opened, path: &str) {
        if !answers::is_root(path) {
            let path = within.path_of(path);
            self.authority.has_used(&within.folder, &path, Mode::Read);
        }
    }

    /// Writes down what was asked for from the root.
    pub(super) fn not_granted(&mut self, path: &str, mode: Mode) {
        let path = answers::absolute(path);
        // The root itself is there for everybody, with nothing in it.
        if !answers::is_root(&path) {
            let folder = answers::folder_of(&path);
            self.authority.refuse(&path, folder, mode);
        }
    }

    /// Whether it is the root itself that is asked for.
    pub(super) fn is_root(&self, folder: &Handle, path: &str) -> Result<bool> {
        let is_root = matches!(self.table.get(folder)?, Descriptor::Root);
        Ok(is_root && answers::is_root(path))
    }

    /// The finest step of a file's times, in nanoseconds: that of the clocks.
    pub(super) fn time_step(&mut self) -> u32 {
        match self.authority.quietly_may(&Access::fine_clock()) {
            true => 1,
            false => 1_000_000,
        }
    }

    pub(super) async fn stat_of(&mut self, file: &Handle) -> Answer<Stat> {
        match self.reading(file)? {
            Ok(opened) => {
                let jobs = self.folders.jobs().clone();
                jobs.run(move || rustix::fs::fstat(&*opened.fd.get()?))
                    .await
            }
            Err(code) => Ok(Err(code)),
        }
    }

    pub(super) async fn stat_of_path(
        &mut self,
        folder: &Handle,
        (flags, path): (PathFlags, String),
    ) -> Answer<Stat> {
        let wanted = wanted(flags);
        match self.reading_in(folder, path).await? {
            Ok((within, path)) => {
                self.has_read(&within, &path);
                let jobs = self.folders.jobs().clone();
                let work = move || place::stat(&*within.as_folder()?, &path, wanted);
                jobs.run(work).await
            }
            Err(code) => Ok(Err(code)),
        }
    }
}

/// A path from the root, whole; none where it goes up anywhere, as nobody looks at links
/// here, or is longer than any.
fn whole_path(guest: &str, path: &str) -> Option<String> {
    let goes_up = path.split('/').any(|part| part == "..");
    if goes_up || place::MAX_PATH_BYTES < path.len() {
        return None;
    }
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    let mut whole = guest.trim_end_matches('/').to_owned();
    for part in parts {
        whole.push('/');
        whole.push_str(part);
    }
    if path.ends_with('/') || whole.is_empty() {
        whole.push('/');
    }
    Some(whole)
}

pub(super) fn wanted(flags: PathFlags) -> Wanted {
    Wanted {
        follow: flags.contains(PathFlags::SYMLINK_FOLLOW),
        folder: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_path_is_that_from_the_root() {
        for (guest, path, whole) in [
            ("", "data/a", Some("/data/a")),
            ("", "//data/./a/", Some("/data/a/")),
            ("", "", Some("/")),
            ("/", "a", Some("/a")),
            ("/data", "a", Some("/data/a")),
            ("/data", ".", Some("/data")),
            ("/data", "a/../../etc", None),
            ("/data", "..", None),
            ("/data", "..a", Some("/data/..a")),
        ] {
            assert_eq!(whole_path(guest, path).as_deref(), whole, "{guest} {path}");
        }
        assert_eq!(whole_path("", &"a/".repeat(4_000)), None);
    }
}
