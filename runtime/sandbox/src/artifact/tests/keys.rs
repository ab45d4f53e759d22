//! The key: made once, never replaced, refused unless it is ours alone.

use super::folders::told;
use super::*;

/// What opening says; and the file is as it was.
#[track_caller]
fn refused(place: &Place) -> String {
    let before = fs::symlink_metadata(place.key_file()).expect("a key");
    let told = told(&ArtifactStore::open(place.config()).unwrap_err());
    let after = fs::symlink_metadata(place.key_file()).expect("a key");
    let facts = |of: &fs::Metadata| (of.permissions(), of.len(), of.modified().ok());
    assert_eq!(facts(&before), facts(&after));
    told
}

const ANEW: &str = "copy it again from where it was made, or move it away: a new key is made, and \
                    all is compiled anew";

#[test]
fn a_key_is_made_once() {
    let place = Place::new();
    place.store();
    let key = fs::read(place.key_file()).expect("a key");
    assert_eq!(key.len(), 32);
    let metadata = fs::metadata(place.key_file()).expect("a key");
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
    place.store();
    assert_eq!(fs::read(place.key_file()).expect("a key"), key);
    // Nothing is left beside it.
    let beside = fs::read_dir(place.key_file().parent().unwrap()).expect("a folder");
    assert_eq!(beside.count(), 1);
    // Two places have two keys.
    let other = Place::new();
    other.store();
    assert_ne!(fs::read(other.key_file()).expect("a key"), key);
}

#[test]
fn who_starts_at_once_agrees_on_one_key() {
    for _ in 0..20 {
        let place = Place::new();
        std::thread::scope(|scope| {
            for component in 0..8 {
                let place = &place;
                scope.spawn(move || {
                    let store = place.store();
                    store.put(&key(component), FACTS, &CODE).expect("an entry");
                });
            }
        });
        let store = place.store();
        for component in 0..8 {
            hit(&store, &key(component));
        }
    }
}

#[test]
fn without_its_key_an_entry_is_nothing() {
    let (place, _) = Place::with_entry();
    fs::remove_file(place.key_file()).expect("removed");
    is_set_aside(&place, "its tag is wrong");
}

#[test]
fn a_key_of_another_length_is_refused() {
    for bytes in [0, 31, 33, 4096] {
        let (place, _) = Place::with_entry();
        fs::write(place.key_file(), vec![1; bytes]).expect("a key");
        assert_eq!(
            refused(&place),
            format!(
                "caller/invalid-config: the artifact key must have 32 bytes, not {bytes} | {ANEW}"
            )
        );
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let read = "`chmod 600` if nobody else can have read it, or else move it away: a new key is \
                made, and all is compiled anew";
    let modes = [(0o640, read), (0o604, read), (0o660, read)];
    let closed = [0o400, 0o700, 0o4600].map(|mode| (mode, "`chmod 600`"));
    for (wrong, hint) in modes.into_iter().chain(closed) {
        let (place, _) = Place::with_entry();
        mode(&place.key_file(), wrong);
        assert_eq!(
            refused(&place),
            format!(
                "caller/invalid-config: the artifact key must have mode `0600`, not mode \
                 `{wrong:04o}` | {hint}"
            )
        );
    }
}

#[test]
fn a_key_of_somebody_else_is_refused() {
    if !is_root("a key of somebody else") {
        return;
    }
    let (place, _) = Place::with_entry();
    std::os::unix::fs::chown(place.key_file(), Some(NOBODY), None).expect("another owner");
    assert_eq!(
        refused(&place),
        "caller/invalid-config: the artifact key must belong to user 0, not to user 65534 | \
         move it away, or run as its owner: each user has his own"
    );
}

#[test]
fn a_key_with_two_names_is_refused() {
    let (place, _) = Place::with_entry();
    fs::hard_link(place.key_file(), place.root.path().join("outside")).expect("a link");
    assert_eq!(
        refused(&place),
        format!("caller/invalid-config: the artifact key must have one name, not 2 | {ANEW}")
    );
}

#[test]
fn what_is_no_file_is_no_key() {
    let (place, _) = Place::with_entry();
    let outside = place.root.path().join("outside");
    fs::rename(place.key_file(), &outside).expect("renamed");
    let anew = "move away what is there: the right thing is made anew";
    for (target, found) in [
        (&outside, "a symbolic link"),
        (&place.folder(), "a symbolic link"),
    ] {
        std::os::unix::fs::symlink(target, place.key_file()).expect("a link");
        assert_eq!(
            refused(&place),
            format!("caller/unreadable: the artifact key must be a file, not {found} | {anew}")
        );
        fs::remove_file(place.key_file()).expect("removed");
    }
    fs::create_dir(place.key_file()).expect("a folder");
    assert_eq!(
        refused(&place),
        format!("caller/unreadable: the artifact key must be a file, not something else | {anew}")
    );
}

#[test]
fn the_key_lies_elsewhere() {
    let place = Place::new();
    let inside = ["key", "below/key"].map(|name| place.folder().join(name));
    fs::create_dir_all(place.folder()).expect("a folder");
    mode(&place.folder(), 0o700);
    // Another way to the same folder.
    let link = place.root.path().join("link");
    std::os::unix::fs::symlink(place.folder().parent().unwrap(), &link).expect("a link");
    for key_file in inside.into_iter().chain([link.join("artifacts/key")]) {
        let error = ArtifactStore::open(StoreConfig {
            key_file,
            ..place.config()
        });
        assert_eq!(
            told(&error.unwrap_err()),
            "caller/invalid-config: the artifact key must not lie in the artifact folder | \
             keep them in two folders"
        );
    }
    assert!(place.names().is_empty());
}

#[test]
fn a_folder_of_the_key_that_others_can_write_is_refused() {
    let (place, _) = Place::with_entry();
    let folder = place.key_file().parent().unwrap().to_owned();
    mode(&folder, 0o770);
    assert_eq!(
        refused(&place),
        "caller/invalid-config: the folder of the artifact key must have no one else who may \
         write, not mode `0770` | close it to others: `chmod go-w`"
    );
    // To look is no harm: the key itself is closed.
    mode(&folder, 0o755);
    hit(&place.store(), &key(1));
}
