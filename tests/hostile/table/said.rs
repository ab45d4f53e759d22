//! What an attack is told, and what is left of it in a log.

use patinox::{Called, PatinoxError, Report};
use patinox_policy::{MAX_MESSAGE_BYTES, is_unsafe_char};

/// What a caller sees of an error is ours, short, and on one line.
#[track_caller]
pub(super) fn assert_ours(name: &str, error: &PatinoxError) {
    const FOREIGN: [&str; 6] = [
        "wasmtime",
        ".rs:",
        "panicked",
        "backtrace",
        "wasm-function",
        env!("CARGO_MANIFEST_DIR"),
    ];
    let Report { message, hint, .. } = Report::of(error);
    for text in [Some(message), hint].into_iter().flatten() {
        assert!(text.len() <= MAX_MESSAGE_BYTES, "{name}: {text}");
        assert!(!text.contains(is_unsafe_char), "{name}: {text:?}");
        let foreign = FOREIGN.iter().find(|sign| text.contains(**sign));
        assert_eq!(foreign, None, "{name}: {text}");
        let mut words = text.split([' ', '`', '"', '\'', '(']);
        let path = words.find(|word| 1 < word.len() && word.starts_with('/'));
        assert_eq!(path, None, "{name}: {text}");
    }
}

/// Each line of a log is a record of ours, whatever a guest logs.
#[track_caller]
pub(super) fn assert_lines(name: &str, called: &Called) {
    const LEVELS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "critical"];
    let log = called.output.log.trim_end_matches(patinox_policy::CUT_MARK);
    for line in log.lines() {
        assert!(!line.contains(is_unsafe_char), "{name}: {line:?}");
        let level = line.split(' ').next().unwrap_or_default();
        assert!(
            LEVELS.iter().any(|known| known.starts_with(level)),
            "{name}: {line}"
        );
        assert!(!line.starts_with("error forged"), "{name}: {line}");
    }
}
