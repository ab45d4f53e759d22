//! Where a validator stands.

/// Where a validator stands: before a tool, after it, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Position {
    /// It judges the arguments.
    Before,
    /// It judges the result, and what else the tool leaves.
    After,
    /// It judges all of that.
    #[default]
    Both,
}

impl Position {
    /// `before`, `after` or `both`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Both => "both",
        }
    }

    /// The position of that text.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let all = [Self::Before, Self::After, Self::Both];
        all.into_iter().find(|one| one.as_str() == text)
    }
}
