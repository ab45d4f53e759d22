//! Commands that messages name, as a shell takes them.

use std::ffi::OsString;

use crate::args::Args;

/// How this program is started again.
#[derive(Clone, Debug)]
pub(crate) struct Again {
    program: String,
    config: String,
    verb: &'static str,
}

impl Again {
    /// By the name that it was started by.
    pub(crate) fn new(arguments: &[OsString]) -> Self {
        let name = arguments.first().and_then(|name| name.to_str());
        Self {
            program: quote(name.unwrap_or("patinox")),
            config: String::new(),
            verb: "call",
        }
    }

    /// With the same verb and configuration.
    pub(crate) fn with(mut self, args: &Args) -> Self {
        self.verb = args.command.name();
        if let Some(file) = args.global.config.as_ref().and_then(|file| file.to_str()) {
            self.config = format!(" --config {}", quote(file));
        }
        if args.global.no_project {
            self.config.push_str(" --no-project");
        }
        self
    }

    /// The command that does the same with another component.
    pub(crate) fn with_component(&self, component: &str) -> String {
        self.command([self.verb, component])
    }

    /// The command with these words, each of them taken as it is.
    pub(crate) fn command<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> String {
        let words: String = words
            .into_iter()
            .map(|word| format!(" {}", quote(word)))
            .collect();
        format!("{}{words}{}", self.program, self.config)
    }
}

/// A word as a shell takes it.
pub(crate) fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    // A leading `=` is a command's path to one shell, `%` a job to others.
    let odd_start = text.starts_with(['=', '%']);
    if !text.is_empty() && !odd_start && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_for_a_shell() {
        assert_eq!(quote("demo:text#count"), "'demo:text#count'");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote("a=b"), "a=b");
        assert_eq!(quote("=b"), "'=b'");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("a;b $(c)"), "'a;b $(c)'");
    }

    #[test]
    fn names_the_program_as_it_was_called() {
        let again = Again::new(&["./my patinox".into()]);
        assert_eq!(
            again.command(["call", "a#b", "text=x y"]),
            "'./my patinox' call 'a#b' 'text=x y'"
        );
        assert_eq!(Again::new(&[]).command(["demo"]), "patinox demo");
    }
}
