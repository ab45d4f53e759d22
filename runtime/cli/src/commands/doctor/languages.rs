//! What builds tools here, language by language.

use std::path::Path;

use patinox_toolchain::{LanguageStatus, Status, Toolchains};
use serde_json::{Map, Value, json};

pub(super) struct Languages {
    rust: Status,
    others: Vec<LanguageStatus>,
}

impl Languages {
    /// What there is for a tool in a folder. Nothing that lies there is run.
    pub(super) fn below(folder: &Path) -> Self {
        Self {
            rust: patinox_toolchain::status(folder),
            others: Toolchains::status(folder),
        }
    }

    pub(super) fn document(&self) -> Value {
        let others = self.others.iter();
        let others = others.map(|status| (name(status), json!(status)));
        let all = std::iter::once(("rust".to_owned(), json!(self.rust))).chain(others);
        Value::Object(all.collect::<Map<_, _>>())
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = rust(&self.rust);
        lines.extend(self.others.iter().flat_map(other));
        lines
    }
}

fn name(status: &LanguageStatus) -> String {
    status.language.to_string().to_ascii_lowercase()
}

fn rust(status: &Status) -> Vec<String> {
    let line = match (&status.way, &status.rustc) {
        (Some(way), Some(rustc)) => {
            format!("rust       {rustc}: tools in Rust are built by {way}")
        }
        _ => "rust       tools in Rust cannot be built here; to run tools it is not needed"
            .to_owned(),
    };
    lacking(line, &status.missing, status.command.as_ref())
}

fn other(status: &LanguageStatus) -> Vec<String> {
    let (name, language) = (name(status), status.language);
    let line = match status.programs.as_slice() {
        [] => format!("{name:<10} tools in {language} cannot be built here"),
        programs => format!("{name:<10} {}", programs.join(", ")),
    };
    let mut lines = lacking(line, &status.missing, status.command.as_ref());
    let outside = status.outside.iter();
    lines.extend(outside.map(|commands| format!("           it takes too: {commands}")));
    lines
}

/// A line, what is missing, and how to get it.
fn lacking(line: String, missing: &[String], command: Option<&String>) -> Vec<String> {
    let mut lines = vec![line];
    let missing = missing.iter();
    lines.extend(missing.map(|missing| format!("           missing: {missing}")));
    lines.extend(command.map(|command| format!("           install: {command}")));
    lines
}
