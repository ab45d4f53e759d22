//! A tool in Rust beside those of a component: `native_tool COMPONENT` lists
//! all tools, and calls the one that is Rust's.
#![expect(clippy::print_stdout, reason = "an example shows what it got")]

use std::sync::Arc;

use patinox::prelude::*;
use patinox::{NativeTool, ToolAnnotations, ToolSpec};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match patinox::compile_worker() {
        Some(_) => Ok(()),
        None => list(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn list() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("COMPONENT is missing")?;
    let worker = std::env::current_exe()?;
    let host = Host::builder().compile_worker(worker).build()?;

    let catalog = host.catalog();
    catalog.add("component", host.load_file(path).await?)?;
    let tools = Loaded::native("service", vec![Arc::new(uptime()?)])?;
    catalog.add("service", tools)?;

    // What a model would be told of them has one form.
    for (name, loaded) in catalog.list() {
        for tool in loaded.tools().iter() {
            println!("{name}: {}", tool.signature());
        }
    }
    let service = catalog.get("service").ok_or("it has just been added")?;
    let request = Request::new("uptime", json!({ "unit": "ms" }));
    let called = host.call(&service, request).await;
    println!("uptime: {}", called.result?);
    Ok(())
}

/// Trusted code: it runs in this process, with no limit but its time.
fn uptime() -> Result<NativeTool, String> {
    let started = std::time::Instant::now();
    let spec = ToolSpec {
        name: "uptime".to_owned(),
        title: None,
        description: "How long the service has been up.".to_owned(),
        input_schema: json!({
            "type": "object",
            "properties": { "unit": { "enum": ["ms", "s"] } },
            "required": ["unit"],
            "additionalProperties": false,
        }),
        output_schema: None,
        annotations: ToolAnnotations::derived(),
    };
    NativeTool::new(spec, move |call| async move {
        let up = started.elapsed();
        // The arguments fit the schema: they have been checked.
        match call.arguments.get("unit").and_then(|unit| unit.as_str()) {
            Some("s") => Ok(json!(up.as_secs_f64())),
            _ => Ok(json!(up.as_secs_f64() * 1e3)),
        }
    })
}
