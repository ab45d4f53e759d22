//! What a host tells of itself: one line of JSON, written by the host and read by
//! `patinox top`.

use serde::{Deserialize, Serialize};

/// The version of the document that is written and read here.
pub const VERSION: u64 = 1;

/// The longest line that a host writes, and that a reader should take, in bytes.
pub const MAX_LINE_BYTES: usize = 4 << 20;

/// What a host is and does at one moment.
///
/// A field that a reader does not know is passed over, and one that is missing is
/// empty: what is added later breaks nobody. What changes its meaning comes with
/// another `version`.
///
/// ```
/// use patinox_host::status::{Status, Unread};
///
/// let line = r#"{"version": 1, "host": {"pid": 7}, "calls": {"running": 2}, "new": {}}"#;
/// let status = Status::parse(line.as_bytes())?;
/// assert_eq!((status.host.pid, status.calls.running), (7, 2));
///
/// let newer = Status::parse(br#"{"version": 2}"#);
/// assert!(matches!(newer, Err(Unread::Newer { version: 2 })));
/// # Ok::<(), patinox_host::status::Unread>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Status {
    /// The version of this document.
    pub version: u64,
    /// What the host is.
    pub host: About,
    /// How its worst part is: `healthy`, `degraded` or `unhealthy`.
    pub condition: String,
    /// Calls, all tools together.
    pub calls: Calls,
    /// Tools that were called, by component and name.
    pub tools: Vec<Tool>,
    /// Up to how many seconds each of a tool's `duration_counts` goes; there is one
    /// more of them, for what took longer.
    pub duration_bounds: Vec<f64>,
    /// Pools of instances.
    pub pools: Vec<Pool>,
    /// What the host holds, by kind.
    pub resources: Vec<Held>,
    /// The machine, and this process on it.
    pub machine: Machine,
    /// How hard each resource of the machine is pressed.
    pub pressure: Vec<Pressed>,
    /// How each part of the host is.
    pub health: Vec<Part>,
    /// Alerts that are pending or firing.
    pub alerts: Vec<Told>,
}

/// What a host is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct About {
    /// The process that it runs in.
    pub pid: u32,
    /// The program of that process: the name of its file.
    pub program: String,
    /// The version of Patinox.
    pub patinox: String,
    /// When it was made, by the wall clock.
    pub started_at_unix_ms: u64,
    /// For how long it has run.
    pub uptime_ms: u64,
}

/// Calls, all tools together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Calls {
    /// Calls and loads that have begun and not ended, those that wait included.
    pub running: u64,
    /// Calls that wait for their turn.
    pub waiting: u64,
    /// Calls that have ended.
    pub ended: u64,
    /// Those of them that ended in an error.
    pub failed: u64,
}

/// What the calls of one tool came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Tool {
    /// The component: the algorithm and the first digits of its digest.
    pub component: String,
    /// The name of the tool.
    pub tool: String,
    /// How its calls ended: `ok`, or the code of the error.
    pub outcomes: Vec<Outcome>,
    /// How many calls took how long: see [`Status::duration_bounds`].
    pub duration_counts: Vec<u64>,
    /// How long all of them took, waits included, in seconds.
    pub duration_seconds: f64,
    /// What they computed, in units of fuel.
    pub fuel: f64,
    /// The sum of the most linear memory that each held at once, in bytes.
    pub memory_peak_bytes: f64,
}

/// Calls of one tool that ended alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Outcome {
    /// `ok`, the code of the error, or `other` for what was one too many.
    pub code: String,
    /// How many.
    pub calls: u64,
}

/// A pool of instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Pool {
    /// Whose: `lean` or `strict`.
    pub profile: String,
    /// How many instances may live at once.
    pub slots: u64,
    /// How many more may.
    pub free: u64,
    /// How many calls wait for one to go.
    pub waiting: u64,
}

/// Resources of one kind that the host holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Held {
    /// The kind: `instance`, `process` and the like.
    pub kind: String,
    /// How many.
    pub entries: u64,
    /// What they take up, in bytes.
    pub bytes: u64,
}

/// The machine, and this process on it. What nobody says is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Machine {
    /// Cores that the process may keep busy.
    pub cores: Option<u64>,
    /// How busy they were since the last look, by anybody: 1 is all of them.
    pub cpu_ratio: Option<f64>,
    /// Tasks that run or wait for a disk, over the last minute.
    pub load: Option<f64>,
    /// The memory that the process could use if it were alone.
    pub memory_bytes: Option<u64>,
    /// What of it is free, or can be freed at once.
    pub memory_available_bytes: Option<u64>,
    /// How much the process computed since the last look: 1 is one core.
    pub process_cpu_ratio: Option<f64>,
    /// The memory that the process has in use.
    pub process_memory_bytes: Option<u64>,
    /// Files, sockets and the like that the process has open.
    pub process_descriptors: Option<u64>,
}

/// How hard a resource of the machine is pressed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Pressed {
    /// Which: `memory`, `swap` and the like.
    pub resource: String,
    /// `normal`, `elevated` or `critical`.
    pub level: String,
}

/// How a part of the host is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Part {
    /// Its name.
    pub name: String,
    /// `healthy`, `degraded` or `unhealthy`.
    pub condition: String,
    /// Why.
    pub reason: String,
}

/// An alert that is pending or fires.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Told {
    /// The name of its rule.
    pub rule: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// `pending` or `firing`.
    pub state: String,
    /// The rule and the reason.
    pub message: String,
}

/// Why a line is no [`Status`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unread {
    /// The host tells why it says nothing.
    #[error("the host refused: {why}")]
    Refused {
        /// Its own words: a stranger's text.
        why: String,
    },
    /// It is of a version that this program does not know.
    #[error("the host tells its status in version {version}, and this program reads {VERSION}")]
    Newer {
        /// Which.
        version: u64,
    },
    /// It is none.
    #[error("it is no status: {0}")]
    Malformed(serde_json::Error),
}

/// What every line has, of whatever version.
#[derive(Deserialize)]
struct Head {
    version: u64,
    refused: Option<String>,
}

/// What is told instead of a status.
#[derive(Serialize)]
struct Refusal<'a> {
    version: u64,
    refused: &'a str,
}

impl Status {
    /// Reads a line. It is a stranger's: whoever shows texts of it escapes them.
    ///
    /// # Errors
    ///
    /// If it is no status, of a version that this program does not know, or the host
    /// tells that it refuses.
    pub fn parse(line: &[u8]) -> Result<Self, Unread> {
        let head: Head = serde_json::from_slice(line).map_err(Unread::Malformed)?;
        if let Some(why) = head.refused {
            return Err(Unread::Refused { why });
        }
        match head.version {
            VERSION => serde_json::from_slice(line).map_err(Unread::Malformed),
            version => Err(Unread::Newer { version }),
        }
    }

    /// The line, with the line feed at its end.
    pub(super) fn line(&self) -> Vec<u8> {
        line(self)
    }
}

/// The line for somebody who is told no status.
pub(super) fn refusal(why: &str) -> Vec<u8> {
    line(&Refusal {
        version: VERSION,
        refused: why,
    })
}

fn line(document: &impl Serialize) -> Vec<u8> {
    // Nothing of it can fail: the keys are texts.
    let mut line = serde_json::to_vec(document).unwrap_or_default();
    line.push(b'\n');
    line
}
