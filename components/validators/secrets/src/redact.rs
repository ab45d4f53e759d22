//! Writes a text without what was found in it.

use std::collections::BTreeMap;

use crate::find::Found;

/// The same text, with what was found named in its place: `[redacted: github-token]`, and
/// from the second of a kind on with a number, so that two keys of an object stay two.
pub(crate) fn redact(text: &str, found: &[Found]) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    let mut from = 0;
    for one in found {
        let count = counted.entry(one.rule).or_default();
        *count += 1;
        redacted.push_str(text.get(from..one.at.start).unwrap_or_default());
        redacted.push_str("[redacted: ");
        redacted.push_str(one.rule);
        if 1 < *count {
            redacted.push_str(&format!(" {count}"));
        }
        redacted.push(']');
        from = one.at.end;
    }
    redacted.push_str(text.get(from..).unwrap_or_default());
    redacted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::find;

    #[test]
    fn what_is_redacted_holds_nothing_any_more() {
        let text = r#"{"a":"x sk_live_abcdefghijklmnop y","password":"hunter2hunter2"}"#;
        let redacted = redact(text, &find(text));
        let expected =
            r#"{"a":"x [redacted: stripe-key] y","password":"[redacted: named-secret]"}"#;
        assert_eq!(redacted, expected);
        assert_eq!(find(&redacted), []);
        let keys = r#"{"sk_live_abcdefghijklmnop":1,"sk_live_abcdefghijklmnoq":2}"#;
        let expected = r#"{"[redacted: stripe-key]":1,"[redacted: stripe-key 2]":2}"#;
        assert_eq!(redact(keys, &find(keys)), expected);
    }
}
