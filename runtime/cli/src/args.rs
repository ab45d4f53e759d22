//! Flags and verbs, as clap reads them and `--help` shows them.

mod audit;
mod grant;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};

pub(crate) use self::audit::{Audit, AuditVerb, Ls, Show};
pub(crate) use self::grant::{Add, Grant, GrantVerb, Revoke};

const EXAMPLES: &str = "\
Examples:
  patinox demo
  patinox call tool.wasm '{\"text\": \"hello\"}'
  patinox call 'tool.wasm#count' text=hello --limit wall=2s -o json
  patinox inspect tool.wasm";

/// Runs untrusted AI-agent tools as WebAssembly components, under limits that
/// hold.
#[derive(Debug, Parser)]
#[command(name = "patinox", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every verb takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Global {
    /// How to print the result [default: text].
    #[arg(short, long, global = true, value_name = "FORMAT")]
    pub(crate) output: Option<OutputFormat>,
    /// Read this configuration file instead of the user's own.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Read no `patinox.toml` of the current folder.
    #[arg(long, global = true)]
    pub(crate) no_project: bool,
    /// Log more; twice for all.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print nothing but the result and errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// How to print log lines [default: text].
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<OutputFormat>,
}

// No docs on the values: with them `--help` shows each of them at length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Text,
    Json,
}

impl OutputFormat {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what Patinox does, on embedded components, in three seconds.
    #[command(after_help = DEMO_EXAMPLES)]
    Demo,
    /// Call a tool of a component.
    Call(Call),
    /// Show a component's tools, schemas and imports.
    Inspect(Inspect),
    /// Say what a component may do, what not, and why.
    Explain(Explain),
    /// Install a component, pinned by its digest.
    Install(Install),
    /// List what is installed.
    #[command(after_help = LS_EXAMPLES)]
    Ls,
    /// Show what is pinned of a component that is installed.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(Named),
    /// Remove a component that is installed.
    #[command(after_help = RM_EXAMPLES)]
    Rm(Named),
    /// Look whether what is installed is what was.
    Verify(Verify),
    /// Grant components something in every process, list it, take it back.
    Grant(Grant),
    /// Show what was called, granted and denied.
    Audit(Audit),
    /// Trust what the `patinox.toml` of a folder says.
    Trust(Trust),
    /// Compile components for hosts that have no compiler.
    Precompile(Precompile),
    /// Show or remove what is kept of components that were compiled.
    Cache(Cache),
    /// Show what this machine has and lacks, and whether the limits hold on it.
    Doctor(Doctor),
    /// Watch the hosts that run on this machine.
    Top(Top),
    /// Print completions for a shell.
    Completions(Completions),
}

impl Command {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Call(_) => "call",
            Self::Inspect(_) => "inspect",
            Self::Explain(_) => "explain",
            Self::Install(_) => "install",
            Self::Ls => "ls",
            Self::Show(_) => "show",
            Self::Rm(_) => "rm",
            Self::Verify(_) => "verify",
            Self::Grant(_) => "grant",
            Self::Audit(_) => "audit",
            Self::Trust(_) => "trust",
            Self::Precompile(_) => "precompile",
            Self::Cache(_) => "cache",
            Self::Doctor(_) => "doctor",
            Self::Top(_) => "top",
            Self::Completions(_) => "completions",
        }
    }

    /// How many threads run calls: as many as a server has, or one.
    pub(crate) fn threads(&self) -> NonZeroUsize {
        match self {
            Self::Doctor(doctor) if doctor.attack => available_parallelism().unwrap_or(ONE),
            _ => ONE,
        }
    }

    /// The limits that were set on the command line.
    pub(crate) fn limits(&self) -> &[String] {
        match self {
            Self::Call(call) => &call.limits,
            Self::Demo
            | Self::Inspect(_)
            | Self::Explain(_)
            | Self::Install(_)
            | Self::Ls
            | Self::Show(_)
            | Self::Rm(_)
            | Self::Verify(_)
            | Self::Grant(_)
            | Self::Audit(_)
            | Self::Trust(_)
            | Self::Precompile(_)
            | Self::Cache(_)
            | Self::Doctor(_)
            | Self::Top(_)
            | Self::Completions(_) => &[],
        }
    }
}

/// One thread beside the one that waits, as a command makes one call.
const ONE: NonZeroUsize = NonZeroUsize::MIN;

const DEMO_EXAMPLES: &str = "\
It needs no network and no toolchain, but a temporary folder. Each row shows the
command that repeats it.

Examples:
  patinox demo
  patinox demo -o json";

const CALL_EXAMPLES: &str = "\
COMPONENT is the path of a file, the name of an installed one, or `demo:NAME`
for an embedded one. A file that could be a name is written `./text`.

Arguments, any of:
  '{\"text\": \"a\", \"max\": 3}'   all of them, as JSON
  -                           all of them, as JSON from stdin
  text=hello  max=3           one, read by the type that the tool wants
  max:=3  tags:='[\"a\"]'       one, as JSON
  text=@notes.txt  text=@-    one, from a file or from stdin

Grants, each by --allow: `fs=./data:ro@/data` to read a folder, `:rw` to write
it, `fs=scratch@/tmp` for one that goes with the call, `env=NAME`,
`env=NAME=VALUE`, `config=KEY=VALUE`, `kv=NAMESPACE:rw` to keep something,
`clock=fine`, `random=host`. What is denied is told with the grant for it;
on a terminal you are asked for folders and namespaces.

Exit codes: 0 done, 2 the call was wrong, 3 a policy refused it, 4 a limit
stopped it, 5 the component failed, 6 a service failed, 70 Patinox failed,
130 cancelled.

Examples:
  patinox call 'demo:text#count' text='to be or not to be'
  patinox call 'demo:text#extract' text=@demo:license pattern='20[0-9]+' -o json
  echo '{\"text\": \"to be\"}' | patinox call 'demo:text#count' -
  patinox call 'demo:hostile#spin' --limit fuel=100M --limit wall=2s";

#[derive(Debug, clap::Args)]
#[command(after_help = CALL_EXAMPLES)]
pub(crate) struct Call {
    /// The component and its tool: COMPONENT#TOOL, or COMPONENT if it has one.
    #[arg(value_name = "COMPONENT[#TOOL]")]
    pub(crate) target: String,
    /// The tool's arguments.
    #[arg(value_name = "ARGUMENT")]
    pub(crate) arguments: Vec<String>,
    /// Let the component do something: fs=./data:ro@/data, env=TZ, clock=fine, …
    #[arg(long = "allow", value_name = "GRANT")]
    pub(crate) allow: Vec<String>,
    /// Have a component judge the call, before and after it: secrets.wasm; or one of
    /// both: before:secrets.wasm, after:secrets.wasm
    #[arg(long = "validator", value_name = "COMPONENT")]
    pub(crate) validators: Vec<String>,
    /// Tell the least grants that the call needed.
    #[arg(long)]
    pub(crate) suggest: bool,
    /// Refuse what is not granted without asking, on a terminal too.
    #[arg(long)]
    pub(crate) no_prompt: bool,
    /// Set a limit of this call: fuel=5G, wall=2s, memory=64MiB, …
    #[arg(long = "limit", value_name = "NAME=VALUE")]
    pub(crate) limits: Vec<String>,
}

const INSPECT_EXAMPLES: &str = "\
Nothing of the component runs, unless it lists its tools itself: then it is
asked for them, under all limits.

Examples:
  patinox inspect tool.wasm
  patinox inspect demo:text -o json";

#[derive(Debug, clap::Args)]
#[command(after_help = INSPECT_EXAMPLES)]
pub(crate) struct Inspect {
    /// The path of a component, the name of an installed one, or `demo:NAME`.
    #[arg(value_name = "COMPONENT")]
    pub(crate) component: String,
}

const EXPLAIN_EXAMPLES: &str = "\
With the grants that a call would have. `--would` answers one question: exit
code 0 if it is allowed, 3 if not, with the grant that would allow it.

Examples:
  patinox explain tool.wasm
  patinox explain tool.wasm --allow fs=./data:ro@/data --would fs=./data/a:ro@/data/a";

#[derive(Debug, clap::Args)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub(crate) struct Explain {
    /// The path of a component, the name of an installed one, or `demo:NAME`.
    #[arg(value_name = "COMPONENT")]
    pub(crate) component: String,
    /// Let the component do something, as `patinox call` does.
    #[arg(long = "allow", value_name = "GRANT")]
    pub(crate) allow: Vec<String>,
    /// Would it be allowed to do what this grants?
    #[arg(long = "would", value_name = "GRANT")]
    pub(crate) would: Option<String>,
}

const INSTALL_EXAMPLES: &str = "\
The component is loaded as `patinox inspect` does, and pinned: from then on its
name stands for these bytes and no others. Without --as it has the name of its
file, and the version 0.1.0. Several versions lie side by side; the latest one is
meant where none is named.

Examples:
  patinox install text.wasm
  patinox install build/text.wasm --as text@1.2.0
  patinox call 'text@1.2.0#count' text=hello";

#[derive(Debug, clap::Args)]
#[command(after_help = INSTALL_EXAMPLES)]
pub(crate) struct Install {
    /// The path of a component, or `demo:NAME`.
    #[arg(value_name = "COMPONENT")]
    pub(crate) component: String,
    /// Its name, and its version.
    #[arg(long = "as", value_name = "NAME[@VERSION]")]
    pub(crate) name: Option<String>,
}

const LS_EXAMPLES: &str = "\
Examples:
  patinox ls
  patinox ls -o json";

const SHOW_EXAMPLES: &str = "\
`patinox inspect NAME` shows its tools.

Examples:
  patinox show text
  patinox show text@1.2.0 -o json";

const RM_EXAMPLES: &str = "\
Calls that run end as they began.

Examples:
  patinox rm text
  patinox rm text@1.2.0";

/// One that is installed.
#[derive(Debug, clap::Args)]
pub(crate) struct Named {
    /// The name of a component that is installed.
    #[arg(value_name = "NAME[@VERSION]")]
    pub(crate) name: String,
}

const VERIFY_EXAMPLES: &str = "\
Its bytes are looked at, and the tools of one that lists them itself, which runs
for that. A call looks at both too. Exit codes: 0 all is as it was, 3 something
is not.

Examples:
  patinox verify
  patinox verify text";

#[derive(Debug, clap::Args)]
#[command(after_help = VERIFY_EXAMPLES)]
pub(crate) struct Verify {
    /// The name of a component that is installed [default: all of them].
    #[arg(value_name = "NAME[@VERSION]")]
    pub(crate) name: Option<String>,
}

const TRUST_EXAMPLES: &str = "\
Without that such a file only narrows: it lowers limits and denies. Read it
before: what it grants is granted to whatever it names. It is trusted as it is
now; a change asks again.

Examples:
  patinox trust
  patinox trust ./tools
  patinox trust --list
  patinox trust --forget ./tools";

#[derive(Debug, clap::Args)]
#[command(after_help = TRUST_EXAMPLES)]
pub(crate) struct Trust {
    /// The folder of the file [default: the current one].
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// List the files that are trusted.
    #[arg(long, conflicts_with_all = ["folder", "forget"])]
    pub(crate) list: bool,
    /// Trust its file no more.
    #[arg(long)]
    pub(crate) forget: bool,
}

const PRECOMPILE_EXAMPLES: &str = "\
A host that is built without the feature `compile` runs what is in a store, and
only with the key that the store was filled with. What is made here runs on a
machine with the same kind of processor, by the same version of Patinox.

The folder and the key file are made where they are missing, for you alone. Keep
them apart: whoever has both can make what the host will run.

Examples:
  patinox precompile text.wasm --store store --key-file keys/artifact-key
  patinox precompile *.wasm --store store --key-file keys/artifact-key -o json";

#[derive(Debug, clap::Args)]
#[command(after_help = PRECOMPILE_EXAMPLES)]
pub(crate) struct Precompile {
    /// The path of a component, the name of an installed one, or `demo:NAME`.
    #[arg(value_name = "COMPONENT", required = true)]
    pub(crate) components: Vec<String>,
    /// The folder of the store.
    #[arg(long, value_name = "DIR")]
    pub(crate) store: PathBuf,
    /// The file of its key, in another folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: PathBuf,
}

const CACHE_EXAMPLES: &str = "\
What is kept is compiled code, so that a component is compiled once and not at
every start. All of it can be made again.

Examples:
  patinox cache ls
  patinox cache clear";

#[derive(Debug, clap::Args)]
#[command(after_help = CACHE_EXAMPLES)]
pub(crate) struct Cache {
    #[command(subcommand)]
    pub(crate) verb: CacheVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheVerb {
    /// List what is kept, the last used first.
    #[command(after_help = CACHE_LS_EXAMPLES)]
    Ls,
    /// Remove all of it.
    #[command(after_help = CACHE_CLEAR_EXAMPLES)]
    Clear,
}

const CACHE_LS_EXAMPLES: &str = "\
Examples:
  patinox cache ls
  patinox cache ls -o json";

const CACHE_CLEAR_EXAMPLES: &str = "\
Calls that run are not disturbed. Files that Patinox did not make stay.

Examples:
  patinox cache clear
  patinox cache clear -o json";

const DOCTOR_EXAMPLES: &str = "\
With `--attack` hostile tools that the program carries attack one limit after
the other, beside an honest one, on a host as a server has it. It takes a few
seconds, and needs no network and no toolchain, but a temporary folder.

Exit codes: 0 all is well, 1 an attack did not end as it should; others as
`patinox call` has them.

Examples:
  patinox doctor
  patinox doctor --attack
  patinox doctor --attack -o json";

#[derive(Debug, clap::Args)]
#[command(after_help = DOCTOR_EXAMPLES)]
pub(crate) struct Doctor {
    /// Attack this program, and show that its limits hold.
    #[arg(long)]
    pub(crate) attack: bool,
}

const TOP_EXAMPLES: &str = "\
A host can be watched where its program asks for it, by
`Host::builder().status_socket(true)`. Its user sees it, and root.

Keys: Tab and the arrows go to the next host and back, Up and Down move along
the tools; c, s, e, p, f, m and n sort by calls, calls a second, errors, the
95th percentile, fuel, memory and name, r the other way round; / takes a filter,
and Esc puts it away; q, Esc and Ctrl-C leave.

Where the output is no terminal it is one look, which takes a second.

Examples:
  patinox top
  patinox top -o json
  patinox top --folder run/patinox";

#[derive(Debug, clap::Args)]
#[command(after_help = TOP_EXAMPLES)]
pub(crate) struct Top {
    /// Look for hosts in this folder alone [default: where they put themselves].
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  eval \"$(patinox completions bash)\"
  patinox completions fish > ~/.config/fish/completions/patinox.fish";

#[derive(Debug, clap::Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

/// Whether `-o json` stands on a command line that could not be parsed.
pub(crate) fn asks_for_json(arguments: &[OsString]) -> bool {
    let mut texts = arguments
        .iter()
        .skip(1)
        .map(|argument| argument.to_str().unwrap_or_default())
        .take_while(|text| *text != "--");
    while let Some(text) = texts.next() {
        let long = text.strip_prefix("--output");
        let Some(value) = long.or_else(|| of_short_output(text)) else {
            continue;
        };
        let value = match value.strip_prefix('=').unwrap_or(value) {
            "" => texts.next().unwrap_or_default(),
            value => value,
        };
        if value == "json" {
            return true;
        }
    }
    false
}

/// What follows the `o` of `-o`, `-qo` or `-ojson`.
fn of_short_output(text: &str) -> Option<&str> {
    let flags = text.strip_prefix('-')?;
    let value = flags.trim_start_matches(['q', 'v', 'h', 'V']);
    value.strip_prefix('o')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, expected: bool) {
        let words: Vec<_> = words.split(' ').map(OsString::from).collect();
        assert_eq!(asks_for_json(&words), expected, "{words:?}");
    }

    #[test]
    fn sees_json_on_a_wrong_command_line() {
        check("patinox frob -o json", true);
        check("patinox -ojson frob", true);
        check("patinox -o=json frob", true);
        check("patinox -qo json frob", true);
        check("patinox --output json frob", true);
        check("patinox --output=json frob", true);
        check("patinox --output text json", false);
        check("patinox call -- -o json", false);
        check("patinox call o=json", false);
        check("patinox -o", false);
        check("patinox", false);
    }

    #[test]
    fn clap_finds_no_fault_with_itself() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }
}
