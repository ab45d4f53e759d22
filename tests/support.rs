//! What the tests of the whole share: hosts, components, calls.

pub(crate) mod children;
pub(crate) mod forge;
pub(crate) mod guests;
pub(crate) mod precompiled;
pub(crate) mod process;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use patinox::{
    ArtifactStore, Called, Config, Failure as _, Host, Limits, LoadRequest, Loaded, Request,
    Storage, StoreConfig,
};
use serde_json::{Value, json};

/// Ample for anything that should end at once, on a machine that is busy.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The program. It is also what compiles for the hosts of the tests.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_patinox");

/// Every default, and a worker.
pub(crate) fn config() -> Config {
    Config {
        compile_worker: Some(PROGRAM.into()),
        storage: Some(Storage::Folder(storage())),
        ..Config::default()
    }
}

/// A host with every default.
pub(crate) fn host() -> Host {
    Host::new(config()).expect("a host")
}

/// Where guests of this process keep something; that of processes which are gone is
/// removed.
fn storage() -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("storage");
    for left in fs::read_dir(&all).into_iter().flatten().flatten() {
        if !Path::new("/proc").join(left.file_name()).exists() {
            let _ = fs::remove_dir_all(left.path());
        }
    }
    all.join(std::process::id().to_string())
}

/// What was compiled once for all tests: an interpreter takes a while.
pub(crate) fn store() -> ArtifactStore {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    let config = StoreConfig::new(folder.join("artifacts"), folder.join("key/artifact-key"));
    ArtifactStore::open(config).expect("a store")
}

/// Loads a component that must load.
pub(crate) async fn load(host: &Host, bytes: &[u8]) -> Loaded {
    host.load(bytes.to_vec()).await.expect("a component")
}

/// Loads the hostile component with a folder to write and a namespace, as some attacks
/// need them.
pub(crate) async fn hostile(host: &Host) -> Loaded {
    let grants = ["fs=scratch@/scratch", "kv=attack:rw"].map(|text| text.parse().expect("a grant"));
    let request = LoadRequest::bytes(guests::prebuilt_hostile());
    let request = grants.into_iter().fold(request, LoadRequest::grant);
    host.load(request).await.expect("a component")
}

/// Calls under the host's own limits.
pub(crate) async fn call(host: &Host, component: &Loaded, tool: &str, arguments: Value) -> Called {
    soon(host.call(component, Request::new(tool, arguments))).await
}

/// Calls under these limits.
pub(crate) async fn call_within(
    host: &Host,
    component: &Loaded,
    (tool, arguments): (&str, Value),
    limits: Limits,
) -> Called {
    let request = Request::new(tool, arguments).limits(limits);
    soon(host.call(component, request)).await
}

/// Waits for what must come, with a bound.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(SOON, work).await;
    done.expect("this should have ended long ago")
}

/// The code of a call that must fail, or `ok`.
pub(crate) fn code(called: &Called) -> &'static str {
    match &called.result {
        Ok(_) => "ok",
        Err(error) => error.code().as_str(),
    }
}

/// A tool whose neighbours must not notice anything.
#[derive(Clone, Debug)]
pub(crate) struct Neighbour {
    host: Host,
    component: Loaded,
}

impl Neighbour {
    /// The prebuilt `text`, in the same host as what it is a neighbour of.
    pub(crate) async fn of(host: &Host) -> Self {
        Self {
            host: host.clone(),
            component: load(host, &guests::prebuilt_text()).await,
        }
    }

    /// Asks for something whose answer is known.
    #[track_caller]
    pub(crate) fn still_answers(&self, words: u32) -> impl Future<Output = ()> + use<> {
        let caller = std::panic::Location::caller();
        let this = self.clone();
        async move {
            let text = "to be ".repeat(usize::try_from(words / 2).unwrap_or_default());
            let arguments = json!({ "text": text });
            let called = call(&this.host, &this.component, "count", arguments).await;
            let counted = called.result.as_ref().map(|counts| counts["words"].clone());
            assert_eq!(counted.ok(), Some(json!(words)), "{caller}: {called:?}");
        }
    }
}
