//! `patinox demo`: what it does, in three seconds, offline.

use std::process::ExitCode;
use std::time::Duration;

use patinox_host::{Called, Host, Loaded, Request};
use patinox_policy::{Failure as _, Limits, cut, escape_line};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::args::Global;
use crate::arguments;
use crate::demo::rows::{LIFTED, ROWS, Row};
use crate::error::Error;
use crate::output::cost;
use crate::session::{Session, split_limit};
use crate::source::{Source, Target};

/// How long the loop runs when its limit is lifted.
const LIFTED_FOR: Duration = Duration::from_millis(500);

/// The longest result that a row shows, in bytes.
const MAX_RESULT_BYTES: usize = 96;

/// One row, done.
struct Done {
    row: &'static Row,
    called: Called,
}

pub(crate) fn run(global: &Global, program: &str) -> Result<ExitCode, Error> {
    let session = Session::start(global, &[])?;
    session.run(async |session, cancel| {
        let host = session.host()?;
        let components = Components::load(&host).await?;
        let mut rows = Vec::new();
        for row in &ROWS {
            let called = components.call(&host, row, cancel.child_token()).await?;
            rows.push(Done { row, called });
        }
        let lifted = components.call_for(&host, &LIFTED, LIFTED_FOR).await?;
        let code = session
            .output
            .done(&document(&rows, program), &text(&rows, &lifted, program));
        let as_shown = rows.iter().chain([&lifted]).all(Done::went_as_shown);
        Ok(if as_shown { code } else { ExitCode::FAILURE })
    })
}

/// The embedded components, both ready.
struct Components {
    text: Loaded,
    hostile: Loaded,
}

impl Components {
    async fn load(host: &Host) -> Result<Self, Error> {
        let (text, hostile) = (
            Source::Demo("text".to_owned()),
            Source::Demo("hostile".to_owned()),
        );
        let (text, hostile) = tokio::join!(text.load(host), hostile.load(host));
        Ok(Self {
            text: text?,
            hostile: hostile?,
        })
    }

    /// Calls as the command line would.
    async fn call(
        &self,
        host: &Host,
        row: &Row,
        cancel: CancellationToken,
    ) -> Result<Called, Error> {
        let target = Target::parse(row.target)?;
        let component = match &target.source {
            Source::Demo(name) if name == "text" => &self.text,
            _ => &self.hostile,
        };
        let tool = component
            .tools()
            .get(target.tool.as_deref().unwrap_or_default())?;
        let limits = limits(host, row)?;
        let words: Vec<_> = row
            .arguments
            .iter()
            .map(|word| (*word).to_owned())
            .collect();
        let arguments = arguments::fit(arguments::read(&words, &limits)?, &**tool)?;
        let request = Request::new(tool.spec().name.clone(), arguments);
        Ok(host
            .call(component, request.limits(limits).cancel(cancel))
            .await)
    }

    /// Calls and cancels after a time.
    async fn call_for(
        &self,
        host: &Host,
        row: &'static Row,
        time: Duration,
    ) -> Result<Done, Error> {
        let cancel = CancellationToken::new();
        let stop = cancel.clone();
        let call = self.call(host, row, cancel);
        tokio::pin!(call);
        let called = match tokio::time::timeout(time, &mut call).await {
            Ok(called) => called?,
            Err(_) => {
                stop.cancel();
                call.await?
            }
        };
        Ok(Done { row, called })
    }
}

fn limits(host: &Host, row: &Row) -> Result<Limits, Error> {
    let mut limits = *host.limits();
    for limit in row.limits {
        let (name, value) = split_limit(limit)?;
        limits.set(&name, &value)?;
    }
    Ok(limits)
}

impl Done {
    fn went_as_shown(&self) -> bool {
        self.called.result.as_ref().err().map(|error| error.code()) == self.row.ends_in
    }

    fn came_out(&self) -> String {
        match &self.called.result {
            Ok(result) => cut(&escape_line(&result.to_string()), MAX_RESULT_BYTES).into_owned(),
            Err(error) => format!("stopped: {error}"),
        }
    }
}

fn document(rows: &[Done], program: &str) -> Value {
    let row = |done: &Done| {
        json!({
            "what": done.row.what,
            "ok": done.called.result.is_ok(),
            "outcome": done.came_out(),
            "usage": done.called.usage,
            "command": done.row.command(program),
        })
    };
    rows.iter().map(row).collect()
}

fn text(rows: &[Done], lifted: &Done, program: &str) -> String {
    let mut lines = vec!["each call in a fresh sandbox, with nothing granted".to_owned()];
    for done in rows {
        lines.push(format!("{}: {}", done.row.what, done.came_out()));
        lines.push(format!("  {}", cost(&done.called.usage)));
        lines.push(format!("  $ {}", done.row.command(program)));
    }
    let ran = lifted.called.usage.wall.as_millis();
    lines.push(format!(
        "{}: ran {ran} ms, until this demo stopped it",
        lifted.row.what
    ));
    lines.push("next:".to_owned());
    lines.push(format!(
        "  $ {program} inspect demo:text   what a component is and may do"
    ));
    lines.push(format!(
        "  $ {program} call --help         call a component of your own"
    ));
    lines.join("\n")
}
