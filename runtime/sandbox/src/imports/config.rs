//! `wasi:config`: the settings that were granted, and no others.

use wasmtime::Result;

use crate::bindings::offered::wasi::config::store::{Error, Host};
use crate::state::State;

impl Host for State {
    /// One that is not granted is not there. That it was asked for is told with the
    /// call, so that whoever runs the tool can grant it.
    fn get(&mut self, key: String) -> Result<Result<Option<String>, Error>> {
        Ok(Ok(self.authority.setting(&key)))
    }

    fn get_all(&mut self) -> Result<Result<Vec<(String, String)>, Error>> {
        Ok(Ok(self.authority.settings()))
    }
}
