//! Flags and verbs, as clap reads them and `--help` shows them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  patinox demo
  patinox call tool.wasm '{\"text\": \"hello\"}'
  patinox call tool.wasm#count text=hello --limit wall=2s -o json
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people.
    Text,
    /// For programs: one JSON document on stdout.
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
    Demo,
    /// Call a tool of a component.
    Call(Call),
    /// Show a component's tools, schemas and imports.
    Inspect(Inspect),
    /// Show what this machine has and lacks.
    Doctor,
    /// Print completions for a shell.
    Completions(Completions),
}

const CALL_EXAMPLES: &str = "\
COMPONENT is the path of a file, or `demo:NAME` for an embedded one.

Arguments, any of:
  '{\"text\": \"a\", \"max\": 3}'   all of them, as JSON
  -                           all of them, as JSON from stdin
  text=hello  max=3           one, read by the type that the tool wants
  max:=3  tags:='[\"a\"]'       one, as JSON
  text=@notes.txt  text=@-    one, from a file or from stdin

Examples:
  patinox call 'demo:text#count' text='to be or not to be'
  patinox call tool.wasm#extract text=@notes.txt pattern='[0-9]+' -o json
  echo '{\"rounds\": null}' | patinox call 'demo:hostile#spin' - --limit fuel=100M";

#[derive(Debug, clap::Args)]
#[command(after_help = CALL_EXAMPLES)]
pub(crate) struct Call {
    /// The component and its tool: COMPONENT#TOOL, or COMPONENT if it has one.
    #[arg(value_name = "COMPONENT[#TOOL]")]
    pub(crate) target: String,
    /// The tool's arguments.
    #[arg(value_name = "ARGUMENT")]
    pub(crate) arguments: Vec<String>,
    /// Set a limit of this call: fuel=5G, wall=2s, memory=64MiB, …
    #[arg(long = "limit", value_name = "NAME=VALUE")]
    pub(crate) limits: Vec<String>,
}

const INSPECT_EXAMPLES: &str = "\
Examples:
  patinox inspect tool.wasm
  patinox inspect demo:text -o json";

#[derive(Debug, clap::Args)]
#[command(after_help = INSPECT_EXAMPLES)]
pub(crate) struct Inspect {
    /// The path of a component, or `demo:NAME`.
    #[arg(value_name = "COMPONENT")]
    pub(crate) component: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

/// Whether `-o json` stands on a command line that could not be parsed.
pub(crate) fn asks_for_json(arguments: &[OsString]) -> bool {
    let texts: Vec<_> = arguments
        .iter()
        .filter_map(|argument| argument.to_str())
        .collect();
    let joined = |text: &&str| matches!(*text, "-ojson" | "-o=json" | "--output=json");
    let pair = |pair: &[&str]| matches!(pair, ["-o" | "--output", "json"]);
    texts.iter().any(joined) || texts.windows(2).any(pair)
}
