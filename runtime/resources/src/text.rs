//! Texts of others, cut to a length that can be kept.

use std::fmt::{self, Write as _};

/// The longest start of a text of at most so many bytes.
pub(crate) fn head(text: &str, max_bytes: usize) -> &str {
    let end = text.floor_char_boundary(max_bytes);
    text.get(..end).unwrap_or_default()
}

/// What a value displays as, cut. No more than that is ever held, however much
/// the value would write.
pub(crate) fn shown(value: &dyn fmt::Display, max_bytes: usize) -> String {
    let mut cut = Cut {
        text: String::new(),
        max_bytes,
    };
    if write!(cut, "{value}").is_err() {
        cut.text.push('…');
    }
    cut.text
}

struct Cut {
    text: String,
    max_bytes: usize,
}

impl fmt::Write for Cut {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = self.max_bytes.saturating_sub(self.text.len());
        let fits = head(more, room);
        self.text.push_str(fits);
        if fits.len() < more.len() {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(head("abc", 3), "abc");
        assert_eq!(head("abc", 2), "ab");
        assert_eq!(head("aü", 2), "a");
        assert_eq!(head("", 0), "");
    }

    #[test]
    fn what_never_ends_is_cut() {
        struct Endless;
        impl fmt::Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    f.write_str("again ")?;
                }
            }
        }
        assert_eq!(shown(&Endless, 8), "again ag…");
        assert_eq!(shown(&"as it is", 8), "as it is");
    }

    #[test]
    fn a_text_that_cannot_be_written_is_no_panic() {
        struct Fails;
        impl fmt::Display for Fails {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("half")?;
                Err(fmt::Error)
            }
        }
        assert_eq!(shown(&Fails, 80), "half…");
    }
}
