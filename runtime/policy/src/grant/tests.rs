//! What each grant allows, how it is written, and what is none.

mod properties;
mod refused;
mod requests;

use crate::{Access, Capability, Grant, HttpAccess};

fn grant(text: &str) -> Grant {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn http(method: &str, url: &str) -> Access {
    let (scheme, rest) = url.split_once("://").unwrap();
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    Access::http(HttpAccess::new(method, scheme, authority, path).unwrap())
}

#[test]
fn each_capability_has_an_example_that_is_a_grant_of_it() {
    for capability in Capability::ALL {
        let grant = grant(capability.example());
        assert_eq!(grant.capability(), capability);
        let json = serde_json::to_string(&capability).unwrap();
        assert_eq!(json, format!("\"{capability}\""));
    }
}

#[test]
fn it_is_shown_in_one_form() {
    for (text, shown) in [
        (
            "http=https://a.example/**",
            "http=GET,HEAD https://a.example/**",
        ),
        (
            "http=POST,GET https://A.EXAMPLE:443/%61/",
            "http=GET,POST https://a.example/a/",
        ),
        (
            "http=GET http://a.example:8080/",
            "http=GET http://a.example:8080/",
        ),
        (
            "http=GET http://[2001:DB8::1]:81/*/b",
            "http=GET http://[2001:db8::1]:81/*/b",
        ),
        (
            "http=GET https://grüße.example/ü",
            "http=GET https://xn--gre-6ka8l.example/%C3%BC",
        ),
        (
            "http=GET https://*.a.example/%2a/**",
            "http=GET https://*.a.example/%2A/**",
        ),
        (
            "http=GET https://a.example/a%2fb",
            "http=GET https://a.example/a%2Fb",
        ),
        ("fs=./data:ro", "fs=./data:ro@/data"),
        ("fs=data//x/./y/:rw", "fs=./data/x/y:rw@/y"),
        ("fs=.:ro@/work", "fs=.:ro@/work"),
        ("fs=./.:ro@/here/", "fs=.:ro@/here"),
        ("fs=/srv/a b:ro@/a//b", "fs=/srv/a%20b:ro@/a/b"),
        ("fs=/a%3Ab:rw@/c:d@e", "fs=/a%3Ab:rw@/c:d@e"),
        ("fs=/a%ffb:rw@/c", "fs=/a%FFb:rw@/c"),
        ("fs=./~:ro", "fs=./~:ro@/~"),
        ("fs=/:ro@/", "fs=/:ro@/"),
        ("fs=scratch@/tmp/", "fs=scratch@/tmp"),
        ("fs=scratch:rw@/tmp", "fs=./scratch:rw@/tmp"),
        ("env=TZ", "env=TZ"),
        ("env=MODE=fast and=good", "env=MODE=fast%20and=good"),
        ("env=MODE=", "env=MODE="),
        ("config=a%3Db=c=d", "config=a%3Db=c=d"),
        ("kv=notes:ro", "kv=notes:ro"),
        ("tool=text.*", "tool=text.*"),
        ("tool=text.count.words", "tool=text.count.words"),
        ("model=fast-2", "model=fast-2"),
    ] {
        assert_eq!(grant(text).to_string(), shown, "{text}");
        assert_eq!(grant(shown), grant(text));
    }
}
