//! A host without a compiler, as an edge service would have it:
//! `precompiled STORE KEY-FILE COMPONENT TOOL ARGUMENTS`.
//!
//! It prints one line of JSON: the answer, or the code, message and hint of the
//! error; and the most memory that it had resident, in KiB.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program that shows what it got")]

use std::process::ExitCode;

use patinox::prelude::*;
use patinox::{Allocation, ArtifactStore, Report};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [store, key, component, tool, arguments] = words.as_slice() else {
        println!("{}", json!({ "code": "caller/usage" }));
        return ExitCode::FAILURE;
    };
    let arguments = serde_json::from_str(arguments).unwrap_or(Value::Null);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(call([store, key, component], tool, arguments)),
        Err(error) => Err(json!({ "message": error.to_string() })),
    };
    let code = match done {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    };
    let (Ok(mut said) | Err(mut said)) = done;
    if let Some(said) = said.as_object_mut() {
        said.insert("resident-kib".to_owned(), resident_kib().into());
    }
    println!("{said}");
    code
}

async fn call(
    [store, key, component]: [&String; 3],
    tool: &str,
    arguments: Value,
) -> Result<Value, Value> {
    let store = ArtifactStore::open_read_only(store, key).map_err(|error| told(&error))?;
    let host = Host::builder()
        .store(store)
        // One call needs no pool.
        .allocation(Allocation::OnDemand { slots: None })
        .build()
        .map_err(|error| told(&error))?;
    let component = host.load_file(component).await;
    let component = component.map_err(|error| told(&error))?;
    let called = host.call(&component, Request::new(tool, arguments)).await;
    let answer = called.result.map_err(|error| told(&error))?;
    Ok(json!({ "answer": answer }))
}

fn told(error: &dyn Failure) -> Value {
    let Report {
        code,
        message,
        hint,
        ..
    } = Report::of(error);
    json!({ "code": code, "message": message, "hint": hint })
}

/// The most that was resident, as the system counts it.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
