//! Paths of requests.

use std::fmt;

use crate::percent::{End, decode, encode};

/// The longest path, as it is sent, in bytes.
const MAX_PATH_BYTES: usize = 2 << 10;

/// `/v1/*/items`, `/v1/**`.
///
/// `*` is one segment that is not empty; `/**` at the end is what begins with what
/// stands before it and a slash. Neither stands for a segment that a server could
/// take for another one: see [`is_plain`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PathPattern {
    /// What stands before the first wildcard: a path begins so, or is so.
    start: String,
    /// What follows it, where there is a wildcard.
    wild: Option<Wild>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Wild {
    /// The segments behind the start; `None` is `*`.
    segments: Vec<Option<String>>,
    /// Whether `**` stands at the end.
    goes_on: bool,
}

impl PathPattern {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some(inner) = text.strip_prefix('/') else {
            return Err("a path begins with `/`".to_owned());
        };
        if !text.contains('*') {
            return Ok(Self::exact(&canonical_path(text)?));
        }
        let (inner, goes_on) = match inner.strip_suffix("**") {
            None => (Some(inner), false),
            Some("") => (None, true),
            Some(inner) => (Some(inner.strip_suffix('/').ok_or(WHOLE)?), true),
        };
        let segments = inner.into_iter().flat_map(|inner| inner.split('/'));
        let segments = segments.map(|segment| match segment {
            "*" => Ok(None),
            segment if segment.contains('*') => Err(WHOLE.to_owned()),
            segment => match canonical_segment(segment)? {
                segment if is_plain(&segment) => Ok(Some(segment)),
                _ => Err(NOT_PLAIN.to_owned()),
            },
        });
        let segments: Vec<_> = segments.collect::<Result<_, String>>()?;
        let literal = segments.iter().map_while(Option::as_deref);
        // A path begins with a slash, and another one stands before what is wild.
        let start = literal.fold("/".to_owned(), |start, segment| start + segment + "/");
        let rest = segments.iter().skip_while(|segment| segment.is_some());
        let pattern = Self {
            start,
            wild: Some(Wild {
                segments: rest.cloned().collect(),
                goes_on,
            }),
        };
        match pattern.to_string().len() <= MAX_PATH_BYTES {
            true => Ok(pattern),
            false => Err(too_long()),
        }
    }

    /// This path, which is [canonical](canonical_path), and no other.
    pub(crate) fn exact(path: &str) -> Self {
        Self {
            start: path.to_owned(),
            wild: None,
        }
    }

    /// The only path that it stands for.
    pub(crate) fn only(&self) -> Option<String> {
        self.wild.is_none().then(|| self.start.clone())
    }

    pub(crate) const fn has_wildcard(&self) -> bool {
        self.wild.is_some()
    }

    /// Whether it stands for a path that is [canonical](canonical_path), and plain or
    /// not.
    pub(crate) fn matches(&self, path: &str, is_plain: bool) -> bool {
        let Some(wild) = &self.wild else {
            return self.start == path;
        };
        let rest = path.strip_prefix(self.start.as_str());
        rest.is_some_and(|rest| is_plain && wild.matches(rest))
    }

    /// Whether, where it is denied, a server could take that path for one that it
    /// stands for: a [loose](loosened) one, or `None`.
    pub(crate) fn forbids(&self, loose: Option<&str>) -> bool {
        let Some(loose) = loose else {
            return true;
        };
        let mine = self.loose_segments();
        let theirs: Vec<_> = loose.split('/').skip(1).collect();
        let is_length = match self.goes_on() {
            true => mine.len() <= theirs.len(),
            false => mine.len() == theirs.len(),
        };
        let mut both = mine.iter().zip(&theirs);
        let is_met = |(mine, their): (&Option<String>, &&str)| {
            mine.as_ref().is_none_or(|mine| mine == their)
        };
        is_length && both.all(is_met)
    }

    /// The segments, each as [`loosened`] has it.
    pub(crate) fn loose_segments(&self) -> Vec<Option<String>> {
        if self.wild.is_none() {
            // A server that decodes these takes them for what parts segments.
            let path = self.start.replace("%2F", "/").replace("%5C", "/");
            let segments = path.split('/').map(|one| trimmed(one).to_ascii_lowercase());
            return segments.filter(|one| !one.is_empty()).map(Some).collect();
        }
        let segments = self.segments().into_iter();
        let loose = segments.map(|segment| segment.map(|one| trimmed(one).to_ascii_lowercase()));
        loose
            .filter(|segment| segment.as_deref() != Some(""))
            .collect()
    }

    /// Whether it stands for all that the other one stands for.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (&self.wild, &other.wild) {
            (_, None) => self.matches(&other.start, is_plain(&other.start)),
            (None, Some(_)) => false,
            (Some(_), Some(_)) => self.covers_wild(other),
        }
    }

    fn covers_wild(&self, other: &Self) -> bool {
        let (mine, all) = (self.segments(), self.goes_on());
        let (theirs, rest) = (other.segments(), other.goes_on());
        let is_covered = |(mine, their): (&Option<&str>, &Option<&str>)| match (mine, their) {
            (None, None) => true,
            (None, Some(segment)) => !segment.is_empty(),
            (Some(_), None) => false,
            (Some(mine), Some(their)) => mine == their,
        };
        let is_length = match (all, rest) {
            (false, false) => mine.len() == theirs.len(),
            (false, true) => false,
            (true, false) => mine.len() < theirs.len(),
            (true, true) => mine.len() <= theirs.len(),
        };
        is_length && mine.iter().zip(&theirs).all(is_covered)
    }

    /// The segments that it names, `None` for any: what goes on has more.
    pub(crate) fn segments(&self) -> Vec<Option<&str>> {
        let start = self.start.strip_prefix('/').unwrap_or_default();
        let Some(wild) = &self.wild else {
            return start.split('/').map(Some).collect();
        };
        // The slash before what is wild ends a segment, where there is one before it.
        let start = start.strip_suffix('/');
        let start = start
            .into_iter()
            .flat_map(|start| start.split('/'))
            .map(Some);
        start
            .chain(wild.segments.iter().map(Option::as_deref))
            .collect()
    }

    /// Whether a path may go on behind the segments.
    fn goes_on(&self) -> bool {
        self.wild.as_ref().is_some_and(|wild| wild.goes_on)
    }
}

impl Wild {
    fn matches(&self, rest: &str) -> bool {
        let mut given = rest.split('/');
        let is_met = |asked: &Option<String>| match (asked, given.next()) {
            (_, None) => false,
            (None, Some(segment)) => !segment.is_empty(),
            (Some(asked), Some(segment)) => asked == segment,
        };
        if !self.segments.iter().all(is_met) {
            return false;
        }
        self.goes_on == given.next().is_some()
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.start)?;
        let Some(wild) = &self.wild else {
            return Ok(());
        };
        let segments = wild.segments.iter();
        let segments = segments.map(|segment| segment.as_deref().unwrap_or("*"));
        let rest = wild.goes_on.then_some("**");
        let all: Vec<_> = segments.chain(rest).collect();
        f.write_str(&all.join("/"))
    }
}

const WHOLE: &str = "`*` stands for a whole segment of a path, `/**` for all below, at the end \
                     alone; itself it is `%2A`";

const NOT_PLAIN: &str = "what a server could take for another path, such as an encoded slash, \
                         stands beside no wildcard: write the whole path out";

fn too_long() -> String {
    format!("a path has at most {MAX_PATH_BYTES} bytes")
}

/// A path in the one form in which paths are compared: two are the same if their
/// segments are the same bytes.
pub(crate) fn canonical_path(path: &str) -> Result<String, String> {
    let Some(inner) = path.strip_prefix('/') else {
        return Err("a path begins with `/`".to_owned());
    };
    // Each byte may be encoded.
    if 3 * MAX_PATH_BYTES < path.len() {
        return Err(too_long());
    }
    let segments = inner.split('/').map(canonical_segment);
    let segments: Vec<_> = segments.collect::<Result<_, _>>()?;
    let path = format!("/{}", segments.join("/"));
    match path.len() <= MAX_PATH_BYTES {
        true => Ok(path),
        false => Err(too_long()),
    }
}

fn canonical_segment(segment: &str) -> Result<String, String> {
    if segment.contains(['?', '#']) {
        return Err(
            "a path ends before `?` and `#`: what is granted is every query of it".to_owned(),
        );
    }
    let bytes = decode(segment)?;
    if matches!(bytes.as_slice(), b"." | b"..") {
        return Err("a path has no segments `.` and `..`: write what they lead to".to_owned());
    }
    Ok(encode(&bytes, End::Slash))
}

/// A [canonical](canonical_path) path as servers differ in reading it: without regard
/// to case, doubled slashes, one at the end, parameters (`;a`), and dots and spaces at
/// the end of a segment. `None` if it is not [plain](is_plain): it could be any.
pub(crate) fn loosened(path: &str) -> Option<String> {
    // What begins with two slashes is a host to some; and what is the same in other case
    // is known of ASCII alone.
    let is_ascii =
        |code: &str| code.starts_with(|first: char| first.is_ascii_digit() && first < '8');
    if path.starts_with("//") || !is_plain(path) || !path.split('%').skip(1).all(is_ascii) {
        return None;
    }
    let mut loose = String::with_capacity(path.len());
    for segment in path.split('/').map(trimmed) {
        if !segment.is_empty() {
            loose.push('/');
            loose.push_str(segment);
        }
    }
    loose.make_ascii_lowercase();
    Some(loose)
}

/// A segment without parameters, and dots and spaces at its end.
fn trimmed(segment: &str) -> &str {
    let mut name = segment.split("%3B").next().unwrap_or_default();
    loop {
        let rest = name.trim_end_matches('.').trim_end_matches("%20");
        if rest.len() == name.len() {
            return name;
        }
        name = rest;
    }
}

/// What some servers read as a slash, a backslash or dots: characters in full width and
/// others that are made these by a compatible form (Unicode NFKC).
const LOOKALIKES: [char; 8] = [
    '\u{ff0f}', '\u{ff3c}', '\u{ff0e}', '\u{2024}', '\u{2025}', '\u{2026}', '\u{2215}', '\u{fe68}',
];

/// Whether no server takes a [canonical](canonical_path) path for another one: it
/// has no slash, backslash, `?`, `#` or control character that is encoded, nothing
/// that is encoded twice, no dots that a parameter or spaces hide (`..;a`, `..%20`),
/// nothing that is no UTF-8 or only looks like one of these.
pub(crate) fn is_plain(path: &str) -> bool {
    let is_hidden = |segment: &str| !segment.is_empty() && trimmed(segment).is_empty();
    let is_harmless = |code: &str| {
        let (code, rest) = code.split_at_checked(2).unwrap_or((code, ""));
        let byte = u8::from_str_radix(code, 16).unwrap_or(0);
        let is_hex = || rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
        let is_encoded_again = byte == b'%' && (rest.starts_with(['u', 'U']) || is_hex());
        let is_mark = matches!(byte, b'/' | b'\\' | b'?' | b'#');
        !byte.is_ascii_control() && !is_mark && !is_encoded_again
    };
    let is_text = || {
        let bytes = decode(path).unwrap_or_default();
        std::str::from_utf8(&bytes).is_ok_and(|text| !text.contains(LOOKALIKES))
    };
    let is_odd = || path.contains('%') && !is_text();
    path.split('%').skip(1).all(is_harmless) && !path.split('/').any(is_hidden) && !is_odd()
}
