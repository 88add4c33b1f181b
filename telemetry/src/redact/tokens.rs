//! Keys and tokens that can be told by their shape: a prefix and a run of certain characters.

use super::found::{Found, is_start, run};

/// A kind of key or token.
#[derive(Debug)]
pub(super) struct Token {
    /// How it begins, or how all of its variants go on after their first letter.
    pub(super) prefix: &'static str,
    /// The rule it comes under.
    rule: &'static str,
    /// Bytes before the prefix that belong to it: one of these, if any are given.
    first: &'static [u8],
    /// What the rest consists of.
    body: Body,
    /// Fewest bytes of the rest.
    min: usize,
    /// What the rest must have, too.
    check: Check,
}

/// What the rest of a token consists of.
#[derive(Clone, Copy, Debug)]
enum Body {
    /// Letters and digits.
    Alphanumeric,
    /// Capitals and digits.
    Capitals,
    /// Letters, digits, `-` and `_`.
    Base64Url,
    /// Letters, digits, `-`, `_` and `.`.
    Dotted,
}

impl Body {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Capitals => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Base64Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'),
        }
    }
}

/// What else must hold for the rest of a token.
#[derive(Clone, Copy, Debug)]
enum Check {
    Nothing,
    /// No longer than the least length.
    Exact,
    /// A part without `-` of at least 16 bytes with a digit: no words joined by hyphens.
    Random,
    /// Two dots with something before each: header, payload, signature.
    Jwt,
    /// `<version>.<tenant>.<project>.<key id>.<mac>`.
    IngestKey,
}

const fn token(prefix: &'static str, rule: &'static str, body: Body, min: usize, check: Check) -> Token {
    Token {
        prefix,
        rule,
        first: b"",
        body,
        min,
        check,
    }
}

/// All kinds. Lengths are the shortest that the issuers document or are known to have used.
pub(super) const TOKENS: &[Token] = &[
    token("AKIA", "aws-access-key-id", Body::Capitals, 16, Check::Exact),
    token("ASIA", "aws-access-key-id", Body::Capitals, 16, Check::Exact),
    token("AIza", "google-api-key", Body::Base64Url, 35, Check::Nothing),
    token("ya29.", "google-oauth-token", Body::Base64Url, 20, Check::Nothing),
    token(
        "GOCSPX-",
        "google-client-secret",
        Body::Base64Url,
        20,
        Check::Nothing,
    ),
    token("ghp_", "github-token", Body::Alphanumeric, 36, Check::Nothing),
    token("gho_", "github-token", Body::Alphanumeric, 36, Check::Nothing),
    token("ghu_", "github-token", Body::Alphanumeric, 36, Check::Nothing),
    token("ghs_", "github-token", Body::Alphanumeric, 36, Check::Nothing),
    token("ghr_", "github-token", Body::Alphanumeric, 36, Check::Nothing),
    token("github_pat_", "github-token", Body::Base64Url, 22, Check::Nothing),
    token("glpat-", "gitlab-token", Body::Base64Url, 20, Check::Nothing),
    token("xox", "slack-token", Body::Base64Url, 12, Check::Random),
    token("xapp-", "slack-token", Body::Base64Url, 20, Check::Random),
    Token {
        first: b"sr",
        ..token("k_live_", "stripe-key", Body::Alphanumeric, 10, Check::Nothing)
    },
    token("whsec_", "stripe-key", Body::Alphanumeric, 20, Check::Nothing),
    token("sk-ant-", "anthropic-key", Body::Base64Url, 16, Check::Random),
    token("sk-", "openai-key", Body::Base64Url, 20, Check::Random),
    token("gsk_", "groq-key", Body::Alphanumeric, 20, Check::Nothing),
    token(
        "hf_",
        "hugging-face-token",
        Body::Alphanumeric,
        30,
        Check::Nothing,
    ),
    token("xai-", "xai-key", Body::Alphanumeric, 20, Check::Random),
    token("pplx-", "perplexity-key", Body::Alphanumeric, 20, Check::Random),
    token("r8_", "replicate-token", Body::Alphanumeric, 30, Check::Nothing),
    token("nvapi-", "nvidia-key", Body::Base64Url, 20, Check::Random),
    token("npm_", "npm-token", Body::Alphanumeric, 36, Check::Nothing),
    token("aia_", "aia-ingest-key", Body::Dotted, 20, Check::IngestKey),
    token("eyJ", "jwt", Body::Dotted, 16, Check::Jwt),
];

/// Looks at a hit of a token's prefix at `start..end`.
pub(super) fn find(token: &Token, text: &[u8], start: usize, end: usize) -> Option<Found> {
    let start = if token.first.is_empty() {
        start
    } else {
        let before = start.checked_sub(1)?;
        token.first.contains(text.get(before)?).then_some(before)?
    };
    // Otherwise it is the middle of something else. This also keeps a long run of prefixes from being read once for each.
    if !is_start(text, start, |byte| {
        token.body.has(byte) || byte.is_ascii_alphanumeric() || byte == b'_'
    }) {
        return None;
    }
    let rest = run(text, end, |byte| token.body.has(byte));
    // A dot or hyphen at the end belongs to the sentence.
    let length = rest
        .iter()
        .rposition(|byte| *byte != b'.')
        .map_or(0, |last| last + 1);
    let rest = rest.get(..length)?;
    (rest.len() >= token.min && token.check.holds(rest, token.min)).then_some(Found {
        start,
        end: end + length,
        rule: token.rule,
    })
}

impl Check {
    fn holds(self, rest: &[u8], min: usize) -> bool {
        match self {
            Self::Nothing => true,
            Self::Exact => rest.len() == min,
            Self::Random => rest
                .split(|byte| matches!(byte, b'-'))
                .any(|part| part.len() >= 10 && part.iter().any(u8::is_ascii_digit)),
            Self::Jwt => {
                let mut parts = rest.split(|byte| *byte == b'.').map(<[u8]>::len);
                parts.next().is_some_and(|header| header >= 8)
                    && parts.next().is_some_and(|payload| payload >= 2)
                    && rest.iter().filter(|byte| **byte == b'.').count() >= 1
            }
            Self::IngestKey => {
                let mut parts = rest.split(|byte| *byte == b'.');
                let has_version = parts
                    .next()
                    .is_some_and(|version| version.iter().all(u8::is_ascii_digit));
                has_version && parts.clone().count() == 4 && parts.all(|part| !part.is_empty())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::redacted;

    /// Texts as they may occur; the tokens are made up and put together here, so that no scanner takes this file for a leak.
    #[test]
    fn tokens_are_found() {
        let a36 = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8";
        for (secret, rule) in [
            ("AKIA".to_owned() + "IOSFODNN7EXAMPLE", "aws-access-key-id"),
            ("ASIA".to_owned() + "IOSFODNN7EXAMPLE", "aws-access-key-id"),
            (format!("AIza{}", &a36[..35]), "google-api-key"),
            (format!("ghp_{a36}"), "github-token"),
            (format!("ghs_{a36}"), "github-token"),
            (format!("github_pat_{}_{a36}", &a36[..22]), "github-token"),
            (format!("glpat-{}", &a36[..20]), "gitlab-token"),
            (format!("xoxb-123456789012-{}", &a36[..24]), "slack-token"),
            (format!("sk_live_{}", &a36[..24]), "stripe-key"),
            (format!("rk_live_{}", &a36[..24]), "stripe-key"),
            (format!("sk-proj-{a36}_{a36}"), "openai-key"),
            (format!("sk-{a36}"), "openai-key"),
            (format!("sk-or-v1-{}", "0a1b".repeat(16)), "openai-key"),
            (format!("sk-ant-api03-{a36}-{a36}AA"), "anthropic-key"),
            (format!("gsk_{a36}"), "groq-key"),
            (format!("hf_{a36}"), "hugging-face-token"),
            (format!("xai-{a36}"), "xai-key"),
            (format!("pplx-{a36}"), "perplexity-key"),
            (format!("r8_{a36}"), "replicate-token"),
            (format!("npm_{a36}"), "npm-token"),
            (format!("aia_1.acme.shop.k1.{a36}AAAAAAA"), "aia-ingest-key"),
            (format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{a36}"), "jwt"),
            ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.".to_owned(), "jwt"),
        ] {
            for (before, after) in [
                ("", ""),
                ("key ", " used"),
                ("x=\"", "\""),
                ("\\n", "\\n"),
                ("%3D", "&b=1"),
                ("<", ">"),
                ("at ", ", then"),
            ] {
                let dot = if secret.ends_with('.') { "." } else { "" };
                let expected = format!("{before}[redacted:{rule}]{dot}{after}");
                assert_eq!(redacted(&format!("{before}{secret}{after}")), expected);
            }
        }
    }

    #[test]
    fn what_only_looks_alike_stays() {
        for text in [
            "EURASIA 2024",
            "AKIAIOSFODNN7EXAMPLE1",
            "xAKIAIOSFODNN7EXAMPLE",
            "disk-1234567890123456789012",
            "sk-learn-pipeline-of-the-year-of-the-team",
            "risk-assessment and task-scheduler-1234567890abcdef",
            "self_aia_1.x",
            "aia_events_total",
            "aia_1.acme.shop",
            "eyJhbGciOiJIUzI1NiJ9",
            "ghp_short",
            "hf_hub_download",
            "xoxo",
            "network_live_1234567890",
            "the glpat-prefix",
        ] {
            assert_eq!(redacted(text), text);
        }
    }
}
