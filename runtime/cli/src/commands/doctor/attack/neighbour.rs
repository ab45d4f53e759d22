//! An honest tool beside the attacks, called all the while.

use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::rows::NEIGHBOUR;
use crate::demo::components::{Components, Ready};
use crate::error::Error;

/// The neighbour at work.
pub(super) struct Neighbour {
    stop: CancellationToken,
    task: JoinHandle<Seen>,
}

/// How it went for the neighbour.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) calls: u64,
    /// Calls that failed, or that gave another answer than when it was alone.
    pub(super) wrong: u64,
    pub(super) slowest: Duration,
}

impl Neighbour {
    /// Asks it once while it is alone, then all the while.
    pub(super) async fn start(
        components: &Components<'_>,
        cancel: &CancellationToken,
    ) -> Result<Self, Error> {
        let stop = cancel.child_token();
        let alone = components.call(&NEIGHBOUR, stop.clone()).await?;
        let answer = alone.result?;
        // Not ended by `stop`: the last call is to be right too.
        let call = components.ready(&NEIGHBOUR, CancellationToken::new())?;
        let task = tokio::spawn(work(call, answer, stop.clone()));
        Ok(Self { stop, task })
    }

    /// Lets it finish its last call.
    pub(super) async fn stop(self) -> Result<Seen, Error> {
        self.stop.cancel();
        self.task.await.map_err(|error| Error::Start {
            what: "a task ended without an answer",
            source: error.into(),
        })
    }
}

async fn work(call: Ready, answer: Value, stop: CancellationToken) -> Seen {
    let mut seen = Seen::default();
    while !stop.is_cancelled() {
        let called = call.clone().run().await;
        seen.calls += 1;
        seen.wrong += u64::from(!called.result.is_ok_and(|result| result == answer));
        seen.slowest = seen.slowest.max(called.usage.wall);
    }
    seen
}
