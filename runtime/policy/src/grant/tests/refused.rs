//! Texts that are no grants.

use crate::Grant;

/// Each rule that a text can break, and a piece of what is said of it.
const REFUSED: &str = r"
acme:store/query => a grant is `capability=scope`, such as `http=GET https://api.example.com/v1/**`
imports=a:b/c => there is no such capability; did you mean `import`?
socket=a => a capability is one of `http, fs, env, config, kv, clock, random, model, tool, import`
HTTP=https://a.example/ => did you mean `http`?
*=* => a capability is one of
http=a.example => it is `METHODS SCHEME://HOST/PATH`
http=https://a.example => it names no path: for all of that server write `https://a.example/**`
http=ftp://a.example/ => a scheme is `https` or `http`, not `ftp`
http=* https://a.example/ => no `*` stands for methods: name them, of `GET,HEAD,POST
http=get https://a.example/ => no method `get` can be granted; did you mean `GET`?
http=CONNECT https://a.example/ => no method `CONNECT` can be granted
http=GET, https://a.example/ => a method is missing
http=GET  https://a.example/ => a scheme is `https` or `http`, not ` https`
http=https://*/** => `*` is the whole first label of a host
http=https://*.com/** => before a name of two labels or more, not before `com`
http=https://*.1.2.3.4/ => two labels or more, not before `1.2.3.4`
http=https://a*.example/ => `*` is the whole first label
http=https://a.*/ => `*` is the whole first label
http=https://u:p@a.example/ => an address names no user
http=https://a.example./ => a name has labels of 1 to 63
http=https:///a => is no host: empty host
http=https://127.1/ => the address `127.1` is written `127.0.0.1`
http=https://0x7f000001/ => is written `127.0.0.1`
http=https://[::ffff:1.2.3.4]/ => is written `1.2.3.4`
http=https://[::1/ => is no host
http=https://[::1]x/ => what follows a `]` is `:` and a port
http=https://a.example:0/ => a port is a number from 1 to 65535, not `0`
http=https://a.example:*/ => not `*`
http=https://a.example:65536/ => not `65536`
http=https://a.example:/ => not ``
http=https://a.example/a* => `*` stands for a whole segment of a path
http=https://a.example/**/b => `*` stands for a whole segment
http=https://a.example/*** => `*` stands for a whole segment
http=https://a.example/a/../b => a path has no segments `.` and `..`
http=https://a.example/%2e%2E/** => a path has no segments `.` and `..`
http=https://a.example/a%2fb/* => stands beside no wildcard
http=https://a.example/%EF%BC%8F/* => stands beside no wildcard
http=https://a.example?x => is no host
http=https://a.example/a?b => a path ends before `?` and `#`
http=https://a.example/% => a `%` stands before two hexadecimal digits
fs=./data => it is `HOST:ro` or `HOST:rw`
fs=./data:r => behind the folder stands `:ro` (read) or `:rw` (read and write)
fs=./data:* => behind the folder stands
fs=:ro => it names no folder
fs=~/data:ro => nobody expands a `~` here
fs=%7e/data:ro => nobody expands a `~` here
fs=../data:ro => the path of a folder has no `..`
fs=/a/%2e%2e/b:ro => the path of a folder has no `..`
fs=.:ro => it needs the path of the guest: `@/work`
fs=/:rw => it needs the path of the guest
fs=/a%ff:rw => needs the path of the guest
fs=./a:ro@b => the path of a guest begins with `/`
fs=./a:ro@/../b => the path of a guest has no `.` and `..`
fs=./a:ro@/b%00 => no control characters
fs=./a%0a:ro@/b => no control characters
env= => a variable is named by
env=* => a variable is named by
env=1A => a variable is named by
env=A=%zz => a `%` stands before
env=A=%00 => a value has no zero byte
env=A=%ff => what is encoded must be UTF-8
config=key => it is `KEY=VALUE`
config==a => a setting is named by
kv=notes => it is `NAMESPACE:ro`
kv=Notes:rw => a namespace is named by
kv=*:rw => a namespace is named by
kv=../x:rw => a namespace is named by
clock=coarse => all that can be granted of it is `fine`
random=* => all that can be granted of it is `host`
model=* => a model is named by
tool=* => `*` stands for all tools of a component: `text.*`
tool=text => a tool is named `COMPONENT.TOOL`
tool=te*.a => `*` stands for all tools of a component
tool=a.b.* => `*` stands for all tools of a component
tool=*.* => `*` stands for all tools of a component
import=a:b/c@1.0.0 => an interface is named `namespace:package/interface`, without its version
import=a:b/c* => an interface is named
";

fn said(text: &str) -> String {
    text.parse::<Grant>().unwrap_err().to_string()
}

#[test]
fn what_is_no_grant_says_why() {
    for line in REFUSED.trim().lines() {
        let (text, reason) = line.split_once(" => ").unwrap();
        let said = said(text);
        assert!(said.contains(reason), "{text}: {said}");
    }
    assert!(said("").contains("a grant is `capability=scope`"));
    let said_of_line = said("fs=./a\n:ro");
    assert!(
        said_of_line.contains("it has a control character"),
        "{said_of_line}"
    );
}

#[test]
fn what_is_too_long_is_told_in_short() {
    let long = format!("env=A={}", "a".repeat(2_000));
    let told = said(&long);
    assert!(
        told.contains("a value has at most 1024 bytes, not 2000"),
        "{told}"
    );
    assert!(told.len() < 400, "{told}");
    // What is longer where it is shown than where it was written.
    let long = format!("fs=./{}:ro@/b", "é".repeat(900));
    let told = said(&long);
    assert!(told.contains("a grant has at most 4096 bytes"), "{told}");
}

/// A value may be a secret, and an address may be of a stranger's making.
#[test]
fn what_is_no_grant_gives_nothing_away() {
    for text in ["env=TOKEN=hunter2%", "config=key=hunter2%zz"] {
        let told = said(text);
        assert!(!told.contains("hunter2") && told.contains("=…"), "{told}");
    }
    let grant: Grant = "env=TOKEN=hunter2".parse().unwrap();
    assert!(!format!("{grant:?}").contains("hunter2"));
    for text in [
        format!("http=https://a{}", "\u{202e}".repeat(1_300)),
        format!("http=https://*.com{}/**", "\u{ad}".repeat(2_000)),
    ] {
        let told = said(&text);
        assert!(told.len() < 600, "{}", told.len());
        assert!(!told.contains(['\u{202e}', '\u{ad}']), "{told}");
    }
}
