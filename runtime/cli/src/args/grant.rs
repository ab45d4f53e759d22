//! `patinox grant`.

use clap::Subcommand;

const GRANT_EXAMPLES: &str = "\
What is granted here counts for these bytes of the component, under whatever name,
in every process of yours, from then on until it ends or is revoked: calls that
run are held to it as well. `--allow` grants for one call alone.

Examples:
  patinox grant add notes 'kv=notes:rw'
  patinox grant add files.wasm fs=./data:ro@/data --for 1h
  patinox grant ls
  patinox grant revoke notes 'kv=notes:rw'";

#[derive(Debug, clap::Args)]
#[command(after_help = GRANT_EXAMPLES)]
pub(crate) struct Grant {
    #[command(subcommand)]
    pub(crate) verb: GrantVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GrantVerb {
    /// Let a component do something, also in calls that run.
    #[command(after_help = ADD_EXAMPLES)]
    Add(Add),
    /// List what is granted for every process.
    #[command(after_help = LS_EXAMPLES)]
    Ls,
    /// Take it back, also in calls that run.
    #[command(after_help = REVOKE_EXAMPLES)]
    Revoke(Revoke),
}

const ADD_EXAMPLES: &str = "\
Paths of folders are taken from the current one. What the same grant was given
for before is replaced.

Examples:
  patinox grant add notes 'kv=notes:rw'
  patinox grant add files.wasm fs=./data:ro@/data --for 1h";

#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    /// The path of a component, the name of an installed one, or `demo:NAME`.
    #[arg(value_name = "COMPONENT")]
    pub(crate) component: String,
    /// What it may do: fs=./data:ro@/data, env=TZ, kv=notes:rw, …
    #[arg(value_name = "GRANT", required = true)]
    pub(crate) grants: Vec<String>,
    /// For how long: 90s, 30m, 8h [default: until it is revoked].
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) lasting: Option<String>,
}

const LS_EXAMPLES: &str = "\
Examples:
  patinox grant ls
  patinox grant ls -o json";

const REVOKE_EXAMPLES: &str = "\
What a call has open by it is closed within a tenth of a second. Of a component
that is gone, give the digest that `patinox grant ls` shows.

Examples:
  patinox grant revoke notes 'kv=notes:rw'
  patinox grant revoke notes --all";

#[derive(Debug, clap::Args)]
pub(crate) struct Revoke {
    /// The component, as for `add`, or its digest.
    #[arg(value_name = "COMPONENT")]
    pub(crate) component: String,
    /// What it may do no more, as `ls` shows it.
    #[arg(value_name = "GRANT")]
    pub(crate) grants: Vec<String>,
    /// All that was granted to it.
    #[arg(long, conflicts_with = "grants")]
    pub(crate) all: bool,
}
