//! The HTML document, read back by a parser of browsers' rules.

use std::collections::BTreeSet;

use aia_plugin_report::IncidentReport;
use aia_plugin_sdk::Reporter;
use aia_plugin_sdk::Severity;
use aia_plugin_sdk::reporter::{Report, State, TimeRange, TraceIdHalves};
use proptest::prelude::*;
use scraper::{ElementRef, Html, Selector};

use crate::hostile::TRICKS;
use crate::report::{START, report};

/// Every element and the attributes it may have.
const ELEMENTS: &[(&str, &[&str])] = &[
    ("a", &["class", "href", "rel", "title"]),
    ("article", &["class", "id"]),
    ("b", &[]),
    ("bdi", &[]),
    ("body", &[]),
    ("br", &[]),
    ("caption", &[]),
    ("circle", &["class", "cx", "cy", "r"]),
    ("code", &[]),
    ("dd", &[]),
    ("del", &[]),
    ("desc", &["id"]),
    ("details", &["class", "open"]),
    ("div", &["class", "tabindex", "role", "aria-label", "aria-hidden"]),
    ("dl", &["class"]),
    ("dt", &[]),
    ("figcaption", &[]),
    ("figure", &["class"]),
    ("footer", &[]),
    ("h1", &[]),
    ("h2", &["id"]),
    ("h3", &[]),
    ("head", &[]),
    ("header", &[]),
    ("html", &["lang"]),
    ("ins", &[]),
    ("li", &["class"]),
    ("line", &["class", "x1", "x2", "y1", "y2"]),
    ("link", &["href", "rel"]),
    ("main", &["id"]),
    ("meta", &["charset", "content", "http-equiv", "name"]),
    ("nav", &["aria-label"]),
    ("ol", &["class"]),
    ("p", &["class"]),
    ("path", &["class", "d"]),
    ("pre", &["tabindex"]),
    ("rect", &["class", "height", "width", "x", "y"]),
    ("section", &["aria-labelledby", "id"]),
    ("span", &["aria-hidden", "class"]),
    ("strong", &[]),
    ("style", &[]),
    ("summary", &[]),
    (
        "svg",
        &[
            "aria-hidden",
            "aria-labelledby",
            "class",
            "preserveAspectRatio",
            "role",
            "viewBox",
        ],
    ),
    ("table", &["class"]),
    ("tbody", &[]),
    ("td", &["class", "colspan"]),
    ("text", &["class", "text-anchor", "x", "y"]),
    ("th", &["class", "colspan", "scope"]),
    ("thead", &[]),
    ("time", &["datetime"]),
    ("title", &["id"]),
    ("tr", &["class"]),
    ("ul", &["aria-label", "class"]),
];

fn html(report: &Report, watermark: &str) -> String {
    let document = IncidentReport::render(report, "text/html", watermark).unwrap();
    assert_eq!(document.media_type, "text/html; charset=utf-8");
    String::from_utf8(document.bytes).unwrap()
}

/// Checks what holds for every page and gives its elements, texts left out.
fn structure(html: &str) -> Vec<String> {
    let page = Html::parse_document(html);
    assert_eq!(page.errors, Vec::<String>::new());
    let mut structure = Vec::new();
    let mut ids = BTreeSet::new();
    let mut links = BTreeSet::new();
    for element in page.tree.nodes().filter_map(ElementRef::wrap) {
        let name = element.value().name();
        let (_, allowed) = ELEMENTS
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("an element that isn't ours: {}", element.html()));
        let mut line = name.to_owned();
        for (attribute, value) in element.value().attrs() {
            assert!(allowed.contains(&attribute), "{attribute} at {name}");
            match attribute {
                "id" => assert!(ids.insert(value.to_owned()), "{value} is there twice"),
                "href" if value == "data:," => assert_eq!(name, "link"),
                "href" => match value.strip_prefix('#') {
                    Some(id) => {
                        links.insert(id.to_owned());
                    }
                    None => {
                        assert!(value.starts_with("https://ci.example.com/"), "{value}");
                        assert_eq!(element.attr("rel"), Some("noopener noreferrer nofollow"));
                    }
                },
                _ => {}
            }
            if attribute != "title" {
                line.push_str(&format!(" {attribute}={value}"));
            }
        }
        // Marks within lines follow the lines' text.
        if !["b", "ins", "del"].contains(&name) {
            structure.push(line);
        }
    }
    assert!(links.is_subset(&ids), "{:?}", links.difference(&ids));
    assert_eq!(select(&page, "style").len(), 1);
    structure
}

fn select<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn text_of(html: &str, selector: &str) -> String {
    let page = Html::parse_document(html);
    let texts: Vec<String> = select(&page, selector)
        .into_iter()
        .map(|element| element.text().collect::<String>())
        .collect();
    texts.join("\n").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn check(hostile: &str) {
    let wrap = format!("x{hostile}x");
    let html = html(&report(&|_| wrap.clone()), &wrap);
    // Values of several lines are set as blocks, others as rows.
    let plain = if hostile.contains('\n') { "x\nx" } else { "x" };
    let expected = self::html(&report(&|_| plain.into()), "x");
    assert_eq!(structure(&html), structure(&expected), "{hostile:?}");
    assert!(
        html.chars()
            .all(|letter| letter == '\n' || letter == '\t' || !letter.is_control())
    );
    assert!(!html.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}']));
}

#[test]
fn known_tricks_fail() {
    for trick in TRICKS {
        check(trick);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_but_text_comes_of_text(hostile in r#"([<>\[\]()!`*_~#|\\&:/."'=+$^{}@ \n\r\t-]|[a-z0-9]|\PC|\p{C}){0,40}"#) {
        check(&hostile);
    }
}

#[test]
fn every_text_is_there_as_it_was() {
    let html = html(&report(&|text| format!("<i>&amp;\"'</i> {text}")), "<i>mark</i>");
    let text = text_of(&html, "body");
    let plain = text_of(&self::html(&report(&str::to_owned), "<i>mark</i>"), "body");
    assert!(text.contains("<i>mark</i>"));
    // Everything but the names and values that are read, and what only attributes have.
    assert!(text.matches("<i>&amp;\"'</i> ").count() > 150);
    for wanted in [
        "inc-7f3a09c2e1b4",
        "gateway",
        "com.shop.CardDeclined, “card 4711 declined”",
        "4.062 error/s",
        "Cards.java:88",
        "POST /charge of payment is slow",
        "by jane@example.com",
        "begin in payment itself",
        "queue.length of ledger",
        "if (card.limit() < amount) {",
        "at com.shop.payment.Cards.charge(Cards.java:88)",
    ] {
        assert!(plain.contains(wanted), "{wanted}");
    }
    // Nanoseconds of what stands there for people are hidden.
    assert!(!plain.contains("duration.p95_ns") && !plain.contains("1180000000"));
}

#[test]
fn a_page_has_its_parts() {
    let html = html(&report(&str::to_owned), "for jane");
    structure(&html);
    let page = Html::parse_document(&html);
    let headings: Vec<String> = select(&page, "h2")
        .iter()
        .map(|heading| heading.text().collect())
        .collect();
    let expected = [
        "What happened",
        "Suspects",
        "Timeline",
        "Charts",
        "Example trace",
        "Signals",
        "Stack trace",
        "Evidence",
    ];
    assert_eq!(headings, expected);
    assert_eq!(select(&page, "nav a").len(), expected.len());
    assert_eq!(
        select(
            &page,
            "html[lang=en], main, h1, body > header, body > footer, a.skip"
        )
        .len(),
        6
    );
    let policy = select(&page, "meta[http-equiv=Content-Security-Policy]")[0];
    let policy = policy.attr("content").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"));
    assert_eq!(
        select(&page, "title")[0].text().collect::<String>(),
        "high: CardDeclined in payment (POST /charge): card 4711 declined"
    );
    // Every column and row says what it heads, every drawing what it shows.
    assert!(
        select(&page, "th")
            .iter()
            .all(|cell| cell.attr("scope").is_some())
    );
    for drawing in select(&page, "svg") {
        let named = drawing.attr("role") == Some("img") && drawing.attr("aria-labelledby").is_some();
        assert!(
            named || drawing.attr("aria-hidden") == Some("true"),
            "{}",
            drawing.html()
        );
    }
    assert_eq!(select(&page, "figure.chart").len(), 4);
    assert_eq!(select(&page, "figure.chart details table").len(), 4);
    assert_eq!(select(&page, ".watermark").len(), 1);
}

#[test]
fn every_statement_links_to_its_evidence() {
    let html = html(&report(&str::to_owned), "");
    let page = Html::parse_document(&html);
    let statements = select(&page, "ul.statements > li");
    assert_eq!(statements.len(), 10);
    let link = Selector::parse("a.ref").unwrap();
    for statement in statements {
        assert!(statement.select(&link).next().is_some(), "{}", statement.html());
    }
    assert!(!html.contains("ev-nowhere"));
}

#[test]
fn verdicts_say_what_they_mean() {
    let html = html(&report(&str::to_owned), "");
    let verdicts = text_of(&html, ".verdict h3");
    assert_eq!(
        verdicts,
        "A cause was found Not enough evidence No cause in the code"
    );
    let told = text_of(&html, "#what");
    assert!(told.contains("1 claim was dropped"));
    assert!(told.contains("… and 1 older conclusion."));
    let suspects = text_of(&html, "#suspects");
    assert!(
        suspects.contains("1 payment · POST /charge · release 1.1 Cards.java:88 72 %"),
        "{suspects}"
    );
    assert!(suspects.contains("none is shown to be the cause"));
}

#[test]
fn changes_are_marked_in_timeline_and_charts() {
    let html = html(&report(&str::to_owned), "");
    let timeline = text_of(&html, "#timeline");
    // One stands only in the evidence.
    assert!(timeline.contains("C1 change flag new-ledger on E5"), "{timeline}");
    assert!(timeline.contains("C2 change deploy of payment 1.1 by jane details of the change E3"));
    let page = Html::parse_document(&html);
    assert_eq!(select(&page, "svg line.mark").len(), 2 * 4);
    assert_eq!(
        select(
            &page,
            "#timeline a[href='https://ci.example.com/shop/payment/runs/1721']"
        )
        .len(),
        1
    );
    assert_eq!(select(&page, "svg rect.window").len(), 4);
}

#[test]
fn lines_break_where_nothing_was_measured() {
    let html = html(&report(&str::to_owned), "");
    let page = Html::parse_document(&html);
    let curves = select(&page, "figure.chart path.curve");
    assert_eq!(curves.len(), 6);
    for curve in curves {
        assert_eq!(curve.attr("d").unwrap().matches('M').count(), 2);
    }
    assert!(text_of(&html, "#charts").contains("Nothing was measured for: Retries of ledger."));
}

#[test]
fn the_trace_is_a_tree() {
    let html = html(&report(&str::to_owned), "");
    let page = Html::parse_document(&html);
    assert_eq!(select(&page, ".waterfall tbody tr").len(), 14);
    assert_eq!(select(&page, ".waterfall tr.failed").len(), 4);
    let trace = text_of(&html, "#trace");
    assert!(trace.contains("14 spans"), "{trace}");
    assert!(
        trace.contains("payment GET /rates E22 (its parent isn't here)"),
        "{trace}"
    );
    assert_eq!(
        text_of(&html, ".waterfall .d0"),
        "✕ error gateway POST /checkout E10 payment GET /rates E22 (its parent isn't here)"
    );
}

#[test]
fn own_frames_are_marked() {
    let html = html(&report(&str::to_owned), "");
    assert_eq!(
        text_of(&html, "#stack pre b"),
        "▸ at com.shop.payment.Cards.charge(Cards.java:88) ▸ at com.shop.payment.Checkout.pay(Checkout.java:41)"
    );
}

#[test]
fn nothing_known_is_said_so() {
    let empty = Report {
        incident: String::new(),
        title: " \n".into(),
        state: State::Resolved,
        severity: Severity::Low,
        service: String::new(),
        operation: String::new(),
        release: String::new(),
        affected: Vec::new(),
        during: TimeRange {
            start: START,
            end: START,
        },
        summary: Vec::new(),
        signals: Vec::new(),
        conclusions: Vec::new(),
        timeline: Vec::new(),
        charts: Vec::new(),
        exemplar: TraceIdHalves { high: 1, low: 1 },
        evidence: Vec::new(),
        as_of: 0,
    };
    let html = html(&empty, "");
    structure(&html);
    assert_eq!(text_of(&html, "h1"), "Incident");
    assert_eq!(
        text_of(&html, "nav a"),
        "What happened Suspects Timeline Signals Evidence"
    );
    let main = text_of(&html, "main");
    for wanted in [
        "Nothing has been said",
        "No analyst has concluded",
        "Nothing is suspected",
        "Nothing has happened",
        "None.",
    ] {
        assert!(main.contains(wanted), "{wanted}");
    }
    let markdown = IncidentReport::render(&empty, "text/markdown", "").unwrap();
    assert!(
        String::from_utf8(markdown.bytes)
            .unwrap()
            .starts_with("# Incident\n")
    );
}
