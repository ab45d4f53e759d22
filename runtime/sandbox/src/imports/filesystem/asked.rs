//! What a guest asks of something that it has open, and whether it may.

use patinox_policy::{Access, Mode};
use rustix::fs::Stat;
use wasmtime::Result;
use wasmtime::component::Resource;

use super::answers;
use super::descriptor::{Descriptor, Opened};
use super::place::{self, Wanted};
use crate::bindings::offered::wasi::filesystem::types::{ErrorCode, PathFlags};
use crate::state::State;

/// What a function of the interface answers.
pub(super) type Answer<T> = Result<Result<T, ErrorCode>>;

/// A descriptor as a guest names it.
pub(super) type Handle = Resource<Descriptor>;

impl State {
    /// What is open under this handle, if it may be read at this moment.
    pub(super) fn reading(&mut self, file: &Handle) -> Answer<Opened> {
        self.reading_in(file, "")
    }

    /// The same, where something below it is asked for.
    pub(super) fn reading_in(&mut self, folder: &Handle, path: &str) -> Answer<Opened> {
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

    /// What is open under this handle, if it, or what is below it, may be written at this
    /// moment; that is written down.
    pub(super) fn writing_in(&mut self, folder: &Handle, path: &str) -> Answer<Opened> {
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
        match self.reading_in(folder, &path)? {
            Ok(within) => {
                self.has_read(&within, &path);
                let jobs = self.folders.jobs().clone();
                let work = move || place::stat(&*within.as_folder()?, &path, wanted);
                jobs.run(work).await
            }
            Err(code) => Ok(Err(code)),
        }
    }
}

pub(super) fn wanted(flags: PathFlags) -> Wanted {
    Wanted {
        follow: flags.contains(PathFlags::SYMLINK_FOLLOW),
        folder: false,
    }
}
