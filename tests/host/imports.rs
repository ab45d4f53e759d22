//! An embedder's own interface: typed, granted, and under the wrapper.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use patinox::{
    ArtifactStore, Called, CancellationToken, Failure as _, Grant, Host, Import, Limits,
    LoadRequest, Loaded, Request, Stored,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::precompiled::Store;
use crate::support::{self, Neighbour, code, guests, soon};

const WIT: &str = include_str!("../../components/fixtures/shop/wit/deps/store.wit");
const QUERY: &str = "acme:store/query@1.0.0";

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

#[derive(Deserialize)]
struct Search {
    tag: String,
    amount: Amount,
}

fn stock() -> Vec<Item> {
    let item = |(key, price_cents): (&str, u64)| Item {
        key: key.to_owned(),
        price_cents,
        picture: vec![7; 1_000],
        tags: vec!["drink".to_owned()],
    };
    [("tea", 420), ("gold", u64::MAX)].map(item).into()
}

fn search(Search { tag, amount }: Search) -> Result<Vec<Item>, String> {
    let most = match amount {
        Amount::All => usize::MAX,
        Amount::AtMost(most) => most,
    };
    match tag.as_str() {
        "drink" => Ok(stock().into_iter().take(most).collect()),
        tag => Err(format!("nothing is tagged `{tag}`")),
    }
}

/// Everything works at once.
fn import() -> Import {
    let import = Import::new(WIT, QUERY).expect("the interface");
    let find = |_, (key,): (String,)| async move { stock().into_iter().find(|i| i.key == key) };
    let import = import.function("find", find).expect("`find`");
    let import = import.function("search", |_, wanted| async { search(wanted) });
    let import = import
        .expect("`search`")
        .function("touch", |_, ()| async {});
    import.expect("`touch`")
}

struct Shop {
    host: Host,
    shop: Loaded,
}

impl Shop {
    async fn new(import: Import) -> Option<Self> {
        let bytes = guests::built("fixture-shop")?;
        let builder = Host::builder().compile_worker(support::PROGRAM);
        let host = builder.import(import).build().expect("a host");
        let grant = "import=acme:store/query".parse().expect("a grant");
        let shop = host.load(LoadRequest::bytes(bytes).grant(grant)).await;
        let shop = shop.expect("a component");
        Some(Self { host, shop })
    }

    async fn call(&self, request: Request) -> Called {
        soon(self.host.call(&self.shop, request)).await
    }

    async fn price(&self, key: &str) -> Called {
        self.call(Request::new("price", json!({ "key": key })))
            .await
    }
}

#[tokio::test]
async fn values_of_every_kind_go_both_ways() {
    let Some(shop) = Shop::new(import()).await else {
        return;
    };
    assert_eq!(shop.price("tea").await.result.unwrap(), 420);
    assert_eq!(
        shop.price("gold").await.result.unwrap(),
        "18446744073709551615"
    );
    let none = shop.price("coal").await.result.unwrap_err();
    assert_eq!(none.to_string(), "the tool failed: there is none");
    for (most, answer) in [
        (json!(null), json!([["tea", "gold"], 2_000])),
        (json!(1), json!([["tea"], 1_000])),
    ] {
        let arguments = json!({ "tag": "drink", "most": most });
        let called = shop.call(Request::new("tagged", arguments)).await;
        assert_eq!(called.result.unwrap(), answer);
    }
    let called = shop
        .call(Request::new("tagged", json!({ "tag": "stone" })))
        .await;
    let error = called.result.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the tool failed: nothing is tagged `stone`"
    );
}

#[tokio::test]
async fn what_is_not_granted_is_not_loaded() {
    let Some(bytes) = guests::built("fixture-shop") else {
        return;
    };
    let builder = Host::builder().compile_worker(support::PROGRAM);
    let host = builder.import(import()).build().unwrap();
    let error = host.load(bytes.clone()).await.unwrap_err();
    assert_eq!(error.code().as_str(), "policy/denied");
    let said = "the component imports what it has not been granted: `acme:store/query@1.0.0`";
    assert_eq!(error.to_string(), said);
    let hint = "grant it when it is loaded: `import=acme:store/query`";
    assert_eq!(error.hint().as_deref(), Some(hint));
    // Another one does not help.
    let other = LoadRequest::bytes(bytes.clone()).grant("import=acme:store/other".parse().unwrap());
    assert_eq!(
        host.load(other).await.unwrap_err().code().as_str(),
        "policy/denied"
    );
    // Without the import it is named as what is missing.
    let error = support::host().load(bytes).await.unwrap_err();
    assert_eq!(error.code().as_str(), "component/missing-imports");
    assert!(
        error
            .to_string()
            .ends_with("does not offer: `acme:store/query@1.0.0`"),
        "{error}"
    );
}

/// The types that the component was built with are compared with the host's.
#[tokio::test]
async fn another_type_is_refused_with_both() {
    let Some(bytes) = guests::built("fixture-shop") else {
        return;
    };
    let changed = WIT.replace("find: func(key: string)", "find: func(key: u32)");
    let import = Import::new(&changed, QUERY).unwrap();
    let import = import.function("find", |_, (_,): (u32,)| async { None::<Item> });
    let import = import
        .unwrap()
        .function("search", |_, wanted| async { search(wanted) });
    let import = import.unwrap().function("touch", |_, ()| async {}).unwrap();
    let builder = Host::builder().compile_worker(support::PROGRAM);
    let host = builder.import(import).build().unwrap();
    let grant = "import=acme:store/query".parse().unwrap();
    let error = host
        .load(LoadRequest::bytes(bytes).grant(grant))
        .await
        .unwrap_err();
    assert_eq!(error.code().as_str(), "component/missing-imports");
    let said = error.to_string();
    assert!(
        said.contains("`acme:store/query@1.0.0#find`: it is `func(key: u32) -> "),
        "{said}"
    );
    assert!(
        said.contains("not `func(key: string) -> option<record { key: string"),
        "{said}"
    );
}

/// Waits for ever, and tells when it is dropped.
fn waits(dropped: &Arc<AtomicUsize>) -> Import {
    struct Counts(Arc<AtomicUsize>);

    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    let dropped = Arc::clone(dropped);
    let touch = move |_, ()| {
        let counts = Counts(Arc::clone(&dropped));
        async move {
            std::future::pending::<()>().await;
            drop(counts);
        }
    };
    import().function("touch", touch).unwrap()
}

#[tokio::test]
async fn a_call_that_waits_for_the_embedder_ends_with_its_limits_and_its_cancel() {
    let dropped = Arc::default();
    let Some(shop) = Shop::new(waits(&dropped)).await else {
        return;
    };
    let wait = || Request::new("touch-often", json!({ "times": 1 }));
    let limits = Limits {
        wall_ms: 50,
        ..Limits::default()
    };
    let called = shop.call(wait().limits(limits)).await;
    assert_eq!(code(&called), "limit/wall");
    assert_eq!(dropped.load(Ordering::Relaxed), 1);

    let token = CancellationToken::new();
    let (called, ()) = tokio::join!(shop.call(wait().cancel(token.clone())), async {
        tokio::task::yield_now().await;
        token.cancel();
    });
    assert_eq!(code(&called), "cancelled");

    let waiting = tokio::time::timeout(Duration::from_millis(20), shop.call(wait())).await;
    assert!(waiting.is_err(), "it waits");
    assert_eq!(dropped.load(Ordering::Relaxed), 3);
    Neighbour::of(&shop.host).await.still_answers(4).await;
}

#[tokio::test]
async fn a_panic_or_an_answer_of_another_type_ends_one_call_alone() {
    let touch = |_, ()| async { assert!(stock().is_empty(), "out of stock, on purpose") };
    let find = |_, _: (String,)| async { Some(json!({ "key": 7 })) };
    let search = |_, _: (u8, u8)| async { Err::<(), _>("never") };
    let broken = import().function("touch", touch).unwrap();
    let broken = broken.function("find", find).unwrap();
    let Some(shop) = Shop::new(broken.function("search", search).unwrap()).await else {
        return;
    };
    for (tool, arguments, said) in [
        (
            "touch-often",
            json!({ "times": 1 }),
            "touch: out of stock, on purpose",
        ),
        (
            "price",
            json!({ "key": "tea" }),
            "find: its answer must be ",
        ),
        ("tagged", json!({ "tag": "drink" }), "search: "),
    ] {
        let error = shop
            .call(Request::new(tool, arguments))
            .await
            .result
            .unwrap_err();
        assert_eq!(error.code().as_str(), "host/internal");
        assert_eq!(error.to_string(), "the host failed");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(said), "{cause}");
    }
    Neighbour::of(&shop.host).await.still_answers(4).await;
}

/// It is counted and charged as every other call of the host is.
#[tokio::test]
async fn a_call_of_the_embedder_costs_fuel_and_counts() {
    let Some(shop) = Shop::new(import()).await else {
        return;
    };
    let touch = |times: u32| Request::new("touch-often", json!({ "times": times }));
    let called = shop.call(touch(1_000)).await;
    assert_eq!(code(&called), "ok");
    assert_eq!(called.usage.host_calls, 1_000);
    assert!(1_000_000 < called.usage.fuel, "{:?}", called.usage);
    let limits = Limits {
        host_calls: 999,
        ..Limits::default()
    };
    let called = shop.call(touch(1_000).limits(limits)).await;
    assert_eq!(code(&called), "limit/host-calls");
    let limits = Limits {
        fuel: 500_000,
        ..Limits::default()
    };
    let called = shop.call(touch(1_000).limits(limits)).await;
    assert_eq!(code(&called), "limit/fuel");
    // What it moves costs by the byte: two pictures of 1 000 bytes.
    let tagged = Request::new("tagged", json!({ "tag": "drink" }));
    let [two, none] = [tagged, Request::new("tagged", json!({ "tag": "no" }))];
    let [two, none] = [shop.call(two).await, shop.call(none).await];
    assert!(none.usage.fuel + 2_000 < two.usage.fuel);
}

/// Nobody knows what it does, so a tool that may call it claims nothing.
#[tokio::test]
async fn a_tool_that_calls_the_embedder_is_not_said_to_be_harmless() {
    let Some(shop) = Shop::new(import()).await else {
        return;
    };
    let annotations = shop.shop.tools().get("price").unwrap().spec().annotations;
    assert!(!annotations.read_only && annotations.open_world && annotations.destructive);
    let text = support::load(&shop.host, &guests::prebuilt_text()).await;
    assert!(
        text.tools()
            .get("count")
            .unwrap()
            .spec()
            .annotations
            .read_only
    );
}

/// Whoever asks a component what it can do has not agreed to anything yet.
#[tokio::test]
async fn nothing_granted_is_used_while_a_component_is_asked_for_its_tools() {
    let Some(bytes) = guests::built("fixture-greedy") else {
        return;
    };
    let touched = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&touched);
    let touch = move |_, ()| {
        count.fetch_add(1, Ordering::Relaxed);
        async {}
    };
    let import = import().function("touch", touch).unwrap();
    let builder = Host::builder().compile_worker(support::PROGRAM);
    let host = builder.import(import).build().unwrap();
    let grant = "import=acme:store/query".parse().unwrap();
    let greedy = host.load(LoadRequest::bytes(bytes).grant(grant)).await;
    let error = greedy.unwrap_err();
    assert_eq!(error.code().as_str(), "policy/denied");
    let said = error.to_string();
    let expected = "the component calls `acme:store/query@1.0.0#touch` while it is asked for \
        its tools, when nothing that was granted may be used";
    assert_eq!(said, expected);
    assert_eq!(touched.load(Ordering::Relaxed), 0);
}

/// What an embedder answers is the host's memory too.
#[tokio::test]
async fn an_answer_that_is_too_large_ends_the_call() {
    let find = |_, _: (String,)| async {
        let picture = vec![0_u8; 8 << 20];
        stock()
            .into_iter()
            .next()
            .map(|item| Item { picture, ..item })
    };
    let Some(shop) = Shop::new(import().function("find", find).unwrap()).await else {
        return;
    };
    assert_eq!(code(&shop.price("tea").await), "limit/hostcall-bytes");
    Neighbour::of(&shop.host).await.still_answers(4).await;
}

/// `patinox precompile` has no such interface, and compiles it all the same: for
/// a host that has it, and grants it.
#[tokio::test]
async fn what_is_compiled_ahead_may_import_what_its_host_offers() {
    let Some(bytes) = guests::built("fixture-shop") else {
        return;
    };
    let store = Store::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.wasm");
    std::fs::write(&file, &bytes).unwrap();
    let said = store.fill(&file);
    let said = &said["result"]["components"][0];
    assert_eq!(said["imports_of_embedder"], json!([QUERY]), "{said}");
    let kept = ArtifactStore::open_read_only(store.folder(), store.key()).unwrap();
    let builder = Host::builder().store(kept).import(import());
    let host = builder.build().unwrap();
    let grant = "import=acme:store/query".parse().unwrap();
    let shop = host.load(LoadRequest::bytes(bytes.clone()).grant(grant));
    let shop = shop.await.expect("a component");
    assert_eq!(*shop.component().unwrap().store(), Stored::Hit);
    let called = host.call(&shop, Request::new("price", json!({ "key": "tea" })));
    assert_eq!(called.await.result.unwrap(), 420);
    // Without the grant it is refused there too.
    let error = host.load(bytes.clone()).await.unwrap_err();
    assert_eq!(error.code().as_str(), "policy/denied");

    // One that has ended is good for nothing more.
    let grant: Grant = "import=acme:store/query".parse().unwrap();
    let request = LoadRequest::bytes(bytes).grant(grant.until(std::time::UNIX_EPOCH));
    let shop = host.load(request).await.expect("a component");
    let called = host.call(&shop, Request::new("price", json!({ "key": "tea" })));
    let error = called.await.result.unwrap_err();
    assert_eq!(error.code().as_str(), "policy/expired");
    let text = error.to_string();
    assert!(
        text.starts_with("the interface `acme:store/query` is no longer granted"),
        "{text}"
    );
}
