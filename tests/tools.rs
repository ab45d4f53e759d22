//! The tools that are shipped, each in its own language: what they answer, and
//! that a typical job is far from every limit.

mod crash;
mod eval;
mod files;
mod hash;
mod json;
mod notes;
mod text;
mod units;

use std::path::Path;

use patinox::{Called, Config, Host, Limits, LoadRequest, Loaded, Storage};
use serde_json::Value;

use crate::support::{self, code, guests};

/// A shipped tool in a host of its own.
struct Shipped {
    host: Host,
    component: Loaded,
}

impl Shipped {
    /// `None` where nothing builds its language.
    async fn new(package: &str) -> Option<Self> {
        Self::granted(package, &[]).await
    }

    async fn granted(package: &str, grants: &[String]) -> Option<Self> {
        Self::with(package, grants, support::config()).await
    }

    /// With a storage of its own.
    async fn kept_in(package: &str, grants: &[String], folder: &Path) -> Option<Self> {
        let config = Config {
            storage: Some(Storage::Folder(folder.join("storage"))),
            ..support::config()
        };
        Self::with(package, grants, config).await
    }

    async fn with(package: &str, grants: &[String], config: Config) -> Option<Self> {
        let component = LoadRequest::bytes(guests::built(package)?);
        let grants = grants.iter().map(|grant| grant.parse().expect("a grant"));
        let component = grants.fold(component, LoadRequest::grant);
        let config = Config {
            store: Some(support::store()),
            ..config
        };
        let host = Host::new(config).expect("a host");
        let component = host.load(component).await.expect("a component");
        Some(Self { host, component })
    }

    async fn call(&self, tool: &str, arguments: Value) -> Called {
        support::call(&self.host, &self.component, tool, arguments).await
    }

    async fn answer(&self, tool: &str, arguments: Value) -> Value {
        let called = self.call(tool, arguments).await;
        called.result.expect("an answer")
    }

    /// The code and the message of a call that fails.
    async fn error(&self, tool: &str, arguments: Value) -> String {
        let called = self.call(tool, arguments).await;
        let code = code(&called);
        let error = called.result.expect_err("an error");
        format!("{code}: {error}")
    }

    /// A typical job, which leaves room below every limit.
    async fn typical(&self, tool: &str, arguments: Value) -> Value {
        let called = self.call(tool, arguments).await;
        let limits = Limits::default();
        let usage = &called.usage;
        let spent = [
            ("fuel", usage.fuel, limits.fuel / 5),
            ("memory", usage.memory_bytes_peak, limits.memory_bytes / 2),
            (
                "arguments",
                usage.arguments_bytes,
                limits.arguments_bytes / 2,
            ),
            ("result", usage.result_bytes, limits.result_bytes / 2),
            ("host-calls", usage.host_calls, limits.host_calls / 4 * 3),
        ];
        for (name, spent, most) in spent {
            assert!(spent <= most, "{tool}: {name} {spent}, at most {most}");
        }
        let wall = u64::try_from(usage.wall.as_millis()).expect("milliseconds");
        assert!(wall <= limits.wall_ms / 5, "{tool}: {wall} ms");
        called.result.expect("an answer")
    }
}
