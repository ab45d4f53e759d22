//! C: bindings from the WIT, `zig cc`, and the core module made a component.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use wit_bindgen_core::Files;
use wit_component::ComponentEncoder;

use super::{Step, unwritten, write};
use crate::Error;

/// The C library's stack, in bytes. By default it is 16 MiB, all of them memory
/// that a call holds.
const STACK_BYTES: u32 = 64 << 10;

pub(super) fn build(step: &Step<'_>, on_line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    let bindings = step.out.join("bindings");
    let mut inputs = sources(&step.folder.join("src"))?;
    inputs.extend(bind(step, &bindings)?);
    let module = step.out.join("module.wasm");
    let arguments = |command: &mut std::process::Command| {
        command
            .args(["cc", "-target", "wasm32-wasi", "-mexec-model=reactor"])
            .args(["-std=c11", "-O2", "-g0", "-s", "-Wall", "-Wextra"])
            .arg(format!("-Wl,-z,stack-size={STACK_BYTES}"))
            .arg(joined("-I", &bindings))
            .args(inputs)
            .arg("-o")
            .arg(&module)
            .env("ZIG_LOCAL_CACHE_DIR", step.out.join("cache"));
    };
    step.run(0, "zig cc", arguments, on_line)?;
    let module = fs::read(&module).map_err(|source| Error::Read {
        path: module.clone(),
        source,
    })?;
    write(step.component, &component(&module)?)?;
    Ok(())
}

fn component(module: &[u8]) -> Result<Vec<u8>, Error> {
    let encoder = ComponentEncoder::default().module(module);
    let encoded = encoder.and_then(|encoder| encoder.validate(true).encode());
    encoded.map_err(|error| Error::Unexpected {
        command: "zig cc".to_owned(),
        reason: format!("{error:#}"),
    })
}

/// Writes the bindings; answers with what of them is compiled and linked.
fn bind(step: &Step<'_>, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let (mut resolve, world) = step.guest.wit.resolve()?;
    let mut files = Files::default();
    let generated =
        wit_bindgen_c::Opts::default()
            .build()
            .generate(&mut resolve, world, &mut files);
    generated.map_err(|error| Error::Wit {
        reason: format!("{error:#}"),
    })?;
    fs::create_dir_all(folder).map_err(|source| unwritten(folder, source))?;
    let mut inputs = Vec::new();
    for (name, bytes) in files.iter() {
        let path = write(&folder.join(name), bytes)?;
        if !name.ends_with(".h") {
            inputs.push(path);
        }
    }
    Ok(inputs)
}

/// The files of C in a folder, in the order of their names.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = folder.read_dir().map_err(|source| Error::Read {
        path: folder.to_owned(),
        source,
    })?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "c"))
        .collect();
    paths.sort();
    Ok(paths)
}

fn joined(option: &str, path: &Path) -> OsString {
    let mut joined = OsString::from(option);
    joined.push(path);
    joined
}
