//! The order of the layers, and the fold over them.

use std::path::PathBuf;

use patinox_policy::{LimitError, LimitName, LimitScope};

use crate::ceiling::Ceiling;
use crate::file::Source;
use crate::layer::{Entry, Given, Layer};
use crate::parse::Contents;
use crate::project::check_narrows;
use crate::{Environment, Error, Key, Origin, Project, Settings};

/// Everything that settings are made of.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// What the program itself sets where nobody else does, in place of the default;
    /// it counts as the default.
    pub defaults: Vec<(Key, String)>,
    /// The system's own file, there or not. What it says comes first, and nothing
    /// loosens its ceiling.
    pub system_file: Option<PathBuf>,
    /// The file that `--config` names. It replaces the user's own, but for its ceiling.
    pub config_file: Option<PathBuf>,
    /// The folder that the program is started in, if its file is to be read.
    pub project: Option<Project>,
    /// The environment.
    pub environment: Environment,
    /// `--limit NAME=VALUE`, in order; the last of a name wins.
    pub limits: Vec<(String, String)>,
    /// Every other flag that sets a key, in order; the last of a key wins.
    pub flags: Vec<Flag>,
}

/// A flag that sets a key.
#[derive(Clone, Debug)]
pub struct Flag {
    /// What it sets.
    pub key: Key,
    /// Its name as it was typed, like `--log-format`.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// Reads every layer and says what counts.
///
/// A value that a later layer replaces is checked all the same: a mistake is
/// told when it is made, not on the day it begins to matter.
///
/// # Errors
///
/// The first mistake found: in the files, then in the environment, then in the flags;
/// what a ceiling forbids; and what a project's file says that only widens, if it is not
/// trusted.
pub fn resolve(inputs: &Inputs) -> Result<Settings, Error> {
    let system = inputs.system_file.clone();
    let system = system.map_or_else(
        || Ok(Contents::default()),
        |file| Source::users_own(file, None).contents(),
    )?;
    let (own, user) = (own_ceiling(inputs)?, file_contents(inputs)?);
    let ceiling = system.ceiling.clone().and(own).and(user.ceiling.clone());
    let mut settings = Settings::within(&inputs.environment)
        .with_files(files(inputs))
        .with_layer(default_layer(inputs))?
        .below(ceiling)?;
    for file in [system, user] {
        settings = with_file(settings, file)?;
    }
    if let Some(project) = &inputs.project
        && let Some((contents, trust)) = project.contents()?
    {
        let contents = project.bounded(contents, trust);
        check_narrows(&contents, trust, &settings)?;
        settings = with_file(settings, contents)?;
    }
    settings
        .with_layer(inputs.environment.layer()?)?
        .with_flags(flag_layer(inputs)?)
}

/// The files of the system and of the user, there or not.
fn files(inputs: &Inputs) -> Vec<PathBuf> {
    let environment = &inputs.environment;
    let sources = [environment.named_file(), environment.default_file()];
    let paths = sources.into_iter().flatten();
    let paths = paths.map(|source| source.path().to_owned());
    let named = [&inputs.system_file, &inputs.config_file];
    let named = named.into_iter().flatten().cloned();
    named.chain(paths).collect()
}

fn with_file(settings: Settings, file: Contents) -> Result<Settings, Error> {
    let settings = settings.with_layer(file.layer)?.with_alerts(file.alerts);
    settings.with_components(file.components)
}

/// The ceiling of the user's own file, which counts where another file is named, too.
fn own_ceiling(inputs: &Inputs) -> Result<Ceiling, Error> {
    let environment = &inputs.environment;
    let is_replaced = inputs.config_file.is_some() || environment.named_file().is_some();
    let own = environment.default_file().filter(|_| is_replaced);
    let own = own.map(|source| source.contents()).transpose()?;
    Ok(own.unwrap_or_default().ceiling)
}

/// The one file: the flag's, else the variable's, else the user's own.
fn file_contents(inputs: &Inputs) -> Result<Contents, Error> {
    let by_flag = |path: PathBuf| Source::named(path, "--config");
    let environment = &inputs.environment;
    let source = inputs.config_file.clone().map(by_flag);
    source
        .or_else(|| environment.named_file())
        .or_else(|| environment.default_file())
        .map_or_else(|| Ok(Contents::default()), |source| source.contents())
}

fn default_layer(inputs: &Inputs) -> Layer {
    let defaults = inputs.defaults.iter().map(|(key, value)| Entry {
        key: *key,
        value: Given::Text(value.clone()),
        origin: Origin::Default,
    });
    defaults.collect()
}

fn flag_layer(inputs: &Inputs) -> Result<Layer, Error> {
    let limits = inputs.limits.iter().map(limit_entry);
    let flags = inputs.flags.iter().map(|flag| {
        Ok(Entry {
            key: flag.key,
            value: Given::Text(flag.value.clone()),
            origin: Origin::Flag(flag.name),
        })
    });
    limits.chain(flags).collect()
}

fn limit_entry((name, value): &(String, String)) -> Result<Entry, Error> {
    let name: LimitName = name.parse()?;
    let asked = LimitScope::Call;
    if name.scope() != asked {
        return Err(LimitError::Misplaced { name, asked }.into());
    }
    Ok(Entry {
        key: Key::Limit(name),
        value: Given::Text(value.clone()),
        origin: Origin::Flag("--limit"),
    })
}

#[cfg(test)]
mod messages;
#[cfg(test)]
mod tests;
