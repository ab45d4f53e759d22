//! A tool's arguments as a person types them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use patinox_host::PatinoxError;
use patinox_policy::{LimitName, Limits, cut, escape_line};
use patinox_tools::{Checker, Error as ToolsError, Tool, json};
use serde_json::{Map, Value};

use crate::demo::embedded;
use crate::error::Error;
use crate::source::quote;

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
    /// `key=@file`: the text of the file, as it is.
    File(String),
}

/// Reads the arguments; standard input at most once.
pub(crate) fn read(words: &[String], limits: &Limits) -> Result<Given, Error> {
    let mut reader = Reader {
        limits,
        stdin_taken: false,
    };
    match words {
        [] => Ok(Given::Named(BTreeMap::new())),
        [word] if word == "-" => {
            let text = reader.stdin()?;
            Ok(Given::Whole(reader.json(text)?))
        }
        [word] if word.trim_start().starts_with(['{', '[']) => Ok(Given::Whole(reader.json(word)?)),
        words => reader.named(words),
    }
}

struct Reader<'a> {
    limits: &'a Limits,
    stdin_taken: bool,
}

impl Reader<'_> {
    fn named(&mut self, words: &[String]) -> Result<Given, Error> {
        let mut named = BTreeMap::new();
        for word in words {
            let (key, text) = self.one(word)?;
            if named.insert(key.clone(), text).is_some() {
                return Err(Error::Argument {
                    message: format!("argument `{}` is given twice", shown(&key)),
                    hint: "give it once; a list is JSON: `key:='[1, 2]'`".to_owned(),
                });
            }
        }
        Ok(Given::Named(named))
    }

    fn one(&mut self, word: &str) -> Result<(String, Text), Error> {
        let Some((key, value)) = word.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(not_an_argument(word));
        };
        if let Some(key) = key.strip_suffix(':') {
            let value = self.json(value).map_err(|error| within(key, error))?;
            return Ok((key.to_owned(), Text::Json(value)));
        }
        let text = match value.strip_prefix('@') {
            None => Text::Typed(value.to_owned()),
            Some("-") => Text::File(text_of(key, self.stdin()?)?),
            Some(path) => Text::File(text_of(key, self.file(path)?)?),
        };
        Ok((key.to_owned(), text))
    }

    fn json(&self, text: impl AsRef<[u8]>) -> Result<Value, Error> {
        let value = json::parse(text, self.limits.arguments_bytes);
        Ok(value.map_err(ToolsError::from)?)
    }

    fn stdin(&mut self) -> Result<Vec<u8>, Error> {
        if std::mem::replace(&mut self.stdin_taken, true) {
            return Err(Error::Argument {
                message: "standard input is asked for twice".to_owned(),
                hint: "use `-` once".to_owned(),
            });
        }
        self.bounded(std::io::stdin().lock())
            .map_err(Error::Stdin)?
    }

    fn file(&self, path: &str) -> Result<Vec<u8>, Error> {
        if let Some(name) = path.strip_prefix("demo:") {
            return embedded::text(name).map(|text| text.as_bytes().to_vec());
        }
        let unreadable = |source| Error::Unreadable {
            path: Path::new(path).to_owned(),
            source,
        };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        self.bounded(file).map_err(unreadable)?
    }

    /// Reads as much as arguments may have, and one byte more, by which what
    /// is too long is refused.
    fn bounded(&self, source: impl std::io::Read) -> std::io::Result<Result<Vec<u8>, Error>> {
        let limit = self.limits.arguments_bytes;
        let mut bytes = Vec::new();
        source
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)?;
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if limit < len {
            let error = PatinoxError::limit(LimitName::Arguments, self.limits, None);
            return Ok(Err(error.into()));
        }
        Ok(Ok(bytes))
    }
}

fn not_an_argument(word: &str) -> Error {
    Error::Argument {
        message: format!("`{}` is no argument", shown(word)),
        hint: "write `key=value`, `key:=JSON`, `key=@file`, one JSON object, or `-` for stdin"
            .to_owned(),
    }
}

fn within(key: &str, error: Error) -> Error {
    match error {
        Error::Tools(error) => Error::Argument {
            message: format!("argument `{}` is {error}", shown(key)),
            hint: format!("text needs no JSON: `{}=…`", shown(key)),
        },
        other => other,
    }
}

fn text_of(key: &str, bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|_| Error::Argument {
        message: format!("argument `{}` is not UTF-8 text", shown(key)),
        hint: format!(
            "bytes go as base64: `{}=\"$(base64 -w0 FILE)\"`",
            shown(key)
        ),
    })
}

/// Turns what was given into the object that the tool takes.
pub(crate) fn fit(given: Given, tool: &dyn Tool) -> Result<Value, Error> {
    let named = match given {
        Given::Whole(value) => return Ok(value),
        Given::Named(named) => named,
    };
    let properties = tool.spec().input_schema.get("properties");
    let mut object = Map::new();
    for (key, text) in named {
        let value = match text {
            Text::Json(value) => value,
            Text::File(text) => Value::String(text),
            Text::Typed(text) => {
                let schema = properties.and_then(|properties| properties.get(&key));
                typed(&key, text, schema)?
            }
        };
        object.insert(key, value);
    }
    Ok(Value::Object(object))
}

/// Reads `key=value` by what the schema takes: the text itself, or the JSON
/// that it spells. Where both fit and differ, neither is guessed.
fn typed(key: &str, text: String, schema: Option<&Value>) -> Result<Value, Error> {
    let spelled = json::parse(&text, u64::MAX).ok();
    let Some(checker) = schema.and_then(|schema| Checker::new(schema).ok()) else {
        return Ok(Value::String(text));
    };
    let as_text = Value::String(text);
    let text_fits = checker.check(&as_text).is_ok();
    let Some(spelled) = spelled else {
        return Ok(as_text);
    };
    match (text_fits, checker.check(&spelled).is_ok()) {
        (true, false) => Ok(as_text),
        (false, _) if !takes_text(schema) => Ok(spelled),
        (false, true) => Ok(spelled),
        (false, false) => Ok(as_text),
        // A 64-bit integer may be either, and is the same.
        (true, true) if spelled.is_number() && is_wide(schema) => Ok(spelled),
        (true, true) => Err(ambiguous(key, &as_text, &spelled)),
    }
}

/// Whether some form of the value is a text.
fn takes_text(schema: Option<&Value>) -> bool {
    let Some(schema) = schema else { return true };
    let own = schema.get("type").is_none_or(|ty| ty == "string");
    let forms = ["anyOf", "oneOf"]
        .iter()
        .filter_map(|key| schema.get(key)?.as_array());
    let mut forms = forms.flatten().peekable();
    match forms.peek() {
        Some(_) => forms.any(|form| takes_text(Some(form))),
        None => own,
    }
}

/// Whether a schema is that of a 64-bit integer, bare or optional.
fn is_wide(schema: Option<&Value>) -> bool {
    let Some(forms) = schema.and_then(|schema| schema.get("anyOf")?.as_array()) else {
        return false;
    };
    let has = |ty: &str| {
        forms
            .iter()
            .any(|form| form.get("type").is_some_and(|t| t == ty))
    };
    (has("integer") && has("string")) || forms.iter().any(|form| is_wide(Some(form)))
}

fn ambiguous(key: &str, text: &Value, spelled: &Value) -> Error {
    let key = shown(key);
    let short = |value: &Value| shown(&value.to_string());
    Error::Argument {
        message: format!(
            "argument `{key}` could be the text `{}` or the JSON `{}`",
            short(text),
            short(spelled)
        ),
        hint: format!(
            "write `{}` or `{}`",
            quote(&format!("{key}:={}", short(text))),
            quote(&format!("{key}:={}", short(spelled)))
        ),
    }
}

fn shown(text: &str) -> String {
    cut(&escape_line(text), MAX_ECHO_BYTES).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use patinox_policy::Failure as _;
    use serde_json::json;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[track_caller]
    fn check(text: &str, schema: &Value, expected: &Value) {
        assert_eq!(
            typed("k", text.to_owned(), Some(schema)).expect("a value"),
            *expected
        );
    }

    #[test]
    fn reads_by_the_schema() {
        let integer = json!({ "type": "integer" });
        let text = json!({ "type": "string" });
        check("5", &text, &json!("5"));
        check("5", &integer, &json!(5));
        check("five", &integer, &json!("five"));
        check("true", &json!({ "type": "boolean" }), &json!(true));
        check("[1, 2]", &json!({ "type": "array" }), &json!([1, 2]));
        check("{}", &text, &json!("{}"));
        let wide = json!({ "anyOf": [integer, { "type": "string", "pattern": "^[0-9]+$" }] });
        check("7", &wide, &json!(7));
        check(
            "7",
            &json!({ "anyOf": [wide, { "type": "null" }] }),
            &json!(7),
        );
        check(
            "hello",
            &json!({ "anyOf": [text, { "type": "null" }] }),
            &json!("hello"),
        );
        let variant =
            json!({ "oneOf": [{ "type": "string", "enum": ["all"] }, { "type": "object" }] });
        check("all", &variant, &json!("all"));
        check(r#"{"some": 1}"#, &variant, &json!({ "some": 1 }));
    }

    #[test]
    fn does_not_guess() {
        let schema = json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] });
        let error = typed("k", "null".to_owned(), Some(&schema)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "argument `k` could be the text `\"null\"` or the JSON `null`"
        );
        assert_eq!(
            error.hint().as_deref(),
            Some("write `'k:=\"null\"'` or `k:=null`")
        );
    }

    #[test]
    fn reads_words() {
        let limits = Limits::default();
        let given = read(&words(&["a=1", "b:=[2]", "c=x=y"]), &limits).expect("arguments");
        let expected = [
            ("a".to_owned(), Text::Typed("1".to_owned())),
            ("b".to_owned(), Text::Json(json!([2]))),
            ("c".to_owned(), Text::Typed("x=y".to_owned())),
        ];
        assert_eq!(given, Given::Named(expected.into()));
        let whole = read(&words(&[r#"{"a": 1}"#]), &limits).expect("arguments");
        assert_eq!(whole, Given::Whole(json!({ "a": 1 })));
    }

    #[track_caller]
    fn refused(given: &[&str], expected: &str) {
        let error = read(&words(given), &Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn refuses_words_that_are_no_arguments() {
        refused(&["hello"], "`hello` is no argument");
        refused(&["=x"], "`=x` is no argument");
        refused(&["a=1", "a=2"], "argument `a` is given twice");
        refused(&["a=@no-such-file"], "cannot read `no-such-file`");
    }
}
