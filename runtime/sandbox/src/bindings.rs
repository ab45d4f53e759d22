//! The contract of `wit/` as Rust: generated, never edited.

/// What the host offers, linked through the one wrapper: the generated code
/// sees `imports::linked` where it expects the engine, and so has no other way.
pub(crate) mod offered {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package patinox:host;
            world offered {
                import wasi:io/error@0.2.12;
                import wasi:io/poll@0.2.12;
                import wasi:io/streams@0.2.12;
                import wasi:clocks/monotonic-clock@0.2.12;
                import wasi:clocks/wall-clock@0.2.12;
                import wasi:random/random@0.2.12;
                import wasi:random/insecure@0.2.12;
                import wasi:random/insecure-seed@0.2.12;
                import wasi:cli/environment@0.2.12;
                import wasi:cli/exit@0.2.12;
                import wasi:cli/stdin@0.2.12;
                import wasi:cli/stdout@0.2.12;
                import wasi:cli/stderr@0.2.12;
                import wasi:filesystem/types@0.2.12;
                import wasi:filesystem/preopens@0.2.12;
                import wasi:config/store@0.2.0-rc.1;
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:keyvalue/atomics@0.2.0-draft;
                import wasi:keyvalue/batch@0.2.0-draft;
                import wasi:logging/logging@0.1.0-draft;
                import patinox:tool/context@0.1.0;
            }
        ",
        wasmtime_crate: crate::imports::linked,
        with: {
            "wasi:io/poll.pollable": wasmtime_wasi_io::poll::DynPollable,
            "wasi:io/streams.input-stream": wasmtime_wasi_io::streams::DynInputStream,
            "wasi:io/streams.output-stream": wasmtime_wasi_io::streams::DynOutputStream,
            "wasi:io/error.error": wasmtime_wasi_io::streams::Error,
            "wasi:filesystem/types.descriptor": crate::imports::Descriptor,
            "wasi:filesystem/types.directory-entry-stream": crate::imports::Entries,
            "wasi:keyvalue/store.bucket": crate::imports::Bucket,
        },
        imports: {
            "wasi:io/error.[drop]error": async | trappable,
            "wasi:io/poll.poll": async | trappable,
            "wasi:io/poll.[drop]pollable": async | trappable,
            "wasi:io/poll.[method]pollable.block": async | trappable,
            "wasi:io/poll.[method]pollable.ready": async | trappable,
            "wasi:io/streams.[method]input-stream.blocking-read": async | trappable,
            "wasi:io/streams.[method]input-stream.blocking-skip": async | trappable,
            "wasi:io/streams.[drop]input-stream": async | trappable,
            "wasi:io/streams.[method]output-stream.blocking-splice": async | trappable,
            "wasi:io/streams.[method]output-stream.blocking-flush": async | trappable,
            "wasi:io/streams.[method]output-stream.blocking-write-and-flush": async | trappable,
            "wasi:io/streams.[method]output-stream.blocking-write-zeroes-and-flush": async | trappable,
            "wasi:io/streams.[drop]output-stream": async | trappable,
            "wasi:filesystem/preopens.get-directories": async | trappable,
            "wasi:filesystem/types.[drop]descriptor": async | trappable,
            "wasi:filesystem/types.[drop]directory-entry-stream": async | trappable,
            "wasi:filesystem/types.[method]descriptor.advise": async | trappable,
            "wasi:filesystem/types.[method]descriptor.create-directory-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.is-same-object": async | trappable,
            "wasi:filesystem/types.[method]descriptor.link-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.metadata-hash": async | trappable,
            "wasi:filesystem/types.[method]descriptor.metadata-hash-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.open-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.read": async | trappable,
            "wasi:filesystem/types.[method]descriptor.read-directory": async | trappable,
            "wasi:filesystem/types.[method]descriptor.readlink-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.remove-directory-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.rename-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.set-size": async | trappable,
            "wasi:filesystem/types.[method]descriptor.set-times": async | trappable,
            "wasi:filesystem/types.[method]descriptor.set-times-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.stat": async | trappable,
            "wasi:filesystem/types.[method]descriptor.stat-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.symlink-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.sync": async | trappable,
            "wasi:filesystem/types.[method]descriptor.sync-data": async | trappable,
            "wasi:filesystem/types.[method]descriptor.unlink-file-at": async | trappable,
            "wasi:filesystem/types.[method]descriptor.write": async | trappable,
            "wasi:filesystem/types.[method]directory-entry-stream.read-directory-entry": async | trappable,
            "wasi:keyvalue/store.[drop]bucket": async | trappable,
            "wasi:keyvalue/store.[method]bucket.get": async | trappable,
            "wasi:keyvalue/store.[method]bucket.set": async | trappable,
            "wasi:keyvalue/store.[method]bucket.delete": async | trappable,
            "wasi:keyvalue/store.[method]bucket.exists": async | trappable,
            "wasi:keyvalue/store.[method]bucket.list-keys": async | trappable,
            "wasi:keyvalue/atomics.increment": async | trappable,
            "wasi:keyvalue/batch.get-many": async | trappable,
            "wasi:keyvalue/batch.set-many": async | trappable,
            "wasi:keyvalue/batch.delete-many": async | trappable,
            default: trappable,
        },
        trappable_error_type: {
            "wasi:io/streams.stream-error" => wasmtime_wasi_io::streams::StreamError,
        },
    });
}

/// What a component exports whose tools are known only when it runs.
pub(crate) mod handler {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package patinox:host;
            world handler {
                export patinox:tool/handler@0.1.0;
            }
        ",
        exports: { default: async },
    });
}

/// What a component exports that judges calls.
pub(crate) mod validation {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package patinox:host;
            world validation {
                export patinox:tool/validation@0.1.0;
            }
        ",
        exports: { default: async },
    });
}
