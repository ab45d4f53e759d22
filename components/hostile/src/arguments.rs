//! `arguments`: a long text as an argument.

/// Takes a text of any length.
pub(crate) fn swallow(text: &str) -> u64 {
    text.len() as u64
}
