//! `wasi:filesystem`: folders that were granted, and nothing else.
//!
//! Each folder has its own grant, and what is opened in it stands by that grant alone.
//! Beside them a guest always finds a root in which nothing lies, so that what it asks
//! for and was not granted is known by its path, and told with the call.
//!
//! Everything that may wait for a disk runs where it may block, a few at once for each
//! call (`jobs`).
//!
//! Read `preopened`, where a call begins, and `place`, which says where a path leads;
//! then `descriptor`, and `asked`, which decides. `entries` and `reader` are what is read
//! of a folder and a file; `change` and `writer` what is changed, within the `quota` of
//! the call.

mod answers;
mod asked;
mod change;
mod changing;
mod descriptor;
mod entries;
mod folders;
mod jobs;
mod place;
mod preopened;
mod quota;
mod reader;
mod revoking;
mod writer;

use std::sync::Arc;

use patinox_policy::Mode;
use rustix::io::Errno;
use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream, Error as StreamFailure};

#[expect(unreachable_pub, reason = "generated code re-exports them")]
pub use self::{descriptor::Descriptor, entries::Entries};

use self::answers::{code, metadata_hash, stat_of};
use self::asked::{Answer, Handle, wanted};
use self::change::At;
use self::changing::times;
use self::descriptor::{Held, OpenFor};
pub(crate) use self::folders::Folders;
use self::place::Wanted;
pub(crate) use self::preopened::check;
use self::quota::Quota;
use crate::bindings::offered::wasi::filesystem::types;
use crate::state::State;
use types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};

impl types::Host for State {
    fn filesystem_error_code(
        &mut self,
        error: Resource<StreamFailure>,
    ) -> Result<Option<ErrorCode>> {
        let error = self.table.get(&error)?;
        Ok(error.downcast_ref::<Errno>().map(|errno| code(*errno)))
    }
}

impl types::HostDescriptor for State {
    fn read_via_stream(&mut self, file: Handle, offset: u64) -> Answer<Resource<DynInputStream>> {
        let opened = match self.reading(&file)? {
            Ok(opened) => opened,
            Err(code) => return Ok(Err(code)),
        };
        match opened.as_file() {
            Ok(fd) => {
                let held = (
                    opened.lasts(Mode::Read, self.clock),
                    self.folders.jobs().clone(),
                );
                let reader = reader::Reader::new(fd.clone(), offset, held);
                let stream: DynInputStream = Box::new(reader);
                Ok(Ok(self.table.push(stream)?))
            }
            Err(errno) => Ok(Err(code(errno))),
        }
    }

    fn write_via_stream(&mut self, file: Handle, from: u64) -> Answer<Resource<DynOutputStream>> {
        self.write_from(&file, At::Offset(from))
    }

    fn append_via_stream(&mut self, file: Handle) -> Answer<Resource<DynOutputStream>> {
        self.write_from(&file, At::End)
    }

    async fn advise(&mut self, file: Handle, _: u64, _: u64, _: Advice) -> Answer<()> {
        // It is advice.
        Ok(self.reading(&file)?.map(drop))
    }

    async fn sync_data(&mut self, file: Handle) -> Answer<()> {
        self.sync_file(&file, |file| rustix::fs::fdatasync(file))
            .await
    }

    fn get_flags(&mut self, file: Handle) -> Answer<DescriptorFlags> {
        if let Descriptor::Root = self.table.get(&file)? {
            return Ok(Ok(DescriptorFlags::READ));
        }
        Ok(self.reading(&file)?.map(|opened| opened.flags()))
    }

    fn get_type(&mut self, file: Handle) -> Answer<DescriptorType> {
        Ok(Ok(match self.table.get(&file)? {
            Descriptor::Root => DescriptorType::Directory,
            Descriptor::Open(opened) => match opened.kind {
                place::Kind::Folder => DescriptorType::Directory,
                place::Kind::File => DescriptorType::RegularFile,
            },
        }))
    }

    async fn set_size(&mut self, file: Handle, bytes: u64) -> Answer<()> {
        let work = move |file: &Held, quota: &Quota| change::set_size(file, bytes, quota);
        self.change_file(&file, work).await
    }

    async fn set_times(
        &mut self,
        file: Handle,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> Answer<()> {
        self.change_times(&file, times(access, modification)).await
    }

    async fn read(&mut self, file: Handle, length: u64, offset: u64) -> Answer<(Vec<u8>, bool)> {
        let opened = match self.reading(&file)? {
            Ok(opened) => opened,
            Err(code) => return Ok(Err(code)),
        };
        let wanted = usize::try_from(length).unwrap_or(usize::MAX);
        let work = move || reader::read_at(&*opened.as_file()?.get()?, wanted, offset);
        let read = self.folders.jobs().clone().run(work).await?;
        Ok(read.map(|bytes| {
            let is_end = bytes.is_empty() && 0 < wanted;
            (bytes, is_end)
        }))
    }

    async fn write(&mut self, file: Handle, bytes: Vec<u8>, offset: u64) -> Answer<u64> {
        let work = move |file: &Held, quota: &Quota| {
            change::write(file, (&bytes, At::Offset(offset)), quota)?;
            Ok(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
        };
        self.change_file(&file, work).await
    }

    async fn read_directory(&mut self, folder: Handle) -> Answer<Resource<Entries>> {
        let entries = match self.table.get(&folder)? {
            Descriptor::Root => Ok(Entries::none()),
            Descriptor::Open(_) => match self.reading(&folder)?.and_then(|opened| {
                let held = self.folders.quota().open().map_err(code)?;
                Ok((opened, held))
            }) {
                Ok((opened, held)) => {
                    // By that of something in it.
                    let path = opened.path_of("entry");
                    self.authority.has_used(&opened.folder, &path, Mode::Read);
                    let jobs = self.folders.jobs().clone();
                    let held = (opened.lasts(Mode::Read, self.clock), held, jobs.clone());
                    let work = move || Entries::of(&*opened.as_folder()?, held);
                    let entries = jobs.run(work).await?;
                    if let Some(left) = entries.as_ref().ok().and_then(Entries::left) {
                        self.folders.watch(left);
                    }
                    entries
                }
                Err(code) => Err(code),
            },
        };
        match entries {
            Ok(entries) => Ok(Ok(self.table.push(entries)?)),
            Err(code) => Ok(Err(code)),
        }
    }

    async fn sync(&mut self, file: Handle) -> Answer<()> {
        self.sync_file(&file, |file| rustix::fs::fsync(file)).await
    }

    async fn create_directory_at(&mut self, folder: Handle, path: String) -> Answer<()> {
        self.change((folder, path), change::create_folder).await
    }

    async fn stat(&mut self, file: Handle) -> Answer<DescriptorStat> {
        if let Descriptor::Root = self.table.get(&file)? {
            return Ok(Ok(answers::root()));
        }
        let stat = self.stat_of(&file).await?;
        let step = self.time_step();
        Ok(stat.map(|stat| stat_of(&stat, step)))
    }

    async fn stat_at(
        &mut self,
        folder: Handle,
        flags: PathFlags,
        path: String,
    ) -> Answer<DescriptorStat> {
        if self.is_root(&folder, &path)? {
            return Ok(Ok(answers::root()));
        }
        let stat = self.stat_of_path(&folder, (flags, path)).await?;
        let step = self.time_step();
        Ok(stat.map(|stat| stat_of(&stat, step)))
    }

    async fn set_times_at(
        &mut self,
        folder: Handle,
        flags: PathFlags,
        path: String,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> Answer<()> {
        let times = match times(access, modification) {
            Ok(times) => times,
            Err(code) => return Ok(Err(code)),
        };
        let work = move |folder: &Held, path: &str, _: &Quota| {
            change::set_times_at(folder, (path, wanted(flags)), &times)
        };
        self.change((folder, path), work).await
    }

    async fn link_at(
        &mut self,
        folder: Handle,
        flags: PathFlags,
        path: String,
        new_folder: Handle,
        new_path: String,
    ) -> Answer<()> {
        // The link itself could lead elsewhere once it is.
        if flags.contains(PathFlags::SYMLINK_FOLLOW) {
            return Ok(Err(ErrorCode::Invalid));
        }
        let (from, to) = ((folder, path), (new_folder, new_path));
        self.change_both(from, to, change::link).await
    }

    async fn open_at(
        &mut self,
        folder: Handle,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> Answer<Handle> {
        let changes = OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::EXCLUSIVE;
        let writes = DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY;
        if open_flags.intersects(changes) || flags.intersects(writes) {
            let flags = (open_flags, flags);
            return self.open_to_write((folder, path), path_flags, flags).await;
        }
        if self.is_root(&folder, &path)? {
            return Ok(Ok(self.table.push(Descriptor::Root)?));
        }
        let (within, path) = match self.reading_in(&folder, path).await? {
            Ok(within) => within,
            Err(code) => return Ok(Err(code)),
        };
        let wanted = Wanted {
            folder: open_flags.contains(OpenFlags::DIRECTORY),
            ..wanted(path_flags)
        };
        let held = match self.folders.quota().open() {
            Ok(held) => held,
            Err(errno) => return Ok(Err(code(errno))),
        };
        let at = (Arc::clone(&within.folder), within.join(&path));
        self.has_read(&within, &path);
        let jobs = self.folders.jobs().clone();
        let work = move || place::open(&*within.as_folder()?, &path, wanted);
        match jobs.run(work).await? {
            Ok(opened) => Ok(Ok(self.opened(opened, at, (OpenFor::READING, held))?)),
            Err(code) => Ok(Err(code)),
        }
    }

    async fn readlink_at(&mut self, folder: Handle, path: String) -> Answer<String> {
        match self.reading_in(&folder, path).await? {
            Ok((within, path)) => {
                self.has_read(&within, &path);
                let work = move || place::read_link(&*within.as_folder()?, &path);
                self.folders.jobs().clone().run(work).await
            }
            Err(code) => Ok(Err(code)),
        }
    }

    async fn remove_directory_at(&mut self, folder: Handle, path: String) -> Answer<()> {
        let work = |folder: &Held, path: &str, _: &Quota| change::remove_folder(folder, path);
        self.change((folder, path), work).await
    }

    async fn rename_at(
        &mut self,
        folder: Handle,
        path: String,
        new_folder: Handle,
        new_path: String,
    ) -> Answer<()> {
        let (from, to) = ((folder, path), (new_folder, new_path));
        self.change_both(from, to, |from, to, _| change::rename(from, to))
            .await
    }

    async fn symlink_at(&mut self, folder: Handle, target: String, path: String) -> Answer<()> {
        let work = move |folder: &Held, path: &str, quota: &Quota| {
            change::symlink(folder, (&target, path), quota)
        };
        self.change((folder, path), work).await
    }

    async fn unlink_file_at(&mut self, folder: Handle, path: String) -> Answer<()> {
        let work = |folder: &Held, path: &str, _: &Quota| change::remove_file(folder, path);
        self.change((folder, path), work).await
    }

    async fn is_same_object(&mut self, one: Handle, other: Handle) -> Result<bool> {
        if let (Descriptor::Root, Descriptor::Root) =
            (self.table.get(&one)?, self.table.get(&other)?)
        {
            return Ok(true);
        }
        let (one, other) = (self.stat_of(&one).await?, self.stat_of(&other).await?);
        Ok(match (one, other) {
            (Ok(one), Ok(other)) => place::identity(&one) == place::identity(&other),
            _ => false,
        })
    }

    async fn metadata_hash(&mut self, file: Handle) -> Answer<MetadataHashValue> {
        if let Descriptor::Root = self.table.get(&file)? {
            return Ok(Ok(MetadataHashValue { lower: 0, upper: 0 }));
        }
        let stat = self.stat_of(&file).await?;
        Ok(stat.map(|stat| metadata_hash(&stat)))
    }

    async fn metadata_hash_at(
        &mut self,
        folder: Handle,
        flags: PathFlags,
        path: String,
    ) -> Answer<MetadataHashValue> {
        if self.is_root(&folder, &path)? {
            return Ok(Ok(MetadataHashValue { lower: 0, upper: 0 }));
        }
        let stat = self.stat_of_path(&folder, (flags, path)).await?;
        Ok(stat.map(|stat| metadata_hash(&stat)))
    }

    async fn drop(&mut self, file: Handle) -> Result<()> {
        self.table.delete(file)?;
        Ok(())
    }
}

impl types::HostDirectoryEntryStream for State {
    async fn read_directory_entry(
        &mut self,
        entries: Resource<Entries>,
    ) -> Answer<Option<DirectoryEntry>> {
        let held = self.table.get_mut(&entries)?;
        if held.has_ended() {
            return Ok(Err(ErrorCode::Access));
        }
        loop {
            let held = self.table.get_mut(&entries)?;
            match held.next() {
                Ok(None) => {}
                told => return Ok(told.map_err(code)),
            }
            let Some(left) = held.left() else {
                return Ok(Ok(None));
            };
            let left = left.clone();
            let work = move || entries::read_some(&*left.get()?);
            match self.folders.jobs().clone().run(work).await? {
                Ok(part) => self.table.get_mut(&entries)?.add(part),
                Err(code) => return Ok(Err(code)),
            }
        }
    }

    async fn drop(&mut self, entries: Resource<Entries>) -> Result<()> {
        self.table.delete(entries)?;
        Ok(())
    }
}
