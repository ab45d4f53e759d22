//! `patinox demo`: what it does, in three seconds, offline.

use std::process::ExitCode;
use std::time::Duration;

use patinox_host::{Called, Host, Loaded, Request};
use patinox_policy::{Code, Failure as _, Limits};
use tokio_util::sync::CancellationToken;

use crate::again::Again;
use crate::arguments;
use crate::demo::rows::{LIFTED, ROWS, Row};
use crate::demo::show::{self, Done};
use crate::error::Error;
use crate::session::{Session, split_limit};
use crate::source::{Source, Target};

/// How long the loop runs when its limit is lifted.
const LIFTED_FOR: Duration = Duration::from_millis(500);

pub(crate) fn run(session: Session) -> Result<ExitCode, Error> {
    session.run(async |session, cancel| {
        let host = session.host()?;
        let components = Box::pin(Components::load(session, &host, &cancel)).await?;
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

/// The embedded components, ready.
struct Components<'a> {
    host: &'a Host,
    again: &'a Again,
    text: Loaded,
    hostile: Loaded,
}

impl<'a> Components<'a> {
    async fn load(
        session: &'a Session,
        host: &'a Host,
        cancel: &CancellationToken,
    ) -> Result<Self, Error> {
        let [text, hostile] = ["text", "hostile"].map(|name| Source::Demo(name.to_owned()));
        let both = Box::pin(async { tokio::try_join!(text.load(host), hostile.load(host)) });
        let (text, hostile) = session.loading(both, cancel).await?;
        Ok(Self {
            host,
            again: &session.again,
            text,
            hostile,
        })
    }

    /// Calls as the command line would.
    async fn call(&self, row: &Row, cancel: CancellationToken) -> Result<Called, Error> {
        let target = Target::parse(row.target, self.again)?;
        let component = match &target.source {
            Source::Demo(name) if name == "text" => &self.text,
            _ => &self.hostile,
        };
        let name = target.tool.as_deref().unwrap_or_default();
        let tool = component.tools().get(name)?;
        let limits = self.limits(row)?;
        let words: Vec<_> = row.arguments.iter().copied().map(str::to_owned).collect();
        let arguments = arguments::fit(arguments::read(&words, &limits)?, &**tool)?;
        let request = Request::new(name, arguments).limits(limits).cancel(cancel);
        Ok(self.host.call(component, request).await)
    }

    /// Calls and cancels after a time.
    async fn call_for(
        &self,
        row: &Row,
        time: Duration,
        cancel: &CancellationToken,
    ) -> Result<Called, Error> {
        let stop = cancel.child_token();
        let call = self.call(row, stop.clone());
        tokio::pin!(call);
        let called = match tokio::time::timeout(time, &mut call).await {
            Ok(called) => called,
            Err(_) => {
                stop.cancel();
                call.await
            }
        };
        match cancel.is_cancelled() {
            true => Err(Error::Cancelled),
            false => called,
        }
    }

    fn limits(&self, row: &Row) -> Result<Limits, Error> {
        let mut limits = *self.host.limits();
        for limit in row.limits {
            let (name, value) = split_limit(limit)?;
            limits.set(&name, &value)?;
        }
        Ok(limits)
    }
}
