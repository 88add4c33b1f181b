//! How text gets into the page, and the only place that vouches for markup.
//!
//! Templates escape what they are given; a [`Text`] moreover cuts what is too long, and shows what hides. Every text of
//! the report is given to a template as one of these.

use maud::{Markup, PreEscaped, Render};

use crate::hidden::{is_hidden, push_visible};
use crate::limits::{BLOCK, INNER_BYTES, SENTENCE, SHORT, VALUE};

/// A text of strangers. It means the same between tags and in an attribute.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    text: &'a str,
    most: usize,
    keep_lines: bool,
}

/// A name, a title, a cell: one line.
pub(crate) fn short(text: &str) -> Text<'_> {
    Text {
        text,
        most: SHORT,
        keep_lines: false,
    }
}

/// A sentence: one line.
pub(crate) fn sentence(text: &str) -> Text<'_> {
    Text {
        text,
        most: SENTENCE,
        keep_lines: false,
    }
}

/// A value, whose lines stay lines.
pub(crate) fn value(text: &str) -> Text<'_> {
    Text {
        text,
        most: VALUE,
        keep_lines: true,
    }
}

/// Lines.
pub(crate) fn block(text: &str) -> Text<'_> {
    Text {
        text,
        most: BLOCK,
        keep_lines: true,
    }
}

impl Render for Text<'_> {
    fn render_to(&self, out: &mut String) {
        let text = if self.keep_lines {
            self.text
        } else {
            self.text.trim()
        };
        let mut letters = text.chars().peekable();
        let mut written = 0_usize;
        while let Some(letter) = letters.next() {
            if written == self.most {
                let left = letters.count() + 1;
                out.push_str(&format!("… ({left} more characters)"));
                return;
            }
            written += 1;
            match letter {
                '\n' | '\t' if self.keep_lines => out.push(letter),
                // A line ends with one letter.
                '\r' if self.keep_lines && letters.peek() == Some(&'\n') => {}
                _ if letter.is_whitespace() && !self.keep_lines => {
                    if !letters.peek().is_some_and(|next| next.is_whitespace()) {
                        out.push(' ');
                    }
                }
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                _ if is_hidden(letter) => push_visible(out, letter),
                _ => out.push(letter),
            }
        }
    }
}

/// A list as far as it is printed.
pub(crate) struct Listed {
    /// What is printed.
    pub(crate) body: Markup,
    /// How many more there are.
    pub(crate) more: usize,
}

/// Renders the first `most` items, and no further ones once there are so many bytes.
pub(crate) fn list<T>(
    items: impl IntoIterator<Item = T>,
    most: usize,
    bytes: usize,
    mut render: impl FnMut(T) -> Markup,
) -> Listed {
    let mut body = String::new();
    let mut printed = 0;
    let mut items = items.into_iter();
    while printed < most && body.len() < bytes {
        let Some(item) = items.next() else { break };
        render(item).render_to(&mut body);
        printed += 1;
    }
    Listed {
        body: PreEscaped(body),
        more: items.count(),
    }
}

/// A list within a list.
pub(crate) fn inner_list<T>(
    items: impl IntoIterator<Item = T>,
    most: usize,
    render: impl FnMut(T) -> Markup,
) -> Listed {
    list(items, most, INNER_BYTES, render)
}

/// An address, if it is one that a browser may be sent to: `http` or `https`, a host without a user, nothing but what
/// addresses are made of.
pub(crate) fn web_address(text: &str) -> Option<&str> {
    let text = text.trim();
    let rest = ["http://", "https://"].iter().find_map(|scheme| {
        let start = text.get(..scheme.len())?;
        start
            .eq_ignore_ascii_case(scheme)
            .then(|| text.get(scheme.len()..))?
    })?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (name, port) = host.split_once(':').unwrap_or((host, "1"));
    let is_name = |name: &str| {
        let letters = name.bytes();
        !name.is_empty()
            && !name.starts_with(['.', '-'])
            && !name.contains("..")
            && letters
                .into_iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    };
    let is_port =
        port.parse::<u16>().is_ok_and(|port| port > 0) && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = rest
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&byte));
    (is_name(name) && is_port && is_plain && text.len() <= 2_000).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: Text<'_>) -> String {
        text.render().into_string()
    }

    #[test]
    fn text_means_nothing_but_itself() {
        let cases = [
            (
                "<b a=\"1\" c='2'>&amp;",
                "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;",
            ),
            (" a \r\n\t b\u{2028}c ", "a b c"),
            ("a\u{202e}b\u{0}c\u{200b}", "a⟦U+202E⟧b⟦U+0000⟧c⟦U+200B⟧"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(rendered(short(text)), expected, "{text:?}");
        }
        assert_eq!(
            rendered(block("a\r\n\tb\rc\u{85}\n")),
            "a\n\tb⟦U+000D⟧c⟦U+0085⟧\n"
        );
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(rendered(short(&"ä".repeat(300))), "ä".repeat(300));
        assert_eq!(
            rendered(short(&"<".repeat(302))),
            format!("{}… (2 more characters)", "&lt;".repeat(300))
        );
    }

    #[test]
    fn lists_end() {
        let all = |most, bytes| {
            let listed = list(0..10, most, bytes, |number| maud::html! { (number) });
            (listed.body.into_string(), listed.more)
        };
        assert_eq!(all(20, 100), ("0123456789".to_owned(), 0));
        assert_eq!(all(3, 100), ("012".to_owned(), 7));
        assert_eq!(all(20, 4), ("0123".to_owned(), 6));
    }

    #[test]
    fn only_addresses_of_the_web_are_linked() {
        for good in [
            "https://ci.example.com/run/17?x=1&y=%20#a",
            "HTTP://localhost:8080",
            "http://10.0.0.1/",
        ] {
            assert_eq!(web_address(good), Some(good));
        }
        for bad in [
            "",
            "javascript:alert(1)",
            "data:text/html,x",
            "//example.com",
            "https:example.com",
            "https://",
            "https://user@example.com/",
            "https://example.com:80:80/",
            "https://example.com:+80/",
            "https://example.com:0/",
            "https://exa mple.com/",
            "https://example.com/\"onload=x",
            "https://example.com/\u{202e}x",
            "https://ex\u{e4}mple.com/",
            "https://.example.com/",
            "java\nscript://x",
        ] {
            assert_eq!(web_address(bad), None, "{bad:?}");
        }
    }
}
