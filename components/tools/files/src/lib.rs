//! Lists, reads, searches and writes files: a Patinox tool component.
//!
//! The functions and types are described in `wit/files.wit`. The work is done in
//! plain modules, one a function, which `cargo test` runs on the host:
//! `list`, `read`, `search`, `write`.

mod list;
mod read;
mod search;
mod world;
mod write;

use std::fmt::Display;
use std::io;
use std::path::Path;

use world::exports::patinox::files::operations::{
    Content, Existing, Guest, ListOptions, Listing, Matches, ReadOptions, SearchOptions,
};
use world::wasi::filesystem::preopens;

/// The bytes that an answer may take before the rest is left out: half the
/// host's default for a result, as JSON makes it longer.
const MAX_ANSWER_BYTES: usize = 512 * 1024;

/// The component.
struct Files;

impl Guest for Files {
    fn folders() -> Vec<String> {
        let all = preopens::get_directories().into_iter();
        // Nothing lies in a root that was not granted.
        let paths = all.map(|(_, path)| path);
        paths.filter(|path| path != "/").collect()
    }

    fn list(path: String, options: Option<ListOptions>) -> Result<Listing, String> {
        list::list(&path, options)
    }

    fn read(path: String, options: Option<ReadOptions>) -> Result<Content, String> {
        read::read(&path, options)
    }

    fn search(
        path: String,
        pattern: String,
        options: Option<SearchOptions>,
    ) -> Result<Matches, String> {
        search::search(&path, &pattern, options)
    }

    fn write(path: String, text: String, existing: Option<Existing>) -> Result<u64, String> {
        write::write(&path, &text, existing.unwrap_or(Existing::Fail))
    }
}

/// What failed, by the path that it is about.
fn told(path: impl AsRef<Path>) -> impl Fn(io::Error) -> String {
    move |error| message(&path, &error)
}

fn message(path: impl AsRef<Path>, why: &dyn Display) -> String {
    format!("{}: {why}", path.as_ref().display())
}
