//! What holds of every grant and everything that is asked for.

use std::process::Command;
use std::time::SystemTime;

use proptest::prelude::*;
use proptest::sample::select;

use crate::{Access, Capability, Failure, Grant, HttpAccess, Mode, Policy};

/// Grants that are often of the same thing.
fn any_grant() -> impl Strategy<Value = String> {
    let methods = select(vec![
        "",
        "GET ",
        "POST ",
        "GET,POST ",
        "GET,HEAD,POST,DELETE ",
    ]);
    let host = select(vec![
        "a.example",
        "b.a.example",
        "*.a.example",
        "*.b.a.example",
        "10.0.0.1",
    ]);
    let port = select(vec!["", ":8080"]);
    let path = prop_oneof![
        "(/(a|b|%61|%2A|\\*)){0,3}(/|/\\*\\*)?".prop_map(|path| match path.as_str() {
            "" => "/".to_owned(),
            _ => path,
        }),
        "(/(a|a%2Fb|%00|;|%25|%2541|\\.\\.;)){1,2}",
    ];
    let http = (methods, select(vec!["http", "https"]), host, port, path).prop_map(
        |(methods, scheme, host, port, path)| {
            format!("http={methods}{scheme}://{host}{port}{path}")
        },
    );
    prop_oneof![
        4 => http,
        2 => "fs=(\\.|/srv)(/(a|b|%20)){0,2}:(ro|rw)@(/|(/(a|b|é)){1,3})",
        1 => "env=(A|B)(=(x|%27))?",
        1 => "config=(a|%3D)=(x|y)?",
        1 => "kv=(a|b):(ro|rw)",
        1 => "(clock=fine|random=host|model=a|tool=a\\.(b|c|\\*)|import=a:b/c)",
    ]
}

/// Things that these often allow.
fn any_access() -> impl Strategy<Value = Access> {
    let methods = select(vec!["GET", "HEAD", "POST", "DELETE"]);
    let host = select(vec![
        "a.example",
        "b.a.example",
        "c.b.a.example",
        "10.0.0.1",
        "[::ffff:10.0.0.1]",
    ]);
    let port = select(vec!["", ":8080", ":443"]);
    let path = "(/(a|b|\\*|%61|a%2fb|%00|;|%25|%2541|\\.\\.;|\\.\\.\\.|%20|A|ü|'|)){0,4}";
    let http = (methods, select(vec!["http", "https"]), host, port, path).prop_map(
        |(method, scheme, host, port, path)| {
            Access::http(HttpAccess::new(method, scheme, &format!("{host}{port}"), &path).unwrap())
        },
    );
    let mode = || select(vec![Mode::Read, Mode::Write]);
    prop_oneof![
        4 => http,
        2 => ("(/(a|b|é|'|%|:|@| )){0,4}", mode()).prop_map(|(path, mode)| Access::folder(&format!("/{path}"), mode).unwrap()),
        1 => "A|B".prop_map(|name| Access::environment(&name).unwrap()),
        1 => "[a=%' é]{1,3}".prop_map(|key| Access::config(&key).unwrap()),
        1 => ("a|b", mode()).prop_map(|(name, mode)| Access::key_value(&name, mode).unwrap()),
        1 => "a\\.(b|c)".prop_map(|name| Access::tool(&name).unwrap()),
        1 => select(vec![Access::fine_clock(), Access::host_random(), Access::import("a:b/c").unwrap(), Access::model("a").unwrap()]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in "(http|fs|env|config|kv|tool|import)?=?[ -~é\u{202e}]{0,40}") {
        if let Ok(grant) = text.parse::<Grant>() {
            prop_assert_eq!(grant.to_string().parse::<Grant>().unwrap(), grant);
        }
    }

    #[test]
    fn what_is_shown_is_read_again_and_is_plain(text in any_grant()) {
        if let Ok(grant) = text.parse::<Grant>() {
            let shown = grant.to_string();
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "._~:/@=,-%*[] ".contains(c);
            prop_assert!(shown.chars().all(is_plain), "{}", shown);
            prop_assert!(grant.covers(&grant));
            prop_assert_eq!(shown.parse::<Grant>().unwrap(), grant);
        }
    }

    /// A grant that another one covers allows nothing that the other does not.
    #[test]
    fn a_narrower_grant_never_allows_more(wide in any_grant(), narrow in any_grant(), access in any_access()) {
        if let (Ok(wide), Ok(narrow)) = (wide.parse::<Grant>(), narrow.parse::<Grant>())
            && wide.covers(&narrow) && narrow.allows(&access) {
            prop_assert!(wide.allows(&access), "{} {} {}", wide, narrow, access);
        }
    }

    /// A policy looks at few of its grants, and misses none.
    #[test]
    fn a_policy_allows_what_one_of_its_grants_allows(
        texts in proptest::collection::vec(any_grant(), 0..30), access in any_access()
    ) {
        let mut policy = Policy::default();
        for grant in texts.iter().filter_map(|text| text.parse::<Grant>().ok()) {
            // Two names for different things are refused.
            let _ = policy.allow(grant.based("/".as_ref()));
        }
        let expected = policy.granted().iter().any(|grant| grant.allows(&access));
        prop_assert_eq!(policy.decide(&access, SystemTime::UNIX_EPOCH).is_ok(), expected);
        for grant in policy.granted().to_vec() {
            policy.deny(grant).unwrap();
        }
        prop_assert!(policy.decide(&access, SystemTime::UNIX_EPOCH).is_err());
    }

    /// And it misses none of its denials, which deny at least what they would allow.
    #[test]
    fn a_policy_denies_what_one_of_its_denials_denies(
        texts in proptest::collection::vec(any_grant(), 0..30), access in any_access()
    ) {
        let mut policy = Policy::default();
        policy.allow(access.narrowest().based("/".as_ref())).unwrap();
        let is_folder = access.capability() == Capability::Filesystem;
        let mut expected = false;
        for grant in texts.iter().filter_map(|text| text.parse::<Grant>().ok()) {
            expected |= grant.forbids(&access, None);
            prop_assert!(is_folder || !grant.allows(&access) || grant.forbids(&access, None));
            policy.deny(grant.based("/".as_ref())).unwrap();
        }
        let decided = policy.decide(&access, SystemTime::UNIX_EPOCH);
        prop_assert!(is_folder || decided.is_err() == expected, "{:?}", decided);
    }

    /// What a refusal suggests allows what was refused, and nothing else but what lies
    /// in the same folder.
    #[test]
    fn the_narrowest_grant_allows_that_and_no_other(access in any_access(), other in any_access()) {
        let grant: Grant = access.narrowest().to_string().parse().unwrap();
        prop_assert!(grant.allows(&access), "{}", grant);
        let only = grant.only_access();
        prop_assert_eq!(only.as_ref(), Some(&access));
        prop_assert!(!grant.has_wildcard());
        if grant.allows(&other) && other != access {
            let is_in = matches!(other.capability(), Capability::Filesystem | Capability::KeyValue);
            prop_assert!(is_in);
            prop_assert!(grant.covers(&other.narrowest()), "{} {}", grant, other);
        }
    }

    /// So that what covers is told as such, not only what is the same.
    #[test]
    fn a_grant_covers_the_narrowest_of_what_it_allows(text in any_grant(), access in any_access()) {
        if let Ok(grant) = text.parse::<Grant>() && grant.allows(&access) {
            let narrowest = access.narrowest();
            // Another folder of the host, another value.
            let is_named = matches!(
                grant.capability(),
                Capability::Filesystem | Capability::Environment | Capability::Config
            );
            prop_assert!(is_named || grant.covers(&narrowest), "{} {}", grant, narrowest);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// The line that a refusal prints, given to a shell, is that argument.
    #[test]
    fn a_shell_reads_a_hint_as_it_is(access in any_access()) {
        let denial = Policy::default()
            .decide(&access, SystemTime::UNIX_EPOCH)
            .unwrap_err();
        let hint = denial.hint().unwrap();
        let words = hint.strip_prefix("allow it with ").unwrap();
        let script = format!("for word in {words}; do printf '%s\\n' \"$word\"; done");
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<_> = text.lines().collect();
        prop_assert_eq!(lines[0], "--allow");
        prop_assert_eq!(lines.len(), 2);
        let grant: Grant = lines[1].parse().unwrap();
        prop_assert!(grant.allows(&access));
        prop_assert_eq!(Some(grant), denial.allowing());
    }
}
