//! Checks a JSON text by a JSON Schema.

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

/// The most memory that one compiled regular expression may hold, in bytes.
const MAX_PATTERN_BYTES: usize = 256 << 10;

/// The longest value that a reason repeats, in characters.
const MAX_ECHO: usize = 200;

/// Whether a text fits; else which rule of the schema it breaks first, and nothing of the
/// text.
pub(crate) fn fits((name, schema): (&str, &str), text: &str) -> Result<(), String> {
    let wrong = |reason| format!("its setting `{name}` is no schema: {reason}");
    let validator = compiled(schema).map_err(wrong)?;
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let Err(error) = validator.validate(&value) else {
        return Ok(());
    };
    // Where the schema says so: names in what is judged are a stranger's.
    let rule = error.schema_path().to_string();
    Err(match cut(&rule) {
        "" => format!("it does not fit the schema `{name}`"),
        rule => format!("it does not fit `{rule}` of the schema `{name}`"),
    })
}

fn compiled(schema: &str) -> Result<Validator, String> {
    let schema: Value = serde_json::from_str(schema).map_err(|error| error.to_string())?;
    let patterns = PatternOptions::regex()
        .size_limit(MAX_PATTERN_BYTES)
        .dfa_size_limit(MAX_PATTERN_BYTES);
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .offline()
        .should_validate_formats(false)
        .with_pattern_options(patterns)
        .build(&schema)
        .map_err(|error| cut(&error.to_string()).to_owned())
}

fn cut(text: &str) -> &str {
    match text.char_indices().nth(MAX_ECHO) {
        Some((end, _)) => text.get(..end).unwrap_or_default(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: &str = r#"{"properties":{"max":{"type":"integer","maximum":5},"name":{"pattern":"^[a-z]+$"}},"required":["max"],"additionalProperties":false}"#;

    #[test]
    fn what_fits_passes_and_what_does_not_is_told_by_its_rule() {
        assert_eq!(
            fits(("arguments", RANGE), r#"{"max":5,"name":"abc"}"#),
            Ok(())
        );
        for (text, rule) in [
            (r#"{"max":6}"#, "`/properties/max/maximum`"),
            (r#"{"max":"6"}"#, "`/properties/max/type`"),
            (r#"{"max":1,"name":"A"}"#, "`/properties/name/pattern`"),
            (r#"{"name":"abc"}"#, "`/required`"),
            (r#"{"max":1,"other":1}"#, "`/additionalProperties`"),
            ("[", "it is no JSON"),
        ] {
            let reason = fits(("arguments", RANGE), text).unwrap_err();
            assert!(reason.contains(rule), "{reason}");
        }
    }

    #[test]
    fn a_schema_that_fits_nothing_is_told_too() {
        let reason = fits(("a", "false"), "1").unwrap_err();
        assert_eq!(reason, "it does not fit the schema `a`");
    }

    /// Nothing of what is judged is told.
    #[test]
    fn a_reason_holds_no_value() {
        for (schema, text) in [
            (r#"{"maxLength":3}"#, r#""hunter2hunter2""#),
            (r#"{"additionalProperties":false}"#, r#"{"hunter2":1}"#),
            (
                r#"{"additionalProperties":{"type":"null"}}"#,
                r#"{"hunter2":1}"#,
            ),
            (r#"{"propertyNames":{"maxLength":1}}"#, r#"{"hunter2":1}"#),
        ] {
            let reason = fits(("a", schema), text).unwrap_err();
            assert!(!reason.contains("hunter2"), "{reason}");
        }
    }

    #[test]
    fn a_schema_leads_nowhere_else() {
        for schema in [
            r#"{"$ref":"https://example.com/schema.json"}"#,
            r#"{"$ref":"file:///etc/passwd"}"#,
            r#"{"type":"strin"}"#,
            r#"{"pattern":"("}"#,
            "{",
            "3",
        ] {
            let reason = fits(("a", schema), "1").unwrap_err();
            assert!(
                reason.starts_with("its setting `a` is no schema: "),
                "{schema}: {reason}"
            );
        }
        let inside = r##"{"$ref":"#/$defs/n","$defs":{"n":{"type":"integer"}}}"##;
        assert_eq!(fits(("a", inside), "1"), Ok(()));
        assert!(fits(("a", inside), "1.5").is_err());
    }
}
