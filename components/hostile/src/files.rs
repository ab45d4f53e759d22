//! `fs-bytes`, `fs-files`, `fs-open`: much of a folder.

use crate::length;
use crate::world::wasi::filesystem::preopens::get_directories;
use crate::world::wasi::filesystem::types::{
    Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags,
};

/// What is written at once.
const PIECE: usize = 64 << 10;

/// The file that is filled.
const FILLED: &str = "filled";

/// Writes so many bytes.
pub(crate) fn fill(bytes: u64) -> Result<u64, String> {
    told(|folder| {
        let file = open(folder, FILLED, OpenFlags::CREATE | OpenFlags::TRUNCATE)?;
        let mut written = 0;
        while written < bytes {
            let piece = length(bytes - written).min(PIECE);
            written += file.write(&vec![b'x'; piece], written)?;
        }
        Ok(written)
    })
}

/// Makes a file so long.
pub(crate) fn stretch(bytes: u64) -> Result<u64, String> {
    told(|folder| {
        let file = open(folder, FILLED, OpenFlags::CREATE | OpenFlags::TRUNCATE)?;
        file.set_size(bytes)?;
        Ok(file.stat()?.size)
    })
}

/// Makes so many files and removes them.
pub(crate) fn make(n: u64) -> Result<u64, String> {
    told(|folder| {
        for number in 0..n {
            let name = format!("made-{number}");
            open(folder, &name, OpenFlags::CREATE)?;
            folder.unlink_file_at(&name)?;
        }
        Ok(n)
    })
}

/// Opens the folder so many times.
pub(crate) fn hold(n: u64) -> Result<u64, String> {
    told(|folder| {
        let folders = OpenFlags::DIRECTORY;
        let held =
            (0..n).map(|_| folder.open_at(PathFlags::empty(), ".", folders, DescriptorFlags::READ));
        let held: Vec<_> = held.collect::<Result<_, _>>()?;
        Ok(held.len() as u64)
    })
}

fn open(folder: &Descriptor, name: &str, flags: OpenFlags) -> Result<Descriptor, ErrorCode> {
    folder.open_at(PathFlags::empty(), name, flags, DescriptorFlags::WRITE)
}

fn told(work: impl FnOnce(&Descriptor) -> Result<u64, ErrorCode>) -> Result<u64, String> {
    let folders = get_directories();
    let (folder, _) = folders.first().ok_or("no folder is open")?;
    work(folder).map_err(|code| code.name().to_owned())
}
