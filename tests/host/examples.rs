//! The examples for embedders run as they stand.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use patinox_artifacts::prebuilt;
use serde_json::{Value, json};

use crate::support::guests;

/// Cargo builds the examples with the tests, beside them.
fn example(name: &str) -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    let example = test.parent()?.parent()?.join("examples").join(name);
    if !example.exists() {
        guests::left_out(&format!(
            "the example `{name}`, which this command did not build"
        ));
        return None;
    }
    Some(example)
}

fn run(name: &str, component: &Path, words: &[&str]) -> Option<Output> {
    let mut example = Command::new(example(name)?);
    Some(example.arg(component).args(words).output().unwrap())
}

fn said(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}{stderr}");
    stdout
}

#[test]
fn embed_calls_a_tool_and_tells_what_it_spent() {
    let words = ["count", r#"{"text": "to be or not to be"}"#];
    let Some(output) = run("embed", prebuilt::text(), &words) else {
        return;
    };
    let stdout = said(&output);
    assert!(stdout.starts_with("spent: Usage { fuel: "), "{stdout}");
    let result = stdout.split_once("\nresult: ").unwrap().1;
    let result: Value = serde_json::from_str(result).unwrap();
    assert_eq!(result["words"], 6);
}

#[test]
fn embed_tells_what_it_spent_of_a_call_that_fails() {
    let Some(output) = run("embed", prebuilt::text(), &["count", r#"{"text": 7}"#]) else {
        return;
    };
    assert!(!output.status.success());
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with("spent: Usage { fuel: 0"), "{stdout}");
}

#[test]
fn embed_is_short() {
    let source = include_str!("../../runtime/examples/embed.rs");
    assert!(source.lines().count() <= 40);
}

#[test]
fn host_import_answers_its_guest() {
    let Some(shop) = patinox_artifacts::fixture_shop() else {
        return guests::left_out("the example `host_import`: no guest");
    };
    for (tool, arguments, answer) in [
        (
            "price",
            r#"{"key": "tea"}"#,
            "calls of the host: 1\nresult: 420\n",
        ),
        (
            "tagged",
            r#"{"tag": "drink", "most": 1}"#,
            "calls of the host: 1\nresult: [[\"coffee\"],14]\n",
        ),
    ] {
        let Some(output) = run("host_import", shop, &[tool, arguments]) else {
            return;
        };
        assert_eq!(said(&output), answer);
    }
}

#[test]
fn native_tool_lists_both_kinds_and_calls_its_own() {
    let Some(output) = run("native_tool", prebuilt::text(), &[]) else {
        return;
    };
    let stdout = said(&output);
    assert!(stdout.contains("\ncomponent: diff("), "{stdout}");
    assert!(
        stdout.contains("\nservice: uptime(unit: any)\nuptime: "),
        "{stdout}"
    );
}

/// The service, until it is dropped.
struct Service {
    child: Child,
    /// What it says after its address.
    stdout: BufReader<ChildStdout>,
    address: String,
    _run: tempfile::TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    fn start(components: &[(&str, &Path)]) -> Option<Self> {
        Self::of("axum_service", None, components)
    }

    /// The service of an example, with a folder of its own where it wants one.
    fn of(name: &str, folder: Option<&Path>, components: &[(&str, &Path)]) -> Option<Self> {
        let run = tempfile::tempdir().unwrap();
        Self::within(run, name, folder, components)
    }

    /// The same, with this as the folder of its user's sockets.
    fn within(
        run: tempfile::TempDir,
        name: &str,
        folder: Option<&Path>,
        components: &[(&str, &Path)],
    ) -> Option<Self> {
        let mut command = Command::new(example(name)?);
        command.arg("127.0.0.1:0").stdout(Stdio::piped());
        command.args(folder);
        // Whoever is killed leaves a socket there.
        command.env("XDG_RUNTIME_DIR", run.path());
        command.env("XDG_CONFIG_HOME", run.path().join("config"));
        for (name, path) in components {
            command.arg(format!("{name}={}", path.display()));
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ");
        let address = address.expect("an address").to_owned();
        Some(Self {
            child,
            stdout,
            address,
            _run: run,
        })
    }

    fn send(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (host, len) = (&self.address, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             content-length: {len}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        stream
    }

    /// The status, the head and the body, as JSON.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String, Value) {
        let (status, head, body) = self.page(method, path, body);
        let body = serde_json::from_str(&body).unwrap_or(Value::Null);
        (status, head, body)
    }

    fn page(&self, method: &str, path: &str, body: &str) -> (u16, String, String) {
        let mut stream = self.send(method, path, body);
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_owned(), body.to_owned())
    }

    fn call(&self, path: &str, arguments: &Value) -> (u16, Value) {
        let (status, _, body) = self.ask("POST", path, &arguments.to_string());
        (status, body)
    }
}

#[test]
fn axum_service_offers_tools_over_http() {
    let mut components = vec![("text", prebuilt::text()), ("hostile", prebuilt::hostile())];
    // Python, by the service as its own compile worker.
    components.extend(patinox_artifacts::eval().map(|eval| ("eval", eval)));
    let Some(service) = Service::start(&components) else {
        return;
    };
    let (status, _, tools) = service.ask("GET", "/tools", "");
    assert_eq!(status, 200);
    assert_eq!(tools["text"][0]["inputSchema"]["type"], "object", "{tools}");

    let (status, counted) = service.call("/tools/text/count", &json!({ "text": "to be" }));
    assert_eq!((status, &counted["words"]), (200, &json!(2)));
    for (path, arguments, status, code) in [
        (
            "/tools/text/count",
            json!({}),
            400,
            "caller/invalid-arguments",
        ),
        ("/tools/text/shout", json!({}), 404, "caller/unknown-tool"),
        ("/tools/hostile/trap", json!({}), 502, "component/trap"),
        ("/tools/hostile/recurse", json!({}), 502, "component/stack"),
    ] {
        let (found, body) = service.call(path, &arguments);
        assert_eq!((found, &body["code"]), (status, &json!(code)), "{path}");
    }
    let (status, _, body) = service.ask(
        "POST",
        "/tools/text/count",
        "{\"text\": \"a\", \"text\": \"b\"}",
    );
    assert_eq!(
        (status, &body["code"]),
        (400, &json!("caller/invalid-json"))
    );
    if patinox_artifacts::eval().is_some() {
        let arguments = json!({ "expression": "sum(data)", "data": "[1, 2]" });
        assert_eq!(
            service.call("/tools/eval/expression", &arguments),
            (200, json!("3"))
        );
    }
}

/// Four run, four wait, and a ninth is told to come back. When the clients hang
/// up there is room at once.
#[test]
fn axum_service_sheds_load_and_ends_the_guest_of_who_hangs_up() {
    let Some(service) = Service::start(&[("hostile", prebuilt::hostile())]) else {
        return;
    };
    let path = "/tools/hostile/sleep";
    let long = json!({ "ms": 9_000 }).to_string();
    let waiting: Vec<_> = (0..9).map(|_| service.send("POST", path, &long)).collect();
    let started = Instant::now();
    let soon = Duration::from_secs(7);
    let has_answer = |stream: &TcpStream| {
        stream
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        stream.peek(&mut [0]).is_ok_and(|bytes| 0 < bytes)
    };
    let mut refused = loop {
        let answered = waiting.iter().find(|stream| has_answer(stream));
        match answered {
            Some(stream) => break stream,
            None => assert!(started.elapsed() < soon, "nobody is turned away"),
        }
    };
    let mut answer = String::new();
    refused
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    refused.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(
        answer.to_lowercase().contains("\r\nretry-after: "),
        "{answer}"
    );
    assert!(answer.contains("\"limit/busy\""), "{answer}");

    drop(waiting);
    let status = loop {
        let (status, _) = service.call(path, &json!({ "ms": 1 }));
        if status == 200 || soon < started.elapsed() {
            break status;
        }
    };
    assert_eq!(status, 200);
    assert!(
        started.elapsed() < soon,
        "before any would have ended by itself"
    );
}

/// What somebody else has put where the socket of a host belongs.
#[test]
fn what_lies_in_the_usual_place_keeps_no_host_from_running() {
    let link = |place: &Path| symlink("/", place).unwrap();
    let file = |place: &Path| std::fs::write(place, "").unwrap();
    let open = |place: &Path| {
        std::fs::create_dir(place).unwrap();
        std::fs::set_permissions(place, Permissions::from_mode(0o777)).unwrap();
    };
    for put in [&link as &dyn Fn(&Path), &file, &open] {
        let run = tempfile::tempdir().unwrap();
        let place = run.path().join("patinox");
        put(&place);
        let text: &[(&str, &Path)] = &[("text", prebuilt::text())];
        let Some(service) = Service::within(run, "axum_service", None, text) else {
            return;
        };
        let answer = service.call("/tools/text/count", &json!({ "text": "to be" }));
        assert_eq!(answer.0, 200, "{answer:?}");
        if place.is_dir() {
            let sockets = std::fs::read_dir(&place).unwrap().flatten();
            let sockets = sockets.filter(|entry| entry.path().extension() == Some("sock".as_ref()));
            assert_eq!(sockets.count(), 0);
        }
    }
}

/// What `docs/integration.md` goes through.
#[test]
fn monitored_service_tells_how_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let components = [("text", prebuilt::text()), ("hostile", prebuilt::hostile())];
    let started = Service::of("monitored_service", Some(folder.path()), &components);
    let Some(mut service) = started else {
        return;
    };
    assert_eq!(service.ask("GET", "/live", "").0, 200);
    let (status, _, ready) = service.ask("GET", "/ready", "");
    // A machine that tests run on may be short of something.
    assert!([200, 503].contains(&status), "{ready}");
    assert_eq!(ready["closing"], false);
    let (status, counted) = service.call("/tools/text/count", &json!({ "text": "to be" }));
    assert_eq!((status, &counted["words"]), (200, &json!(2)));
    for (path, arguments, status, code) in [
        ("/tools/text/shout", json!({}), 400, "caller/unknown-tool"),
        ("/tools/hostile/trap", json!({}), 502, "component/trap"),
        (
            "/tools/hostile/hoard",
            json!({ "bytes": 1_000_000_000 }),
            422,
            "limit/memory",
        ),
    ] {
        let (found, body) = service.call(path, &arguments);
        assert_eq!((found, &body["code"]), (status, &json!(code)), "{path}");
    }
    let (status, _, alerts) = service.ask("GET", "/alerts", "");
    assert!(status == 200 && alerts.is_array(), "{alerts}");
    let (status, head, page) = service.page("GET", "/metrics", "");
    assert_eq!(status, 200);
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    for line in [
        "tool=\"count\",outcome=\"ok\"} 1.0\n",
        "tool=\"hoard\",outcome=\"limit/memory\"} 1.0\n",
        "patinox_loads_total{code=\"compiled\"} 2.0\n",
        "patinox_store_entries 2.0\n",
        "patinox_health{check=\"pool\"} ",
    ] {
        assert!(page.contains(line), "{line} in {page}");
    }

    assert_eq!(service.ends(), "cancelled 0 calls; nothing is left\n");
}

/// Limits, admission and alerts are those of the file.
#[test]
fn monitored_service_does_what_its_file_says() {
    let run = tempfile::tempdir().unwrap();
    let config = run.path().join("config/patinox");
    std::fs::create_dir_all(&config).unwrap();
    let file = "[limits]\nwall = '100ms'\n\
                [alerts]\ndefaults = false\n\
                [[alerts.rules]]\nname = 'loaded'\nmetric = 'patinox_loads_total'\nabove = 0\n";
    std::fs::write(config.join("config.toml"), file).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let components = [("hostile", prebuilt::hostile())];
    let name = "monitored_service";
    let Some(mut service) = Service::within(run, name, Some(folder.path()), &components) else {
        return;
    };
    let (status, body) = service.call("/tools/hostile/sleep", &json!({ "ms": 9_000 }));
    assert_eq!((status, &body["code"]), (422, &json!("limit/wall")));
    assert_eq!(
        body["hint"],
        Value::Null,
        "that is for the operator: {body}"
    );
    let (status, body) = service.call("/tools/hostile/slep", &json!({}));
    assert_eq!(status, 400);
    assert!(body["hint"].is_string(), "{body}");
    // It looks each five seconds.
    let started = Instant::now();
    let alerts = loop {
        let (_, _, alerts) = service.ask("GET", "/alerts", "");
        if alerts != json!([]) || Duration::from_secs(60) < started.elapsed() {
            break alerts;
        }
    };
    assert_eq!(alerts[0]["rule"], "loaded", "{alerts}");
    assert_eq!(alerts[0]["state"], "firing");
    assert_eq!(alerts.as_array().unwrap().len(), 1, "{alerts}");
    assert_eq!(service.ends(), "cancelled 0 calls; nothing is left\n");
}

#[test]
fn monitored_service_tells_what_is_wrong_with_its_file_or_a_component() {
    let Some(example) = example("monitored_service") else {
        return;
    };
    let run = tempfile::tempdir().unwrap();
    let config = run.path().join("c.toml");
    let folder = run.path().join("state");
    let told = |file: &str, word: &str| {
        std::fs::write(&config, file).unwrap();
        let mut command = Command::new(&example);
        command.args(["127.0.0.1:0".as_ref(), folder.as_os_str(), word.as_ref()]);
        command.env("XDG_RUNTIME_DIR", run.path());
        command.env("PATINOX_CONFIG", &config);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let rule = "[[alerts.rules]]\nname = 'a'\nhealth = 'pol'\nabove = 'healthy'\n";
    let text = told(rule, "a=b.wasm");
    let wrong = "must be the name of a check, not `pol`\nhint: did you mean `pool`?";
    assert!(
        text.starts_with("error: `alerts.rules[0].health` at "),
        "{text}"
    );
    assert!(text.contains(wrong), "{text}");
    assert!(!folder.exists(), "nothing is made before the file is read");
    let text = told("", "a=b.wasm");
    assert!(text.contains("b.wasm") && text.contains("hint: "), "{text}");
    // The host was there already.
    let sockets = std::fs::read_dir(run.path().join("patinox")).unwrap();
    assert_eq!(sockets.count(), 0);
}

impl Service {
    /// Asks it to end, and what it says then.
    fn ends(&mut self) -> String {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let mut said = String::new();
        self.stdout.read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success());
        said
    }
}
