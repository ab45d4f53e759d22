//! What a key or token looks like.
//!
//! The prefixes are those that their makers document for secret scanners; each is
//! followed by so many characters of so many kinds.

/// Which characters a secret goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `A-Z` and `0-9`.
    Upper,
    /// `0-9a-f`.
    Hex,
    /// `A-Za-z0-9`.
    Alphanumeric,
    /// Those of base64 in URLs: `A-Za-z0-9_-`.
    Url,
}

impl Kind {
    pub(crate) const fn has(self, byte: u8) -> bool {
        match self {
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
        }
    }
}

/// A secret that begins in a way of its own.
#[derive(Debug)]
pub(crate) struct Prefixed {
    /// What is told of it.
    pub(crate) name: &'static str,
    /// How it begins.
    pub(crate) prefix: &'static str,
    /// What follows, at least so often.
    pub(crate) kind: Kind,
    /// The least characters that follow.
    pub(crate) least: usize,
}

const fn rule(name: &'static str, prefix: &'static str, kind: Kind, least: usize) -> Prefixed {
    Prefixed {
        name,
        prefix,
        kind,
        least,
    }
}

/// Those that begin in a way of their own. Of several with one beginning the longer one
/// stands first.
pub(crate) const PREFIXED: &[Prefixed] = &[
    rule("aws-access-key", "AKIA", Kind::Upper, 16),
    rule("aws-access-key", "ASIA", Kind::Upper, 16),
    rule("aws-access-key", "ABIA", Kind::Upper, 16),
    rule("aws-access-key", "ACCA", Kind::Upper, 16),
    rule("anthropic-key", "sk-ant-", Kind::Url, 20),
    rule("openai-key", "sk-", Kind::Url, 32),
    rule("stripe-key", "sk_live_", Kind::Alphanumeric, 16),
    rule("stripe-key", "sk_test_", Kind::Alphanumeric, 16),
    rule("stripe-key", "rk_live_", Kind::Alphanumeric, 16),
    rule("stripe-key", "rk_test_", Kind::Alphanumeric, 16),
    rule("stripe-key", "whsec_", Kind::Alphanumeric, 24),
    rule("github-token", "ghp_", Kind::Alphanumeric, 36),
    rule("github-token", "gho_", Kind::Alphanumeric, 36),
    rule("github-token", "ghu_", Kind::Alphanumeric, 36),
    rule("github-token", "ghs_", Kind::Alphanumeric, 36),
    rule("github-token", "ghr_", Kind::Alphanumeric, 36),
    rule("github-token", "github_pat_", Kind::Url, 60),
    rule("gitlab-token", "glpat-", Kind::Url, 20),
    rule("slack-token", "xoxa-", Kind::Url, 16),
    rule("slack-token", "xoxb-", Kind::Url, 16),
    rule("slack-token", "xoxp-", Kind::Url, 16),
    rule("slack-token", "xoxr-", Kind::Url, 16),
    rule("slack-token", "xoxs-", Kind::Url, 16),
    rule("slack-token", "xapp-", Kind::Url, 16),
    rule("google-key", "AIza", Kind::Url, 35),
    rule("google-token", "ya29.", Kind::Url, 20),
    rule("google-secret", "GOCSPX-", Kind::Url, 28),
    rule("npm-token", "npm_", Kind::Alphanumeric, 36),
    rule("pypi-token", "pypi-", Kind::Url, 50),
    rule("hugging-face-token", "hf_", Kind::Alphanumeric, 34),
    rule("digitalocean-token", "dop_v1_", Kind::Hex, 64),
    rule("digitalocean-token", "doo_v1_", Kind::Hex, 64),
    rule("docker-token", "dckr_pat_", Kind::Url, 27),
    rule("vault-token", "hvs.", Kind::Url, 24),
    rule("age-key", "AGE-SECRET-KEY-1", Kind::Upper, 58),
    rule("twilio-key", "SK", Kind::Hex, 32),
];

/// Names whose values are secrets, in lower case and without `-` and `_`.
pub(crate) const NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secretkey",
    "secretaccesskey",
    "awssecretaccesskey",
    "clientsecret",
    "apikey",
    "apisecret",
    "apitoken",
    "accesstoken",
    "authtoken",
    "refreshtoken",
    "privatekey",
];
