//! Calls a tool of a component: `embed COMPONENT TOOL ARGUMENTS`, the arguments
//! as JSON.
#![expect(clippy::print_stdout, reason = "an example shows what it got")]

use patinox::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // It compiles components too, in processes of its own that are limited.
    match patinox::compile_worker() {
        Some(_) => Ok(()),
        None => call(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn call() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let mut next = |what| words.next().ok_or(format!("{what} is missing"));
    let (path, tool, arguments) = (next("COMPONENT")?, next("TOOL")?, next("ARGUMENTS")?);

    let worker = std::env::current_exe()?;
    let host = Host::builder().compile_worker(worker).build()?;
    let component = host.load_file(path).await?;

    // Tighter than the defaults, for this call alone.
    let mut limits = *host.limits();
    limits.set("wall", "2s")?;
    let request = Request::new(tool, serde_json::from_str(&arguments)?).limits(limits);

    // What it spent is told in either case.
    let called = host.call(&component, request).await;
    println!("spent: {:?}", called.usage);
    println!("result: {}", called.result?);
    Ok(())
}
