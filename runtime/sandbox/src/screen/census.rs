//! Counts what a component has, before anything allocates by its word.
//!
//! One pass over the bytes, in their order. Every count that a section
//! declares is held to its ceiling before an item of the section is read.

use patinox_policy::{LimitName, LoadLimits};
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    FunctionBody, Instance, Operator, Parser, Payload,
};

use super::interfaces::Interfaces;
use super::{NotAComponent, Refused, invalid, limit};
use crate::engine::Profile;
use crate::facts::Counts;

/// Sections of all modules and components. It stops a file of empty sections,
/// each of which costs its readers a visit.
const MAX_SECTIONS: u64 = 20_000;
/// Types. It stops the type checker, whose work grows with them.
const MAX_TYPES: u64 = 50_000;
/// Imports, each a name to be looked up.
const MAX_IMPORTS: u64 = 20_000;
/// Exports, each a name to be kept.
const MAX_EXPORTS: u64 = 50_000;
/// Aliases, instances and canonical functions: what joins the parts together.
const MAX_JOINTS: u64 = 50_000;
/// Globals, tables and memories that modules declare.
const MAX_STATE_ITEMS: u64 = 50_000;
/// Data and element segments. `StarlingMonkey` has exactly 10 000.
const MAX_SEGMENTS: u64 = 30_000;
/// Bytes of one function. It stops a function for which the register allocator
/// needs minutes; the largest of an interpreter has 427 KB.
const MAX_BODY_BYTES: u64 = 1 << 20;
/// Locals of one function. They are declared in a few bytes, and each costs the
/// compiler memory in every block.
const MAX_LOCALS: u64 = 10_000;
/// Targets of one `br_table`; interpreters have up to 3 202.
const MAX_BR_TABLE: u64 = 10_000;
/// Bytes of a name; mangled C++ has up to 162.
const MAX_NAME_BYTES: u64 = 1_000;

/// What a census has found.
pub(super) struct Taken {
    /// By what it has to be metered.
    pub(super) profile: Profile,
    pub(super) counts: Counts,
    /// The imports that no host has of itself, sorted.
    pub(super) wanted: Vec<String>,
}

/// Counts a whole component.
pub(super) fn take(bytes: &[u8], limits: &LoadLimits) -> Result<Taken, Refused> {
    let mut census = Census::new(limits);
    for payload in Parser::new(0).parse_all(bytes) {
        census.visit(payload?)?;
    }
    Ok(Taken {
        profile: census.profile,
        counts: census.counts,
        wanted: census.interfaces.finish()?,
    })
}

/// What has been counted so far.
struct Census<'a> {
    limits: &'a LoadLimits,
    counts: Counts,
    sections: u64,
    types: u64,
    imports: u64,
    exports: u64,
    joints: u64,
    state_items: u64,
    segments: u64,
    profile: Profile,
    interfaces: Interfaces,
    /// The components and modules that are open, the outermost first.
    open: Vec<Scope>,
}

/// A component or module that is being read.
#[derive(Default)]
struct Scope {
    /// Core instances that one instance of it makes.
    instances: u64,
    /// The same of each component in its index space.
    components: Vec<u64>,
    is_module: bool,
}

impl<'a> Census<'a> {
    fn new(limits: &'a LoadLimits) -> Self {
        Self {
            limits,
            counts: Counts::default(),
            sections: 0,
            types: 0,
            imports: 0,
            exports: 0,
            joints: 0,
            state_items: 0,
            segments: 0,
            profile: Profile::Lean,
            interfaces: Interfaces::default(),
            open: vec![Scope::default()],
        }
    }

    fn visit(&mut self, payload: Payload<'_>) -> Result<(), Refused> {
        if !matches!(payload, Payload::CodeSectionEntry(_)) {
            count("sections", &mut self.sections, 1, MAX_SECTIONS)?;
        }
        // What the outermost component lifts or lowers comes from the host or
        // goes to it. Inside another, the other side may be a guest as well, and
        // then the engine copies between them.
        if matches!(payload, Payload::ComponentCanonicalSection(_)) && 1 < self.open.len() {
            self.profile = Profile::Strict;
        }
        match payload {
            Payload::ModuleSection { .. } => self.enter(true),
            Payload::ComponentSection { .. } => self.enter(false),
            Payload::End(_) => {
                self.leave();
                Ok(())
            }
            Payload::CodeSectionEntry(body) => function(&body),
            Payload::FunctionSection(section) => self.functions(section.count()),
            Payload::TypeSection(section) => self.types(section.count()),
            Payload::CoreTypeSection(section) => self.types(section.count()),
            Payload::ComponentTypeSection(section) => {
                self.types(section.count())?;
                if self.is_outermost() {
                    for ty in section {
                        self.interfaces.declare(&ty?);
                    }
                }
                Ok(())
            }
            other => self.visit_names(other),
        }
    }

    fn visit_names(&mut self, payload: Payload<'_>) -> Result<(), Refused> {
        match payload {
            Payload::ImportSection(section) => {
                count("imports", &mut self.imports, section.count(), MAX_IMPORTS)?;
                for import in section.into_imports() {
                    let import = import?;
                    name(import.module)?;
                    name(import.name)?;
                }
                Ok(())
            }
            Payload::ExportSection(section) => {
                count("exports", &mut self.exports, section.count(), MAX_EXPORTS)?;
                section
                    .into_iter()
                    .try_for_each(|export| name(export?.name))
            }
            Payload::ComponentImportSection(section) => {
                count("imports", &mut self.imports, section.count(), MAX_IMPORTS)?;
                for import in section {
                    let import = import?;
                    name(import.name.name)?;
                    if self.is_outermost() {
                        self.interfaces.import(&import);
                    }
                    if matches!(import.ty, wasmparser::ComponentTypeRef::Component(_)) {
                        self.add_component(1);
                    }
                }
                Ok(())
            }
            Payload::ComponentExportSection(section) => {
                count("exports", &mut self.exports, section.count(), MAX_EXPORTS)?;
                for export in section {
                    let export = export?;
                    name(export.name.name)?;
                    if self.is_outermost() {
                        self.interfaces.export(&export);
                    }
                    // An export is an item of its own in the index space.
                    if export.kind == ComponentExternalKind::Component {
                        self.add_component(self.component(export.index));
                    }
                }
                Ok(())
            }
            other => self.visit_state(other),
        }
    }

    fn visit_state(&mut self, payload: Payload<'_>) -> Result<(), Refused> {
        let (what, counter, section, ceiling) = match payload {
            Payload::GlobalSection(section) => (
                "globals",
                &mut self.state_items,
                section.count(),
                MAX_STATE_ITEMS,
            ),
            Payload::TableSection(section) => (
                "tables",
                &mut self.state_items,
                section.count(),
                MAX_STATE_ITEMS,
            ),
            Payload::MemorySection(section) => (
                "memories",
                &mut self.state_items,
                section.count(),
                MAX_STATE_ITEMS,
            ),
            Payload::ElementSection(section) => (
                "element segments",
                &mut self.segments,
                section.count(),
                MAX_SEGMENTS,
            ),
            Payload::DataSection(section) => (
                "data segments",
                &mut self.segments,
                section.count(),
                MAX_SEGMENTS,
            ),
            Payload::ComponentCanonicalSection(section) => (
                "canonical functions",
                &mut self.joints,
                section.count(),
                MAX_JOINTS,
            ),
            other => return self.visit_instances(other),
        };
        count(what, counter, section, ceiling)
    }

    fn visit_instances(&mut self, payload: Payload<'_>) -> Result<(), Refused> {
        match payload {
            Payload::InstanceSection(section) => {
                count("instances", &mut self.joints, section.count(), MAX_JOINTS)?;
                for instance in section {
                    if let Instance::Instantiate { .. } = instance? {
                        self.add_instances(1)?;
                    }
                }
                Ok(())
            }
            Payload::ComponentInstanceSection(section) => {
                count("instances", &mut self.joints, section.count(), MAX_JOINTS)?;
                for instance in section {
                    if let ComponentInstance::Instantiate {
                        component_index, ..
                    } = instance?
                    {
                        self.add_instances(self.component(component_index))?;
                    }
                }
                Ok(())
            }
            Payload::ComponentAliasSection(section) => {
                count("aliases", &mut self.joints, section.count(), MAX_JOINTS)?;
                section.into_iter().try_for_each(|alias| {
                    self.alias(&alias?);
                    Ok(())
                })
            }
            _ => Ok(()),
        }
    }

    const fn is_outermost(&self) -> bool {
        self.open.len() == 1
    }

    fn functions(&mut self, more: u32) -> Result<(), Refused> {
        let functions = &mut self.counts.functions;
        *functions = functions.saturating_add(more.into());
        limit(LimitName::Functions, self.limits.functions, *functions)
    }

    fn types(&mut self, more: u32) -> Result<(), Refused> {
        count("types", &mut self.types, more, MAX_TYPES)
    }

    fn enter(&mut self, is_module: bool) -> Result<(), Refused> {
        self.open.push(Scope {
            is_module,
            ..Scope::default()
        });
        let depth = u64::try_from(self.open.len()).unwrap_or(u64::MAX);
        self.counts.nesting = self.counts.nesting.max(depth);
        limit(LimitName::Nesting, self.limits.nesting, depth)
    }

    /// Closes a scope; a component becomes one more of those around it.
    fn leave(&mut self) {
        if let Some(closed) = self.open.pop().filter(|closed| !closed.is_module) {
            self.add_component(closed.instances);
        }
    }

    fn add_component(&mut self, instances: u64) {
        if let Some(scope) = self.open.last_mut() {
            scope.components.push(instances);
        }
    }

    /// What one instance of a component makes. One that is not known here came
    /// from outside, and nothing outside offers components.
    fn component(&self, index: u32) -> u64 {
        let known = self.open.last().and_then(|scope| {
            let index = usize::try_from(index).ok()?;
            scope.components.get(index).copied()
        });
        known.unwrap_or(1)
    }

    fn add_instances(&mut self, more: u64) -> Result<(), Refused> {
        let Some(scope) = self.open.last_mut() else {
            return Ok(());
        };
        scope.instances = scope.instances.saturating_add(more);
        let most = &mut self.counts.all_instances;
        *most = scope.instances.max(*most);
        limit(
            LimitName::AllInstances,
            self.limits.all_instances,
            scope.instances,
        )
    }

    /// An alias of a component is one more of them.
    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        if self.is_outermost() {
            self.interfaces.alias(alias);
        }
        match alias {
            ComponentAlias::Outer {
                kind: ComponentOuterAliasKind::Component,
                count,
                index,
            } => {
                let outer = usize::try_from(*count).ok();
                let scope = outer
                    .and_then(|count| self.open.len().checked_sub(count.checked_add(1)?))
                    .and_then(|at| self.open.get(at));
                let index = usize::try_from(*index).ok();
                let known = scope.and_then(|scope| scope.components.get(index?).copied());
                self.add_component(known.unwrap_or(1));
            }
            ComponentAlias::InstanceExport {
                kind: ComponentExternalKind::Component,
                ..
            } => {
                // Which one it is follows from types that are not read here: it
                // counts as the dearest that is known.
                let dearest = self.open.iter().flat_map(|scope| &scope.components).max();
                self.add_component(dearest.copied().unwrap_or(1));
            }
            _ => {}
        }
    }
}

/// Holds one function to its ceilings.
fn function(body: &FunctionBody<'_>) -> Result<(), Refused> {
    let range = body.range();
    let len = u64::try_from(range.end.saturating_sub(range.start)).unwrap_or(u64::MAX);
    ceiling("bytes of one function", len, MAX_BODY_BYTES)?;
    let mut locals = 0_u64;
    for group in body.get_locals_reader()? {
        locals = locals.saturating_add(group?.0.into());
        ceiling("locals of one function", locals, MAX_LOCALS)?;
    }
    for operator in body.get_operators_reader()? {
        if let Operator::BrTable { targets } = operator? {
            ceiling(
                "targets of one `br_table`",
                targets.len().into(),
                MAX_BR_TABLE,
            )?;
        }
    }
    Ok(())
}

fn name(name: &str) -> Result<(), Refused> {
    let len = u64::try_from(name.len()).unwrap_or(u64::MAX);
    ceiling("bytes of a name", len, MAX_NAME_BYTES)
}

fn count(what: &'static str, counter: &mut u64, more: u32, allowed: u64) -> Result<(), Refused> {
    *counter = counter.saturating_add(more.into());
    ceiling(what, *counter, allowed)
}

fn ceiling(what: &'static str, found: u64, allowed: u64) -> Result<(), Refused> {
    if allowed < found {
        return Err(NotAComponent::TooLarge {
            what,
            found,
            allowed,
        }
        .into());
    }
    Ok(())
}

impl From<wasmparser::BinaryReaderError> for Refused {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        invalid(&error).into()
    }
}
