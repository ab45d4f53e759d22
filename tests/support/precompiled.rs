//! The host that has no compiler, a program of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::guests;

/// A store that `patinox precompile` fills.
pub(crate) struct Store {
    home: tempfile::TempDir,
}

impl Store {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        Self { home }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.home.path().join("store")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.home.path().join("keys/artifact-key")
    }

    /// What `patinox precompile` says of a component, as JSON.
    pub(crate) fn fill(&self, component: &Path) -> Value {
        let mut patinox = Command::new(super::PROGRAM);
        patinox.args(["precompile", "-o", "json"]).arg(component);
        patinox.arg("--store").arg(self.folder());
        patinox.arg("--key-file").arg(self.key());
        patinox.env_clear().env("HOME", self.home.path());
        let output = patinox.output().expect("the program");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// What the host without a compiler says to a call; `None` where it was not
    /// built.
    pub(crate) fn call(&self, component: &Path, tool: &str, arguments: &Value) -> Option<Value> {
        Some(self.answer(Command::new(program()?), component, (tool, arguments)))
    }

    /// The same with 2 GiB of address space.
    pub(crate) fn call_in_little_space(
        &self,
        component: &Path,
        tool: &str,
        arguments: &Value,
    ) -> Option<Value> {
        let mut shell = Command::new("sh");
        let limited = "ulimit -v 2000000 && exec \"$@\"";
        shell.args(["-c", limited, "sh"]).arg(program()?);
        Some(self.answer(shell, component, (tool, arguments)))
    }

    fn answer(&self, mut host: Command, component: &Path, call: (&str, &Value)) -> Value {
        host.arg(self.folder()).arg(self.key()).arg(component);
        host.arg(call.0).arg(call.1.to_string()).env_clear();
        let output = host.output().expect("the program");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

/// `cargo xtask test` builds it by itself: with everything else it would have a
/// compiler.
fn program() -> Option<PathBuf> {
    let test = std::env::current_exe().expect("this program");
    let debug = test.parent()?.parent()?;
    let program = debug.join("without-compiler/patinox-precompiled");
    if !program.exists() {
        guests::left_out("the host without a compiler, which `cargo xtask test` builds");
        return None;
    }
    Some(program)
}
