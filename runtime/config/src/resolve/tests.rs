use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use patinox_policy::{Failure as _, Limits, MAX_MESSAGE_BYTES, Report};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{Format, parse};

const WALL: Key = Key::Limit(LimitName::Wall);

pub(super) fn environment(pairs: &[(&str, &str)]) -> Inputs {
    Inputs {
        environment: pairs.iter().copied().collect(),
        ..Inputs::default()
    }
}

pub(super) fn limit_flag(name: &str, value: &str) -> Inputs {
    Inputs {
        limits: vec![(name.to_owned(), value.to_owned())],
        ..Inputs::default()
    }
}

pub(super) fn flag(key: Key, name: &'static str, value: &str) -> Flag {
    let value = value.to_owned();
    Flag { key, name, value }
}

/// A home folder whose configuration file has this content.
fn home(content: &str) -> TempDir {
    let home = TempDir::new().unwrap();
    let folder = home.path().join(".config/patinox");
    fs::create_dir_all(&folder).unwrap();
    write(&folder.join("config.toml"), content);
    home
}

fn write(path: &Path, content: &str) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

fn text(error: &Error) -> String {
    let report = Report::of(error);
    let hint = report.hint.unwrap_or_default();
    format!("{}: {}\nhint: {hint}", report.code, report.message)
}

pub(super) fn refusal(inputs: &Inputs) -> String {
    text(&resolve(inputs).unwrap_err())
}

/// What a file of this content is refused for.
pub(super) fn file(content: &str) -> String {
    let read = parse::contents(content, (Path::new("c.toml"), Path::new("/here")));
    let settings = read.and_then(|c| {
        c.layer
            .into_iter()
            .try_fold(Settings::default(), Settings::with)
    });
    text(&settings.unwrap_err())
}

#[test]
fn without_any_input_the_defaults_count() {
    let settings = resolve(&Inputs::default()).unwrap();
    assert_eq!(settings.limits(), Limits::default());
    assert_eq!(settings.log_level(), "error");
    assert_eq!(settings.log_format(), Format::Text);
    assert_eq!(settings.output_format(), Format::Text);
    for key in Key::all() {
        assert_eq!(settings.origin(key), &Origin::Default);
        assert_eq!(settings.value(key), key.example());
    }
}

/// A key that is read and never applied would show here.
#[test]
fn every_key_can_be_set_in_every_layer() {
    for key in Key::all() {
        let value = match key {
            Key::Limit(name) => name.quantity(name.range().1).to_string(),
            Key::LogLevel => "trace".to_owned(),
            Key::LogFormat | Key::OutputFormat => "json".to_owned(),
        };
        let (section, name) = (key.section(), key.name());
        let home = home(&format!("[{section}]\n{name} = \"{value}\""));
        let by_file = environment(&[("HOME", home.path().to_str().unwrap())]);
        let by_variable = environment(&[(&key.variable(), &value)]);
        let by_flag = Inputs {
            flags: vec![flag(key, "--flag", &value)],
            ..Inputs::default()
        };
        for inputs in [by_file, by_variable, by_flag] {
            let settings = resolve(&inputs).unwrap();
            assert_eq!(settings.value(key), value, "{key}");
            assert_ne!(settings.origin(key), &Origin::Default, "{key}");
        }
    }
}

#[test]
fn a_later_layer_wins_and_every_value_knows_its_origin() {
    let home = home("[limits]\nwall = '1s'\nfuel = 7\n[log]\nlevel = 'info'\n");
    let mut inputs = environment(&[
        ("HOME", home.path().to_str().unwrap()),
        ("PATINOX_LIMITS__WALL", "2s"),
        ("PATINOX_LIMITS__MEMORY", "1MiB"),
    ]);
    inputs.limits = vec![
        ("memory".to_owned(), "2MiB".to_owned()),
        ("memory".to_owned(), "3MiB".to_owned()),
    ];
    inputs.flags = vec![flag(Key::OutputFormat, "-o", "json")];
    let settings = resolve(&inputs).unwrap();
    let shown: Vec<_> = Key::all()
        .filter(|key| settings.origin(*key) != &Origin::Default)
        .map(|key| {
            format!(
                "{key} = {} from {}",
                settings.value(key),
                settings.origin(key)
            )
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @"
    limits.fuel = 7 from `~/.config/patinox/config.toml:3:8`
    limits.wall = 2s from `PATINOX_LIMITS__WALL`
    limits.memory = 3MiB from `--limit`
    log.level = info from `~/.config/patinox/config.toml:5:9`
    output.format = json from `-o`
    ");
}

#[test]
fn of_all_that_set_the_log_level_the_flag_wins_then_rust_log() {
    let both = [("RUST_LOG", "info"), ("PATINOX_LOG__LEVEL", "error")];
    let mut inputs = environment(&both);
    assert_eq!(resolve(&inputs).unwrap().log_level(), "info");
    inputs.flags = vec![flag(Key::LogLevel, "-v", "debug")];
    assert_eq!(resolve(&inputs).unwrap().log_level(), "debug");
    // It is set for other programs too, so it may be whatever they take.
    let others = environment(&[("RUST_LOG", "hyper,tower[span{a=1}]=5")]);
    assert_eq!(
        resolve(&others).unwrap().log_level(),
        "hyper,tower[span{a=1}]=5"
    );
    let empty = environment(&[("RUST_LOG", ""), ("PATINOX_LOG__LEVEL", "error")]);
    assert_eq!(resolve(&empty).unwrap().log_level(), "error");
}

#[test]
fn a_named_file_replaces_the_users_own() {
    let home = home("[limits]\nwall = '1s'\nmemory = '1MiB'\n");
    let named = home.path().join("named.toml");
    write(&named, "limits.wall = '3s'");
    let other = home.path().join("other.toml");
    write(&other, "limits = { wall = '4s' }");
    let mut inputs = environment(&[
        ("HOME", home.path().to_str().unwrap()),
        ("PATINOX_CONFIG", named.to_str().unwrap()),
    ]);
    let limits = resolve(&inputs).unwrap().limits();
    assert_eq!(limits.wall_ms, 3_000);
    assert_eq!(limits.memory_bytes, Limits::default().memory_bytes);
    inputs.config_file = Some(other);
    assert_eq!(resolve(&inputs).unwrap().limits().wall_ms, 4_000);
}

#[test]
fn a_value_that_is_replaced_is_checked_all_the_same() {
    let mut inputs = limit_flag("wall", "1s");
    inputs.environment = [("PATINOX_LIMITS__WALL", "soon")].into_iter().collect();
    assert!(resolve(&inputs).is_err());
}

#[test]
fn the_first_mistake_of_a_file_is_told() {
    assert!(file("[output]\nformat = 1\n[limits]\nwall = 1").contains("c.toml:2:10"));
    assert!(file("zzz = 1\naaa = 1").contains("`zzz`"));
}

#[test]
fn fuel_may_be_an_integer_of_any_radix() {
    let home = home("limits.fuel = 0x10\nlimits.wall = '1_000ms'");
    let inputs = environment(&[("HOME", home.path().to_str().unwrap())]);
    let settings = resolve(&inputs).unwrap();
    assert_eq!(
        (settings.limits().fuel, settings.value(WALL)),
        (16, "1s".to_owned())
    );
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_read() {
    let home = home("\u{feff}[limits]\r\nwall = '3s'\r\n");
    let inputs = environment(&[("HOME", home.path().to_str().unwrap())]);
    assert_eq!(resolve(&inputs).unwrap().limits().wall_ms, 3_000);
}

/// Text that comes near to a configuration file.
fn nearly_toml() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("[limits]\n".to_owned()),
        Just("[log]\n".to_owned()),
        Just("[[load]]\n".to_owned()),
        Just("wall = ".to_owned()),
        Just("limits.fuel = ".to_owned()),
        Just("level = ".to_owned()),
        Just("'2s'\n".to_owned()),
        Just("99999999999999999999\n".to_owned()),
        Just("{ a = 1 }\n".to_owned()),
        Just("\u{feff}".to_owned()),
        "\\PC{0,12}",
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn holds(result: Result<Settings, Error>) -> Result<(), TestCaseError> {
    let Err(error) = result else {
        return Ok(());
    };
    let report = Report::of(&error);
    prop_assert!(error.to_string().len() <= MAX_MESSAGE_BYTES);
    prop_assert!(report.message.len() <= MAX_MESSAGE_BYTES);
    prop_assert!(!report.message.contains(patinox_policy::is_unsafe_char));
    let hint = error.hint().unwrap_or_default();
    prop_assert!(!hint.is_empty() && hint.len() <= MAX_MESSAGE_BYTES);
    prop_assert!(!hint.contains(patinox_policy::is_unsafe_char));
    let _ = (error.fault(), error.recovery());
    Ok(())
}

proptest! {
    #[test]
    fn no_file_panics_or_fills_a_terminal(text in nearly_toml(), path: String) {
        let read = parse::contents(&text, (Path::new(&path.repeat(100)), Path::new("/here")));
        holds(read.and_then(|c| c.layer.into_iter().try_fold(Settings::default(), Settings::with)))?;
    }

    #[test]
    fn no_bytes_of_a_file_panic(bytes: Vec<u8>) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("c.toml");
        write(&path, "");
        fs::write(&path, &bytes).unwrap();
        let inputs = Inputs { config_file: Some(path), ..Inputs::default() };
        holds(resolve(&inputs))?;
    }

    #[test]
    fn no_variable_panics(name in "[A-Z_]{0,20}|\\PC{0,200}", value: String, which in 0..13_usize) {
        let known = Key::all().nth(which).map(Key::variable).unwrap_or_default();
        for name in [format!("PATINOX_{name}"), known, "RUST_LOG".to_owned(), "PATINOX_CONFIG".to_owned()] {
            holds(resolve(&environment(&[(&name, &value)])))?;
        }
    }

    #[test]
    fn no_flag_panics(name: String, value: String) {
        holds(resolve(&limit_flag(&name, &value)))?;
        holds(resolve(&limit_flag("wall", &value)))?;
        let flags = vec![flag(Key::OutputFormat, "-o", &value), flag(Key::LogLevel, "-v", &value)];
        holds(resolve(&Inputs { flags, ..Inputs::default() }))?;
    }
}

#[test]
fn the_folders_are_those_of_the_environment() {
    let folders = |pairs: &[(&str, &str)]| {
        let settings = resolve(&environment(pairs)).unwrap();
        let folders = [settings.cache_folder(), settings.state_folder()];
        folders.map(|folder| folder.map(|folder| settings.short_path(&folder)))
    };
    let are = |paths: [&str; 2]| paths.map(|path| Some(path.into()));
    let home = ("HOME", "/home/ada");
    assert_eq!(folders(&[]), [None, None]);
    assert_eq!(
        folders(&[home]),
        are(["~/.cache/patinox", "~/.local/state/patinox"])
    );
    assert_eq!(
        folders(&[home, ("XDG_CACHE_HOME", "/c"), ("XDG_STATE_HOME", "s")]),
        are(["/c/patinox", "~/.local/state/patinox"])
    );
}

/// What a program sets itself counts as the default: whoever says something wins.
#[test]
fn the_defaults_of_a_program_come_first() {
    let mut inputs = Inputs {
        defaults: vec![(WALL, "5s".to_owned()), (Key::LogLevel, "warn".to_owned())],
        ..Inputs::default()
    };
    let settings = resolve(&inputs).unwrap();
    assert_eq!(settings.limits().wall_ms, 5_000);
    assert_eq!(settings.log_level(), "warn");
    assert_eq!(settings.origin(WALL), &Origin::Default);
    inputs.environment = [("PATINOX_LIMITS__WALL", "2s")].into_iter().collect();
    assert_eq!(resolve(&inputs).unwrap().limits().wall_ms, 2_000);
    inputs.defaults = vec![(WALL, "soon".to_owned())];
    let error = resolve(&inputs).unwrap_err().to_string();
    assert_eq!(error, "`limits.wall` must start with a number, not `soon`");
}
