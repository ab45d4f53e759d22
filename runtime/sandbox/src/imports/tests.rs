//! Every function that a guest can call goes through the one wrapper.

use std::collections::BTreeSet;

use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use super::*;
use crate::engine::{Engine, EngineConfig, Profile};

/// The typed functions, of `wasi:filesystem` or all others. One that is added or lost
/// changes these lists, which are what a guest can reach in the host.
fn linked(of_files: bool) -> String {
    let engine = Engine::new(EngineConfig::default());
    let backend = engine.main(Profile::Lean).unwrap();
    let linked = backend.linker.linked().iter().map(String::as_str);
    let linked = linked.filter(|name| name.starts_with("wasi:filesystem/") == of_files);
    linked.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_golden_list_of_linked_functions() {
    insta::assert_snapshot!(linked(false), @"
    patinox:tool/context@0.1.0#call-id
    patinox:tool/context@0.1.0#remaining
    patinox:tool/context@0.1.0#report-progress
    wasi:cli/environment@0.2.12#get-arguments
    wasi:cli/environment@0.2.12#get-environment
    wasi:cli/environment@0.2.12#initial-cwd
    wasi:cli/exit@0.2.12#exit
    wasi:cli/exit@0.2.12#exit-with-code
    wasi:cli/stderr@0.2.12#get-stderr
    wasi:cli/stdin@0.2.12#get-stdin
    wasi:cli/stdout@0.2.12#get-stdout
    wasi:clocks/monotonic-clock@0.2.12#now
    wasi:clocks/monotonic-clock@0.2.12#resolution
    wasi:clocks/monotonic-clock@0.2.12#subscribe-duration
    wasi:clocks/monotonic-clock@0.2.12#subscribe-instant
    wasi:clocks/wall-clock@0.2.12#now
    wasi:clocks/wall-clock@0.2.12#resolution
    wasi:config/store@0.2.0-rc.1#get
    wasi:config/store@0.2.0-rc.1#get-all
    wasi:io/error@0.2.12#[drop]error
    wasi:io/error@0.2.12#[method]error.to-debug-string
    wasi:io/poll@0.2.12#[drop]pollable
    wasi:io/poll@0.2.12#[method]pollable.block
    wasi:io/poll@0.2.12#[method]pollable.ready
    wasi:io/poll@0.2.12#poll
    wasi:io/streams@0.2.12#[drop]input-stream
    wasi:io/streams@0.2.12#[drop]output-stream
    wasi:io/streams@0.2.12#[method]input-stream.blocking-read
    wasi:io/streams@0.2.12#[method]input-stream.blocking-skip
    wasi:io/streams@0.2.12#[method]input-stream.read
    wasi:io/streams@0.2.12#[method]input-stream.skip
    wasi:io/streams@0.2.12#[method]input-stream.subscribe
    wasi:io/streams@0.2.12#[method]output-stream.blocking-flush
    wasi:io/streams@0.2.12#[method]output-stream.blocking-splice
    wasi:io/streams@0.2.12#[method]output-stream.blocking-write-and-flush
    wasi:io/streams@0.2.12#[method]output-stream.blocking-write-zeroes-and-flush
    wasi:io/streams@0.2.12#[method]output-stream.check-write
    wasi:io/streams@0.2.12#[method]output-stream.flush
    wasi:io/streams@0.2.12#[method]output-stream.splice
    wasi:io/streams@0.2.12#[method]output-stream.subscribe
    wasi:io/streams@0.2.12#[method]output-stream.write
    wasi:io/streams@0.2.12#[method]output-stream.write-zeroes
    wasi:keyvalue/atomics@0.2.0-draft#increment
    wasi:keyvalue/batch@0.2.0-draft#delete-many
    wasi:keyvalue/batch@0.2.0-draft#get-many
    wasi:keyvalue/batch@0.2.0-draft#set-many
    wasi:keyvalue/store@0.2.0-draft#[drop]bucket
    wasi:keyvalue/store@0.2.0-draft#[method]bucket.delete
    wasi:keyvalue/store@0.2.0-draft#[method]bucket.exists
    wasi:keyvalue/store@0.2.0-draft#[method]bucket.get
    wasi:keyvalue/store@0.2.0-draft#[method]bucket.list-keys
    wasi:keyvalue/store@0.2.0-draft#[method]bucket.set
    wasi:keyvalue/store@0.2.0-draft#open
    wasi:logging/logging@0.1.0-draft#log
    wasi:random/insecure-seed@0.2.12#insecure-seed
    wasi:random/insecure@0.2.12#get-insecure-random-bytes
    wasi:random/insecure@0.2.12#get-insecure-random-u64
    wasi:random/random@0.2.12#get-random-bytes
    wasi:random/random@0.2.12#get-random-u64
    ");
}

#[test]
fn the_golden_list_of_linked_functions_of_files() {
    insta::assert_snapshot!(linked(true), @"
    wasi:filesystem/preopens@0.2.12#get-directories
    wasi:filesystem/types@0.2.12#[drop]descriptor
    wasi:filesystem/types@0.2.12#[drop]directory-entry-stream
    wasi:filesystem/types@0.2.12#[method]descriptor.advise
    wasi:filesystem/types@0.2.12#[method]descriptor.append-via-stream
    wasi:filesystem/types@0.2.12#[method]descriptor.create-directory-at
    wasi:filesystem/types@0.2.12#[method]descriptor.get-flags
    wasi:filesystem/types@0.2.12#[method]descriptor.get-type
    wasi:filesystem/types@0.2.12#[method]descriptor.is-same-object
    wasi:filesystem/types@0.2.12#[method]descriptor.link-at
    wasi:filesystem/types@0.2.12#[method]descriptor.metadata-hash
    wasi:filesystem/types@0.2.12#[method]descriptor.metadata-hash-at
    wasi:filesystem/types@0.2.12#[method]descriptor.open-at
    wasi:filesystem/types@0.2.12#[method]descriptor.read
    wasi:filesystem/types@0.2.12#[method]descriptor.read-directory
    wasi:filesystem/types@0.2.12#[method]descriptor.read-via-stream
    wasi:filesystem/types@0.2.12#[method]descriptor.readlink-at
    wasi:filesystem/types@0.2.12#[method]descriptor.remove-directory-at
    wasi:filesystem/types@0.2.12#[method]descriptor.rename-at
    wasi:filesystem/types@0.2.12#[method]descriptor.set-size
    wasi:filesystem/types@0.2.12#[method]descriptor.set-times
    wasi:filesystem/types@0.2.12#[method]descriptor.set-times-at
    wasi:filesystem/types@0.2.12#[method]descriptor.stat
    wasi:filesystem/types@0.2.12#[method]descriptor.stat-at
    wasi:filesystem/types@0.2.12#[method]descriptor.symlink-at
    wasi:filesystem/types@0.2.12#[method]descriptor.sync
    wasi:filesystem/types@0.2.12#[method]descriptor.sync-data
    wasi:filesystem/types@0.2.12#[method]descriptor.unlink-file-at
    wasi:filesystem/types@0.2.12#[method]descriptor.write
    wasi:filesystem/types@0.2.12#[method]descriptor.write-via-stream
    wasi:filesystem/types@0.2.12#[method]directory-entry-stream.read-directory-entry
    wasi:filesystem/types@0.2.12#filesystem-error-code
    ");
}

#[test]
fn what_the_screen_takes_is_what_is_linked() {
    let engine = Engine::new(EngineConfig::default());
    let backend = engine.main(Profile::Lean).unwrap();
    let linked = backend.linker.linked().iter();
    let linked: BTreeSet<_> = linked.map(|name| without_version(name)).collect();
    assert_eq!(linked, BTreeSet::from(OFFERED));
}

/// Whatever version of an interface a component names, all that it imports is
/// linked, and all of that is wrapped.
#[test]
fn nothing_is_linked_that_is_not_wrapped() {
    let engine = Engine::new(EngineConfig::default());
    let compiler = engine.main(Profile::Lean).unwrap();
    let text = r#"(component
        (import "wasi:random/random@0.2.3" (instance
            (export "get-random-u64" (func (result u64)))))
        (import "wasi:cli/environment@0.2.3" (instance
            (export "get-arguments" (func (result (list string))))))
        (import "wasi:filesystem/types@0.2.3" (instance
            (export "descriptor" (type (sub resource)))))
        (import "wasi:sockets/any-name-at-all@0.2.3" (instance
            (export "connect" (func (param "to" string))))))"#;
    let compiled = Component::from_binary(&compiler.engine, &wat::parse_str(text).unwrap());
    let compiled = compiled.unwrap();
    let mut linker = compiler.linker.clone();
    nothing::link(&mut linker, &compiler.engine, &compiled).unwrap();
    linker.instantiate_pre(&compiled).unwrap();

    // The engine lets a component name any version that is compatible.
    let unversioned = |name: &str| {
        let (interface, function) = name.split_once('#').unwrap();
        format!("{}#{function}", without_version(interface))
    };
    let linked: BTreeSet<_> = linker
        .linked()
        .iter()
        .map(|name| unversioned(name))
        .collect();
    for (interface, item) in compiled.component_type().imports(&compiler.engine) {
        let ComponentItem::ComponentInstance(instance) = item.ty else {
            panic!("`{interface}` is no interface");
        };
        for (name, item) in instance.exports(&compiler.engine) {
            let name = match item.ty {
                ComponentItem::ComponentFunc(_) => name.to_owned(),
                ComponentItem::Resource(_) => format!("[drop]{name}"),
                _ => continue,
            };
            let name = unversioned(&format!("{interface}#{name}"));
            assert!(linked.contains(&name), "`{name}` is not wrapped");
        }
    }
}
