//! What a fact is told with.

use std::fmt;
use std::path::PathBuf;

/// A fact and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure<T> {
    /// The fact.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

/// Where a fact came from. It displays as a path or the name of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file, as it is called on the machine, also where a fixture stands in.
    File(PathBuf),
    /// A call, for want of a file.
    Call(&'static str),
}

/// A number with two digits behind the point, as the kernel writes loads and
/// shares of time. It displays so.
///
/// ```
/// use patinox_resources::Hundredths;
///
/// assert_eq!(Hundredths(1_205).to_string(), "12.05");
/// assert_eq!("0.42".parse(), Ok(Hundredths(42)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hundredths(pub u64);

/// A text is no number with two digits behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHundredths;

impl<T> Figure<T> {
    /// Another fact from the same place.
    pub(crate) fn with<U>(&self, value: U) -> Figure<U> {
        let origin = self.origin.clone();
        Figure { value, origin }
    }

    pub(super) fn in_file(value: T, path: impl Into<PathBuf>) -> Self {
        let origin = Origin::File(path.into());
        Self { value, origin }
    }

    /// The smaller of two, the first where they are equal.
    pub(super) fn smaller(self, other: Self) -> Self
    where
        T: Ord,
    {
        if other.value < self.value {
            other
        } else {
            self
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Call(name) => f.write_str(name),
        }
    }
}

impl Hundredths {
    /// How many hundred of a whole a part is: 100.00 where it is all of it, more
    /// where it is more. Of nothing, nothing.
    #[must_use]
    pub fn percent(part: u64, whole: u64) -> Self {
        let percent = u128::from(part) * 10_000;
        let percent = percent.checked_div(whole.into()).unwrap_or(0);
        Self(u64::try_from(percent).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl std::str::FromStr for Hundredths {
    type Err = NotHundredths;

    fn from_str(text: &str) -> Result<Self, NotHundredths> {
        let (whole, part) = text.split_once('.').ok_or(NotHundredths)?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if part.len() != 2 || !digits(whole) || !digits(part) {
            return Err(NotHundredths);
        }
        let whole: u64 = whole.parse().map_err(|_| NotHundredths)?;
        let part: u64 = part.parse().map_err(|_| NotHundredths)?;
        let all = whole.checked_mul(100).and_then(|all| all.checked_add(part));
        all.map(Self).ok_or(NotHundredths)
    }
}

impl fmt::Display for NotHundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a number with two digits behind the point")
    }
}

impl std::error::Error for NotHundredths {}
