//! What requests and other things grants allow.

use super::{grant, http};
use crate::{Access, Grant, HttpAccess, Mode};

/// A grant, a request, and whether the one allows the other.
const REQUESTS: &str = r"
http=https://a.example/** | GET https://a.example | yes
http=https://a.example/** | HEAD https://A.example:443/x/y?q=/../ | yes
http=https://a.example/** | POST https://a.example/ | no
http=https://a.example/** | GET http://a.example/ | no
http=https://a.example/** | GET https://a.example:444/ | no
http=https://a.example/** | GET https://b.a.example/ | no
http=https://a.example/** | GET https://a.example.evil.example/ | no
http=https://*.a.example/** | GET https://b.a.example/ | yes
http=https://*.a.example/** | GET https://c.b.a.example/ | yes
http=https://*.a.example/** | GET https://a.example/ | no
http=https://*.a.example/** | GET https://xa.example/ | no
http=https://a.example/v1 | GET https://a.example/v1 | yes
http=https://a.example/v1 | GET https://a.example/v1?q | yes
http=https://a.example/v1 | GET https://a.example/%761 | yes
http=https://a.example/v1 | GET https://a.example/v1/ | no
http=https://a.example/v1 | GET https://a.example/v12 | no
http=https://a.example/v1/** | GET https://a.example/v1 | no
http=https://a.example/v1/** | GET https://a.example/v1/ | yes
http=https://a.example/v1/** | GET https://a.example/v1/a/b | yes
http=https://a.example/v1/** | GET https://a.example/v12/a | no
http=https://a.example/v1/** | GET https://a.example/v1/..%2fadmin | no
http=https://a.example/v1/** | GET https://a.example/v1/..%5cadmin | no
http=https://a.example/v1/** | GET https://a.example/v1/..\admin | no
http=https://a.example/v1/** | GET https://a.example/v1/..;a/admin | no
http=https://a.example/v1/** | GET https://a.example/v1/%252e%252e/admin | no
http=https://a.example/v1/** | GET https://a.example/v1/%00 | no
http=https://a.example/v1/** | GET https://a.example/v1/..%25u002fadmin | no
http=https://a.example/v1/** | GET https://a.example/v1/%C0%AE%C0%AE/admin | no
http=https://a.example/v1/** | GET https://a.example/v1/..%C0%AFadmin | no
http=https://a.example/v1/** | GET https://a.example/v1/..%EF%BC%8Fadmin | no
http=https://a.example/v1/** | GET https://a.example/v1/%E2%80%A5/admin | no
http=https://a.example/v1/** | GET https://a.example/v1/..%20/admin | no
http=https://a.example/v1/** | GET https://a.example/v1/.../admin | no
http=https://a.example/v1/** | GET https://a.example/v1/a%3Fb | no
http=https://a.example/v1/** | GET https://a.example/v1/a%23b | no
http=https://a.example/v1/** | GET https://a.example/v1/%7F | no
http=https://a.example/v1/** | GET https://a.example/v1/gr%C3%BC%C3%9Fe%20x | yes
http=https://a.example/v1/** | GET https://a.example/v1/100%25 | yes
http=https://a.example/v1/** | GET https://a.example/v1/a;b=c | yes
http=https://a.example/*/b | GET https://a.example/a/b | yes
http=https://a.example/*/b | GET https://a.example//b | no
http=https://a.example/*/b | GET https://a.example/a/a/b | no
http=https://a.example/*/b | GET https://a.example/a%2fa/b | no
http=https://a.example/*/b/** | GET https://a.example/a/b/c/d | yes
http=https://a.example/*/b/** | GET https://a.example/a/b | no
http=https://a.example/%2A | GET https://a.example/* | yes
http=https://a.example/%2A | GET https://a.example/a | no
http=https://a.example/a%2Fb | GET https://a.example/a%2fb | yes
http=https://a.example/a%2Fb | GET https://a.example/a/b | no
http=http://127.0.0.1/** | GET http://0x7f.1/ | yes
http=http://127.0.0.1/** | GET http://[::ffff:127.0.0.1]/ | yes
http=http://127.0.0.1/** | GET http://localhost/ | no
";

#[test]
fn a_request_is_allowed_by_method_scheme_host_port_and_path() {
    for line in REQUESTS.trim().lines() {
        let [text, asked, expected] = line.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let (method, url) = asked.split_once(' ').unwrap();
        let allows = grant(text).allows(&http(method, url));
        assert_eq!(allows, expected == "yes", "{line}");
    }
}

/// What nobody is granted is told from what nobody has been granted.
#[test]
fn some_requests_are_never_granted() {
    let refused = |method, scheme, authority, path| {
        let access = HttpAccess::new(method, scheme, authority, path);
        access.unwrap_err().to_string()
    };
    for (said, reason) in [
        (
            refused("TRACE", "https", "a.example", "/"),
            "no method `TRACE`",
        ),
        (
            refused("GET\r\n", "https", "a.example", "/"),
            r"no method `GET\r\n`",
        ),
        (refused("GET", "file", "a.example", "/"), "not `file`"),
        (refused("GET", "https", "u@a.example", "/"), "names no user"),
        (refused("GET", "https", "a b.example", "/"), "is no host"),
        (refused("GET", "https", "a.example.", "/"), "is no host"),
        (refused("GET", "https", "*.a.example", "/"), "is no host"),
        (
            refused("GET", "https", "a.example:99999", "/"),
            "not `99999`",
        ),
        (refused("GET", "https", "a.example", "a"), "begins with `/`"),
        (
            refused("GET", "https", "a.example", "/%2e/a"),
            "has no segments",
        ),
        (
            refused("GET", "https", "a.example", "/%a"),
            "two hexadecimal digits",
        ),
    ] {
        assert!(said.contains(reason), "{said}");
    }
    let long = format!("/{}", "é".repeat(1_000));
    assert!(refused("GET", "https", "a.example", &long).contains("at most 2048 bytes"));
    for name in ["", "a=b", "1a", "a\0"] {
        assert!(Access::environment(name).is_err(), "{name}");
    }
    let said = Access::tool("a\u{202e}").unwrap_err().to_string();
    assert!(said.contains(r"`a\u{202e}` is none"), "{said}");
    assert!(Access::folder("/a/../b", Mode::Read).is_err());
}

#[test]
fn names_and_folders_are_allowed_as_they_say() {
    let folder = |path| Access::folder(path, Mode::Read).unwrap();
    let (read, write) = (grant("fs=/srv/a:ro@/data"), grant("fs=/srv/a:rw@/data"));
    for path in ["/data", "/data/", "/data/x//y"] {
        assert!(read.allows(&folder(path)), "{path}");
    }
    for path in ["/", "/dat", "/data2", "/x/data"] {
        assert!(!read.allows(&folder(path)), "{path}");
    }
    let change = Access::folder("/data/x", Mode::Write).unwrap();
    assert_eq!(
        [&read, &write].map(|grant| grant.allows(&change)),
        [false, true]
    );

    let tool = |name| Access::tool(name).unwrap();
    assert!(grant("tool=text.*").allows(&tool("text.count")));
    assert!(!grant("tool=text.*").allows(&tool("texts.count")));
    assert!(!grant("tool=text.count").allows(&tool("text.counts")));
    let import = Access::import("acme:store/query@1.0.0").unwrap();
    assert!(grant("import=acme:store/query").allows(&import));
    let notes = |mode| Access::key_value("notes", mode).unwrap();
    assert!(grant("kv=notes:rw").allows(&notes(Mode::Read)));
    assert!(!grant("kv=notes:ro").allows(&notes(Mode::Write)));
    assert!(grant("env=TZ=UTC").allows(&Access::environment("TZ").unwrap()));
    assert!(!grant("env=TZ").allows(&Access::config("TZ").unwrap()));
    assert!(grant("clock=fine").allows(&Access::fine_clock()));
    assert!(!grant("clock=fine").allows(&Access::host_random()));
}

#[test]
fn an_interface_is_allowed_in_every_version_and_no_other() {
    let grant = Grant::import("a:b/c").unwrap();
    for name in ["a:b/c", "a:b/c@1.0.0", "a:b/c@0.2.1"] {
        assert!(grant.allows_import(name), "{name}");
    }
    assert!(Grant::import("acme:store/query-2").is_ok());
    for name in ["a:b/cc", "a:b/c-d", "aa:b/c", "a:b", "", "@a:b/c"] {
        assert!(!grant.allows_import(name), "{name}");
    }
}

#[test]
fn what_is_broad_is_marked() {
    for text in [
        "http=https://*.a.example/",
        "http=https://a.example/*",
        "tool=text.*",
    ] {
        assert!(grant(text).has_wildcard(), "{text}");
    }
    for text in [
        "http=https://a.example/%2A",
        "fs=.:rw@/a",
        "tool=text.count",
    ] {
        assert!(!grant(text).has_wildcard(), "{text}");
    }
    for text in ["http=DELETE https://a.example/", "fs=.:rw@/a", "kv=a:rw"] {
        assert!(grant(text).may_write(), "{text}");
    }
    for text in [
        "http=GET,OPTIONS https://a.example/",
        "fs=.:ro@/a",
        "kv=a:ro",
        "env=A",
    ] {
        assert!(!grant(text).may_write(), "{text}");
    }
}

/// A grant, another one, and whether the first covers the second.
const COVERED: &str = r"
http=https://a.example/** | http=GET https://a.example/a | yes
http=https://a.example/** | http=POST https://a.example/a | no
http=https://a.example/** | http=GET https://a.example:8443/a | no
http=https://a.example/** | http=GET http://a.example:443/a | no
http=https://a.example/a/** | http=https://a.example/a/*/** | yes
http=https://a.example/a/** | http=https://a.example/a/* | yes
http=https://a.example/a/*/** | http=https://a.example/a/** | no
http=https://a.example/a/*/** | http=https://a.example/a/* | no
http=https://a.example/a/* | http=https://a.example/a/ | no
http=https://a.example/a/*/b/* | http=https://a.example/a//b/* | no
http=https://a.example/*/* | http=https://a.example/a/* | yes
http=https://a.example/a/* | http=https://a.example/*/* | no
http=https://a.example/** | http=https://a.example/a%2Fb | no
http=https://*.a.example/ | http=https://*.b.a.example/ | yes
http=https://*.b.a.example/ | http=https://*.a.example/ | no
http=https://*.a.example/ | http=https://a.example/ | no
fs=/a:rw@/x | fs=/a/b:ro@/x/b | yes
fs=/a:ro@/x | fs=/a/b:rw@/x/b | no
fs=/a:rw@/x | fs=/c/b:rw@/x/b | no
kv=a:rw | kv=a:ro | yes
kv=a:ro | kv=a:rw | no
tool=a.* | tool=a.b | yes
tool=a.b | tool=a.* | no
env=A | env=A=x | no
";

#[test]
fn a_grant_covers_what_is_no_wider() {
    for line in COVERED.trim().lines() {
        let [wide, narrow, expected] = line.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let covers = grant(wide).covers(&grant(narrow));
        assert_eq!(covers, expected == "yes", "{line}");
    }
}
