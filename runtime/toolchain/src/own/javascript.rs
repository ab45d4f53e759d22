//! JavaScript and TypeScript: bundled into one file, then into the component
//! with an interpreter whose state is taken after the file has run.

use super::Step;
use crate::Error;

/// What the interpreter understands.
const DIALECT: &str = "--target=es2023";

pub(super) fn build(step: &Step<'_>, on_line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    let bundle = step.out.join("bundle.js");
    let outfile = format!("--outfile={}", bundle.display());
    let imports = step.guest.wit.imports()?;
    let arguments = |command: &mut std::process::Command| {
        command
            .arg(step.main)
            .args(["--bundle", "--format=esm", DIALECT, "--log-level=warning"])
            .arg(outfile);
        // Interfaces of the host are no files.
        command.args(imports.iter().map(|name| format!("--external:{name}")));
    };
    step.run(1, "esbuild", arguments, on_line)?;
    let wit = step.guest.wit.path.clone().unwrap_or_default();
    let arguments = |command: &mut std::process::Command| {
        // Without it functions are asynchronous, which this host does not run.
        command.arg("--sync").arg("--wit").arg(wit);
        if let Some(world) = &step.guest.wit.world {
            command.args(["--world", world]);
        }
        if !step.wasi {
            command.arg("--stub-wasi");
        }
        command.arg("--js").arg(&bundle);
        command.arg("--output").arg(step.component);
    };
    step.run(2, "componentize-qjs", arguments, on_line)
}
