//! `patinox:tool/context`: what a guest may know of its own call.

use patinox_policy::{cut, escape_line};
use wasmtime::Result;

use crate::bindings::offered::patinox::tool::context::{Budget, Host};
use crate::sandbox::Progress;
use crate::state::State;

/// The longest text of a progress report, in bytes.
const MAX_MESSAGE_BYTES: usize = 256;

impl Host for State {
    fn call_id(&mut self) -> Result<String> {
        Ok(self.id.to_string())
    }

    fn remaining(&mut self) -> Result<Budget> {
        let left = self
            .meter
            .deadline()
            .saturating_duration_since(std::time::Instant::now());
        Ok(Budget {
            fuel: self.meter.fuel_left,
            wall_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn report_progress(
        &mut self,
        done: u64,
        total: Option<u64>,
        message: Option<String>,
    ) -> Result<()> {
        if let Some(sink) = &self.progress {
            let clean = |text: String| {
                let text = cut(&text, MAX_MESSAGE_BYTES);
                cut(&escape_line(&text), 2 * MAX_MESSAGE_BYTES).into_owned()
            };
            sink(Progress {
                done,
                total,
                message: message.map(clean),
            });
        }
        Ok(())
    }
}
