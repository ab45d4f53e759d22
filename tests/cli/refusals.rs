//! What bad input gets: one line, a hint, the right code, and nothing else.

mod arguments;
mod component;
mod settings;
mod usage;

use super::shell::{Shell, keys};

/// Runs it for a person and for a program, who are to be told the same, and
/// gives the exit code, the code and the text.
#[track_caller]
pub(super) fn refused(shell: &Shell, arguments: &[&str]) -> String {
    let text = shell.run(arguments);
    text.assert_no_crash(shell);
    assert_eq!(text.stdout, "", "{text:?}");
    let exit = text.code.expect("an exit code");

    let json = shell.run(&[arguments, &["-o", "json"]].concat());
    json.assert_no_crash(shell);
    assert_eq!(json.code, Some(exit), "{json:?}");
    assert_eq!(json.stderr, "", "{json:?}");
    let document = json.document();
    assert_eq!(document["ok"], false, "{json:?}");
    let [first, second] = [keys(&document)[0], keys(&document)[1]];
    assert_eq!((first, second), ("ok", "error"));
    assert!(
        matches!(&keys(&document)[2..], [] | ["call", "usage"]),
        "{json:?}"
    );
    let error = &document["error"];
    assert_eq!(keys(error), ["fault", "code", "message", "hint"]);

    // An error is a line, and so begins the hint, which may have more.
    let piece = |key: &str| error[key].as_str().expect("a text").to_owned();
    let (code, fault, message, hint) = (
        piece("code"),
        piece("fault"),
        piece("message"),
        piece("hint"),
    );
    let told = format!("error: {message}\nhint: {hint}\n");
    // A limit that stops the reading has cost nothing yet, either.
    assert_eq!(text.stderr, told);
    assert!(
        !message.contains('\n') && !message.ends_with('.'),
        "{message}"
    );
    assert_eq!(code.split('/').next(), Some(fault.as_str()));
    format!("exit {exit}, {code}\n{}", told.trim_end())
}
