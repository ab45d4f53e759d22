//! Logs: to stderr, as the settings say.

use anstream::{AutoStream, ColorChoice};
use patinox_config::{Format, Key, Settings};
use tracing_subscriber::EnvFilter;

use crate::error::Error;

/// Starts logging. Only the program installs a subscriber, and only once; a
/// second session of a process, in tests, keeps the first.
pub(super) fn start(settings: &Settings) -> Result<(), Error> {
    let Ok(filter) = EnvFilter::try_new(settings.log_level()) else {
        return Err(settings
            .refuse(Key::LogLevel, "must be a log filter")
            .into());
    };
    // `NO_COLOR` and a dumb terminal count here as for every other text.
    let colour = AutoStream::choice(&std::io::stderr()) != ColorChoice::Never;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colour)
        .with_writer(std::io::stderr);
    let started = match settings.log_format() {
        Format::Json => builder.json().try_init(),
        Format::Text => builder.try_init(),
    };
    drop(started);
    Ok(())
}
