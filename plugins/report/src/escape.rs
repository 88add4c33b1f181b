//! Text of strangers as Markdown: nothing in it means anything but itself.
//!
//! Every ASCII punctuation mark that could begin a construct is escaped by a backslash, which Markdown allows
//! for all of them; whitespace of every kind becomes one space, so that no line can be begun; control characters and
//! those that change the direction of writing or take no room are shown as what they are.

use crate::hidden::{is_hidden, push_visible};

/// One line of text for a paragraph, a heading, a list item or a table's cell.
pub(crate) fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut letters = text.trim().chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        match letter {
            _ if letter.is_whitespace() => {
                if !next.is_some_and(char::is_whitespace) {
                    out.push(' ');
                }
            }
            // As entities they start no tag even for readers that know no backslashes.
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            _ if is_hidden(letter) => push_visible(&mut out, letter),
            ':' if out.is_empty() || next == Some('/') || ends_with_scheme(&out) => out.push_str("&#58;"),
            '.' if (is_number(&out) && next.is_none_or(char::is_whitespace)) || ends_with(&out, "www") => {
                out.push_str("&#46;");
            }
            '@' => out.push_str("&#64;"),
            '-' | '=' | '+' if out.is_empty() => {
                out.push('\\');
                out.push(letter);
            }
            _ if "-,;/'\"?%:.=+".contains(letter) => out.push(letter),
            _ if letter.is_ascii_punctuation() => {
                out.push('\\');
                out.push(letter);
            }
            _ => out.push(letter),
        }
    }
    out
}

/// Whether nothing but a number came so far, which a dot would make a list's.
fn is_number(out: &str) -> bool {
    !out.is_empty() && out.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a colon would make a link for readers that link bare addresses, as GitHub does.
fn ends_with_scheme(out: &str) -> bool {
    ends_with(out, "mailto") || ends_with(out, "xmpp")
}

fn ends_with(out: &str, word: &str) -> bool {
    let start = out.len().saturating_sub(word.len());
    out.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(word))
}

/// Lines of text for a fence: nothing there has a meaning but the fence's own end, so only what hides is shown.
pub(crate) fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.replace("\r\n", "\n").chars() {
        match letter {
            '\n' | '\t' => out.push(letter),
            _ if is_hidden(letter) => push_visible(&mut out, letter),
            _ => out.push(letter),
        }
    }
    out
}

/// A fenced block. The fence is longer than any run of backticks in the text.
pub(crate) fn fenced(text: &str) -> String {
    let text = lines(text);
    let longest = text
        .split(|letter| letter != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}text\n{text}{end}{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constructs_mean_nothing() {
        let cases = [
            ("<img src=x>", "&lt;img src=x&gt;"),
            ("[a](http://b)", "\\[a\\]\\(http&#58;//b\\)"),
            ("a|b\n\n# c", "a\\|b \\# c"),
            ("- list", "\\- list"),
            ("1. one", "1&#46; one"),
            ("1.5", "1.5"),
            ("`*_~", "\\`\\*\\_\\~"),
            ("&lt;", "&amp;lt;"),
            ("me@example.com", "me&#64;example.com"),
            ("at www.example.com:80, v1.2", "at www&#46;example.com:80, v1.2"),
            ("MAILTO:a", "MAILTO&#58;a"),
            (": a", "&#58; a"),
            ("a\u{202e}b\u{0}c", "a⟦U+202E⟧b⟦U+0000⟧c"),
            ("  ", ""),
            ("plain, text; isn't it?", "plain, text; isn't it?"),
        ];
        for (text, expected) in cases {
            assert_eq!(inline(text), expected, "{text:?}");
        }
    }

    #[test]
    fn fences_are_longer_than_any_run() {
        assert_eq!(fenced("a"), "```text\na\n```\n");
        assert_eq!(fenced("a ```` b\n"), "`````text\na ```` b\n`````\n");
        assert_eq!(fenced("\u{200b}\r\n\t"), "```text\n⟦U+200B⟧\n\t\n```\n");
    }
}
