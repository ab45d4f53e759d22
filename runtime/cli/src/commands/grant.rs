//! `patinox grant`: what components may do in every process, until that ends or is
//! revoked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use patinox_host::{Given, GrantStore, LoadRequest, digest};
use patinox_policy::{Grant, Origin, Quantity, Unit, escape_line};
use patinox_telemetry::Clock;
use serde_json::{Value, json};

use crate::args::{Add, GrantVerb, Revoke};
use crate::error::Error;
use crate::grants::{Grants, left};
use crate::permitted::Permitted;
use crate::session::Session;
use crate::source::{Source, Target, shown};

/// The longest that something is granted for, but for ever: thirty years.
const MAX_LASTING_MS: u64 = 30 * 365 * 24 * 3_600_000;

pub(crate) fn run(session: Session, verb: &GrantVerb) -> Result<ExitCode, Error> {
    let store = session.grants()?;
    match verb {
        GrantVerb::Add(add) => grant(session, &store, add),
        GrantVerb::Ls => list(&session, &store),
        GrantVerb::Revoke(revoke) => take_back(&session, &store, revoke),
    }
}

/// A component as it is granted something: by its bytes, whatever it is called.
struct Named {
    digest: String,
    name: String,
}

impl Named {
    fn of(session: &Session, text: &str) -> Result<Self, Error> {
        let target = Target::parse(text, &session.again)?.found(session)?;
        if let Some(tool) = &target.tool {
            return Err(Error::Usage {
                message: format!("`{}` names a tool", shown(text)),
                hint: format!(
                    "a component is granted something with all its tools: leave out `#{}`",
                    shown(tool)
                ),
            });
        }
        Ok(Self {
            digest: match &target.source {
                Source::Installed(installed) => installed.1.digest.clone(),
                source => digest(&source.bytes(&session.settings.load_limits())?),
            },
            name: target.source.full_name(),
        })
    }
}

fn grant(session: Session, store: &GrantStore, add: &Add) -> Result<ExitCode, Error> {
    let named = Named::of(&session, &add.component)?;
    let now = Clock::system().steady();
    let lasting = add.lasting.as_deref().map(lasting).transpose()?;
    let grants = Grants::read(&add.grants)?;
    let given: Vec<_> = grants
        .as_slice()
        .iter()
        .map(|grant| {
            let grant = grant.clone().given_by(Origin::GrantCommand);
            Given {
                component: named.digest.clone(),
                name: named.name.clone(),
                grant: match lasting {
                    Some(lasting) => grant.until(now + lasting),
                    None => grant,
                },
            }
        })
        .collect();
    session.run(async |session, _| {
        let before = store.all(now)?.into_iter();
        let others = before.filter(|one| {
            let is_replaced = given.iter().any(|new| new.grant.is_same(&one.grant));
            one.component == named.digest && !is_replaced
        });
        let all = others.map(|one| one.grant);
        let all = all.chain(given.iter().map(|new| new.grant.clone()));
        // What could not be granted to a call is not kept.
        let host = session.host(&Permitted::nothing(session))?;
        host.check(all.fold(LoadRequest::bytes(Vec::new()), LoadRequest::grant))
            .await?;
        store.add(&given, now)?;
        let mut text = format!("{} may from now on\n", escape_line(&named.name));
        for new in &given {
            let what = grants.as_typed(new.grant.named());
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "  {what}{}", left(&new.grant, now));
        }
        let _ = write!(text, "for these bytes alone: {}", named.digest);
        let given: Vec<_> = given.iter().map(document).collect();
        Ok(session.output.done(&json!({ "granted": given }), &text))
    })
}

fn list(session: &Session, store: &GrantStore) -> Result<ExitCode, Error> {
    let now = Clock::system().steady();
    let (all, refused) = (store.all(now)?, store.refused(now)?);
    let mut of: BTreeMap<_, Vec<(&Given, &str)>> = BTreeMap::new();
    let granted = all.iter().map(|one| (one, ""));
    let never = refused.iter().map(|one| (one, "never: "));
    for (given, mark) in granted.chain(never) {
        let of_one = of.entry((&given.name, &given.component)).or_default();
        of_one.push((given, mark));
    }
    let mut text = String::new();
    for ((name, digest), given) in of {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{}\n  {digest}", escape_line(name));
        for (one, mark) in given {
            let (what, by) = (one.grant.named(), one.grant.origin());
            let left = left(&one.grant, now);
            let _ = writeln!(text, "    {mark}{what}{left}, by {by}");
        }
    }
    if text.is_empty() {
        text.push_str(
            "nothing is granted for every process: `patinox grant add COMPONENT GRANT` does that",
        );
    }
    let given: Vec<_> = all.iter().map(document).collect();
    let refused: Vec<_> = refused.iter().map(document).collect();
    let document = json!({ "granted": given, "refused": refused });
    Ok(session.output.done(&document, text.trim_end()))
}

fn take_back(session: &Session, store: &GrantStore, revoke: &Revoke) -> Result<ExitCode, Error> {
    let mut all = store.all(SystemTime::UNIX_EPOCH)?;
    all.extend(store.refused(SystemTime::UNIX_EPOCH)?);
    // Under its name, with whatever bytes it had; what is listed can be revoked whatever
    // has become of its file.
    let is_named = |one: &&Given| [&one.component, &one.name].contains(&&revoke.component);
    let listed = all.iter().filter(is_named);
    let mut digests: BTreeSet<_> = listed.map(|one| one.component.clone()).collect();
    match Named::of(session, &revoke.component) {
        Ok(named) => drop(digests.insert(named.digest)),
        Err(error) if digests.is_empty() => return Err(error),
        Err(_) => {}
    }
    let of_it = || all.iter().filter(|one| digests.contains(&one.component));
    let typed = Grants::read(&revoke.grants)?;
    let mut meant: Vec<&Given> = Vec::new();
    for (grant, text) in typed.as_slice().iter().zip(&revoke.grants) {
        // A value is not shown.
        let is_meant =
            |one: &&Given| one.grant.is_same(grant) || one.grant.named() == text.as_str();
        let before = meant.len();
        meant.extend(of_it().filter(is_meant));
        if meant.len() == before {
            return Err(none_of(&revoke.component, Some(grant)));
        }
    }
    if meant.is_empty() && !revoke.all {
        let has: Vec<_> = of_it()
            .map(|one| format!("`{}`", one.grant.named()))
            .collect();
        return Err(Error::Usage {
            message: "nothing is named that is to be taken back".to_owned(),
            hint: match has.is_empty() {
                true => "`patinox grant` has granted it nothing".to_owned(),
                false => format!("name one of {}, or `--all`", has.join(", ")),
            },
        });
    }
    if revoke.all {
        meant.extend(of_it());
    }
    let mut revoked = Vec::new();
    for one in meant {
        revoked.extend(store.revoke(&one.component, Some(&one.grant))?);
    }
    if revoked.is_empty() {
        return Err(none_of(&revoke.component, None));
    }
    let mut text = "revoked\n".to_owned();
    for one in &revoked {
        let what = typed.as_typed(one.grant.named());
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "  {what}");
    }
    let revoked: Vec<_> = revoked.iter().map(document).collect();
    let document = json!({ "revoked": revoked });
    Ok(session.output.done(&document, text.trim_end()))
}

fn none_of(component: &str, grant: Option<&Grant>) -> Error {
    let grant = grant.map_or_else(
        || "nothing".to_owned(),
        |grant| format!("no `{}`", grant.named()),
    );
    Error::Usage {
        message: format!(
            "{grant} is granted to `{}` by `patinox grant`",
            shown(component)
        ),
        hint: "`patinox grant ls` shows what is; files grant too: `patinox explain` shows by whom"
            .to_owned(),
    }
}

fn lasting(text: &str) -> Result<Duration, Error> {
    let wrong = |rule: &str| Error::Usage {
        message: format!("`--for {}` {rule}", shown(text)),
        hint: "write it like `90s`, `30m` or `8h`".to_owned(),
    };
    let quantity = Quantity::parse(text, Unit::Milliseconds).map_err(wrong)?;
    match quantity.value {
        0 => Err(wrong("must be more than nothing")),
        ms if MAX_LASTING_MS < ms => Err(wrong("must be at most thirty years")),
        ms => Ok(Duration::from_millis(ms)),
    }
}

fn document(given: &Given) -> Value {
    let grant = &given.grant;
    let expires = grant.expires().map(|end| {
        let since = end
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    });
    json!({
        "component": given.component,
        "name": given.name,
        "grant": grant.named(),
        "by": grant.origin().to_string(),
        "expires_ms": expires,
    })
}
