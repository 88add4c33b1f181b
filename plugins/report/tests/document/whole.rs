//! Whole documents.

use aia_plugin_report::IncidentReport;
use aia_plugin_sdk::Reporter;

use crate::report::report;

#[test]
fn a_whole_markdown_document() {
    let document =
        IncidentReport::render(&report(&str::to_owned), "text/markdown", "for jane, 2023-11-14").unwrap();
    assert_eq!(document.media_type, "text/markdown; charset=utf-8");
    insta::assert_snapshot!(String::from_utf8(document.bytes).unwrap());
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    for format in ["text/markdown", "Text/HTML; charset=utf-8"] {
        let render = || {
            IncidentReport::render(&report(&str::to_owned), format, "for jane")
                .unwrap()
                .bytes
        };
        assert_eq!(render(), render());
    }
}
