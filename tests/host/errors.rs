//! Every error reaches its first cause, survives `anyhow`, and tells itself in
//! few words whatever is put into it.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

use patinox::{Code, Failure, LimitName, Limits, PatinoxError, RecoveryStrategy, Report};
use patinox_policy::MAX_MESSAGE_BYTES;
use patinox_sandbox::{Error as Sandbox, Field, FunctionType, NotAComponent, ValueType};
use patinox_tools::{Checker, Error as Tools, LeftOut, json as tools_json};
use proptest::prelude::*;
use serde_json::json;

use crate::support;

/// The last of the causes.
fn first_cause<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}

fn is_no_such_file(error: &(dyn StdError + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

#[tokio::test]
async fn a_file_that_is_not_there_is_the_first_cause() {
    let error = support::host().load_file("none.wasm").await.unwrap_err();
    assert!(is_no_such_file(first_cause(&error)));
    // A message does not repeat its source.
    let cause = first_cause(&error).to_string();
    assert!(!error.to_string().contains(&cause), "{error}");
    let report = Report::of(&error).message;
    assert_eq!(report, format!("{error}: {cause}"));
}

#[tokio::test]
async fn an_error_survives_anyhow() {
    let load = async {
        use anyhow::Context as _;
        let loaded = support::host().load_file("none.wasm").await;
        loaded.map(drop).context("while starting")
    };
    let error: anyhow::Error = load.await.unwrap_err();
    let ours = error.downcast_ref::<PatinoxError>().unwrap();
    assert_eq!(ours.code(), Code::NotFound);
    assert!(is_no_such_file(error.chain().last().unwrap()));
    assert!(is_no_such_file(error.root_cause()));
}

#[test]
fn the_cause_of_a_fault_of_ours_is_kept_through_every_conversion() {
    let cause = || -> Box<dyn StdError + Send + Sync> {
        Box::new(io::Error::from(io::ErrorKind::NotFound))
    };
    let errors: [PatinoxError; 3] = [
        Sandbox::Internal(cause()).into(),
        Tools::from(Sandbox::Internal(cause())).into(),
        PatinoxError::Worker(cause()),
    ];
    for error in errors {
        assert_eq!(error.code(), Code::Internal);
        assert!(is_no_such_file(first_cause(&error)), "{error:?}");
        // The caller learns nothing of it.
        let report = serde_json::to_string(&Report::of(&error)).unwrap();
        assert!(!report.contains("not found"), "{report}");
    }
}

/// Every public error that a text can be put into, with that text in it.
fn all_with(text: &str, number: u64) -> Vec<PatinoxError> {
    let own = || text.to_owned();
    let mut all: Vec<PatinoxError> = vec![
        PatinoxError::Unreadable {
            path: PathBuf::from(text),
            source: io::Error::other(own()),
        },
        PatinoxError::NotAFile {
            path: PathBuf::from(text),
            is_folder: false,
        },
        PatinoxError::Worker(text.into()),
    ];
    all.extend(
        sandbox_errors(text, number)
            .into_iter()
            .map(PatinoxError::from),
    );
    all.extend(
        tools_errors(text, number)
            .into_iter()
            .map(PatinoxError::from),
    );
    for (name, value) in [(text, text), ("wall", text), ("fuel", text), ("file", "1B")] {
        let refused = Limits::default().set(name, value);
        all.extend(refused.err().map(PatinoxError::from));
    }
    all
}

fn sandbox_errors(text: &str, number: u64) -> Vec<Sandbox> {
    let own = || text.to_owned();
    let limit = |name| Sandbox::Limit {
        name,
        allowed: number,
        spent: Some(number),
    };
    let mut all = vec![
        Sandbox::NotAComponent(NotAComponent::Invalid { reason: own() }),
        Sandbox::MissingImports {
            names: vec![own(); 30],
        },
        Sandbox::NotCallable,
        Sandbox::Trap { reason: own() },
        Sandbox::Stack,
        Sandbox::ToolError { text: own() },
        Sandbox::InvalidOutput { reason: own() },
        Sandbox::Exit { status: 255 },
        Sandbox::Cancelled,
        Sandbox::Internal(text.into()),
    ];
    all.extend(LimitName::ALL.map(limit));
    let kinds = [
        NotAComponent::Empty,
        NotAComponent::CoreModule,
        NotAComponent::Text,
        NotAComponent::Precompiled,
        NotAComponent::CutShort,
        NotAComponent::UnknownVersion,
        NotAComponent::Unknown,
    ];
    all.extend(kinds.map(Sandbox::NotAComponent));
    all
}

fn tools_errors(text: &str, number: u64) -> Vec<Tools> {
    let own = || text.to_owned();
    let left_out = LeftOut {
        function: own(),
        reason: own(),
    };
    let mut all = vec![
        Tools::NothingCallable {
            left_out: vec![left_out; 30],
        },
        Tools::InvalidList { reason: own() },
    ];
    all.extend(refused_arguments(text, number));
    all.extend(tools_json::parse(text, number).err().map(Tools::from));
    let twice = json!(text);
    let twice = format!("{{{twice}: 1, {twice}: 2}}");
    all.extend(tools_json::parse(twice, u64::MAX).err().map(Tools::from));
    all
}

/// Arguments of all kinds against functions and schemas of all kinds.
fn refused_arguments(text: &str, number: u64) -> Vec<Tools> {
    let field = |ty| Field {
        name: text.to_owned(),
        ty,
    };
    let names = vec![text.to_owned(); 20];
    let types = [
        ValueType::U8,
        ValueType::Char,
        ValueType::Enum(names.clone()),
        ValueType::Flags(names),
        ValueType::Record(vec![field(ValueType::S64); 20]),
        ValueType::Option(Box::new(ValueType::Bytes)),
    ];
    let values = [
        json!({ text: text }),
        json!({ text: number }),
        json!({ "other": text }),
        json!(text),
    ];
    let mut all = Vec::new();
    for ty in types {
        let function = FunctionType {
            params: vec![field(ty)],
            result: None,
        };
        let refused = values
            .iter()
            .filter_map(|value| function.decode(value).err());
        all.extend(refused.map(Tools::from));
    }
    let schemas = [
        json!({ "required": [text] }),
        json!({ "properties": { text: { "const": text } } }),
        json!({ "properties": { text: { "enum": [text, text] } }, "additionalProperties": false }),
    ];
    for schema in schemas {
        let Ok(checker) = Checker::new(&schema) else {
            continue;
        };
        let refused = values.iter().filter_map(|value| checker.check(value).err());
        all.extend(refused.map(Tools::from));
    }
    all
}

#[track_caller]
fn check(error: &PatinoxError) {
    let message = error.to_string();
    assert!(
        message.len() <= MAX_MESSAGE_BYTES,
        "{} bytes: {error:?}",
        message.len()
    );
    let report = Report::of(error);
    assert!(report.message.len() <= MAX_MESSAGE_BYTES, "{report:?}");
    let hint = report.hint.as_ref().map_or(0, String::len);
    assert!(hint <= MAX_MESSAGE_BYTES, "{report:?}");
    assert_eq!(report.fault, error.code().fault());
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["code"], error.code().as_str());
    // Exhaustive: a loop that acts on it has an answer for each.
    match error.recovery() {
        RecoveryStrategy::Retry { .. }
        | RecoveryStrategy::Fallback
        | RecoveryStrategy::CircuitBreak
        | RecoveryStrategy::Fail => {}
    }
}

proptest! {
    #[test]
    fn no_text_makes_an_error_panic_or_grow(text: String, number: u64) {
        all_with(&text, number).iter().for_each(check);
    }
}

proptest! {
    // Each case is a hundred errors of ten kilobytes.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_long_text_makes_an_error_panic_or_grow(
        piece in "\\PC{1,4}|[\\x00-\\x1f\u{202e}]{1,4}",
        times in 1_000..3_000_usize,
        number: u64,
    ) {
        all_with(&piece.repeat(times), number).iter().for_each(check);
    }
}
