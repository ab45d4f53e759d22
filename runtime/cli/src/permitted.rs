//! What a component may do and how much of it, by the command line and the files.

use patinox_config::{Asked, ForComponent, NamedValidator};
use patinox_host::digest;
use patinox_policy::{InstalledName, Limits};

use crate::error::Error;
use crate::grants::Grants;
use crate::session::Session;
use crate::source::{Source, Target, shown};

/// What a component may do, the ceilings of a call of it, and who judges its calls.
#[derive(Debug)]
pub(crate) struct Permitted {
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
    pub(crate) validators: Vec<NamedValidator>,
    /// After all others.
    pub(crate) required: Vec<NamedValidator>,
}

impl Permitted {
    /// What one may do that is looked at alone.
    pub(crate) fn nothing(session: &Session) -> Self {
        let found = session.settings.of_component(&Asked::default());
        Self {
            grants: Grants::default().and(Vec::new(), found.deny),
            limits: found.limits,
            validators: Vec::new(),
            required: Vec::new(),
        }
    }

    /// What is granted to one, and said of it in the files. Where that depends on the
    /// bytes of a file, those that it is decided by are those that will be loaded.
    pub(crate) fn of(
        session: &Session,
        target: Target,
        allow: &[String],
    ) -> Result<(Target, Self), Error> {
        let grants = Grants::read(allow)?;
        let said = |asked: &Asked<'_>| session.settings.of_component(asked);
        Self::said_of(session, target, (grants, &said))
    }

    /// What is said of one that judges calls, whose ceilings are these where nothing is.
    pub(crate) fn to_judge(
        session: &Session,
        target: Target,
        limits: &Limits,
    ) -> Result<(Target, Self), Error> {
        let grants = Grants::read(&[])?;
        let said = |asked: &Asked<'_>| session.settings.of_validator(asked, *limits);
        let (target, digest, found) = Self::found(session, target, &said)?;
        // What would hold it to its work does not count: then it is not to be trusted.
        if let (Some(place), Some(found)) = (found.stale.first(), digest) {
            return Err(Error::OtherValidator {
                validator: shown(&target.source.short_name()),
                place: place.to_string(),
                found,
            });
        }
        let permitted = Self::by(session, grants, found);
        Ok((target, permitted))
    }

    fn said_of(
        session: &Session,
        target: Target,
        (grants, said): (Grants, &dyn Fn(&Asked<'_>) -> ForComponent),
    ) -> Result<(Target, Self), Error> {
        let (target, digest, found) = Self::found(session, target, said)?;
        for place in &found.stale {
            let digest = digest.as_deref().unwrap_or_default();
            session.output.hint(&format!(
                "`{place}` grants nothing to these bytes and raises no limit of theirs: write \
                 `{digest}` there as the digest if you accept them"
            ));
        }
        Ok((target, Self::by(session, grants, found)))
    }

    /// What the files say of one, and its digest where that depends on it.
    fn found(
        session: &Session,
        mut target: Target,
        said: &dyn Fn(&Asked<'_>) -> ForComponent,
    ) -> Result<(Target, Option<String>, ForComponent), Error> {
        let settings = &session.settings;
        if let Source::Path(path) = &target.source
            && settings.speaks_of(path)
        {
            let bytes = target.source.bytes(&settings.load_limits())?;
            let path = path.clone();
            target.source = Source::Read { path, bytes };
        }
        let (mut name, mut path, mut found_digest) = (None::<InstalledName>, None, None);
        match &target.source {
            Source::Installed(installed) => {
                name = installed.1.full_name().parse().ok();
                found_digest = Some(installed.1.digest.clone());
            }
            Source::Read { path: of, bytes } => {
                path = Some(of.as_path());
                found_digest = Some(digest(bytes));
            }
            Source::Path(_) | Source::Demo(_) | Source::Named(_) => {}
        }
        let found = said(&Asked {
            name: name.as_ref(),
            path,
            digest: found_digest.as_deref(),
        });
        Ok((target, found_digest, found))
    }

    fn by(session: &Session, grants: Grants, found: ForComponent) -> Self {
        for grant in &found.astray {
            session.output.hint(&format!(
                "{} grants `{}`, which leads out of the project: it is not granted",
                grant.origin(),
                grant.named()
            ));
        }
        Self {
            grants: grants.and(found.allow, found.deny),
            limits: found.limits,
            validators: found.validators,
            required: found.required,
        }
    }
}
