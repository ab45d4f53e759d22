//! Lines that match a regular expression, in all files below a folder.

use std::fs;
use std::path::{Path, PathBuf};

use regex_lite::{Regex, RegexBuilder};

use crate::list::entries;
use crate::world::exports::patinox::files::operations::{Kind, Match, Matches, SearchOptions};
use crate::{MAX_ANSWER_BYTES, message, told};

const DEFAULT_LIMIT: u16 = 100;

/// The largest file that is looked into, in bytes.
const MAX_FILE_BYTES: u64 = 8 << 20;

/// The longest pattern, in bytes: reading one takes many times its length in memory.
const MAX_PATTERN_BYTES: usize = 4 * 1024;

/// The memory that a pattern may take once it is compiled.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// The brackets that may stand inside each other: the parser recurses.
const MAX_PATTERN_DEPTH: u32 = 50;

/// The most characters of a line that are told.
const MAX_LINE_CHARS: usize = 500;

/// What a match takes in an answer beside its texts.
const MATCH_BYTES: usize = 64;

/// Searches a file, or what lies below a folder.
///
/// # Errors
/// Where the pattern is no regular expression, or nothing can be read there.
pub(crate) fn search(
    path: &str,
    pattern: &str,
    options: Option<SearchOptions>,
) -> Result<Matches, String> {
    let options = options.unwrap_or(SearchOptions {
        suffix: None,
        limit: None,
    });
    let mut found = Found {
        regex: compile(pattern)?,
        limit: options.limit.unwrap_or(DEFAULT_LIMIT).into(),
        left: MAX_ANSWER_BYTES,
        matches: Matches {
            found: Vec::new(),
            complete: true,
            files: 0,
            skipped: 0,
        },
    };
    let top = Path::new(path);
    if fs::metadata(top).map_err(told(top))?.is_file() {
        found.look_into(top);
        return Ok(found.matches);
    }
    let suffix = options.suffix.as_deref().unwrap_or_default();
    let mut folders = vec![PathBuf::from(path)];
    let mut is_first = true;
    while let Some(folder) = folders.pop() {
        let all = match (entries(&folder), is_first) {
            (Ok(all), _) => all,
            (Err(why), true) => return Err(why),
            (Err(_), false) => continue,
        };
        is_first = false;
        for (path, entry) in &all {
            if entry.kind == Kind::File && entry.path.ends_with(suffix) {
                found.look_into(path);
            }
            if !found.matches.complete {
                return Ok(found.matches);
            }
        }
        let inner = all.into_iter().rev();
        let inner = inner.filter(|(_, entry)| entry.kind == Kind::Folder);
        folders.extend(inner.map(|(path, _)| path));
    }
    Ok(found.matches)
}

fn compile(pattern: &str) -> Result<Regex, String> {
    if MAX_PATTERN_BYTES < pattern.len() {
        return Err(format!(
            "a pattern has at most {MAX_PATTERN_BYTES} bytes, not {}",
            pattern.len()
        ));
    }
    let regex = RegexBuilder::new(pattern)
        .size_limit(MAX_COMPILED_BYTES)
        .nest_limit(MAX_PATTERN_DEPTH)
        .build();
    regex.map_err(|error| message("the pattern", &error))
}

struct Found {
    regex: Regex,
    limit: usize,
    left: usize,
    matches: Matches,
}

impl Found {
    fn look_into(&mut self, path: &Path) {
        let is_small = fs::metadata(path).is_ok_and(|found| found.len() <= MAX_FILE_BYTES);
        let text = is_small.then(|| fs::read_to_string(path).ok()).flatten();
        let Some(text) = text else {
            self.matches.skipped = self.matches.skipped.saturating_add(1);
            return;
        };
        self.matches.files = self.matches.files.saturating_add(1);
        for (line, number) in text.lines().zip(1..) {
            if self.regex.is_match(line) && !self.add(path, line, number) {
                self.matches.complete = false;
                return;
            }
        }
    }

    /// Adds a line, if there is room for it.
    fn add(&mut self, path: &Path, line: &str, number: u32) -> bool {
        let text: String = line.chars().take(MAX_LINE_CHARS).collect();
        let path = path.to_string_lossy().into_owned();
        let rest = self.left.checked_sub(text.len() + path.len() + MATCH_BYTES);
        let Some(rest) = rest.filter(|_| self.matches.found.len() < self.limit) else {
            return false;
        };
        self.left = rest;
        self.matches.found.push(Match {
            path,
            line: number,
            text,
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::tests::Folder;

    fn options(suffix: &str, limit: u16) -> Option<SearchOptions> {
        Some(SearchOptions {
            suffix: Some(suffix.to_owned()),
            limit: Some(limit),
        })
    }

    #[test]
    fn lines_are_found_below_a_folder() {
        let folder = Folder::with(&[
            ("a.md", "one fox\ntwo\n"),
            ("sub/b.txt", "a fox"),
            ("sub/c.md", "no\nfoxes"),
        ]);
        let all = search(&folder.path(""), "fox(es)?$", None).unwrap();
        let lines: Vec<_> = all
            .found
            .iter()
            .map(|one| (one.line, one.text.as_str()))
            .collect();
        assert_eq!(lines, [(1, "one fox"), (1, "a fox"), (2, "foxes")]);
        assert_eq!((all.files, all.skipped, all.complete), (3, 0, true));
        let some = search(&folder.path(""), "fox", options(".md", 1)).unwrap();
        assert_eq!((some.found.len(), some.complete), (1, false));
        let one = search(&folder.path("sub/b.txt"), "fox", None).unwrap();
        assert_eq!(one.found.len(), 1);
    }

    #[test]
    fn what_is_no_text_is_skipped_and_what_is_no_pattern_is_told() {
        let folder = Folder::with(&[("a.txt", "x")]);
        fs::write(folder.path("b.bin"), b"\xff").unwrap();
        let found = search(&folder.path(""), "x", None).unwrap();
        assert_eq!((found.files, found.skipped), (1, 1));
        let error = search(&folder.path(""), "(", None).unwrap_err();
        assert!(error.starts_with("the pattern: "), "{error}");
        let bomb = "(a{1000}){1000}";
        assert!(search(&folder.path(""), bomb, None).is_err());
        let error = search("/no/such", "x", None).unwrap_err();
        assert!(error.starts_with("/no/such: "), "{error}");
    }
}
