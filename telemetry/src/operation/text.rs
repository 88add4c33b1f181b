//! Bounded texts without ids.

/// The longest start of `text` that has at most `max` bytes and ends between characters.
pub(super) fn clip(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Replaces the words of a name that are ids or numbers by `{id}`, and cuts a query off. At most `max` bytes.
pub(super) fn without_ids(name: &str, max: usize) -> String {
    // What ids are replaced by is mostly shorter than they are.
    let name = clip(name, max.saturating_mul(4));
    let name = if name.contains('/') {
        name.split('?').next().unwrap_or(name)
    } else {
        name
    };
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while !rest.is_empty() {
        let length = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '-' && letter != '_');
        let (word, behind) = rest.split_at(length.unwrap_or(rest.len()));
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let is_version = word.starts_with(['v', 'V']) && word.len() <= 3;
        let is_number = digits > 0 && !is_version && (digits * 2 >= word.len() || digits >= 4);
        out.push_str(if is_number || is_id(word) { "{id}" } else { word });
        let separator = behind.chars().next().map_or(0, char::len_utf8);
        out.push_str(behind.get(..separator).unwrap_or_default());
        rest = behind.get(separator..).unwrap_or_default();
    }
    clip(&out, max).to_owned()
}

/// Whether it is a UUID, or hexadecimal digits too many to be a word.
fn is_id(word: &str) -> bool {
    let hex = word.strip_prefix("0x").unwrap_or(word);
    let digits = hex.bytes().filter(u8::is_ascii_digit).count();
    let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let long_hex = hex.len() >= 8 && digits > 0 && is_hex && !hex.starts_with('-');
    // Letters and digits that alternate are nobody's name: base64 ids, ULIDs, pod names' hashes.
    let mut changes = 0;
    let mut before = None;
    for byte in word.bytes() {
        let is_digit = byte.is_ascii_digit();
        changes += usize::from(before.is_some_and(|before| before != is_digit));
        before = Some(is_digit);
    }
    long_hex || (hex.len() != word.len() && is_hex) || (word.len() >= 12 && changes >= 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_between_characters() {
        assert_eq!(clip("aäb", 2), "a");
        assert_eq!(clip("aäb", 3), "aä");
        assert_eq!(clip("ab", 9), "ab");
    }

    #[test]
    fn tells_ids_from_words() {
        for id in [
            "6a82e0cd-c101-426a-97f9-dbb760829611",
            "deadbeef1",
            "0xff",
            "01J9ZQ3X8K4M7N2P5R6S",
        ] {
            assert!(is_id(id), "{id}");
        }
        for word in ["facade", "deadbeef", "order-12", "Base64Decoder", "http2", "-"] {
            assert!(!is_id(word), "{word}");
        }
    }

    #[test]
    fn names_hold_no_ids() {
        let cases = [
            (
                "GET /api/v1/orders/4711/items?limit=3",
                "GET /api/v1/orders/{id}/items",
            ),
            (
                "GET /users/6a82e0cd-c101-426a-97f9-dbb760829611",
                "GET /users/{id}",
            ),
            ("SELECT orders", "SELECT orders"),
            ("http2 handshake", "http2 handshake"),
            ("job-20230129", "{id}"),
        ];
        for (name, expected) in cases {
            assert_eq!(without_ids(name, 96), expected, "{name}");
        }
        assert_eq!(without_ids(&"ä".repeat(100), 7), "äää");
    }
}
