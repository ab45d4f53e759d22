//! What a guest changes, and whether it may.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use patinox_policy::Mode;
use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::io::Errno;
use wasmtime_wasi_io::streams::DynOutputStream;

use wasmtime::component::Resource;

use super::answers::code;
use super::asked::{Answer, Handle, wanted};
use super::change::{self, At, How, Made};
use super::descriptor::{Descriptor, Held, OpenFor, Opened};
use super::place::{self, Kind, Wanted};
use super::quota::{Open, Quota};
use super::revoking::Lasting;
use super::writer::Writer;
use crate::authority::Folder;
use crate::bindings::offered::wasi::filesystem::types::{
    DescriptorFlags, ErrorCode, NewTimestamp, OpenFlags, PathFlags,
};
use crate::state::State;

/// Something as a guest names it: by a handle, and a path from there.
pub(super) type Named = (Handle, String);

impl State {
    /// Makes a folder of this call.
    pub(super) async fn make_scratch(&mut self, number: usize) -> Answer<OwnedFd> {
        let (scratch, registry) = self.authority.scratch();
        let id = self.id;
        let work = move || {
            let made = scratch.make((id, number), &registry);
            made.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
        };
        match self.folders.jobs().clone().run(work).await? {
            Ok((folder, guard)) => {
                self.folders.scratch.push(guard);
                Ok(Ok(folder))
            }
            Err(code) => Ok(Err(code)),
        }
    }

    /// Changes something in a folder.
    pub(super) async fn change(
        &mut self,
        (folder, path): Named,
        work: impl FnOnce(&Held, &str, &Quota) -> Result<(), Errno> + Send + 'static,
    ) -> Answer<()> {
        let (within, path) = match self.writing_in(&folder, path).await? {
            Ok(within) => within,
            Err(code) => return Ok(Err(code)),
        };
        let quota = self.folders.quota().clone();
        let lasting = within.lasts(Mode::Write, self.clock);
        let work = move || {
            lasting.still()?;
            work(&*within.as_folder()?, &path, &quota)
        };
        self.folders.jobs().clone().run(work).await
    }

    /// Changes something that has another place afterwards, or as well; both lie in what
    /// one grant gives.
    pub(super) async fn change_both(
        &mut self,
        (folder, path): Named,
        (other, new): Named,
        work: impl FnOnce((&Held, &str), (&Held, &str), &Quota) -> Result<(), Errno> + Send + 'static,
    ) -> Answer<()> {
        let (from, path) = match self.writing_in(&folder, path).await? {
            Ok(from) => from,
            Err(code) => return Ok(Err(code)),
        };
        let (to, new) = match self.writing_in(&other, new).await? {
            Ok(to) => to,
            Err(code) => return Ok(Err(code)),
        };
        if !Arc::ptr_eq(&from.folder, &to.folder) {
            return Ok(Err(ErrorCode::CrossDevice));
        }
        let quota = self.folders.quota().clone();
        let lasting = to.lasts(Mode::Write, self.clock);
        let work = move || {
            lasting.still()?;
            let (from, to) = (from.as_folder()?, to.as_folder()?);
            work((&from, &path), (&to, &new), &quota)
        };
        self.folders.jobs().clone().run(work).await
    }

    /// Changes a file that is open.
    pub(super) async fn change_file<T: Send + 'static>(
        &mut self,
        file: &Handle,
        work: impl FnOnce(&Held, &Quota) -> Result<T, Errno> + Send + 'static,
    ) -> Answer<T> {
        let opened = match self.writing(file)? {
            Ok(opened) => opened,
            Err(code) => return Ok(Err(code)),
        };
        let quota = self.folders.quota().clone();
        let work = move || work(&*opened.as_file_to_write()?.get()?, &quota);
        self.folders.jobs().clone().run(work).await
    }

    /// Sets the times of what is open.
    pub(super) async fn change_times(
        &mut self,
        file: &Handle,
        times: Result<Timestamps, ErrorCode>,
    ) -> Answer<()> {
        match (self.writing(file)?, times) {
            (Ok(opened), Ok(times)) => {
                let lasting = opened.lasts(Mode::Write, self.clock);
                let work = move || {
                    lasting.still()?;
                    change::set_times(&*opened.fd.get()?, &times)
                };
                self.folders.jobs().clone().run(work).await
            }
            (Err(code), _) | (_, Err(code)) => Ok(Err(code)),
        }
    }

    /// Has what was written to a file with the disk.
    pub(super) async fn sync_file(
        &mut self,
        file: &Handle,
        sync: impl FnOnce(&Held) -> Result<(), Errno> + Send + 'static,
    ) -> Answer<()> {
        let opened = match self.reading(file)? {
            Ok(opened) => opened,
            Err(code) => return Ok(Err(code)),
        };
        match opened.as_file_to_write() {
            Ok(_) => {
                self.folders
                    .jobs()
                    .clone()
                    .run(move || sync(&*opened.fd.get()?))
                    .await
            }
            // Nothing was written by it.
            Err(_) => Ok(Ok(())),
        }
    }

    /// A file as a stream that is written.
    pub(super) fn write_from(
        &mut self,
        file: &Handle,
        at: At,
    ) -> Answer<Resource<DynOutputStream>> {
        let opened = match self.writing(file)? {
            Ok(opened) => opened,
            Err(code) => return Ok(Err(code)),
        };
        match opened.as_file_to_write() {
            Ok(fd) => {
                let lasting = opened.lasts(Mode::Write, self.clock);
                let held = (
                    lasting,
                    self.folders.quota().clone(),
                    self.folders.jobs().clone(),
                );
                let stream: DynOutputStream = Box::new(Writer::new(fd.clone(), at, held));
                Ok(Ok(self.table.push(stream)?))
            }
            Err(errno) => Ok(Err(code(errno))),
        }
    }

    /// Hands out what was opened, as long as it may be used so.
    pub(super) fn opened(
        &mut self,
        (fd, kind): (OwnedFd, Kind),
        (folder, inside): (Arc<Folder>, String),
        (open_for, counted): (OpenFor, Open),
    ) -> wasmtime::Result<Handle> {
        let lasting = Lasting::new(self.clock, &folder, open_for.stays(kind));
        let held = (Some(counted), self.folders.jobs().clone());
        let opened = Opened {
            fd: Held::new(fd, held, lasting),
            kind,
            folder,
            inside,
            open_for,
        };
        self.folders.watch(&opened.fd);
        Ok(self.table.push(Descriptor::Open(opened))?)
    }

    /// Opens a file to write it, or a folder to change what lies in it.
    pub(super) async fn open_to_write(
        &mut self,
        (folder, path): Named,
        path_flags: PathFlags,
        (open_flags, flags): (OpenFlags, DescriptorFlags),
    ) -> Answer<Handle> {
        let (within, path) = match self.writing_in(&folder, path).await? {
            Ok(within) => within,
            Err(code) => return Ok(Err(code)),
        };
        let asked = match Asked::of(path_flags, open_flags, flags) {
            Ok(asked) => asked,
            Err(code) => return Ok(Err(code)),
        };
        let held = match self.folders.quota().open() {
            Ok(held) => held,
            Err(errno) => return Ok(Err(code(errno))),
        };
        let at = (Arc::clone(&within.folder), within.join(&path));
        let quota = self.folders.quota().clone();
        let lasting = within.lasts(Mode::Write, self.clock);
        let work = move || {
            lasting.still()?;
            let folder = &*within.as_folder()?;
            match asked.how {
                Some(how) => {
                    let file = change::open(folder, (&path, asked.wanted), (how, &quota))?;
                    Ok((file, Kind::File))
                }
                None => place::open(folder, &path, asked.wanted),
            }
        };
        let jobs = self.folders.jobs().clone();
        match jobs.run(work).await? {
            Ok(opened) => Ok(Ok(self.opened(opened, at, (asked.open_for, held))?)),
            Err(code) => Ok(Err(code)),
        }
    }
}

/// How something is to be opened that may be written.
#[derive(Clone, Copy)]
struct Asked {
    wanted: Wanted,
    /// A file; without it a folder.
    how: Option<How>,
    open_for: OpenFor,
}

impl Asked {
    fn of(
        path_flags: PathFlags,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> Result<Self, ErrorCode> {
        let of_file = OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE;
        let writing = flags.contains(DescriptorFlags::WRITE);
        let is_file = writing || open_flags.intersects(of_file);
        let truncate = open_flags.contains(OpenFlags::TRUNCATE);
        if is_file && open_flags.contains(OpenFlags::DIRECTORY) || truncate && !writing {
            return Err(ErrorCode::Invalid);
        }
        let open_for = OpenFor {
            reading: flags.contains(DescriptorFlags::READ) || !is_file,
            writing: writing || !is_file,
        };
        let is_new = open_flags.contains(OpenFlags::EXCLUSIVE);
        let made = match (open_flags.contains(OpenFlags::CREATE), is_new) {
            (false, _) => Made::Never,
            (true, false) => Made::IfMissing,
            (true, true) => Made::Always,
        };
        let how = How {
            open_for,
            made,
            truncate,
        };
        Ok(Self {
            wanted: Wanted {
                folder: !is_file,
                ..wanted(path_flags)
            },
            how: is_file.then_some(how),
            open_for,
        })
    }
}

/// Times as the system has them.
pub(super) fn times(
    access: NewTimestamp,
    modification: NewTimestamp,
) -> Result<Timestamps, ErrorCode> {
    Ok(Timestamps {
        last_access: time(access)?,
        last_modification: time(modification)?,
    })
}

fn time(new: NewTimestamp) -> Result<Timespec, ErrorCode> {
    let special = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
    match new {
        NewTimestamp::NoChange => Ok(special(UTIME_OMIT)),
        NewTimestamp::Now => Ok(special(UTIME_NOW)),
        NewTimestamp::Timestamp(at) if at.nanoseconds < 1_000_000_000 => Ok(Timespec {
            tv_sec: i64::try_from(at.seconds).map_err(|_| ErrorCode::Overflow)?,
            tv_nsec: at.nanoseconds.into(),
        }),
        NewTimestamp::Timestamp(_) => Err(ErrorCode::Invalid),
    }
}
