//! Builds every guest of `components` and unpacks the prebuilt ones.
#![forbid(unsafe_code)]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use patinox_policy::Failure as _;
use patinox_toolchain::{Guest, Job, LeftOut, Lock, Toolchains, guests, guests_dir, watched};

/// The largest component that is unpacked.
const MAX_UNPACKED_BYTES: usize = 8 << 20;

/// What lies in `components` and says nothing of a guest.
const NO_GUESTS: [&str; 4] = ["target", "README.md", "node_modules", ".venv"];

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for line in error.to_string().lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let components = fs::canonicalize(root.join("components"))?;
    let out = PathBuf::from(variable("OUT_DIR"));
    watch_sources(&root, &components)?;

    let guests = guests(&components)?;
    println!("cargo::rustc-env=PATINOX_GUESTS={}", names(&guests, ","));
    unpack(&components.join("prebuilt"), &out)?;
    for left_out in build_all(&components, &out)? {
        leave_out(&left_out, &components)?;
    }
    Ok(())
}

/// Goes on without the guests; not under CI, where they are what is tested.
fn leave_out(left_out: &LeftOut, components: &Path) -> Result<(), Box<dyn Error>> {
    let LeftOut { names, why } = left_out;
    let why = format!("{why}; {}", why.hint().unwrap_or_default());
    if variable("CI") == "true" {
        return Err(why.into());
    }
    let names = names.join(", ");
    println!("cargo::warning=only tests miss them: the guests {names} are not built: {why}");
    watch(&watched(components));
    Ok(())
}

fn build_all(components: &Path, out: &Path) -> Result<Vec<LeftOut>, Box<dyn Error>> {
    let job = Job {
        folder: components,
        target_dir: &guests_dir(out).unwrap_or_else(|| out.join("guests")),
        package: None,
        lock: Lock::Keep,
    };
    let (built, left_out) = Toolchains::find(components).build(&job, &mut |_| {})?;
    for built in built {
        let name = &built.guest.name;
        let path = out.join(name).with_extension("wasm");
        fs::write(&path, built.component()?)?;
        tell_path("GUEST", name, &path);
    }
    Ok(left_out)
}

fn unpack(prebuilt: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    for name in ["files", "hostile", "notes", "secrets", "text"] {
        let bytes = fs::read(prebuilt.join(name).with_extension("wasm.zz"))?;
        let component =
            miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&bytes, MAX_UNPACKED_BYTES)
                .map_err(|error| format!("the prebuilt `{name}` does not unpack: {error}"))?;
        let path = out.join(format!("prebuilt-{name}.wasm"));
        fs::write(&path, component)?;
        tell_path("PREBUILT", name, &path);
    }
    Ok(())
}

fn watch_sources(root: &Path, components: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=CI");
    let mut sources = vec![root.join("wit")];
    for entry in fs::read_dir(components)? {
        let entry = entry?;
        if !NO_GUESTS.iter().any(|name| entry.file_name() == *name) {
            sources.push(entry.path());
        }
    }
    watch(&sources);
    Ok(())
}

fn watch(paths: &[PathBuf]) {
    for path in paths {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

fn tell_path(kind: &str, name: &str, path: &Path) {
    let name = name.to_uppercase().replace('-', "_");
    let path = path.display();
    println!("cargo::rustc-env=PATINOX_{kind}_{name}={path}");
}

fn names(guests: &[Guest], separator: &str) -> String {
    let names: Vec<_> = guests.iter().map(|guest| guest.name.as_str()).collect();
    names.join(separator)
}

fn variable(name: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment is how `cargo` talks to a build script"
    )]
    std::env::var(name).unwrap_or_default()
}
