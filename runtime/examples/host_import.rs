//! Offers components an interface of its own: `host_import COMPONENT TOOL
//! ARGUMENTS`, for a component that imports `acme:store/query`.
#![expect(clippy::print_stdout, reason = "an example shows what it got")]

use std::collections::BTreeMap;
use std::sync::Arc;

use patinox::prelude::*;
use serde::{Deserialize, Serialize};

/// What the authors of components build against.
const WIT: &str = "
    package acme:store@1.0.0;

    interface query {
        record item { key: string, price-cents: u64, picture: list<u8>, tags: list<string> }
        variant amount { all, at-most(u32) }

        find: func(key: string) -> option<item>;
        search: func(tag: string, amount: amount) -> result<list<item>, string>;
        touch: func();
    }";

/// The record of the WIT; its names have hyphens there.
#[derive(Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Item {
    key: String,
    price_cents: u64,
    picture: Vec<u8>,
    tags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Amount {
    All,
    AtMost(usize),
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
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

    let host = Host::builder()
        .compile_worker(std::env::current_exe()?)
        .import(query(stock())?)
        .build()?;
    // Offered to all is granted to nobody: each component is told by name.
    let grant = "import=acme:store/query".parse()?;
    let shop = host.load(LoadRequest::file(path).grant(grant)).await?;

    let request = Request::new(tool, serde_json::from_str(&arguments)?);
    let called = host.call(&shop, request).await;
    println!("calls of the host: {}", called.usage.host_calls);
    println!("result: {}", called.result?);
    Ok(())
}

/// The interface, each function an async one with types of its own.
fn query(stock: Arc<BTreeMap<String, Item>>) -> Result<Import, ImportError> {
    let everything = Arc::clone(&stock);
    Import::new(WIT, "acme:store/query@1.0.0")?
        .function("find", move |_, (key,): (String,)| {
            let found = stock.get(&key).cloned();
            async move { found }
        })?
        .function("search", move |_, (tag, amount): (String, Amount)| {
            let most = match amount {
                Amount::All => usize::MAX,
                Amount::AtMost(most) => most,
            };
            let tagged = everything.values().filter(|item| item.tags.contains(&tag));
            let found: Vec<_> = tagged.take(most).cloned().collect();
            async move {
                match found.is_empty() {
                    true => Err(format!("nothing is tagged `{tag}`")),
                    false => Ok(found),
                }
            }
        })?
        .function("touch", |_, ()| async {})
}

fn stock() -> Arc<BTreeMap<String, Item>> {
    let item = |key: &str, price_cents| Item {
        key: key.to_owned(),
        price_cents,
        picture: b"not really one".to_vec(),
        tags: vec!["drink".to_owned()],
    };
    let items = [item("tea", 420), item("coffee", 380)];
    Arc::new(items.map(|item| (item.key.clone(), item)).into())
}
