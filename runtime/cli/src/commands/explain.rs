//! `patinox explain`: what a component may do, what not, and why.

use std::fmt::Write as _;
use std::process::ExitCode;

use patinox_config::{NamedComponent, NamedValidator};
use patinox_host::{Loaded, is_enforced};
use patinox_policy::{
    Access, Capability, Denial, Failure as _, Grant, InstalledName, LimitName, Limits, Policy,
    Quantity, escape_line,
};
use patinox_telemetry::Clock;
use serde_json::{Map, Value, json};

use crate::args::Explain;
use crate::error::Error;
use crate::grants::{Grants, left};
use crate::permitted::Permitted;
use crate::session::Session;
use crate::source::Target;

/// What every component may do.
const ALWAYS: &str = "compute, tell the time in milliseconds, wait, draw random bytes that follow \
                      from the call, log, report its progress";

/// The interfaces by which a component asks for something, without version.
const ASKS: [(Capability, &str); 9] = [
    (Capability::Http, "wasi:http/outgoing-handler"),
    (Capability::Filesystem, "wasi:filesystem/preopens"),
    (Capability::Environment, "wasi:cli/environment"),
    (Capability::Config, "wasi:config/store"),
    (Capability::KeyValue, "wasi:keyvalue/store"),
    (Capability::Clock, "wasi:clocks/monotonic-clock"),
    (Capability::Random, "wasi:random/random"),
    (Capability::Model, "patinox:tool/model"),
    (Capability::Tool, "patinox:tool/tools"),
];

pub(crate) fn run(session: Session, explain: &Explain) -> Result<ExitCode, Error> {
    let target = Target::parse(&explain.component, &session.again)?;
    let target = target.found(&session)?;
    let (target, permitted) = Permitted::of(&session, target, &explain.allow)?;
    let would = Grants::read(explain.would.as_slice())?;
    session.run(async |session, cancel| {
        let host = session.host(&permitted)?;
        let Permitted {
            grants,
            limits,
            validators,
            required,
        } = permitted;
        let loaded = session.load(&host, (&target.source, &grants), &cancel);
        let loaded = loaded.await?;
        let policy = loaded.policy().unwrap_or_default();
        let output = session.output;
        match would.as_slice().first() {
            Some(asked) => {
                let answer = answer(&policy, asked)?;
                match answer {
                    Ok(by) => {
                        let text = grants.as_typed(format!("yes: `{}` allows it", text_of(by)));
                        Ok(output.done(
                            &json!({ "allowed": true, "by": grants.as_typed(text_of(by)) }),
                            &text,
                        ))
                    }
                    Err(denial) => Err(Error::WouldNot {
                        hint: denial.hint().map(|hint| grants.as_typed(hint)),
                        denial,
                    }),
                }
            }
            None => {
                let mut explained = Explained::of(&loaded, &policy);
                explained.of_nobody = of_nobody(session);
                // Of one that judges they are not those of a call.
                explained.limits = (0 < loaded.tools().iter().len()).then_some(limits);
                let named = explained.limits.map(|_| [validators, required]);
                explained.judges = named
                    .map(|all| all.map(judges).concat())
                    .unwrap_or_default();
                let text = grants.as_typed(explained.text());
                Ok(output.done(&explained.document(&grants), &text))
            }
        }
    })
}

/// Entries of files about components that are not there: most likely they are written
/// wrong.
fn of_nobody(session: &Session) -> Vec<(String, String)> {
    let lock = session.installed().ok();
    let lock = lock.and_then(|installed| installed.lock().ok());
    // What is installed is not known then, and nobody is blamed.
    let is_installed =
        |name: &InstalledName| lock.as_ref().is_none_or(|lock| lock.get(name).is_ok());
    let entries = session.settings.of_nobody(is_installed).into_iter();
    entries
        .map(|(name, place)| (name, place.to_string()))
        .collect()
}

/// Whether the policy allows all that a grant would, as far as that is one thing.
fn answer<'p>(policy: &'p Policy, asked: &Grant) -> Result<Result<&'p Grant, Box<Denial>>, Error> {
    // A wildcard is allowed by a grant that is as wide.
    if let Some(by) = policy.granted().iter().find(|grant| grant.covers(asked)) {
        return Ok(match asked.only_access() {
            Some(access) => policy.decide(&access, Clock::system().steady()),
            None => Ok(by),
        });
    }
    let access = asked.only_access().ok_or_else(|| Error::Usage {
        message: format!("`{}` is more than one thing", asked.named()),
        hint: "ask for one, without a `*`".to_owned(),
    })?;
    Ok(policy.decide(&access, Clock::system().steady()))
}

/// What is told of a component.
struct Explained<'a> {
    digest: &'a str,
    policy: &'a Policy,
    /// By which import it could ask for what was not granted.
    asks: Vec<(Capability, &'a str)>,
    /// What it could not even ask for.
    never: Vec<Capability>,
    /// What files say of components that are not there, and where.
    of_nobody: Vec<(String, String)>,
    /// The ceilings of a call, of what can be called.
    limits: Option<Limits>,
    /// Who judges its calls, each with its position and where that stands.
    judges: Vec<[String; 3]>,
}

/// Those that files name.
fn judges(named: Vec<NamedValidator>) -> Vec<[String; 3]> {
    let one = |one: NamedValidator| {
        let name = match &one.component {
            NamedComponent::Installed(name) => name.to_string(),
            NamedComponent::File(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                escape_line(&name).into_owned()
            }
        };
        [
            name,
            one.position.as_str().to_owned(),
            one.place.to_string(),
        ]
    };
    named.into_iter().map(one).collect()
}

/// The limits of a call that people set most, and those that are not as they usually are.
fn limits_of(limits: &Limits) -> impl Iterator<Item = (LimitName, Quantity, bool)> {
    const OFTEN: [LimitName; 3] = [LimitName::Fuel, LimitName::Wall, LimitName::Memory];
    let (limits, usual) = (*limits, Limits::default());
    LimitName::ALL.into_iter().filter_map(move |name| {
        let value = limits.get(name)?;
        let is_usual = usual.get(name) == Some(value);
        let is_told = !is_usual || OFTEN.contains(&name);
        is_told.then(|| (name, name.quantity(value), is_usual))
    })
}

impl<'a> Explained<'a> {
    fn of(loaded: &'a Loaded, policy: &'a Policy) -> Self {
        let component = loaded.component();
        let imports = component.map_or(&[] as &[String], |component| component.imports());
        let import_of = |interface: &str| {
            let mut names = imports.iter();
            names.find(|name| name.split('@').next() == Some(interface))
        };
        let (mut asks, mut never) = (Vec::new(), Vec::new());
        for (capability, interface) in ASKS {
            match import_of(interface) {
                Some(import) => asks.push((capability, import.as_str())),
                None => never.push(capability),
            }
        }
        Self {
            digest: loaded.digest(),
            policy,
            asks,
            never,
            of_nobody: Vec::new(),
            limits: None,
            judges: Vec::new(),
        }
    }

    /// What it could ask for, and has nothing of.
    fn withheld(&self) -> impl Iterator<Item = &(Capability, &'a str)> {
        let has = |capability| {
            let mut granted = self.policy.granted().iter();
            granted.any(|grant| grant.capability() == capability)
        };
        self.asks
            .iter()
            .filter(move |(capability, _)| !has(*capability))
    }

    /// Something denies what it grants.
    fn is_denied(&self, grant: &Grant) -> bool {
        let access = grant.only_access();
        access.is_some_and(|access| {
            let decision = self.policy.decide(&access, Clock::system().steady());
            decision.is_err()
        })
    }

    /// A grant of something that it never asks for is for nothing.
    fn is_for_nothing(&self, grant: &Grant) -> bool {
        self.never.contains(&grant.capability())
    }

    fn text(&self) -> String {
        let mut text = format!("component {}\n\nIT MAY\n\n  {ALWAYS}\n", self.digest);
        for grant in self.policy.granted() {
            let note = match self.is_for_nothing(grant) {
                true => "; but it imports nothing to ask for it by",
                false if self.is_denied(grant) => "; but it is denied, see below",
                false => "",
            };
            // Writing to a `String` cannot fail.
            let _ = writeln!(
                text,
                "  {}: `{}`{}, given by {}{note}",
                what(grant),
                text_of(grant),
                left(grant, Clock::system().steady()),
                grant.origin()
            );
        }
        if !self.policy.denied().is_empty() {
            text.push_str("\nIT MAY NEVER, WHATEVER IS GRANTED\n\n");
        }
        for grant in self.policy.denied() {
            let _ = writeln!(text, "  `{}`, by {}", text_of(grant), grant.origin());
        }
        text.push_str("\nIT COULD ASK FOR, AND WOULD BE DENIED\n\n");
        let mut is_empty = true;
        for (capability, import) in self.withheld() {
            is_empty = false;
            let help = match is_enforced(*capability) {
                true => format!("allow it like `--allow '{}'`", capability.example()),
                false => "it cannot be granted yet".to_owned(),
            };
            let _ = writeln!(
                text,
                "  {}, by `{}`: {help}",
                kind(*capability),
                escape_line(import)
            );
        }
        if is_empty {
            text.push_str("  nothing\n");
        }
        text.push_str(
            "\nIT REACHES THROUGH OTHERS\n\n  nothing: no tool can call another one yet\n",
        );
        self.push_calls(&mut text);
        if !self.of_nobody.is_empty() {
            text.push_str("\nFILES SPEAK OF COMPONENTS THAT ARE NOT THERE\n\n");
        }
        for (name, place) in &self.of_nobody {
            let _ = writeln!(text, "  `{name}`, at `{place}`");
        }
        text.trim_end().to_owned()
    }

    /// What a call of it has, and who judges it.
    fn push_calls(&self, text: &mut String) {
        if self.limits.is_some() {
            text.push_str("\nA CALL OF IT HAS AT MOST\n\n");
        }
        for (name, value, is_usual) in self.limits.iter().flat_map(limits_of) {
            let note = if is_usual {
                ""
            } else {
                ", which is not the default"
            };
            let _ = writeln!(text, "  {name} {value}{note}");
        }
        if !self.judges.is_empty() {
            text.push_str("\nITS CALLS ARE JUDGED BY\n\n");
        }
        for [name, position, place] in &self.judges {
            let position = match position.as_str() {
                "both" => "before and after",
                position => position,
            };
            let _ = writeln!(text, "  `{name}`, {position}, by `{place}`");
        }
    }

    fn document(&self, grants: &Grants) -> Value {
        let text_of = |grant: &Grant| grants.as_typed(text_of(grant));
        let granted = self.policy.granted().iter().map(|grant| {
            json!({
                "grant": text_of(grant),
                "capability": grant.capability(),
                "by": grant.origin().to_string(),
                "used": !self.is_for_nothing(grant),
            })
        });
        let withheld = self.withheld().map(|(capability, import)| {
            json!({
                "capability": capability,
                "import": import,
                "example": is_enforced(*capability).then(|| capability.example()),
            })
        });
        json!({
            "digest": self.digest,
            "granted": granted.collect::<Vec<_>>(),
            "denied": self.policy.denied().iter().map(text_of).collect::<Vec<_>>(),
            "withheld": withheld.collect::<Vec<_>>(),
            "through_others": [],
            "limits": self.limits.iter().flat_map(limits_of).map(|(name, value, _)| {
                (name.to_string(), json!(value.to_string()))
            }).collect::<Map<_, _>>(),
            "validators": self.judges.iter().map(|[name, position, place]| {
                json!({ "component": name, "at": position, "by": place })
            }).collect::<Vec<_>>(),
            "not_there": self.of_nobody.iter().map(|(name, place)| {
                json!({ "component": name, "place": place })
            }).collect::<Vec<_>>(),
        })
    }
}

/// A grant as it is shown: without a value that may be a secret.
fn text_of(grant: &Grant) -> String {
    grant.named()
}

/// What a grant allows, in words.
fn what(grant: &Grant) -> String {
    match grant.only_access() {
        Some(access) => Access::to_string(&access),
        None => kind(grant.capability()).to_owned(),
    }
}

/// A kind of thing, in words.
const fn kind(capability: Capability) -> &'static str {
    match capability {
        Capability::Http => "requests over HTTP",
        Capability::Filesystem => "folders",
        Capability::Environment => "variables of the environment",
        Capability::Config => "settings",
        Capability::KeyValue => "key-value storage",
        Capability::Clock => "a clock finer than a millisecond",
        Capability::Random => "randomness of the host",
        Capability::Model => "language models",
        Capability::Tool => "other tools",
        Capability::Import => "interfaces of the embedder's own",
    }
}
