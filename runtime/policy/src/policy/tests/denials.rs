//! What is denied, and what is said of it.

use super::*;

#[test]
fn a_denial_wins_over_every_grant() {
    let policy = policy(
        &[
            "http=GET,POST http://*.a.example/**",
            "kv=notes:rw",
            "env=TZ",
        ],
        &["http=GET http://b.a.example/secret/**", "kv=notes:ro"],
    );
    let decide = |host, path| {
        let access = Access::http(request("GET", host, path));
        policy.decide(&access, NOW).is_ok()
    };
    assert!(decide("b.a.example", "/a"));
    assert!(decide("c.a.example", "/secret/a"));
    assert!(!decide("b.a.example", "/secret/a"));
    // Who may not read may not write.
    let write = Access::key_value("notes", Mode::Write).unwrap();
    let (message, hint, code) = said(&policy.decide(&write, NOW));
    let expected = "writing the key-value namespace `notes` is denied: the program denies \
                    `kv=notes:ro`";
    assert_eq!(message, expected);
    assert_eq!((hint, code), (None, Code::Denied));
    // What nothing grants and something denies is not to be granted.
    let secret = Access::http(request("PUT", "b.a.example", "/x"));
    assert!(said(&policy.decide(&secret, NOW)).1.is_some());
}

/// What some server takes for what is denied.
#[test]
fn a_denied_path_is_denied_however_it_is_written() {
    let policy_of = policy;
    let policy = policy(
        &[
            "http=GET,POST http://a.example/**",
            "http=http://a.example/x%2Fsecret/y",
        ],
        &[
            "http=http://a.example/Secret/**",
            "http=http://a.example/a/*/b",
            "http=POST http://a.example/form",
        ],
    );
    let decide = |method, path| {
        let access = Access::http(request(method, "a.example", path));
        policy.decide(&access, NOW).is_ok()
    };
    for path in [
        "/Secret/a",
        "/secret/a",
        "/SECRET/a/b",
        "/secret",
        "/secret/",
        "//secret//a",
        "/secret;x=1/a",
        "/secret./a",
        "/secret%20/a",
        "/secret.%20./a",
        "/;x/secret/a",
        "/%73ecret/a",
        "/x%2Fsecret/y",
        "/a/x/b",
        "/a/x/B/",
        "/a//x;y//b",
        "/form/%2e%2e;/",
        "/a/%20/b",
        "/a/.../b",
        "/a/..%20/b",
        "//x/secret/a",
        "/%C5%BFecret/a",
        "/%EF%BD%93ecret/a",
        "/x%3Fy",
    ] {
        assert!(!decide("GET", path), "{path}");
        // Who may not read may not write.
        assert!(!decide("POST", path), "{path}");
    }
    for path in [
        "/",
        "/secrets/a",
        "/x/secret/a",
        "/a/b",
        "/a/x/y/b",
        "/a/x/b/c",
        "/form",
    ] {
        assert!(decide("GET", path), "{path}");
    }
    assert!(!decide("POST", "/form"));
    assert!(!decide("POST", "/Form/"));
    assert!(decide("POST", "/forms"));
    // Another server, where nothing is denied.
    let other = policy_of(
        &["http=http://b.example/x%2Fsecret/y"],
        &["http=http://a.example/**"],
    );
    let access = Access::http(request("GET", "b.example", "/x%2Fsecret/y"));
    assert!(other.decide(&access, NOW).is_ok());
}

/// What is written with a slash that is encoded may be read as one that is not.
#[test]
fn a_denial_of_an_encoded_slash_is_one_of_a_slash() {
    let policy = policy(
        &["http=http://a.example/**"],
        &["http=http://a.example/a%2Fb"],
    );
    let access = Access::http(request("GET", "a.example", "/a/b"));
    assert!(policy.decide(&access, NOW).is_err());
    let access = Access::http(request("GET", "a.example", "/a/c"));
    assert!(policy.decide(&access, NOW).is_ok());
}

#[test]
fn a_denied_address_is_denied_in_each_form() {
    let denial = "http=http://9.9.9.9/**";
    let policy = policy(
        &[
            "http=http://a.example/**",
            "http=http://[64:ff9b::909:909]/**",
        ],
        &[denial],
    );
    let access = request("GET", "a.example", "/");
    for address in [
        "9.9.9.9",
        "::ffff:9.9.9.9",
        "64:ff9b::9.9.9.9",
        "::9.9.9.9",
        "2002:909:909::1",
        "::ffff:0:9.9.9.9",
    ] {
        let decided = policy.decide_address(&access, address.parse().unwrap(), NOW);
        assert!(
            matches!(decided.unwrap_err().why(), Why::Denied(_)),
            "{address}"
        );
    }
    let there = Access::http(request("GET", "[64:ff9b::909:909]", "/"));
    assert!(matches!(
        policy.decide(&there, NOW).unwrap_err().why(),
        Why::Denied(_)
    ));
    let other = "64:ff9b::9.9.9.8".parse().unwrap();
    assert_eq!(policy.decide_address(&access, other, NOW), Ok(()));
}

#[test]
fn no_refusal_tells_a_value() {
    let mut policy = policy(&[], &["config=key=hunter2"]);
    policy.allow(grant("env=TOKEN=hunter2").until(NOW)).unwrap();
    for access in [
        Access::environment("TOKEN").unwrap(),
        Access::config("key").unwrap(),
    ] {
        let (message, hint, _) = said(&policy.decide(&access, NOW));
        assert!(!message.contains("hunter2"), "{message}");
        // What ended was a value, not the host's own.
        assert_eq!(hint, None);
    }
    assert!(!format!("{policy:?}").contains("hunter2"));
}

#[test]
fn a_denied_folder_is_denied_under_each_name() {
    let policy = policy(
        &["fs=/srv:ro@/all", "fs=/srv/keys:rw@/harmless"],
        &["fs=/srv/keys:ro@/k"],
    );
    let decide = |path, mode| {
        policy
            .decide(&Access::folder(path, mode).unwrap(), NOW)
            .is_ok()
    };
    assert!(decide("/all/a", Mode::Read));
    assert!(decide("/all/keys2", Mode::Read));
    for path in ["/all/keys", "/all/keys/a", "/harmless", "/harmless/a"] {
        assert!(!decide(path, Mode::Read), "{path}");
        assert!(!decide(path, Mode::Write), "{path}");
    }
}
