//! Every match of a regular expression.

use regex_lite::{Captures, Regex, RegexBuilder};

use crate::world::exports::patinox::text::operations::{
    ExtractOptions, Extraction, Group, LetterCase, Occurrence, PatternError,
};
use crate::{MAX_ANSWER_BYTES, number};

const DEFAULT_LIMIT: u16 = 100;

/// The longest pattern: reading one takes many times its length in memory.
const MAX_PATTERN_BYTES: usize = 64 * 1024;

/// The memory that a pattern may take once it is compiled: a few bytes such as
/// `(a{1000}){1000}` would else take all there is.
const MAX_COMPILED_BYTES: usize = 1024 * 1024;

/// The brackets that may stand inside each other: the parser recurses.
const MAX_PATTERN_DEPTH: u32 = 50;

/// What a match or a group takes in an answer beside its text.
const ENTRY_BYTES: usize = 64;

/// Searches a text.
///
/// # Errors
/// Where the pattern is no regular expression or needs too much memory.
pub(crate) fn extract(
    text: &str,
    pattern: &str,
    options: Option<ExtractOptions>,
) -> Result<Extraction, PatternError> {
    let limit = options.and_then(|o| o.limit).unwrap_or(DEFAULT_LIMIT);
    let letter_case = options.and_then(|o| o.letter_case);
    let regex = compile(pattern, letter_case.unwrap_or(LetterCase::Distinguish))?;

    let mut left = MAX_ANSWER_BYTES;
    let mut occurrences = Vec::new();
    for captures in regex.captures_iter(text) {
        let fits = left.checked_sub(answer_bytes(&captures));
        let Some(rest) = fits.filter(|_| occurrences.len() < usize::from(limit)) else {
            return Ok(Extraction {
                occurrences,
                complete: false,
            });
        };
        left = rest;
        occurrences.extend(occurrence(&regex, &captures));
    }
    Ok(Extraction {
        occurrences,
        complete: true,
    })
}

fn compile(pattern: &str, letter_case: LetterCase) -> Result<Regex, PatternError> {
    if MAX_PATTERN_BYTES < pattern.len() {
        return Err(PatternError::TooLong(number(MAX_PATTERN_BYTES)));
    }
    RegexBuilder::new(pattern)
        .case_insensitive(letter_case == LetterCase::Ignore)
        .size_limit(MAX_COMPILED_BYTES)
        .nest_limit(MAX_PATTERN_DEPTH)
        .build()
        .map_err(|error| PatternError::Unsupported(error.to_string()))
}

fn answer_bytes(captures: &Captures<'_>) -> usize {
    captures
        .iter()
        .flatten()
        .map(|found| found.as_str().len() + ENTRY_BYTES)
        .sum()
}

/// The match with its groups. Group 0 is the match itself and always there.
fn occurrence(regex: &Regex, captures: &Captures<'_>) -> Option<Occurrence> {
    let whole = captures.get(0)?;
    let groups = (0u32..)
        .zip(regex.capture_names())
        .zip(captures.iter())
        .skip(1)
        .filter_map(|((number, name), found)| Some((number, name, found?)))
        .map(|(index, name, found)| Group {
            number: index,
            name: name.map(str::to_owned),
            start: number(found.start()),
            end: number(found.end()),
            text: found.as_str().to_owned(),
        });
    Some(Occurrence {
        start: number(whole.start()),
        end: number(whole.end()),
        text: whole.as_str().to_owned(),
        groups: groups.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: ExtractOptions = ExtractOptions {
        limit: Some(u16::MAX),
        letter_case: None,
    };

    #[track_caller]
    fn check(text: &str, pattern: &str, expected: &[(u32, u32, &str)]) {
        let found = extract(text, pattern, None).unwrap();
        assert!(found.complete);
        let found: Vec<_> = found
            .occurrences
            .iter()
            .map(|o| (o.start, o.end, o.text.as_str()))
            .collect();
        assert_eq!(found, expected, "{pattern:?}");
    }

    #[track_caller]
    fn check_error(pattern: &str, expected: &str) {
        let error = extract("text", pattern, None).unwrap_err();
        assert_eq!(error, PatternError::Unsupported(expected.to_owned()));
    }

    #[test]
    fn offsets_are_bytes() {
        check("", "a", &[]);
        check("über 12, 345", r"\d+", &[(6, 8, "12"), (10, 13, "345")]);
        check("a\nb", "(?m)^.$", &[(0, 1, "a"), (2, 3, "b")]);
        check("üa", "x*", &[(0, 0, ""), (2, 2, ""), (3, 3, "")]);
    }

    #[test]
    fn letter_case() {
        check("Ab", "ab", &[]);
        let ignore = ExtractOptions {
            letter_case: Some(LetterCase::Ignore),
            ..ALL
        };
        let found = extract("Ab", "ab", Some(ignore)).unwrap();
        assert_eq!(found.occurrences.len(), 1);
    }

    #[test]
    fn groups_that_took_part() {
        let pattern = r"(?<year>\d{4})(-)(?<month>\d\d)?(x)?";
        let found = extract("in 2026-11.", pattern, None).unwrap();
        let groups: Vec<_> = found.occurrences[0]
            .groups
            .iter()
            .map(|g| (g.number, g.name.as_deref(), g.start, g.end, g.text.as_str()))
            .collect();
        let expected = [
            (1, Some("year"), 3, 7, "2026"),
            (2, None, 7, 8, "-"),
            (3, Some("month"), 8, 10, "11"),
        ];
        assert_eq!(groups, expected);
    }

    #[test]
    fn more_than_the_limit_is_cut() {
        let two = ExtractOptions {
            limit: Some(2),
            ..ALL
        };
        let found = extract("aaa", "a", Some(two)).unwrap();
        assert_eq!((found.occurrences.len(), found.complete), (2, false));
        let found = extract("aa", "a", Some(two)).unwrap();
        assert_eq!((found.occurrences.len(), found.complete), (2, true));
    }

    #[test]
    fn more_than_fits_is_cut() {
        let text = "a".repeat(MAX_ANSWER_BYTES);
        let found = extract(&text, "a", Some(ALL)).unwrap();
        let bytes = found.occurrences.len() * (1 + ENTRY_BYTES);
        assert!(!found.complete && bytes <= MAX_ANSWER_BYTES, "{bytes}");
    }

    #[test]
    fn patterns_that_cannot_be_used() {
        check_error("(", "found open group without closing ')'");
        check_error("(?=a)", "look-around is not supported");
        check_error(r"\p{L}", "Unicode character classes are not supported");
        check_error("(a{1000}){1000}", "compiled regex exceeded size limit");
        let deep = "(".repeat(1000);
        check_error(&deep, "pattern has too much nesting");
        let long = "a".repeat(MAX_PATTERN_BYTES + 1);
        let error = extract("", &long, None).unwrap_err();
        assert_eq!(error, PatternError::TooLong(65_536));
    }
}
