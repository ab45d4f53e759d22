//! Who judges a call: by the command line and by the files.

use std::path::PathBuf;
use std::sync::Arc;

use patinox_config::{NamedComponent, NamedValidator};
use patinox_host::{Host, Loaded, digest};
use patinox_policy::{Limits, Position};
use patinox_tools::{Validator, Validators, validator_limits};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::grants::Grants;
use crate::permitted::Permitted;
use crate::session::Session;
use crate::source::{Source, Target, shown};

/// One that judges, and what it may do.
#[derive(Debug)]
pub(crate) struct Judge {
    source: Source,
    grants: Grants,
    limits: Limits,
    position: Position,
    /// Where a file names it: then it has what stands there, and nothing else.
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
    pub(crate) fn grants(&self) -> impl Iterator<Item = &Grants> {
        self.0.iter().map(|judge| &judge.grants)
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
    /// Reads `[before:|after:|both:]COMPONENT`.
    fn typed(session: &Session, word: &str) -> Result<Self, Error> {
        let (position, component) = match word.split_once(':') {
            Some((position, component)) if Position::of(position).is_some() => {
                (Position::of(position).unwrap_or_default(), component)
            }
            _ => (Position::Both, word),
        };
        let source = Source::parse(component, "", &session.again)?;
        let target = Target {
            source: source.found(session)?,
            tool: None,
        };
        let (target, permitted) = Permitted::to_judge(session, target, &validator_limits())?;
        Ok(Self {
            source: target.source,
            grants: permitted.grants,
            limits: permitted.limits,
            position,
            place: None,
        })
    }

    /// One that a file names: the bytes that are loaded are those that it has the digest
    /// of.
    fn named(session: &Session, named: &NamedValidator) -> Result<Self, Error> {
        let place = named.place.to_string();
        let bytes = bytes(session, named).map_err(|error| unloaded(&place, error))?;
        let found = digest(&bytes);
        let path = match &named.component {
            NamedComponent::Installed(name) => PathBuf::from(name.to_string()),
            NamedComponent::File(path) => path.clone(),
        };
        let source = Source::Read { path, bytes };
        if found != named.digest {
            return Err(Error::OtherValidator {
                validator: shown(&source.short_name()),
                place,
                found,
            });
        }
        Ok(Self {
            source,
            grants: Grants::default().and(named.allow.clone(), Vec::new()),
            limits: named.limits(validator_limits()),
            position: named.position,
            place: Some(place),
        })
    }

    async fn load(
        &self,
        (session, host): (&Session, &Host),
        cancel: &CancellationToken,
    ) -> Result<Arc<dyn Validator>, Error> {
        let loading = async {
            let request = self.source.request_with(&self.grants)?;
            let request = match self.place {
                Some(_) => request.alone(),
                None => request,
            };
            Ok(host.load(request).await?)
        };
        let loaded = session.loading(loading, cancel).await?;
        let named = loaded.validator(&self.source.short_name(), self.limits);
        let validator = named.or_else(|_| loaded.validator("validator", self.limits))?;
        Ok(Arc::new(validator))
    }

    fn about(&self, error: Error) -> Error {
        match &self.place {
            Some(place) => unloaded(place, error),
            None => error.about(&self.source.short_name()),
        }
    }
}

/// The bytes of one that a file names.
fn bytes(session: &Session, named: &NamedValidator) -> Result<Vec<u8>, Error> {
    let source = match &named.component {
        NamedComponent::Installed(name) => Source::Named(name.clone()),
        NamedComponent::File(path) => Source::Path(path.clone()),
    };
    let source = source.found(session)?;
    source.bytes(&session.settings.load_limits())
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
