//! Compiled code that this program made: the only place that loads any.
//!
//! Machine code is trusted as the program itself is. So an [`Artifact`] comes
//! from two places alone: from our compiler, or from a file of the
//! [`ArtifactStore`] whose tag was right, read through the descriptor that is
//! then mapped.

mod contents;
mod entry;
mod error;
mod folder;
mod key;
mod store;
mod tag;

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::Component;

pub use contents::{ArtifactFolder, Cleared, EntryInfo};
pub(crate) use entry::EntryKey;
pub use error::{StoreError, StorePlace};
pub(crate) use store::Found;
pub use store::{ArtifactStore, CodeAccess, StoreConfig};

/// The compiled code of one component.
///
/// Cheap to clone. It can be loaded any number of times, into every engine that
/// has the tunables it was compiled for; another engine refuses it.
#[derive(Clone)]
pub(crate) struct Artifact(Code);

#[derive(Clone)]
enum Code {
    Memory(Arc<[u8]>),
    /// A file of the store, checked through this descriptor, and how many of
    /// its first bytes are code.
    File {
        file: Arc<File>,
        bytes: u64,
    },
}

impl Artifact {
    /// Code that our compiler has just made. Who calls this vouches for it:
    /// to load other bytes is to run whatever they say.
    pub(crate) fn compiled(code: impl Into<Arc<[u8]>>) -> Self {
        Self(Code::Memory(code.into()))
    }

    /// Code at the beginning of a file of the store whose tag was right.
    fn stored(file: File, bytes: u64) -> Self {
        let file = Arc::new(file);
        Self(Code::File { file, bytes })
    }

    /// The same, of which every byte was read before its tag was checked.
    fn read(code: Vec<u8>) -> Self {
        Self(Code::Memory(code.into()))
    }

    /// How many bytes of code it has.
    pub(crate) fn bytes(&self) -> u64 {
        match &self.0 {
            Code::Memory(code) => u64::try_from(code.len()).unwrap_or(u64::MAX),
            Code::File { bytes, .. } => *bytes,
        }
    }

    /// Makes a component of it.
    ///
    /// # Errors
    ///
    /// If the engine has other settings than it was compiled for.
    pub(crate) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        match &self.0 {
            Code::Memory(code) => from_memory(engine, code),
            // A file that cannot be mapped can still be read: without `/proc`,
            // and where the file system forbids code.
            Code::File { file, bytes } => {
                from_file(engine, file).or_else(|_| from_memory(engine, &read(file, *bytes)?))
            }
        }
    }
}

impl fmt::Debug for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Artifact").finish_non_exhaustive()
    }
}

fn read(file: &File, bytes: u64) -> io::Result<Vec<u8>> {
    let mut code = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
    file.read_exact_at(&mut code, 0)?;
    Ok(code)
}

#[expect(unsafe_code, reason = "the engine cannot know who compiled the code")]
fn from_memory(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: an artifact holds nothing but what our compiler wrote, and the
    // engine checks that it did so for settings and a machine like its own.
    unsafe { Component::deserialize(engine, code) }
}

#[expect(unsafe_code, reason = "the engine cannot know who compiled the code")]
fn from_file(engine: &Engine, file: &File) -> wasmtime::Result<Component> {
    // Not the path in the store: by now that may be another file.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    // SAFETY: as above; this is the file whose tag was checked, and whoever is
    // neither us nor root can neither open nor change it: it is ours, mode
    // 0400, with one name, in a folder of ours that is closed to others.
    // Nothing of this program writes to it after it has its name.
    unsafe { Component::deserialize_file(engine, path) }
}

#[cfg(test)]
mod tests;
