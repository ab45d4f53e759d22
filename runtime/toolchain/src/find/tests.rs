use std::fs;
use std::process::Command;

use patinox_policy::{Code, Failure as _};

use super::*;

/// A machine in a folder: a pinned compiler that knows its own folder, and as
/// much of Debian as a test puts there.
struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fixture.compiler("pinned/bin/rustc", "1.95.0");
        fixture
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn file(&self, path: &str, text: &str) -> &Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn compiler(&self, path: &str, version: &str) -> &Self {
        let sysroot = self.path("pinned");
        let sysroot = sysroot.display();
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = -vV ]; then\n\
             echo 'release: {version}'; echo 'host: x86_64-test'\nelse\n\
             echo '{sysroot}'; echo '{sysroot}/lib/rustlib/wasm32-wasip2/lib'\nfi\n"
        );
        self.file(path, "");
        // Written by a child: another test's fork could hold a descriptor of
        // ours, and a file that is open for writing does not run.
        let write = r#"printf '%s' "$1" > "$0" && chmod 755 "$0""#;
        let path = self.path(path);
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(write).arg(path).arg(script);
        assert!(shell.status().unwrap().success());
        self
    }

    fn linkers(&self) -> &Self {
        for name in ["rust-lld", "wasm-component-ld", "gcc-ld/wasm-ld"] {
            self.file(&format!("pinned/lib/rustlib/x86_64-test/bin/{name}"), "");
        }
        self
    }

    fn debian(&self) -> &Self {
        self.file("etc/debian_version", "12.11").linkers()
    }

    fn machine(&self) -> Machine {
        let rustc = self.path("pinned/bin/rustc");
        let home = self.path("home");
        Machine {
            root: self.folder.path().to_owned(),
            environment: Environment::of(&[
                ("RUSTC", rustc.to_str().unwrap()),
                ("HOME", home.to_str().unwrap()),
                ("PATH", "/usr/bin:/bin"),
            ]),
        }
    }

    fn find(&self) -> Result<Toolchain, Error> {
        self.machine().find(self.folder.path())
    }

    fn status(&self) -> Status {
        self.machine().status(self.folder.path())
    }
}

#[test]
fn the_pinned_compilers_own_std_comes_first() {
    let fixture = Fixture::new();
    fixture
        .debian()
        .file("pinned/lib/rustlib/wasm32-wasip2/lib/libstd-0123.rlib", "");
    let toolchain = fixture.find().unwrap();
    assert_eq!(toolchain.way(), Way::Target);
    assert_eq!(toolchain.release(), "1.95.0");
    assert!(toolchain.arguments().is_empty());
    assert_eq!(fixture.status().command, None);
}

#[test]
fn an_empty_folder_is_no_std() {
    let fixture = Fixture::new();
    fs::create_dir_all(fixture.path("pinned/lib/rustlib/wasm32-wasip2/lib")).unwrap();
    assert!(fixture.find().is_err());
}

#[test]
fn debians_way_needs_all_four_packages() {
    let fixture = Fixture::new();
    fixture.debian();
    let error = fixture.find().unwrap_err();
    assert_eq!(error.code(), Code::MissingToolchain);
    assert_eq!(
        error.hint().unwrap(),
        "install it with `apt-get install rustc-web cargo-web rust-web-src wasi-libc`"
    );

    fixture
        .compiler("usr/bin/rustc", "1.96.0")
        .file("usr/bin/cargo", "")
        .file("usr/lib/wasm32-wasi/libc.a", "");
    let names: Vec<_> = fixture.status().packages.iter().map(|p| p.name).collect();
    assert_eq!(names, ["rust-web-src"]);

    fixture.file("usr/lib/rustlib/src/rust/library/std/Cargo.toml", "");
    let toolchain = fixture.find().unwrap();
    assert_eq!(toolchain.way(), Way::Debian);
    assert_eq!(toolchain.release(), "1.96.0");
    assert_eq!(toolchain.rustc, fixture.path("usr/bin/rustc"));
    assert_eq!(toolchain.libc, Some(fixture.path("usr/lib/wasm32-wasi")));
}

#[test]
fn debians_old_compiler_does_not_count() {
    let fixture = Fixture::new();
    fixture.debian().compiler("usr/bin/rustc", "1.63.0");
    assert_eq!(fixture.status().packages[0].name, "rustc-web");
}

#[test]
fn elsewhere_and_without_linkers_the_target_is_what_to_add() {
    let fixture = Fixture::new();
    fixture.linkers();
    let status = fixture.status();
    assert_eq!(status.missing, ["the standard library for `wasm32-wasip2`"]);
    assert_eq!(status.packages, []);
    assert_eq!(
        status.command.unwrap(),
        "rustup target add wasm32-wasip2 --toolchain 1.95.0"
    );

    let fixture = Fixture::new();
    fixture.file("etc/debian_version", "12.11");
    assert_eq!(fixture.status().missing.len(), 4);
    assert_eq!(fixture.status().packages, []);
}

#[test]
fn without_a_compiler_rust_itself_is_missing() {
    let fixture = Fixture::new();
    fs::remove_file(fixture.path("pinned/bin/rustc")).unwrap();
    let error = fixture.find().unwrap_err();
    assert_eq!(error.to_string(), "`rustc` does not start");
    assert_eq!(error.code(), Code::MissingToolchain);
    assert_eq!(fixture.status().missing, ["Rust 1.95.0"]);
}
