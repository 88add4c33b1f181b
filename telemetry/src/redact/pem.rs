//! Private keys in PEM.

use super::found::Found;

/// Longest label that is looked at: `ENCRYPTED PRIVATE KEY`, `PGP PRIVATE KEY BLOCK` and the like.
const MAX_LABEL_BYTES: usize = 64;

/// Looks at `-----BEGIN ` at `start..end`: if it begins a private key, everything up to the end of the block, or of the text
/// if the block was cut off. Line ends may be escaped, as in the JSON of a service account.
pub(super) fn find(text: &[u8], start: usize, end: usize) -> Option<Found> {
    let rest = text.get(end..)?;
    let label = rest.get(..rest.len().min(MAX_LABEL_BYTES))?;
    // A block may be cut off within its label.
    let label = position(label, b"-----")
        .and_then(|dashes| label.get(..dashes))
        .unwrap_or(label);
    position(label, b"PRIVATE KEY")?;
    let after = position(rest, b"-----END ").and_then(|at| {
        let behind = rest.get(at + b"-----END ".len()..)?;
        Some(
            rest.len() - behind.len()
                + position(behind.get(..MAX_LABEL_BYTES.min(behind.len()))?, b"-----")?
                + 5,
        )
    });
    Some(Found {
        start,
        end: after.map_or(text.len(), |after| end + after),
        rule: "private-key",
    })
}

fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::super::tests::redacted;

    #[test]
    fn private_keys_go_as_a_whole() {
        let block = |label: &str| format!("-----BEGIN {label}-----\nMIIEvQ\nabc=\n-----END {label}-----");
        for label in [
            "PRIVATE KEY",
            "RSA PRIVATE KEY",
            "ENCRYPTED PRIVATE KEY",
            "OPENSSH PRIVATE KEY",
            "PGP PRIVATE KEY BLOCK",
        ] {
            assert_eq!(
                redacted(&format!("a {} b", block(label))),
                "a [redacted:private-key] b"
            );
        }
        let escaped = block("PRIVATE KEY").replace('\n', "\\n");
        assert_eq!(
            redacted(&format!(
                r#"{{"type":"service_account","private_key":"{escaped}\n","client_id":"1"}}"#
            )),
            r#"{"type":"service_account","private_key":"[redacted:private-key]","client_id":"1"}"#
        );
        let two = format!("{} and {}", block("PRIVATE KEY"), block("EC PRIVATE KEY"));
        assert_eq!(
            redacted(&two),
            "[redacted:private-key] and [redacted:private-key]"
        );
    }

    #[test]
    fn a_block_that_was_cut_off_goes_too() {
        for cut in [
            "-----BEGIN PRIVATE KEY-----\nMIIEvQ",
            "-----BEGIN PRIVATE KEY",
            "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA",
        ] {
            assert_eq!(redacted(&format!("see {cut}")), "see [redacted:private-key]");
        }
    }

    #[test]
    fn public_blocks_stay() {
        for text in [
            "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----\nMII",
            "-----BEGIN ",
        ] {
            assert_eq!(redacted(text), text);
        }
    }
}
