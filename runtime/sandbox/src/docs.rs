//! Descriptions that a build step left in a component.
//!
//! Two custom sections, both JSON. `package-docs` is the standard tools' own
//! (a version byte, then what `wit-parser` calls `PackageMetadata`); it can
//! describe the functions of the world. `patinox:docs` is ours and describes
//! exported interfaces:
//!
//! ```json
//! { "interfaces": { "patinox:text/analysis@0.1.0": {
//!     "docs": "…", "funcs": { "count": { "docs": "…" } } } } }
//! ```
//!
//! What does not parse or match is ignored: a component is never invalid
//! because of its documentation.

use std::borrow::Cow;
use std::collections::BTreeMap;

use patinox_policy::cut;
use serde::{Deserialize, Serialize};
use wasmparser::{Parser, Payload};

/// The longest section that is read. Descriptions are cut far below it.
const MAX_SECTION_BYTES: usize = 1 << 20;

/// The longest text of a component as a whole that is kept, in bytes.
const MAX_DOCS_BYTES: usize = 4 << 10;

/// What is known of a component's exports in words.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Docs {
    world: World,
    interfaces: BTreeMap<String, Interface>,
}

#[derive(Debug, Default, Deserialize)]
struct PackageDocs {
    #[serde(default)]
    worlds: BTreeMap<String, World>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct World {
    docs: Option<String>,
    #[serde(default)]
    func_exports: BTreeMap<String, Item>,
}

#[derive(Debug, Default, Deserialize)]
struct OurDocs {
    #[serde(default)]
    interfaces: BTreeMap<String, Interface>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct Interface {
    docs: Option<String>,
    #[serde(default)]
    funcs: BTreeMap<String, Item>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct Item {
    docs: Option<String>,
}

impl Docs {
    /// Reads the sections of the outermost component.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut docs = Self::default();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::CustomSection(section)
                    if depth == 0 && section.data().len() <= MAX_SECTION_BYTES =>
                {
                    docs.take(section.name(), section.data());
                }
                _ => {}
            }
        }
        docs
    }

    fn take(&mut self, name: &str, data: &[u8]) {
        match name {
            "package-docs" => {
                let json = data.get(1..).unwrap_or_default();
                let parsed = serde_json::from_slice::<PackageDocs>(json).ok();
                // A finished component has one world, and it is called `root`.
                let world = parsed.and_then(|mut docs| docs.worlds.remove("root"));
                self.world = world.unwrap_or_default();
            }
            "patinox:docs" => {
                let parsed = serde_json::from_slice::<OurDocs>(data).unwrap_or_default();
                self.interfaces = parsed.interfaces;
            }
            _ => {}
        }
    }

    /// What is said of the component as a whole: of its world, or else of its
    /// only interface.
    pub(crate) fn component(&self) -> Option<Cow<'_, str>> {
        let only = || match self.interfaces.len() {
            1 => self.interfaces.values().next()?.docs.as_deref(),
            _ => None,
        };
        let docs = self.world.docs.as_deref().or_else(only)?;
        Some(cut(docs, MAX_DOCS_BYTES))
    }

    /// What is said of a function.
    pub(crate) fn function(&self, interface: Option<&str>, name: &str) -> Option<&str> {
        let item = match interface {
            None => self.world.func_exports.get(name),
            Some(interface) => self.interfaces.get(interface)?.funcs.get(name),
        };
        item?.docs.as_deref()
    }
}
