//! A JSON Schema as an outline that a person reads: a line a field.

use patinox_policy::{cut, escape_line};
use serde_json::Value;

/// The longest piece of a stranger's text in a line, in bytes.
const MAX_PIECE_BYTES: usize = 100;

/// The most values or forms that a line lists.
const MAX_LISTED: usize = 12;

/// The outline of the arguments or the result of a tool.
pub(crate) fn of(schema: &Value) -> String {
    let mut lines = Vec::new();
    let node = Node::of(schema);
    if node.fields.is_empty() || node.what != "object" {
        let what = if node.what == "object" {
            "none"
        } else {
            &node.what
        };
        lines.push(what.to_owned());
    }
    push_fields(&mut lines, 0, &node);
    lines.join("\n")
}

/// A schema in words, and the fields of the objects in it.
struct Node<'a> {
    what: String,
    fields: Vec<Field<'a>>,
}

struct Field<'a> {
    name: &'a str,
    required: bool,
    schema: &'a Value,
}

fn push_fields(lines: &mut Vec<String>, depth: usize, node: &Node<'_>) {
    let mark = |field: &Field<'_>| if field.required { "" } else { "?" };
    let name = |field: &Field<'_>| format!("{}{}", piece(field.name), mark(field));
    let names: Vec<_> = node.fields.iter().map(name).collect();
    let width = names.iter().map(|name| name.chars().count()).max();
    let width = width.unwrap_or_default().min(24);
    for (name, field) in names.iter().zip(&node.fields) {
        let own = Node::of(field.schema);
        let docs = field.schema.get("description").and_then(Value::as_str);
        let docs = docs.map(|docs| format!(": {}", piece(docs)));
        let indent = "  ".repeat(depth);
        let what = &own.what;
        lines.push(format!(
            "{indent}{name:<width$}  {what}{}",
            docs.unwrap_or_default()
        ));
        push_fields(lines, depth + 1, &own);
    }
}

impl<'a> Node<'a> {
    fn leaf(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            fields: Vec::new(),
        }
    }

    fn of(schema: &'a Value) -> Self {
        let list = |key: &str| schema.get(key).and_then(Value::as_array);
        if let Some(constant) = schema.get("const") {
            return Self::leaf(piece(&constant.to_string()));
        }
        if let Some(values) = list("enum") {
            let values = values.iter().map(|value| piece(&value.to_string()));
            return Self::leaf(joined(values.collect(), " | "));
        }
        if let Some(forms) = list("anyOf").or_else(|| list("oneOf")) {
            return Self::of_forms(forms);
        }
        match schema.get("type") {
            Some(Value::String(ty)) => Self::of_type(ty, schema),
            Some(Value::Array(types)) => {
                let types = types.iter().filter_map(Value::as_str).map(piece);
                Self::leaf(joined(types.collect(), " or "))
            }
            _ => Self::of_another(schema),
        }
    }

    fn of_forms(forms: &'a [Value]) -> Self {
        // A 64-bit integer may also be written as text. That is for programs.
        let is_wide = forms.iter().any(|form| is_type(form, "integer"));
        let forms = forms.iter().filter(|form| !(is_wide && is_decimal(form)));
        let nodes: Vec<_> = forms.map(Self::of).collect();
        let mut what: Vec<_> = nodes.iter().map(|node| node.what.clone()).collect();
        what.dedup();
        Self {
            what: joined(what, " or "),
            fields: nodes.into_iter().flat_map(|node| node.fields).collect(),
        }
    }

    fn of_type(ty: &str, schema: &'a Value) -> Self {
        match ty {
            "object" => Self {
                what: "object".to_owned(),
                fields: fields(schema),
            },
            "array" => Self::of_list(schema),
            "string" if schema.get("contentEncoding").is_some() => Self::leaf("bytes, as base64"),
            "string" if schema.get("maxLength") == Some(&Value::from(1)) => Self::leaf("character"),
            "integer" | "number" => Self::leaf(range(ty, schema)),
            other => Self::leaf(piece(other)),
        }
    }

    fn of_list(schema: &'a Value) -> Self {
        let (what, nodes) = match (schema.get("prefixItems"), schema.get("items")) {
            (Some(Value::Array(items)), _) => {
                let nodes: Vec<_> = items.iter().map(Self::of).collect();
                let what = nodes.iter().map(|node| node.what.clone()).collect();
                (format!("list [{}]", joined(what, ", ")), nodes)
            }
            (_, Some(item)) => {
                let node = Self::of(item);
                (format!("list of {}", node.what), vec![node])
            }
            _ => ("list".to_owned(), Vec::new()),
        };
        Self {
            what,
            fields: nodes.into_iter().flat_map(|node| node.fields).collect(),
        }
    }

    /// A schema of no form that we know, as it is.
    fn of_another(schema: &'a Value) -> Self {
        let is_any = schema.as_object().is_some_and(|schema| {
            let says_nothing = |key: &String| matches!(key.as_str(), "description" | "title");
            schema.keys().all(says_nothing)
        });
        match (is_any || schema == &Value::Bool(true), schema.get("$ref")) {
            (true, _) => Self::leaf("anything"),
            (false, Some(Value::String(reference))) => {
                Self::leaf(format!("as {}", piece(reference)))
            }
            (false, _) => Self {
                what: piece(&schema.to_string()),
                fields: fields(schema),
            },
        }
    }
}

fn fields(schema: &Value) -> Vec<Field<'_>> {
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let properties = schema.get("properties").and_then(Value::as_object);
    let fields = properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| Field {
            name,
            required: is_required(name),
            schema,
        });
    fields.collect()
}

/// `integer from 0 to 255`.
fn range(ty: &str, schema: &Value) -> String {
    let bound = |key: &str| schema.get(key).filter(|bound| bound.is_number());
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(greatest)) => format!("{ty} from {least} to {greatest}"),
        (Some(least), None) => format!("{ty} from {least}"),
        (None, Some(greatest)) => format!("{ty} to {greatest}"),
        (None, None) => ty.to_owned(),
    }
}

fn is_type(schema: &Value, ty: &str) -> bool {
    schema.get("type").is_some_and(|own| own == ty)
}

/// Whether a text is a decimal number, as the host's own schemas write it.
fn is_decimal(schema: &Value) -> bool {
    let pattern = schema.get("pattern").and_then(Value::as_str);
    is_type(schema, "string") && pattern.is_some_and(|pattern| pattern.starts_with("^(0|"))
}

fn joined(mut parts: Vec<String>, separator: &str) -> String {
    let more = parts.len().saturating_sub(MAX_LISTED);
    parts.truncate(MAX_LISTED);
    if 0 < more {
        parts.push(format!("… {more} more"));
    }
    parts.join(separator)
}

/// A stranger's text for a line: its first line, cut.
fn piece(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    cut(&escape_line(&cut(line, MAX_PIECE_BYTES)), MAX_PIECE_BYTES).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_a_field() {
        let wide = json!({ "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": 18_446_744_073_709_551_615_u64 },
            { "type": "string", "pattern": "^(0|[1-9][0-9]{0,19})$" },
        ] });
        let schema = json!({
            "type": "object",
            "properties": {
                "text": { "type": "string", "description": "what to count\nand more" },
                "seed": { "anyOf": [wide, { "type": "null" }] },
                "options": { "anyOf": [{
                    "type": "object",
                    "properties": {
                        "case": { "enum": ["ignore", "keep"] },
                        "top": { "type": "integer", "minimum": 0, "maximum": 255 },
                    },
                    "required": ["case"],
                }, { "type": "null" }] },
                "pairs": { "type": "array", "items": {
                    "type": "array", "prefixItems": [{ "type": "boolean" }, { "type": "number" }],
                } },
                "data": { "type": "string", "contentEncoding": "base64" },
                "any": {},
                "odd\n\u{1b}": { "not": { "type": "string" } },
                "ref": { "$ref": "#/$defs/x" },
            },
            "required": ["text", "pairs"],
        });
        insta::assert_snapshot!(of(&schema), @r#"
                    text      string: what to count
                    seed?     integer from 0 to 18446744073709551615 or null
                    options?  object or null
                      case  "ignore" | "keep"
                      top?  integer from 0 to 255
                    pairs     list of list [boolean, number]
                    data?     bytes, as base64
                    any?      anything
                    odd?      {"not":{"type":"string"}}
                    ref?      as #/$defs/x
                    "#);
    }

    #[test]
    fn what_is_no_object_is_a_line() {
        assert_eq!(of(&json!({ "type": "string" })), "string");
        assert_eq!(of(&json!({ "type": "object" })), "none");
        assert_eq!(of(&json!({ "type": ["string", "null"] })), "string or null");
    }
}
