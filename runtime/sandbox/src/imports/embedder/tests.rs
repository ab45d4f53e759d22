//! What an embedder may offer, and what is refused before any component is
//! loaded.

use super::*;

const WIT: &str = "
    package acme:store@1.2.0;
    interface query {
        record row { key: string, price-cents: u64, tags: list<string> }
        variant kind { any, of(string) }
        find: func(key: string, kind: kind) -> result<row, string>;
        touch: func();
    }
    interface blobs {
        resource blob;
        open: func(key: string) -> blob;
    }";

const QUERY: &str = "acme:store/query@1.2.0";

fn said<T: fmt::Debug>(result: Result<T, ImportError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn an_interface_is_what_its_wit_says() {
    let import = Import::new(WIT, QUERY).unwrap();
    let types = import.functions.iter();
    let types: Vec<_> = types.map(|(name, f)| format!("{name}: {}", f.ty)).collect();
    insta::assert_snapshot!(types.join("\n"), @"
    find: func(key: string, kind: variant { any, of(string) }) -> result<record { key: string, price-cents: u64, tags: list<string> }, string>
    touch: func()
    ");
}

#[test]
fn what_cannot_be_offered_says_why() {
    insta::assert_snapshot!(said(Import::new("package", QUERY)), @"
    the WIT of `acme:store/query@1.2.0` cannot be read: expected an identifier or string, found eof
         --> import.wit:1:8
          |
        1 | package
          |        ^
    ");
    insta::assert_snapshot!(said(Import::new(WIT, "acme:store/query")), @"there is no `acme:store/query` in the WIT, which has `acme:store/query@1.2.0`, `acme:store/blobs@1.2.0`");
    insta::assert_snapshot!(said(Import::new(WIT, "acme:store/blobs@1.2.0")), @"`acme:store/blobs@1.2.0#open` cannot be offered: it takes or returns a resource");
    let import = Import::new(WIT, QUERY).unwrap();
    insta::assert_snapshot!(said(import.clone().function("lose", |_, ()| async {})), @"`acme:store/query@1.2.0` has no function `lose`");
    let half = import.function("touch", |_, ()| async {}).unwrap();
    insta::assert_snapshot!(said(Imports::new(vec![half.clone()])), @"`acme:store/query@1.2.0#find` has no code: give it some by `Import::function`");
    let find = |_, _: (String, Value)| async { Err::<(), _>("none") };
    let whole = half.function("find", find).unwrap();
    insta::assert_snapshot!(said(Imports::new(vec![whole.clone(), whole.clone()])), @"there is an interface `acme:store/query@1.2.0` already");
    let wit = "package wasi:sockets@9.0.0; interface tcp { }";
    let ours = Import::new(wit, "wasi:sockets/tcp@9.0.0").unwrap();
    insta::assert_snapshot!(said(Imports::new(vec![ours])), @"there is an interface `wasi:sockets/tcp@9.0.0` already");
    assert!(
        Imports::new(vec![whole])
            .unwrap()
            .covers("acme:store/query@1.0.9")
    );
}
