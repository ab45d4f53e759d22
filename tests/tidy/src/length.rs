//! How long a file and a function may be.

use crate::source::{self, Function};
use crate::{File, Finding, Tree};

/// Above this a file needs a place in [`LONG_FILES`].
const FILE_LINES_GOAL: usize = 400;
/// Above this nothing helps.
const FILE_LINES_MAX: usize = 500;
/// The ratchet: files over the goal, with the lines they had. It only shrinks.
const LONG_FILES: &[(&str, usize)] = &[];

const FUNCTION_LINES_MAX: usize = 70;
const FUNCTION_LINES_MEDIAN: usize = 10;
const FUNCTION_LINES_NINE_OF_TEN: usize = 30;

/// How long the functions of the repository are, in lines of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// How many functions.
    pub count: usize,
    /// Half of them are at most so long.
    pub median: usize,
    /// Nine of ten are at most so long.
    pub nine_of_ten: usize,
}

/// Every Rust file of ours that is not a test.
pub(crate) fn rust_files(tree: &Tree) -> impl Iterator<Item = &File> {
    tree.files("", ".rs").filter(|file| !is_test(&file.path))
}

/// Whether a whole file is test code.
fn is_test(path: &str) -> bool {
    let ours = path.strip_prefix("tests/tidy/src/");
    let path = ours.unwrap_or(path);
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// No file is named `mod.rs`.
#[must_use]
pub fn module_files(tree: &Tree) -> Vec<Finding> {
    tree.files("", "/mod.rs")
        .map(|file| {
            file.finding(
                1,
                "no `mod.rs`",
                "name it after its module, beside its folder",
            )
        })
        .collect()
}

/// Files keep to the goal, or to the ratchet.
#[must_use]
pub fn files(tree: &Tree) -> Vec<Finding> {
    let grown = rust_files(tree).filter_map(|file| {
        let listed = LONG_FILES.iter().find(|(path, _)| *path == file.path);
        file_length(file, listed.map(|(_, lines)| *lines))
    });
    let gone = LONG_FILES
        .iter()
        .filter_map(|(path, _)| tree.need(path).err());
    grown.chain(gone).collect()
}

fn file_length(file: &File, listed: Option<usize>) -> Option<Finding> {
    let lines = source::code_lines(&source::without_tests(&source::code(file.text())));
    let allowed = listed.unwrap_or(FILE_LINES_GOAL).min(FILE_LINES_MAX);
    if allowed < lines {
        return Some(file.finding(
            allowed,
            format!("{lines} lines of code without tests, at most {allowed}"),
            "split it by what a reader looks for",
        ));
    }
    listed.filter(|listed| lines < *listed).map(|listed| {
        let fix = match lines {
            0..=FILE_LINES_GOAL => "take it out of `LONG_FILES`".to_owned(),
            _ => format!("write {lines} into `LONG_FILES`"),
        };
        file.finding(1, format!("{lines} lines, {listed} in the ratchet"), fix)
    })
}

/// No function is too long, and most are short.
#[must_use]
pub fn functions(tree: &Tree) -> (Lengths, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut lengths = Vec::new();
    for file in rust_files(tree) {
        let code = source::without_tests(&source::code(file.text()));
        for function in source::functions(&code) {
            lengths.push(function.lines);
            findings.extend(too_long(file, &function));
        }
    }
    let lengths = measure(lengths);
    findings.extend(too_long_as_a_rule(lengths));
    (lengths, findings)
}

fn too_long(file: &File, function: &Function) -> Option<Finding> {
    let Function { name, line, lines } = function;
    (FUNCTION_LINES_MAX < *lines).then(|| {
        let rule = format!("`{name}` has {lines} lines, at most {FUNCTION_LINES_MAX}");
        file.finding(*line, rule, "give each step a function with a name")
    })
}

fn measure(mut lengths: Vec<usize>) -> Lengths {
    lengths.sort_unstable();
    let count = lengths.len();
    let at = |index: usize| lengths.get(index).copied().unwrap_or_default();
    Lengths {
        count,
        median: at(count / 2),
        nine_of_ten: at(count * 9 / 10),
    }
}

fn too_long_as_a_rule(lengths: Lengths) -> Option<Finding> {
    let Lengths {
        count,
        median,
        nine_of_ten,
    } = lengths;
    let fits = median <= FUNCTION_LINES_MEDIAN && nine_of_ten <= FUNCTION_LINES_NINE_OF_TEN;
    (!fits).then(|| {
        Finding::new(
            "runtime",
            1,
            format!(
                "of {count} functions half are at most {median} lines long and nine of ten \
                 {nine_of_ten}; at most {FUNCTION_LINES_MEDIAN} and {FUNCTION_LINES_NINE_OF_TEN}"
            ),
            "shorten the longest ones",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(lines: usize) -> Tree {
        let text = "let _ = 1; // and so on\n\n".repeat(lines);
        Tree::of([("runtime/tools/src/long.rs", &text)])
    }

    #[test]
    fn a_file_over_the_goal_is_found_and_the_ratchet_only_shrinks() {
        let tree = file(401);
        assert_eq!(files(&file(400)).len(), 0);
        assert_eq!(files(&tree).len(), 1);
        let file = tree.need("runtime/tools/src/long.rs").unwrap();
        let say = |listed| file_length(file, Some(listed)).map(|found| found.to_string());
        assert_eq!(say(401), None);
        assert!(say(400).unwrap().contains("401 lines of code"));
        assert!(say(450).unwrap().contains("write 401 into"));
    }

    #[test]
    fn long_functions_are_found() {
        let body = "    work();\n".repeat(71);
        let tree = Tree::of([(
            "runtime/tools/src/a.rs",
            &format!("fn long() {{\n{body}}}\n"),
        )]);
        let (lengths, findings) = functions(&tree);
        assert_eq!((lengths.count, lengths.median), (1, 71));
        assert_eq!(findings.len(), 2);
        let tests = Tree::of([("tests/host/a.rs", &format!("fn long() {{\n{body}}}\n"))]);
        assert_eq!(functions(&tests).1.len(), 0);
    }
}
