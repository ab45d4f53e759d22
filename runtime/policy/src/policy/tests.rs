//! Grants and denials together.

mod denials;

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::Origin;

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

fn grant(text: &str) -> Grant {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn policy(allow: &[&str], deny: &[&str]) -> Policy {
    let mut policy = Policy::default();
    for text in allow {
        policy.allow(grant(text)).unwrap();
    }
    for text in deny {
        policy.deny(grant(text)).unwrap();
    }
    policy
}

fn request(method: &str, host: &str, path: &str) -> HttpAccess {
    HttpAccess::new(method, "http", host, path).unwrap()
}

fn said(decision: &Decision<'_>) -> (String, Option<String>, Code) {
    let denial = decision.as_ref().unwrap_err();
    (denial.to_string(), denial.hint(), denial.code())
}

#[test]
fn one_name_is_of_one_thing() {
    let mut policy = policy(&["fs=/x:ro@/data", "env=A=1", "config=k=1"], &[]);
    for text in ["fs=/y:ro@/data", "env=A=2", "env=A", "config=k=2"] {
        let said = policy.allow(grant(text)).unwrap_err().to_string();
        assert!(said.contains("gives to something else"), "{said}");
        assert!(!said.contains("=2"), "{said}");
    }
    for text in ["fs=/x:rw@/data", "fs=/y:ro@/data/y", "env=A=1", "env=B=2"] {
        policy.allow(grant(text)).unwrap();
    }
    let up = grant("fs=./keys:ro").based("/srv/app/..".as_ref());
    let error = policy.deny(up).unwrap_err();
    assert!(matches!(error, PolicyError::Unclear { .. }), "{error}");
}

/// A folder that each call gets anew lies nowhere, so nothing of the host's is it.
#[test]
fn a_folder_of_the_call_is_one_that_only_it_has() {
    let mut policy = policy(&["fs=scratch@/tmp", "env=A"], &["fs=/tmp:ro@/x"]);
    let write = |path: &str| Access::folder(path, Mode::Write).unwrap();
    for access in [
        write("/tmp"),
        write("/tmp/a/b"),
        Access::folder("/tmp", Mode::Read).unwrap(),
    ] {
        assert!(policy.decide(&access, NOW).is_ok(), "{access}");
        let least = policy.least_grants(std::slice::from_ref(&access));
        assert_eq!(least, [grant("fs=scratch@/tmp")]);
    }
    let (text, hint, _) = said(&policy.decide(&write("/tmp-2"), NOW));
    assert_eq!(text, "writing `/tmp-2` is not granted");
    assert_eq!(
        hint.as_deref(),
        Some("allow it with --allow 'fs=./tmp-2:rw@/tmp-2'")
    );
    let own = grant("fs=scratch@/tmp").based("/srv".as_ref());
    assert_eq!(own, grant("fs=scratch@/tmp"));
    assert!(!own.may_write(), "nothing of it stays");
    assert!(own.covers(&own) && !own.covers(&grant("fs=/a:ro@/tmp")));
    assert!(!grant("fs=/:rw@/").covers(&own));
    assert!(matches!(
        policy.deny(own.clone()),
        Err(PolicyError::OfTheCall { .. })
    ));
    let taken = policy.allow(grant("fs=/a:ro@/tmp"));
    assert!(
        matches!(taken, Err(PolicyError::Conflict { .. })),
        "{taken:?}"
    );
    assert_eq!(policy.revoke(&own), 1);
    assert!(policy.decide(&write("/tmp"), NOW).is_err());
}

#[test]
fn a_secret_shows_nothing_of_itself() {
    let secret = crate::Secret::new("sk-0123".to_owned());
    assert_eq!(format!("{secret:?}"), "Secret([redacted])");
    assert_eq!(secret.expose(), "sk-0123");
}

#[test]
fn a_hint_that_nobody_could_read_again_is_none() {
    let policy = policy(&[&format!("fs=/{}:ro@/d", "é".repeat(600))], &[]);
    let access = Access::folder(&format!("/d/{}", "é".repeat(250)), Mode::Write).unwrap();
    assert_eq!(said(&policy.decide(&access, NOW)).1, None);
}

#[test]
fn what_has_ended_grants_nothing_more() {
    let mut policy = Policy::default();
    let end = NOW + Duration::from_secs(60);
    policy.allow(grant("model=fast").until(end)).unwrap();
    let access = Access::model("fast").unwrap();
    assert!(
        policy
            .decide(&access, end - Duration::from_nanos(1))
            .is_ok()
    );
    let (message, hint, code) = said(&policy.decide(&access, end));
    assert_eq!(
        message,
        "the model `fast` is no longer granted: `model=fast` has ended"
    );
    assert_eq!(hint.unwrap(), "allow it with --allow 'model=fast'");
    assert_eq!((code, code.as_str()), (Code::Expired, "policy/expired"));
    // Another one that goes on is enough, wherever it stands.
    policy.allow(grant("model=fast")).unwrap();
    assert!(policy.decide(&access, end).is_ok());
    // A denial does not end.
    policy.deny(grant("model=fast").until(NOW)).unwrap();
    assert!(policy.decide(&access, end).is_err());
}

#[test]
fn what_is_revoked_is_gone_whoever_gave_it() {
    let mut policy = policy(&["env=A", "env=B"], &[]);
    let file = Origin::File {
        name: "patinox.toml".into(),
        line: 3,
    };
    policy
        .allow(grant("env=A").given_by(file).until(NOW))
        .unwrap();
    assert_eq!(policy.revoke(&grant("env=A")), 2);
    assert_eq!(policy.revoke(&grant("env=A")), 0);
    assert_eq!(policy.granted(), [grant("env=B")]);
    let access = Access::environment("A").unwrap();
    assert!(policy.decide(&access, NOW).is_err());
}

#[test]
fn an_address_that_is_nobodys_on_the_internet_needs_its_own_grant() {
    let decide = |allow: &[&str], deny: &[&str], address: &str| {
        let access = request("GET", "a.example:8080", "/v1/a");
        let policy = policy(allow, deny);
        let decided = policy.decide_address(&access, address.parse().unwrap(), NOW);
        decided.map_err(|denial| (denial.to_string(), denial.hint()))
    };
    let name = "http=http://a.example:8080/**";
    assert_eq!(decide(&[name], &[], "9.9.9.9"), Ok(()));
    let (message, hint) = decide(&[name], &[], "::ffff:10.0.0.1").unwrap_err();
    assert_eq!(
        message,
        "the request `GET http://a.example:8080/v1/a` is refused: its host is 10.0.0.1, a private \
         address, which a grant must name itself"
    );
    let hint = hint.unwrap();
    assert_eq!(
        hint,
        "allow it with --allow 'http=GET http://10.0.0.1:8080/v1/a'"
    );
    let there = "http=GET http://10.0.0.1:8080/v1/*";
    assert_eq!(decide(&[name, there], &[], "10.0.0.1"), Ok(()));
    assert!(decide(&[name, there], &[], "10.0.0.2").is_err());
    assert!(decide(&[name, "http=http://10.0.0.1/**"], &[], "10.0.0.1").is_err());
    let metadata = decide(&[name], &[], "169.254.169.254").unwrap_err().0;
    assert!(metadata.contains("the address of a cloud's metadata service"));
    // A denial of an address denies it by each name.
    let (message, hint) = decide(&[name], &["http=http://9.9.9.9:8080/**"], "9.9.9.9").unwrap_err();
    assert!(
        message.contains("denies `http=GET,HEAD http://9.9.9.9:8080/**`"),
        "{message}"
    );
    assert_eq!(hint, None);
}

#[test]
fn a_hint_has_the_folder_that_is_there() {
    let policy = policy(&["fs=/srv/a b:ro@/data"], &[]);
    let access = Access::folder("/data/x", Mode::Write).unwrap();
    let (message, hint, _) = said(&policy.decide(&access, NOW));
    assert_eq!(message, "writing `/data/x` is not granted");
    let expected = "allow it with --allow 'fs=/srv/a%20b/x:rw@/data/x'";
    assert_eq!(hint.unwrap(), expected);
    let other = Access::folder("/other", Mode::Read).unwrap();
    let (_, hint, _) = said(&policy.decide(&other, NOW));
    assert_eq!(
        hint.unwrap(),
        "allow it with --allow 'fs=./other:ro@/other'"
    );
}

#[test]
fn a_policy_has_absolute_folders_and_not_too_many() {
    let mut policy = Policy::default();
    let relative = grant("fs=./data:ro");
    let said = policy.allow(relative.clone()).unwrap_err().to_string();
    assert!(
        said.starts_with("`fs=./data:ro@/data` names a folder by a relative path"),
        "{said}"
    );
    assert!(policy.deny(relative.clone()).is_err());
    let based = relative.based("/srv".as_ref());
    assert_eq!(based.to_string(), "fs=/srv/data:ro@/data");
    policy.deny(based).unwrap();
    for _ in 1..MAX_GRANTS {
        policy.allow(grant("env=A")).unwrap();
    }
    let error = policy.allow(grant("env=A")).unwrap_err();
    assert_eq!(error, PolicyError::TooMany);
    assert_eq!(
        policy.deny(grant("env=A")).unwrap_err().code(),
        Code::InvalidConfig
    );
}

/// More segments than are told apart at once.
#[test]
fn a_long_path_is_decided_to_its_end() {
    let long = "/a".repeat(40);
    let policy = policy(
        &[
            &format!("http=http://a.example{long}/b"),
            &format!("http=http://a.example/*{long}/**"),
            &format!("fs=/srv:ro@{long}"),
        ],
        &[],
    );
    let asks = |path: &str| {
        let access = Access::http(request("GET", "a.example", path));
        policy.decide(&access, NOW).is_ok()
    };
    assert!(asks(&format!("{long}/b")));
    assert!(!asks(&format!("{long}/c")));
    assert!(asks(&format!("/x{long}/c")));
    assert!(!asks(&format!("/x{long}")));
    let reads = |path: &str| {
        let access = Access::folder(path, Mode::Read).unwrap();
        policy.decide(&access, NOW).is_ok()
    };
    assert!(reads(&format!("{long}/b")));
    assert!(!reads(&"/a".repeat(39)));
}

const GRANTS: [&str; 12] = [
    "http=http://a.example/**",
    "http=GET,POST http://a.example/a/*",
    "http=POST http://*.a.example/a/b",
    "http=GET http://a.example/a/b",
    "fs=/srv:ro@/data",
    "fs=/srv/a:rw@/data/a",
    "fs=/srv/a:rw@/data/b",
    "kv=a:ro",
    "kv=a:rw",
    "tool=a.*",
    "tool=a.b",
    "env=A",
];

fn any_access() -> impl Strategy<Value = Access> {
    let mode = || select(vec![Mode::Read, Mode::Write]);
    prop_oneof![
        3 => (select(vec!["GET", "POST", "PUT"]), "(b\\.)?a\\.example", "(/(a|b)){0,2}")
            .prop_map(|(method, host, path)| Access::http(request(method, &host, &path))),
        3 => ("/(data)?(/(a|b)){0,2}", mode()).prop_map(|(path, mode)| Access::folder(&path, mode).unwrap()),
        1 => ("a|b", mode()).prop_map(|(name, mode)| Access::key_value(&name, mode).unwrap()),
        1 => "a\\.(b|c)".prop_map(|name| Access::tool(&name).unwrap()),
    ]
}

fn some() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(GRANTS.to_vec(), 0..6).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_order_does_not_matter(allow in some(), deny in some(), access in any_access()) {
        let forwards = policy(&allow, &deny);
        let backwards = |texts: &[&'static str]| texts.iter().rev().copied().collect::<Vec<_>>();
        let backwards = policy(&backwards(&allow), &backwards(&deny));
        let [one, other] = [&forwards, &backwards].map(|policy| policy.decide(&access, NOW));
        prop_assert_eq!(one.is_ok(), other.is_ok());
    }

    /// A grant more allows no less, a denial more allows no more, and what a narrower
    /// grant stands in the place of is not allowed more.
    #[test]
    fn what_is_given_and_taken_does_what_it_says(
        allow in some(), deny in some(), more in select(GRANTS.to_vec()), access in any_access()
    ) {
        let before = policy(&allow, &deny).decide(&access, NOW).is_ok();
        let mut given = policy(&allow, &deny);
        given.allow(grant(more)).unwrap();
        prop_assert!(!before || given.decide(&access, NOW).is_ok());
        let mut taken = policy(&allow, &deny);
        taken.deny(grant(more)).unwrap();
        prop_assert!(before || taken.decide(&access, NOW).is_err());
        for wide in &allow {
            if grant(wide).covers(&grant(more)) {
                let mut narrower = policy(&allow, &deny);
                narrower.revoke(&grant(wide));
                narrower.allow(grant(more)).unwrap();
                prop_assert!(before || narrower.decide(&access, NOW).is_err());
            }
        }
    }

    /// What a refusal suggests is enough, where nothing denies it.
    #[test]
    fn a_hint_helps(allow in some(), access in any_access()) {
        let mut policy = policy(&allow, &[]);
        let allowing = policy.decide(&access, NOW).err().map(|denial| denial.allowing().unwrap());
        if let Some(grant) = allowing {
            policy.allow(grant.based("/srv".as_ref())).unwrap();
            prop_assert!(policy.decide(&access, NOW).is_ok());
        }
    }
}
