//! Checks values against a component's own JSON Schema.

mod cost;
mod rule;

use std::fmt;
use std::thread;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use crate::json::{MAX_JSON_DEPTH, nests_within};
use cost::{Bound, Cost};
pub use rule::Mismatch;

/// The most work that one check may be, in units of roughly ten nanoseconds.
///
/// It stops schemas on which a check takes longer than any call may.
const MAX_WORK: u64 = 100_000_000;

/// The most work that is done where the caller stands. More would hold up
/// other calls, so it goes to a thread for blocking work.
const MAX_INLINE_WORK: u64 = 500_000;

/// How deep the checker may call itself.
///
/// It stops schemas that overflow the stack of a thread (2 MiB). Schemas that
/// people write stay below 100.
const MAX_STACK: u64 = 400;

/// The most errors that may come up while one is looked for.
///
/// The checker gathers the errors of every branch of an `anyOf`; this stops
/// an array of a million wrong items from filling the host's memory.
const MAX_ERRORS: u64 = 100_000;

/// The most regular expressions in the schemas of one component.
///
/// With [`MAX_PATTERN_BYTES`] it bounds what its compiled patterns hold to
/// 64 MiB.
pub(crate) const MAX_PATTERNS: usize = 256;

/// The most memory that one compiled regular expression may hold.
///
/// It stops `\p{L}{1,10000}`: a few bytes that compile to many megabytes.
const MAX_PATTERN_BYTES: usize = 256 << 10;

/// The stack of the thread that compiles a schema, which recurses along
/// references; the checks themselves stay within [`MAX_STACK`].
const COMPILE_STACK_BYTES: usize = 64 << 20;

/// A schema without references or patterns that nests no deeper is compiled
/// where the caller stands.
const INLINE_DEPTH: usize = 8;

/// A schema that is ready to check values.
///
/// It is made once, when the component is loaded. References are resolved
/// inside the document alone: no file and no network, ever. Regular
/// expressions run in linear time, and every check has a bound that is known
/// before it begins.
///
/// ```
/// use patinox_tools::Checker;
/// use serde_json::json;
///
/// let schema = json!({ "type": "object", "properties": { "max": { "maximum": 5 } } });
/// let checker = Checker::new(&schema)?;
/// assert!(checker.check(&json!({ "max": 5 })).is_ok());
///
/// let error = checker.check(&json!({ "max": 6 })).unwrap_err();
/// assert_eq!(error.path, "max");
/// assert_eq!(error.to_string(), "`max` must be at most 5, not `6`");
/// # Ok::<(), String>(())
/// ```
pub struct Checker {
    validator: Validator,
    cost: Cost,
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checker")
            .field("cost", &self.cost)
            .finish_non_exhaustive()
    }
}

impl Checker {
    /// Compiles a schema. It can take milliseconds of a processor.
    ///
    /// # Errors
    ///
    /// If the schema is invalid, in a dialect other than 2020-12 and draft 7,
    /// points outside of itself, or would cost too much to apply. The text
    /// says which, as a clause.
    pub fn new(schema: &Value) -> Result<Self, String> {
        let mut schema = schema.clone();
        let draft = take_dialect(&mut schema)?;
        let cost = Cost::of(&schema)?;
        let nothing = cost.bound(&Value::Null);
        if nothing.work > MAX_WORK || nothing.stack > MAX_STACK {
            return Err("its parts refer to each other too often".to_owned());
        }
        if cost.patterns > MAX_PATTERNS {
            return Err(format!(
                "it has more than {MAX_PATTERNS} regular expressions"
            ));
        }
        let is_plain = cost.patterns == 0 && !cost.refers && nests_within(&schema, INLINE_DEPTH);
        let validator = match is_plain {
            true => build(&schema, draft)?,
            false => build_on_a_thread(&schema, draft)?,
        };
        Ok(Self { validator, cost })
    }

    /// How many regular expressions it has.
    pub(crate) const fn patterns(&self) -> usize {
        self.cost.patterns
    }

    /// Whether a check of this value is too much work to be done in passing.
    pub(crate) fn is_heavy(&self, value: &Value) -> bool {
        self.cost.bound(value).work > MAX_INLINE_WORK
    }

    /// Checks a value.
    ///
    /// # Errors
    ///
    /// If the value does not fit the schema; the error says where and what was
    /// expected. Also if it is so large or deep that checking it could take
    /// too long.
    pub fn check(&self, value: &Value) -> Result<(), Mismatch> {
        if !nests_within(value, MAX_JSON_DEPTH) {
            return Err(Mismatch::too_deep());
        }
        let bound = self.cost.bound(value);
        if bound.work > MAX_WORK || bound.stack > MAX_STACK {
            let rule = "be smaller or less deep, for this schema to be checked in time";
            return Err(Mismatch::whole(rule));
        }
        if self.validator.is_valid(value) {
            return Ok(());
        }
        Err(self.explain(value, bound))
    }

    fn explain(&self, value: &Value, bound: Bound) -> Mismatch {
        let error = match bound.errors <= MAX_ERRORS {
            true => self.validator.validate(value).err(),
            false => None,
        };
        match error {
            Some(error) => Mismatch::of(&error),
            None => Mismatch::whole("fit the schema"),
        }
    }
}

/// Takes what names the schema and its dialect out of it: from here on it is
/// known by its place alone.
fn take_dialect(schema: &mut Value) -> Result<Draft, String> {
    let Some(keywords) = schema.as_object_mut() else {
        return Ok(Draft::Draft202012);
    };
    keywords.shift_remove("$id");
    let Some(dialect) = keywords.shift_remove("$schema") else {
        return Ok(Draft::Draft202012);
    };
    let dialect = dialect.as_str().unwrap_or_default();
    let (_, name) = dialect
        .trim_end_matches('#')
        .split_once("://")
        .unwrap_or_default();
    match name {
        "json-schema.org/draft/2020-12/schema" => Ok(Draft::Draft202012),
        "json-schema.org/draft-07/schema" => Ok(Draft::Draft7),
        _ => Err("its `$schema` is neither 2020-12 nor draft 7".to_owned()),
    }
}

fn build(schema: &Value, draft: Draft) -> Result<Validator, String> {
    let patterns = PatternOptions::regex()
        .size_limit(MAX_PATTERN_BYTES)
        .dfa_size_limit(MAX_PATTERN_BYTES);
    jsonschema::options()
        .with_draft(draft)
        .offline()
        .should_validate_formats(false)
        .with_pattern_options(patterns)
        // Draft 7 would read a text as JSON for each keyword that says it is.
        .without_content_media_type_support("application/json")
        .without_content_encoding_support("base64")
        .build(schema)
        .map_err(|error| rule::invalid_schema(&error))
}

fn build_on_a_thread(schema: &Value, draft: Draft) -> Result<Validator, String> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(COMPILE_STACK_BYTES);
        let thread = thread
            .name("patinox-schema".to_owned())
            .spawn_scoped(scope, || build(schema, draft));
        let thread = thread.map_err(|_| "no thread to compile it on".to_owned())?;
        let result = thread.join();
        result.unwrap_or_else(|_| Err("it cannot be compiled".to_owned()))
    })
}

#[cfg(test)]
mod tests;
