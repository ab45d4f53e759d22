//! `patinox doctor --attack`: whether the limits hold, for everybody to see.

mod base;
mod files;
mod neighbour;
mod rows;
mod show;
mod tried;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use patinox_host::{Allocated, Config, Detector, Host, Profile, Storage};
use patinox_policy::LimitName;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::again::Again;
use crate::demo::components::Components;
use crate::demo::rows::{LIFTED, Row};
use crate::demo::storage;
use crate::error::Error;
use crate::session::Session;

use base::Base;
use neighbour::{Neighbour, Seen};
use rows::{CUT, HONEST, KEEPS, STOPPED};
use tried::{Tried, code_text, cut_text, ended, judge_cut};

/// How long a guest is busy before it is cancelled.
const BUSY_FOR: Duration = Duration::from_millis(50);

/// What came of it all.
struct Attacked {
    tried: Vec<Tried>,
    neighbour: Seen,
    /// The memory of this process before the first attack and after the last,
    /// in bytes; absent where the machine does not tell.
    memory_bytes: [Option<u64>; 2],
    allocated: Allocated,
    set_aside: Vec<LimitName>,
    took: Duration,
}

pub(super) fn run(session: Session) -> Result<ExitCode, Error> {
    session.run(async |session, cancel| {
        let attacked = Box::pin(attack(session, &cancel)).await?;
        let text = show::text(&attacked, &session.again);
        let document = show::document(&attacked);
        let failed = attacked.failed();
        let failed = (!failed.is_empty()).then(|| show::report(&failed));
        Ok(session.output.judged(&document, &text, failed.as_ref()))
    })
}

async fn attack(session: &Session, cancel: &CancellationToken) -> Result<Attacked, Error> {
    let base = Base::of(&session.settings)?;
    let kept = storage()?;
    let host = Host::new(Config {
        storage: Some(Storage::Folder(kept.path().to_owned())),
        limits: base.limits,
        load: base.load,
        admission: base.admission,
        grants: None,
        ..session.config()
    })?;
    let allocated = host.allocated(Profile::Lean)?;
    let components = Components::load(session, (host, rows::all()), cancel);
    let components = Box::pin(components).await?;
    let neighbour = Neighbour::start(&components, cancel).await?;
    let (started, before) = (Instant::now(), resident());
    let attacks = Attacks {
        components,
        again: &session.again,
        cancel,
    };
    let tried = attacks.all().await?;
    let neighbour = neighbour.stop().await?;
    Ok(Attacked {
        tried,
        neighbour,
        memory_bytes: [before, resident()],
        allocated,
        set_aside: base.set_aside,
        took: started.elapsed(),
    })
}

/// The memory of this process, in bytes.
fn resident() -> Option<u64> {
    let resident = Detector::new().memory_resident_bytes();
    resident.map(|figure| figure.value)
}

impl Attacked {
    /// What did not come out as it should.
    fn failed(&self) -> Vec<&'static str> {
        let failed = self.tried.iter().filter(|tried| !tried.held());
        let neighbour = (0 < self.neighbour.wrong).then_some("the neighbour");
        failed.map(|tried| tried.what).chain(neighbour).collect()
    }
}

/// What is needed to attack.
struct Attacks<'a> {
    components: Components<'a>,
    again: &'a Again,
    cancel: &'a CancellationToken,
}

impl Attacks<'_> {
    /// Every attack, one after the other.
    async fn all(&self) -> Result<Vec<Tried>, Error> {
        let mut tried = Vec::new();
        for row in &STOPPED {
            tried.push(self.stopped(row).await?);
        }
        for row in &CUT {
            tried.push(self.cut(row).await?);
        }
        tried.push(self.kept().await?);
        tried.push(self.cancelled().await?);
        for (what, file) in files::all()? {
            tried.push(self.refused(what, file).await?);
        }
        tried.push(self.at_once().await?);
        tried.push(self.stopped(&HONEST).await?);
        Ok(tried)
    }

    /// An attack that ends by a code, or an honest call that has a result.
    async fn stopped(&self, row: &Row) -> Result<Tried, Error> {
        let started = Instant::now();
        let called = self.components.call(row, self.cancel.child_token()).await?;
        self.tried(
            row,
            started,
            code_text(row.ends_in),
            code_text(ended(&called)),
        )
    }

    async fn cut(&self, row: &Row) -> Result<Tried, Error> {
        let started = Instant::now();
        let called = self.components.call(row, self.cancel.child_token()).await?;
        let judged = match ended(&called) {
            code if code == row.ends_in => judge_cut(row, &called)?,
            other => code_text(other),
        };
        self.tried(row, started, cut_text(row), judged)
    }

    /// A guest that keeps something finds nothing of it in its next call.
    async fn kept(&self) -> Result<Tried, Error> {
        let started = Instant::now();
        let mut found = Vec::new();
        for _ in 0..2 {
            let called = self
                .components
                .call(&KEEPS, self.cancel.child_token())
                .await?;
            found.push(match called.result {
                Ok(answer) if answer == "" => "gone",
                Ok(_) => "still there",
                Err(_) => "no answer",
            });
        }
        let worst = found.into_iter().find(|found| *found != "gone");
        let judged = worst.unwrap_or("gone").to_owned();
        self.tried(&KEEPS, started, "gone".to_owned(), judged)
    }

    /// A busy guest, with no limit near, ends when its caller wants.
    async fn cancelled(&self) -> Result<Tried, Error> {
        let started = Instant::now();
        let called = self
            .components
            .call_for(&LIFTED, BUSY_FOR, self.cancel)
            .await?;
        let judged = code_text(ended(&called));
        let mut tried = self.tried(&LIFTED, started, code_text(LIFTED.ends_in), judged)?;
        tried.what = "is busy when it is cancelled";
        // It would not end by itself.
        tried.command = None;
        Ok(tried)
    }

    /// A file that is no component.
    async fn refused(&self, what: &'static str, file: Vec<u8>) -> Result<Tried, Error> {
        let started = Instant::now();
        let ended = files::load(self.components.host(), file).await;
        Ok(Tried {
            what,
            command: None,
            should: files::REFUSED.as_str().to_owned(),
            ended: code_text(ended),
            took: self.took(started)?,
        })
    }

    /// All those that are stopped, at the same time.
    async fn at_once(&self) -> Result<Tried, Error> {
        let mut calls = JoinSet::new();
        let started = Instant::now();
        for row in &STOPPED {
            let call = self.components.ready(row, self.cancel.child_token())?;
            let ends_in = row.ends_in;
            calls.spawn(async move { ended(&call.run().await) == ends_in });
        }
        let held = calls.join_all().await.into_iter().filter(|held| *held);
        let (held, all) = (held.count(), STOPPED.len());
        Ok(Tried {
            what: "all that were stopped, at once",
            command: None,
            should: format!("{all} by their codes"),
            ended: format!("{held} by their codes"),
            took: self.took(started)?,
        })
    }

    fn tried(
        &self,
        row: &Row,
        started: Instant,
        should: String,
        ended: String,
    ) -> Result<Tried, Error> {
        Ok(Tried {
            what: row.what,
            command: Some(row.command(self.again)),
            should,
            ended,
            took: self.took(started)?,
        })
    }

    /// Unless somebody cancelled all of it meanwhile.
    fn took(&self, started: Instant) -> Result<Duration, Error> {
        match self.cancel.is_cancelled() {
            true => Err(Error::Cancelled),
            false => Ok(started.elapsed()),
        }
    }
}
