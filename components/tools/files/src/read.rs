//! Some lines of a file.

use std::fs::File;
use std::io::{BufRead, BufReader};

use crate::world::exports::patinox::files::operations::{Content, ReadOptions};
use crate::{MAX_ANSWER_BYTES, message, told};

/// Reads some lines.
///
/// # Errors
/// Where the file cannot be read, or what is read of it is not UTF-8.
pub(crate) fn read(path: &str, options: Option<ReadOptions>) -> Result<Content, String> {
    let from_line = options.and_then(|o| o.from_line).unwrap_or(1).max(1);
    let lines = options.and_then(|o| o.lines).unwrap_or(u32::MAX);
    let mut file = BufReader::new(File::open(path).map_err(told(path))?);
    for _ in 1..from_line {
        if file.skip_until(b'\n').map_err(told(path))? == 0 {
            break;
        }
    }
    let mut text = Vec::new();
    let mut complete = false;
    for _ in 0..lines {
        let before = text.len();
        if file.read_until(b'\n', &mut text).map_err(told(path))? == 0 {
            complete = true;
            break;
        }
        if MAX_ANSWER_BYTES < text.len() {
            // A line that is longer than all that fits is told as far as it does.
            text.truncate(if before == 0 {
                MAX_ANSWER_BYTES
            } else {
                before
            });
            break;
        }
    }
    complete |= file.fill_buf().map_err(told(path))?.is_empty() && text.len() < MAX_ANSWER_BYTES;
    Ok(Content {
        text: as_text(text).ok_or_else(|| message(path, &"it is not UTF-8 text"))?,
        from_line,
        complete,
    })
}

/// As text, but for a character that was cut at the end.
fn as_text(bytes: Vec<u8>) -> Option<String> {
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if error.utf8_error().error_len().is_none() => {
            let end = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            let is_cut = MAX_ANSWER_BYTES <= bytes.len();
            bytes.truncate(end);
            String::from_utf8(bytes).ok().filter(|_| is_cut)
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::tests::Folder;

    fn some(path: &str, from_line: u32, lines: u32) -> (String, bool) {
        let options = ReadOptions {
            from_line: Some(from_line),
            lines: Some(lines),
        };
        let content = read(path, Some(options)).unwrap();
        (content.text, content.complete)
    }

    #[test]
    fn lines_are_read_from_where_it_is_asked() {
        let folder = Folder::with(&[("a.txt", "one\ntwo\nthree")]);
        let path = folder.path("a.txt");
        assert_eq!(some(&path, 1, 9), ("one\ntwo\nthree".to_owned(), true));
        assert_eq!(some(&path, 2, 1), ("two\n".to_owned(), false));
        assert_eq!(some(&path, 3, 1), ("three".to_owned(), true));
        assert_eq!(some(&path, 9, 1), (String::new(), true));
    }

    #[test]
    fn a_long_file_is_cut_between_lines_and_a_long_line_between_characters() {
        let line = format!("{}\n", "x".repeat(999));
        let folder = Folder::with(&[
            ("lines.txt", &line.repeat(1_000)),
            ("line.txt", &"é".repeat(MAX_ANSWER_BYTES)),
        ]);
        let (text, complete) = some(&folder.path("lines.txt"), 1, u32::MAX);
        assert!(!complete && text.ends_with('\n') && text.len() <= MAX_ANSWER_BYTES);
        let (text, complete) = some(&folder.path("line.txt"), 1, u32::MAX);
        assert!(
            !complete && text.chars().all(|c| c == 'é'),
            "{}",
            text.len()
        );
    }

    #[test]
    fn what_is_not_text_is_refused_by_its_path() {
        let folder = Folder::with(&[]);
        let path = folder.path("a.bin");
        std::fs::write(&path, b"\xff\x00").unwrap();
        assert_eq!(
            read(&path, None).unwrap_err(),
            format!("{path}: it is not UTF-8 text")
        );
        std::fs::write(&path, b"ab\xc3").unwrap();
        assert!(read(&path, None).is_err());
    }
}
