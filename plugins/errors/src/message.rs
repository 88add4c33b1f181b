//! Messages without their variable parts, so that the same failure reads the same each time.

use crate::text::{clip, is_id, strip_digits};

/// How much of a message is looked at; what differs behind that would differ in ids and dumps.
pub(crate) const MAX_INPUT_BYTES: usize = 1024;

/// How long a normalised message may be.
const MAX_OUTPUT_BYTES: usize = 200;

/// Longest text in quotes that is taken out as one; a longer one is no name or value.
const MAX_QUOTED_BYTES: usize = 200;

/// Replaces ids, numbers, hexadecimal, addresses, paths, URLs, e-mail addresses and quoted texts by what they are.
pub(crate) fn normalise(message: &str) -> String {
    let mut rest = clip(message, MAX_INPUT_BYTES);
    let mut out = String::new();
    let mut before = ' ';
    while let Some(letter) = rest.chars().next() {
        if let Some(behind) = behind_quoted(rest, before) {
            out.push_str("<text>");
            rest = behind;
            before = '"';
            continue;
        }
        let length = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(length);
        if word.is_empty() {
            push_separator(&mut out, letter);
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        } else {
            push_word(&mut out, word);
            rest = behind;
        }
        before = word.chars().next_back().unwrap_or(letter);
    }
    clip(out.trim(), MAX_OUTPUT_BYTES).to_owned()
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || "_-./:@%+~\\$&?=#".contains(letter)
}

/// Whitespace of any kind and length counts as one space.
fn push_separator(out: &mut String, letter: char) {
    if !letter.is_whitespace() {
        out.push(letter);
    } else if !out.ends_with(' ') {
        out.push(' ');
    }
}

/// What follows a text in quotes at the start of `rest`. An apostrophe within a word opens no quote.
fn behind_quoted(rest: &str, before: char) -> Option<&str> {
    let quote = rest.chars().next()?;
    let closing = match quote {
        '"' | '`' => quote,
        '\'' if !before.is_alphanumeric() => '\'',
        '“' => '”',
        '‘' => '’',
        _ => return None,
    };
    let inside = rest.get(quote.len_utf8()..)?;
    let length = clip(inside, MAX_QUOTED_BYTES).find(closing)?;
    inside.get(length + closing.len_utf8()..)
}

fn push_word(out: &mut String, word: &str) {
    let core = word.trim_end_matches(['.', ':', '?', '-', '=', '&']);
    let tail = word.get(core.len()..).unwrap_or_default();
    let is_windows_path = core.as_bytes().get(1..3) == Some(b":\\");
    if core.contains("://") {
        out.push_str("<url>");
    } else if is_windows_path || core.starts_with("./") || core.starts_with("~/") || core.starts_with('/') {
        out.push_str("<path>");
    } else if core.contains('@') && core.contains('.') {
        out.push_str("<email>");
    } else {
        // `key=value`, `host:port` and the like: each part by itself.
        for part in core.split_inclusive([':', '=', '/', '&', '?', '#']) {
            let name = part.trim_end_matches([':', '=', '/', '&', '?', '#']);
            if is_id(name) {
                out.push_str("<id>");
            } else {
                out.push_str(&strip_digits(name, "<n>"));
            }
            out.push_str(part.get(name.len()..).unwrap_or_default());
        }
    }
    out.push_str(tail);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_variable_parts_out() {
        let cases = [
            (
                "card 4711 declined after 30.5 ms",
                "card <n> declined after <n>.<n> ms",
            ),
            ("user 'bob' can't pay \"a \\ b\"", "user <text> can't pay <text>"),
            (
                "order 6a82e0cd-c101-426a-97f9-dbb760829611 not found",
                "order <id> not found",
            ),
            (
                "Connection refused: 10.0.3.17:5432",
                "Connection refused: <n>.<n>.<n>.<n>:<n>",
            ),
            ("GET http://stock:8080/items/5?x=1 failed", "GET <url> failed"),
            (
                "can't open /var/lib/shop/17.db: no such file",
                "can't open <path>: no such file",
            ),
            ("can't open C:\\shop\\17.db", "can't open <path>"),
            ("mail to jane.doe@example.com bounced", "mail to <email> bounced"),
            ("trace=4bf92f3577b34da6a3ce929d0e0e4736 gone", "trace=<id> gone"),
            ("pod stock-7d9f8b6c5-x2x4z died", "pod <id> died"),
            ("two\n  lines", "two lines"),
            ("at 0xDEADBEEF, thread-12", "at <id>, thread-<n>"),
        ];
        for (message, expected) in cases {
            assert_eq!(normalise(message), expected, "{message}");
        }
    }

    #[test]
    fn is_bounded_and_survives_anything() {
        assert!(normalise(&"ab ".repeat(10_000)).len() <= MAX_OUTPUT_BYTES);
        assert_eq!(normalise(""), "");
        assert_eq!(normalise("“never closed"), "“never closed");
        assert_eq!(normalise("'"), "'");
    }
}
