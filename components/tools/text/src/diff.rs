//! How two texts differ, line by line.

use std::fmt::Write as _;
use std::ops::Range;

use imara_diff::{Algorithm, Diff, Hunk as Change, InternedInput, Token};

use crate::world::exports::patinox::text::operations::{
    Changes, DiffForm, DiffLine, DiffOptions, Difference, Hunk, LineKind,
};
use crate::{MAX_ANSWER_BYTES, number};

const DEFAULT_CONTEXT: u8 = 3;

/// What a line takes in an answer beside its text.
const LINE_BYTES: usize = 32;

/// Compares two texts.
pub(crate) fn diff(old: &str, new: &str, options: Option<DiffOptions>) -> Difference {
    let context = options.and_then(|o| o.context).unwrap_or(DEFAULT_CONTEXT);
    let form = options.and_then(|o| o.form).unwrap_or(DiffForm::Unified);

    let lines = lines(old, new);
    let mut diff = Diff::compute(Algorithm::Histogram, &lines);
    diff.postprocess_lines(&lines);
    let spans = spans(diff.hunks(), u32::from(context), &lines);
    let total = spans.len();
    let hunks = fitting(spans, &lines);

    Difference {
        added: diff.count_additions(),
        removed: diff.count_removals(),
        complete: hunks.len() == total,
        changes: match form {
            DiffForm::Unified => Changes::Unified(unified(&hunks)),
            DiffForm::Hunks => Changes::Hunks(hunks),
        },
    }
}

/// The lines of both texts, `before` and `after`: each a number that stands for
/// its text.
type Lines<'a> = InternedInput<&'a str>;

/// Reads both texts. The room is exact, as a text of line breaks alone would
/// take far more memory than its length if it were estimated.
fn lines<'a>(old: &'a str, new: &'a str) -> Lines<'a> {
    let mut lines = Lines::default();
    lines
        .before
        .reserve_exact(old.split_inclusive('\n').count());
    lines.after.reserve_exact(new.split_inclusive('\n').count());
    lines.update_before(old.split_inclusive('\n'));
    lines.update_after(new.split_inclusive('\n'));
    lines
}

/// Changes that share their context, and the lines they cover with it.
struct Span {
    old: Range<u32>,
    new: Range<u32>,
    changes: Vec<Change>,
}

/// Joins the changes whose contexts touch.
fn spans(changes: impl Iterator<Item = Change>, context: u32, lines: &Lines<'_>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for change in changes {
        let old = around(&change.before, context, lines.before.len());
        let new = around(&change.after, context, lines.after.len());
        match spans.last_mut() {
            Some(last) if old.start <= last.old.end => {
                last.old.end = old.end;
                last.new.end = new.end;
                last.changes.push(change);
            }
            _ => spans.push(Span {
                old,
                new,
                changes: vec![change],
            }),
        }
    }
    spans
}

/// A range with as much context on both sides as there is.
fn around(range: &Range<u32>, context: u32, length: usize) -> Range<u32> {
    let end = range.end.saturating_add(context).min(number(length));
    range.start.saturating_sub(context)..end
}

/// The hunks, from the first on, as long as they fit into an answer.
fn fitting(spans: Vec<Span>, lines: &Lines<'_>) -> Vec<Hunk> {
    let mut left = MAX_ANSWER_BYTES;
    let mut hunks = Vec::new();
    for span in spans {
        match left.checked_sub(answer_bytes(&span, lines)) {
            Some(rest) => left = rest,
            None => break,
        }
        hunks.push(hunk(&span, lines));
    }
    hunks
}

/// What a hunk takes in an answer: every old line, and the added ones.
fn answer_bytes(span: &Span, lines: &Lines<'_>) -> usize {
    let added = span.changes.iter().map(|change| &change.after);
    texts(lines, &lines.before, &span.old)
        .chain(added.flat_map(|range| texts(lines, &lines.after, range)))
        .map(|line| line.len() + LINE_BYTES)
        .sum()
}

fn hunk(span: &Span, lines: &Lines<'_>) -> Hunk {
    let mut written = Written {
        lines,
        old: span.old.start,
        new: span.new.start,
        out: Vec::new(),
    };
    for change in &span.changes {
        written.unchanged_until(change.before.start);
        written.removed_until(change.before.end);
        written.added_until(change.after.end);
    }
    written.unchanged_until(span.old.end);
    Hunk {
        old_start: start(&span.old),
        old_lines: span.old.end - span.old.start,
        new_start: start(&span.new),
        new_lines: span.new.end - span.new.start,
        lines: written.out,
    }
}

/// A hunk as it is written: the next line of each text, counted from 0.
struct Written<'a> {
    lines: &'a Lines<'a>,
    old: u32,
    new: u32,
    out: Vec<DiffLine>,
}

impl Written<'_> {
    fn unchanged_until(&mut self, old_end: u32) {
        for text in texts(self.lines, &self.lines.before, &(self.old..old_end)) {
            self.old += 1;
            self.new += 1;
            self.push(LineKind::Unchanged, Some(self.old), Some(self.new), text);
        }
    }

    fn removed_until(&mut self, old_end: u32) {
        for text in texts(self.lines, &self.lines.before, &(self.old..old_end)) {
            self.old += 1;
            self.push(LineKind::Removed, Some(self.old), None, text);
        }
    }

    fn added_until(&mut self, new_end: u32) {
        for text in texts(self.lines, &self.lines.after, &(self.new..new_end)) {
            self.new += 1;
            self.push(LineKind::Added, None, Some(self.new), text);
        }
    }

    fn push(&mut self, kind: LineKind, old: Option<u32>, new: Option<u32>, text: &str) {
        self.out.push(DiffLine {
            kind,
            old_number: old,
            new_number: new,
            text: text.to_owned(),
        });
    }
}

/// A range's first line as `diff -u` counts it: from 1, and the line before it
/// where the range is empty.
fn start(range: &Range<u32>) -> u32 {
    range.start + u32::from(!range.is_empty())
}

/// The texts of a range of `tokens`, which are those of one side of `lines`.
fn texts<'a>(
    lines: &'a Lines<'_>,
    tokens: &'a [Token],
    range: &Range<u32>,
) -> impl Iterator<Item = &'a str> {
    let index = |line| usize::try_from(line).unwrap_or(usize::MAX);
    let tokens = tokens.get(index(range.start)..index(range.end));
    let tokens = tokens.unwrap_or_default().iter();
    tokens.map(|&token| lines.interner[token])
}

fn unified(hunks: &[Hunk]) -> String {
    let mut out = String::new();
    for hunk in hunks {
        let old = extent(hunk.old_start, hunk.old_lines);
        let new = extent(hunk.new_start, hunk.new_lines);
        // Writing to a string cannot fail.
        let _ = writeln!(out, "@@ -{old} +{new} @@");
        for line in &hunk.lines {
            out.push(sign(line.kind));
            out.push_str(&line.text);
            if !line.text.ends_with('\n') {
                out.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    out
}

/// The first line and the number of lines, which is left out where it is 1.
fn extent(start: u32, lines: u32) -> String {
    match lines {
        1 => start.to_string(),
        _ => format!("{start},{lines}"),
    }
}

fn sign(kind: LineKind) -> char {
    match kind {
        LineKind::Unchanged => ' ',
        LineKind::Removed => '-',
        LineKind::Added => '+',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(context: u8, form: DiffForm) -> Option<DiffOptions> {
        Some(DiffOptions {
            context: Some(context),
            form: Some(form),
        })
    }

    #[track_caller]
    fn check(old: &str, new: &str, context: u8, expected: &str) {
        let difference = diff(old, new, options(context, DiffForm::Unified));
        assert!(difference.complete);
        assert_eq!(difference.changes, Changes::Unified(expected.to_owned()));
    }

    #[test]
    fn equal_texts_do_not_differ() {
        for text in ["", "one", "one\ntwo\n"] {
            let difference = diff(text, text, None);
            let expected = Difference {
                added: 0,
                removed: 0,
                changes: Changes::Unified(String::new()),
                complete: true,
            };
            assert_eq!(difference, expected);
        }
    }

    #[test]
    fn unified_is_as_diff_u_prints_it() {
        check(
            "a\nb\nc\n",
            "a\nx\nc\n",
            3,
            "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n",
        );
        check("a\nb\nc\n", "a\nx\nc\n", 0, "@@ -2 +2 @@\n-b\n+x\n");
        check("", "a\n", 3, "@@ -0,0 +1 @@\n+a\n");
        check("a\nb\n", "a\n", 0, "@@ -2 +1,0 @@\n-b\n");
        check("a\r\n", "a\n", 3, "@@ -1 +1 @@\n-a\r\n+a\n");
        check(
            "a",
            "a\n",
            3,
            "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n",
        );
    }

    #[test]
    fn contexts_that_touch_are_joined() {
        let old = "1\n2\n3\n4\n5\n6\n7\n";
        let new = "x\n2\n3\n4\n5\n6\ny\n";
        let apart = "@@ -1,3 +1,3 @@\n-1\n+x\n 2\n 3\n@@ -5,3 +5,3 @@\n 5\n 6\n-7\n+y\n";
        check(old, new, 2, apart);
        let joined = "@@ -1,7 +1,7 @@\n-1\n+x\n 2\n 3\n 4\n 5\n 6\n-7\n+y\n";
        check(old, new, 3, joined);
        check(old, new, 255, joined);
    }

    #[test]
    fn hunks_number_their_lines() {
        let difference = diff("a\nb\n", "a\nc\nd\n", options(1, DiffForm::Hunks));
        assert_eq!((difference.added, difference.removed), (2, 1));
        let Changes::Hunks(hunks) = difference.changes else {
            panic!("the form that was asked for");
        };
        let lines: Vec<_> = hunks[0]
            .lines
            .iter()
            .map(|l| (l.kind, l.old_number, l.new_number, l.text.as_str()))
            .collect();
        let expected = [
            (LineKind::Unchanged, Some(1), Some(1), "a\n"),
            (LineKind::Removed, Some(2), None, "b\n"),
            (LineKind::Added, None, Some(2), "c\n"),
            (LineKind::Added, None, Some(3), "d\n"),
        ];
        assert_eq!(lines, expected);
    }

    /// Rebuilds both texts from the hunks and what lies between them.
    #[test]
    fn hunks_hold_every_change() {
        let old: String = (0..200).map(|n| format!("line {n}\n")).collect();
        let new: String = (0..200)
            .filter(|n| n % 7 != 0)
            .map(|n| format!("line {}\n", if n % 11 == 0 { n + 1000 } else { n }))
            .collect();
        for context in [0, 1, 3, 255] {
            let difference = diff(&old, &new, options(context, DiffForm::Hunks));
            let Changes::Hunks(hunks) = difference.changes else {
                panic!("the form that was asked for");
            };
            let mut rebuilt = String::new();
            let mut next = 1;
            let old_lines: Vec<&str> = old.split_inclusive('\n').collect();
            for hunk in &hunks {
                let first = hunk.old_start as usize + usize::from(hunk.old_lines == 0);
                rebuilt.extend(old_lines[next - 1..first - 1].iter().copied());
                next = first + hunk.old_lines as usize;
                let kept = hunk.lines.iter().filter(|l| l.kind != LineKind::Removed);
                rebuilt.extend(kept.map(|l| l.text.as_str()));
            }
            rebuilt.extend(old_lines[next - 1..].iter().copied());
            assert_eq!(rebuilt, new, "context {context}");
        }
    }

    #[test]
    fn an_answer_too_long_is_cut_between_hunks() {
        let old = format!("a\n{}", "same\n".repeat(10));
        let new = format!(
            "b\n{}{}\n",
            "same\n".repeat(10),
            "x".repeat(MAX_ANSWER_BYTES)
        );
        let difference = diff(&old, &new, options(0, DiffForm::Unified));
        assert!(!difference.complete);
        assert_eq!((difference.added, difference.removed), (2, 1));
        let expected = Changes::Unified("@@ -1 +1 @@\n-a\n+b\n".to_owned());
        assert_eq!(difference.changes, expected);
    }
}
