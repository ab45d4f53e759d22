//! The embedded components, ready to be called as a row says.

use std::io;
use std::time::Duration;

use patinox_host::{Called, Host, Loaded, Request};
use patinox_policy::Limits;
use tokio_util::sync::CancellationToken;

use crate::again::Again;
use crate::arguments;
use crate::demo::rows::Row;
use crate::error::Error;
use crate::grants::Grants;
use crate::session::{Session, split_limit};
use crate::source::{Source, Target};

/// The embedded components, in one host.
pub(crate) struct Components<'a> {
    host: Host,
    again: &'a Again,
    loaded: Vec<(Key, Loaded)>,
}

/// A component's name, and what it is granted.
type Key = (String, &'static [&'static str]);

impl<'a> Components<'a> {
    /// Loads what the rows call, as each of them grants it.
    pub(crate) async fn load(
        session: &'a Session,
        (host, rows): (Host, impl IntoIterator<Item = &Row>),
        cancel: &CancellationToken,
    ) -> Result<Self, Error> {
        let again = &session.again;
        let mut loaded: Vec<(Key, Loaded)> = Vec::new();
        for row in rows {
            let (target, key) = key(row, again)?;
            if loaded.iter().any(|(known, _)| *known == key) {
                continue;
            }
            let words: Vec<_> = row.allow.iter().copied().map(str::to_owned).collect();
            let grants = Grants::read(&words)?;
            let load = session.load(&host, (&target.source, &grants), cancel);
            loaded.push((key, Box::pin(load).await?));
        }
        Ok(Self {
            host,
            again,
            loaded,
        })
    }

    /// Calls as the command line would.
    pub(crate) async fn call(&self, row: &Row, cancel: CancellationToken) -> Result<Called, Error> {
        Ok(self.ready(row, cancel)?.run().await)
    }

    /// Reads a row, so that its call can run anywhere.
    pub(crate) fn ready(&self, row: &Row, cancel: CancellationToken) -> Result<Ready, Error> {
        let (target, key) = key(row, self.again)?;
        let mut loaded = self.loaded.iter();
        let found = loaded.find_map(|(known, loaded)| (*known == key).then_some(loaded));
        let component = found.ok_or_else(|| Error::Start {
            what: "a row calls what was not loaded",
            source: io::Error::other(key.0),
        })?;
        let name = target.tool.as_deref().unwrap_or_default();
        let tool = component.tools().get(name)?;
        let words: Vec<_> = row.arguments.iter().copied().map(str::to_owned).collect();
        // Under the host's own limits: it is the call that the row's stop.
        let arguments = arguments::read(&words, self.host.limits())?;
        let arguments = arguments::fit(arguments, &**tool)?;
        let limits = self.limits(row)?;
        Ok(Ready {
            host: self.host.clone(),
            component: component.clone(),
            request: Request::new(name, arguments).limits(limits).cancel(cancel),
        })
    }

    /// Calls and cancels after a time.
    pub(crate) async fn call_for(
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

    pub(crate) const fn host(&self) -> &Host {
        &self.host
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

/// Which component a row calls.
fn key(row: &Row, again: &Again) -> Result<(Target, Key), Error> {
    let target = Target::parse(row.target, again)?;
    let name = match &target.source {
        Source::Demo(name) => name.clone(),
        Source::Path(_) | Source::Read { .. } | Source::Named(_) | Source::Installed(_) => {
            row.target.to_owned()
        }
    };
    Ok((target, (name, row.allow)))
}

/// A call that has all it needs. It can be made again and again.
#[derive(Clone)]
pub(crate) struct Ready {
    host: Host,
    component: Loaded,
    request: Request,
}

impl Ready {
    pub(crate) async fn run(self) -> Called {
        self.host.call(&self.component, self.request).await
    }
}
