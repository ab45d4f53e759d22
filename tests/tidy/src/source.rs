//! Rust source, read as far as the rules need: without comments, strings and
//! tests, function by function.

/// A function of a source file.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of its name.
    pub line: usize,
    /// How many lines of its body hold code.
    pub lines: usize,
}

/// What a piece of source is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Code,
    Comment,
    Literal,
}

/// The source with comments blanked out and literals filled with `"`.
///
/// Lines and columns stay where they were.
#[must_use]
pub fn code(source: &str) -> String {
    mask(source, |piece| match piece {
        Piece::Code => None,
        Piece::Comment => Some(' '),
        Piece::Literal => Some('"'),
    })
}

/// The source with comments blanked out, literals kept.
#[must_use]
pub fn code_and_literals(source: &str) -> String {
    mask(source, |piece| (piece == Piece::Comment).then_some(' '))
}

fn mask(source: &str, fill: impl Fn(Piece) -> Option<char>) -> String {
    let mut masked = String::with_capacity(source.len());
    let (mut rest, mut before) = (source, ' ');
    while !rest.is_empty() {
        let (piece, length) = first_piece(rest, before);
        let (text, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        match fill(piece) {
            None => masked.push_str(text),
            // As many bytes as before: offsets in the one hold in the other.
            Some(filler) => masked.extend(text.bytes().map(|b| match b {
                b'\n' => '\n',
                _ => filler,
            })),
        }
        before = text.chars().next_back().unwrap_or(before);
        rest = after;
    }
    masked
}

/// The kind and the length in bytes of what the text begins with.
fn first_piece(text: &str, before: char) -> (Piece, usize) {
    if text.starts_with("//") {
        return (Piece::Comment, text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return (Piece::Comment, block_comment(text));
    }
    if let Some(length) = raw_string(text, before) {
        return (Piece::Literal, length);
    }
    if text.starts_with('"') {
        return (Piece::Literal, quoted(text, '"'));
    }
    if is_char_literal(text) {
        return (Piece::Literal, quoted(text, '\''));
    }
    (Piece::Code, text.chars().next().map_or(1, char::len_utf8))
}

fn block_comment(text: &str) -> usize {
    let (mut rest, mut depth) = (text, 0_usize);
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix("/*") {
            (rest, depth) = (inner, depth + 1);
        } else if let Some(outer) = rest.strip_prefix("*/") {
            (rest, depth) = (outer, depth - 1);
            if depth == 0 {
                break;
            }
        } else {
            rest = rest.get(rest.ceil_char_boundary(1)..).unwrap_or_default();
        }
    }
    text.len() - rest.len()
}

fn raw_string(text: &str, before: char) -> Option<usize> {
    if is_word_char(before) {
        return None;
    }
    let start = ["r", "br", "cr"]
        .into_iter()
        .find_map(|prefix| text.strip_prefix(prefix))?;
    let opened = start.trim_start_matches('#');
    let hashes = start.len() - opened.len();
    let content = opened.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = content
        .find(&end)
        .map_or(content.len(), |at| at + end.len());
    Some(text.len() - content.len() + length)
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A quote begins a character, not a lifetime, if a backslash follows it, or
/// one character and a second quote.
fn is_char_literal(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next() == Some('\'') && (chars.next() == Some('\\') || chars.next() == Some('\''))
}

const fn is_word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Blanks out every item under `#[cfg(test)]`. Takes masked source.
#[must_use]
pub fn without_tests(code: &str) -> String {
    const GATE: &str = "#[cfg(test)]";
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some((before, after)) = rest.split_once(GATE) {
        let (item, next) = after
            .split_at_checked(item_end(after))
            .unwrap_or((after, ""));
        kept.push_str(before);
        kept.extend(item.chars().filter(|c| *c == '\n'));
        rest = next;
    }
    kept.push_str(rest);
    kept
}

/// Where the first item ends: behind its block, or its semicolon.
fn item_end(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && matches!(c, '}' | ';') {
            return at + 1;
        }
    }
    code.len()
}

/// The functions that have a body. Takes masked source.
#[must_use]
pub fn functions(code: &str) -> Vec<Function> {
    words(code, "fn")
        .filter_map(|at| function(code, at))
        .collect()
}

fn function(code: &str, at: usize) -> Option<Function> {
    let item = code.get(at..)?;
    let name = item.strip_prefix("fn")?.trim_start();
    let name: String = name.chars().take_while(|c| is_word_char(*c)).collect();
    let item = item.get(..item_end(item))?;
    let (_, body) = item.split_once('{')?;
    if name.is_empty() {
        return None;
    }
    Some(Function {
        name,
        line: line_of(code, at),
        lines: code_lines(body.strip_suffix('}')?).max(1),
    })
}

/// How many lines hold code. Takes masked source.
#[must_use]
pub fn code_lines(code: &str) -> usize {
    code.lines().filter(|line| !line.trim().is_empty()).count()
}

/// Where a word or path stands by itself, in bytes.
pub fn words<'c>(code: &'c str, word: &'c str) -> impl Iterator<Item = usize> {
    code.match_indices(word).filter_map(move |(at, _)| {
        let before = code.get(..at)?.chars().next_back();
        let after = code.get(at + word.len()..)?.chars().next();
        let alone = |c: Option<char>| !c.is_some_and(is_word_char);
        // A word that ends in punctuation says itself what may follow.
        let open = !word.ends_with(is_word_char) || alone(after);
        (alone(before) && open).then_some(at)
    })
}

/// The line of an offset, from 1.
#[must_use]
pub fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|b| *b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        assert_eq!(code(source), expected);
        assert_eq!(code(source).len(), source.len());
    }

    #[test]
    fn comments_are_blank_and_literals_filled() {
        check("a // b", "a     ");
        check("/*/ x */ z", "         z");
        check("/* /* x */ y */ z", "                z");
        check("f(\"{\", '{', '\\'')", "f(\"\"\", \"\"\", \"\"\"\")");
        check("r#\"a\"b\"# + x", "\"\"\"\"\"\"\"\" + x");
        check("for<'a> &'a str", "for<'a> &'a str");
        check("br\"//\";", "\"\"\"\"\"\";");
        check("\"a\nb\"", "\"\"\n\"\"");
        assert_eq!(code_and_literals("\"//\" // x"), "\"//\"     ");
    }

    #[test]
    fn tests_are_cut_and_lines_stay() {
        let source = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { {} }\n}\nfn c() {}\n";
        let kept = without_tests(source);
        assert_eq!(kept, "fn a() {}\n\n\n\n\nfn c() {}\n");
        assert_eq!(without_tests("#[cfg(test)]\nmod tests;\nx"), "\n\nx");
    }

    #[test]
    fn functions_are_measured() {
        let source = "trait T { fn no(&self) -> [u8; 4]; }\n\
                      fn one() -> u8 { 1 }\n\
                      fn two(\n    a: fn(u8),\n) {\n    a(1);\n\n    if x {\n    }\n}\n";
        let found: Vec<_> = functions(source)
            .into_iter()
            .map(|f| (f.name, f.line, f.lines))
            .collect();
        assert_eq!(found, [("one".to_owned(), 2, 1), ("two".to_owned(), 3, 3)]);
    }

    #[test]
    fn a_word_stands_alone() {
        let at: Vec<_> = words("unsafe_code unsafe x::unsafe", "unsafe").collect();
        assert_eq!(at, [12, 22]);
        assert_eq!(words("std::env::var", "std::env").count(), 1);
    }
}
