//! A tool's arguments as a person types them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use patinox_host::PatinoxError;
use patinox_policy::{Code, Failure as _, LimitName, Limits, cut, escape_line};
use patinox_tools::{Error as ToolsError, json};
use serde_json::Value;

use crate::demo::embedded;
use crate::error::Error;

mod fit;
mod sample;

pub(crate) use fit::fit;
pub(crate) use sample::words as sample_words;

/// The longest text that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 80;

/// Arguments before the tool is known: texts are read, types are not.
#[derive(Debug, PartialEq)]
pub(crate) enum Given {
    /// All of them, as JSON.
    Whole(Value),
    /// One by one.
    Named(BTreeMap<String, Text>),
}

/// One argument.
#[derive(Debug, PartialEq)]
pub(crate) enum Text {
    /// `key=value`: the tool's schema says what it is.
    Typed(String),
    /// `key:=JSON`.
    Json(Value),
    /// `key=@file`: what the file holds; the schema says what that is.
    File(Vec<u8>),
}

/// Reads the arguments; standard input at most once.
pub(crate) fn read(words: &[String], limits: &Limits) -> Result<Given, Error> {
    read_from(words, limits, std::io::stdin)
}

fn read_from<R: Read>(
    words: &[String],
    limits: &Limits,
    stdin: impl FnOnce() -> R,
) -> Result<Given, Error> {
    let mut reader = Reader {
        limits,
        stdin: Some(stdin),
    };
    match words {
        [] => Ok(Given::Named(BTreeMap::new())),
        [word] if word == "-" => {
            let text = reader.stdin()?;
            Ok(Given::Whole(reader.whole(&text)?))
        }
        [word] if is_whole(word) => Ok(Given::Whole(reader.whole(word.as_bytes())?)),
        words => reader.named(words),
    }
}

/// Whether a word is all arguments at once.
fn is_whole(word: &str) -> bool {
    word == "-" || word.trim_start().starts_with(['{', '['])
}

struct Reader<'a, S> {
    limits: &'a Limits,
    /// Gone once it has been read.
    stdin: Option<S>,
}

impl<R: Read, S: FnOnce() -> R> Reader<'_, S> {
    fn named(&mut self, words: &[String]) -> Result<Given, Error> {
        if let Some(whole) = words.iter().find(|word| is_whole(word)) {
            let other = words.iter().find(|word| *word != whole).unwrap_or(whole);
            return Err(Error::ambiguous(
                format!(
                    "`{}` is all arguments, so `{}` cannot be one beside it",
                    shown(whole),
                    shown(other)
                ),
                "give all of them at once, or each as `key=value`".to_owned(),
            ));
        }
        let mut named = BTreeMap::new();
        for word in words {
            let (key, text) = self.one(word)?;
            if named.insert(key.clone(), text).is_some() {
                return Err(invalid(
                    format!("argument `{}` is given twice", shown(&key)),
                    "give it once; a list is JSON: `key:='[1, 2]'`".to_owned(),
                ));
            }
        }
        Ok(Given::Named(named))
    }

    fn one(&mut self, word: &str) -> Result<(String, Text), Error> {
        let Some((key, value)) = word.split_once('=') else {
            return Err(not_an_argument(word));
        };
        if key.is_empty() || key == ":" {
            return Err(not_an_argument(word));
        }
        if let Some(key) = key.strip_suffix(':') {
            return Ok((key.to_owned(), Text::Json(self.json_of(key, value)?)));
        }
        let text = match value.strip_prefix('@') {
            None => Text::Typed(value.to_owned()),
            Some("-") => Text::File(self.stdin()?),
            Some(path) => Text::File(self.file(path)?),
        };
        Ok((key.to_owned(), text))
    }

    /// Reads all arguments, as JSON.
    fn whole(&self, text: &[u8]) -> Result<Value, Error> {
        let hint = r#"write one JSON object, like `{"key": "value"}`, or each as `key=value`"#;
        self.json(text, "", hint.to_owned())
    }

    /// Reads one argument, as JSON.
    fn json_of(&self, key: &str, text: &str) -> Result<Value, Error> {
        let key = shown(key);
        let hint = format!("text needs no JSON: `{key}=…`");
        self.json(text.as_bytes(), &format!("argument `{key}`: "), hint)
    }

    fn json(&self, text: &[u8], what: &str, hint: String) -> Result<Value, Error> {
        self.within(text)?;
        json::parse(text, u64::MAX).map_err(|error| match error.code() {
            Code::InvalidJson => Error::Argument {
                message: format!("{what}{error}"),
                code: Code::InvalidJson,
                hint: json_hint(text).unwrap_or(hint),
            },
            _ => ToolsError::from(error).into(),
        })
    }

    fn stdin(&mut self) -> Result<Vec<u8>, Error> {
        let Some(stdin) = self.stdin.take() else {
            return Err(Error::ambiguous(
                "standard input is asked for twice".to_owned(),
                "use `-` once".to_owned(),
            ));
        };
        let bytes = self.bounded(stdin()).map_err(Error::Stdin)?;
        self.within(&bytes)?;
        Ok(bytes)
    }

    fn file(&self, path: &str) -> Result<Vec<u8>, Error> {
        let bytes = match path.strip_prefix("demo:") {
            Some(name) => embedded::text(name)?.as_bytes().to_vec(),
            None => std::fs::File::open(path)
                .and_then(|file| self.bounded(file))
                .map_err(|source| Error::Unreadable {
                    path: Path::new(path).to_owned(),
                    source,
                })?,
        };
        self.within(&bytes)?;
        Ok(bytes)
    }

    /// Reads as much as arguments may have, and one byte more, by which what
    /// is too long is seen.
    fn bounded(&self, source: impl Read) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let limit = self.limits.arguments_bytes.saturating_add(1);
        source.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn within(&self, bytes: &[u8]) -> Result<(), Error> {
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if len <= self.limits.arguments_bytes {
            return Ok(());
        }
        Err(PatinoxError::limit(LimitName::Arguments, self.limits, None).into())
    }
}

/// What helps where the text is JSON, only not such as we take.
fn json_hint(text: &[u8]) -> Option<String> {
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
    let hint = format!(
        "each key stands once, numbers are finite, and nothing nests deeper than {}",
        json::MAX_JSON_DEPTH
    );
    is_json.then_some(hint)
}

fn not_an_argument(word: &str) -> Error {
    invalid(
        format!("`{}` is no argument", shown(word)),
        "write `key=value`, `key:=JSON`, `key=@file`, one JSON object, or `-` for stdin".to_owned(),
    )
}

fn invalid(message: String, hint: String) -> Error {
    Error::Argument {
        message,
        code: Code::InvalidArguments,
        hint,
    }
}

fn shown(text: &str) -> String {
    cut(&escape_line(text), MAX_ECHO_BYTES).into_owned()
}

#[cfg(test)]
mod tests;
