//! The kinds of authority that there are.

use std::fmt;

use serde::Serialize;

/// A kind of thing that a component may be allowed to touch.
///
/// Its word begins the text of each [`Grant`](crate::Grant) of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    /// `http`: requests to a server.
    Http,
    /// `fs`: a folder and what lies in it.
    #[serde(rename = "fs")]
    Filesystem,
    /// `env`: a variable of the environment.
    #[serde(rename = "env")]
    Environment,
    /// `config`: a setting.
    Config,
    /// `kv`: a namespace of the key-value storage.
    #[serde(rename = "kv")]
    KeyValue,
    /// `clock`: a clock finer than a millisecond.
    Clock,
    /// `random`: randomness that no replay repeats.
    Random,
    /// `model`: a language model, by its alias.
    Model,
    /// `tool`: another tool.
    Tool,
    /// `import`: an interface of the embedder's own.
    Import,
}

impl Capability {
    /// Each of them.
    pub const ALL: [Self; 10] = [
        Self::Http,
        Self::Filesystem,
        Self::Environment,
        Self::Config,
        Self::KeyValue,
        Self::Clock,
        Self::Random,
        Self::Model,
        Self::Tool,
        Self::Import,
    ];

    /// The word of a grant.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Filesystem => "fs",
            Self::Environment => "env",
            Self::Config => "config",
            Self::KeyValue => "kv",
            Self::Clock => "clock",
            Self::Random => "random",
            Self::Model => "model",
            Self::Tool => "tool",
            Self::Import => "import",
        }
    }

    /// A grant of it, as an example.
    #[must_use]
    pub const fn example(self) -> &'static str {
        match self {
            Self::Http => "http=GET https://api.example.com/v1/**",
            Self::Filesystem => "fs=./data:ro@/data",
            Self::Environment => "env=TZ",
            Self::Config => "config=key=value",
            Self::KeyValue => "kv=notes:rw",
            Self::Clock => "clock=fine",
            Self::Random => "random=host",
            Self::Model => "model=fast",
            Self::Tool => "tool=text.*",
            Self::Import => "import=acme:store/query",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
