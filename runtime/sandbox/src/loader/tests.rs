//! Files: that change, that many load, that never answer. Streams, profiles
//! that differ, and what is compiled for others.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use patinox_policy::{Failure as _, LimitName};
use patinox_resources::Detector;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;
use crate::artifact::StoreConfig;
use crate::engine::{EngineConfig, Profile};
use tokio::sync::OwnedSemaphorePermit;

/// A component with one function, of a name of one letter.
fn component(name: char) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $m (func (export "run")))
            (core instance $i (instantiate $m))
            (func (export "{name}") (canon lift (core func $i "run"))))"#
    );
    wat::parse_str(text).expect("a component")
}

/// A file of a component, and a loader with a store.
struct Scene {
    folder: TempDir,
    loader: Loader,
}

impl Scene {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        fs::write(folder.path().join("tool.wasm"), component('a')).expect("a file");
        let store = Self::store(folder.path());
        let loader = Loader::new(Engine::new(EngineConfig::default()), None, Some(store));
        Self { folder, loader }
    }

    fn store(folder: &Path) -> ArtifactStore {
        let config = StoreConfig::new(folder.join("store"), folder.join("key/key"));
        ArtifactStore::open(config).expect("a store")
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("tool.wasm")
    }

    fn open(&self) -> File {
        File::open(self.path()).expect("the file")
    }

    /// Where those meet who load the same.
    fn place(&self, component: &[u8]) -> Arc<flights::Flight> {
        let limits = self.loader.0.compilers.tightened(&LoadLimits::default());
        self.loader.0.flights.join(&(Digest::of(component), limits))
    }

    /// Loads in the background.
    fn load(
        &self,
        open: impl FnOnce() -> io::Result<File> + Send + 'static,
        limits: LoadLimits,
    ) -> JoinHandle<Result<Component, Error>> {
        let loader = self.loader.clone();
        tokio::spawn(async move { loader.load(Source::file(open), &limits).await })
    }

    /// Nothing is hashed from memory, looked up or screened until it is dropped.
    fn no_readers(&self) -> OwnedSemaphorePermit {
        let readers = Arc::clone(&self.loader.0.readers);
        let all = u32::try_from(readers.available_permits()).expect("a few");
        readers.try_acquire_many_owned(all).expect("all of them")
    }
}

/// Waits for what happens soon.
async fn until(what: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !what() {
        assert!(Instant::now() < patience, "it never came");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The name of its function, or why there is none.
fn end(loaded: &Result<Component, Error>) -> String {
    match loaded {
        Ok(component) => component.exports()[0].name.clone(),
        Err(error) => error.code().to_string(),
    }
}

/// What is compiled is what has been read, by the name that it has.
#[tokio::test]
async fn a_file_that_changes_meanwhile_is_what_it_is_then() {
    let scene = Scene::new();
    let place = scene.place(&component('a'));
    let readers = scene.no_readers();
    let file = scene.open();
    let loading = scene.load(move || Ok(file), LoadLimits::default());
    until(|| Arc::strong_count(&place) == 2).await;
    fs::write(scene.path(), component('b')).expect("the file");
    drop(readers);
    let loaded = loading.await.expect("no panic");
    assert_eq!(end(&loaded), "b");
    let digest = Digest::of(&component('b')).to_string();
    assert_eq!(loaded.expect("a component").digest(), digest);
}

/// What the store has is linked once for all who load it at the same time.
#[tokio::test]
async fn a_kept_file_that_many_load_is_linked_once() {
    let scene = Scene::new();
    let file = scene.open();
    let kept = scene.load(move || Ok(file), LoadLimits::default()).await;
    let kept = kept.expect("no panic").expect("a component");
    assert_eq!(kept.store(), &Store::Kept);
    let place = scene.place(&component('a'));
    let readers = scene.no_readers();
    let loading: Vec<_> = (0..8)
        .map(|_| {
            let file = scene.open();
            scene.load(move || Ok(file), LoadLimits::default())
        })
        .collect();
    until(|| Arc::strong_count(&place) == 9).await;
    drop(readers);
    let mut loaded = Vec::new();
    for loading in loading {
        loaded.push(loading.await.expect("no panic").expect("a component"));
    }
    for one in &loaded {
        assert_eq!(one.store(), &Store::Hit);
        // The same text in memory is the same component.
        assert_eq!(one.digest().as_ptr(), loaded[0].digest().as_ptr());
    }
    assert_ne!(kept.digest().as_ptr(), loaded[0].digest().as_ptr());
}

/// A disk that no longer answers holds up what is read from files alone, and
/// that no longer than the limit.
#[tokio::test]
async fn a_disk_that_hangs_holds_up_files_alone() {
    let scene = Scene::new();
    let short = LoadLimits {
        compile_wall_ms: 200,
        ..LoadLimits::default()
    };
    let mut answers = Vec::new();
    for _ in 0..scene.loader.0.files.available_permits() {
        let (answer, never) = mpsc::channel::<()>();
        answers.push(answer);
        let path = scene.path();
        let hung = scene.load(
            move || {
                let _ = never.recv();
                File::open(path)
            },
            short,
        );
        let ended = hung.await.expect("no panic");
        assert_eq!(end(&ended), "limit/compile-wall");
    }
    let file = scene.open();
    let started = Instant::now();
    let ended = scene.load(move || Ok(file), short).await.expect("no panic");
    assert_eq!(end(&ended), "limit/compile-wall");
    assert!(started.elapsed() < Duration::from_secs(20));
    let limits = LoadLimits::default();
    let loaded = scene.loader.load(component('a'), &limits).await;
    assert_eq!(end(&loaded), "a");
    // It answers again.
    drop(answers);
    let file = scene.open();
    let loaded = scene.load(move || Ok(file), LoadLimits::default()).await;
    assert_eq!(end(&loaded.expect("no panic")), "a");
}

/// However many steps a file takes, they have one time together.
#[tokio::test]
async fn a_file_has_one_deadline() {
    let scene = Scene::new();
    let limits = LoadLimits {
        compile_wall_ms: 2_000,
        ..LoadLimits::default()
    };
    let readers = scene.no_readers();
    let (_answer, never) = mpsc::channel::<()>();
    let path = scene.path();
    let slow = move || {
        let _ = never.recv_timeout(Duration::from_millis(1_500));
        File::open(path)
    };
    let started = Instant::now();
    let ended = scene.load(slow, limits).await.expect("no panic");
    assert_eq!(end(&ended), "limit/compile-wall");
    assert!(started.elapsed() < Duration::from_millis(3_300));
    drop(readers);
}

/// What a stream never gives to its end.
async fn endless(most: u64) -> Result<Component, Error> {
    let limits = LoadLimits {
        file_bytes: most,
        ..LoadLimits::default()
    };
    let loader = Loader::new(Engine::new(EngineConfig::default()), None, None);
    loader
        .load(Source::stream(tokio::io::repeat(0)), &limits)
        .await
}

/// Without a worker no more is read than would be taken.
#[tokio::test]
async fn a_stream_is_read_no_further_than_is_taken() {
    let error = endless(4_000).await.expect_err("too long");
    assert!(
        matches!(
            error,
            Error::NoWorker {
                name: LimitName::File,
                allowed: 1_000,
                spent: 1_001,
            }
        ),
        "{error:?}"
    );
}

/// What reading took is no longer there for the rest.
#[tokio::test]
async fn a_stream_has_one_deadline() {
    let scene = Scene::new();
    let limits = LoadLimits {
        compile_wall_ms: 2_000,
        ..LoadLimits::default()
    };
    let readers = scene.no_readers();
    let (mut writer, stream) = tokio::io::duplex(64);
    let started = Instant::now();
    let load = scene.loader.load(Source::stream(stream), &limits);
    let give = async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let given = tokio::io::AsyncWriteExt::write_all(&mut writer, b"no component").await;
        given.expect("somebody reads");
        drop(writer);
    };
    let (ended, ()) = tokio::join!(load, give);
    assert_eq!(end(&ended), "limit/compile-wall");
    assert!(started.elapsed() < Duration::from_millis(3_300));
    drop(readers);
}

/// A component that is metered by time too: one inside lifts a function.
fn strict() -> Vec<u8> {
    let text = r#"(component
        (component $inner
            (core module $m (func (export "run")))
            (core instance $i (instantiate $m))
            (func (export "run") (canon lift (core func $i "run"))))
        (instance $inner (instantiate $inner))
        (export "run" (func $inner "run")))"#;
    wat::parse_str(text).expect("a component")
}

/// A machine whose address space runs short after the lean engine was made, so
/// that the strict one has less for each memory.
struct Shrinking(TempDir);

impl Shrinking {
    fn new() -> Self {
        let root = TempDir::new().expect("a folder");
        fs::create_dir_all(root.path().join("proc/self")).expect("a folder");
        fs::write(root.path().join("proc/self/status"), "VmSize: 0 kB\n").expect("a file");
        Self(root)
    }

    fn limit(&self, bytes: u64) {
        let text = format!("Max address space  {bytes} {bytes} bytes\n");
        fs::write(self.0.path().join("proc/self/limits"), text).expect("a file");
    }

    fn engine(&self) -> Engine {
        self.limit(60 << 30);
        let engine = Engine::new(EngineConfig {
            allocation: crate::Allocation::OnDemand { slots: None },
            detector: Detector::below(self.0.path()),
            ..EngineConfig::default()
        });
        let lean = engine.tunables(Profile::Lean).expect("an engine");
        assert_eq!(lean.memory_reservation, 4 << 30);
        self.limit(4 << 30);
        engine
    }
}

#[tokio::test]
async fn a_profile_with_less_address_space_finds_its_code() {
    let (machine, folder) = (Shrinking::new(), TempDir::new().expect("a folder"));
    let limits = LoadLimits::default();
    let mut stores = Vec::new();
    for _ in 0..2 {
        let (engine, store) = (machine.engine(), Scene::store(folder.path()));
        let loader = Loader::new(engine.clone(), None, Some(store));
        let loaded = loader.load(strict(), &limits).await.expect("a component");
        assert_eq!(loaded.profile(), Profile::Strict);
        let tunables = engine.tunables(Profile::Strict).expect("an engine");
        assert_eq!(tunables.memory_reservation, 256 << 20);
        stores.push(loaded.store().clone());
    }
    assert_eq!(stores, [Store::Kept, Store::Hit]);
}

/// A component that imports what only another host has.
fn guest_of_another() -> Vec<u8> {
    let text = r#"(component
        (import "acme:store/query@1.0.0" (instance (export "find" (func)))))"#;
    wat::parse_str(text).expect("a component")
}

#[tokio::test]
async fn what_another_host_offers_is_compiled_for_it_and_not_loaded_here() {
    let scene = Scene::new();
    let limits = LoadLimits::default();
    let compile = || scene.loader.precompile(guest_of_another(), &limits);
    let first = compile().await.expect("it is compiled");
    assert_eq!(first.store, Store::Kept);
    assert_eq!(first.outline.wanted, ["acme:store/query@1.0.0"]);
    assert_eq!(first.size_bytes, guest_of_another().len() as u64);
    let again = compile().await.expect("it is there");
    assert_eq!((again.store, again.digest), (Store::Hit, first.digest));
    assert_eq!(again.outline.wanted, first.outline.wanted);
    // That it is in the store gives it nothing here.
    let loaded = scene.loader.load(guest_of_another(), &limits).await;
    assert_eq!(end(&loaded), "component/missing-imports");
    // What is none is refused as ever.
    let refused = scene.loader.precompile(b"no".to_vec(), &limits).await;
    let refused = refused.expect_err("no component").code();
    assert_eq!(refused.as_str(), "component/malformed");
}

#[tokio::test]
async fn code_for_another_host_comes_from_files_and_is_what_load_finds() {
    let scene = Scene::new();
    let file = scene.open();
    let limits = LoadLimits::default();
    let done = scene
        .loader
        .precompile(Source::file(move || Ok(file)), &limits);
    let done = done.await.expect("it is compiled");
    assert_eq!((done.store, done.outline.wanted.len()), (Store::Kept, 0));
    let loaded = scene.loader.load(component('a'), &limits).await;
    let loaded = loaded.expect("a component");
    assert_eq!(
        (loaded.store(), loaded.digest()),
        (&Store::Hit, done.digest.as_str())
    );
}

/// What the screen cannot tell by itself is told by the compiled code.
#[tokio::test]
async fn what_is_wanted_is_told_however_it_is_written() {
    let scene = Scene::new();
    let limits = LoadLimits::default();
    for imports in [
        r#"(type $i (instance (export "get" (func))))
           (alias outer 0 0 (type $j))
           (import "acme:secret/vault@1.0.0" (instance (type $j)))"#,
        r#"(import "acme:secret/vault@1.0.0" (instance
               (export "inner" (instance (export "get" (func))))))"#,
    ] {
        let bytes = wat::parse_str(format!("(component {imports})")).expect("a component");
        for store in [Store::Kept, Store::Hit] {
            let done = scene.loader.precompile(bytes.clone(), &limits).await;
            let done = done.expect("it is compiled");
            assert_eq!(
                (done.store, done.outline.wanted),
                (store, vec!["acme:secret/vault@1.0.0".to_owned()])
            );
        }
        let loaded = scene.loader.load(bytes, &limits).await;
        assert_eq!(end(&loaded), "component/missing-imports");
    }
}

/// A thousand functions, named eleven times in a way that the screen cannot
/// follow: counted before they are linked.
#[tokio::test]
async fn more_functions_than_any_component_needs_are_not_linked() {
    let scene = Scene::new();
    let limits = LoadLimits::default();
    let functions = (0..1_000).map(|n| format!(r#"(export "f{n}" (func))"#));
    let functions: String = functions.collect();
    let of = |imports: usize| {
        let names =
            (0..imports).map(|n| format!(r#"(import "wasi:http/a{n}" (instance (type $again)))"#));
        let names: String = names.collect();
        let text = format!(
            "(component (type $interface (instance {functions}))
                (alias outer 0 0 (type $again)) {names})"
        );
        wat::parse_str(text).expect("a component")
    };
    let loaded = scene.loader.load(of(10), &limits).await;
    assert!(loaded.is_ok(), "{loaded:?}");
    for bytes in [of(11), of(300)] {
        for _ in 0..2 {
            let refused = scene.loader.load(bytes.clone(), &limits).await;
            let text = refused.expect_err("too many").to_string();
            assert!(text.contains("imported functions"), "{text}");
            let refused = scene.loader.precompile(bytes.clone(), &limits).await;
            let text = refused.expect_err("too many").to_string();
            assert!(text.contains("imported functions"), "{text}");
        }
    }
}

/// A component that the compiler refuses, not the screen.
#[tokio::test]
async fn what_cannot_be_compiled_is_remembered_for_both() {
    let scene = Scene::new();
    let limits = LoadLimits::default();
    let text = r#"(component (core module (func (result i32))))"#;
    let bytes = wat::parse_str(text).expect("a component");
    let key = (
        Digest::of(&bytes),
        scene.loader.0.compilers.tightened(&limits),
    );
    assert!(scene.loader.0.refusals.get(&key).is_none());
    let refused = scene.loader.precompile(bytes.clone(), &limits).await;
    assert_eq!(
        refused.expect_err("invalid").code().as_str(),
        "component/malformed"
    );
    assert!(scene.loader.0.refusals.get(&key).is_some());
    assert_eq!(
        end(&scene.loader.load(bytes, &limits).await),
        "component/malformed"
    );
}
