//! The example of a service, beside an axum handler that makes the same raw
//! fresh call.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};

use serde_json::Value;

use super::{ECHO, Floor, Rounds, Val};

/// The word that makes this program the floor.
pub(super) const FLOOR: &str = "--floor-service";

/// As many as the service lets run at once.
const CLIENTS: usize = 4;

const TEXT: &str = "0123456789012345678901234567890123456789\
                    012345678901234567890123456789012345678901234567890123456789";

/// Ticks of the clock that counts a process's time, in a second: what Linux
/// tells every program.
const TICKS: f64 = 100.0;

/// Serves the same path by the engine alone, until it is killed.
pub(super) fn floor() {
    let echo = wat::parse_str(ECHO).expect("a component");
    let floor = Arc::new(Floor::pooled(&echo, &["echo"]));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let router = Router::new()
            .route("/tools/{component}/{tool}", post(raw))
            .layer(DefaultBodyLimit::max(4 << 20))
            .with_state(floor);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0");
        let listener = listener.await.expect("a port");
        println!(
            "listening on {}",
            listener.local_addr().expect("an address")
        );
        axum::serve(listener, router).await.expect("it serves");
    });
}

/// The same request and the same answer, with nothing of the host in between.
async fn raw(
    State(floor): State<Arc<Floor>>,
    Path((component, tool)): Path<(String, String)>,
    body: String,
) -> Response {
    let arguments = serde_json::from_str::<Value>(&body);
    let text = arguments
        .ok()
        .and_then(|mut all| all.get_mut("text").map(Value::take));
    let (Some(Value::String(text)), "echo", "echo") = (text, &*component, &*tool) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match floor.call(&[Val::String(text)]).await {
        Val::String(text) => Json(Value::String(text)).into_response(),
        _ => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// Requests for each second of the server's own time.
pub(super) fn measure(rounds: Rounds) {
    let test = std::env::current_exe().expect("this program");
    let example = test.parent().and_then(std::path::Path::parent);
    let example = example.map(|folder| folder.join("examples/axum_service"));
    let Some(example) = example.filter(|example| example.exists()) else {
        println!(
            "service/echo                 left out: build it by `cargo build --examples`, in this profile"
        );
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("echo.wasm");
    let echo = wat::parse_str(ECHO).expect("a component");
    std::fs::write(&path, echo).expect("the component is written");

    let component = format!("echo={}", path.display());
    let body = format!("{{\"text\":\"{TEXT}\"}}");
    let ours = Server::start(&example, &["127.0.0.1:0", &component], &body);
    let floor = Server::start(&test, &[FLOOR], &body);
    let (mut fast, mut raw) = (Vec::new(), Vec::new());
    let turns = rounds.turns.min(5);
    for _ in 0..turns {
        raw.push(floor.rate(rounds.seconds));
        fast.push(ours.rate(rounds.seconds));
    }
    let (ours, floor) = (middle(fast), middle(raw));
    let ratio = ours / floor;
    println!(
        "service/echo                 host {ours:.0}/s of a core  floor {floor:.0}/s  ratio {ratio:.2}"
    );
}

fn middle(mut rates: Vec<f64>) -> f64 {
    rates.sort_unstable_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

/// A process that serves, until it is dropped.
struct Server {
    child: Child,
    address: String,
    request: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(program: &PathBuf, words: &[&str], body: &str) -> Self {
        let mut command = Command::new(program);
        let mut child = command
            .args(words)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let stdout = child.stdout.take().expect("a pipe");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on ");
        let request = format!(
            "POST /tools/echo/echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        Self {
            child,
            address: address.expect("an address").to_owned(),
            request,
        }
    }

    /// Requests a second of the server's time, from a few clients who each wait
    /// for an answer before they ask again.
    fn rate(&self, seconds: f64) -> f64 {
        let answered = AtomicU64::new(0);
        let end = Instant::now() + Duration::from_secs_f64(seconds);
        let before = self.spent();
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| self.ask_until(end, &answered));
            }
        });
        let spent = (self.spent() - before).max(1.0 / TICKS);
        let answered = u32::try_from(answered.into_inner()).unwrap_or(u32::MAX);
        f64::from(answered) / spent
    }

    fn ask_until(&self, end: Instant, answered: &AtomicU64) {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
        while Instant::now() < end {
            stream
                .write_all(self.request.as_bytes())
                .expect("it listens");
            read_answer(&mut reader);
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What the process has computed, in seconds.
    fn spent(&self) -> f64 {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(path).expect("Linux");
        let (_, fields) = stat.rsplit_once(") ").expect("a name");
        let mut fields = fields.split(' ').skip(11);
        let mut ticks = || fields.next().and_then(|field| field.parse::<f64>().ok());
        let both = ticks().zip(ticks());
        both.map_or(0.0, |(user, system)| (user + system) / TICKS)
    }
}

/// Reads one answer, which must be a good one.
fn read_answer(reader: &mut BufReader<TcpStream>) {
    let (mut line, mut len) = (String::new(), 0);
    reader.read_line(&mut line).expect("an answer");
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");
    loop {
        line.clear();
        reader.read_line(&mut line).expect("a head");
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            len = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body).expect("a body");
}
