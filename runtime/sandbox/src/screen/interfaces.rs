//! What a component imports, as far as it can be told without its types being
//! checked: what this host can never offer is refused before it is compiled.

use wasmparser::{
    ComponentAlias, ComponentExport, ComponentExternalKind, ComponentImport,
    ComponentOuterAliasKind, ComponentType, ComponentTypeRef, InstanceTypeDeclaration, TypeBounds,
};

use super::NotAComponent;
use crate::imports;

/// Names that are kept for the message.
const MAX_NAMES: usize = 1_000;

/// Functions and resources of all imports together. Each is linked, used or not,
/// and a few bytes can name a thousand: it stops a small file from taking
/// gigabytes of the host's memory. All of WASI has some 400. What cannot be told
/// here is counted again before it is linked.
pub(crate) const MAX_OFFERED: usize = 10_000;

/// The types and imports of the outermost component.
///
/// What cannot be told is left to the look at the compiled component.
#[derive(Default)]
pub(super) struct Interfaces {
    /// Of each type of its index space, how much of an interface somebody has
    /// to offer.
    types: Vec<usize>,
    /// Functions and resources of all imports.
    offered: usize,
    /// Those that no host has of itself.
    wanted: Vec<String>,
}

impl Interfaces {
    pub(super) fn declare(&mut self, ty: &ComponentType<'_>) {
        self.types.push(match ty {
            ComponentType::Instance(declarations) => {
                declarations.iter().filter(|one| needs_host(one)).count()
            }
            _ => 0,
        });
    }

    pub(super) fn import(&mut self, import: &ComponentImport<'_>) {
        let needed = match import.ty {
            ComponentTypeRef::Type(_) => {
                self.types.push(0);
                0
            }
            ComponentTypeRef::Instance(index) => self.count(index),
            _ => 1,
        };
        self.offered = self.offered.saturating_add(needed);
        let name = import.name.name;
        if 0 < needed && !imports::is_known(name) && self.wanted.len() < MAX_NAMES {
            self.wanted.push(name.to_owned());
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
            self.types.push(0);
        }
    }

    /// And so is an export of one.
    pub(super) fn export(&mut self, export: &ComponentExport<'_>) {
        if export.kind == ComponentExternalKind::Type {
            self.types.push(0);
        }
    }

    /// The imports that an embedder would have to offer, sorted.
    pub(super) fn finish(mut self) -> Result<Vec<String>, NotAComponent> {
        let (found, allowed) = (as_u64(self.offered), as_u64(MAX_OFFERED));
        if allowed < found {
            let what = "imported functions";
            return Err(NotAComponent::TooLarge {
                what,
                found,
                allowed,
            });
        }
        self.wanted.sort_unstable();
        Ok(self.wanted)
    }

    fn count(&self, index: u32) -> usize {
        let index = usize::try_from(index).ok();
        let known = index.and_then(|index| self.types.get(index));
        known.copied().unwrap_or(0)
    }
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
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
    use crate::imports::Imports;
    use crate::screen::{Refused, Screened};
    use patinox_policy::LoadLimits;

    #[track_caller]
    fn check(imports: &str, missing: &[&str]) {
        let component = wat::parse_str(format!("(component {imports})")).unwrap();
        let screened = Screened::new(component, &LoadLimits::default());
        let screened = screened.and_then(|screened| screened.with_imports(&Imports::default()));
        let screened = screened.map(drop);
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

    /// One interface of a thousand functions, named eleven times.
    #[test]
    fn more_functions_than_any_component_needs_are_refused() {
        let functions = (0..1_000).map(|n| format!(r#"(export "f{n}" (func))"#));
        let functions: String = functions.collect();
        let of = |imports: usize| {
            let names = (0..imports)
                .map(|n| format!(r#"(import "wasi:http/a{n}" (instance (type $interface)))"#));
            let names: String = names.collect();
            let text = format!("(component (type $interface (instance {functions})) {names})");
            let bytes = wat::parse_str(text).unwrap();
            Screened::new(bytes, &LoadLimits::default()).map(drop)
        };
        assert_eq!(of(10), Ok(()));
        let refused = NotAComponent::TooLarge {
            what: "imported functions",
            found: 11_000,
            allowed: 10_000,
        };
        assert_eq!(of(11), Err(Refused::Not(refused)));
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
