//! Bytes that somebody else chose, as text that no shell, terminal or pattern reads
//! as anything else.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// What is encoded: all but `A-Za-z0-9._~:/@=,-`.
const ODD: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'/')
    .remove(b'@')
    .remove(b'=')
    .remove(b',')
    .remove(b'-');

/// Of a part that a `:` ends.
const ODD_OR_COLON: &AsciiSet = &ODD.add(b':');

/// Of a segment of a path.
const ODD_OR_SLASH: &AsciiSet = &ODD.add(b'/');

/// Of a part that a `=` ends.
const ODD_OR_EQUALS: &AsciiSet = &ODD.add(b'=');

/// What ends the part that is encoded.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Text,
    Colon,
    Slash,
    Equals,
}

/// The bytes as text: the same bytes always give the same.
pub(crate) fn encode(bytes: &[u8], end: End) -> String {
    let set = match end {
        End::Text => ODD,
        End::Colon => ODD_OR_COLON,
        End::Slash => ODD_OR_SLASH,
        End::Equals => ODD_OR_EQUALS,
    };
    percent_encode(bytes, set).to_string()
}

/// The bytes of a text.
///
/// # Errors
///
/// If a `%` is not followed by two hexadecimal digits.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, String> {
    let is_whole = |rest: &str| {
        let mut digits = rest.bytes().take(2).filter(u8::is_ascii_hexdigit);
        digits.next().is_some() && digits.next().is_some()
    };
    if !text.split('%').skip(1).all(is_whole) {
        return Err("a `%` stands before two hexadecimal digits; itself it is `%25`".to_owned());
    }
    Ok(percent_decode_str(text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ENDS: [End; 4] = [End::Text, End::Colon, End::Slash, End::Equals];

    #[test]
    fn a_percent_sign_is_whole() {
        assert_eq!(decode("%41b%2f%2F").unwrap(), b"Ab//");
        for text in ["%", "%4", "%g0", "a%", "%4%1", "%é1", "%%41"] {
            assert!(decode(text).is_err(), "{text}");
        }
        assert_eq!(encode(b"a b:/@=,-._~*'", End::Text), "a%20b:/@=,-._~%2A%27");
        assert_eq!(encode(b":", End::Colon), "%3A");
        assert_eq!(encode(b"/", End::Slash), "%2F");
        assert_eq!(encode(b"=", End::Equals), "%3D");
    }

    proptest! {
        #[test]
        fn bytes_come_back_and_are_plain(bytes: Vec<u8>) {
            for end in ENDS {
                let text = encode(&bytes, end);
                let is_plain = |c: char| c.is_ascii_alphanumeric() || "._~:/@=,-%".contains(c);
                prop_assert!(text.chars().all(is_plain));
                prop_assert_eq!(decode(&text).unwrap(), bytes.clone());
            }
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = decode(&text);
        }
    }
}
