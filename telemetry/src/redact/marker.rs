//! What stands in the place of a secret.

const START: &[u8] = b"[redacted:";

/// The text that replaces what a rule found.
pub(super) fn marker(rule: &str) -> String {
    format!("[redacted:{rule}]")
}

/// Length of the marker that a text begins with; 0 if it begins with none.
pub(super) fn marker_length(text: &[u8]) -> usize {
    let Some(rest) = text.strip_prefix(START) else {
        return 0;
    };
    let rule = rest
        .iter()
        .take_while(|byte| byte.is_ascii_lowercase() || **byte == b'-')
        .count();
    if rule > 0 && rest.get(rule) == Some(&b']') {
        START.len() + rule + 1
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_recognised() {
        assert_eq!(marker("api-key"), "[redacted:api-key]");
        assert_eq!(marker_length(b"[redacted:api-key] and more"), 18);
        for text in [
            "",
            "[redacted:",
            "[redacted:]",
            "[redacted:a",
            "[redacted:A]",
            "x[redacted:a]",
        ] {
            assert_eq!(marker_length(text.as_bytes()), 0, "{text}");
        }
    }
}
