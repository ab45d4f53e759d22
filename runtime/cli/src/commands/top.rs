//! `patinox top`: what the hosts of this machine do, looked at from outside.
//!
//! All that a host tells is a stranger's word here: any program of the same user may
//! put a socket into the folder. So it is bounded, escaped where it is shown, and
//! never trusted to come.

mod document;
mod facts;
mod feed;
mod gather;
mod keys;
mod model;
mod screen;
mod terminal;
mod text;

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use patinox_host::status::StatusFolder;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::args::Top;
use crate::error::Error;
use crate::session::{Session, blocking};
use crate::source::shown;

use self::gather::Gather;

/// How long one look takes at most: rates take two lines, which are a second apart.
const LOOK: Duration = Duration::from_millis(2_500);

/// How a person gets something to look at.
const HOW: &str = "a program shows its host by `Host::builder().status_socket(true)`; as this one does:\n  \
    cargo run --release --example axum_service 127.0.0.1:8080";

pub(crate) fn run(session: Session, command: Top) -> Result<ExitCode, Error> {
    let mut gather = match command.folder {
        Some(folder) => Gather::of(folder),
        None => Gather::new(StatusFolder::all()),
    };
    gather.look()?;
    let output = session.output;
    if gather.is_empty() || output.is_json() || !is_screen() {
        gather.wait(LOOK);
        return Ok(once(&session, &gather));
    }
    session.run(async |_, cancel| {
        let terminated = cancel.clone();
        let terminate = signal(SignalKind::terminate()).ok();
        let colour = is_coloured();
        // It hears of the end by itself: left behind it would leave the terminal as it is.
        let never = CancellationToken::new();
        let watch = blocking(&never, move || terminal::run(gather, colour, &cancel));
        tokio::pin!(watch);
        let terminate = async {
            match terminate {
                Some(mut terminate) => terminate.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            ended = &mut watch => ended,
            _ = terminate => {
                terminated.cancel();
                watch.await
            }
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Prints what there is at one moment. Nothing is an answer too.
fn once(session: &Session, gather: &Gather) -> ExitCode {
    let views = gather.views();
    let short = |path: &Path| shown(&session.settings.short_path(path).to_string_lossy());
    let output = session.output;
    let done = output.done(
        &document::document(gather, &views),
        &text::text(gather, &views, short),
    );
    for trouble in gather.troubles() {
        output.hint(&format!("{}: {}", short(&trouble.path), trouble.why));
    }
    if gather.is_empty() {
        output.hint(HOW);
    }
    done
}

/// Whether there is a terminal to draw on.
fn is_screen() -> bool {
    let is_dumb = variable("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    std::io::stdout().is_terminal() && !is_dumb
}

/// As <https://no-color.org> has it.
fn is_coloured() -> bool {
    variable("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[expect(
    clippy::disallowed_methods,
    reason = "what a terminal can do is no setting of ours"
)]
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}
