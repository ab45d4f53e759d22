//! The tools of one component.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use patinox_policy::{cut, escape_line, nearest};
use patinox_sandbox::{Run, Sandbox};

use crate::error::names;
use crate::spec::is_name;
use crate::{Error, Tool, ToolSpec, handler, plain};

/// The longest part of a function's name or of a reason, in bytes.
const MAX_LEFT_OUT_BYTES: usize = 200;

/// The tools of one component, in the order in which it has them; none of one that only
/// judges the calls of others.
#[derive(Clone, Debug)]
pub struct Tools {
    tools: Vec<Arc<dyn Tool>>,
    left_out: Vec<LeftOut>,
    inexact: Vec<String>,
}

/// An exported function that is no tool, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name with its interface; escaped and cut.
    pub function: String,
    /// Why it cannot be called.
    pub reason: String,
}

impl LeftOut {
    pub(crate) fn new(function: &str, reason: &str) -> Self {
        let short = |text| cut(&escape_line(text), MAX_LEFT_OUT_BYTES).into_owned();
        Self {
            function: short(function),
            reason: short(reason),
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.function, self.reason)
    }
}

impl Tools {
    /// Finds the tools of a component.
    ///
    /// Of a plain component they follow from its types, and nothing of it
    /// runs. A handler component is asked once, in an instance of its own,
    /// under `run`.
    ///
    /// # Errors
    ///
    /// If there is nothing that can be called, or the component lists its
    /// tools against the rules or not within its limits.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the guest and frees all it held.
    pub async fn of(sandbox: &Sandbox, run: Run) -> Result<Self, Error> {
        let component = sandbox.component();
        let found = if component.is_handler() {
            let listed = handler::list(sandbox, run).await?;
            Self {
                tools: listed
                    .into_iter()
                    .map(|tool| Arc::new(tool) as Arc<dyn Tool>)
                    .collect(),
                left_out: Vec::new(),
                inexact: Vec::new(),
            }
        } else {
            let (functions, left_out) = plain::functions(sandbox);
            let wide = functions.iter().filter(|tool| tool.has_wide_integers());
            let inexact = match sandbox.component().has_doubles_for_integers() {
                true => wide.map(|tool| tool.spec().name.clone()).collect(),
                false => Vec::new(),
            };
            Self {
                tools: functions
                    .into_iter()
                    .map(|tool| Arc::new(tool) as Arc<dyn Tool>)
                    .collect(),
                left_out,
                inexact,
            }
        };
        if found.tools.is_empty() && !component.is_validator() {
            let left_out = found.left_out;
            return Err(Error::NothingCallable { left_out });
        }
        Ok(found)
    }

    /// Takes tools of an embedder's own together.
    ///
    /// # Errors
    ///
    /// If there is none, or two have one name, or a name is none that a
    /// component's tool could have.
    pub fn native(tools: Vec<Arc<dyn Tool>>) -> Result<Self, Error> {
        let mut taken = HashSet::new();
        for tool in &tools {
            let name = &tool.spec().name;
            if !is_name(name) {
                return Err(Error::no_name(name));
            }
            if !taken.insert(name.clone()) {
                return Err(Error::NameTaken { name: name.clone() });
            }
        }
        let left_out = Vec::new();
        match tools.is_empty() {
            true => Err(Error::NothingCallable { left_out }),
            false => Ok(Self {
                tools,
                left_out,
                inexact: Vec::new(),
            }),
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<dyn Tool>> {
        self.tools.iter()
    }

    /// The exported functions that are no tools.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The tools that take or give integers of 64 bits and cannot hold them: beyond
    /// 2^53 they lose digits without an error, as JavaScript in `QuickJS` does. Of
    /// a component that lists its tools itself it is not known.
    #[must_use]
    pub fn inexact(&self) -> &[String] {
        &self.inexact
    }

    /// The tool of that name.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn get(&self, name: &str) -> Result<&Arc<dyn Tool>, Error> {
        if self.tools.is_empty() {
            return Err(Error::IsValidator);
        }
        let found = self.tools.iter().find(|tool| tool.spec().name == name);
        found.ok_or_else(|| unknown(name, self.iter().map(|tool| tool.spec())))
    }

    /// The only tool.
    ///
    /// # Errors
    ///
    /// If there are several.
    pub fn only(&self) -> Result<&Arc<dyn Tool>, Error> {
        match self.tools.as_slice() {
            [tool] => Ok(tool),
            [] => Err(Error::IsValidator),
            _ => Err(Error::ToolRequired {
                count: self.tools.len(),
                known: self.names(),
            }),
        }
    }

    fn names(&self) -> String {
        names(self.tools.iter().map(|tool| tool.spec().name.as_str()))
    }
}

pub(crate) fn unknown<'a>(name: &str, tools: impl Iterator<Item = &'a ToolSpec>) -> Error {
    let known: Vec<_> = tools.map(|tool| tool.name.as_str()).collect();
    Error::UnknownTool {
        name: cut(&escape_line(name), MAX_LEFT_OUT_BYTES).into_owned(),
        near: nearest(name, known.iter()).map(|near| (*near).to_owned()),
        known: names(known.into_iter()),
    }
}
