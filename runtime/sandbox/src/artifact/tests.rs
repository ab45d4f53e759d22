//! The store, by what comes out of it: what was put in, or nothing.

mod children;
mod entries;
mod folders;
mod keys;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use patinox_telemetry::Clock;
use tempfile::TempDir;
use wasmtime::component::Linker;
use wasmtime::{Engine, Store};

use super::{Artifact, ArtifactStore, EntryKey, Found, StoreConfig};
use crate::engine::Profile;
use crate::settings::{self, Tunables};

/// Nobody's own: what belongs to him is not ours.
const NOBODY: u32 = 65_534;

const FACTS: &[u8] = b"what was found about it";

/// A component whose `run` answers 42, compiled for the lean profile.
static CODE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let component = wat::parse_str(
        r#"(component
            (core module $m (func (export "run") (result i32) i32.const 42))
            (core instance $i (instantiate $m))
            (func (export "run") (result u32) (canon lift (core func $i "run"))))"#,
    );
    let component = component.expect("a component");
    engine(Profile::Lean)
        .precompile_component(&component)
        .expect("machine code")
});

fn engine(profile: Profile) -> Engine {
    Engine::new(&settings::config(&Tunables::wide(profile))).expect("an engine")
}

/// What a component that is loaded answers.
fn answer(artifact: &Artifact, engine: &Engine) -> u32 {
    let component = artifact.load(engine).expect("a component");
    let mut store = Store::new(engine, ());
    store.set_fuel(1_000_000).expect("fuel");
    let instance = Linker::new(engine).instantiate(&mut store, &component);
    let instance = instance.expect("an instance");
    let run = instance.get_typed_func::<(), (u32,)>(&mut store, "run");
    let (answer,) = run.expect("`run`").call(&mut store, ()).expect("an answer");
    answer
}

/// A component's key, told apart by a number.
fn key(component: u8) -> EntryKey {
    EntryKey {
        digest: [component; 32],
        fingerprint: settings::fingerprint(&Tunables::wide(Profile::Lean)),
        profile: Profile::Lean,
    }
}

/// A time that is later by its number.
fn at(minutes: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000 + minutes * 60)
}

/// Where a store lies.
struct Place {
    root: TempDir,
    max_bytes: u64,
}

impl Place {
    fn new() -> Self {
        Self {
            root: tempfile::tempdir().expect("a folder"),
            max_bytes: 64 << 20,
        }
    }

    /// One with an entry, and where that lies.
    fn with_entry() -> (Self, PathBuf) {
        let place = Self::new();
        let store = place.store();
        store.put(&key(1), FACTS, &CODE).expect("an entry");
        let file = place.file(&key(1));
        (place, file)
    }

    fn config(&self) -> StoreConfig {
        StoreConfig {
            max_bytes: self.max_bytes,
            ..config_in(self.root.path())
        }
    }

    /// Opened as a new process would: it has checked nothing yet.
    fn store(&self) -> ArtifactStore {
        ArtifactStore::open(self.config()).expect("a store")
    }

    /// Opened at a time.
    fn store_at(&self, minutes: u64) -> ArtifactStore {
        ArtifactStore::open(StoreConfig {
            clock: Clock::fixed(at(minutes)),
            ..self.config()
        })
        .expect("a store")
    }

    fn folder(&self) -> PathBuf {
        self.config().folder
    }

    fn key_file(&self) -> PathBuf {
        self.config().key_file
    }

    /// Where an entry lies.
    fn file(&self, key: &EntryKey) -> PathBuf {
        self.folder().join(key.name().file())
    }

    /// The names in the folder of the entries, sorted.
    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder()).expect("a folder");
        let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("text");
        let mut names: Vec<_> = names.map(|entry| name(entry.expect("an entry"))).collect();
        names.sort_unstable();
        names
    }
}

fn config_in(root: &Path) -> StoreConfig {
    StoreConfig::new(
        root.join("cache/patinox/artifacts"),
        root.join("state/patinox/artifact-key"),
    )
}

/// Puts bytes in place of an entry, as somebody with our user id could.
fn replace(file: &Path, bytes: &[u8]) {
    // Another file, so that nothing of the old one stays.
    let _ = fs::remove_file(file);
    fs::write(file, bytes).expect("a file");
    mode(file, 0o400);
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

#[track_caller]
fn hit(store: &ArtifactStore, key: &EntryKey) -> (Artifact, Vec<u8>) {
    match store.get(key) {
        Found::Hit { artifact, facts } => (artifact, facts),
        other => panic!("{other:?}"),
    }
}

/// Why an entry is bad, in words.
#[track_caller]
fn bad(store: &ArtifactStore, key: &EntryKey) -> String {
    match store.get(key) {
        Found::Bad { reason } => reason.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Looks as a new process: finds a bad entry, and from then on none, until it
/// is made anew.
#[track_caller]
fn is_set_aside(place: &Place, reason: &str) {
    let store = place.store();
    assert_eq!(bad(&store, &key(1)), reason);
    assert!(matches!(store.get(&key(1)), Found::Missing), "{reason}");
    store.put(&key(1), FACTS, &CODE).expect("an entry");
    let (artifact, facts) = hit(&place.store(), &key(1));
    assert_eq!(facts, FACTS);
    assert_eq!(answer(&artifact, &engine(Profile::Lean)), 42);
}

/// Whether this machine lets us do as somebody else: says what it leaves out
/// where not.
fn is_root(what: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("left out, as only root can: {what}");
    }
    is_root
}
