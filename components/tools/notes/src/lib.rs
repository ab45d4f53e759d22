//! Keeps notes from call to call: a Patinox tool component.
//!
//! The functions and types are described in `wit/notes.wit`. The work is done in
//! `book`, which `cargo test` runs on the host; `bucket` is where the notes are kept.

mod book;
mod bucket;
mod world;

use book::Book;
use world::exports::patinox::notes::operations::{Guest, Note, Options, Page};

/// The component.
struct Notes;

impl Guest for Notes {
    fn add(text: String) -> Result<u64, String> {
        Book::new(bucket::open()?).add(&text)
    }

    fn get(id: u64) -> Result<Note, String> {
        Book::new(bucket::open()?).get(id)
    }

    fn list(options: Option<Options>) -> Result<Page, String> {
        Book::new(bucket::open()?).list(options)
    }

    fn search(words: String, options: Option<Options>) -> Result<Page, String> {
        Book::new(bucket::open()?).search(&words, options)
    }

    fn edit(id: u64, text: String) -> Result<(), String> {
        Book::new(bucket::open()?).edit(id, &text)
    }

    fn remove(id: u64) -> Result<(), String> {
        Book::new(bucket::open()?).remove(id)
    }
}
