//! What a component is, before anything of it runs.

use insta::assert_snapshot;

use super::shell::{Shell, keys};
use crate::support::forge;

#[test]
fn a_person_reads_it() {
    let ended = Shell::new().run(&["inspect", "demo:text#count"]);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    insta::with_settings!({ filters => [
        ("sha256:[0-9a-f]{64}", "[digest]"),
        (r"[0-9.]+ KiB \(\d+ bytes\)", "[size]"),
        (r"  wasi:\S+", "  [import]"),
    ] }, {
        assert_snapshot!(ended.stdout, @r#"
        digest   [digest]
        size     [size]
        kind     plain: each exported function is a tool
        profile  lean: metered by fuel

        Counts, compares and searches text.

        TOOLS

          count(text: string, options: option<record { … }>) -> record { … }
            Counts the lines, words, sentences, characters and bytes of a text and
            lists its most frequent words.

            Use it to measure a text exactly, for example to check that it stays
            within a number of words, or to find what it is mostly about.
            arguments:
              text      string
              options?  object or null
                top?          integer from 0 to 255 or null
                shortest?     integer from 0 to 255 or null
                letter-case?  "ignore" | "distinguish" or null
            result:
              lines           integer from 0 to 4294967295
              words           integer from 0 to 4294967295
              sentences       integer from 0 to 4294967295
              characters      integer from 0 to 4294967295
              bytes           integer from 0 to 4294967295
              frequent-words  list of object
                word   string
                count  integer from 0 to 4294967295

        IMPORTS
          [import]
          [import]
          [import]
          [import]
          [import]
          [import]
          [import]
          [import]
          [import]
          [import]
        "#);
    });
}

#[test]
fn a_program_reads_all_of_it() {
    let document = Shell::new()
        .run(&["inspect", "demo:text", "-o", "json"])
        .document();
    assert_eq!(keys(&document), ["ok", "result"]);
    let result = &document["result"];
    assert_eq!(
        keys(result),
        [
            "digest",
            "size_bytes",
            "kind",
            "profile",
            "description",
            "tools",
            "left_out",
            "imports",
            "missing_imports",
            "inexact_integers"
        ]
    );
    let tools = result["tools"].as_array().expect("tools");
    let names: Vec<_> = tools
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    assert_eq!(names, ["count", "diff", "extract"]);
    for tool in tools {
        assert_eq!(
            keys(tool),
            [
                "name",
                "description",
                "inputSchema",
                "outputSchema",
                "annotations"
            ]
        );
    }
}

/// The digest and the size are those of the file.
#[test]
fn it_tells_the_files_own_facts() {
    let echo = forge::echo();
    let shell = Shell::new().file("echo.wasm", &echo);
    let document = shell
        .run(&["inspect", "echo.wasm", "-o", "json"])
        .document();
    assert_eq!(document["result"]["size_bytes"], echo.len());
    let sum = shell.end(shell.line("sha256sum echo.wasm"));
    let (sum, _) = sum.stdout.split_once(' ').expect("a digest");
    assert_eq!(document["result"]["digest"], format!("sha256:{sum}"));
    let text = shell.run(&["inspect", "echo.wasm"]);
    assert!(text.stdout.contains("\nIMPORTS\n  none\n"), "{text:?}");
}

/// What cannot run here can be looked into all the same.
#[test]
fn what_no_host_has_of_itself_is_shown_as_missing() {
    let shell = Shell::new().file("shop.wasm", forge::with_imports());
    let text = shell.run(&["inspect", "shop.wasm"]);
    assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""), "{text:?}");
    let (_, shown) = text.stdout.split_once("\nTOOLS\n").expect("tools");
    assert_snapshot!(shown, @"

      run()
        arguments:
          none

    IMPORTS
      acme:store/query@1.0.0  missing: the program that runs it must offer it
      call-home  missing: nobody can offer it, as it is no interface
    ");
    let document = shell
        .run(&["inspect", "shop.wasm", "-o", "json"])
        .document();
    let missing = serde_json::json!(["acme:store/query@1.0.0", "call-home"]);
    assert_eq!(document["result"]["missing_imports"], missing);
    assert_eq!(document["result"]["imports"], missing);

    let wrong = shell.run(&["inspect", "shop.wasm#ruin", "-o", "json"]);
    assert_eq!(wrong.document()["error"]["code"], "caller/unknown-tool");
}

/// A known import of another type is no matter of who offers it.
#[test]
fn what_no_host_can_run_is_refused_as_it_is_by_call() {
    let mismatched = forge::component(
        r#"(component
            (import "wasi:random/random@0.2.0" (instance (export "no-such-function" (func))))
            (core module $m (func (export "run")))
            (core instance $i (instantiate $m))
            (func (export "run") (canon lift (core func $i "run"))))"#,
    );
    let shell = Shell::new().file("tool.wasm", mismatched);
    let ended = ["call", "inspect"].map(|verb| {
        let ended = shell.run(&[verb, "tool.wasm", "-o", "json"]);
        let document = ended.document();
        (ended.code, document["error"].to_string())
    });
    assert_eq!(ended[0], ended[1]);
    assert!(
        ended[0].1.contains("component/missing-imports"),
        "{ended:?}"
    );
}

/// Which tools such a component has is known only where it runs.
#[test]
fn a_handler_that_cannot_run_here_shows_no_tools() {
    let handler = forge::component(
        r#"(component
            (import "acme:store/query@1.0.0" (instance (export "find" (func))))
            (core module $m (func (export "run")))
            (core instance $i (instantiate $m))
            (func $run (canon lift (core func $i "run")))
            (instance $handler (export "list" (func $run)))
            (export "patinox:tool/handler@0.1.0" (instance $handler)))"#,
    );
    let shell = Shell::new().file("tool.wasm", handler);
    let text = shell.run(&["inspect", "tool.wasm"]);
    assert_eq!(text.code, Some(0), "{text:?}");
    let unknown = "TOOLS\n  not known: it would have to run, and cannot here\n";
    assert!(text.stdout.contains(unknown), "{text:?}");
    let named = shell.run(&["inspect", "tool.wasm#find", "-o", "json"]);
    let error = named.document()["error"]["code"].clone();
    assert_eq!(error, "component/missing-imports");
}
