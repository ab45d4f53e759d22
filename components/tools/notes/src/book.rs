//! Notes by their numbers.

use std::collections::BTreeSet;

use crate::world::exports::patinox::notes::operations::{Note, Options, Page};

/// The most bytes of a note.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The bytes that an answer may take before the rest is left out: half the host's
/// default for a result, as JSON makes it longer.
const MAX_ANSWER_BYTES: usize = 512 * 1024;

/// What a note takes in an answer beside its text.
const NOTE_BYTES: usize = 64;

/// How many notes are read at once.
const AT_ONCE: usize = 100;

const DEFAULT_LIMIT: u16 = 100;

/// The key of the number that was given last.
const LAST: &str = "last";

/// What the key of a note begins with.
const NOTE: &str = "note/";

/// Where notes are kept. What fails says why.
pub(crate) trait Keep {
    /// Adds one to a number, and tells what it is then.
    fn increment(&self, key: &str) -> Result<u64, String>;
    /// Puts a value there.
    fn set(&self, key: &str, value: &[u8]) -> Result<(), String>;
    /// Values, in the order of their keys.
    fn get(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, String>;
    /// Takes a value away.
    fn delete(&self, key: &str) -> Result<(), String>;
    /// Some keys, and where the next begin.
    fn keys(&self, cursor: Option<u64>) -> Result<(Vec<String>, Option<u64>), String>;
}

/// All notes.
pub(crate) struct Book<K>(K);

impl<K: Keep> Book<K> {
    pub(crate) fn new(kept: K) -> Self {
        Self(kept)
    }

    pub(crate) fn add(&self, text: &str) -> Result<u64, String> {
        check(text)?;
        let id = self.0.increment(LAST)?;
        self.0.set(&key(id), text.as_bytes())?;
        Ok(id)
    }

    pub(crate) fn get(&self, id: u64) -> Result<Note, String> {
        let value = self.0.get(&[key(id)])?.pop().flatten();
        value.map(|value| note(id, value)).ok_or_else(|| none(id))
    }

    pub(crate) fn list(&self, options: Option<Options>) -> Result<Page, String> {
        self.page(options, |_| true)
    }

    pub(crate) fn search(&self, words: &str, options: Option<Options>) -> Result<Page, String> {
        let words = words.to_lowercase();
        let words: Vec<_> = words.split_whitespace().collect();
        if words.is_empty() {
            return Err("there are no words to search for".to_owned());
        }
        self.page(options, |text| {
            let text = text.to_lowercase();
            words.iter().all(|word| text.contains(word))
        })
    }

    pub(crate) fn edit(&self, id: u64, text: &str) -> Result<(), String> {
        check(text)?;
        self.get(id)?;
        self.0.set(&key(id), text.as_bytes())
    }

    pub(crate) fn remove(&self, id: u64) -> Result<(), String> {
        self.get(id)?;
        self.0.delete(&key(id))
    }

    fn page(
        &self,
        options: Option<Options>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Page, String> {
        let after = options.and_then(|options| options.after).unwrap_or(0);
        let limit = options.and_then(|options| options.limit);
        let limit = usize::from(limit.unwrap_or(DEFAULT_LIMIT));
        let mut left = MAX_ANSWER_BYTES;
        let mut page = Page {
            notes: Vec::new(),
            complete: true,
        };
        let ids = self.ids(after)?;
        for ids in ids.chunks(AT_ONCE) {
            let keys: Vec<_> = ids.iter().map(|id| key(*id)).collect();
            for (id, value) in ids.iter().zip(self.0.get(&keys)?) {
                // It was taken away meanwhile.
                let Some(value) = value else { continue };
                let note = note(*id, value);
                if !wanted(&note.text) {
                    continue;
                }
                let rest = left.checked_sub(note.text.len() + NOTE_BYTES);
                let Some(rest) = rest.filter(|_| page.notes.len() < limit) else {
                    page.complete = false;
                    return Ok(page);
                };
                left = rest;
                page.notes.push(note);
            }
        }
        Ok(page)
    }

    /// The numbers above one, in order.
    fn ids(&self, after: u64) -> Result<Vec<u64>, String> {
        let mut ids = BTreeSet::new();
        let mut cursor = None;
        loop {
            let (keys, next) = self.0.keys(cursor)?;
            let found = keys
                .iter()
                .filter_map(|key| key.strip_prefix(NOTE)?.parse().ok());
            ids.extend(found.filter(|id| after < *id));
            if next.is_none() {
                return Ok(ids.into_iter().collect());
            }
            cursor = next;
        }
    }
}

fn key(id: u64) -> String {
    format!("{NOTE}{id}")
}

fn note(id: u64, value: Vec<u8>) -> Note {
    let text = String::from_utf8_lossy(&value).into_owned();
    Note { id, text }
}

fn none(id: u64) -> String {
    format!("there is no note {id}")
}

fn check(text: &str) -> Result<(), String> {
    match text.len() {
        0 => Err("a note has some text".to_owned()),
        1..=MAX_TEXT_BYTES => Ok(()),
        bytes => Err(format!(
            "a note has at most {MAX_TEXT_BYTES} bytes, not {bytes}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use super::*;

    /// Kept in memory, three keys a page.
    #[derive(Default)]
    struct Memory(RefCell<BTreeMap<String, Vec<u8>>>);

    impl Keep for Memory {
        fn increment(&self, key: &str) -> Result<u64, String> {
            let mut all = self.0.borrow_mut();
            let value = all.entry(key.to_owned()).or_insert_with(|| b"0".to_vec());
            let number = String::from_utf8_lossy(value).parse::<u64>().unwrap() + 1;
            *value = number.to_string().into_bytes();
            Ok(number)
        }

        fn set(&self, key: &str, value: &[u8]) -> Result<(), String> {
            self.0.borrow_mut().insert(key.to_owned(), value.to_vec());
            Ok(())
        }

        fn get(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, String> {
            let all = self.0.borrow();
            Ok(keys.iter().map(|key| all.get(key).cloned()).collect())
        }

        fn delete(&self, key: &str) -> Result<(), String> {
            self.0.borrow_mut().remove(key);
            Ok(())
        }

        fn keys(&self, cursor: Option<u64>) -> Result<(Vec<String>, Option<u64>), String> {
            let from = usize::try_from(cursor.unwrap_or(0)).unwrap();
            let all = self.0.borrow();
            let keys: Vec<_> = all.keys().skip(from).take(3).cloned().collect();
            let next = from + keys.len();
            let cursor = (next < all.len()).then(|| u64::try_from(next).unwrap());
            Ok((keys, cursor))
        }
    }

    fn book(texts: &[&str]) -> Book<Memory> {
        let book = Book::new(Memory::default());
        for (text, id) in texts.iter().zip(1..) {
            assert_eq!(book.add(text), Ok(id));
        }
        book
    }

    fn ids(page: &Page) -> Vec<u64> {
        page.notes.iter().map(|note| note.id).collect()
    }

    fn options(after: u64, limit: u16) -> Option<Options> {
        Some(Options {
            after: Some(after),
            limit: Some(limit),
        })
    }

    #[test]
    fn notes_are_listed_by_number_a_page_at_a_time() {
        let texts: Vec<_> = (1..=12).map(|number| format!("note {number}")).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let book = book(&texts);
        let all = book.list(None).unwrap();
        assert_eq!((ids(&all), all.complete), ((1..=12).collect(), true));
        let some = book.list(options(3, 4)).unwrap();
        assert_eq!((ids(&some), some.complete), (vec![4, 5, 6, 7], false));
        let rest = book.list(options(7, 5)).unwrap();
        assert_eq!((ids(&rest), rest.complete), ((8..=12).collect(), true));
    }

    #[test]
    fn notes_are_found_by_all_their_words() {
        let book = book(&["Buy milk", "buy bread and Milk", "call Ada"]);
        let found = book.search(" MILK  buy", None).unwrap();
        assert_eq!(ids(&found), [1, 2]);
        assert_eq!(ids(&book.search("ada", None).unwrap()), [3]);
        assert!(book.search("nothing", None).unwrap().notes.is_empty());
        assert!(book.search("  ", None).is_err());
    }

    #[test]
    fn a_note_is_edited_and_removed_and_its_number_is_not_given_again() {
        let book = book(&["one", "two"]);
        book.edit(1, "uno").unwrap();
        assert_eq!(book.get(1).unwrap().text, "uno");
        book.remove(2).unwrap();
        for gone in [book.get(2).map(drop), book.edit(2, "x"), book.remove(2)] {
            assert_eq!(gone, Err("there is no note 2".to_owned()));
        }
        assert_eq!(book.add("three"), Ok(3));
    }

    #[test]
    fn what_is_no_note_is_refused_and_a_long_answer_is_cut() {
        let book = book(&[]);
        assert_eq!(book.add(""), Err("a note has some text".to_owned()));
        let text = "x".repeat(MAX_TEXT_BYTES + 1);
        assert_eq!(
            book.add(&text),
            Err("a note has at most 65536 bytes, not 65537".to_owned())
        );
        let text = "x".repeat(MAX_TEXT_BYTES);
        for id in 1..=9 {
            assert_eq!(book.add(&text), Ok(id));
        }
        let page = book.list(None).unwrap();
        assert_eq!((page.notes.len(), page.complete), (7, false));
    }
}
