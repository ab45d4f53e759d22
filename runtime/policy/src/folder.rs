//! Folders of the host, and what a guest calls them.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use crate::Mode;
use crate::percent::{End, decode, encode};

/// What stands for a folder that each call gets anew.
const SCRATCH: &str = "scratch@";

/// The longest path of a guest, in bytes.
const MAX_GUEST_PATH_BYTES: usize = 512;

/// A path as a guest has it: absolute, without `.`, `..`, control characters, empty
/// parts and a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GuestPath(String);

impl GuestPath {
    /// Reads one that is not encoded.
    pub(crate) fn of_text(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err("the path of a guest begins with `/`".to_owned());
        }
        if MAX_GUEST_PATH_BYTES < text.len() {
            return Err(format!(
                "the path of a guest has at most {MAX_GUEST_PATH_BYTES} bytes, not {}",
                text.len()
            ));
        }
        if text.chars().any(char::is_control) {
            return Err("the path of a guest has no control characters".to_owned());
        }
        let parts: Vec<_> = text.split('/').filter(|part| !part.is_empty()).collect();
        if parts.iter().any(|part| matches!(*part, "." | "..")) {
            return Err("the path of a guest has no `.` and `..`".to_owned());
        }
        Ok(Self(format!("/{}", parts.join("/"))))
    }

    /// What leads from this path to another one, if that is it or lies in it.
    fn rest<'a>(&self, other: &'a Self) -> Option<&'a str> {
        let rest = other.0.strip_prefix(self.start())?;
        match rest.is_empty() {
            true => Some(rest),
            false => rest.strip_prefix('/'),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first part; empty for all that there is.
    pub(crate) fn first(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or_default()
    }

    /// What the path of everything that lies in it begins with.
    pub(crate) fn start(&self) -> &str {
        match self.0.as_str() {
            "/" => "",
            path => path,
        }
    }
}

/// As a grant has it: encoded.
impl fmt::Display for GuestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(self.0.as_bytes(), End::Text))
    }
}

/// `./data:ro@/data`: a folder of the host, and where the guest finds it; or
/// `scratch@/tmp`: one that each call gets anew, to write, and that goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Folder {
    /// Without `.` and `..`; relative to the current folder, or absolute. `None` for a
    /// folder of the call.
    host: Option<PathBuf>,
    mode: Mode,
    guest: GuestPath,
}

impl Folder {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(guest) = text.strip_prefix(SCRATCH) {
            return Ok(Self {
                host: None,
                mode: Mode::Write,
                guest: GuestPath::of_text(&text_of(guest)?)?,
            });
        }
        let Some((host, rest)) = text.split_once(':') else {
            return Err(
                "it is `HOST:ro` or `HOST:rw`, and `@/GUEST` where the guest has another name \
                 for it, or `scratch@/GUEST`; a `:` of the path itself is `%3A`"
                    .to_owned(),
            );
        };
        let (mode, guest) = match rest.split_once('@') {
            Some((mode, guest)) => (mode, Some(guest)),
            None => (rest, None),
        };
        let Some(mode) = Mode::parse(mode) else {
            return Err(
                "behind the folder stands `:ro` (read) or `:rw` (read and write)".to_owned(),
            );
        };
        let host = host_path(host)?;
        let guest = match guest {
            Some(guest) => GuestPath::of_text(&text_of(guest)?)?,
            None => default_guest_path(&host)?,
        };
        let host = Some(host);
        Ok(Self { host, mode, guest })
    }

    /// The folder of the same name below the current one.
    pub(crate) fn named_as(guest: GuestPath, mode: Mode) -> Self {
        let host = guest.0.strip_prefix('/').unwrap_or_default().into();
        let host = Some(host);
        Self { host, mode, guest }
    }

    /// Whether it is the same folder wherever somebody is.
    pub(crate) fn is_absolute(&self) -> bool {
        self.host().is_none_or(Path::is_absolute)
    }

    /// Whether the path of the host is one that a text can have.
    pub(crate) fn is_clear(&self) -> bool {
        let Some(host) = &self.host else { return true };
        let is_up = host.components().any(|part| part == Component::ParentDir);
        let bytes = host.as_os_str().as_bytes();
        !is_up && !bytes.iter().any(u8::is_ascii_control)
    }

    /// Whether the guest has one name for this and for another folder.
    pub(crate) fn contradicts(&self, other: &Self) -> bool {
        self.guest == other.guest && self.host != other.host
    }

    /// The same, its path taken from a folder where it is relative.
    pub(crate) fn based(mut self, base: &Path) -> Self {
        self.host = self.host.map(|host| base.join(host).components().collect());
        self
    }

    /// A folder in this one, in another mode; of a folder of the call it is the whole one.
    pub(crate) fn part(&self, guest: &GuestPath, mode: Mode) -> Option<Self> {
        if self.host.is_none() {
            self.guest.rest(guest)?;
            return Some(self.clone());
        }
        Some(Self {
            host: Some(self.host_of(guest)?),
            mode,
            guest: guest.clone(),
        })
    }

    /// Where on the host something lies that the guest has this path for.
    pub(crate) fn host_of(&self, guest: &GuestPath) -> Option<PathBuf> {
        let (host, rest) = (self.host.as_ref()?, self.guest.rest(guest)?);
        Some(match rest.is_empty() {
            true => host.clone(),
            false => host.join(rest),
        })
    }

    pub(crate) fn allows(&self, guest: &GuestPath, mode: Mode) -> bool {
        mode <= self.mode && self.guest.rest(guest).is_some()
    }

    /// Whether what lies there on the host is in this folder, in whatever mode.
    pub(crate) fn holds(&self, host: &Path) -> bool {
        let Some(mine) = &self.host else { return false };
        let is_root = mine == Path::new("/");
        let (mine, theirs) = (mine.as_os_str(), host.as_os_str());
        let rest = theirs.as_bytes().strip_prefix(mine.as_bytes());
        rest.is_some_and(|rest| is_root || rest.is_empty() || rest.starts_with(b"/"))
    }

    pub(crate) fn covers(&self, other: &Self) -> bool {
        match &other.host {
            Some(host) => {
                other.mode <= self.mode && self.host_of(&other.guest).as_ref() == Some(host)
            }
            None => self == other,
        }
    }

    /// Where it lies on the host; `None` for a folder of the call.
    pub(crate) fn host(&self) -> Option<&Path> {
        self.host.as_deref()
    }

    /// Whether it is there after the call.
    pub(crate) const fn stays(&self) -> bool {
        self.host.is_some()
    }

    pub(crate) const fn mode(&self) -> Mode {
        self.mode
    }

    pub(crate) const fn guest(&self) -> &GuestPath {
        &self.guest
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, mode, guest } = self;
        let Some(host) = host else {
            return write!(f, "{SCRATCH}{guest}");
        };
        let start = match (host.is_absolute(), host.as_os_str().is_empty()) {
            (true, _) => "",
            (false, true) => ".",
            (false, false) => "./",
        };
        let host = encode(host.as_os_str().as_bytes(), End::Colon);
        write!(f, "{start}{host}:{mode}@{guest}")
    }
}

/// The bytes that are encoded, as text.
fn text_of(encoded: &str) -> Result<String, String> {
    let text = String::from_utf8(decode(encoded)?);
    text.map_err(|_| "what is encoded must be UTF-8".to_owned())
}

/// A path of the host, without anything in it that means another folder.
fn host_path(encoded: &str) -> Result<PathBuf, String> {
    let bytes = decode(encoded)?;
    if bytes.is_empty() {
        return Err("it names no folder in front of the `:`; the current one is `.`".to_owned());
    }
    if bytes.iter().any(u8::is_ascii_control) {
        return Err("the path of a folder has no control characters".to_owned());
    }
    if bytes.starts_with(b"~") {
        return Err(
            "nobody expands a `~` here: write the whole path; a folder of that name is `./~`"
                .to_owned(),
        );
    }
    let path = PathBuf::from(OsString::from_vec(bytes));
    let is_up = |part: Component<'_>| part == Component::ParentDir;
    if path.components().any(is_up) {
        return Err("the path of a folder has no `..`: write what it leads to".to_owned());
    }
    let parts = path.components();
    Ok(parts.filter(|part| *part != Component::CurDir).collect())
}

/// The last part of the host's path.
fn default_guest_path(host: &Path) -> Result<GuestPath, String> {
    let Some(name) = host.file_name() else {
        return Err("it needs the path of the guest: `@/work`".to_owned());
    };
    let name = name.to_str().map(|name| format!("/{name}"));
    let name = name.ok_or("a name that is not UTF-8 needs the path of the guest: `@/work`")?;
    GuestPath::of_text(&name)
}
