//! Compiled code, and the one place that makes a component of it.

use wasmtime::component::Component;

/// Machine code that this program compiled.
pub(crate) struct Artifact {
    code: Vec<u8>,
}

impl Artifact {
    /// Takes what [`precompile`](crate::compile::precompile) gave, here or in
    /// a worker of ours. To load anything else is to run it.
    pub(crate) const fn new(code: Vec<u8>) -> Self {
        Self { code }
    }

    pub(crate) fn load(&self, engine: &wasmtime::Engine) -> wasmtime::Result<Component> {
        #[expect(
            unsafe_code,
            reason = "the engine has no other way to take what it compiled before"
        )]
        // SAFETY: an artifact is made of the answer of our own compiler alone,
        // in this process or over a pipe that nobody else holds.
        unsafe {
            Component::deserialize(engine, &self.code)
        }
    }
}
