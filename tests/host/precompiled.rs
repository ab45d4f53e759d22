//! A host without a compiler runs what `patinox precompile` made, and says why
//! it does not run anything else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use patinox_artifacts::prebuilt;
use serde_json::{Value, json};

use crate::support::precompiled::Store;

fn count(store: &Store) -> Option<Value> {
    store.call(prebuilt::text(), "count", &json!({ "text": "to be or" }))
}

/// The fingerprint is the same in a build with a compiler and in one without:
/// what the one makes is found, checked and run by the other.
#[test]
fn what_one_build_makes_the_other_runs() {
    let store = Store::new();
    let made = store.fill(prebuilt::text());
    assert_eq!(made["result"]["components"][0]["compiled"], true, "{made}");
    let again = store.fill(prebuilt::text());
    assert_eq!(
        again["result"]["components"][0]["compiled"], false,
        "{again}"
    );
    let Some(said) = count(&store) else {
        return;
    };
    assert_eq!(said["answer"]["words"], 3, "{said}");
    // It has the limits of every host.
    store.fill(prebuilt::hostile());
    let spin = store
        .call(prebuilt::hostile(), "recurse", &json!({}))
        .unwrap();
    assert_eq!(spin["code"], "component/stack", "{spin}");
}

#[track_caller]
fn check(said: &Value, message: &str, hint: &str) {
    assert_eq!(said["code"], "caller/not-precompiled", "{said}");
    let said = |field: &str| said[field].as_str().unwrap().to_owned();
    assert_eq!(
        said("message"),
        format!("this host has no compiler, and {message}")
    );
    assert!(said("hint").contains(hint), "{}", said("hint"));
}

#[test]
fn what_cannot_run_says_why_and_nothing_is_lost() {
    let store = Store::new();
    store.fill(prebuilt::hostile());
    let Some(said) = count(&store) else {
        return;
    };
    check(
        &said,
        "its artifact store does not have the component",
        "patinox precompile COMPONENT",
    );

    // Another key.
    store.fill(prebuilt::text());
    let good = fs::read(store.key()).unwrap();
    fs::write(store.key(), [7; 32]).unwrap();
    let refused = "the component's entry in its artifact store is refused: its tag is wrong";
    check(
        &count(&store).unwrap(),
        refused,
        "the key file that the store was filled with",
    );
    // The entry is still there, and good.
    fs::write(store.key(), &good).unwrap();
    assert_eq!(count(&store).unwrap()["answer"]["words"], 3);

    // A key that others may read.
    fs::set_permissions(store.key(), fs::Permissions::from_mode(0o640)).unwrap();
    let said = count(&store).unwrap();
    assert_eq!(
        said["message"],
        "the artifact key must have mode `0600`, not mode `0640`"
    );
    fs::set_permissions(store.key(), fs::Permissions::from_mode(0o600)).unwrap();

    // None is made where one is missing.
    fs::remove_file(store.key()).unwrap();
    let said = count(&store).unwrap();
    let message = "cannot open the artifact key: entity not found";
    assert_eq!(said["message"], message, "{said}");
    assert!(!store.key().exists());
    // And none while there are entries that it would make useless.
    let said = store.fill(prebuilt::text());
    assert_eq!(said["error"]["code"], "caller/usage", "{said}");
    assert!(!store.key().exists());
    fs::write(store.key(), good).unwrap();
    fs::set_permissions(store.key(), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(count(&store).unwrap()["answer"]["words"], 3);
}

/// An engine that reserves less for each memory has other code.
#[test]
fn what_was_compiled_for_another_engine_says_for_which() {
    let store = Store::new();
    store.fill(prebuilt::text());
    let Some(said) = store.call_in_little_space(prebuilt::text(), "count", &json!({ "text": "" }))
    else {
        return;
    };
    let message = "its artifact store has the component for another engine; compiled for \
        `MemoryReservation(4294967296)`; here it is `MemoryReservation(67108864)`";
    check(&said, message, "a machine as this one is");
}
