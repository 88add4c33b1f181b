//! A whole document.

use aia_plugin_report::Markdown;
use aia_plugin_sdk::Reporter;

use crate::report::report;

#[test]
fn a_whole_document() {
    let document =
        Markdown::render(&report(&str::to_owned), "text/markdown", "for jane, 2023-11-14").unwrap();
    assert_eq!(document.media_type, "text/markdown; charset=utf-8");
    insta::assert_snapshot!(String::from_utf8(document.bytes).unwrap(), @"");
}
