//! What a component may do and how much of it, by the command line and the files.

use patinox_config::{Asked, ForComponent, NamedValidator};
use patinox_host::digest;
use patinox_policy::{InstalledName, Limits};

use crate::error::Error;
use crate::grants::Grants;
use crate::session::Session;
use crate::source::{Source, Target};

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
        Self::said_of(session, target, (grants, &said))
    }

    fn said_of(
        session: &Session,
        mut target: Target,
        (grants, said): (Grants, &dyn Fn(&Asked<'_>) -> ForComponent),
    ) -> Result<(Target, Self), Error> {
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
        for place in &found.stale {
            let digest = found_digest.as_deref().unwrap_or_default();
            session.output.hint(&format!(
                "`{place}` grants nothing to these bytes and raises no limit of theirs: write \
                 `{digest}` there as the digest if you accept them"
            ));
        }
        for grant in &found.astray {
            session.output.hint(&format!(
                "{} grants `{}`, which leads out of the project: it is not granted",
                grant.origin(),
                grant.named()
            ));
        }
        let limits = found.limits;
        let permitted = Self {
            grants: grants.and(found.allow, found.deny),
            limits,
            validators: found.validators,
            required: found.required,
        };
        Ok((target, permitted))
    }
}
