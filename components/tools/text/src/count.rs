//! Lines, words, sentences and the words that are used most.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashMap;

use crate::number;
use crate::world::exports::patinox::text::operations::{
    CountOptions, Counts, LetterCase, WordCount,
};

const DEFAULT_TOP: u8 = 10;
const DEFAULT_SHORTEST: u8 = 1;

/// Measures a text.
pub(crate) fn count(text: &str, options: Option<CountOptions>) -> Counts {
    Counts {
        lines: number(text.lines().count()),
        words: number(words(text).count()),
        sentences: number(sentences(text)),
        characters: number(text.chars().count()),
        bytes: number(text.len()),
        frequent_words: frequent_words(text, options),
    }
}

fn frequent_words(text: &str, options: Option<CountOptions>) -> Vec<WordCount> {
    let top = options.and_then(|o| o.top).unwrap_or(DEFAULT_TOP);
    let shortest = options.and_then(|o| o.shortest);
    let shortest = usize::from(shortest.unwrap_or(DEFAULT_SHORTEST));
    let text = match options.and_then(|o| o.letter_case) {
        None | Some(LetterCase::Ignore) => Cow::Owned(text.to_lowercase()),
        Some(LetterCase::Distinguish) => Cow::Borrowed(text),
    };

    let mut counted: HashMap<&str, u32> = HashMap::new();
    for word in words(&text).filter(|word| shortest <= word.chars().count()) {
        let count = counted.entry(word).or_default();
        *count = count.saturating_add(1);
    }
    let mut ranked: Vec<(&str, u32)> = counted.into_iter().collect();
    ranked.sort_unstable_by_key(|&(word, count)| (Reverse(count), word));
    ranked.truncate(usize::from(top));
    ranked
        .into_iter()
        .map(|(word, count)| WordCount {
            word: word.to_owned(),
            count,
        })
        .collect()
}

/// The runs of letters and digits, with the apostrophes and hyphens inside.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && !is_joiner(c))
        .map(|run| run.trim_matches(is_joiner))
        .filter(|run| !run.is_empty())
}

/// What may stand inside a word. A soft hyphen or a combining mark is written
/// as a character of its own and belongs to the word around it.
fn is_joiner(c: char) -> bool {
    matches!(c, '\'' | '’' | '-' | '‐' | '\u{ad}' | '\u{300}'..='\u{36f}')
}

/// Counts the runs of words up to a mark that ends a sentence, or to the end.
///
/// A mark ends a sentence only where no letter or digit follows it directly, so
/// `3.14` and `example.org` end none.
fn sentences(text: &str) -> usize {
    let mut count = 0;
    let mut open = false;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let next_continues = characters.peek().is_some_and(|next| next.is_alphanumeric());
        if c.is_alphanumeric() {
            open = true;
        } else if open && (is_wide_end(c) || is_end(c) && !next_continues) {
            count += 1;
            open = false;
        }
    }
    count + usize::from(open)
}

fn is_end(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…')
}

/// The marks of scripts that put no space after them.
fn is_wide_end(c: char) -> bool {
    matches!(c, '。' | '！' | '？')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGER: CountOptions = CountOptions {
        top: Some(2),
        shortest: Some(4),
        letter_case: None,
    };

    #[track_caller]
    fn check(text: &str, [lines, words, sentences, characters, bytes]: [u32; 5]) {
        let counts = count(text, None);
        let expected = Counts {
            lines,
            words,
            sentences,
            characters,
            bytes,
            frequent_words: counts.frequent_words.clone(),
        };
        assert_eq!(counts, expected, "{text:?}");
    }

    #[track_caller]
    fn check_frequent(text: &str, options: Option<CountOptions>, expected: &[(&str, u32)]) {
        let counts = count(text, options);
        let words: Vec<_> = counts
            .frequent_words
            .iter()
            .map(|w| (w.word.as_str(), w.count))
            .collect();
        assert_eq!(words, expected, "{text:?}");
    }

    #[test]
    fn sizes() {
        check("", [0; 5]);
        check("\n", [1, 0, 0, 1, 1]);
        check("one", [1, 1, 1, 3, 3]);
        check("One. Two!\nThree?\n", [2, 3, 3, 17, 17]);
        check("a\r\nb", [2, 2, 1, 4, 4]);
        check("Grüße, Jürgen", [1, 2, 1, 13, 16]);
        check("今日は。元気？", [1, 2, 2, 7, 21]);
        check("👩‍💻", [1, 0, 0, 3, 11]);
    }

    #[test]
    fn marks_inside_words() {
        check("Don't stop: it's state-of-the-art.", [1, 4, 1, 34, 34]);
        check("-- 'quoted' --", [1, 1, 1, 14, 14]);
        check("cafe\u{301}", [1, 1, 1, 5, 6]);
    }

    #[test]
    fn sentence_ends() {
        check("Pi is 3.14, see example.org.", [1, 7, 1, 28, 28]);
        check("Wait... what?! Yes", [1, 3, 3, 18, 18]);
        check("(He said \"no.\") Then he left.", [1, 6, 2, 29, 29]);
        check("...", [1, 0, 0, 3, 3]);
    }

    #[test]
    fn frequent_words_are_ranked() {
        check_frequent("", None, &[]);
        check_frequent("b a B a c", None, &[("a", 2), ("b", 2), ("c", 1)]);
        check_frequent(
            "the word The Words words",
            Some(LONGER),
            &[("words", 2), ("word", 1)],
        );
        let distinguish = CountOptions {
            top: None,
            shortest: None,
            letter_case: Some(LetterCase::Distinguish),
        };
        check_frequent("b B b", Some(distinguish), &[("b", 2), ("B", 1)]);
        let none = CountOptions {
            top: Some(0),
            ..LONGER
        };
        check_frequent("some words", Some(none), &[]);
    }
}
