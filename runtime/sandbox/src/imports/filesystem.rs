//! `wasi:filesystem`: folders that were granted, and nothing else.
//!
//! Each folder has its own grant, and what is opened in it stands by that grant alone.
//! Beside them a guest always finds a root in which nothing lies, so that what it asks
//! for and was not granted is known by its path, and told with the call.
//!
//! Everything that may wait for a disk runs where it may block.
//!
//! Read `place`, which says where a path leads; then `descriptor`, and `asked`, which
//! decides; `entries` and
//! `reader` are what is read of a folder and a file.

mod answers;
mod asked;
mod descriptor;
mod entries;
mod place;
mod reader;

use std::sync::Arc;

use patinox_policy::{Grant, Policy};
use rustix::io::Errno;
use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream, Error as StreamFailure};

#[expect(unreachable_pub, reason = "generated code re-exports them")]
pub use self::{descriptor::Descriptor, entries::Entries};

use self::answers::{code, metadata_hash, stat_of};
use self::asked::{Answer, Handle, blocking, wanted};
use self::descriptor::Held;
pub(crate) use self::descriptor::{Count, Opened};
use self::place::Wanted;
use crate::bindings::offered::wasi::filesystem::{preopens, types};
use crate::error::Error;
use crate::state::State;
use types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};

/// Looks whether each folder that a policy grants can be.
pub(crate) fn check(policy: &Policy) -> Result<(), Error> {
    let folders = policy.granted().iter().filter_map(Grant::folder);
    for (host, guest, _) in folders {
        place::check(host).map_err(|errno| Error::Folder {
            guest: guest.to_owned(),
            source: errno.into(),
        })?;
    }
    Ok(())
}

impl preopens::Host for State {
    async fn get_directories(&mut self) -> Result<Vec<(Handle, String)>> {
        // However often a guest asks, each is opened once.
        if self.folders.is_none() {
            let mut folders = Vec::new();
            for folder in self.authority.folders() {
                let host = folder.host().to_owned();
                // One that is not there, or is none, is as if it had not been granted.
                if let Ok(fd) = blocking(move || place::open_granted(&host)).await? {
                    folders.push(Opened::folder(fd, folder));
                }
            }
            self.folders = Some(folders);
        }
        let mut found = Vec::new();
        for opened in self.folders.iter().flatten() {
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
                let lasting = opened.lasts(self.clock);
                let reader = reader::Reader::new(Arc::clone(fd), offset, lasting);
                let stream: DynInputStream = Box::new(reader);
                Ok(Ok(self.table.push(stream)?))
            }
            Err(errno) => Ok(Err(code(errno))),
        }
    }

    fn write_via_stream(&mut self, file: Handle, _: u64) -> Answer<Resource<DynOutputStream>> {
        self.refuse_to_write(&file, "")
    }

    fn append_via_stream(&mut self, file: Handle) -> Answer<Resource<DynOutputStream>> {
        self.refuse_to_write(&file, "")
    }

    async fn advise(&mut self, file: Handle, _: u64, _: u64, _: Advice) -> Answer<()> {
        // It is advice.
        Ok(self.reading(&file)?.map(drop))
    }

    async fn sync_data(&mut self, file: Handle) -> Answer<()> {
        Ok(self.reading(&file)?.map(drop))
    }

    fn get_flags(&mut self, file: Handle) -> Answer<DescriptorFlags> {
        if let Descriptor::Root = self.table.get(&file)? {
            return Ok(Ok(DescriptorFlags::READ));
        }
        Ok(self.reading(&file)?.map(|_| DescriptorFlags::READ))
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

    async fn set_size(&mut self, file: Handle, _: u64) -> Answer<()> {
        self.refuse_to_write(&file, "")
    }

    async fn set_times(&mut self, file: Handle, _: NewTimestamp, _: NewTimestamp) -> Answer<()> {
        self.refuse_to_write(&file, "")
    }

    async fn read(&mut self, file: Handle, length: u64, offset: u64) -> Answer<(Vec<u8>, bool)> {
        let opened = match self.reading(&file)? {
            Ok(opened) => opened,
            Err(code) => return Ok(Err(code)),
        };
        let wanted = usize::try_from(length).unwrap_or(usize::MAX);
        let read = blocking(move || reader::read_at(&**opened.as_file()?, wanted, offset)).await?;
        Ok(read.map(|bytes| {
            let is_end = bytes.is_empty() && 0 < wanted;
            (bytes, is_end)
        }))
    }

    async fn write(&mut self, file: Handle, _: Vec<u8>, _: u64) -> Answer<u64> {
        self.refuse_to_write(&file, "")
    }

    async fn read_directory(&mut self, folder: Handle) -> Answer<Resource<Entries>> {
        let entries = match self.table.get(&folder)? {
            Descriptor::Root => Ok(Entries::none()),
            Descriptor::Open(_) => match self.reading(&folder)?.and_then(|opened| {
                let counted = self.one_more()?;
                Ok((opened, counted))
            }) {
                Ok((opened, counted)) => {
                    // By that of something in it.
                    let path = opened.path_of("entry");
                    self.authority.has_read(&opened.folder, &path);
                    let held = (opened.lasts(self.clock), counted);
                    blocking(move || Entries::of(&**opened.as_folder()?, held)).await?
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
        Ok(self.reading(&file)?.map(drop))
    }

    async fn create_directory_at(&mut self, folder: Handle, path: String) -> Answer<()> {
        self.refuse_to_write(&folder, &path)
    }

    async fn stat(&mut self, file: Handle) -> Answer<DescriptorStat> {
        if let Descriptor::Root = self.table.get(&file)? {
            return Ok(Ok(answers::root()));
        }
        let stat = self.stat_of(&file).await?;
        Ok(stat.map(|stat| stat_of(&stat)))
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
        Ok(stat.map(|stat| stat_of(&stat)))
    }

    async fn set_times_at(
        &mut self,
        folder: Handle,
        _: PathFlags,
        path: String,
        _: NewTimestamp,
        _: NewTimestamp,
    ) -> Answer<()> {
        self.refuse_to_write(&folder, &path)
    }

    async fn link_at(
        &mut self,
        folder: Handle,
        _: PathFlags,
        _: String,
        new_folder: Handle,
        new_path: String,
    ) -> Answer<()> {
        self.table.get(&folder)?;
        self.refuse_to_write(&new_folder, &new_path)
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
            return self.refuse_to_write(&folder, &path);
        }
        if self.is_root(&folder, &path)? {
            return Ok(Ok(self.table.push(Descriptor::Root)?));
        }
        let within = match self.reading_in(&folder, &path)? {
            Ok(within) => within,
            Err(code) => return Ok(Err(code)),
        };
        let wanted = Wanted {
            folder: open_flags.contains(OpenFlags::DIRECTORY),
            ..wanted(path_flags)
        };
        let counted = match self.one_more() {
            Ok(counted) => counted,
            Err(code) => return Ok(Err(code)),
        };
        let (inside, of) = (within.join(&path), Arc::clone(&within.folder));
        self.has_read(&within, &path);
        let opened = blocking(move || place::open(&**within.as_folder()?, &path, wanted)).await?;
        match opened {
            Ok((fd, kind)) => Ok(Ok(self.table.push(Descriptor::Open(Opened {
                fd: Held::new(fd, counted),
                kind,
                folder: of,
                inside,
            }))?)),
            Err(code) => Ok(Err(code)),
        }
    }

    async fn readlink_at(&mut self, folder: Handle, path: String) -> Answer<String> {
        match self.reading_in(&folder, &path)? {
            Ok(within) => blocking(move || place::read_link(&**within.as_folder()?, &path)).await,
            Err(code) => Ok(Err(code)),
        }
    }

    async fn remove_directory_at(&mut self, folder: Handle, path: String) -> Answer<()> {
        self.refuse_to_write(&folder, &path)
    }

    async fn rename_at(
        &mut self,
        folder: Handle,
        path: String,
        new_folder: Handle,
        _: String,
    ) -> Answer<()> {
        self.table.get(&new_folder)?;
        self.refuse_to_write(&folder, &path)
    }

    async fn symlink_at(&mut self, folder: Handle, _: String, new_path: String) -> Answer<()> {
        self.refuse_to_write(&folder, &new_path)
    }

    async fn unlink_file_at(&mut self, folder: Handle, path: String) -> Answer<()> {
        self.refuse_to_write(&folder, &path)
    }

    async fn is_same_object(&mut self, one: Handle, other: Handle) -> Result<bool> {
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
        if let Some(entry) = held.next() {
            return Ok(Ok(Some(entry)));
        }
        let Some(left) = held.take_left() else {
            return Ok(Ok(None));
        };
        match blocking(move || entries::read_some(left)).await? {
            Ok(read) => {
                let held = self.table.get_mut(&entries)?;
                held.add(read);
                Ok(Ok(held.next()))
            }
            Err(code) => Ok(Err(code)),
        }
    }

    async fn drop(&mut self, entries: Resource<Entries>) -> Result<()> {
        self.table.delete(entries)?;
        Ok(())
    }
}
