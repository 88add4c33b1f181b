//! Bounded texts: whatever is kept in the state was sent by strangers.

/// The longest start of `text` that has at most `max` bytes and ends between characters.
pub(crate) fn clip(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Replaces every run of digits.
pub(crate) fn strip_digits(text: &str, by: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_run = false;
    for letter in text.chars() {
        if !letter.is_ascii_digit() {
            out.push(letter);
        } else if !in_run {
            out.push_str(by);
        }
        in_run = letter.is_ascii_digit();
    }
    out
}

/// Whether it is a UUID, or hexadecimal digits too many to be a word.
pub(crate) fn is_id(word: &str) -> bool {
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
}
