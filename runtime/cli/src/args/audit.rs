//! `patinox audit`.

use clap::Subcommand;

const AUDIT_EXAMPLES: &str = "\
Every call, grant and denial of yours is written down in the folder `audit` of the
state folder, by each process, without arguments, results and values: digests say
whether they were the same.

Examples:
  patinox audit ls
  patinox audit ls --denied --last 5
  patinox audit show 01KAGJ2T5X7V9Q3N4B8D6W0YRE";

#[derive(Debug, clap::Args)]
#[command(after_help = AUDIT_EXAMPLES)]
pub(crate) struct Audit {
    #[command(subcommand)]
    pub(crate) verb: AuditVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditVerb {
    /// List what was called, granted and denied, the last at the end.
    #[command(after_help = LS_EXAMPLES)]
    Ls(Ls),
    /// Show all that was written down of a call.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(Show),
}

const LS_EXAMPLES: &str = "\
Examples:
  patinox audit ls
  patinox audit ls --denied --last 5
  patinox audit ls --component sha256:38a465b0 -o json";

#[derive(Debug, clap::Args)]
pub(crate) struct Ls {
    /// How many, of the last ones.
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub(crate) last: usize,
    /// Only what was denied or refused.
    #[arg(long)]
    pub(crate) denied: bool,
    /// Only of a component, by its digest or how that begins.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) component: Option<String>,
}

const SHOW_EXAMPLES: &str = "\
Examples:
  patinox audit show 01KAGJ2T5X7V9Q3N4B8D6W0YRE";

#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The id of the call.
    #[arg(value_name = "CALL")]
    pub(crate) call: String,
}
