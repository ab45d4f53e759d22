//! Every code of the list comes from something that really happens.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;

use patinox::{
    Access, Admission, Code, Config, Failure, Grant, Host, Import, Installed, LimitName, Limits,
    LoadLimits, LoadRequest, Loaded, NativeValidator, PatinoxError, Policy, Position, Request,
    Validators, Verdict,
};
use patinox_artifacts::prebuilt;
use patinox_policy::CUT_MARK;
use patinox_tools::json as tools_json;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::precompiled::Store;
use crate::support::{self, call_within, forge, guests, soon};

#[tokio::test]
async fn every_code_can_be_provoked() {
    let host = support::host();
    let hostile = support::hostile(&host).await;
    let attack = async |tool, arguments| {
        let called = support::call(&host, &hostile, tool, arguments).await;
        of(&called.result.unwrap_err())
    };
    for code in Code::all() {
        let provoked = match code {
            Code::Limit(name) if LoadLimits::default().get(name).is_some() => {
                load_limit(name).await
            }
            Code::Limit(name) => limit(&host, &hostile, name).await,
            Code::Busy => busy().await,
            Code::Trap => attack("trap", json!({})).await,
            Code::Stack => attack("recurse", json!({})).await,
            Code::ToolError => attack("fail", json!({ "bytes": 1 })).await,
            Code::Denied => not_granted().await,
            Code::Validator => validator(&host, &hostile).await,
            Code::Expired => expired(),
            Code::Untrusted => untrusted(&host).await,
            Code::NotPrecompiled => match not_precompiled() {
                Some(code) => code,
                None => continue,
            },
            Code::Exit => attack("exit-with", json!({ "code": 2 })).await,
            Code::UnknownTool => attack("no-such-tool", json!({})).await,
            Code::InvalidArguments => attack("sleep", json!({ "ms": -1 })).await,
            Code::Mistyped => mistyped(&host, &hostile).await,
            Code::InvalidOutput => run(&forge::run("char", "i32", "i32.const 0xd800"), "run").await,
            Code::Malformed => load(b"(component)".to_vec()).await,
            Code::MissingImports => load(forge::with_imports()).await,
            Code::Unsupported => load(b"\0asm\x0d\0\x01\0".to_vec()).await,
            Code::NotFound => file("no-such-file.wasm").await,
            Code::Unreadable => file("/").await,
            Code::ToolRequired => tool_required().await,
            Code::InvalidJson => of(&tools_json::parse("{", 10).unwrap_err()),
            Code::InvalidLimit => of(&Limits::default().set("wall", "2").unwrap_err()),
            Code::InvalidConfig => program(&["doctor", "--config", "unknown-key.toml"]),
            Code::UnsupportedSource => program(&["inspect", "https://localhost/tool.wasm"]),
            Code::Usage => program(&["no-such-verb"]),
            Code::MissingToolchain => missing_toolchain(),
            Code::BuildFailed => build_failed(),
            Code::Cancelled => cancelled().await,
            Code::Internal => internal().await,
        };
        assert_eq!(provoked, code.as_str());
    }
}

fn of(failure: &dyn Failure) -> String {
    failure.code().to_string()
}

/// What nobody lets pass.
async fn validator(host: &Host, hostile: &Loaded) -> String {
    let no = |_| std::future::ready(Verdict::Deny("no".to_owned()));
    let no = NativeValidator::new("no", no).unwrap();
    let judged = hostile.judged_by(&Validators::default().and(Position::Before, Arc::new(no)));
    let called = support::call(host, &judged, "exit-with", json!({ "code": 2 })).await;
    of(&called.result.unwrap_err())
}

/// Another component than the one that is pinned.
async fn untrusted(host: &Host) -> String {
    let text = support::load(host, &guests::prebuilt_text()).await;
    let name = "text".parse().unwrap();
    let pinned = Installed::pin(&text, &name, "text.wasm").unwrap();
    let other = LoadRequest::bytes(guests::prebuilt_hostile()).pinned(&pinned);
    of(&host.load(other).await.unwrap_err())
}

/// What a policy answers of a grant that has ended.
fn expired() -> String {
    let mut policy = Policy::default();
    let end = SystemTime::UNIX_EPOCH;
    let grant: Grant = "model=fast".parse().unwrap();
    policy.allow(grant.until(end)).unwrap();
    let denial = policy.decide(&Access::model("fast").unwrap(), end);
    of(&*denial.unwrap_err())
}

async fn mistyped(host: &Host, hostile: &Loaded) -> String {
    let sleep = serde_json::json!({ "ms": 1 });
    of(&host
        .call_typed::<_, String>(hostile, "sleep", sleep)
        .await
        .unwrap_err())
}

/// What stops by a code; what cuts a text instead is shown to cut it.
async fn limit(host: &Host, hostile: &Loaded, name: LimitName) -> String {
    let flood = json!({ "bytes": 200 });
    let (value, tool, arguments) = match name {
        LimitName::Fuel => ("1M", "spin", json!({})),
        LimitName::Wall => ("20ms", "sleep", json!({ "ms": 9_000 })),
        LimitName::Memory => ("4MiB", "hoard", json!({ "bytes": 8 << 20 })),
        LimitName::Handles => ("10", "hold-streams", json!({ "n": 20 })),
        LimitName::HostResources => ("10", "hold-streams", json!({ "n": 20 })),
        LimitName::HostcallBytes => ("1MiB", "log-at-once", json!({ "bytes": 2 << 20 })),
        LimitName::HostCalls => ("10", "rounds-of-calls", json!({ "n": 20 })),
        LimitName::Pollables => ("10", "hold-pollables", json!({ "n": 20 })),
        LimitName::Random => ("100B", "draw", flood),
        // The smallest component has some of each.
        LimitName::TableElements => ("0", "spin", json!({})),
        LimitName::Tables => ("0", "spin", json!({})),
        LimitName::Memories => ("0", "spin", json!({})),
        LimitName::CoreInstances => ("1", "spin", json!({})),
        LimitName::Arguments => ("100B", "swallow", json!({ "text": "x".repeat(100) })),
        LimitName::Result => ("100B", "flood-result", flood),
        LimitName::ErrorText => ("64B", "fail", flood),
        LimitName::Stdout => ("64B", "flood-stdout", flood),
        LimitName::Stderr => ("64B", "flood-stderr", flood),
        LimitName::Log => ("64B", "flood-log", flood),
        LimitName::FsBytes => ("100B", "fill-file", flood),
        LimitName::FsFiles => ("10", "make-files", json!({ "n": 20 })),
        LimitName::FsOpen => ("10", "open-files", json!({ "n": 20 })),
        LimitName::KvBytes => ("1KiB", "keep-much", json!({ "n": 20, "bytes": 100 })),
        LimitName::File
        | LimitName::Functions
        | LimitName::Nesting
        | LimitName::AllInstances
        | LimitName::CompileWall
        | LimitName::CompileCpu
        | LimitName::CompileMemory
        | LimitName::Concurrency
        | LimitName::ToolConcurrency
        | LimitName::PrincipalConcurrency
        | LimitName::Queue
        | LimitName::QueueWall => {
            unreachable!("not a limit of a call")
        }
    };
    let mut limits = Limits::default();
    limits.set(name.as_str(), value).unwrap();
    let called = call_within(host, hostile, (tool, arguments), limits).await;
    let text = match name {
        LimitName::ErrorText => called.result.unwrap_err().to_string(),
        LimitName::Stdout => called.output.stdout,
        LimitName::Stderr => called.output.stderr,
        LimitName::Log => called.output.log,
        _ => return of(&called.result.unwrap_err()),
    };
    // These four end no call: they cut a text, and the mark says so.
    assert!(text.ends_with(CUT_MARK), "{name}: {text}");
    name.code().to_owned()
}

/// The tool, or what takes seconds to compile, is beyond the least that a limit
/// of loading can be.
async fn load_limit(name: LimitName) -> String {
    let (least, _) = name.range();
    let mut load = LoadLimits::default();
    load.set(name.as_str(), &name.quantity(least).to_string())
        .unwrap();
    let config = Config {
        load,
        ..support::config()
    };
    let host = Host::new(config).unwrap();
    let component = match name {
        LimitName::CompileCpu => forge::slow_to_compile(),
        _ => guests::prebuilt_text(),
    };
    of(&host.load(component).await.unwrap_err())
}

/// A second call where one alone may run, and none may wait.
async fn busy() -> String {
    let admission = Admission {
        concurrency: 1,
        queue: 0,
        ..Admission::default()
    };
    let config = Config {
        admission,
        ..Config::default()
    };
    let host = Host::new(config).unwrap();
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let sleep = || host.call(&hostile, Request::new("sleep", json!({ "ms": 9_000 })));
    let both = async {
        tokio::select! {
            biased;
            first = sleep() => first,
            second = sleep() => second,
        }
    };
    of(&soon(both).await.result.unwrap_err())
}

async fn run(component: &[u8], tool: &str) -> String {
    let host = support::host();
    let component = support::load(&host, component).await;
    let called = support::call(&host, &component, tool, json!({})).await;
    of(&called.result.unwrap_err())
}

async fn load(bytes: Vec<u8>) -> String {
    of(&support::host().load(bytes).await.unwrap_err())
}

async fn file(path: &str) -> String {
    of(&support::host().load_file(path).await.unwrap_err())
}

/// Nothing was compiled for a host that cannot compile.
fn not_precompiled() -> Option<String> {
    let (text, hostile) = (prebuilt::text(), prebuilt::hostile());
    let store = Store::new();
    assert_eq!(store.fill(hostile)["ok"], true);
    let said = store.call(text, "count", &json!({ "text": "" }))?;
    Some(said["code"].as_str().unwrap().to_owned())
}

/// A component that imports what the embedder offers to others alone.
async fn not_granted() -> String {
    let wit = "package acme:store@1.0.0; interface query { find: func(); }";
    let import = Import::new(wit, "acme:store/query@1.0.0").unwrap();
    let import = import.function("find", |_, ()| async {}).unwrap();
    let host = Host::builder().import(import).build().unwrap();
    let text = r#"(component
        (import "acme:store/query@1.0.0" (instance (export "find" (func)))))"#;
    of(&host.load(wat::parse_str(text).unwrap()).await.unwrap_err())
}

async fn tool_required() -> String {
    let host = support::host();
    let component = support::load(&host, &guests::prebuilt_text()).await;
    let called = soon(host.call(&component, Request::only(json!({})))).await;
    of(&called.result.unwrap_err())
}

async fn cancelled() -> String {
    let host = support::host();
    let component = support::load(&host, &forge::echo()).await;
    let token = CancellationToken::new();
    token.cancel();
    let request = Request::new("echo", json!({ "text": "" })).cancel(token);
    of(&soon(host.call(&component, request))
        .await
        .result
        .unwrap_err())
}

/// A progress sink that panics is a fault of the host's side.
async fn internal() -> String {
    let host = support::host();
    let component = support::load(&host, &forge::reports_progress()).await;
    let sink = Arc::new(|_| panic!("the sink is broken, on purpose"));
    let request = Request::new("run", json!({})).progress(sink);
    let error: PatinoxError = soon(host.call(&component, request))
        .await
        .result
        .unwrap_err();
    of(&error)
}

/// What the program says of itself, in an empty home.
fn program(words: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("unknown-key.toml"), "nonsense = 1\n").unwrap();
    let mut patinox = Command::new(env!("CARGO_BIN_EXE_patinox"));
    patinox.args(words).args(["-o", "json"]);
    patinox
        .current_dir(&home)
        .env_clear()
        .env("HOME", home.path());
    let output = patinox.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    answer["error"]["code"].as_str().unwrap().to_owned()
}

/// A compiler that cannot be started there is one that is missing.
fn missing_toolchain() -> String {
    let nowhere = Path::new("no-such-folder");
    of(&patinox_toolchain::Toolchain::find(nowhere).unwrap_err())
}

fn build_failed() -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Cargo.toml"), "no manifest").unwrap();
    of(&patinox_toolchain::guests(folder.path()).unwrap_err())
}
