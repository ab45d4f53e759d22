//! The tools of a component that is neither linked nor run.

use patinox_sandbox::Outline;

#[cfg(doc)]
use crate::Tools;
use crate::component::unknown;
use crate::plain::{self, Described};
use crate::{Error, LeftOut, ToolAnnotations, ToolSpec};

/// The tools of a component that this host may not be able to run.
///
/// Those of a handler component are not known: it would have to be asked.
#[derive(Debug)]
pub struct ToolOutline {
    tools: Vec<Described>,
    left_out: Vec<LeftOut>,
    inexact: Vec<String>,
}

impl ToolOutline {
    /// What its types tell.
    #[must_use]
    pub fn of(outline: &Outline) -> Self {
        let annotations = match outline.wanted.is_empty() {
            true => ToolAnnotations::derived(),
            false => ToolAnnotations::unknown(),
        };
        let (tools, left_out) = match outline.is_handler() {
            true => (Vec::new(), Vec::new()),
            false => plain::describe(&outline.exports, annotations),
        };
        let wide = tools.iter().filter(|tool| tool.has_wide_integers());
        let inexact = match outline.has_doubles_for_integers {
            true => wide.map(|tool| tool.spec.name.clone()).collect(),
            false => Vec::new(),
        };
        Self {
            tools,
            left_out,
            inexact,
        }
    }

    /// The tools whose integers of 64 bits lose digits: see [`Tools::inexact`].
    #[must_use]
    pub fn inexact(&self) -> &[String] {
        &self.inexact
    }

    /// What each tool is, and its signature.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&ToolSpec, &str)> {
        let tools = self.tools.iter();
        tools.map(|tool| (&tool.spec, tool.signature.as_str()))
    }

    /// The tool of that name.
    ///
    /// # Errors
    ///
    /// If there is none, or it is not known.
    pub fn get(&self, name: &str) -> Result<(&ToolSpec, &str), Error> {
        let found = self.iter().find(|(spec, _)| spec.name == name);
        found.ok_or_else(|| unknown(name, self.iter().map(|(spec, _)| spec)))
    }

    /// The exported functions that are no tools.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }
}
