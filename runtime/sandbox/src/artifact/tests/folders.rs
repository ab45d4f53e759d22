//! The folder of the entries: whose it is, what is in it, how much.

use patinox_policy::Failure as _;

use super::*;
use crate::artifact::{ArtifactFolder, StoreError};

/// What opening says, and its hint.
#[track_caller]
fn refused(place: &Place) -> String {
    told(&ArtifactStore::open(place.config()).unwrap_err())
}

pub(super) fn told(error: &StoreError) -> String {
    let hint = error.hint().expect("a hint");
    format!("{}: {error} | {hint}", error.code())
}

#[test]
fn the_folders_are_made_for_us_alone() {
    let place = Place::new();
    place.store();
    for made in [
        place.folder(),
        place.key_file().parent().unwrap().to_owned(),
    ] {
        let mode = fs::metadata(&made).expect("a folder").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", made.display());
    }
}

#[test]
fn a_linked_folder_is_refused() {
    let place = Place::new();
    let elsewhere = place.root.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a folder");
    mode(&elsewhere, 0o700);
    fs::create_dir_all(place.folder().parent().unwrap()).expect("folders");
    std::os::unix::fs::symlink(&elsewhere, place.folder()).expect("a link");
    assert_eq!(
        refused(&place),
        "caller/unreadable: the artifact folder must be a folder, not a symbolic link | \
         move away what is there: the right thing is made anew"
    );
    let opened = ArtifactFolder::open(&place.folder(), Clock::system());
    assert!(opened.is_err());

    fs::remove_file(place.folder()).expect("removed");
    fs::write(place.folder(), "").expect("a file");
    assert_eq!(
        refused(&place),
        "caller/unreadable: the artifact folder must be a folder, not a file | \
         move away what is there: the right thing is made anew"
    );
}

/// Above ours there may be links: people put caches on other disks.
#[test]
fn a_link_above_the_folder_is_followed() {
    let place = Place::new();
    let elsewhere = place.root.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a folder");
    std::os::unix::fs::symlink(&elsewhere, place.root.path().join("cache")).expect("a link");
    place.store().put(&key(1), FACTS, &CODE).expect("an entry");
    hit(&place.store(), &key(1));
}

#[test]
fn a_folder_that_is_open_to_others_is_refused() {
    for wrong in [0o770, 0o720, 0o750, 0o702, 0o701, 0o755] {
        let (place, _) = Place::with_entry();
        mode(&place.folder(), wrong);
        assert_eq!(
            refused(&place),
            format!(
                "caller/invalid-config: the artifact folder must have mode `0700`, not mode \
                 `{wrong:04o}` | close it to others: `chmod 700`"
            )
        );
        mode(&place.folder(), 0o700);
        hit(&place.store(), &key(1));
    }
}

#[test]
fn a_folder_of_somebody_else_is_refused() {
    if !is_root("a folder of somebody else") {
        return;
    }
    let (place, _) = Place::with_entry();
    std::os::unix::fs::chown(place.folder(), Some(NOBODY), None).expect("another owner");
    assert_eq!(
        refused(&place),
        "caller/invalid-config: the artifact folder must belong to user 0, not to user 65534 | \
         move it away, or run as its owner: each user has his own"
    );
}

#[test]
fn a_folder_that_is_gone_holds_nothing() {
    let (place, _) = Place::with_entry();
    let store = place.store();
    fs::remove_dir_all(place.folder()).expect("removed");
    assert!(matches!(store.get(&key(1)), Found::Missing));
    let error = store.put(&key(1), FACTS, &CODE).unwrap_err();
    assert_eq!(error.to_string(), "cannot write to the artifact folder");
    assert!(store.folder().list().expect("a list").is_empty());
}

#[test]
fn who_was_not_used_for_longest_goes_first() {
    let mut place = Place::new();
    let size = {
        let store = place.store_at(0);
        store.put(&key(0), FACTS, &[0; 1000]).expect("an entry");
        let [entry] = &store.folder().list().expect("a list")[..] else {
            panic!("one entry")
        };
        entry.bytes
    };
    place.store().folder().clear().expect("cleared");
    place.max_bytes = 3 * size;
    for (minute, component) in [(1, 1), (2, 2), (3, 3)] {
        let store = place.store_at(minute);
        store
            .put(&key(component), FACTS, &[0; 1000])
            .expect("an entry");
    }
    hit(&place.store_at(4), &key(1));
    let listed = |place: &Place| -> Vec<_> {
        let entries = place.store_at(9).folder().list().expect("a list");
        let entries = entries.into_iter();
        entries
            .map(|entry| (entry.digest.get(7..9).map(str::to_owned), entry.used))
            .collect()
    };
    let is = |digits: &str, minutes| (Some(digits.to_owned()), at(minutes));
    assert_eq!(listed(&place), [is("01", 4), is("03", 3), is("02", 2)]);

    let store = place.store_at(5);
    store.put(&key(4), FACTS, &[0; 1000]).expect("an entry");
    assert_eq!(listed(&place), [is("04", 5), is("01", 4), is("03", 3)]);
    // One that takes the place of two.
    let store = place.store_at(6);
    store.put(&key(5), FACTS, &[0; 2000]).expect("an entry");
    assert_eq!(listed(&place), [is("05", 6), is("04", 5)]);
    // Again, which needs no more room than before.
    let store = place.store_at(7);
    store.put(&key(5), FACTS, &[0; 2000]).expect("an entry");
    assert_eq!(listed(&place), [is("05", 7), is("04", 5)]);
    // What is set aside goes before anything that can be used.
    replace(&place.file(&key(4)), &[0; 1000]);
    bad(&place.store_at(8), &key(4));
    let store = place.store_at(8);
    store.put(&key(6), FACTS, &[0; 1000]).expect("an entry");
    assert_eq!(listed(&place), [is("06", 8), is("05", 7)]);
    assert_eq!(place.names().len(), 2);
}

#[test]
fn only_what_is_ours_is_cleared() {
    let (place, _) = Place::with_entry();
    let digits = "0".repeat(64);
    let foreign = [
        "notes.txt".to_owned(),
        format!("{digits}.artifact.txt"),
        format!("{digits}x.artifact"),
        format!("{}.artifact", "A".repeat(64)),
        format!("{}.artifact", "0".repeat(63)),
        format!("{}ß.artifact", "0".repeat(63)),
        ".artifact".to_owned(),
    ];
    for name in &foreign {
        fs::write(place.folder().join(name), "mine").expect("a file");
    }
    let folder = format!("{}.artifact", "1".repeat(64));
    fs::create_dir(place.folder().join(&folder)).expect("a folder");
    let young = format!("{}.tmp", "2".repeat(64));
    fs::write(place.folder().join(&young), "being written").expect("a file");

    let stale = place.folder().join(format!("{}.tmp", "3".repeat(64)));
    fs::write(&stale, "left").expect("a file");
    let written = fs::File::options()
        .write(true)
        .open(&stale)
        .expect("a file");
    written.set_modified(at(0)).expect("a time");
    let outside = place.root.path().join("outside");
    fs::write(&outside, "stays").expect("a file");
    let link = place.folder().join(format!("{}.artifact", "4".repeat(64)));
    std::os::unix::fs::symlink(&outside, &link).expect("a link");
    replace(&place.file(&key(7)), b"bad");
    bad(&place.store(), &key(7));

    // Young is what was written less than an hour before this.
    let now = fs::metadata(place.folder().join(&young)).expect("a file");
    let clock = Clock::fixed(now.modified().expect("a time"));
    let cleared = ArtifactFolder::open(&place.folder(), clock)
        .expect("ours")
        .expect("a folder")
        .clear()
        .expect("cleared");
    assert_eq!(cleared.entries, 3, "the entry, the bad one and the link");
    let entry = CODE.len() + FACTS.len() + 128;
    let link = outside.as_os_str().len();
    assert_eq!(
        cleared.bytes,
        (entry + "bad".len() + link + "left".len()) as u64
    );

    let mut expected = [&foreign[..], &[folder, young]].concat();
    expected.sort_unstable();
    assert_eq!(place.names(), expected);
    assert_eq!(fs::read(&outside).expect("a file"), b"stays");
    let again = place.store().folder().clear().expect("cleared");
    assert_eq!((again.entries, again.bytes), (0, 0));
}

#[test]
fn who_writes_removes_what_is_stale() {
    let (place, _) = Place::with_entry();
    let stale = place.folder().join(format!("{}.tmp", "3".repeat(64)));
    fs::write(&stale, "left").expect("a file");
    let written = fs::File::options()
        .write(true)
        .open(&stale)
        .expect("a file");
    written.set_modified(at(0)).expect("a time");
    place.store().put(&key(2), FACTS, &CODE).expect("an entry");
    assert!(!stale.exists());
}

#[test]
fn what_is_no_entry_is_not_listed() {
    let (place, _) = Place::with_entry();
    replace(&place.file(&key(2)), b"nonsense");
    std::os::unix::fs::symlink(place.file(&key(1)), place.file(&key(3))).expect("a link");
    let entries = place.store().folder().list().expect("a list");
    let [entry] = &entries[..] else {
        panic!("one entry: {entries:?}")
    };
    assert_eq!(entry.digest, format!("sha256:{}", "01".repeat(32)));
    assert_eq!(entry.profile, Profile::Lean);
}
