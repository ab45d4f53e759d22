//! The database itself, in files.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use futures_util::FutureExt as _;
use patinox_resources::{Kind, Reclaimer, Stage};
use patinox_sandbox::entry_bytes;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const QUOTA: u64 = 1 << 20;

fn database(folder: &TempDir) -> Database {
    Database::new(&folder.path().join("storage"), &Registry::new())
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

async fn set(database: &Database, namespace: &str, key: &str, value: &[u8]) {
    let entry = vec![(key.to_owned(), value.to_vec())];
    database.set(namespace, entry, QUOTA).await.unwrap();
}

async fn get(database: &Database, namespace: &str, key: &str) -> Option<Vec<u8>> {
    let values = database.get(namespace, keys(&[key]), u64::MAX).await;
    values.unwrap().pop().unwrap()
}

/// What the database says of a namespace, and what is true.
fn counted(folder: &TempDir, namespace: &str) -> (u64, u64) {
    let file = folder.path().join("storage/patinox.sqlite");
    let database = Connection::open(file).unwrap();
    let says = "SELECT bytes FROM namespaces WHERE name = ?1";
    let says = database.query_row(says, [namespace], |row| row.get(0));
    let holds = "SELECT coalesce(sum(2 * length(key) + length(value) + 128), 0)
                 FROM entries JOIN namespaces ON namespaces.id = namespace WHERE name = ?1";
    let holds = database.query_row(holds, [namespace], |row| row.get(0));
    (says.unwrap(), holds.unwrap())
}

#[tokio::test]
async fn what_is_kept_is_there_for_whoever_asks_next() {
    let folder = folder();
    let (one, other) = (database(&folder), database(&folder));
    set(&one, "notes", "a", b"1").await;
    assert_eq!(get(&other, "notes", "a").await.unwrap(), b"1");
    set(&other, "notes", "a", b"").await;
    assert_eq!(get(&one, "notes", "a").await.unwrap(), b"");
    assert!(one.exists("notes", "a".to_owned()).await.unwrap());
    // Of a namespace that nobody has written to there is nothing.
    assert_eq!(get(&one, "note", "a").await, None);
    assert!(!one.exists("notesx", "a".to_owned()).await.unwrap());
    assert_eq!(one.keys("none", None).await.unwrap(), Keys::default());
    one.delete("none", keys(&["a"])).await.unwrap();
    one.delete("notes", keys(&["b", "a", "a"])).await.unwrap();
    assert_eq!(get(&other, "notes", "a").await, None);
    assert_eq!(counted(&folder, "notes"), (0, 0));
}

#[tokio::test]
async fn keys_are_any_text_and_the_same_text_alone_is_the_same_key() {
    let folder = folder();
    let database = database(&folder);
    let odd = [
        "",
        "a",
        "a\0",
        "a\0b",
        "A",
        "%",
        "' OR 1=1 --",
        "é",
        "e\u{301}",
        "../a",
        "a/",
    ];
    for (number, key) in odd.iter().enumerate() {
        set(&database, "n", key, &[u8::try_from(number).unwrap()]).await;
    }
    let values = database.get("n", keys(&odd), u64::MAX).await.unwrap();
    let expected = (0..odd.len()).map(|number| Some(vec![u8::try_from(number).unwrap()]));
    assert_eq!(values, expected.collect::<Vec<_>>());
    let page = database.keys("n", None).await.unwrap();
    assert_eq!((page.keys, page.cursor), (keys(&odd), None));
}

#[tokio::test]
async fn pages_have_each_key_once_whatever_changes_meanwhile() {
    let folder = folder();
    let database = database(&folder);
    let all: Vec<_> = (0..2_500).map(|key| key.to_string()).collect();
    let entries = all.iter().map(|key| (key.clone(), vec![0]));
    database.set("n", entries.collect(), QUOTA).await.unwrap();
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = database.keys("n", cursor).await.unwrap();
        found.extend(page.keys);
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
        // One that was told, and one that comes, get other values; others come and go.
        set(&database, "n", "7", b"new").await;
        set(&database, "n", "2400", b"new").await;
        set(&database, "other", "x", b"").await;
        database.delete("n", keys(&["3"])).await.unwrap();
    }
    assert_eq!(found, all);
    let beyond = database.keys("n", Some(u64::MAX)).await.unwrap();
    assert_eq!(beyond, Keys::default());
}

#[tokio::test]
async fn a_namespace_takes_no_more_than_it_may_and_others_do_not_count() {
    let folder = folder();
    let database = database(&folder);
    let value = |bytes: usize| vec![7; bytes];
    let entry = |key: &str, bytes| (key.to_owned(), value(bytes));
    database
        .set("n", vec![entry("a", 870)], 1_000)
        .await
        .unwrap();
    database
        .set("m", vec![entry("a", 870)], 1_000)
        .await
        .unwrap();
    let full = database.set("n", vec![entry("b", 0)], 1_000).await;
    let error = full.unwrap_err();
    assert!(
        matches!(
            error,
            StorageError::Full {
                bytes: 1_130,
                quota: 1_000
            }
        ),
        "{error:?}"
    );
    // Of several none is kept, and what is kept twice counts once.
    let both = vec![entry("c", 1), entry("a", 871)];
    assert!(database.set("n", both, 1_000).await.is_err());
    assert_eq!(get(&database, "n", "c").await, None);
    let twice = vec![entry("a", 5_000), entry("a", 10)];
    database.set("n", twice, 1_000).await.unwrap();
    assert_eq!(get(&database, "n", "a").await, Some(value(10)));
    assert!(
        database
            .increment("n", "count".to_owned(), 1, 100)
            .await
            .is_err()
    );
    // Less may always be kept, and what was taken away is given back.
    database.set("n", vec![entry("a", 9)], 0).await.unwrap();
    assert!(database.set("n", vec![entry("a", 10)], 0).await.is_err());
    database.delete("n", keys(&["a"])).await.unwrap();
    database
        .set("n", vec![entry("b", 870)], 1_000)
        .await
        .unwrap();
    assert_eq!(counted(&folder, "n"), (1_000, 1_000));
}

#[tokio::test]
async fn an_answer_has_no_more_than_fits() {
    let folder = folder();
    let database = database(&folder);
    set(&database, "n", "a", &[1; 600]).await;
    let twice = || database.get("n", keys(&["a", "a"]), 1_199);
    let error = twice().await.unwrap_err();
    assert!(
        matches!(error, StorageError::Large { most: 1_199 }),
        "{error:?}"
    );
    let both = database.get("n", keys(&["a", "b", "a"]), 1_200).await;
    assert_eq!(both.unwrap().iter().flatten().count(), 2);
}

#[tokio::test]
async fn numbers_are_added_to_and_nothing_else_is() {
    let folder = folder();
    let database = database(&folder);
    let add = |key: &str, delta| database.increment("n", key.to_owned(), delta, QUOTA);
    assert_eq!(add("a", 0).await.unwrap(), 0);
    assert_eq!(add("a", 41).await.unwrap(), 41);
    assert_eq!(add("a", 1).await.unwrap(), 42);
    assert_eq!(get(&database, "n", "a").await.unwrap(), b"42");
    assert_eq!(add("a", u64::MAX - 42).await.unwrap(), u64::MAX);
    assert!(matches!(add("a", 1).await, Err(StorageError::Overflow)));
    for text in [
        "",
        "-1",
        "+1",
        " 1",
        "1.0",
        "x",
        "18446744073709551616",
        "١",
    ] {
        set(&database, "n", "b", text.as_bytes()).await;
        let error = add("b", 1).await.unwrap_err();
        assert!(
            matches!(error, StorageError::NotANumber),
            "{text:?}: {error:?}"
        );
        assert_eq!(get(&database, "n", "b").await.unwrap(), text.as_bytes());
    }
    assert_eq!(counted(&folder, "n").0, counted(&folder, "n").1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_lose_nothing() {
    let folder = folder();
    let databases = [database(&folder), database(&folder)];
    let adding = (0..64_usize).map(|number| {
        let database = &databases[number % 2];
        database.increment("n", "sum".to_owned(), 1, QUOTA)
    });
    let mut sums: Vec<_> = futures_util::future::join_all(adding)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    sums.sort_unstable();
    assert_eq!(sums, (1..=64).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_of_another_is_waited_for_and_readers_do_not_wait() {
    let folder = folder();
    let database = database(&folder);
    set(&database, "n", "a", b"1").await;
    let other = Connection::open(folder.path().join("storage/patinox.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut waits = database.set("n", vec![("a".to_owned(), vec![2])], QUOTA);
    assert!((&mut waits).now_or_never().is_none());
    assert_eq!(get(&database, "n", "a").await.unwrap(), b"1");
    other.execute_batch("COMMIT").unwrap();
    waits.await.unwrap();
    assert_eq!(get(&database, "n", "a").await.unwrap(), [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_waits_for_any_more_is_not_kept() {
    let folder = folder();
    let database = database(&folder);
    set(&database, "n", "a", b"1").await;
    let other = Connection::open(folder.path().join("storage/patinox.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waits = database.set("n", vec![("a".to_owned(), vec![2])], QUOTA);
    // Long enough for it to wait for the lock.
    let waited = tokio::time::timeout(Duration::from_millis(200), waits).await;
    assert!(waited.is_err());
    other.execute_batch("COMMIT").unwrap();
    // It comes after that one.
    set(&database, "n", "b", b"1").await;
    assert_eq!(get(&database, "n", "a").await.unwrap(), b"1");
}

#[test]
fn who_does_not_wait_for_an_answer_leaves_no_connection_behind() {
    let (folder, registry) = (folder(), Registry::new());
    let database = Database::new(&folder.path().join("storage"), &registry);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        for _ in 0..20 {
            let mut work = database.increment("n", "sum".to_owned(), 1, QUOTA);
            assert!((&mut work).now_or_never().is_none());
        }
        // Whatever of them was done, was done whole.
        let sum = database.increment("n", "sum".to_owned(), 1, QUOTA).await;
        assert!((1..=21).contains(&sum.unwrap()));
    });
    // It waits for what has begun.
    drop(runtime);
    assert!(registry.counts().of(Kind::Connection).entries <= READERS + 1);
    drop(database);
    assert_eq!(registry.counts().of(Kind::Connection).entries, 0);
}

#[tokio::test]
async fn connections_are_written_down_and_let_go_of() {
    let (folder, registry) = (folder(), Registry::new());
    let database = Database::new(&folder.path().join("storage"), &registry);
    set(&database, "n", "a", b"1").await;
    get(&database, "n", "a").await;
    assert_eq!(registry.counts().of(Kind::Connection).entries, 2);
    Reclaimer::new(database.sources(), |_| {}).run(Stage::EvictIdle);
    // They are closed where it may block.
    drop(database.0.jobs.acquire_many(JOBS).await);
    assert_eq!(registry.counts().of(Kind::Connection).entries, 0);
    assert_eq!(get(&database, "n", "a").await.unwrap(), b"1");
}

/// Two files under one name would have one log and one index of it.
#[tokio::test]
async fn a_database_that_was_removed_or_replaced_is_used_no_more() {
    let folder = folder();
    let file = folder.path().join("storage/patinox.sqlite");
    let database = database(&folder);
    set(&database, "n", "a", b"1").await;
    fs::copy(&file, folder.path().join("copy")).unwrap();
    for replace in [false, true] {
        fs::remove_file(&file).unwrap();
        if replace {
            fs::copy(folder.path().join("copy"), &file).unwrap();
        }
        let text = refused_by(&database).await;
        assert!(
            text.starts_with("the database was removed or replaced"),
            "{text}"
        );
        let set = database
            .set("n", vec![("a".to_owned(), vec![2])], QUOTA)
            .await;
        assert!(matches!(set, Err(StorageError::Failed(_))), "{set:?}");
        assert_eq!(file.exists(), replace);
        fs::write(&file, "").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_all_the_time_waits_for_himself() {
    let folder = folder();
    let database = Arc::new(database(&folder));
    set(&database, "loud", "a", b"").await;
    let done = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let loud: Vec<_> = (0..100_u8)
        .map(|number| {
            let (database, done) = (Arc::clone(&database), Arc::clone(&done));
            tokio::spawn(async move {
                set(&database, "loud", "a", &[number]).await;
                done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            })
        })
        .collect();
    // All of them have asked, and wait.
    while done.load(std::sync::atomic::Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    set(&database, "quiet", "a", b"1").await;
    let before = done.load(std::sync::atomic::Ordering::Relaxed);
    assert!(before < 50, "{before} of 100 came first");
    for one in loud {
        one.await.unwrap();
    }
}

/// Readers that come one after the other keep a log from being begun anew.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_does_not_grow_for_ever() {
    let folder = folder();
    let database = Arc::new(database(&folder));
    let value = vec![7; 1 << 20];
    let write = async || {
        let entry = vec![("a".to_owned(), value.clone())];
        database.set("n", entry, 16 << 20).await.unwrap();
    };
    write().await;
    let is_over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (database, is_over) = (Arc::clone(&database), Arc::clone(&is_over));
            tokio::spawn(async move {
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    get(&database, "n", "a").await;
                }
            })
        })
        .collect();
    let log = folder.path().join("storage/patinox.sqlite-wal");
    let mut most = 0;
    for _ in 0..60 {
        write().await;
        most = most.max(fs::metadata(&log).unwrap().len());
    }
    is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(most < 16 << 20, "{most}");
}

#[tokio::test]
async fn what_is_free_is_given_back() {
    let folder = folder();
    let database = database(&folder);
    let names: Vec<_> = (0..12_u8).map(|number| number.to_string()).collect();
    let entries = names.iter().map(|name| (name.clone(), vec![7; 1 << 20]));
    database
        .set("n", entries.collect(), 16 << 20)
        .await
        .unwrap();
    database.delete("n", names).await.unwrap();
    for _ in 0..4 {
        set(&database, "n", "a", b"").await;
    }
    database.close().await.unwrap();
    let file = fs::metadata(folder.path().join("storage/patinox.sqlite")).unwrap();
    assert!(file.len() < 6 << 20, "{}", file.len());
}

#[tokio::test]
async fn closed_it_holds_nothing() {
    let (folder, registry) = (folder(), Registry::new());
    let database = Database::new(&folder.path().join("storage"), &registry);
    set(&database, "n", "a", b"1").await;
    get(&database, "n", "a").await;
    database.close().await.unwrap();
    assert_eq!(registry.counts().of(Kind::Connection).entries, 0);
    assert!(!folder.path().join("storage/patinox.sqlite-wal").exists());
    assert!(database.check().await.is_err());
}

async fn refused(folder: &TempDir) -> String {
    refused_by(&database(folder)).await
}

async fn refused_by(database: &Database) -> String {
    match database.check().await {
        Err(StorageError::Failed(cause)) => cause.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_no_place_for_it_is_refused() {
    let open = folder();
    let storage = open.path().join("storage");
    fs::create_dir(&storage).unwrap();
    fs::set_permissions(&storage, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(
        refused(&open).await,
        "the folder is not ours alone, with mode `0700`"
    );
    let link = folder();
    symlink(open.path(), link.path().join("storage")).unwrap();
    refused(&link).await;
    let file = folder();
    fs::write(file.path().join("storage"), "").unwrap();
    refused(&file).await;
    // The way to it may have links; the file is none.
    let linked = folder();
    patinox_resources::private_folder(&linked.path().join("storage")).unwrap();
    symlink("elsewhere", linked.path().join("storage/patinox.sqlite")).unwrap();
    refused(&linked).await;
    assert!(!linked.path().join("storage/elsewhere").exists());
    let garbage = folder();
    patinox_resources::private_folder(&garbage.path().join("storage")).unwrap();
    fs::write(garbage.path().join("storage/patinox.sqlite"), [b'x'; 5_000]).unwrap();
    refused(&garbage).await;
}

#[tokio::test]
async fn a_database_of_a_later_version_is_left_as_it_is() {
    let folder = folder();
    set(&database(&folder), "n", "a", b"1").await;
    let file = folder.path().join("storage/patinox.sqlite");
    let later = Connection::open(&file).unwrap();
    later.pragma_update(None, "user_version", 2).unwrap();
    assert_eq!(
        refused(&folder).await,
        "the database is of version 2, and this program knows version 1"
    );
}

/// What is done, of a few keys.
#[derive(Clone, Debug)]
enum Step {
    Set(Vec<(u8, u8)>),
    Delete(Vec<u8>),
    Increment(u8, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let keys = || 0..4_u8;
    prop_oneof![
        prop::collection::vec((keys(), any::<u8>()), 0..4).prop_map(Step::Set),
        prop::collection::vec(keys(), 0..3).prop_map(Step::Delete),
        (keys(), any::<u8>()).prop_map(|(key, delta)| Step::Increment(key, delta)),
    ]
}

const SMALL: u64 = 700;

/// What a map would do.
fn expected(map: &BTreeMap<String, Vec<u8>>, step: &Step) -> Option<BTreeMap<String, Vec<u8>>> {
    let size = |map: &BTreeMap<String, Vec<u8>>| {
        let sizes = map
            .iter()
            .map(|(key, value)| entry_bytes(key, u64::try_from(value.len()).unwrap()));
        sizes.sum::<u64>()
    };
    let mut next = map.clone();
    match step {
        Step::Set(entries) => next.extend(
            entries
                .iter()
                .map(|(key, bytes)| (key.to_string(), vec![b'1'; usize::from(*bytes)])),
        ),
        Step::Delete(keys) => keys
            .iter()
            .for_each(|key| drop(next.remove(&key.to_string()))),
        Step::Increment(key, delta) => {
            let value = next.entry(key.to_string()).or_insert_with(|| b"0".to_vec());
            let text = String::from_utf8(value.clone()).unwrap();
            let sum = text.parse::<u64>().ok()?.checked_add(u64::from(*delta))?;
            *value = sum.to_string().into_bytes();
        }
    }
    (size(&next) <= SMALL || size(&next) <= size(map)).then_some(next)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// It keeps what a map would, and counts what it keeps.
    #[test]
    fn it_is_a_map_with_a_bound(steps in prop::collection::vec(step(), 1..30)) {
        let folder = folder();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let database = database(&folder);
            let mut map = BTreeMap::new();
            for step in steps {
                let expected = expected(&map, &step);
                let was_done = match step {
                    Step::Set(entries) => {
                        let entries = entries.into_iter().map(|(key, bytes)| {
                            (key.to_string(), vec![b'1'; usize::from(bytes)])
                        });
                        database.set("n", entries.collect(), SMALL).await.is_ok()
                    }
                    Step::Delete(keys) => {
                        let keys = keys.iter().map(u8::to_string).collect();
                        database.delete("n", keys).await.is_ok()
                    }
                    Step::Increment(key, delta) => {
                        let delta = u64::from(delta);
                        database.increment("n", key.to_string(), delta, SMALL).await.is_ok()
                    }
                };
                assert_eq!(was_done, expected.is_some());
                map = expected.unwrap_or(map);
                let names: Vec<_> = (0..4).map(|key| key.to_string()).collect();
                let found = database.get("n", names.clone(), u64::MAX).await.unwrap();
                let found = names.into_iter().zip(found);
                let found: BTreeMap<_, _> =
                    found.filter_map(|(key, value)| Some((key, value?))).collect();
                assert_eq!(found, map);
            }
            if !map.is_empty() {
                let (says, holds) = counted(&folder, "n");
                assert_eq!(says, holds);
            }
        });
    }
}
