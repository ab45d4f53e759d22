//! `wasi:logging`: lines kept with the call, one a line.

use patinox_policy::escape_line;
use wasmtime::Result;

use crate::bindings::offered::wasi::logging::logging::{Host, Level};
use crate::state::State;

impl Host for State {
    /// The guest's text is escaped here: a line feed in it would forge a line.
    fn log(&mut self, level: Level, context: String, message: String) -> Result<()> {
        let level = match level {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
            Level::Critical => "critical",
        };
        let joint = if context.is_empty() { "" } else { ": " };
        let (context, message) = (escape_line(&context), escape_line(&message));
        self.log
            .write(format!("{level} {context}{joint}{message}\n").as_bytes());
        Ok(())
    }
}
