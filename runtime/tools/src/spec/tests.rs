//! What a component says of itself is not believed.

use serde_json::json;

use super::*;

fn vet(listed: Vec<GuestToolSpec>) -> Result<Vec<ToolSpec>, String> {
    super::vet(listed, ToolAnnotations::derived())
}

fn tool(name: &str) -> GuestToolSpec {
    GuestToolSpec {
        name: name.to_owned(),
        title: None,
        description: "does a thing".to_owned(),
        input_schema: r#"{"type": "object"}"#.to_owned(),
        output_schema: None,
        annotations: None,
    }
}

#[track_caller]
fn refused(tools: Vec<GuestToolSpec>, expected: &str) {
    assert_eq!(vet(tools).unwrap_err(), expected);
}

#[track_caller]
fn refused_schema(schema: &str, expected: &str) {
    let mut tool = tool("a");
    schema.clone_into(&mut tool.input_schema);
    refused(
        vec![tool],
        &format!("the input schema of tool `a`: {expected}"),
    );
}

#[test]
fn a_list_of_good_tools_is_taken_over() {
    let mut second = tool("a.b-c_D9");
    second.output_schema = Some(r#"{"type": "string"}"#.to_owned());
    let specs = vet(vec![tool("a"), second]).unwrap();
    let expected = json!({
        "name": "a.b-c_D9",
        "description": "does a thing",
        "inputSchema": { "type": "object" },
        "outputSchema": { "type": "string" },
        "annotations": {
            "readOnlyHint": true,
            "destructiveHint": false,
            "idempotentHint": true,
            "openWorldHint": false,
        },
    });
    assert_eq!(serde_json::to_value(&specs[1]).unwrap(), expected);
    assert_eq!(
        serde_json::from_value::<ToolSpec>(expected).unwrap(),
        specs[1]
    );
}

#[test]
fn a_name_can_disguise_nothing() {
    let rule = "a name has 1 to 128 characters out of `A-Za-z0-9_.-`";
    for (name, shown) in [
        ("", ""),
        ("a b", "a b"),
        ("\u{1b}[2J", "\\u{1b}[2J"),
        ("r\u{435}ad", "r\u{435}ad"),
        ("a\u{200b}", "a\\u{200b}"),
        ("a\nb", "a\\nb"),
    ] {
        refused(
            vec![tool(name)],
            &format!("it lists a tool `{shown}`; {rule}"),
        );
    }
    assert!(vet(vec![tool(&"a".repeat(MAX_NAME_CHARS))]).is_ok());
    assert!(vet(vec![tool(&"a".repeat(MAX_NAME_CHARS + 1))]).is_err());
    refused(
        vec![tool("a"), tool("b"), tool("a")],
        "it lists two tools `a`",
    );
}

#[test]
fn a_list_has_a_bound() {
    let tools = |count: usize| (0..count).map(|i| tool(&i.to_string())).collect::<Vec<_>>();
    assert_eq!(vet(tools(MAX_TOOLS)).unwrap().len(), MAX_TOOLS);
    refused(tools(MAX_TOOLS + 1), "it lists 1001 tools, of at most 1000");
}

#[test]
fn descriptions_are_escaped_and_cut() {
    let mut hostile = tool("a");
    hostile.title = Some(format!("a\n\u{202e}{}", "x".repeat(10_000)));
    hostile.description = format!(
        " good\n\tand\u{1b}[2J \u{200b} {} ",
        "\u{202e}".repeat(5_000)
    );
    let spec = vet(vec![hostile]).unwrap().remove(0);
    assert!(
        spec.description
            .starts_with("good\n\tand\\u{1b}[2J \\u{200b} \\u{202e}\\u{202e}")
    );
    assert!(spec.description.ends_with("… [cut]"));
    assert!(spec.description.len() <= MAX_DESCRIPTION_BYTES);
    let title = spec.title.unwrap();
    assert!(title.starts_with("a\\n\\u{202e}xxx") && title.len() <= MAX_TITLE_BYTES);
}

#[test]
fn the_texts_of_a_schema_are_escaped_and_its_values_are_not() {
    let mut hostile = tool("a");
    hostile.input_schema = json!({
        "type": "object",
        "title": "\u{1b}t",
        "properties": {
            "description": { "description": "\u{202e}d", "enum": ["\u{200b}"] },
        },
    })
    .to_string();
    let schema = vet(vec![hostile]).unwrap().remove(0).input_schema;
    let expected = json!({
        "type": "object",
        "title": "\\u{1b}t",
        "properties": {
            "description": { "description": "\\u{202e}d", "enum": ["\u{200b}"] },
        },
    });
    assert_eq!(schema, expected);
}

#[test]
fn a_schema_is_bounded_json() {
    refused_schema(
        "{",
        "not valid JSON: the text ends within an object, at line 1, column 1",
    );
    refused_schema("[]", "it is not an object");
    refused_schema("true", "it is not an object");
    refused_schema("{}", "its top level must have the type `object`");
    refused_schema(
        r#"{"type": "object", "type": "array"}"#,
        "the key `type` stands twice in one object, at line 1, column 25",
    );
    let deep = format!("{}1{}", r#"{"not":"#.repeat(33), "}".repeat(33));
    refused_schema(
        &deep,
        "arrays and objects nest too deep, at line 1, column 225",
    );
    let large = format!(
        r#"{{"type": "object", "const": "{}"}}"#,
        "x".repeat(64 << 10)
    );
    refused_schema(&large, "the JSON text has 65567 bytes, of at most 65536");
}

#[test]
fn claims_only_tighten() {
    let derived = ToolAnnotations::derived();
    let claim = |claims| derived.tightened_by(Some(&claims));
    let none = GuestAnnotations::default();
    assert_eq!(derived.tightened_by(None), derived);
    assert_eq!(claim(none), derived);
    let harmless = GuestAnnotations {
        read_only: Some(true),
        destructive: Some(false),
        idempotent: Some(true),
        open_world: Some(false),
    };
    let strict = ToolAnnotations {
        read_only: false,
        destructive: true,
        idempotent: false,
        open_world: true,
    };
    assert_eq!(strict.tightened_by(Some(&harmless)), strict);
    let destroys = claim(GuestAnnotations {
        destructive: Some(true),
        ..none
    });
    assert!(destroys.destructive && !destroys.read_only);
    assert!(
        !claim(GuestAnnotations {
            read_only: Some(false),
            ..none
        })
        .read_only
    );
    assert!(
        !claim(GuestAnnotations {
            idempotent: Some(false),
            ..none
        })
        .idempotent
    );
    assert!(
        claim(GuestAnnotations {
            open_world: Some(true),
            ..none
        })
        .open_world
    );
}
