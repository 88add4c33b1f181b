//! Hostile text in every field, read back by a Markdown parser with all of GitHub's extensions.

use aia_plugin_report::IncidentReport;
use aia_plugin_sdk::Reporter;
use proptest::prelude::*;
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag};

use crate::report::report;

/// What a document consists of, texts left out.
fn structure(markdown: &str) -> Vec<String> {
    let mut structure = Vec::new();
    for event in Parser::new_ext(markdown, Options::all()) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => panic!("HTML: {html}"),
            Event::Start(Tag::Image { dest_url, .. }) => panic!("an image: {dest_url}"),
            Event::Start(Tag::Link { dest_url, .. }) => {
                let number = dest_url.strip_prefix("#e").and_then(|number| number.parse().ok());
                assert!(
                    number.is_some_and(|number: usize| (1..=22).contains(&number)),
                    "a link that isn't ours: {dest_url}"
                );
                structure.push(dest_url.to_string());
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                assert!(
                    matches!(&kind, CodeBlockKind::Fenced(info) if &**info == "text"),
                    "{kind:?}"
                );
                structure.push("code block".into());
            }
            Event::Start(Tag::Heading { level, .. }) => {
                assert!(level <= HeadingLevel::H3);
                structure.push(format!("{level}"));
            }
            Event::Start(tag) => structure.push(format!("{tag:?}").split(['(', ' ']).next().unwrap().into()),
            Event::Code(code) => panic!("code: {code}"),
            Event::InlineMath(math) | Event::DisplayMath(math) => panic!("mathematics: {math}"),
            Event::Text(_) | Event::End(_) | Event::SoftBreak => {}
            other => structure.push(format!("{other:?}")),
        }
    }
    structure
}

/// Texts that mean something somewhere.
pub(crate) const TRICKS: &[&str] = &[
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![a](http://evil/x.png)",
    "[a](javascript:1)",
    "[a][b]\n\n[b]: http://evil",
    "<http://evil>",
    "http://evil.example www.evil.example me@evil.example",
    "a | b | c\n|---|---|\n",
    "\n# heading\n",
    "\n\n- list\n",
    "1. one\n2. two",
    "> quote",
    "```\ncode\n```",
    "~~~",
    "`code`",
    "$x$ $$y$$",
    "*a* **b** _c_ ~~d~~",
    "a\n===",
    "a\n---",
    "[^1]\n\n[^1]: note",
    "&lt;b&gt; &#60;",
    "\\",
    "\\\n",
    "\u{202e}gpj.exe",
    "\u{0}\u{1b}[31m",
    "- [ ] task",
    ":::",
    "{.class #id}",
    "    indented",
    "\tindented",
    "[[wiki]]",
    "==mark==",
    "^sup^",
    "term\n: definition",
    "--- --- ---",
    "+++\ntitle\n+++",
    "[!NOTE]",
    "# {#a}",
    "\r# a",
    "\u{2028}# a",
    "\u{85}# a",
    "+",
    "-",
    "*",
    "1)",
    "````````````",
    "</title></style><script>alert(1)</script>",
    "\" onmouseover=\"alert(1)",
    "' style='background:url(http://evil)",
    "<svg onload=alert(1)>",
    "</text></svg><iframe src=//evil>",
    "--></desc><!--",
    "<![CDATA[<b>]]>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "{{constructor}} ${x} <%= x %>",
];

fn render(text: &dyn Fn(&str) -> String, watermark: &str) -> String {
    let document = IncidentReport::render(&report(text), "text/markdown", watermark).unwrap();
    String::from_utf8(document.bytes).unwrap()
}

fn check(hostile: &str) {
    // What is left of a text matters little here; that it leaves the document's structure as it is, much. An `x` in
    // front and behind keeps rows that are left out where they are empty.
    let watermark = format!("x{hostile}x");
    for wrap in [format!("x{hostile}x"), format!("{hostile}x")] {
        let markdown = render(&|_| wrap.clone(), &watermark);
        // Values of several lines are set as blocks, others as rows.
        let plain = if hostile.contains('\n') { "x\nx" } else { "x" };
        let expected = structure(&render(&|_| plain.into(), "x"));
        assert_eq!(structure(&markdown), expected, "{hostile:?}\n{markdown}");
        assert!(
            markdown
                .chars()
                .all(|letter| letter == '\n' || letter == '\t' || !letter.is_control())
        );
        assert!(!markdown.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}']));
    }
}

#[test]
fn known_tricks_fail() {
    for trick in TRICKS {
        check(trick);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_but_text_comes_of_text(hostile in r#"([<>\[\]()!`*_~#|\\&:/."'=+$^{}@ \n\r\t-]|[a-z0-9]|\PC|\p{C}){0,40}"#) {
        check(&hostile);
    }
}

#[test]
fn other_formats_are_refused() {
    let error = IncidentReport::render(&report(&str::to_owned), "application/pdf", "").unwrap_err();
    assert_eq!(
        error,
        "can't render `application/pdf`, only `text/markdown` and `text/html`"
    );
}
