//! Where in the code a log record was written.

use aia_plugin_sdk::{Keys, LogRecord, Logs, Text};

/// Words at the start of a record's text among which a place is looked for.
const WORDS: usize = 4;

/// Longest name of a place, in bytes.
const MAX_BYTES: usize = 96;

/// The attributes that tell, the current name before the old one.
pub(crate) type PlaceKeys = Keys<6>;

pub(crate) fn keys(batch: Logs<'_>) -> PlaceKeys {
    batch.keys([
        "code.file.path",
        "code.filepath",
        "code.function.name",
        "code.function",
        "code.line.number",
        "code.lineno",
    ])
}

/// Where a record was written, as it says it. A text without what varies is no place, since one statement writes many of
/// them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Written<'a> {
    /// A file or a function, with the line if it is known.
    Code(Text<'a>, Option<i64>),
    /// `Class` and line at the start of its text.
    Text(&'a str, &'a str),
}

impl<'a> Written<'a> {
    /// Nothing if the record doesn't tell.
    pub(crate) fn of(keys: &PlaceKeys, record: LogRecord<'a>) -> Option<Self> {
        let found = keys.find(record.attributes());
        let first = |from: usize| {
            let text = |at: usize| found.text(at).filter(|text| !text.is_empty());
            text(from).or_else(|| text(from + 1))
        };
        let line = found.int(4).or_else(|| found.int(5));
        match (first(0), first(2), line) {
            (Some(file), _, Some(_)) => Some(Self::Code(file, line)),
            (_, Some(function), _) => Some(Self::Code(function, line)),
            (_, None, _) => {
                from_text(record.body_text()?.as_str()).map(|(name, line)| Self::Text(name, line))
            }
        }
    }

    /// The place's name: `path:line`, a function, or `Class:line`.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Code(text, Some(line)) => format!("{}:{line}", clip(text.as_str(), MAX_BYTES)),
            Self::Code(text, None) => clip(text.as_str(), MAX_BYTES).to_owned(),
            Self::Text(name, line) => format!("{name}:{line}"),
        }
    }
}

/// Finds `Class#12`, `pkg.Class:12` or `file.go:12` among the first words, as loggers print them.
fn from_text(body: &str) -> Option<(&str, &str)> {
    clip(body, 4 * MAX_BYTES)
        .split_whitespace()
        .take(WORDS)
        .map(|word| word.trim_matches(&['[', ']', '(', ')', ',', ';', ':'][..]))
        .find_map(from_word)
}

fn from_word(word: &str) -> Option<(&str, &str)> {
    let (name, line) = word.rsplit_once(['#', ':'])?;
    let is_line = (1..=6).contains(&line.len()) && line.bytes().all(|byte| byte.is_ascii_digit());
    let last = name.rsplit(['.', '/', '\\']).next()?;
    let is_class = last.chars().next().is_some_and(char::is_uppercase);
    // `host.example.com:443` is an address, `handler.go:77` a file: endings of source files are short, and stand behind
    // the only dot of the last part of the path.
    let file = name.rsplit(['/', '\\']).next()?;
    let is_file = file.split('.').count() == 2 && last.len() <= 5 && last.chars().all(char::is_alphanumeric);
    let is_hash = word.as_bytes().get(name.len()) == Some(&b'#');
    let has_letter = name.chars().any(char::is_alphabetic);
    let is_place = is_line
        && has_letter
        && name.len() <= MAX_BYTES
        && (is_class || is_file || is_hash)
        && !name.contains("://");
    is_place.then_some((name, line))
}

/// The longest start of `text` that has at most `max` bytes and ends between characters.
pub(crate) fn clip(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_at_the_start_of_the_text() {
        for (body, expected) in [
            (
                "c.s.ContactsServiceImpl#31 FIND CONTACTS",
                Some("c.s.ContactsServiceImpl:31"),
            ),
            ("INFO [com.shop.Pay:12] charged", Some("com.shop.Pay:12")),
            ("cart/handler.go:77 added", Some("cart/handler.go:77")),
            ("db.example.com:5432 refused", None),
            ("at 12:30 user 7 left", None),
            ("http://Shop:80 is up", None),
            ("", None),
        ] {
            let found = from_text(body).map(|(name, line)| Written::Text(name, line).name());
            assert_eq!(found.as_deref(), expected, "{body}");
        }
    }
}
