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
        // What no longer fits is counted and not escaped: that would make it
        // many times as long first.
        let room = self.log.room();
        let (kept_context, kept_message) = (head(&context, room), head(&message, room));
        let beyond = context.len() - kept_context.len() + message.len() - kept_message.len();
        let (context, message) = (escape_line(kept_context), escape_line(kept_message));
        self.log
            .write(format!("{level} {context}{joint}{message}\n").as_bytes());
        self.log.count(beyond);
        Ok(())
    }
}

/// As much of a text as fits, up to a character's border.
fn head(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes))
        .unwrap_or_default()
}
