//! `patinox doctor`: what this machine has and lacks.

use std::path::Path;
use std::process::ExitCode;

use patinox_toolchain::Status;
use serde_json::{Value, json};

use crate::error::Error;
use crate::session::Session;

pub(crate) fn run(session: &Session) -> Result<ExitCode, Error> {
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
        "this platform is tested"
    } else {
        "builds, but is not tested here"
    };
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let mut lines = vec![
        format!("patinox    {}", env!("CARGO_PKG_VERSION")),
        format!("platform   {os}, {arch}: {tested}"),
        "engine     compiles and runs components".to_owned(),
    ];
    lines.push(match (&toolchain.way, &toolchain.rustc) {
        (Some(way), Some(rustc)) => {
            format!("rust       {rustc}: tools in Rust are built by {way}")
        }
        _ => "rust       tools in Rust cannot be built here; to run tools it is not needed"
            .to_owned(),
    });
    let missing = toolchain.missing.iter();
    lines.extend(missing.map(|missing| format!("           missing: {missing}")));
    if let Some(command) = &toolchain.command {
        lines.push(format!("           install: {command}"));
    }
    lines.join("\n")
}
