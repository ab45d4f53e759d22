//! Text that a guest chose, made safe to show.

use std::borrow::Cow;
use std::fmt::Write as _;

/// What stands at the end of a text that was cut.
pub const CUT_MARK: &str = "… [cut]";

/// Whether a character could steer a terminal or disguise a text: C0 and C1
/// controls, line and paragraph separators, bidirectional controls, zero-width
/// and other invisible characters.
///
/// Tab and line feed count as unsafe; [`escape_block`] lets them through.
#[must_use]
pub const fn is_unsafe_char(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{2800}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Escapes a guest's text for one line of a log or terminal: `\n`, `\u{202e}`.
///
/// A backslash is doubled, so that the guest cannot forge an escape.
#[must_use]
pub fn escape_line(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// As [`escape_line`], but line feeds and tabs stay.
#[must_use]
pub fn escape_block(text: &str) -> Cow<'_, str> {
    escape(text, |c| matches!(c, '\n' | '\t' | '\\'))
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    let must = |c: char| (is_unsafe_char(c) || c == '\\') && !keep(c);
    if !text.contains(must) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if !must(c) => escaped.push(c),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            c => {
                // Writing to a `String` cannot fail.
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    Cow::Owned(escaped)
}

/// Cuts a text to at most `max_bytes`, the [mark](CUT_MARK) included, at a
/// character's border.
///
/// Below the mark's own length nothing but as much text as fits is kept.
#[must_use]
pub fn cut(text: &str, max_bytes: usize) -> Cow<'_, str> {
    if text.len() <= max_bytes {
        return Cow::Borrowed(text);
    }
    let Some(room) = max_bytes.checked_sub(CUT_MARK.len()) else {
        let end = text.floor_char_boundary(max_bytes);
        return Cow::Borrowed(text.get(..end).unwrap_or_default());
    };
    let end = text.floor_char_boundary(room);
    let mut kept = text.get(..end).unwrap_or_default().to_owned();
    kept.push_str(CUT_MARK);
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_what_steers_a_terminal() {
        assert_eq!(escape_line("\u{1b}[2J"), "\\u{1b}[2J");
        assert_eq!(escape_line("a\nb\tc\rd"), "a\\nb\\tc\\rd");
        assert_eq!(escape_line("evil\u{202e}txt"), "evil\\u{202e}txt");
        assert_eq!(escape_line("zero\u{200b}width"), "zero\\u{200b}width");
        assert_eq!(escape_line("\\n"), "\\\\n");
        assert_eq!(escape_line("grüße"), "grüße");
        assert_eq!(escape_block("a\n\tb\\\u{9b}"), "a\n\tb\\\\u{9b}");
    }

    #[test]
    fn cuts_at_a_character() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("éééééééééééé", 12), format!("é{CUT_MARK}"));
        assert_eq!(cut("abcdef", 3), "abc");
    }

    proptest! {
        #[test]
        fn an_escaped_line_has_nothing_unsafe(text: String) {
            prop_assert!(!escape_line(&text).contains(is_unsafe_char));
        }

        #[test]
        fn a_cut_text_fits(text: String, max in 0..200_usize) {
            prop_assert!(cut(&text, max).len() <= max);
        }
    }
}
