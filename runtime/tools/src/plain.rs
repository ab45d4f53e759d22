//! Tools of plain components: each exported function is one.

use std::collections::HashSet;
use std::sync::OnceLock;

use futures_util::future::BoxFuture;
use patinox_sandbox::{Arguments, Export, FunctionType, Sandbox};
use serde_json::Value;

use crate::names::{self, Place};
use crate::spec::{self, MAX_TOOLS, ToolAnnotations};
use crate::tool::{one_line, weigh};
use crate::{Checker, Error, LeftOut, Tool, ToolCall, ToolResult, ToolSpec, schema};

/// An exported function as a tool.
#[derive(Debug)]
pub(crate) struct Function {
    sandbox: Sandbox,
    export: Export,
    described: Described,
    /// Checks what is put in the place of a result; made when it is needed first.
    output: OnceLock<Result<Checker, String>>,
}

/// What an exported function is called by, takes and gives.
#[derive(Debug)]
pub(crate) struct Described {
    /// Its place among the exports.
    position: usize,
    ty: FunctionType,
    pub(crate) spec: ToolSpec,
    pub(crate) signature: String,
}

/// The functions of a component that can be called, and those that cannot.
pub(crate) fn functions(sandbox: &Sandbox) -> (Vec<Function>, Vec<LeftOut>) {
    let exports = sandbox.component().exports();
    let (described, left_out) = describe(exports, ToolAnnotations::of(sandbox));
    let functions = described.into_iter().filter_map(|described| {
        Some(Function {
            sandbox: sandbox.clone(),
            export: exports.get(described.position)?.clone(),
            described,
            output: OnceLock::new(),
        })
    });
    (functions.collect(), left_out)
}

/// Those that can be called, and those that cannot.
pub(crate) fn describe(
    exports: &[Export],
    annotations: ToolAnnotations,
) -> (Vec<Described>, Vec<LeftOut>) {
    let mut left_out = Vec::new();
    let mut callable = Vec::new();
    for (position, export) in exports.iter().enumerate() {
        // It judges the calls of others.
        if export.is_verdict() {
            continue;
        }
        match &export.ty {
            Ok(ty) => callable.push((position, export, ty)),
            Err(reason) => left_out.push(LeftOut::new(&shown(export), reason)),
        }
    }
    let places: Vec<_> = callable
        .iter()
        .map(|(_, export, _)| place(export))
        .collect();
    let mut functions: Vec<Described> = Vec::new();
    let mut taken = HashSet::new();
    for ((position, export, ty), name) in callable.into_iter().zip(names::unique(&places)) {
        let function = if functions.len() == MAX_TOOLS {
            Err("a component has at most 1000 tools")
        } else if taken.contains(&name) {
            Err("another function has its name")
        } else {
            Described::new((position, export, ty), name.clone(), annotations)
        };
        match function {
            Ok(function) => {
                taken.insert(name);
                functions.push(function);
            }
            Err(reason) => left_out.push(LeftOut::new(&shown(export), reason)),
        }
    }
    (functions, left_out)
}

fn place(export: &Export) -> Place<'_> {
    Place {
        interface: export.interface.as_deref(),
        function: &export.name,
    }
}

fn shown(export: &Export) -> String {
    match &export.interface {
        Some(interface) => format!("{interface}#{}", export.name),
        None => export.name.clone(),
    }
}

impl Described {
    fn new(
        (position, export, ty): (usize, &Export, &FunctionType),
        name: String,
        annotations: ToolAnnotations,
    ) -> Result<Self, &'static str> {
        if !spec::is_name(&name) {
            return Err("its name is longer than 128 characters");
        }
        let (input_schema, output_schema) = (schema::input(ty), schema::output(ty));
        let mut schemas = std::iter::once(&input_schema).chain(&output_schema);
        if !schemas.all(schema::is_presentable) {
            return Err("its types are larger than a schema of 64 KiB");
        }
        let signature = ty.to_string();
        let signature = one_line(&format!("{name}{}", signature.trim_start_matches("func")));
        let docs = export.docs.as_deref().map(spec::describe);
        Ok(Self {
            position,
            ty: ty.clone(),
            spec: ToolSpec {
                name,
                title: None,
                description: docs
                    .filter(|docs| !docs.is_empty())
                    .unwrap_or_else(|| signature.clone()),
                input_schema,
                output_schema,
                annotations,
            },
            signature,
        })
    }
}

impl Function {
    fn decode(&self, arguments: &Value) -> Result<Arguments, Error> {
        Ok(self.described.ty.decode(arguments)?)
    }
}

impl Described {
    /// Whether it takes or gives integers of 64 bits.
    pub(crate) fn has_wide_integers(&self) -> bool {
        self.ty.has_wide_integers()
    }
}

impl Function {
    pub(crate) fn has_wide_integers(&self) -> bool {
        self.described.has_wide_integers()
    }
}

impl Tool for Function {
    fn spec(&self) -> &ToolSpec {
        &self.described.spec
    }

    fn signature(&self) -> String {
        self.described.signature.clone()
    }

    fn check(&self, arguments: &Value) -> Result<(), Error> {
        self.decode(arguments).map(drop)
    }

    fn check_result(&self, result: &Value) -> Result<(), String> {
        let Some(schema) = &self.described.spec.output_schema else {
            return match result {
                Value::Null => Ok(()),
                _ => Err("the tool has no result".to_owned()),
            };
        };
        let checker = self.output.get_or_init(|| Checker::new(schema));
        let checked = checker.as_ref().map_err(Clone::clone)?.check(result);
        checked.map_err(|mismatch| mismatch.said_of("the result", "the result's "))
    }

    fn adapt(&self, arguments: &mut Value) {
        self.described.ty.adapt(arguments);
    }

    fn call(&self, call: ToolCall) -> BoxFuture<'_, ToolResult> {
        let (arguments, run) = call.into_parts();
        Box::pin(async move {
            let bytes = match weigh(&arguments, &run.limits) {
                Ok(bytes) => bytes,
                Err((error, bytes)) => return ToolResult::refused(error, run.started, bytes),
            };
            let decoded = match self.decode(&arguments) {
                Ok(decoded) => decoded,
                Err(error) => return ToolResult::refused(error, run.started, bytes),
            };
            // The guest's copy is the one that counts from here.
            drop(arguments);
            let mut outcome = self.sandbox.call(&self.export, &decoded, &run).await;
            outcome.usage.arguments_bytes = bytes;
            ToolResult {
                result: outcome.result.map_err(Error::from),
                usage: outcome.usage,
                output: outcome.output,
                denials: outcome.denials,
                uses: outcome.uses,
            }
        })
    }
}
