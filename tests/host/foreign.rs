//! What others' tools build loads and answers, as their authors build it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use patinox::{Config, Failure as _, Host, Loaded, PatinoxError};
use serde_json::json;

use crate::support::{self, guests};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign");
const COMPONENTIZE_PY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/components/.venv/bin/componentize-py"
);

/// A component in a host of its own.
struct Foreign {
    host: Host,
    component: Loaded,
}

impl Foreign {
    async fn new(built: Option<PathBuf>) -> Option<Self> {
        let host = host();
        let component = host.load_file(built?).await.expect("a component");
        Some(Self { host, component })
    }

    async fn ask(&self, tool: &str, argument: (&str, &str)) -> Result<String, String> {
        let (name, value) = argument;
        let arguments = json!({ name: value });
        let called = support::call(&self.host, &self.component, tool, arguments).await;
        match called.result {
            Ok(answer) => Ok(answer.as_str().expect("a text").to_owned()),
            Err(error) => Err(format!("{}: {error}", error.code())),
        }
    }

    /// What all of them do alike.
    async fn answers(&self) {
        let shout = |text| self.ask("shout", ("text", text));
        assert_eq!(shout("hélp").await, Ok("HÉLP".to_owned()));
        let none = "component/error: the tool failed: there is nothing to shout";
        assert_eq!(shout("").await, Err(none.to_owned()));
    }

    async fn visit(&self) -> String {
        let visited = self.ask("visit", ("url", "http://127.0.0.1:9/")).await;
        visited.expect_err("no page")
    }

    fn imports(&self, package: &str) -> bool {
        let mut imports = self
            .component
            .component()
            .expect("a component")
            .imports()
            .iter();
        imports.any(|name| name.starts_with(package))
    }
}

fn host() -> Host {
    let config = Config {
        store: Some(support::store()),
        ..support::config()
    };
    Host::new(config).expect("a host")
}

/// `jco` with its `QuickJS` backend.
fn quickjs(name: &str, options: &[&str]) -> Option<PathBuf> {
    quickjs_of("", name, options)
}

/// The same for the sources of a folder.
fn quickjs_of(folder: &str, name: &str, options: &[&str]) -> Option<PathBuf> {
    let jco = node_module(".bin/jco")?;
    build(name, |out| {
        let mut command = Command::new("node");
        command
            .arg(jco)
            .args(["componentize", "--backend", "quickjs"]);
        // It takes relative paths for something else.
        command
            .arg(source(folder).join("tool.js"))
            .arg("--wit")
            .arg(source(folder).join("wit"));
        command.args(options).arg("--out").arg(out);
        command
    })
}

/// `componentize-js` with every feature that it has by default.
fn starlingmonkey() -> Option<PathBuf> {
    node_module("@bytecodealliance/componentize-js/package.json")?;
    build("starlingmonkey", |out| {
        let mut command = Command::new("node");
        command.arg(source("starlingmonkey.mjs"));
        command.args([source("visitor.js"), source("wit")]).arg(out);
        command
    })
}

fn python(name: &str, options: &[&str]) -> Option<PathBuf> {
    if !Path::new(COMPONENTIZE_PY).exists() {
        guests::left_out("what needs `componentize-py`");
        return None;
    }
    build(name, |out| {
        let mut command = Command::new(COMPONENTIZE_PY);
        command.args(["--wit-path", "wit", "componentize"]);
        command.args(options).arg("app").arg("--output").arg(out);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    })
}

fn node_module(path: &str) -> Option<PathBuf> {
    let module = source("node_modules").join(path);
    if module.exists() {
        return Some(module);
    }
    guests::left_out("what needs the packages of `tests/foreign`");
    None
}

fn source(name: &str) -> PathBuf {
    Path::new(SOURCES).join(name)
}

/// Runs a tool that writes a component to the path that it is given.
fn build(name: &str, command: impl FnOnce(&Path) -> Command) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("foreign");
    fs::create_dir_all(&folder).expect("a folder");
    let out = folder.join(name).with_extension("wasm");
    let output = command(&out).current_dir(SOURCES).output();
    let output = output.expect("a program");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {said}");
    Some(out)
}

#[tokio::test]
async fn quickjs_loads() {
    let options = ["--backend-qjs-disable-async"];
    let Some(foreign) = Foreign::new(quickjs("quickjs", &options)).await else {
        return;
    };
    foreign.answers().await;
    assert!(foreign.imports("wasi:cli/"));
}

#[tokio::test]
async fn quickjs_loads_with_stubs() {
    let options = ["--backend-qjs-disable-async", "--backend-qjs-stub-wasi"];
    let Some(foreign) = Foreign::new(quickjs("quickjs-stub", &options)).await else {
        return;
    };
    foreign.answers().await;
    assert!(!foreign.imports(""));
}

/// `docs/authoring.md` says so, and `inspect` of each such component.
#[tokio::test]
async fn quickjs_loses_digits_beyond_2_to_the_53() {
    let built = quickjs_of("wide", "wide", &["--backend-qjs-disable-async"]);
    let Some(foreign) = Foreign::new(built.clone()).await else {
        return;
    };
    let ask = async |tool, value: serde_json::Value| {
        let arguments = json!({ "value": value });
        let called = support::call(&foreign.host, &foreign.component, tool, arguments).await;
        called.result.map_err(|error| error.code().to_string())
    };
    let exact = 1_u64 << 53;
    assert_eq!(ask("unsigned", json!(exact)).await, Ok(json!(exact)));
    assert_eq!(ask("unsigned", json!(exact + 1)).await, Ok(json!(exact)));
    let wide = ask("unsigned", json!((1_u64 << 60) + 1)).await;
    assert_eq!(wide, Ok(json!((1_u64 << 60).to_string())));
    let trap = ask("unsigned", json!(u64::MAX)).await;
    assert_eq!(trap, Err("component/trap".to_owned()));
    let signed = ask("signed", json!(-(1_i64 << 53) - 1)).await;
    assert_eq!(signed, Ok(json!(-(1_i64 << 53))));

    let component = foreign.component.component().expect("a component");
    assert!(component.has_doubles_for_integers());
    let mut inspect = Command::new(support::PROGRAM);
    let output = inspect.arg("inspect").args(built).output().expect("output");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("as it is built of JavaScript: `unsigned`, `signed`\n"),
        "{text}"
    );
}

/// Asynchronous functions are what `jco` makes by default.
#[tokio::test]
async fn asynchronous_quickjs_is_refused_with_the_option_that_helps() {
    let Some(built) = quickjs("quickjs-async", &[]) else {
        return;
    };
    let error: PatinoxError = host().load_file(built).await.expect_err("no support");
    assert_eq!(error.code().as_str(), "component/unsupported");
    let hint = error.hint().expect("a hint");
    assert!(
        hint.contains("`jco componentize --backend-qjs-disable-async`"),
        "{hint}"
    );
}

/// It imports `wasi:http`, and every request that it makes is denied.
#[tokio::test]
async fn starlingmonkey_loads_with_its_default_features() {
    let Some(foreign) = Foreign::new(starlingmonkey()).await else {
        return;
    };
    foreign.answers().await;
    assert!(foreign.imports("wasi:http/outgoing-handler@"));
    let denied = foreign.visit().await;
    assert!(
        denied.starts_with("component/error: the tool failed: "),
        "{denied}"
    );
}

#[tokio::test]
async fn python_loads() {
    let Some(foreign) = Foreign::new(python("python", &[])).await else {
        return;
    };
    foreign.answers().await;
    assert!(foreign.imports("wasi:sockets/"));
    let denied = foreign.visit().await;
    assert!(
        denied.starts_with("component/error: the tool failed: "),
        "{denied}"
    );
}

#[tokio::test]
async fn python_loads_with_stubs() {
    let Some(foreign) = Foreign::new(python("python-stub", &["--stub-wasi"])).await else {
        return;
    };
    foreign.answers().await;
    assert!(!foreign.imports(""));
    let trap = foreign.visit().await;
    assert!(trap.starts_with("component/trap: "), "{trap}");
}

/// Whatever the patch release that a toolchain was made with.
#[tokio::test]
async fn every_patch_release_of_wasi_loads() {
    let host = support::host();
    for patch in [0, 1, 2, 3, 4, 6, 9, 10, 12, 99] {
        let text = format!(
            r#"(component
                (import "wasi:cli/environment@0.2.{patch}" (instance
                    (export "get-arguments" (func (result (list string))))))
                (import "wasi:http/types@0.2.{patch}" (instance
                    (export "fields" (type (sub resource)))))
                (import "wasi:random/random@0.2.{patch}" (instance $random
                    (export "get-random-u64" (func (result u64)))))
                (core func $random (canon lower (func $random "get-random-u64")))
                (core module $module
                    (import "random" "u64" (func $random (result i64)))
                    (func (export "roll") (result i64) call $random))
                (core instance $core (instantiate $module
                    (with "random" (instance (export "u64" (func $random))))))
                (func (export "roll") (result u64) (canon lift (core func $core "roll"))))"#
        );
        let bytes = wat::parse_str(text).expect("a component");
        let component = support::load(&host, &bytes).await;
        let called = support::call(&host, &component, "roll", json!({})).await;
        assert_eq!(support::code(&called), "ok", "0.2.{patch}: {called:?}");
    }
}
