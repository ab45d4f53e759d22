//! Entries: whole ones come back, and nothing else does.

use proptest::prelude::*;

use super::super::entry::{Header, TRAILER_BYTES};
use super::super::store::CodeAccess;
use super::super::tag::BLOCK_BYTES;
use super::*;

#[test]
fn what_is_put_in_comes_back() {
    let place = Place::new();
    let (lean, store) = (engine(Profile::Lean), place.store());
    assert!(matches!(store.get(&key(1)), Found::Missing));
    let artifact = store.put(&key(1), FACTS, &CODE).expect("an entry");
    assert_eq!(answer(&artifact, &lean), 42);
    // In this process, and in the next one.
    for store in [store, place.store()] {
        let (artifact, facts) = hit(&store, &key(1));
        assert_eq!(facts, FACTS);
        // As often as is wanted, into each engine of the same tunables.
        assert_eq!(answer(&artifact, &lean), 42);
        assert_eq!(answer(&artifact.clone(), &lean), 42);
        assert_eq!(answer(&artifact, &engine(Profile::Lean)), 42);
        assert!(artifact.load(&engine(Profile::Strict)).is_err());
    }
    let [name] = &place.names()[..] else {
        panic!("one file: {:?}", place.names())
    };
    let metadata = fs::metadata(place.folder().join(name)).expect("a file");
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o400);
    // What is loaded outlives its file.
    place.store().folder().clear().expect("cleared");
    assert_eq!(answer(&artifact, &lean), 42);
}

#[test]
fn what_is_in_memory_loads_too() {
    let artifact = Artifact::compiled(CODE.clone());
    assert_eq!(answer(&artifact, &engine(Profile::Lean)), 42);
    assert_eq!(answer(&artifact, &engine(Profile::Lean)), 42);
    assert!(artifact.load(&engine(Profile::Strict)).is_err());
}

#[test]
fn nothing_is_found_for_another_key() {
    let (place, _) = Place::with_entry();
    let mut others = [key(1); 3];
    others[0].digest[31] ^= 1;
    others[1].fingerprint[0] ^= 1;
    others[2].profile = Profile::Strict;
    for other in others {
        assert!(matches!(place.store().get(&other), Found::Missing));
    }
    hit(&place.store(), &key(1));
}

#[test]
fn an_entry_is_put_again_as_often_as_one_likes() {
    let (place, _) = Place::with_entry();
    place
        .store()
        .put(&key(1), b"other", &CODE)
        .expect("an entry");
    assert_eq!(hit(&place.store(), &key(1)).1, b"other");
    assert_eq!(place.names().len(), 1);
}

/// One of each class, with code that would run.
#[test]
fn a_flipped_byte_of_any_part_is_noticed() {
    let (place, file) = Place::with_entry();
    let whole = fs::read(&file).expect("an entry");
    let (code, facts) = (CODE.len(), CODE.len() + FACTS.len());
    assert_eq!(whole.len(), facts + TRAILER_BYTES);
    let parts = [
        (0, "its tag is wrong"),
        (0x30, "its tag is wrong"),
        (code / 2, "its tag is wrong"),
        (code - 1, "its tag is wrong"),
        (code, "its tag is wrong"),
        (facts - 1, "its tag is wrong"),
        (facts, "it does not end as an entry does"),
        (facts + 8, "it is of format 3"),
        // The profile, the digest, the fingerprint.
        (facts + 12, "it does not end as an entry does"),
        (facts + 16, "it is the entry of something else"),
        (facts + 48, "it is the entry of something else"),
        // The lengths of the code and of the facts.
        (facts + 80, "its length is not what it says"),
        (facts + 88, "its length is not what it says"),
        (facts + 96, "its tag is wrong"),
        (whole.len() - 1, "its tag is wrong"),
    ];
    for (at, reason) in parts {
        let mut flipped = whole.clone();
        flipped[at] ^= 2;
        replace(&file, &flipped);
        is_set_aside(&place, reason);
    }
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let place = Place::new();
    let (store, file) = (place.store(), place.file(&key(1)));
    store.put(&key(1), b"facts", b"no code").expect("an entry");
    let whole = fs::read(&file).expect("an entry");
    let flips = (0..whole.len() * 8).map(|bit| {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    let cuts = (0..whole.len()).flat_map(|at| [whole[..at].to_vec(), whole[at..][1..].to_vec()]);
    let longer = [[&whole[..], b"\0"].concat(), [&whole[..], &whole].concat()];
    // The code grows by what the facts lose: all bytes are the same.
    let mut moved = whole.clone();
    let lengths = whole.len() - 48;
    moved[lengths] += 1;
    moved[lengths + 8] -= 1;
    for bytes in flips.chain(cuts).chain(longer).chain([moved]) {
        replace(&file, &bytes);
        bad(&place.store(), &key(1));
    }
    replace(&file, &whole);
    hit(&place.store(), &key(1));
}

/// A large one is checked by two threads; each of them notices.
#[test]
fn a_flipped_byte_of_a_large_entry_is_noticed() {
    let place = Place::new();
    let file = place.file(&key(1));
    let mut code = vec![7; 3 << 20];
    code[..BLOCK_BYTES].fill(1);
    place.store().put(&key(1), FACTS, &code).expect("an entry");
    hit(&place.store(), &key(1));
    let whole = fs::read(&file).expect("an entry");
    for at in [0, 1 << 20, code.len() - 1, code.len() + 3] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        replace(&file, &flipped);
        assert_eq!(bad(&place.store(), &key(1)), "its tag is wrong");
    }
    // Two blocks that change places.
    let mut swapped = whole;
    let (front, back) = swapped.split_at_mut(BLOCK_BYTES);
    front.swap_with_slice(&mut back[..BLOCK_BYTES]);
    replace(&file, &swapped);
    assert_eq!(bad(&place.store(), &key(1)), "its tag is wrong");
}

#[test]
fn an_entry_under_anothers_name_is_not_taken() {
    let (place, file) = Place::with_entry();
    place
        .store()
        .put(&key(2), FACTS, b"other")
        .expect("an entry");
    fs::rename(place.file(&key(2)), &file).expect("renamed");
    is_set_aside(&place, "it is the entry of something else");
}

/// With the right name and a header to match, as its maker could have it.
#[test]
fn an_entry_of_another_key_is_not_taken() {
    let (place, file) = Place::with_entry();
    let (other, others_file) = Place::with_entry();
    assert_eq!(file.file_name(), others_file.file_name());
    fs::rename(others_file, &file).expect("renamed");
    is_set_aside(&place, "its tag is wrong");
    drop(other);
}

#[test]
fn an_entry_of_another_version_is_not_taken() {
    let (place, file) = Place::with_entry();
    let mut bytes = fs::read(&file).expect("an entry");
    let format = bytes.len() - TRAILER_BYTES + 8;
    bytes[format] = 2;
    replace(&file, &bytes);
    is_set_aside(&place, "it is of format 2");
}

#[test]
fn a_link_is_not_followed() {
    let (place, file) = Place::with_entry();
    let outside = place.root.path().join("outside");
    fs::rename(&file, &outside).expect("renamed");
    std::os::unix::fs::symlink(&outside, &file).expect("a link");
    is_set_aside(&place, "it is not a file");
    assert!(outside.is_file(), "what it leads to stays");

    fs::remove_file(&file).expect("removed");
    std::os::unix::fs::symlink("nowhere", &file).expect("a link");
    is_set_aside(&place, "it is not a file");
}

#[test]
fn an_entry_with_two_names_is_not_taken() {
    let (place, file) = Place::with_entry();
    let outside = place.root.path().join("outside");
    fs::hard_link(&file, &outside).expect("a link");
    is_set_aside(&place, "it has 2 names");
    assert!(outside.is_file(), "the other name stays");
}

#[test]
fn an_entry_that_is_not_closed_is_not_taken() {
    for wrong in [0o600, 0o440, 0o404, 0o500, 0o4400] {
        let (place, file) = Place::with_entry();
        mode(&file, wrong);
        is_set_aside(&place, &format!("its mode is `{wrong:04o}`"));
    }
}

#[test]
fn an_entry_of_somebody_else_is_not_taken() {
    if !is_root("an entry of somebody else") {
        return;
    }
    let (place, file) = Place::with_entry();
    std::os::unix::fs::chown(&file, Some(NOBODY), None).expect("another owner");
    is_set_aside(&place, "it belongs to user 65534");
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let (place, file) = Place::with_entry();
    fs::remove_file(&file).expect("removed");
    let made = std::process::Command::new("mkfifo").arg(&file).status();
    assert!(made.expect("mkfifo").success());
    is_set_aside(&place, "it is not a file");

    fs::remove_file(&file).expect("removed");
    let socket = std::os::unix::net::UnixListener::bind(&file);
    // The longest name of a socket is shorter than some folders'.
    if socket.is_ok() {
        is_set_aside(&place, "it is not a file");
    }
    let _ = fs::remove_file(&file);
    fs::create_dir(&file).expect("a folder");
    assert_eq!(bad(&place.store(), &key(1)), "it is not a file");
}

/// Remembering what is checked does not outlast a change.
#[test]
fn a_file_that_changes_is_checked_again() {
    let (place, file) = Place::with_entry();
    let store = place.store();
    hit(&store, &key(1));
    let mut bytes = fs::read(&file).expect("an entry");
    bytes[9] ^= 1;
    mode(&file, 0o600);
    fs::write(&file, &bytes).expect("written");
    let written = fs::File::options().write(true).open(&file);
    let written = written.expect("a file");
    written.set_modified(at(0)).expect("a time");
    mode(&file, 0o400);
    assert_eq!(bad(&store, &key(1)), "its tag is wrong");
}

#[test]
fn what_is_set_aside_is_bounded() {
    let place = Place::new();
    let store = place.store();
    for component in 0..20 {
        replace(&place.file(&key(component)), b"nonsense");
        assert_eq!(bad(&store, &key(component)), "it has 8 bytes");
    }
    let names = place.names();
    assert!(names.iter().all(|name| name.ends_with(".bad")), "{names:?}");
    assert_eq!(names.len(), 8);
}

#[test]
fn too_much_is_not_kept() {
    let place = Place {
        max_bytes: 1000,
        ..Place::new()
    };
    let store = place.store();
    let error = store.put(&key(1), FACTS, &[0; 1000]).unwrap_err();
    let bytes = 1000 + FACTS.len() + TRAILER_BYTES;
    assert_eq!(
        error.to_string(),
        format!("an artifact of {bytes} bytes is not kept: at most 1000 are")
    );
    let place = Place::new();
    let facts = vec![0; (4 << 20) + 1];
    let error = place.store().put(&key(1), &facts, b"code").unwrap_err();
    assert_eq!(
        error.to_string(),
        "an artifact of 4194305 bytes is not kept: at most 4194304 are"
    );
    assert!(place.names().is_empty());
    // No part of it has to be there.
    place.store().put(&key(1), b"", b"").expect("an entry");
    assert_eq!(hit(&place.store(), &key(1)).1, b"");
}

/// Its own form, so that it gets past all that comes before the tag.
fn entry_of(code: &[u8], facts: &[u8], tag: [u8; 32]) -> Vec<u8> {
    let header = Header {
        key: key(1),
        code_bytes: code.len().try_into().expect("a length"),
        facts_bytes: facts.len().try_into().expect("a length"),
    };
    [code, facts, &header.encode(), &tag].concat()
}

/// One store for a thousand tries: to open it each time would be most of them.
fn never_loads(bytes: &[u8]) {
    static PLACE: LazyLock<(Place, ArtifactStore)> = LazyLock::new(|| {
        let place = Place::new();
        let store = place.store();
        (place, store)
    });
    let (place, store) = &*PLACE;
    replace(&place.file(&key(1)), bytes);
    let found = store.get(&key(1));
    assert!(matches!(found, Found::Bad { .. }), "{found:?}");
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_entry(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        code in prop::collection::vec(any::<u8>(), 0..100),
        tag in any::<[u8; 32]>(),
    ) {
        never_loads(&bytes);
        never_loads(&entry_of(&code, &bytes, tag));
        never_loads(&[&CODE[..], &entry_of(&code, &bytes, tag)].concat());
    }

    #[test]
    fn a_header_that_is_read_is_what_was_written(
        digest in any::<[u8; 32]>(),
        fingerprint in any::<[u8; 32]>(),
        code_bytes in 0..1_u64 << 62,
        facts_bytes in 0..4_u64 << 20,
    ) {
        let key = EntryKey { digest, fingerprint, profile: Profile::Strict };
        let header = Header { key, code_bytes, facts_bytes };
        let mut trailer = header.encode();
        trailer.extend([9; 32]);
        let trailer: &[u8; TRAILER_BYTES] = trailer[..].try_into().expect("its length");
        let (read, tag) = Header::decode(trailer, header.file_bytes()).expect("a header");
        prop_assert_eq!(read, header);
        prop_assert_eq!(*tag.as_bytes(), [9; 32]);
    }
}

/// Where code is read, what was read is checked each time, also where the file looks
/// as it did: on some file systems it may say another thing.
#[test]
fn code_that_is_read_is_checked_as_it_was_read() {
    let (place, file) = Place::with_entry();
    let store = ArtifactStore::open(StoreConfig {
        access: CodeAccess::Read,
        ..place.config()
    });
    let (store, lean) = (store.expect("a store"), engine(Profile::Lean));
    for _ in 0..2 {
        let (artifact, facts) = hit(&store, &key(1));
        assert_eq!((answer(&artifact, &lean), facts), (42, FACTS.to_vec()));
    }
    let put = store.put(&key(2), FACTS, &CODE).expect("an entry");
    assert_eq!(answer(&put, &lean), 42);

    let before = fs::metadata(&file).expect("a file");
    let mut bytes = fs::read(&file).expect("its bytes");
    bytes[CODE.len() / 2] ^= 1;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let opened = fs::OpenOptions::new().write(true).open(&file);
    let mut opened = opened.expect("a file");
    std::io::Write::write_all(&mut opened, &bytes).expect("written");
    opened
        .set_modified(before.modified().expect("a time"))
        .expect("its time as before");
    fs::set_permissions(&file, before.permissions()).expect("it is ours");
    assert!(matches!(store.get(&key(1)), Found::Bad { .. }));
}
