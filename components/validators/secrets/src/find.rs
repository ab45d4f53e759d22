//! Looks for secrets in one pass over a text, which may be JSON.

use std::ops::Range;

use crate::rules::{Kind, NAMES, PREFIXED};

/// The shortest value of a named secret.
const MIN_VALUE_BYTES: usize = 8;

/// As much of a name, from its end, as is looked at.
const MAX_NAME_BYTES: usize = 32;

/// The longest list of numbers in a colour of a terminal.
const MAX_COLOUR_BYTES: usize = 20;

/// A secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// What it is.
    pub(crate) rule: &'static str,
    /// Where it stands, in bytes.
    pub(crate) at: Range<usize>,
}

/// All secrets of a text, in order.
pub(crate) fn find(text: &str) -> Vec<Found> {
    let bytes = text.as_bytes();
    let mut found: Vec<Found> = Vec::new();
    let (mut at, mut known) = (0, Known::default());
    while let Some(byte) = bytes.get(at) {
        match one_at(bytes, at, *byte, &mut known) {
            Some(one) => {
                at = one.at.end.max(at + 1);
                found.push(one);
            }
            None => at += 1,
        }
    }
    found
}

/// What has been looked at in vain: else a text of beginnings alone would be gone through
/// again from each.
#[derive(Default)]
struct Known {
    /// No signed token begins before.
    no_token: usize,
    /// No value that begins before is a secret.
    no_value: usize,
}

fn one_at(bytes: &[u8], at: usize, byte: u8, known: &mut Known) -> Option<Found> {
    match byte {
        b'-' => pem(bytes, at),
        b':' | b'=' => value(bytes, at, known).or_else(|| password_of_url(bytes, at)),
        byte if BEGIN.get(usize::from(byte)).is_some_and(|begins| *begins) => {
            if !begins(bytes, at) {
                return None;
            }
            let token = || token(bytes, at, known);
            let prefixed = prefixed(bytes, at);
            prefixed.or_else(token).or_else(|| bearer(bytes, at))
        }
        _ => None,
    }
}

/// The bytes with which something begins that begins with a word.
#[expect(
    clippy::indexing_slicing,
    reason = "what is wrong here does not compile"
)]
const BEGIN: [bool; 256] = {
    let mut begin = [false; 256];
    let mut place = 0;
    while place < PREFIXED.len() {
        begin[PREFIXED[place].prefix.as_bytes()[0] as usize] = true;
        place += 1;
    }
    let mut others: &[u8] = b"eSbB";
    while let [first, rest @ ..] = others {
        begin[*first as usize] = true;
        others = rest;
    }
    begin
};

/// Whether a word begins there: behind what is no part of one; behind an escape of JSON,
/// which ends in a letter or digit that is not of the text, in a text within a text too;
/// behind a colour of a terminal.
fn begins(bytes: &[u8], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| bytes.get(at)).copied();
    match before(1) {
        Some(byte) if byte.is_ascii_alphanumeric() => {
            let is_short = matches!(byte, b'n' | b'r' | b't' | b'b' | b'f');
            let is_escape = is_short && before(2) == Some(b'\\');
            let is_long = before(5) == Some(b'u') && before(6) == Some(b'\\');
            is_escape || is_long || byte == b'm' && ends_colour(bytes, at)
        }
        _ => true,
    }
}

/// Whether `[31;1m` stands before.
fn ends_colour(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| bytes.get(..at));
    let before = before.unwrap_or_default();
    let of_it = |byte: &&u8| byte.is_ascii_digit() || **byte == b';';
    let length = before
        .iter()
        .rev()
        .take(MAX_COLOUR_BYTES)
        .take_while(of_it)
        .count();
    let bracket = before.len().checked_sub(length + 1);
    bracket.and_then(|at| before.get(at)) == Some(&b'[')
}

/// How many bytes of that kind follow.
fn run(bytes: &[u8], at: usize, is_one: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().take_while(|byte| is_one(**byte)).count()
}

fn rest_is(bytes: &[u8], at: usize, text: &str) -> bool {
    bytes
        .get(at..)
        .is_some_and(|rest| rest.starts_with(text.as_bytes()))
}

fn prefixed(bytes: &[u8], at: usize) -> Option<Found> {
    let rule = PREFIXED.iter().find(|rule| {
        rest_is(bytes, at, rule.prefix) && {
            let after = at + rule.prefix.len();
            rule.least <= run(bytes, after, |byte| rule.kind.has(byte))
        }
    })?;
    let after = at + rule.prefix.len();
    let length = run(bytes, after, |byte| rule.kind.has(byte));
    Some(Found {
        rule: rule.name,
        at: at..after + length,
    })
}

/// A signed token: two parts that are JSON in base64, and a signature; or one of
/// `SendGrid`.
fn token(bytes: &[u8], at: usize, known: &mut Known) -> Option<Found> {
    let is_signed = rest_is(bytes, at, "eyJ");
    if is_signed && at < known.no_token {
        return None;
    }
    let found = token_at(bytes, at);
    if found.is_none() && is_signed {
        // Whatever begins within its first part goes on as it does.
        known.no_token = at + run(bytes, at, |byte| Kind::Url.has(byte));
    }
    found
}

fn token_at(bytes: &[u8], at: usize) -> Option<Found> {
    let (rule, parts): (_, &[(&str, usize)]) = if rest_is(bytes, at, "eyJ") {
        ("jwt", &[("eyJ", 10), ("eyJ", 4), ("", 10)])
    } else if rest_is(bytes, at, "SG.") {
        ("sendgrid-key", &[("SG", 0), ("", 16), ("", 30)])
    } else {
        return None;
    };
    let mut end = at;
    for (place, (prefix, least)) in parts.iter().enumerate() {
        if 0 < place {
            if bytes.get(end) != Some(&b'.') {
                return None;
            }
            end += 1;
        }
        if !rest_is(bytes, end, prefix) {
            return None;
        }
        end += prefix.len();
        let length = run(bytes, end, |byte| Kind::Url.has(byte));
        if length < *least {
            return None;
        }
        end += length;
    }
    Some(Found { rule, at: at..end })
}

/// What a header of HTTP has behind `Bearer` or `Basic`.
fn bearer(bytes: &[u8], at: usize) -> Option<Found> {
    let is_one = |name: &str| {
        bytes
            .get(at..at + name.len())
            .is_some_and(|there| there.eq_ignore_ascii_case(name.as_bytes()))
    };
    let name = ["bearer ", "basic "]
        .into_iter()
        .find(|name| is_one(name))?;
    let begin = at + name.len();
    let is_token = |byte: u8| Kind::Url.has(byte) || b".~+/=".contains(&byte);
    let length = run(bytes, begin, is_token);
    let secret = bytes.get(begin..begin + length)?;
    (20 <= length && is_mixed(secret)).then_some(Found {
        rule: "authorization",
        at: begin..begin + length,
    })
}

/// A private key in PEM, to its last line or to the end of the text that it is in.
fn pem(bytes: &[u8], at: usize) -> Option<Found> {
    if !rest_is(bytes, at, "-----BEGIN ") {
        return None;
    }
    let head = at + "-----BEGIN ".len();
    let name = run(bytes, head, |byte| {
        byte == b' ' || byte.is_ascii_alphanumeric()
    });
    let name = bytes.get(head..head + name)?;
    if !name.windows(11).any(|part| part == b"PRIVATE KEY") {
        return None;
    }
    let begin = head + name.len();
    let rest = bytes.get(begin..).unwrap_or_default();
    // In JSON the text ends with a quote; no key has one.
    let ends = |place: &usize| {
        let at = begin + *place;
        rest_is(bytes, at, "-----END ") || bytes.get(at) == Some(&b'"')
    };
    let end = (0..rest.len()).find(ends);
    let end = end.map_or(bytes.len(), |place| begin + place);
    let slashes = bytes.get(..end).unwrap_or_default().iter().rev();
    let end = end - slashes.take_while(|byte| **byte == b'\\').count();
    let end = match rest_is(bytes, end, "-----END ") {
        true => {
            let name = end + "-----END ".len();
            let length = run(bytes, name, |byte| {
                byte == b' ' || byte.is_ascii_alphanumeric()
            });
            name + length + run(bytes, name + length, |byte| byte == b'-')
        }
        false => end,
    };
    Some(Found {
        rule: "private-key",
        at: at..end,
    })
}

/// The value behind a name whose values are secrets: `password=…`, `"api_key": "…"`,
/// `token => …`.
fn value(bytes: &[u8], at: usize, known: &mut Known) -> Option<Found> {
    if at < known.no_value {
        return None;
    }
    let is_between = |byte: u8| matches!(byte, b' ' | b'"' | b'\'' | b'\\');
    let before = bytes.get(..at)?;
    let gap = before
        .iter()
        .rev()
        .take_while(|byte| is_between(**byte))
        .count();
    let before = before.get(..before.len().checked_sub(gap)?)?;
    let name = before.iter().rev();
    let name = name
        .take_while(|byte| Kind::Url.has(**byte))
        .take(MAX_NAME_BYTES);
    let length = name.count();
    let name = before.get(before.len().checked_sub(length)?..)?;
    if !is_secret_name(name) {
        return None;
    }
    // `:=`, `=>`, `==`.
    let sign = at + 1 + run(bytes, at + 1, |byte| matches!(byte, b'=' | b'>'));
    let begin = sign + run(bytes, sign, is_between);
    let quote = bytes.get(begin.checked_sub(1)?).copied();
    let quote = quote.filter(|byte| matches!(byte, b'"' | b'\''));
    let ends = |byte: u8| match quote {
        // What is quoted ends with its quote, or with the escape of it.
        Some(quote) => byte == quote || byte == b'\\',
        None => byte.is_ascii_whitespace() || b"\"'\\,;&)]}<>".contains(&byte),
    };
    let length = run(bytes, begin, |byte| !ends(byte));
    let secret = bytes.get(begin..begin + length)?;
    // A number that no quote is around is one of JSON.
    let is_number = quote.is_none() && secret.iter().all(|byte| NUMBER.contains(byte));
    let is_secret = is_mixed(secret) && !is_redacted(secret) && !is_number;
    if !is_secret {
        // Nor is a part of it.
        known.no_value = begin + length;
    }
    (is_secret && MIN_VALUE_BYTES <= length).then_some(Found {
        rule: "named-secret",
        at: begin..begin + length,
    })
}

/// What a number of JSON is made of.
const NUMBER: &[u8] = b"0123456789.+-eE";

fn is_secret_name(name: &[u8]) -> bool {
    let letters = || {
        let letters = name
            .iter()
            .rev()
            .filter(|byte| byte.is_ascii_alphanumeric());
        letters.map(u8::to_ascii_lowercase)
    };
    let ends_with = |known: &&str| known.bytes().rev().eq(letters().take(known.len()));
    NAMES.iter().any(ends_with)
}

/// The password in `scheme://user:password@host`, of which `at` is a colon.
fn password_of_url(bytes: &[u8], at: usize) -> Option<Found> {
    if !rest_is(bytes, at, "://") {
        return None;
    }
    let is_part = |byte: u8| byte.is_ascii_graphic() && !b"/@:\"'\\?#<>".contains(&byte);
    let user = at + 3;
    let colon = user + run(bytes, user, is_part);
    if bytes.get(colon) != Some(&b':') {
        return None;
    }
    let begin = colon + 1;
    let end = begin + run(bytes, begin, is_part);
    let is_password = bytes.get(end) == Some(&b'@') && begin < end;
    is_password.then_some(Found {
        rule: "password-in-url",
        at: begin..end,
    })
}

/// Whether it looks like something that a machine made, or a person was told to: letters,
/// and digits or signs.
fn is_mixed(secret: &[u8]) -> bool {
    let has_letters = secret.iter().any(u8::is_ascii_alphabetic);
    let has_others = secret
        .iter()
        .any(|byte| byte.is_ascii_digit() || b"!@#$%^*+/=".contains(byte));
    has_letters && has_others
}

fn is_redacted(secret: &[u8]) -> bool {
    secret.starts_with(b"[redacted")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part<'a>(text: &'a str, at: &Range<usize>) -> &'a str {
        text.get(at.clone()).unwrap()
    }

    #[track_caller]
    fn rules(text: &str) -> Vec<(&'static str, &str)> {
        let found = find(text);
        let shown = found
            .iter()
            .map(|found| (found.rule, part(text, &found.at)));
        shown.collect()
    }

    /// Built, so that no scanner takes this file for a leak.
    fn long(prefix: &str, with: &str, times: usize) -> String {
        format!("{prefix}{}", with.repeat(times))
    }

    #[test]
    fn each_rule_finds_its_own_and_nothing_shorter() {
        for rule in PREFIXED {
            let unit = match rule.kind {
                Kind::Hex => "0a",
                Kind::Upper => "A2",
                Kind::Alphanumeric | Kind::Url => "aZ",
            };
            let whole = long(rule.prefix, unit, rule.least.div_ceil(2));
            let text = format!("it is {whole}.");
            assert_eq!(rules(&text), [(rule.name, whole.as_str())], "{text}");
            let short = part(&whole, &(0..rule.prefix.len() + rule.least - 1));
            let found = rules(short);
            assert!(found.iter().all(|(name, _)| *name != rule.name), "{short}");
            let within = format!("x{whole}");
            assert_eq!(rules(&within), [], "{within}");
        }
    }

    #[test]
    fn a_token_is_found_wherever_it_stands_in_json() {
        let token = long("ghp_", "aB3", 12);
        for text in [
            format!(r#"{{"a":"{token}"}}"#),
            format!(r#"{{"a":"line\n{token}\nline"}}"#),
            format!(r#"{{"a":"\t{token}\\"}}"#),
            format!(r#"{{"a":"\u001b{token}"}}"#),
            format!(r#"{{"{token}":1}}"#),
            format!("TOKEN={token}&x"),
            format!("https://host/{token}/x"),
        ] {
            assert_eq!(rules(&text), [("github-token", token.as_str())], "{text}");
        }
        for text in [
            // JSON within JSON, as an answer of another protocol has it.
            format!(r#"{{"a":"{{\"b\":\"line\\n{token}\"}}"}}"#),
            format!(r#"{{"a":"\u001b[32m{token}\u001b[0m"}}"#),
            format!("\u{1b}[1;31m{token}"),
            format!("eyJx_{token}"),
        ] {
            assert_eq!(rules(&text), [("github-token", token.as_str())], "{text}");
        }
        for text in [
            format!("form{token}"),
            format!("[x1m{token}"),
            format!("1m{token}"),
        ] {
            assert_eq!(rules(&text), [], "{text}");
        }
    }

    #[test]
    fn keys_in_pem_go_whole() {
        let key =
            "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\nd-e\n-----END OPENSSH PRIVATE KEY-----";
        assert_eq!(rules(&format!("x\n{key}\ny")), [("private-key", key)]);
        let json = key.replace('\n', "\\n");
        let text = format!(r#"{{"a":"{json}\n","b":"-----BEGIN PUBLIC KEY-----"}}"#);
        assert_eq!(rules(&text), [("private-key", json.as_str())]);
        let cut = r#"{"a":"{\"k\":\"-----BEGIN PRIVATE KEY-----\\nabc\",\"b\":1}"}"#;
        let found = r"-----BEGIN PRIVATE KEY-----\\nabc";
        assert_eq!(rules(cut), [("private-key", found)]);
    }

    #[test]
    fn values_of_such_names_and_passwords_of_urls() {
        let found = |text: &'static str| rules(text);
        assert_eq!(
            found("password=hunter2hunter2 x"),
            [("named-secret", "hunter2hunter2")]
        );
        assert_eq!(
            found(r#"{"api_key": "abcdefg1"}"#),
            [("named-secret", "abcdefg1")]
        );
        assert_eq!(
            found(r#"{"a":"{\"client-secret\":\"abcdefg1\"}"}"#).len(),
            1
        );
        assert_eq!(found("AWS_SECRET_ACCESS_KEY: a/b+c1234567").len(), 1);
        assert_eq!(
            found("postgres://me:pw@host/db"),
            [("password-in-url", "pw")]
        );
        assert_eq!(
            found("Authorization: Bearer abcdefghijklmnopqrst1"),
            [("authorization", "abcdefghijklmnopqrst1")]
        );
        let long = "SPRING_DATASOURCE_PRIMARY_HIKARI_PASSWORD=hunter2hunter2";
        assert_eq!(found(long).len(), 1);
        assert_eq!(
            found(r#"{"password":"p,Correct9horse8 b"}"#),
            [("named-secret", "p,Correct9horse8 b")]
        );
        assert_eq!(
            found("token => x; api_token := 'abc&def1'"),
            [("named-secret", "abc&def1")]
        );
        assert_eq!(found("secret => abcdefg1"), [("named-secret", "abcdefg1")]);
        for harmless in [
            r#"{"secret":1.2345678e-9,"a":1}"#,
            "[1.5e-100,2]",
            "the password is long",
            "password: required",
            "secret=short1",
            "https://host:80/a@b",
            "http://[::1]:80/",
            "Basic instructions for beginners",
            "key = 12345678901234567890",
            "password=[redacted: named-secret]",
            "a-b-c-----",
            "",
        ] {
            assert_eq!(found(harmless), [], "{harmless}");
        }
    }

    #[test]
    fn a_signed_token_has_three_parts() {
        let token = format!(
            "eyJ{}.eyJ{}.{}",
            "a".repeat(20),
            "b".repeat(20),
            "c_-".repeat(9)
        );
        assert_eq!(rules(&format!("({token})")), [("jwt", token.as_str())]);
        let two = part(&token, &(0..token.len() - 27));
        assert_eq!(rules(two), []);
        let key = format!("SG.{}.{}", "a1".repeat(11), "b2".repeat(21));
        assert_eq!(rules(&key), [("sendgrid-key", key.as_str())]);
    }

    /// A text of beginnings alone is gone through once.
    #[test]
    fn no_text_takes_long() {
        let began = std::time::Instant::now();
        for part in [
            "eyJ-",
            "password:",
            "password ",
            "bearer ",
            "sk-",
            "://a",
            "\\",
            "SG.",
            "-----BEGIN ",
            "=",
            "eyJaaaaaaaaaaaa.",
            "a ",
        ] {
            find(&part.repeat((4 << 20) / part.len()));
        }
        let mut tail = "eyJ-".repeat(1 << 20);
        tail.push_str(".eyJaaaa");
        find(&tail);
        // A part of it would take hours, if it were gone through from each.
        assert!(began.elapsed().as_secs() < 60);
    }

    /// Whatever the text, what is found is of it, in order, and apart.
    #[test]
    fn no_text_is_too_odd() {
        let parts = [
            "-----BEGIN ",
            "PRIVATE KEY-----",
            "\"",
            "\\",
            "é",
            "sk-",
            "://",
            ":",
            "=",
            "password",
            "a1",
            "@",
            "eyJ",
            ".",
            " ",
        ];
        let mut state = 7_usize;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                text.push_str(parts[(state >> 33) % parts.len()]);
            }
            let mut end = 0;
            for found in find(&text) {
                assert!(
                    end <= found.at.start && text.get(found.at.clone()).is_some(),
                    "{text}"
                );
                end = found.at.end;
            }
        }
    }
}
