//! The components that tests call.

use std::path::Path;

/// The tool `text`, as the program carries it.
pub(crate) fn prebuilt_text() -> Vec<u8> {
    read(patinox_artifacts::prebuilt::text())
}

/// One attack a function, as the program carries it.
pub(crate) fn prebuilt_hostile() -> Vec<u8> {
    read(patinox_artifacts::prebuilt::hostile())
}

/// The tool `notes`, as the program carries it.
pub(crate) fn prebuilt_notes() -> Vec<u8> {
    read(patinox_artifacts::prebuilt::notes())
}

/// A guest built from `components`; `None` where no guest toolchain is. Then
/// the test says what it left out, and under CI it fails.
pub(crate) fn built(package: &str) -> Option<Vec<u8>> {
    if let Some(path) = patinox_artifacts::component(package) {
        return Some(read(path));
    }
    left_out(&format!("what needs the guest `{package}`"));
    None
}

/// Says what a test leaves out on this machine. CI has all it needs.
pub(crate) fn left_out(what: &str) {
    #[expect(
        clippy::disallowed_methods,
        reason = "nobody but the environment says whether this is CI"
    )]
    let ci = std::env::var("CI").unwrap_or_default();
    assert_ne!(ci, "true", "left out under CI: {what}");
    eprintln!("left out: {what}");
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("a component that the build made")
}
