//! What the checker says.

mod attacks;

use serde_json::json;

use super::*;

#[track_caller]
fn says(schema: &Value, value: &Value, expected: &str) {
    let error = Checker::new(schema).unwrap().check(value).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[track_caller]
fn says_of_a(schema: &Value, value: &Value, expected: &str) {
    let schema = json!({ "type": "object", "properties": { "a": schema } });
    says(&schema, &json!({ "a": value }), expected);
}

#[test]
fn says_where_and_what_was_expected() {
    says_of_a(
        &json!({ "type": "string" }),
        &json!(7),
        "`a` must be of type string, not `7`",
    );
    says_of_a(
        &json!({ "type": ["string", "null"] }),
        &json!([1]),
        "`a` must be of type null or string, not an array of 1",
    );
    says_of_a(
        &json!({ "minimum": 3 }),
        &json!(2),
        "`a` must be at least 3, not `2`",
    );
    says_of_a(
        &json!({ "maximum": 3 }),
        &json!(4),
        "`a` must be at most 3, not `4`",
    );
    says_of_a(
        &json!({ "exclusiveMinimum": 3 }),
        &json!(3),
        "`a` must be more than 3, not `3`",
    );
    says_of_a(
        &json!({ "exclusiveMaximum": 3 }),
        &json!(3),
        "`a` must be less than 3, not `3`",
    );
    says_of_a(
        &json!({ "multipleOf": 2 }),
        &json!(3),
        "`a` must be a multiple of 2, not `3`",
    );
    says_of_a(
        &json!({ "minLength": 2 }),
        &json!("é"),
        "`a` must have at least 2 characters, not the string `é`",
    );
    says_of_a(
        &json!({ "maxItems": 1 }),
        &json!([1, 2]),
        "`a` must have at most 1 items, not an array of 2",
    );
}

#[test]
fn says_which_form_was_expected() {
    says_of_a(
        &json!({ "uniqueItems": true }),
        &json!([1, 1]),
        "`a` must have no item twice, not an array of 2",
    );
    says_of_a(
        &json!({ "const": "x" }),
        &json!(1),
        "`a` must be the string `x`, not `1`",
    );
    says_of_a(
        &json!({ "enum": ["x", 1, null] }),
        &json!("y"),
        "`a` must be one of `x`, `1`, `null`, not the string `y`",
    );
    says_of_a(
        &json!({ "pattern": "^\\d+$" }),
        &json!("\u{202e}y"),
        "`a` must match `^\\\\d+$`, not the string `\\u{202e}y`",
    );
    says_of_a(
        &json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
        &json!(1),
        "`a` must fit one of the forms that the schema allows, not `1`",
    );
    says_of_a(
        &json!(false),
        &json!({}),
        "`a` must be left out, not an object of 0",
    );
}

#[test]
fn says_what_is_missing_or_unknown() {
    let lines = json!({
        "type": "object",
        "properties": { "lines": { "items": {
            "properties": { "max": { "type": "integer" } },
            "required": ["max"],
            "additionalProperties": false,
        } } },
        "required": ["lines"],
    });
    says(&lines, &json!({}), "`lines` must be given, not left out");
    says(
        &lines,
        &json!({ "lines": [{ "max": 1 }, {}] }),
        "`lines[1].max` must be given, not left out",
    );
    says(
        &lines,
        &json!({ "lines": [{ "max": 1, "x/~\n": 2 }] }),
        "`lines[0].x/~\\n` must be left out: the schema has no such name",
    );
    says(
        &lines,
        &json!({ "lines": [{ "max": 1.5 }] }),
        "`lines[0].max` must be of type integer, not `1.5`",
    );
    says(
        &lines,
        &json!([]),
        "the value must be of type object, not an array of 0",
    );
}

#[test]
fn reads_draft_7_and_references_inside_the_document() {
    let draft7 = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://example.com/a",
        "type": "object",
        "properties": { "a": { "$ref": "#/definitions/pair%20of~1x" } },
        "definitions": { "pair of/x": { "items": [{ "type": "string" }, { "type": "number" }] } },
    });
    says(
        &draft7,
        &json!({ "a": ["x", "y"] }),
        "`a[1]` must be of type number, not the string `y`",
    );
    let tree = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": { "children": { "items": { "$ref": "#" } }, "leaf": { "type": "string" } },
    });
    says(
        &tree,
        &json!({ "children": [{ "children": [{ "leaf": 1 }] }] }),
        "`children[0].children[0].leaf` must be of type string, not `1`",
    );
}
