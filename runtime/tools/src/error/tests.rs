//! Every text, and what no input may do to one.

use std::error::Error as _;

use patinox_policy::{Fault, LimitName, Limits, MAX_MESSAGE_BYTES, Report};
use patinox_sandbox::{Field, FunctionType, ValueType};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Checker, json};

fn told(error: &Error) -> String {
    let Report {
        code,
        message,
        hint,
        ..
    } = Report::of(error);
    let hint = hint.map(|hint| format!("\nhint: {hint}"));
    format!("{code}: {message}{}", hint.unwrap_or_default())
}

#[track_caller]
fn check(error: impl Into<Error>, expected: &str) {
    assert_eq!(told(&error.into()), expected);
}

#[test]
fn every_error_says_what_to_do() {
    let left_out = vec![
        LeftOut::new("open", "it takes or returns a resource"),
        LeftOut::new("\u{1b}[2J", "its name is longer than 128 characters"),
    ];
    check(
        Error::NothingCallable { left_out },
        "component/unsupported: the component has no function that can be called: \
         `open`: it takes or returns a resource; \
         `\\u{1b}[2J`: its name is longer than 128 characters\n\
         hint: export a function, of the world or of an interface",
    );
    check(
        Error::NothingCallable {
            left_out: Vec::new(),
        },
        "component/unsupported: the component has no function that can be called\n\
         hint: export a function, of the world or of an interface",
    );
    check(
        Error::InvalidList {
            reason: "it lists two tools `a`".to_owned(),
        },
        "component/invalid-output: the component's list of tools is not accepted: it lists two tools `a`",
    );
    let known = names(["a", "b"].into_iter());
    check(
        Error::UnknownTool {
            name: "c".to_owned(),
            near: None,
            known: known.clone(),
        },
        "caller/unknown-tool: there is no tool `c`\nhint: the tools are `a`, `b`",
    );
    check(
        Error::UnknownTool {
            name: "aa".to_owned(),
            near: Some("a".to_owned()),
            known: known.clone(),
        },
        "caller/unknown-tool: there is no tool `aa`\n\
         hint: did you mean `a`? The tools are `a`, `b`",
    );
    check(
        Error::ToolRequired { count: 2, known },
        "caller/tool-required: the component has 2 tools and none was named\n\
         hint: the tools are `a`, `b`",
    );
}

#[test]
fn a_part_speaks_for_itself() {
    let limit =
        patinox_sandbox::Error::limit(LimitName::Arguments, &Limits::default(), Some(5 << 20));
    let expected = told(&Error::from(limit));
    assert_eq!(
        expected,
        "limit/arguments: limit `arguments` of 4MiB reached, 5MiB spent\n\
         hint: raise it with `--limit arguments=8MiB`"
    );
    check(
        json::parse("{]", 10).unwrap_err(),
        "caller/invalid-json: not valid JSON: key must be a string, at line 1, column 2",
    );
    let checker =
        Checker::new(&json!({ "required": ["a"], "properties": { "b": false } })).unwrap();
    let mismatch = |value| checker.check(&value).unwrap_err();
    check(
        mismatch(json!({})),
        "caller/invalid-arguments: argument `a` must be given, not left out",
    );
    let strings = Checker::new(&json!({ "type": "object" })).unwrap();
    check(
        strings.check(&json!(1)).unwrap_err(),
        "caller/invalid-arguments: the arguments must be of type object, not `1`",
    );
    let inner = Error::from(patinox_sandbox::Error::Internal("disk".into()));
    assert_eq!(inner.source().unwrap().to_string(), "disk");
    assert_eq!(inner.fault(), Fault::Host);
}

#[track_caller]
fn holds(error: &Error) -> Result<(), TestCaseError> {
    let report = Report::of(error);
    let texts = [
        Some(error.to_string()),
        Some(report.message.clone()),
        report.hint.clone(),
    ];
    for text in texts.into_iter().flatten() {
        prop_assert!(text.len() <= MAX_MESSAGE_BYTES, "{}", text.len());
        prop_assert!(!text.contains(patinox_policy::is_unsafe_char), "{}", text);
    }
    prop_assert!(serde_json::to_string(&report).is_ok());
    let _ = (error.fault(), error.recovery());
    Ok(())
}

proptest! {
    #[test]
    fn no_input_makes_an_error_panic_or_grow(text: String, times in 1..2_000_usize) {
        let text = text.repeat(times);
        let function = FunctionType {
            params: vec![Field { name: "a".to_owned(), ty: ValueType::U8 }],
            result: None,
        };
        let mut errors: Vec<Error> = vec![
            Error::InvalidList { reason: text.clone() },
            Error::NothingCallable { left_out: vec![LeftOut::new(&text, &text); 40] },
        ];
        errors.extend(json::parse(&text, 1_000).err().map(Error::from));
        for arguments in [json!({ "a": text }), json!({ &text: 1 }), json!(text)] {
            errors.extend(function.decode(&arguments).err().map(Error::from));
            for schema in [json!({ "additionalProperties": false }), json!({ "enum": [text.len()] })] {
                let checker = Checker::new(&schema).unwrap();
                errors.extend(checker.check(&arguments).err().map(Error::from));
            }
        }
        for error in errors {
            holds(&error)?;
        }
    }
}
