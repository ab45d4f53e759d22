//! What a guest asks of something that it has open, and whether it may.

use patinox_policy::Mode;
use rustix::fs::Stat;
use rustix::io::Errno;
use wasmtime::Result;
use wasmtime::component::Resource;

use super::answers::{self, code};
use super::descriptor::{Count, Descriptor, Opened};
use super::place::{self, Wanted};
use crate::bindings::offered::wasi::filesystem::types::{ErrorCode, PathFlags};
use crate::state::State;

/// What a function of the interface answers.
pub(super) type Answer<T> = Result<Result<T, ErrorCode>>;

/// A descriptor as a guest names it.
pub(super) type Handle = Resource<Descriptor>;

/// The longest path that is told with a call, in bytes: no longer one is ever granted.
const MAX_TOLD_BYTES: usize = 512;

/// The most files and folders that a call may have open at once.
const MAX_OPEN: usize = 64;

impl State {
    /// What is open under this handle, if it may be read at this moment.
    pub(super) fn reading(&mut self, file: &Handle) -> Answer<Opened> {
        self.reading_in(file, "")
    }

    /// The same, where something below it is asked for.
    pub(super) fn reading_in(&mut self, folder: &Handle, path: &str) -> Answer<Opened> {
        let opened = match self.table.get(folder)? {
            Descriptor::Open(opened) => opened.clone(),
            Descriptor::Root => {
                self.not_granted(path, Mode::Read);
                return Ok(Err(ErrorCode::Access));
            }
        };
        let path = opened.path_of(path);
        match self.authority.may_use(&opened.folder, Mode::Read, &path) {
            true => Ok(Ok(opened)),
            false => Ok(Err(ErrorCode::Access)),
        }
    }

    /// Writes down that something in a folder was read. That a folder is opened again is no
    /// use of it yet.
    pub(super) fn has_read(&mut self, within: &Opened, path: &str) {
        if !answers::is_root(path) {
            self.authority
                .has_read(&within.folder, &within.path_of(path));
        }
    }

    /// Writes down what was asked for from the root.
    pub(super) fn not_granted(&mut self, path: &str, mode: Mode) {
        // The root itself is there for everybody, with nothing in it.
        let is_path = (1..=MAX_TOLD_BYTES).contains(&path.len());
        if is_path && !answers::is_root(path) {
            let path = answers::absolute(path);
            let folder = answers::folder_of(&path);
            self.authority.refuse(&path, folder, mode);
        }
    }

    /// Nothing may be written: that is told with the call, if it was not granted.
    pub(super) fn refuse_to_write<T>(&mut self, folder: &Handle, path: &str) -> Answer<T> {
        let (opened, path) = match self.table.get(folder)? {
            Descriptor::Open(opened) => (opened.clone(), opened.path_of(path)),
            Descriptor::Root => {
                self.not_granted(path, Mode::Write);
                return Ok(Err(ErrorCode::Access));
            }
        };
        let folder = opened.folder.of_path(&path);
        self.authority.may_use(&opened.folder, Mode::Write, folder);
        Ok(Err(ErrorCode::ReadOnly))
    }

    /// Whether it is the root itself that is asked for.
    pub(super) fn is_root(&self, folder: &Handle, path: &str) -> Result<bool> {
        let is_root = matches!(self.table.get(folder)?, Descriptor::Root);
        Ok(is_root && answers::is_root(path))
    }

    pub(super) async fn stat_of(&mut self, file: &Handle) -> Answer<Stat> {
        match self.reading(file)? {
            Ok(opened) => blocking(move || rustix::fs::fstat(&*opened.fd)).await,
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
                blocking(move || place::stat(&**within.as_folder()?, &path, wanted)).await
            }
            Err(code) => Ok(Err(code)),
        }
    }

    /// One more file or folder that is open.
    pub(super) fn one_more(&self) -> Result<Count, ErrorCode> {
        self.open_files.one_more(MAX_OPEN).ok_or(ErrorCode::Quota)
    }
}

pub(super) fn wanted(flags: PathFlags) -> Wanted {
    Wanted {
        follow: flags.contains(PathFlags::SYMLINK_FOLLOW),
        folder: false,
    }
}

/// Runs what may wait for a disk where it may block. It runs to its end, also where the
/// call ends before.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Errno> + Send + 'static,
) -> Answer<T> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done?.map_err(code))
}
