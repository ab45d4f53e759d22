//! Python: put into the component with an interpreter whose state is taken
//! after the module has been imported.

use super::Step;
use crate::Error;

/// The folder that modules are imported from.
const SOURCES: &str = "src";

pub(super) fn build(step: &Step<'_>, on_line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    let wit = step.guest.wit.path.clone().unwrap_or_default();
    let arguments = |command: &mut std::process::Command| {
        command.arg("--quiet").arg("--wit-path").arg(wit);
        if let Some(world) = &step.guest.wit.world {
            command.args(["--world", world]);
        }
        command.arg("componentize").arg(step.main);
        command.args(["--python-path", SOURCES]);
        if !step.wasi {
            command.arg("--stub-wasi");
        }
        command.arg("--output").arg(step.component);
        // It leaves nothing in the guest's folder.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
    };
    step.run(0, "componentize-py", arguments, on_line)
}
