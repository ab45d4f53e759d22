//! The order of the layers, and the fold over them.

use std::path::PathBuf;

use patinox_policy::{LimitError, LimitName, LimitScope};

use crate::file::Source;
use crate::layer::{Entry, Given, Layer};
use crate::parse::Contents;
use crate::{Environment, Error, Key, Origin, Settings};

/// Everything that settings are made of.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// What the program itself sets where nobody else does, in place of the default;
    /// it counts as the default.
    pub defaults: Vec<(Key, String)>,
    /// The file that `--config` names. It replaces the user's own.
    pub config_file: Option<PathBuf>,
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
/// The first mistake found: in the defaults and the file, then in the environment,
/// then in the flags.
pub fn resolve(inputs: &Inputs) -> Result<Settings, Error> {
    let file = file_contents(inputs)?;
    let layers = [
        default_layer(inputs),
        file.layer,
        inputs.environment.layer()?,
        flag_layer(inputs)?,
    ];
    layers.into_iter().flatten().try_fold(
        Settings::within(&inputs.environment, file.alerts),
        Settings::with,
    )
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
