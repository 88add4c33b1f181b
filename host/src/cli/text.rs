//! Text for terminals. What comes with telemetry, plugins and files is a stranger's: it must not move the cursor, set
//! the title, hide or fake lines, or turn the direction of writing.

use std::{borrow::Cow, io};

use serde_json::ser::{CompactFormatter, Formatter};

use crate::api::rfc3339;

/// Whether a terminal might do something else with a character than show it.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // Marks and overrides of direction, separators of lines, invisible characters, tags.
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(|c| is_harmful(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut harmless = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_harmful(c) && !keep(c) {
            harmless.extend(c.escape_unicode());
        } else {
            harmless.push(c);
        }
    }
    Cow::Owned(harmless)
}

/// One line: everything harmful is shown as `\u{…}`, ends of lines and tabs, too.
pub(super) fn line(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// Several lines: ends of lines and tabs stay.
pub(super) fn lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n' || c == '\t')
}

/// One line of at most `limit` characters.
pub(super) fn short(text: &str, limit: usize) -> String {
    let line = line(text);
    match line.char_indices().nth(limit) {
        Some(_) => line.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
        None => line.into_owned(),
    }
}

/// A time as people read it, such as `2026-11-23 12:00:05Z`; `-` if it is unknown.
pub(super) fn time(nanoseconds: u64) -> String {
    api_time(rfc3339(nanoseconds).as_deref())
}

/// The same for a time as the API writes it.
pub(super) fn api_time(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    match (text.get(..10), text.get(11..19)) {
        (Some(date), Some(time)) => format!("{date} {time}Z"),
        _ => "-".to_owned(),
    }
}

/// JSON in which every harmful character is escaped: JSON demands that of some only.
pub(super) struct HarmlessJson;

impl Formatter for HarmlessJson {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_harmful(*c)) {
            let (before, after) = rest.split_at(at);
            CompactFormatter.write_string_fragment(writer, before)?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = after.get(c.len_utf8()..).unwrap_or_default();
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;

    use super::*;

    fn json(text: &str) -> String {
        let mut bytes = Vec::new();
        text.serialize(&mut serde_json::Serializer::with_formatter(
            &mut bytes,
            HarmlessJson,
        ))
        .unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn escape_sequences_are_shown_not_obeyed() {
        assert_eq!(line("\x1b]0;owned\x07 \x1b[2J"), r"\u{1b}]0;owned\u{7} \u{1b}[2J");
        assert_eq!(line("a\r\nb\tc"), r"a\u{d}\u{a}b\u{9}c");
        assert_eq!(
            line("\u{9b}31m \u{202e}evil \u{200b}"),
            r"\u{9b}31m \u{202e}evil \u{200b}"
        );
        assert_eq!(lines("a\n\tb\r\x1b"), "a\n\tb\\u{d}\\u{1b}");
        assert_eq!(line("Grüße 🦀"), "Grüße 🦀");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(short("Grüße", 5), "Grüße");
        assert_eq!(short("Grüße!", 5), "Grüß…");
    }

    #[test]
    fn times_are_short_and_utc() {
        assert_eq!(time(1_795_435_205_000_000_001), "2026-11-23 12:00:05Z");
        assert_eq!(time(0), "-");
        assert_eq!(
            api_time(Some("2026-11-23T12:00:05.000000001Z")),
            "2026-11-23 12:00:05Z"
        );
        assert_eq!(api_time(None), "-");
    }

    proptest! {
        #[test]
        fn nothing_harmful_is_left(text in any::<String>()) {
            prop_assert!(!line(&text).contains(is_harmful));
            prop_assert!(!lines(&text).contains(|c| is_harmful(c) && c != '\n' && c != '\t'));
        }

        #[test]
        fn json_is_harmless_and_says_the_same(text in any::<String>()) {
            let written = json(&text);
            prop_assert!(!written.contains(is_harmful));
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
