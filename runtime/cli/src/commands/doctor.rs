//! `patinox doctor`: what this machine has and lacks.

use std::path::Path;
use std::process::ExitCode;

use patinox_toolchain::Status;
use serde_json::{Value, json};

use crate::args::Global;
use crate::error::Error;
use crate::session::Session;

pub(crate) fn run(global: &Global) -> Result<ExitCode, Error> {
    let session = Session::start(global, &[])?;
    // Making the host proves that compiled code can run here.
    session.host()?;
    let toolchain = patinox_toolchain::status(Path::new("."));
    Ok(session
        .output
        .done(&document(&toolchain), &text(&toolchain)))
}

/// Only Linux on x86-64 is tested.
const fn is_tested_platform() -> bool {
    cfg!(all(target_os = "linux", target_arch = "x86_64"))
}

fn document(toolchain: &Status) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "platform": {
            "os": std::env::consts::OS,
            "arch": std::env::consts::ARCH,
            "tested": is_tested_platform(),
        },
        "toolchains": { "rust": toolchain },
    })
}

fn text(toolchain: &Status) -> String {
    let tested = if is_tested_platform() {
        "tested"
    } else {
        "builds, but is not tested"
    };
    let mut lines = vec![
        format!("patinox   {}", env!("CARGO_PKG_VERSION")),
        format!(
            "platform  {} on {}: {tested}",
            std::env::consts::OS,
            std::env::consts::ARCH
        ),
        "engine    runs compiled code".to_owned(),
    ];
    match (&toolchain.way, &toolchain.rustc) {
        (Some(way), Some(rustc)) => {
            lines.push(format!("rust      {rustc}: guests are built by {way}"));
        }
        _ => lines.push("rust      guests cannot be built".to_owned()),
    }
    lines.extend(
        toolchain
            .missing
            .iter()
            .map(|missing| format!("          missing: {missing}")),
    );
    if let Some(command) = &toolchain.command {
        lines.push(format!("          install: {command}"));
    }
    lines.join("\n")
}
