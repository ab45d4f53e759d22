//! `error-text`: a long and nasty text as an error.

use crate::length;

/// Clears the screen, sets the title and the colour, breaks the line, and turns
/// the reading direction; ends with a control character of the C1 set.
const NASTY: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{1b}[31mred\r\n\u{202e}desrever\u{0}\u{9b}31m";

/// Fails with so many bytes, or with the whole of the nasty part if that is
/// more.
pub(crate) fn fail(bytes: u64) -> Result<u64, String> {
    if bytes == 0 {
        return Ok(0);
    }
    let rest = length(bytes).saturating_sub(NASTY.len());
    Err(format!("{NASTY}{}", "x".repeat(rest)))
}
