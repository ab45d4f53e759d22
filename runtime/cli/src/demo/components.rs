//! The embedded components, ready to be called as a row says.

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
    text: Loaded,
    hostile: Loaded,
}

impl<'a> Components<'a> {
    /// Loads both; the hostile one is granted this.
    pub(crate) async fn load(
        session: &'a Session,
        (host, allow): (Host, &[&str]),
        cancel: &CancellationToken,
    ) -> Result<Self, Error> {
        let [text, hostile] = ["text", "hostile"].map(|name| Source::Demo(name.to_owned()));
        let none = Grants::default();
        let words: Vec<_> = allow.iter().copied().map(str::to_owned).collect();
        let grants = Grants::read(&words)?;
        let both = Box::pin(async {
            tokio::try_join!(text.load(&host, &none), hostile.load(&host, &grants))
        });
        let (text, hostile) = session.loading(both, cancel).await?;
        Ok(Self {
            host,
            again: &session.again,
            text,
            hostile,
        })
    }

    /// Calls as the command line would.
    pub(crate) async fn call(&self, row: &Row, cancel: CancellationToken) -> Result<Called, Error> {
        Ok(self.ready(row, cancel)?.run().await)
    }

    /// Reads a row, so that its call can run anywhere.
    pub(crate) fn ready(&self, row: &Row, cancel: CancellationToken) -> Result<Ready, Error> {
        let target = Target::parse(row.target, self.again)?;
        let component = match &target.source {
            Source::Demo(name) if name == "text" => &self.text,
            _ => &self.hostile,
        };
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
