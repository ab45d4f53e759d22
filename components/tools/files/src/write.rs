//! Writes a file.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::told;
use crate::world::exports::patinox::files::operations::Existing;

/// Writes a text, and tells the bytes of the file.
///
/// # Errors
/// Where it may not be written, and where it is there and is to be left.
pub(crate) fn write(path: &str, text: &str, existing: Existing) -> Result<u64, String> {
    let path = Path::new(path);
    if let Some(folder) = path.parent()
        && !folder.is_dir()
    {
        fs::create_dir_all(folder).map_err(told(path))?;
    }
    let mut options = File::options();
    match existing {
        Existing::Fail => options.write(true).create_new(true),
        Existing::Replace => options.write(true).create(true).truncate(true),
        Existing::Append => options.append(true).create(true),
    };
    let mut file = options.open(path).map_err(told(path))?;
    file.write_all(text.as_bytes()).map_err(told(path))?;
    Ok(file.metadata().map_err(told(path))?.len())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A folder for a test, with files in it.
    pub(crate) struct Folder(PathBuf);

    impl Folder {
        pub(crate) fn with(files: &[(&str, &str)]) -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("patinox-files-{}-{number}", std::process::id());
            let folder = Self(std::env::temp_dir().join(name));
            fs::create_dir(&folder.0).unwrap();
            for (name, text) in files {
                write(&folder.path(name), text, Existing::Fail).unwrap();
            }
            folder
        }

        pub(crate) fn path(&self, name: &str) -> String {
            format!("{}/{name}", self.0.display())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_file_is_made_left_replaced_or_added_to() {
        let folder = Folder::with(&[]);
        let path = folder.path("sub/a.txt");
        assert_eq!(write(&path, "one", Existing::Fail), Ok(3));
        let error = write(&path, "two", Existing::Fail).unwrap_err();
        assert!(error.starts_with(&path), "{error}");
        assert_eq!(write(&path, "+", Existing::Append), Ok(4));
        assert_eq!(fs::read_to_string(&path).unwrap(), "one+");
        assert_eq!(write(&path, "2", Existing::Replace), Ok(1));
        assert_eq!(fs::read_to_string(&path).unwrap(), "2");
    }
}
