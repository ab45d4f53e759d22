//! O24: machine code, as a file and planted in the store. It is what this very
//! engine made, so nothing but its origin tells it from our own; it must never
//! run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::cli::shell::Shell;
use crate::support::forge;

/// Header and tag behind the code of an entry.
const TRAILER_BYTES: usize = 8 + 4 + 4 + 32 + 32 + 8 + 8 + 32;

/// A component that answers with a number.
fn answers(number: u32) -> Vec<u8> {
    forge::run("u32", "i32", &format!("i32.const {number}"))
}

/// A home with two components that have been called, and what the store keeps
/// of each.
struct Home {
    shell: Shell,
    entries: [PathBuf; 2],
}

impl Home {
    fn new() -> Self {
        let shell = Shell::new()
            .file("one.wasm", answers(1))
            .file("two.wasm", answers(2));
        assert_answers(&shell, "one.wasm", "1");
        let one = stored(&shell);
        assert_answers(&shell, "two.wasm", "2");
        let mut two = stored(&shell);
        two.retain(|entry| !one.contains(entry));
        let entries = [one, two].map(|mut entries| entries.pop().expect("an entry"));
        Self { shell, entries }
    }

    /// The entries' bytes.
    fn read(&self) -> [Vec<u8>; 2] {
        let read = |entry| fs::read(entry).expect("an entry");
        [read(&self.entries[0]), read(&self.entries[1])]
    }

    /// Puts other bytes in the place of the first entry, as whoever planted
    /// them would: with the mode of an entry, and by a new name.
    fn plant(&self, bytes: &[u8]) {
        let [entry, _] = &self.entries;
        let beside = self.shell.path().join("planted");
        fs::write(&beside, bytes).expect("a file");
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o400)).expect("a mode");
        fs::rename(&beside, entry).expect("another name");
    }
}

/// The entries of the store.
fn stored(shell: &Shell) -> Vec<PathBuf> {
    let folder = shell.path().join(".cache/patinox/artifacts");
    let files = fs::read_dir(folder).expect("a store").flatten();
    let mut entries: Vec<_> = files.map(|file| file.path()).collect();
    entries.retain(|path| path.extension().is_some_and(|end| end == "artifact"));
    entries
}

#[track_caller]
fn assert_answers(shell: &Shell, component: &str, answer: &str) {
    let ended = shell.run(&["call", component]);
    let said = (ended.code, ended.stdout.trim());
    assert_eq!(said, (Some(0), answer), "{ended:?}");
    ended.assert_no_crash(shell);
}

/// The code of an entry, which is all that a `.cwasm` is.
fn code(entry: &[u8]) -> &[u8] {
    let trailer = &entry[entry.len() - TRAILER_BYTES..];
    let len: [u8; 8] = trailer[80..88].try_into().expect("eight bytes");
    let len = usize::try_from(u64::from_le_bytes(len)).expect("a length");
    let code = &entry[..len];
    assert!(code.starts_with(b"\x7fELF"), "no machine code");
    code
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

#[test]
fn machine_code_as_a_file_is_refused() {
    let Home { shell, entries } = Home::new();
    let entry = fs::read(&entries[0]).expect("an entry");
    let genuine = code(&entry).to_vec();
    let tampered = flipped(&genuine, genuine.len() / 2);
    for (bytes, what) in [
        (genuine, "genuine"),
        (tampered, "tampered"),
        (entry, "an entry"),
    ] {
        let shell = Shell::new().file("stolen.cwasm", bytes);
        for verb in ["call", "inspect"] {
            let ended = shell.run(&[verb, "stolen.cwasm", "-o", "json"]);
            assert_eq!(ended.code, Some(5), "{what}: {ended:?}");
            let error = &ended.document()["error"];
            assert_eq!(error["code"], "component/malformed", "{what}");
            let message = "not a component but precompiled machine code";
            assert_eq!(error["message"], message, "{what}");
            ended.assert_no_crash(&shell);
        }
    }
    assert_answers(&shell, "one.wasm", "1");
}

/// Each time the component is compiled anew, and what is then kept is whole.
#[test]
fn machine_code_in_the_store_never_runs() {
    let home = Home::new();
    let [one, two] = home.read();
    let (code_of_one, code_of_two) = (code(&one), code(&two));
    let trailer = &one[one.len() - TRAILER_BYTES..];
    let spliced = [code_of_two, &one[code_of_one.len()..]].concat();
    let planted = [
        ("another's entry", two.clone()),
        ("another's code", code_of_two.to_vec()),
        ("another's code in the entry", spliced),
        ("its code without a tag", code_of_one.to_vec()),
        ("its code, flipped", flipped(&one, code_of_one.len() / 2)),
        ("its facts, flipped", flipped(&one, code_of_one.len() + 3)),
        ("its tag, flipped", flipped(&one, one.len() - 1)),
        ("its entry, cut", one[..one.len() - 1].to_vec()),
        ("its trailer alone", trailer.to_vec()),
        ("nothing", Vec::new()),
    ];
    for (what, bytes) in planted {
        home.plant(&bytes);
        assert_answers(&home.shell, "one.wasm", "1");
        let [kept, _] = home.read();
        assert_ne!(kept, bytes, "{what}: it was not replaced");
        let whole = (kept.len(), code(&kept).len());
        assert_eq!(whole, (one.len(), code_of_one.len()), "{what}");
    }
    assert_answers(&home.shell, "two.wasm", "2");
}
