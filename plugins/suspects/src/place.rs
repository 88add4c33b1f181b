//! Where in the code a log record was written.

use aia_plugin_sdk::analyst::Item;

use crate::names::clip;

/// Words at the start of a record's text among which a place is looked for.
const WORDS: usize = 4;

/// How long a place's name may be, in bytes.
const MAX_BYTES: usize = 120;

/// How much of a text without a place names its template, in bytes.
const TEMPLATE_BYTES: usize = 80;

/// Endings of source files.
const SOURCES: [&str; 16] = [
    "c", "cc", "cpp", "cs", "ex", "go", "java", "js", "kt", "php", "py", "rb", "rs", "scala", "swift", "ts",
];

/// The mark of a name that is a template and no place.
const TEMPLATE: char = '\u{1}';

/// A name for where a log record was written: `path:line` or `Class:line` if the record tells, else its text without
/// what varies, marked so that [`code`] tells them apart.
pub(crate) fn place(item: &Item) -> String {
    from_attributes(item)
        .or_else(|| from_text(item.text("body")))
        .unwrap_or_else(|| template(item.text("body")))
}

/// The place as code; empty for a template.
pub(crate) fn code(place: &str) -> &str {
    if place.starts_with(TEMPLATE) { "" } else { place }
}

fn from_attributes(item: &Item) -> Option<String> {
    let first = |names: [&str; 2]| {
        names
            .into_iter()
            .find_map(|name| item.field(name))
            .filter(|value| !value.is_empty())
    };
    let path = first(["code.file.path", "code.filepath"]);
    let function = first(["code.function.name", "code.function"]);
    let line = first(["code.line.number", "code.lineno"]);
    match (path.or(function), line) {
        (Some(path), Some(line)) => Some(format!("{}:{}", clip(path, MAX_BYTES), clip(line, 8))),
        (None, _) => None,
        (Some(_), None) => function.map(|function| clip(function, MAX_BYTES).to_owned()),
    }
}

/// Finds `Class#12`, `pkg.Class:12` or `file.go:12` among the first words, as loggers print them.
fn from_text(body: &str) -> Option<String> {
    let words = clip(body, 4 * MAX_BYTES).split_whitespace().take(WORDS);
    words
        .map(|word| word.trim_matches(&['[', ']', '(', ')', ',', ';', ':'][..]))
        .find_map(from_word)
}

fn from_word(word: &str) -> Option<String> {
    let (name, line) = word.rsplit_once(['#', ':'])?;
    let is_line = (1..=6).contains(&line.len()) && line.bytes().all(|byte| byte.is_ascii_digit());
    let is_hash = word.as_bytes().get(name.len()) == Some(&b'#');
    let last = name.rsplit(['.', '/', '\\']).next()?;
    let is_source = name.contains('.') && SOURCES.contains(&last);
    let is_class = last.chars().next().is_some_and(char::is_uppercase) || is_hash;
    let has_letter = name.chars().any(char::is_alphabetic);
    let is_place =
        is_line && has_letter && name.len() <= MAX_BYTES && (is_source || is_class) && !name.contains("://");
    is_place.then(|| format!("{name}:{line}"))
}

fn template(body: &str) -> String {
    let mut template = String::from(TEMPLATE);
    for word in clip(body, 4 * TEMPLATE_BYTES).split_whitespace() {
        if template.len() > TEMPLATE_BYTES {
            break;
        }
        let varies = word.chars().any(char::is_numeric) || word.len() > 40;
        template.push_str(if varies { "*" } else { word });
        template.push(' ');
    }
    template
}

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::testing::TestItem;

    use super::*;

    fn of(body: &str) -> String {
        place(&TestItem::log("pay", 1, 9, body).build("ev-1"))
    }

    #[test]
    fn stands_at_the_start_of_the_text() {
        assert_eq!(
            of("c.s.ContactsServiceImpl#31 FIND CONTACTS"),
            "c.s.ContactsServiceImpl:31"
        );
        assert_eq!(of("INFO [com.shop.Pay:12] charged"), "com.shop.Pay:12");
        assert_eq!(of("cart/handler.go:77 added"), "cart/handler.go:77");
        assert_eq!(
            of("o.a.c.c.C.[.[.[.[dispatcherServlet]#175 threw"),
            "o.a.c.c.C.[.[.[.[dispatcherServlet:175".replace("Servlet:", "Servlet]:")
        );
    }

    #[test]
    fn other_text_is_a_template() {
        for (body, expected) in [
            ("db.example.com:5432 refused", "* refused "),
            ("at 12:30 user 7 left", "at * user * left "),
            ("http://Shop:80 is up", "* is up "),
            ("", ""),
        ] {
            assert_eq!(of(body), format!("{TEMPLATE}{expected}"));
            assert_eq!(code(&of(body)), "");
        }
    }

    #[test]
    fn attributes_win() {
        let item = TestItem::log("pay", 1, 9, "Pay#1 x")
            .field("code.filepath", "src/pay.rs")
            .field("code.lineno", 9);
        assert_eq!(place(&item.build("ev-1")), "src/pay.rs:9");
        let item = TestItem::log("pay", 1, 9, "x").field("code.function.name", "pay::charge");
        assert_eq!(place(&item.build("ev-1")), "pay::charge");
    }
}
