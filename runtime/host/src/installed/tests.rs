//! A folder of components, as a person and as a stranger would have it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use patinox_policy::Fault;
use tempfile::TempDir;

use super::*;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn installed(folder: &TempDir) -> Installed {
    Installed::in_folder(folder.path().join("catalog"))
}

fn locked(full_name: &str, bytes: &[u8]) -> Locked {
    let (name, version) = full_name.split_once('@').unwrap();
    Locked {
        name: name.to_owned(),
        version: Version::parse(version).unwrap(),
        digest: digest(bytes),
        size_bytes: u64::try_from(bytes.len()).unwrap(),
        source: format!("{name}.wasm"),
        imports: Vec::new(),
        tools_digest: None,
    }
}

fn name(text: &str) -> InstalledName {
    text.parse().unwrap()
}

fn names(installed: &Installed) -> Vec<String> {
    let lock = installed.lock().unwrap();
    lock.as_slice().iter().map(Locked::full_name).collect()
}

fn files(folder: &TempDir) -> Vec<String> {
    let files = fs::read_dir(folder.path().join("catalog"))
        .unwrap()
        .flatten();
    let names = files.map(|file| file.file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort_unstable();
    names
}

#[test]
fn versions_lie_side_by_side_and_go_one_by_one() {
    let folder = folder();
    let all = installed(&folder);
    assert_eq!(names(&all), Vec::<String>::new());
    assert!(!folder.path().join("catalog").exists());
    assert!(all.add(b"one", locked("text@1.0.0", b"one")).unwrap());
    assert!(all.add(b"two", locked("text@1.1.0", b"two")).unwrap());
    assert!(!all.add(b"two", locked("text@1.1.0", b"two")).unwrap());
    // The same bytes under another name are the same file.
    assert!(all.add(b"two", locked("other@0.1.0", b"two")).unwrap());
    assert_eq!(names(&all), ["other@0.1.0", "text@1.1.0", "text@1.0.0"]);
    let (_, latest) = all.request(&name("text")).unwrap();
    assert_eq!(latest.full_name(), "text@1.1.0");
    assert_eq!(fs::read(all.path(&latest)).unwrap(), b"two");
    assert_eq!(files(&folder).len(), 3);
    all.remove(&name("text@1.1.0")).unwrap();
    assert_eq!(files(&folder).len(), 3);
    all.remove(&name("other")).unwrap();
    all.remove(&name("text")).unwrap();
    assert_eq!(files(&folder), ["patinox.lock"]);
    let error = all.remove(&name("text")).unwrap_err();
    assert_eq!(
        (error.fault(), error.code()),
        (Fault::Caller, Code::NotFound)
    );
}

#[test]
fn another_under_a_version_that_is_there_is_refused_and_nothing_is_lost() {
    let folder = folder();
    let all = installed(&folder);
    all.add(b"one", locked("text@1.0.0", b"one")).unwrap();
    let before = files(&folder);
    let error = all.add(b"two", locked("text@1.0.0", b"two")).unwrap_err();
    assert!(
        error.to_string().contains("is installed already"),
        "{error}"
    );
    assert_eq!(files(&folder), before);
    // Nor are bytes that are not those of the digest.
    let error = all.add(b"two", locked("text@2.0.0", b"one")).unwrap_err();
    assert_eq!(error.code(), Code::Untrusted);
    assert_eq!(names(&all), ["text@1.0.0"]);
}

#[test]
fn bytes_that_have_changed_are_found_and_can_be_installed_anew() {
    let folder = folder();
    let all = installed(&folder);
    let entry = locked("text@1.0.0", b"one");
    all.add(b"one", entry.clone()).unwrap();
    all.verify(&entry).unwrap();
    let file = all.path(&entry);
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o400
    );
    fs::remove_file(&file).unwrap();
    fs::write(&file, b"other").unwrap();
    let error = all.verify(&entry).unwrap_err();
    assert_eq!(
        (error.fault(), error.code()),
        (Fault::Policy, Code::Untrusted)
    );
    assert!(!all.add(b"one", entry.clone()).unwrap());
    all.verify(&entry).unwrap();
    fs::remove_file(&file).unwrap();
    symlink("/etc/passwd", &file).unwrap();
    assert!(all.verify(&entry).is_err());
}

#[test]
fn what_was_left_half_done_is_in_nobodys_way() {
    let folder = folder();
    let all = installed(&folder);
    all.add(b"one", locked("text@1.0.0", b"one")).unwrap();
    let catalog = folder.path().join("catalog");
    fs::write(catalog.join("patinox.lock.new"), "version = 1\n[[comp").unwrap();
    let two = locked("text@2.0.0", b"two");
    fs::write(catalog.join(format!("{}.new", file_name(&two))), "t").unwrap();
    assert_eq!(names(&all), ["text@1.0.0"]);
    all.add(b"two", two.clone()).unwrap();
    all.verify(&two).unwrap();
    assert_eq!(names(&all), ["text@2.0.0", "text@1.0.0"]);
}

#[test]
fn many_at_once_are_all_there() {
    let folder = folder();
    let all = installed(&folder);
    std::thread::scope(|scope| {
        for number in 0..12_u8 {
            let all = &all;
            scope.spawn(move || {
                let entry = locked(&format!("t{}@1.0.{number}", number % 3), &[number]);
                all.add(&[number], entry).unwrap();
            });
        }
    });
    assert_eq!(names(&all).len(), 12);
    for locked in all.lock().unwrap().as_slice() {
        all.verify(locked).unwrap();
    }
}

#[test]
fn a_folder_or_a_lock_of_somebody_else_is_none() {
    let open = folder();
    let catalog = open.path().join("catalog");
    fs::create_dir(&catalog).unwrap();
    fs::set_permissions(&catalog, fs::Permissions::from_mode(0o777)).unwrap();
    let error = installed(&open).lock().unwrap_err();
    assert_eq!(error.code(), Code::Unreadable);
    assert!(error.hint().unwrap().contains("0700"));
    let texts = [
        "version = 9\n",
        "not toml [",
        "version = 1\n[[component]]\nname = 'x'\n",
    ];
    for odd in texts {
        let folder = folder();
        let all = installed(&folder);
        all.add(b"one", locked("text@1.0.0", b"one")).unwrap();
        let lock = folder.path().join("catalog/patinox.lock");
        fs::write(&lock, odd).unwrap();
        let error = all.lock().unwrap_err();
        assert_eq!(error.code(), Code::InvalidConfig);
        assert!(error.to_string().starts_with("`patinox.lock`: "), "{error}");
        assert!(all.add(b"two", locked("text@2.0.0", b"two")).is_err());
        // What could not be read is left as it is.
        assert_eq!(fs::read_to_string(&lock).unwrap(), odd);
    }
    let linked = folder();
    let all = installed(&linked);
    all.add(b"one", locked("text@1.0.0", b"one")).unwrap();
    let lock = linked.path().join("catalog/patinox.lock");
    fs::rename(&lock, linked.path().join("moved")).unwrap();
    symlink(linked.path().join("moved"), &lock).unwrap();
    assert!(all.lock().is_err());
}
