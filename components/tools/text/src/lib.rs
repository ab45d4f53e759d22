//! Counts, compares and searches text: a Patinox tool component.
//!
//! The functions and types are described in `wit/text.wit`. The work is done in
//! plain modules, one a function, which `cargo test` runs on the host:
//! `count`, `diff`, `extract`.

mod count;
mod diff;
mod extract;
mod world;

use world::exports::patinox::text::operations::{
    CountOptions, Counts, DiffOptions, Difference, ExtractOptions, Extraction, Guest, PatternError,
};

/// The bytes that an answer may take before the rest is left out: half the
/// host's default for a result, as JSON makes it longer.
const MAX_ANSWER_BYTES: usize = 512 * 1024;

/// A length or an offset as the answer carries it. A guest's memory has fewer
/// than 2^32 bytes, so nothing is ever cut.
fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// The component.
struct Text;

impl Guest for Text {
    fn count(text: String, options: Option<CountOptions>) -> Counts {
        count::count(&text, options)
    }

    fn diff(old: String, new: String, options: Option<DiffOptions>) -> Difference {
        diff::diff(&old, &new, options)
    }

    fn extract(
        text: String,
        pattern: String,
        options: Option<ExtractOptions>,
    ) -> Result<Extraction, PatternError> {
        extract::extract(&text, &pattern, options)
    }
}
