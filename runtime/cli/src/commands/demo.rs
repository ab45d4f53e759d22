//! `patinox demo`: what it does, in three seconds, offline.

use std::process::ExitCode;
use std::time::Duration;

use patinox_host::{Allocation, Called, Config, Host, Storage};
use patinox_policy::{Code, Failure as _};

use crate::demo::components::Components;
use crate::demo::rows::{LIFTED, ROWS, Row};
use crate::demo::show::{self, Done};
use crate::demo::storage;
use crate::error::Error;
use crate::session::Session;

/// How long the loop runs when its limit is lifted.
const LIFTED_FOR: Duration = Duration::from_millis(500);

pub(crate) fn run(session: Session) -> Result<ExitCode, Error> {
    session.run(async |session, cancel| {
        let kept = storage()?;
        let host = Host::new(Config {
            storage: Some(Storage::Folder(kept.path().to_owned())),
            // It calls once, or as often as a person can watch.
            allocation: Allocation::OnDemand { slots: None },
            // What it shows is the same for everybody.
            grants: None,
            ..session.config()
        })?;
        let rows = ROWS.iter().chain([&LIFTED]);
        let components = Components::load(session, (host, rows), &cancel);
        let components = Box::pin(components).await?;
        let mut rows = Vec::new();
        for row in &ROWS {
            let called = components.call(row, cancel.child_token()).await?;
            rows.push(done(row, called)?);
        }
        let called = components.call_for(&LIFTED, LIFTED_FOR, &cancel).await?;
        let lifted = done(&LIFTED, called)?;
        let again = &session.again;
        Ok(session.output.done(
            &show::document(&rows, &lifted, again),
            &show::text(&rows, &lifted, again),
        ))
    })
}

/// A call that ended as it should.
fn done(row: &'static Row, called: Called) -> Result<Done, Error> {
    let ended = called.result.as_ref().err().map(|error| error.code());
    if ended == row.ends_in {
        return Ok(Done { row, called });
    }
    match ended {
        Some(Code::Cancelled) => Err(Error::Cancelled),
        ended => Err(Error::Demo {
            what: row.what,
            ended: ended.unwrap_or(Code::Internal),
        }),
    }
}
