//! What a component imports, as far as it can be told without its types being
//! checked: what this host can never offer is refused before it is compiled.

use wasmparser::{
    ComponentAlias, ComponentExport, ComponentExternalKind, ComponentImport,
    ComponentOuterAliasKind, ComponentType, ComponentTypeRef, InstanceTypeDeclaration, TypeBounds,
};

use super::Refused;
use crate::imports::{self, Imports};

/// Names that are kept for the message.
const MAX_NAMES: usize = 1_000;

/// The types and imports of the outermost component.
///
/// What cannot be told is left to the look at the compiled component.
#[derive(Default)]
pub(super) struct Interfaces {
    /// Of each type of its index space, whether it is an interface with
    /// something that somebody has to offer.
    types: Vec<bool>,
    missing: Vec<String>,
}

impl Interfaces {
    pub(super) fn declare(&mut self, ty: &ComponentType<'_>) {
        self.types.push(match ty {
            ComponentType::Instance(declarations) => declarations.iter().any(needs_host),
            _ => false,
        });
    }

    pub(super) fn import(&mut self, import: &ComponentImport<'_>) {
        let needs_host = match import.ty {
            ComponentTypeRef::Type(_) => {
                self.types.push(false);
                false
            }
            ComponentTypeRef::Instance(index) => self.is_interface(index),
            _ => true,
        };
        let name = import.name.name;
        if needs_host && !imports::is_known(name) && self.missing.len() < MAX_NAMES {
            self.missing.push(name.to_owned());
        }
    }

    /// An alias of a type is one more type.
    pub(super) fn alias(&mut self, alias: &ComponentAlias<'_>) {
        let is_type = matches!(
            alias,
            ComponentAlias::InstanceExport {
                kind: ComponentExternalKind::Type,
                ..
            } | ComponentAlias::Outer {
                kind: ComponentOuterAliasKind::Type,
                ..
            }
        );
        if is_type {
            self.types.push(false);
        }
    }

    /// And so is an export of one.
    pub(super) fn export(&mut self, export: &ComponentExport<'_>) {
        if export.kind == ComponentExternalKind::Type {
            self.types.push(false);
        }
    }

    /// Refuses what neither the host nor its embedder offers.
    pub(super) fn finish(mut self, imports: &Imports) -> Result<(), Refused> {
        self.missing.retain(|name| !imports.covers(name));
        if self.missing.is_empty() {
            return Ok(());
        }
        self.missing.sort_unstable();
        Err(Refused::Imports(self.missing))
    }

    fn is_interface(&self, index: u32) -> bool {
        let index = usize::try_from(index).ok();
        let known = index.and_then(|index| self.types.get(index));
        known.copied().unwrap_or(false)
    }
}

fn needs_host(declaration: &InstanceTypeDeclaration<'_>) -> bool {
    matches!(
        declaration,
        InstanceTypeDeclaration::Export {
            ty: ComponentTypeRef::Func(_) | ComponentTypeRef::Type(TypeBounds::SubResource),
            ..
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::Screened;
    use patinox_policy::LoadLimits;

    #[track_caller]
    fn check(imports: &str, missing: &[&str]) {
        let component = wat::parse_str(format!("(component {imports})")).unwrap();
        let screened =
            Screened::new(component, &LoadLimits::default(), &Imports::default()).map(drop);
        let missing: Vec<_> = missing.iter().map(|name| (*name).to_owned()).collect();
        let expected = if missing.is_empty() {
            Ok(())
        } else {
            Err(Refused::Imports(missing))
        };
        assert_eq!(screened, expected, "{imports}");
    }

    #[test]
    fn what_nobody_offers_is_refused_before_it_is_compiled() {
        check(
            r#"(import "acme:store/query@1.0.0" (instance (export "find" (func))))
               (import "call-home" (func))"#,
            &["acme:store/query@1.0.0", "call-home"],
        );
        let resource = r#"(import "acme:a/b" (instance (export "r" (type (sub resource)))))"#;
        check(resource, &["acme:a/b"]);
    }

    #[test]
    fn what_is_offered_in_any_version_and_what_needs_nobody_is_taken() {
        check(
            r#"(import "wasi:random/random@0.2.9" (instance
                   (export "get-random-u64" (func (result u64)))))
               (import "wasi:sockets/tcp@0.2.0" (instance (export "x" (func))))
               (import "acme:types/names" (instance
                   (type $n (record (field "name" string)))
                   (export "name" (type (eq $n)))))"#,
            &[],
        );
    }

    /// Types from elsewhere keep their places in the index space.
    #[test]
    fn types_are_counted_as_the_component_counts_them() {
        check(
            r#"(import "acme:types/names" (instance $names
                   (type $n (record (field "name" string)))
                   (export "name" (type (eq $n)))))
               (alias export $names "name" (type $name))
               (type $alone (func (param "name" $name)))
               (import "name" (type $again (eq $name)))
               (export $exported "exported" (type $name))
               (type $interface (instance (export "find" (func))))
               (import "acme:store/query" (instance (type $interface)))"#,
            &["acme:store/query"],
        );
    }
}
