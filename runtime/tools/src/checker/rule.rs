//! What a value has to be, in words.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use patinox_policy::{Code, Failure, RecoveryStrategy, cut, escape_line};
use serde_json::Value;

use crate::json::MAX_JSON_DEPTH;

/// The longest piece of a value or schema that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 120;

/// The longest list of choices that a message repeats, in bytes.
const MAX_CHOICES_BYTES: usize = 480;

/// A value that does not fit a component's own schema.
///
/// ```
/// use patinox_policy::Failure;
/// use patinox_tools::Checker;
/// use serde_json::json;
///
/// let checker = Checker::new(&json!({ "type": "object", "required": ["text"] }))?;
/// let error = checker.check(&json!({})).unwrap_err();
/// assert_eq!(error.to_string(), "`text` must be given, not left out");
/// assert_eq!(error.code().as_str(), "caller/invalid-arguments");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.said_of("the value", ""))]
pub struct Mismatch {
    /// Where: `options.max`, `lines[2]`; empty for the value as a whole.
    pub path: String,
    /// What it must do, as a clause: `be at most 5`.
    pub rule: String,
    /// What was found, cut and escaped; may be empty.
    pub found: String,
}

impl Failure for Mismatch {
    fn code(&self) -> Code {
        Code::InvalidArguments
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }
}

impl Mismatch {
    /// A rule for the value as a whole.
    pub(super) fn whole(rule: impl Into<String>) -> Self {
        Self {
            path: String::new(),
            rule: rule.into(),
            found: String::new(),
        }
    }

    /// A value deeper than JSON may be.
    pub(crate) fn too_deep() -> Self {
        Self::whole(format!("nest at most {MAX_JSON_DEPTH} deep"))
    }

    /// The sentence, with a word for the value as a whole and one to put
    /// before a part of it.
    pub(crate) fn said_of(&self, whole: &str, part: &str) -> String {
        let Self { path, rule, found } = self;
        let found = match found.as_str() {
            "" => String::new(),
            found => format!(", not {found}"),
        };
        match path.as_str() {
            "" => format!("{whole} must {rule}{found}"),
            path => format!("{part}`{path}` must {rule}{found}"),
        }
    }

    pub(super) fn of(error: &ValidationError<'_>) -> Self {
        let path = readable(error.instance_path().as_str());
        let inside = |name: &str| match path.as_str() {
            "" => shown(name),
            path => format!("{path}.{}", shown(name)),
        };
        match error.kind() {
            ValidationErrorKind::Required { property } => Self {
                path: inside(property.as_str().unwrap_or_default()),
                rule: "be given".to_owned(),
                found: "left out".to_owned(),
            },
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => Self {
                path: inside(unexpected.first().map(String::as_str).unwrap_or_default()),
                rule: "be left out: the schema has no such name".to_owned(),
                found: String::new(),
            },
            kind => Self {
                rule: cut(&rule(kind), MAX_CHOICES_BYTES).into_owned(),
                found: describe(error.instance()),
                path,
            },
        }
    }
}

/// Why a schema was refused, as a clause.
pub(super) fn invalid_schema(error: &ValidationError<'_>) -> String {
    let place = match error.instance_path().as_str() {
        "" => "it".to_owned(),
        path => format!("`{}`", shown(path)),
    };
    let rule = match error.kind() {
        ValidationErrorKind::Format { format } if format == "regex" => {
            "is not a regular expression of linear time and modest size".to_owned()
        }
        ValidationErrorKind::Referencing(_) => "refers outside of the document".to_owned(),
        kind => format!("must {}", rule(kind)),
    };
    cut(&format!("{place} {rule}"), MAX_CHOICES_BYTES).into_owned()
}

/// What a value must do, as a clause.
fn rule(kind: &ValidationErrorKind) -> String {
    use ValidationErrorKind as Kind;
    match kind {
        Kind::Type {
            kind: TypeKind::Single(name),
        } => format!("be of type {name}"),
        Kind::Type {
            kind: TypeKind::Multiple(names),
        } => {
            let names: Vec<_> = names.iter().map(|name| name.to_string()).collect();
            format!("be of type {}", names.join(" or "))
        }
        Kind::Enum { options } => format!("be one of {}", choices(options)),
        Kind::Constant { expected_value } => format!("be {}", describe(expected_value)),
        Kind::Minimum { limit } => format!("be at least {limit}"),
        Kind::Maximum { limit } => format!("be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("be more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("be less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("be a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("have at most {limit} characters"),
        Kind::MinItems { limit } => format!("have at least {limit} items"),
        Kind::MaxItems { limit } => format!("have at most {limit} items"),
        Kind::AdditionalItems { limit } => format!("have at most {limit} items"),
        Kind::UnevaluatedItems { .. } => "have no further items".to_owned(),
        Kind::UniqueItems => "have no item twice".to_owned(),
        Kind::Contains => "contain an item as the schema wants".to_owned(),
        Kind::MinProperties { limit } => format!("have at least {limit} names"),
        Kind::MaxProperties { limit } => format!("have at most {limit} names"),
        Kind::PropertyNames { .. } => "have other names".to_owned(),
        Kind::Pattern { pattern } => format!("match `{}`", shown(pattern)),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => {
            "fit one of the forms that the schema allows".to_owned()
        }
        Kind::OneOfMultipleValid { .. } => "fit only one form of the schema".to_owned(),
        Kind::FalseSchema => "be left out".to_owned(),
        other => format!("keep to `{}` of the schema", shown(other.keyword())),
    }
}

fn choices(options: &Value) -> String {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    // Escaping and joining all of a long list to cut it again would be waste.
    let few: Vec<_> = options
        .iter()
        .take(20)
        .map(|option| format!("`{}`", text(option)))
        .collect();
    let more = if options.len() > few.len() {
        ", …"
    } else {
        ""
    };
    format!("{}{more}", cut(&few.join(", "), MAX_CHOICES_BYTES - 40))
}

/// What was found, short enough for a message.
fn describe(json: &Value) -> String {
    match json {
        Value::Null => "null".to_owned(),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(fields) => format!("an object of {}", fields.len()),
        Value::String(_) => format!("the string `{}`", text(json)),
        Value::Bool(_) | Value::Number(_) => format!("`{json}`"),
    }
}

fn text(json: &Value) -> String {
    match json {
        Value::String(text) => shown(text),
        other => shown(&other.to_string()),
    }
}

fn shown(text: &str) -> String {
    // Cut first: escaping makes a hostile text many times as long.
    let text = cut(text, MAX_ECHO_BYTES);
    cut(&escape_line(&text), MAX_ECHO_BYTES).into_owned()
}

/// A JSON pointer as people write paths: `/lines/2/max` is `lines[2].max`.
fn readable(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        // A hostile document nests deep; the path that a person reads does not.
        if path.len() > MAX_CHOICES_BYTES {
            path.push('…');
            break;
        }
        let step = step.replace("~1", "/").replace("~0", "~");
        if !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push_str(&format!("[{step}]"));
        } else {
            path.push_str(if path.is_empty() { "" } else { "." });
            path.push_str(&shown(&step));
        }
    }
    path
}
