//! What checking values against a stranger's schema can cost, known before it
//! is paid.
//!
//! A schema of a few lines can keep a checker busy for years (references that
//! double at each level, recursion that tries every branch at each depth) or
//! overflow its stack. So a schema is unrolled once, when it is loaded: for
//! each depth of a value, how much work its schemas can be there, and how many
//! calls deep. Work times the size of the value at that depth bounds the cost
//! of a check from above.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::json::MAX_JSON_DEPTH;

/// The most schemas that references may point at.
///
/// A reference can lead anywhere in the document, so the depth of the document
/// does not bound how deep its compilation recurses; this does, with it.
const MAX_REF_TARGETS: usize = 128;

/// The most work and stack a schema can be, by depth of the value.
#[derive(Debug)]
pub(super) struct Cost {
    levels: Vec<Level>,
    /// How many regular expressions it has.
    pub(super) patterns: usize,
    /// Whether a part of it refers to another.
    pub(super) refers: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Level {
    /// Schemas that can apply to one value here, weighed by their keywords.
    work: u64,
    /// The same, unweighed.
    schemas: u64,
    /// Calls within calls, from the root to here.
    stack: u64,
}

/// An upper bound for one check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bound {
    /// Units of work: one keyword on one value, or eight bytes of text.
    pub(super) work: u64,
    /// Schemas on values: how many errors there can be.
    pub(super) errors: u64,
    /// Calls within calls.
    pub(super) stack: u64,
}

/// A value's size at one depth.
#[derive(Clone, Copy, Default)]
struct Size {
    values: u64,
    weight: u64,
}

impl Cost {
    /// Unrolls a schema.
    ///
    /// The error says which rule the schema breaks.
    pub(super) fn of(schema: &Value) -> Result<Self, String> {
        let graph = Graph::of(schema)?;
        let order = graph.in_place_order()?;
        Ok(Self {
            levels: graph.unroll(&order),
            patterns: graph.patterns,
            refers: !graph.ref_targets.is_empty(),
        })
    }

    /// What a check of this value can cost.
    pub(super) fn bound(&self, value: &Value) -> Bound {
        let mut sizes = vec![Size::default(); self.levels.len()];
        measure(value, &mut sizes);
        let mut bound = Bound::default();
        for (level, size) in self
            .levels
            .iter()
            .zip(sizes)
            .filter(|(_, size)| size.values > 0)
        {
            bound.work = bound
                .work
                .saturating_add(level.work.saturating_mul(size.weight));
            bound.errors = bound
                .errors
                .saturating_add(level.schemas.saturating_mul(size.values));
            bound.stack = level.stack;
        }
        bound
    }
}

/// Adds up a value's size by depth, as deep as there are schemas.
fn measure(value: &Value, sizes: &mut [Size]) {
    let Some((size, deeper)) = sizes.split_first_mut() else {
        return;
    };
    let text = |text: &str| text.len() as u64 / 8;
    let weight = match value {
        Value::String(string) => text(string),
        Value::Array(items) => items.len() as u64,
        Value::Object(fields) => fields.keys().map(|key| 1 + text(key)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size.values = size.values.saturating_add(1);
    size.weight = size.weight.saturating_add(1 + weight);
    match value {
        Value::Array(items) => items.iter().for_each(|item| measure(item, deeper)),
        Value::Object(fields) => fields.values().for_each(|item| measure(item, deeper)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The schemas of a document and how they lead to each other. The first is
/// the root.
#[derive(Default)]
struct Graph<'a> {
    root: Option<&'a Value>,
    nodes: Vec<Node<'a>>,
    /// By address: the document does not move while it is read.
    index: HashMap<usize, usize>,
    ref_targets: HashMap<&'a str, usize>,
    patterns: usize,
}

struct Node<'a> {
    schema: &'a Value,
    weight: u64,
    /// Schemas applied to the same value.
    in_place: Vec<usize>,
    /// Schemas applied to a value's parts.
    parts: Vec<usize>,
}

impl<'a> Graph<'a> {
    fn of(schema: &'a Value) -> Result<Self, String> {
        let mut graph = Self {
            root: Some(schema),
            ..Self::default()
        };
        graph.node(schema);
        let mut next = 0;
        while let Some(node) = graph.nodes.get(next) {
            if let Value::Object(keywords) = node.schema {
                graph.read(next, keywords)?;
            }
            next += 1;
        }
        Ok(graph)
    }

    fn node(&mut self, schema: &'a Value) -> usize {
        let address = std::ptr::from_ref(schema).addr();
        *self.index.entry(address).or_insert_with(|| {
            self.nodes.push(Node {
                schema,
                weight: 1,
                in_place: Vec::new(),
                parts: Vec::new(),
            });
            self.nodes.len() - 1
        })
    }

    fn read(&mut self, at: usize, keywords: &'a Map<String, Value>) -> Result<(), String> {
        let (mut in_place, mut parts, mut weight) = (Vec::new(), Vec::new(), 1);
        for (keyword, value) in keywords {
            match keyword.as_str() {
                "$ref" => in_place.push(self.target(value)?),
                "not" | "if" | "then" | "else" => in_place.push(self.node(value)),
                "allOf" | "anyOf" | "oneOf" | "dependentSchemas" | "dependencies" => {
                    in_place.extend(children(value).map(|child| self.node(child)));
                }
                "additionalProperties"
                | "additionalItems"
                | "contains"
                | "propertyNames"
                | "unevaluatedItems"
                | "unevaluatedProperties" => parts.push(self.node(value)),
                "items" if value.is_object() || value.is_boolean() => parts.push(self.node(value)),
                "items" | "prefixItems" | "properties" | "patternProperties" => {
                    parts.extend(children(value).map(|child| self.node(child)));
                }
                // They apply to nothing by themselves, but are read with the rest.
                "$defs" | "definitions" => children(value).for_each(|child| _ = self.node(child)),
                "$dynamicRef" | "$dynamicAnchor" | "$recursiveRef" | "$recursiveAnchor" => {
                    return Err(format!("`{keyword}` is not supported"));
                }
                "$id" | "id" | "$schema" if value.is_string() => {
                    return Err(format!("`{keyword}` is only allowed at the top"));
                }
                _ => {}
            }
            weight += self.weigh(keyword, value);
        }
        if keywords
            .keys()
            .any(|keyword| keyword.starts_with("unevaluated"))
        {
            // To know what is left over, the checker goes through them again.
            in_place.extend_from_within(..);
        }
        if let Some(node) = self.nodes.get_mut(at) {
            (node.in_place, node.parts, node.weight) = (in_place, parts, weight);
        }
        Ok(())
    }

    /// What a keyword costs beyond the schemas that it applies.
    fn weigh(&mut self, keyword: &str, value: &Value) -> u64 {
        match (keyword, value) {
            ("enum" | "const", value) => count(value),
            ("required" | "dependentRequired" | "properties", value) => {
                children(value).count() as u64
            }
            ("pattern", Value::String(pattern)) => self.weigh_pattern(pattern),
            ("patternProperties", Value::Object(patterns)) => patterns
                .keys()
                .map(|pattern| self.weigh_pattern(pattern))
                .fold(0, u64::saturating_add),
            _ => 1,
        }
    }

    /// A regular expression takes at most its length, repetitions written out,
    /// for each byte.
    fn weigh_pattern(&mut self, pattern: &str) -> u64 {
        self.patterns += 1;
        let repetitions = pattern.split('{').skip(1).filter_map(|rest| {
            let bounds = rest.split('}').next()?;
            bounds
                .split(',')
                .filter_map(|bound| bound.trim().parse::<u64>().ok())
                .max()
        });
        repetitions.fold(pattern.len() as u64, |length, times| {
            length.saturating_mul(times.max(1))
        })
    }

    /// The schema that a `$ref` points at, inside the document.
    fn target(&mut self, reference: &'a Value) -> Result<usize, String> {
        let text = reference.as_str().unwrap_or_default();
        if let Some(known) = self.ref_targets.get(text) {
            return Ok(*known);
        }
        if self.ref_targets.len() == MAX_REF_TARGETS {
            return Err(format!(
                "its `$ref`s point at more than {MAX_REF_TARGETS} schemas"
            ));
        }
        let pointer = text.strip_prefix('#').and_then(percent_decoded);
        let pointer = pointer.filter(|pointer| pointer.is_empty() || pointer.starts_with('/'));
        let Some(pointer) = pointer else {
            return Err("a `$ref` does not point inside the document as `#/…`".to_owned());
        };
        let found = self.root.and_then(|root| root.pointer(&pointer));
        let Some(schema) = found.filter(|found| found.is_object() || found.is_boolean()) else {
            return Err("a `$ref` points at no schema of the document".to_owned());
        };
        let target = self.node(schema);
        self.ref_targets.insert(text, target);
        Ok(target)
    }

    /// The schemas in an order in which each stands before those that it
    /// applies to the same value.
    fn in_place_order(&self) -> Result<Vec<usize>, String> {
        let mut waiting = vec![0_usize; self.nodes.len()];
        let all = || self.nodes.iter().flat_map(|node| &node.in_place);
        for target in all() {
            if let Some(count) = waiting.get_mut(*target) {
                *count += 1;
            }
        }
        let free = waiting.iter().enumerate().filter(|(_, count)| **count == 0);
        let mut order: Vec<_> = free.map(|(at, _)| at).collect();
        let mut next = 0;
        while let Some(node) = order.get(next).and_then(|at| self.nodes.get(*at)) {
            for target in &node.in_place {
                let Some(count) = waiting.get_mut(*target) else {
                    continue;
                };
                *count -= 1;
                if *count == 0 {
                    order.push(*target);
                }
            }
            next += 1;
        }
        if order.len() < self.nodes.len() {
            return Err("a `$ref` leads back to itself".to_owned());
        }
        Ok(order)
    }

    /// Goes down level by level, until nothing applies or no value is deeper.
    fn unroll(&self, order: &[usize]) -> Vec<Level> {
        let none = vec![Visit::default(); self.nodes.len()];
        let mut here = none.clone();
        if let Some(root) = here.first_mut() {
            *root = Visit { times: 1, stack: 1 };
        }
        let mut levels = Vec::new();
        while levels.len() <= MAX_JSON_DEPTH && here.iter().any(|visit| visit.times > 0) {
            let mut deeper = none.clone();
            let mut level = Level::default();
            for at in order {
                let (Some(node), Some(visit)) = (self.nodes.get(*at), here.get(*at).copied())
                else {
                    continue;
                };
                level.work = level
                    .work
                    .saturating_add(node.weight.saturating_mul(visit.times));
                level.schemas = level.schemas.saturating_add(visit.times);
                level.stack = level.stack.max(visit.stack);
                visit.pass_on(&node.in_place, &mut here);
                visit.pass_on(&node.parts, &mut deeper);
            }
            levels.push(level);
            here = deeper;
        }
        levels
    }
}

/// How often a schema applies to one value, and how deep in calls.
#[derive(Clone, Copy, Default)]
struct Visit {
    times: u64,
    stack: u64,
}

impl Visit {
    fn pass_on(self, to: &[usize], visits: &mut [Self]) {
        if self.times == 0 {
            return;
        }
        for at in to {
            let Some(visit) = visits.get_mut(*at) else {
                continue;
            };
            visit.times = visit.times.saturating_add(self.times);
            visit.stack = visit.stack.max(self.stack + 1);
        }
    }
}

/// The values right inside an array or object.
fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Box::new(std::iter::empty())
        }
    }
}

/// How many values there are in a value, itself included.
fn count(value: &Value) -> u64 {
    1 + children(value).map(count).sum::<u64>()
}

/// A URI fragment's text; `None` if it is none.
fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}
