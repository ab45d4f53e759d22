//! What the system, the user and a folder say of components, and who may say it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use patinox_policy::{Failure as _, LimitName, Limits};
use tempfile::TempDir;

use super::*;
use crate::{Asked, Inputs, Origin, resolve};

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// A machine: files of the system, of the user and of the current folder.
struct Machine {
    folder: TempDir,
    trusted: Vec<(PathBuf, String)>,
}

impl Machine {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        for name in ["etc", "home/.config/patinox", "here"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        Self {
            folder,
            trusted: Vec::new(),
        }
    }

    fn with(self, name: &str, content: &str) -> Self {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        self
    }

    fn system(self, content: &str) -> Self {
        self.with("etc/config.toml", content)
    }

    fn user(self, content: &str) -> Self {
        self.with("home/.config/patinox/config.toml", content)
    }

    fn here(self, content: &str) -> Self {
        self.with("here/patinox.toml", content)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    /// Trusts the file of the current folder as it is.
    fn trust(mut self) -> Self {
        let file = ProjectFile::of(&self.path("here"), &Settings::default())
            .unwrap()
            .unwrap();
        self.trusted.push((file.path, file.digest));
        self
    }

    fn inputs(&self, limits: &[(&str, &str)]) -> Inputs {
        let home = self.path("home");
        Inputs {
            system_file: Some(self.path("etc/config.toml")),
            project: Some(Project {
                folder: self.path("here"),
                trusted: self.trusted.clone(),
            }),
            environment: [("HOME", home.to_str().unwrap())].into_iter().collect(),
            limits: limits
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Inputs::default()
        }
    }

    fn settings(&self) -> Settings {
        resolve(&self.inputs(&[])).unwrap()
    }

    fn refused(&self, limits: &[(&str, &str)]) -> String {
        let error = resolve(&self.inputs(limits)).unwrap_err();
        let text = format!("{}: {error}", error.code());
        text.replace(self.path("").to_str().unwrap(), "MACHINE/")
    }
}

fn grants(settings: &Settings, asked: &Asked<'_>) -> Vec<String> {
    let found = settings.of_component(asked);
    found.allow.iter().map(ToString::to_string).collect()
}

#[test]
fn grants_are_of_one_version_or_of_one_file_with_its_digest() {
    let machine = Machine::new()
        .user(&format!(
            "[[components]]\nname = \"text@1.2.0\"\ndigest = \"{B}\"\nallow = [\"env=TZ\"]\n\
         [[components]]\npath = \"../text.wasm\"\ndigest = \"{A}\"\nallow = [\"env=LANG\"]\n\
         deny = [\"clock=fine\"]\nlimits = {{ wall = \"20s\", memory = \"1MiB\" }}\n"
        ))
        .with("home/.config/text.wasm", "");
    let settings = machine.settings();
    let name = "text@1.2.0".parse().unwrap();
    let installed = Asked {
        name: Some(&name),
        digest: Some(B),
        ..Asked::default()
    };
    assert_eq!(grants(&settings, &installed), ["env=TZ"]);
    let other = "text@1.2.1".parse().unwrap();
    let other = Asked {
        name: Some(&other),
        ..installed
    };
    assert_eq!(grants(&settings, &other), [""; 0]);

    let path = machine.path("home/.config/text.wasm");
    assert!(settings.speaks_of(&path));
    let file = |digest| Asked {
        path: Some(&path),
        digest: Some(digest),
        ..Asked::default()
    };
    let found = settings.of_component(&file(A));
    assert_eq!(grants(&settings, &file(A)), ["env=LANG"]);
    assert_eq!((found.limits.wall_ms, found.stale.len()), (20_000, 0));
    // Of other bytes only that counts which narrows.
    let found = settings.of_component(&file(B));
    assert!(found.allow.is_empty());
    assert_eq!(found.deny.len(), 1);
    assert_eq!(found.limits.wall_ms, Limits::default().wall_ms);
    assert_eq!(found.limits.memory_bytes, 1 << 20);
    let [stale] = found.stale.as_slice() else {
        panic!("{:?}", found.stale);
    };
    assert_eq!(stale.to_string(), "~/.config/patinox/config.toml:5:1");
}

#[test]
fn a_grant_knows_its_file_and_its_folder() {
    let machine = Machine::new()
        .here(&format!(
            "[[components]]\nname = \"text@1.0.0\"\ndigest = \"{A}\"\n\
             allow = [\n  \"fs=./data:ro\",\n]\n"
        ))
        .trust();
    let name = "text@1.0.0".parse().unwrap();
    let asked = Asked {
        name: Some(&name),
        digest: Some(A),
        ..Asked::default()
    };
    let found = machine.settings().of_component(&asked);
    let [grant] = found.allow.as_slice() else {
        panic!("{:?}", found.allow);
    };
    let folder = machine.path("here/data");
    assert_eq!(grant.folder().unwrap().0, Some(folder.as_path()));
    assert_eq!(grant.origin().to_string(), "`patinox.toml`, line 5");
    // Whoever changes what is in the folder could make a link of it.
    fs::create_dir_all(&folder).unwrap();
    let settings = machine.settings();
    assert_eq!(settings.of_component(&asked).allow.len(), 1);
    fs::remove_dir(&folder).unwrap();
    std::os::unix::fs::symlink("../home", &folder).unwrap();
    let found = settings.of_component(&asked);
    assert_eq!((found.allow.len(), found.astray.len()), (0, 1));
    fs::remove_file(&folder).unwrap();
    std::os::unix::fs::symlink(".", &folder).unwrap();
    assert_eq!(settings.of_component(&asked).allow.len(), 1);
}

#[test]
fn what_stands_nearer_wins_and_a_flag_over_all() {
    let machine = Machine::new()
        .system("[limits]\nfuel = \"1G\"\nwall = \"1s\"\nmemory = \"1MiB\"\n")
        .user(&format!("[limits]\nfuel = \"2G\"\n[[components]]\nname = \"a@1.0.0\"\ndigest = \"{A}\"\nlimits = {{ fuel = \"3G\", wall = \"3s\" }}\n"))
        .here("[limits]\nmemory = \"64KiB\"\n");
    let name = "a@1.0.0".parse().unwrap();
    let asked = Asked {
        name: Some(&name),
        digest: Some(A),
        ..Asked::default()
    };
    let of = |limits: &[(&str, &str)]| {
        let settings = resolve(&machine.inputs(limits)).unwrap();
        let found = settings.of_component(&asked).limits;
        (found.fuel, found.wall_ms, found.memory_bytes)
    };
    assert_eq!(of(&[]), (3_000_000_000, 3_000, 64 << 10));
    assert_eq!(of(&[("wall", "9s")]), (3_000_000_000, 9_000, 64 << 10));
    let settings = machine.settings();
    assert_eq!(settings.limits().fuel, 2_000_000_000);
    let memory = settings.origin(Key::Limit(LimitName::Memory));
    assert_eq!(memory.to_string(), "`patinox.toml:2:10`");
}

#[test]
fn nothing_is_above_a_ceiling() {
    let machine = Machine::new()
        .system("[ceiling]\nlimits = { fuel = \"1G\", queue = 3 }\ndeny = [\"env=HOME\"]\n")
        .user("[ceiling]\nlimits = { fuel = \"2G\", wall = \"5s\" }\ndeny = [\"fs=/etc:ro\"]\n");
    let settings = machine.settings();
    // Defaults are lowered to it.
    assert_eq!(settings.limits().fuel, 1_000_000_000);
    assert_eq!(settings.admission().queue, 3);
    let fuel = settings.origin(Key::Limit(LimitName::Fuel)).to_string();
    assert!(fuel.ends_with("etc/config.toml:2:19`"), "{fuel}");
    let found = settings.of_component(&Asked::default());
    assert_eq!((found.limits.wall_ms, found.deny.len()), (5_000, 2));
    // What wants more is told so: flags, variables, files of the user and of folders.
    assert_eq!(
        machine.refused(&[("fuel", "1.5G")]),
        "caller/invalid-limit: limit `fuel` is at most 1G, by `MACHINE/etc/config.toml:2:19`, \
         and not 1500M, by `--limit`"
    );
    let mut inputs = machine.inputs(&[]);
    let home = machine.path("home");
    inputs.environment = [
        ("HOME", home.to_str().unwrap()),
        ("PATINOX_LIMITS__WALL", "6s"),
    ]
    .into_iter()
    .collect();
    let error = resolve(&inputs).unwrap_err().to_string();
    assert!(
        error.ends_with("not 6s, by `PATINOX_LIMITS__WALL`"),
        "{error}"
    );
    let machine = machine
        .here("[[components]]\nname = \"a@1.0.0\"\nlimits = { wall = \"1m\" }\n")
        .trust();
    let error = machine.refused(&[]);
    assert!(error.ends_with("not 1m, by `patinox.toml:3:19`"), "{error}");
}

/// `--config` names another file in place of the user's own, whose ceiling stays.
#[test]
fn another_file_does_not_take_the_ceiling_away() {
    let machine = Machine::new()
        .user("[limits]\nwall = \"1s\"\n[ceiling]\nlimits = { fuel = \"1M\" }\n")
        .with("other.toml", "");
    let mut inputs = machine.inputs(&[]);
    inputs.config_file = Some(machine.path("other.toml"));
    let limits = resolve(&inputs).unwrap().limits();
    assert_eq!((limits.fuel, limits.wall_ms), (1_000_000, 10_000));
}

#[test]
fn a_file_that_nobody_trusts_only_narrows() {
    let narrow = "[limits]\nwall = \"1s\"\n[load]\nfile = \"1MiB\"\n\
                  [[components]]\nname = \"a@1.0.0\"\ndeny = [\"env=TZ\"]\nallow = []\nlimits = { fuel = \"1M\" }\n";
    let settings = Machine::new().here(narrow).settings();
    assert_eq!(settings.limits().wall_ms, 1_000);
    let name = "a@1.0.0".parse().unwrap();
    let found = settings.of_component(&Asked {
        name: Some(&name),
        ..Asked::default()
    });
    assert_eq!((found.limits.fuel, found.deny.len()), (1_000_000, 1));

    let granting = format!(
        "[[components]]\nname = \"a@1.0.0\"\ndigest = \"{A}\"\n\
         allow = [\n  \"fs=/:rw@/work\",\n  \"env=TZ\" ]"
    );
    let wide = [
        (
            "[limits]\nwall = \"11s\"",
            "`limits.wall` as `11s` at `patinox.toml:2:8`",
        ),
        (
            "[load]\nfile = \"1GiB\"",
            "`load.file` as `1GiB` at `patinox.toml:2:8`",
        ),
        (
            "[admission]\nqueue = 1000",
            "`admission.queue` as `1000` at `patinox.toml:2:9`",
        ),
        (
            "[log]\nlevel = \"off\"",
            "`log.level` as `off` at `patinox.toml:2:9`",
        ),
        (
            "[log]\nformat = \"json\"",
            "`log.format` as `json` at `patinox.toml:2:10`",
        ),
        (
            "[output]\nformat = \"json\"",
            "`output.format` as `json` at `patinox.toml:2:10`",
        ),
        (
            "[alerts]\ndefaults = false",
            "`alerts` at `patinox.toml:1:2`",
        ),
        (
            &granting,
            "the grant `fs=/:rw@/work` to `a@1.0.0`, and 1 more, at `patinox.toml:5:9`",
        ),
        (
            "[[components]]\nname = \"a@1.0.0\"\nlimits = { memory = \"4GiB\" }",
            "`limits.memory` as `4GiB` of `a@1.0.0` at `patinox.toml:3:21`",
        ),
        (
            "[[components]]\npath = \"/net/slow/a.wasm\"",
            "a path elsewhere, `a.wasm` at `patinox.toml:1:1`",
        ),
        (
            "[[components]]\npath = \"a/../../a.wasm\"",
            "a path elsewhere, `a.wasm` at `patinox.toml:1:1`",
        ),
    ];
    for (content, what) in wide {
        let machine = Machine::new().here(content);
        let expected = format!("policy/untrusted: {what} counts only where the file is trusted");
        assert_eq!(machine.refused(&[]), expected);
        // It does once somebody says so, as long as it stays what it was.
        let machine = machine.trust();
        machine.settings();
        let machine = machine.here(&format!("{content}\n"));
        let again = format!("{expected}, and it has changed since it was");
        assert_eq!(machine.refused(&[]), again);
    }
}

/// Not even what somebody had lowered.
#[test]
fn a_file_that_nobody_trusts_raises_nothing_of_one_component() {
    let entry = |memory: &str| {
        format!(
            "[[components]]\nname = \"a@1.0.0\"\ndigest = \"{A}\"\n\
             limits = {{ memory = \"{memory}\" }}\n"
        )
    };
    let name = "a@1.0.0".parse().unwrap();
    let memory = |settings: &Settings| {
        let asked = Asked {
            name: Some(&name),
            digest: Some(A),
            ..Asked::default()
        };
        settings.of_component(&asked).limits.memory_bytes
    };
    let machine = Machine::new().user(&entry("128KiB")).here(&entry("60MiB"));
    assert_eq!(memory(&machine.settings()), 128 << 10);
    let machine = Machine::new().here(&entry("60MiB"));
    let mut inputs = machine.inputs(&[]);
    let home = machine.path("home");
    inputs.environment = [
        ("HOME", home.to_str().unwrap()),
        ("PATINOX_LIMITS__MEMORY", "128KiB"),
    ]
    .into_iter()
    .collect();
    assert_eq!(memory(&resolve(&inputs).unwrap()), 128 << 10);
    // Who is trusted is somebody.
    let machine = Machine::new().user(&entry("128KiB")).here(&entry("60MiB"));
    assert_eq!(memory(&machine.trust().settings()), 60 << 20);
}

/// A mebibyte of anything is read in little time.
#[test]
fn a_large_file_takes_no_long() {
    let started = std::time::Instant::now();
    let head = format!("# {}\n", "é".repeat(200_000));
    let many = |separator: &str| format!("\"env=A\",{separator}").repeat(50_000);
    for separator in ["", "\n"] {
        let content = format!(
            "{head}[[components]]\nname = \"a@1.0.0\"\ndeny = [{}]\n",
            many(separator)
        );
        assert!(
            Machine::new()
                .here(&content)
                .refused(&[])
                .contains("at most 1000")
        );
    }
    let entry = "[[components]]\nname = \"a@1.0.0\"\nlimits = { wall = \"1s\", fuel = 1 }\n";
    let content = format!("{head}{}", entry.repeat(1_000));
    Machine::new().here(&content).settings();
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}

/// What a folder that somebody cloned brings of its own decides nothing.
#[test]
fn a_ceiling_is_no_matter_of_a_folder() {
    let machine = Machine::new().here("[ceiling]\ndeny = []\n").with(
        "here/other.toml",
        "[[components]]\nname = \"a@1.0.0\"\nallow = [\"fs=/:rw\"]\n",
    );
    let expected =
        "caller/invalid-config: `[ceiling]` at `patinox.toml:1:2` stands in no file of a folder";
    assert_eq!(machine.refused(&[]), expected);
    let file = ProjectFile::of(&machine.path("here"), &Settings::default());
    assert!(expected.ends_with(&file.unwrap_err().to_string()));
    let machine = machine.here("");
    // A folder is trusted by its own path.
    let here = machine.path("here");
    std::os::unix::fs::symlink(&here, machine.path("link")).unwrap();
    let linked = ProjectFile::of(&machine.path("link"), &Settings::default());
    assert_eq!(linked.unwrap().unwrap().path, here.join(PROJECT_FILE));
    assert!(
        ProjectFile::of(&machine.path("etc"), &Settings::default())
            .unwrap()
            .is_none()
    );
}

/// Policy files that strangers would write, and where each is wrong.
const HOSTILE: [(&str, &str); 22] = [
    ("components = 1", "1:14"),
    ("[components]\nname = \"a@1.0.0\"", "1:1"),
    ("components = [1]", "1:15"),
    ("[[components]]", "1:1"),
    ("[[components]]\nname = \"*\"", "2:8"),
    ("[[components]]\nname = \"a\"", "2:8"),
    ("[[components]]\nname = \"a@*\"", "2:8"),
    ("[[components]]\nname = \"../a@1.0.0\"", "2:8"),
    ("[[components]]\nname = \"a@1.0.0\\u001b[2J\"", "2:8"),
    ("[[components]]\nname = 1", "2:8"),
    ("[[components]]\npath = \"\"", "2:8"),
    ("[[components]]\npath = \"~/a.wasm\"", "2:8"),
    ("[[components]]\npath = \"demo:text\"", "2:8"),
    ("[[components]]\npath = \"a\\nb\"", "2:8"),
    (
        "[[components]]\npath = \"a.wasm\"\nallow = [\"env=TZ\"]",
        "1:1",
    ),
    (
        "[[components]]\npath = \"a\"\ndigest = \"sha256:1\"",
        "3:10",
    ),
    ("[[components]]\npath = \"a\"\ndigest = \"md5:aa\"", "3:10"),
    ("[[components]]\npath = \"a\"\ndigest = 1", "3:10"),
    ("state-folder = \".\"", "1:1"),
    ("[trust]\nall = true", "1:2"),
    ("[host]\ncompile-worker = \"./evil\"", "1:2"),
    ("\u{feff}\u{202e}[limits]", "1:"),
];

/// What stands in an entry of a component, in its third line and below.
const IN_AN_ENTRY: [(&str, &str); 28] = [
    ("path = \"a.wasm\"", "3:8"),
    ("grant = [\"fs=/:rw@/a\"]", "3:1"),
    ("allow = \"fs=/:rw@/a\"", "3:9"),
    ("allow = [1]", "3:10"),
    ("allow = [[\"fs=/:rw@/a\"]]", "3:10"),
    ("allow = [\"*\"]", "3:10"),
    ("allow = [\"*=*\"]", "3:10"),
    ("allow = [\"fs=*\"]", "3:10"),
    ("allow = [\"fs=~/.ssh:ro\"]", "3:10"),
    ("allow = [\"fs=../..:ro\"]", "3:10"),
    ("allow = [\"fs=/a:rwx\"]", "3:10"),
    ("allow = [\"fs=/a\\u0000:ro\"]", "3:10"),
    ("allow = [\"env=*\"]", "3:10"),
    ("allow = [\"http=* **\"]", "3:10"),
    ("allow = [\"http=https://*\"]", "3:10"),
    ("allow = [\"kv=*:rw\"]", "3:10"),
    ("allow = [\"env=TZ\",\n\"env=\"]", "4:1"),
    ("deny = [\"nothing\"]", "3:9"),
    ("deny = {}", "3:8"),
    ("limits = 1", "3:10"),
    ("limits = { wall = \"-1s\" }", "3:19"),
    ("limits = { fuel = 99999999999999999999999999 }", "3:19"),
    ("limits = { wall = \"99999h\" }", "3:19"),
    ("limits = { file = \"1GiB\" }", "3:12"),
    ("limits = { wal = \"1s\" }", "3:12"),
    ("limits = { wall = true }", "3:19"),
    ("name = \"a@1.0.0\"", "3:1"),
    ("state-folder = \"here\"", "3:1"),
];

/// Each is refused with its place, and grants nothing, trusted or not.
#[test]
fn hostile_files_are_told_by_file_key_and_line() {
    let whole = HOSTILE.map(|(content, place)| (content.to_owned(), place));
    let named = IN_AN_ENTRY.map(|(rest, place)| {
        let content = format!("[[components]]\nname = \"a@1.0.0\"\n{rest}\n");
        (content, place)
    });
    let deep = format!("deep = {}{}", "[".repeat(5_000), "]".repeat(5_000));
    let bombs = [("[[components]]\n".repeat(1_001), "1:1"), (deep, "1:")];
    for (content, place) in whole.into_iter().chain(named).chain(bombs) {
        let machine = Machine::new().here(&content);
        let file = ProjectFile::of(&machine.path("here"), &Settings::default()).unwrap_err();
        let told = machine.refused(&[]);
        let content: String = content.chars().take(200).collect();
        let place = format!("`patinox.toml:{place}");
        for told in [file.to_string(), told.clone()] {
            assert!(told.contains(&place), "{content}\n{told}");
            assert!(!told.chars().any(char::is_control), "{content}\n{told}");
        }
        assert!(
            told.starts_with("caller/invalid-config: "),
            "{content}\n{told}"
        );
    }
}

/// Whoever can write the file decides what it says.
#[test]
fn a_file_of_a_folder_is_a_file_and_ours() {
    let machine = Machine::new().here("");
    let file = machine.path("here/patinox.toml");
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    assert!(
        machine
            .refused(&[])
            .contains("must not be writable by others")
    );
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(
        machine
            .refused(&[])
            .contains("must be a file, not a folder")
    );
    fs::remove_dir(&file).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
    assert!(
        machine
            .refused(&[])
            .contains("must be a file, not a device")
    );
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("nowhere", &file).unwrap();
    assert!(machine.refused(&[]).starts_with("caller/not-found"));
    fs::remove_file(&file).unwrap();
    let settings = machine.settings();
    assert_eq!(settings.origin(Key::LogLevel), &Origin::Default);
}

#[test]
fn a_folder_that_is_none_has_no_file_that_can_be_read() {
    let machine = Machine::new().here("");
    let error = ProjectFile::of(&machine.path("here/patinox.toml"), &Settings::default());
    let error = error.unwrap_err();
    assert_eq!(error.code().as_str(), "caller/unreadable");
    assert_eq!(
        error.to_string(),
        "configuration file `patinox.toml` cannot be read"
    );
}

#[test]
fn what_is_wrong_in_it_is_told_with_what_to_do() {
    let hint = |content: &str| {
        let error = resolve(&Machine::new().here(content).inputs(&[])).unwrap_err();
        error.hint().unwrap()
    };
    assert_eq!(
        hint("[ceiling]\ndeny = [\"env=TZ\"]"),
        "write it in your own configuration file, or that of the system"
    );
    assert_eq!(
        hint("[[component]]\npath = \"a\""),
        "did you mean `[[components]]`?"
    );
}

#[test]
fn who_is_spoken_of_and_not_there_is_told() {
    let machine = Machine::new().user(
        "[[components]]\npath = \"config.toml\"\n\
         [[components]]\npath = \"gone.wasm\"\n\
         [[components]]\nname = \"text@1.0.0\"\n\
         [[components]]\nname = \"text@2.0.0\"\n",
    );
    let settings = machine.settings();
    let gone = settings.of_nobody(|name| name.to_string() == "text@1.0.0");
    let told: Vec<_> = gone
        .iter()
        .map(|(name, place)| (name.as_str(), place.line))
        .collect();
    assert_eq!(told, [("gone.wasm", 3), ("text@2.0.0", 7)]);
}
