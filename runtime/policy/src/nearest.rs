//! The known name that a wrong one was meant to be.

/// The longest name that is compared, in bytes: the work grows with this times
/// theirs.
const MAX_COMPARED_BYTES: usize = 80;

/// The known name nearest to a wrong one, if one is near enough to be meant:
/// at most half of it has to change.
///
/// ```
/// let known = ["fuel", "wall"].into_iter();
/// assert_eq!(patinox_policy::nearest("wal", known), Some("wall"));
/// ```
pub fn nearest<T: AsRef<str>>(wrong: &str, known: impl Iterator<Item = T>) -> Option<T> {
    if MAX_COMPARED_BYTES < wrong.len() {
        return None;
    }
    let most = wrong.chars().count() / 2;
    known
        .map(|name| (distance(wrong, name.as_ref()), name))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How many characters must be added, removed or changed (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (1..=right.len()).collect();
    let mut distance = right.len();
    for (index, from) in left.chars().enumerate() {
        let mut diagonal = index;
        distance = index + 1;
        for (cell, to) in row.iter_mut().zip(&right) {
            let changed = diagonal + usize::from(from != *to);
            diagonal = *cell;
            distance = changed.min(diagonal + 1).min(distance + 1);
            *cell = distance;
        }
    }
    distance
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_changes() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("wal", "wall"), 1);
        assert_eq!(distance("", "wall"), 4);
        assert_eq!(distance("wall", ""), 4);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn finds_what_was_meant_and_nothing_far() {
        let known = ["fuel", "wall", "memory"];
        assert_eq!(nearest("wal", known.iter()), Some(&"wall"));
        assert_eq!(nearest("fule", known.iter()), Some(&"fuel"));
        assert_eq!(nearest("cpu", known.iter()), None);
        assert_eq!(nearest("", known.iter()), None);
        assert_eq!(nearest(&"w".repeat(81), known.iter()), None);
    }

    proptest! {
        #[test]
        fn is_the_same_both_ways(left in ".{0,12}", right in ".{0,12}") {
            prop_assert_eq!(distance(&left, &right), distance(&right, &left));
        }
    }
}
