//! Who judges a call: by the command line and by the files.

use std::path::Path;
use std::sync::Arc;

use patinox_config::{NamedComponent, NamedValidator};
use patinox_host::{Host, Loaded};
use patinox_policy::Position;
use patinox_tools::{Validator, Validators, validator_limits};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::permitted::Permitted;
use crate::session::Session;
use crate::source::{Source, Target, shown};

/// One that judges, and what it may do.
#[derive(Debug)]
pub(crate) struct Judge {
    source: Source,
    permitted: Permitted,
    position: Position,
    /// Where a file names it.
    place: Option<String>,
}

/// Those of one call, in their order.
#[derive(Debug, Default)]
pub(crate) struct Judges(Vec<Judge>);

impl Judges {
    /// Those that the files name for what is called, then those of the command line, then
    /// those that a ceiling requires.
    pub(crate) fn of(
        session: &Session,
        permitted: &Permitted,
        typed: &[String],
    ) -> Result<Self, Error> {
        let named = |all: &[NamedValidator]| {
            let judges = all.iter().map(|one| Judge::named(session, one));
            judges.collect::<Result<Vec<_>, _>>()
        };
        let mut all = named(&permitted.validators)?;
        for word in typed {
            all.push(Judge::typed(session, word)?);
        }
        all.extend(named(&permitted.required)?);
        Ok(Self(all))
    }

    /// What each may do.
    pub(crate) fn permitted(&self) -> impl Iterator<Item = &Permitted> {
        self.0.iter().map(|judge| &judge.permitted)
    }

    /// The same component, judged by them.
    pub(crate) async fn judging(
        &self,
        (session, host): (&Session, &Host),
        component: Loaded,
        cancel: &CancellationToken,
    ) -> Result<Loaded, Error> {
        let mut validators = Validators::default();
        for judge in &self.0 {
            let validator = judge.load((session, host), cancel).await;
            let validator = validator.map_err(|error| judge.about(error))?;
            validators = validators.and(judge.position, validator);
        }
        Ok(component.judged_by(&validators))
    }
}

impl Judge {
    /// Reads `[before:|after:]COMPONENT`.
    fn typed(session: &Session, word: &str) -> Result<Self, Error> {
        let (position, component) = match word.split_once(':') {
            Some(("before", component)) => (Position::Before, component),
            Some(("after", component)) => (Position::After, component),
            _ => (Position::Both, word),
        };
        let source = Source::parse(component, "", &session.again)?;
        Self::found(session, source, (position, None))
    }

    fn named(session: &Session, named: &NamedValidator) -> Result<Self, Error> {
        let place = named.place.to_string();
        let source = match &named.component {
            NamedComponent::Installed(name) => Source::Named(name.clone()),
            NamedComponent::File { path, .. } => Source::Path(path.clone()),
        };
        let found = Self::found(session, source, (named.position, Some(place.clone())));
        let judge = found.map_err(|error| unloaded(&place, error))?;
        let NamedComponent::File { path, digest } = &named.component else {
            return Ok(judge);
        };
        judge.pinned(session, (path, digest))
    }

    fn found(
        session: &Session,
        source: Source,
        (position, place): (Position, Option<String>),
    ) -> Result<Self, Error> {
        let source = source.found(session)?;
        let target = Target { source, tool: None };
        let (target, permitted) = Permitted::to_judge(session, target, &validator_limits())?;
        Ok(Self {
            source: target.source,
            permitted,
            position,
            place,
        })
    }

    /// The same, if its bytes are those that a file names: they are the ones that are
    /// loaded.
    fn pinned(
        mut self,
        session: &Session,
        (path, digest): (&Path, &String),
    ) -> Result<Self, Error> {
        let place = self.place.clone().unwrap_or_default();
        let bytes = self.source.bytes(&session.settings.load_limits());
        let bytes = bytes.map_err(|error| unloaded(&place, error))?;
        let found = patinox_host::digest(&bytes);
        if found != *digest {
            return Err(Error::OtherValidator { place, found });
        }
        let path = path.to_owned();
        self.source = Source::Read { path, bytes };
        Ok(self)
    }

    async fn load(
        &self,
        (session, host): (&Session, &Host),
        cancel: &CancellationToken,
    ) -> Result<Arc<dyn Validator>, Error> {
        let grants = &self.permitted.grants;
        let loaded = session.load(host, (&self.source, grants), cancel).await?;
        let limits = self.permitted.limits;
        let named = loaded.validator(&self.name(), limits);
        let validator = named.or_else(|_| loaded.validator("validator", limits))?;
        Ok(Arc::new(validator))
    }

    /// What its verdicts are told by.
    fn name(&self) -> String {
        let name = self.source.full_name();
        let name = name.strip_prefix("demo:").unwrap_or(&name);
        let file = Path::new(name).file_name().unwrap_or_default();
        let file = file.to_string_lossy();
        file.trim_end_matches(".wasm").to_owned()
    }

    fn about(&self, error: Error) -> Error {
        match &self.place {
            Some(place) => unloaded(place, error),
            None => error.about(&self.name()),
        }
    }
}

/// What cannot be loaded lets nothing pass.
fn unloaded(place: &str, error: Error) -> Error {
    match error {
        Error::Cancelled => Error::Cancelled,
        error => Error::NoValidator {
            place: shown(place),
            error: Box::new(error),
        },
    }
}
