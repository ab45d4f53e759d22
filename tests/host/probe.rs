//! What a guest sees of its host: all of WASI is linked, and nothing is
//! behind it.

use patinox::{Host, Loaded};
use serde_json::{Value, json};

use crate::support::{self, code, guests};

async fn probe() -> Option<(Host, Loaded)> {
    let bytes = guests::built("fixture-probe")?;
    let host = support::host();
    let component = support::load(&host, &bytes).await;
    Some((host, component))
}

async fn ask(host: &Host, probe: &Loaded, tool: &str, arguments: Value) -> Result<Value, String> {
    let called = support::call(host, probe, tool, arguments).await;
    let code = code(&called);
    // It works or it is refused; nothing traps and no contract is broken.
    assert!(
        matches!(code, "ok" | "component/error" | "policy/denied"),
        "{tool}: {called:?}"
    );
    called.result.map_err(|error| error.to_string())
}

#[tokio::test]
async fn there_is_nothing_to_see() {
    let Some((host, probe)) = probe().await else {
        return;
    };
    for (tool, expected) in [
        ("environment", json!([])),
        ("settings", json!([])),
        ("arguments", json!([])),
        // The root, in which nothing lies.
        ("open-directories", json!(["/"])),
        // Closed at once, not waited for.
        ("read-stdin", json!(0)),
        ("terminals", json!([false, false, false])),
        // The word of the guest's own library, where there is no folder.
        ("working-directory", json!("/")),
    ] {
        let answer = ask(&host, &probe, tool, json!({})).await;
        assert_eq!(answer, Ok(expected), "{tool}");
    }
}

#[tokio::test]
async fn no_file_can_be_opened() {
    let Some((host, probe)) = probe().await else {
        return;
    };
    for path in ["/etc/passwd", "/..", "../Cargo.toml", "/dev/null"] {
        let answer = ask(&host, &probe, "open-file", json!({ "path": path })).await;
        assert!(answer.is_err(), "{path}: {answer:?}");
    }
    // The root of its paths, in which nothing lies.
    let answer = ask(&host, &probe, "open-file", json!({ "path": "/" })).await;
    assert_eq!(answer, Ok(json!(0)));
}

#[tokio::test]
async fn no_socket_can_be_made_and_no_name_looked_up() {
    let Some((host, probe)) = probe().await else {
        return;
    };
    for address in ["127.0.0.1:80", "[::1]:80"] {
        let answer = ask(&host, &probe, "connect-tcp", json!({ "address": address })).await;
        let refused = "the tool failed: create-tcp-socket: access-denied";
        assert_eq!(answer, Err(refused.to_owned()), "{address}");
    }
    let answer = ask(&host, &probe, "look-up", json!({ "name": "localhost" })).await;
    let refused = "the tool failed: resolve-addresses: access-denied";
    assert_eq!(answer, Err(refused.to_owned()));
}

/// It may be described, body and all; sending it is what is denied.
#[tokio::test]
async fn no_request_is_sent() {
    let Some((host, probe)) = probe().await else {
        return;
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener");
    let address = listener.local_addr().expect("an address");
    for body in [String::new(), "a".repeat(100 << 10)] {
        let arguments = json!({ "authority": address.to_string(), "body": body });
        let answer = ask(&host, &probe, "post", arguments).await;
        let denied = "the tool failed: handle: HTTP-request-denied";
        assert_eq!(answer, Err(denied.to_owned()));
    }
    let nobody = listener.accept().expect_err("nobody connects");
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn the_clocks_are_coarse() {
    const MILLISECOND: u64 = 1_000_000;
    let Some((host, probe)) = probe().await else {
        return;
    };
    for clock in ["wall", "monotonic"] {
        let reading = ask(&host, &probe, clock, json!({})).await.unwrap();
        assert_eq!(reading["resolution-ns"], json!(MILLISECOND));
        let now = match &reading["now-ns"] {
            Value::String(text) => text.parse().unwrap(),
            number => number.as_u64().unwrap(),
        };
        assert_eq!(now % MILLISECOND, 0, "{clock}: {now}");
        // One counts from 1970, the other from the start of the call.
        assert_eq!(clock == "wall", 1_700_000_000_000 * MILLISECOND < now);
    }
}

#[tokio::test]
async fn random_bytes_differ_and_are_bounded() {
    let Some((host, probe)) = probe().await else {
        return;
    };
    let ask_for = |n: u64| ask(&host, &probe, "random-bytes", json!({ "n": n }));
    let [first, second] = [ask_for(32).await, ask_for(32).await].map(Result::unwrap);
    assert_ne!(first, second);
    assert_eq!(first.as_str().unwrap().len(), 44);
    for n in [(64_u64 << 10) + 1, 1 << 40] {
        let arguments = json!({ "n": n });
        let called = support::call(&host, &probe, "random-bytes", arguments).await;
        assert_eq!(code(&called), "limit/random", "{called:?}");
    }
}

/// What others' toolchains produce imports most of it and must load.
#[tokio::test]
async fn all_that_it_imports_is_known() {
    let Some((_, probe)) = probe().await else {
        return;
    };
    let imports = probe.component().expect("a component").imports();
    let packages = [
        "cli",
        "clocks",
        "filesystem",
        "http",
        "io",
        "random",
        "sockets",
    ];
    for package in packages {
        let package = format!("wasi:{package}/");
        let is_there = imports.iter().any(|name| name.starts_with(&package));
        assert!(is_there, "no import of {package}: {imports:?}");
    }
}
