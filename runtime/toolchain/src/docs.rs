//! Descriptions: what the WIT says of a component, put into the component.
//!
//! The usual toolchains drop every doc comment of the WIT when they make a
//! component. This step appends two custom sections to the finished file.
//!
//! `package-docs` is the standard tools' own: a version byte, here 1, and the
//! JSON form of `wit-parser`'s `PackageMetadata`. It describes the world and
//! the functions that it exports itself. A finished component has one world,
//! and standard tools call it `root`; they refuse to read the component if
//! the section names another world, or a function that is not exported.
//!
//! ```json
//! {"worlds": {"root": {"docs": "…", "func_exports": {"spin": {"docs": "…"}}}}}
//! ```
//!
//! `patinox:docs` is ours, because the standard one cannot describe exported
//! interfaces. It is JSON; the key of an interface is the name under which
//! the component exports it, version included.
//!
//! ```json
//! {"interfaces": {"patinox:text/operations@0.1.0": {
//!     "docs": "…", "funcs": {"count": {"docs": "…"}}}}}
//! ```
//!
//! In both, what has no description is left out. Parameters, record fields
//! and cases have no place in either.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use wasm_encoder::{ComponentSection as _, CustomSection};
use wasmparser::{BinaryReader, ComponentExportSectionReader, Parser};
use wit_parser::{Docs, Function, FunctionKind, InterfaceId, Resolve, World, WorldItem};

use crate::{Error, Wit};

/// The standard tools' section.
pub const PACKAGE_DOCS: &str = "package-docs";

/// Our section.
pub const PATINOX_DOCS: &str = "patinox:docs";

/// The format of [`PACKAGE_DOCS`].
const PACKAGE_DOCS_VERSION: u8 = 1;

/// What every component begins with.
const HEADER_BYTES: usize = 8;

/// The ids of the sections that we look into.
const CUSTOM_SECTION: u8 = 0;
const EXPORT_SECTION: u8 = 11;

/// Puts the descriptions of a WIT world into a finished component; those of an
/// earlier run are replaced.
///
/// Without any WIT the component is returned as it is. Only what the component
/// exports is described.
///
/// # Errors
///
/// If the bytes are not a component, or the WIT does not parse.
pub fn embed(component: &[u8], wit: &Wit) -> Result<Vec<u8>, Error> {
    let sections = sections(component)?;
    if wit.path.is_none() {
        return Ok(component.to_owned());
    }
    let exports = exports(&sections)?;
    let (resolve, world) = wit.parse()?;
    let described = describe(&resolve, &world, &exports);

    let mut finished = component.get(..HEADER_BYTES).unwrap_or_default().to_owned();
    for section in sections.iter().filter(|section| !section.is_ours()) {
        finished.extend_from_slice(section.whole);
    }
    append(&mut finished, PACKAGE_DOCS, described.package_docs());
    append(&mut finished, PATINOX_DOCS, described.patinox_docs());
    Ok(finished)
}

/// A section of the outermost component.
struct Section<'a> {
    id: u8,
    whole: &'a [u8],
    content: &'a [u8],
}

impl Section<'_> {
    fn is_ours(&self) -> bool {
        let name = BinaryReader::new(self.content, 0).read_string();
        self.id == CUSTOM_SECTION && matches!(name, Ok(PACKAGE_DOCS | PATINOX_DOCS))
    }
}

/// Cuts a component into sections. Inner components and modules are sections
/// of it, so nothing inside them is touched.
fn sections(component: &[u8]) -> Result<Vec<Section<'_>>, Error> {
    if !Parser::is_component(component) {
        return Err(Error::NotAComponent);
    }
    let mut reader = BinaryReader::new(component, 0);
    let mut sections = Vec::new();
    let cut = |_| Error::NotAComponent;
    reader.read_bytes(HEADER_BYTES).map_err(cut)?;
    while !reader.eof() {
        let start = reader.original_position();
        let id = reader.read_u8().map_err(cut)?;
        let size = reader.read_var_u32().map_err(cut)?;
        let size = usize::try_from(size).map_err(|_| Error::NotAComponent)?;
        let content = reader.read_bytes(size).map_err(cut)?;
        let whole = component
            .get(start..reader.original_position())
            .unwrap_or_default();
        sections.push(Section { id, whole, content });
    }
    Ok(sections)
}

/// The names that a component exports.
fn exports<'a>(sections: &[Section<'a>]) -> Result<BTreeSet<&'a str>, Error> {
    let malformed = |_| Error::NotAComponent;
    let mut names = BTreeSet::new();
    for section in sections
        .iter()
        .filter(|section| section.id == EXPORT_SECTION)
    {
        let reader = BinaryReader::new(section.content, 0);
        for export in ComponentExportSectionReader::new(reader).map_err(malformed)? {
            names.insert(export.map_err(malformed)?.name.name);
        }
    }
    Ok(names)
}

/// What is said of a world and of what it exports, in the order of the WIT.
struct Described {
    world: Map<String, Value>,
    interfaces: Map<String, Value>,
}

fn describe(resolve: &Resolve, world: &World, exports: &BTreeSet<&str>) -> Described {
    let mut functions = Map::new();
    let mut interfaces = Map::new();
    for (key, item) in &world.exports {
        let name = resolve.name_world_key(key);
        if !exports.contains(name.as_str()) {
            continue;
        }
        match item {
            WorldItem::Function(function) => insert(&mut functions, name, item_of(function)),
            WorldItem::Interface { id, docs, .. } => {
                insert(&mut interfaces, name, interface(resolve, *id, docs));
            }
            WorldItem::Type { .. } => {}
        }
    }
    let mut described = item_with(&world.docs);
    insert(&mut described, "func_exports".to_owned(), functions);
    Described {
        world: described,
        interfaces,
    }
}

/// Describes an interface; `export` is what stands at its export, and speaks
/// only for an interface that says nothing itself.
fn interface(resolve: &Resolve, id: InterfaceId, export: &Docs) -> Map<String, Value> {
    let Some(interface) = resolve.interfaces.get(id) else {
        return Map::new();
    };
    let own = item_with(&interface.docs);
    let mut item = if own.is_empty() {
        item_with(export)
    } else {
        own
    };
    let mut functions = Map::new();
    for (name, function) in &interface.functions {
        insert(&mut functions, name.clone(), item_of(function));
    }
    insert(&mut item, "funcs".to_owned(), functions);
    item
}

/// A method of a WIT resource cannot be a tool, so it is not described.
fn item_of(function: &Function) -> Map<String, Value> {
    match function.kind {
        FunctionKind::Freestanding | FunctionKind::AsyncFreestanding => item_with(&function.docs),
        _ => Map::new(),
    }
}

fn item_with(docs: &Docs) -> Map<String, Value> {
    let docs = docs.contents.iter();
    docs.map(|text| ("docs".to_owned(), json!(text))).collect()
}

/// Inserts what is not empty.
fn insert(map: &mut Map<String, Value>, name: String, item: Map<String, Value>) {
    if !item.is_empty() {
        map.insert(name, Value::Object(item));
    }
}

impl Described {
    fn package_docs(&self) -> Option<Vec<u8>> {
        let world = &self.world;
        let mut bytes = vec![PACKAGE_DOCS_VERSION];
        bytes.extend(json!({ "worlds": { "root": world } }).to_string().bytes());
        (!world.is_empty()).then_some(bytes)
    }

    fn patinox_docs(&self) -> Option<Vec<u8>> {
        let interfaces = &self.interfaces;
        let json = json!({ "interfaces": interfaces }).to_string();
        (!interfaces.is_empty()).then(|| json.into_bytes())
    }
}

fn append(component: &mut Vec<u8>, name: &str, data: Option<Vec<u8>>) {
    if let Some(data) = data {
        let section = CustomSection {
            name: name.into(),
            data: data.into(),
        };
        section.append_to_component(component);
    }
}

#[cfg(test)]
mod tests;
