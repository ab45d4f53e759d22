use std::fs;

use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding};
use wit_parser::ManglingAndAbi;

use super::*;

const WIT: &str = r#"
package demo:docs@0.1.0;

/// Looks at texts.
interface analysis {
    /// Counts words.
    ///
    /// As `wc -w` does.
    count: func(text: string) -> u32;
    silent: func();
    resource reader {
        /// Not a tool.
        next: func() -> string;
    }
}

interface quiet { nothing: func(); }

/// Greets and counts.
world greeter {
    /// Greets "somebody".
    export greet: func(name: string) -> string;
    export bare: func();
    export analysis;
    /// Says nothing.
    export quiet;
    export inline: interface {
        /// Written at the export.
        here: func();
    }
}

/// Another world of the package.
world other { export left-out: func(); }

world undocumented { export bare: func(); }
"#;

struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new(wit: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("demo.wit"), wit).unwrap();
        Self { folder }
    }

    fn wit(&self, world: &str) -> Wit {
        Wit {
            path: Some(self.folder.path().to_owned()),
            dependencies: Vec::new(),
            world: Some(world.to_owned()),
        }
    }

    /// A component of a world, without descriptions, as a toolchain makes it.
    fn component(&self, world: &str) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_path(self.folder.path()).unwrap();
        let world = resolve.select_world(&[package], Some(world)).unwrap();
        let mut module = wit_component::dummy_module(&resolve, world, ManglingAndAbi::Standard32);
        wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
            .unwrap();
        let encoder = ComponentEncoder::default().module(&module).unwrap();
        encoder.validate(true).encode().unwrap()
    }
}

/// The data of the custom sections of a name.
fn custom<'a>(component: &'a [u8], name: &str) -> Vec<&'a [u8]> {
    let custom = |section: Section<'a>| {
        let mut reader = BinaryReader::new(section.content, 0);
        let is_it = section.id == CUSTOM_SECTION && reader.read_string().unwrap() == name;
        is_it.then(|| reader.read_bytes(reader.bytes_remaining()).unwrap())
    };
    sections(component)
        .unwrap()
        .into_iter()
        .filter_map(custom)
        .collect()
}

#[test]
fn writes_both_sections() {
    let fixture = Fixture::new(WIT);
    let component = fixture.component("greeter");
    let finished = embed(&component, &fixture.wit("greeter")).unwrap();
    assert!(finished.starts_with(&component));

    let package_docs = custom(&finished, PACKAGE_DOCS);
    assert_eq!(package_docs.len(), 1);
    assert_eq!(package_docs[0][0], 1);
    let json: Value = serde_json::from_slice(&package_docs[0][1..]).unwrap();
    let expected = json!({ "worlds": { "root": {
        "docs": "Greets and counts.",
        "func_exports": { "greet": { "docs": "Greets \"somebody\"." } },
    } } });
    assert_eq!(json, expected);

    let ours: Value = serde_json::from_slice(custom(&finished, PATINOX_DOCS)[0]).unwrap();
    let expected = json!({ "interfaces": {
        "demo:docs/analysis@0.1.0": {
            "docs": "Looks at texts.",
            "funcs": { "count": { "docs": "Counts words.\n\nAs `wc -w` does." } },
        },
        "demo:docs/quiet@0.1.0": { "docs": "Says nothing." },
        "inline": { "funcs": { "here": { "docs": "Written at the export." } } },
    } });
    assert_eq!(ours, expected);
}

#[test]
fn standard_tools_read_it() {
    let fixture = Fixture::new(WIT);
    let component = fixture.component("greeter");
    let finished = embed(&component, &fixture.wit("greeter")).unwrap();
    let DecodedWasm::Component(resolve, world) = wit_component::decode(&finished).unwrap() else {
        panic!("not a component");
    };
    let world = &resolve.worlds[world];
    assert_eq!(world.name, "root");
    assert_eq!(world.docs.contents.as_deref(), Some("Greets and counts."));
    let greet = world.exports.iter().find_map(|(_, item)| match item {
        WorldItem::Function(function) if function.name == "greet" => Some(function),
        _ => None,
    });
    let docs = greet.unwrap().docs.contents.as_deref();
    assert_eq!(docs, Some("Greets \"somebody\"."));
    wasmparser::Validator::new()
        .validate_all(&finished)
        .unwrap();
}

#[test]
fn a_second_run_replaces_the_first() {
    let fixture = Fixture::new(WIT);
    let component = fixture.component("greeter");
    let once = embed(&component, &fixture.wit("greeter")).unwrap();
    assert_eq!(embed(&once, &fixture.wit("greeter")).unwrap(), once);

    let changed = Fixture::new(&WIT.replace("Counts words", "Counts all words"));
    let twice = embed(&once, &changed.wit("greeter")).unwrap();
    assert_eq!(custom(&twice, PATINOX_DOCS).len(), 1);
    let ours = String::from_utf8_lossy(custom(&twice, PATINOX_DOCS)[0]);
    assert!(ours.contains("Counts all words"));
}

#[test]
fn nothing_to_say_is_no_section() {
    let fixture = Fixture::new(WIT);
    let component = fixture.component("undocumented");
    let finished = embed(&component, &fixture.wit("undocumented")).unwrap();
    assert_eq!(finished, component);
    assert_eq!(embed(&component, &Wit::default()).unwrap(), component);
}

#[test]
fn what_the_component_does_not_export_is_left_out() {
    let fixture = Fixture::new(WIT);
    let component = fixture.component("undocumented");
    let finished = embed(&component, &fixture.wit("greeter")).unwrap();
    // Else standard tools would refuse the whole component.
    wit_component::decode(&finished).unwrap();
    assert_eq!(custom(&finished, PATINOX_DOCS), [] as [&[u8]; 0]);
}

#[test]
fn refuses_what_is_no_component() {
    let fixture = Fixture::new(WIT);
    let component = fixture.component("greeter");
    let cut = &component[..component.len() - 1];
    let module = b"\0asm\x01\0\0\0";
    for bytes in [b"".as_slice(), b"(component)", module, cut] {
        let error = embed(bytes, &fixture.wit("greeter")).unwrap_err();
        assert_eq!(error.to_string(), "not a WebAssembly component");
    }
}

#[test]
fn wit_that_does_not_parse_is_told() {
    let fixture = Fixture::new(WIT);
    let component = fixture.component("greeter");
    let error = embed(&component, &fixture.wit("absent")).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("the WIT of this component cannot be read: "),
        "{text}"
    );
    assert!(text.contains("absent"), "{text}");
}
