//! E-mail addresses, where the operator wants them redacted.

use super::found::{Found, run};

/// Longest local part and domain (RFC 5321).
const MAX_LOCAL_BYTES: usize = 64;
const MAX_DOMAIN_BYTES: usize = 255;

/// Looks at `@` at `at`.
pub(super) fn find(text: &[u8], at: usize) -> Option<Found> {
    let before = text.get(at.saturating_sub(MAX_LOCAL_BYTES)..at)?;
    let is_local =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-');
    let local = before.iter().rev().take_while(|byte| is_local(byte)).count();
    let rest = text.get(..text.len().min(at + 1 + MAX_DOMAIN_BYTES))?;
    let domain = run(rest, at + 1, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')
    });
    // A dot or hyphen at the end belongs to the sentence.
    let length = domain
        .iter()
        .rposition(u8::is_ascii_alphanumeric)
        .map_or(0, |last| last + 1);
    let top = domain.get(..length)?.rsplit(|byte| *byte == b'.').next()?;
    let is_domain = top.len() < length && top.len() >= 2 && top.iter().all(u8::is_ascii_alphabetic);
    (local > 0 && is_domain).then_some(Found {
        start: at - local,
        end: at + 1 + length,
        rule: "email",
    })
}

#[cfg(test)]
mod tests {
    use super::super::RedactConfig;
    use super::super::tests::{redacted, redacted_with};

    #[test]
    fn addresses_go_only_if_wanted() {
        let config = RedactConfig {
            emails: true,
            ..RedactConfig::default()
        };
        for (text, expected) in [
            (
                "mail to jane.doe+x@mail.example.com.",
                "mail to [redacted:email].",
            ),
            ("<a@b.io>,c@d.org", "<[redacted:email]>,[redacted:email]"),
        ] {
            assert_eq!(redacted_with(&config, text), expected);
            assert_eq!(redacted(text), text);
        }
        for text in [
            "@",
            "a@b",
            "user@10.0.0.1",
            "@Transactional",
            "x @ y.com",
            "jane@",
            "lodash@4.17.21",
        ] {
            assert_eq!(redacted_with(&config, text), text);
        }
    }
}
