//! The hash, and that text can be read on its ground in both schemes.

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use super::*;

#[test]
fn the_policy_knows_the_sheet() {
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(SHEET.0));
    assert_eq!(
        hash!(),
        format!("sha256-{digest}"),
        "style.css has changed: write its hash into style.rs"
    );
}

/// The values of a palette's custom properties, by name, from the text behind `begin`.
fn colour(begin: &str, name: &str) -> [f64; 3] {
    let sheet = SHEET.0.split_once(begin).unwrap().1;
    let palette = sheet.split_once('}').unwrap().0;
    let value = palette.split_once(&format!("--{name}: #")).unwrap().1;
    [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&value[at..at + 2], 16).unwrap()) / 255.0)
}

/// Relative luminance as WCAG 2.2 defines it.
fn luminance(colour: [f64; 3]) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        if part <= 0.04045 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn colours_have_the_contrast_of_wcag_aa() {
    let black_on_white = contrast([0.0; 3], [1.0; 3]);
    assert!((black_on_white - 21.0).abs() < 1e-9);
    // Text needs 4.5, what is drawn 3.
    let texts = [
        ("ink", "page surface raised medium-tint"),
        ("quiet", "page surface raised medium-tint"),
        ("link", "page surface raised medium-tint"),
        ("critical", "critical-tint surface"),
        ("high", "high-tint surface raised"),
        ("medium", "medium-tint surface"),
        ("low", "low-tint surface"),
        ("added", "surface raised"),
        ("removed", "surface raised"),
        ("mark", "surface window"),
        ("window-edge", "surface window"),
    ];
    let drawn = [
        ("l0 l1 l2 l3 l4 l5 axis", "surface window"),
        ("mark window-edge critical", "surface"),
        ("l0", "raised"),
    ];
    for begin in [":root {", "(prefers-color-scheme: dark) {"] {
        for (pairs, least) in [(texts.as_slice(), 4.5), (drawn.as_slice(), 3.0)] {
            for (inks, grounds) in pairs {
                for (ink, ground) in inks
                    .split(' ')
                    .flat_map(|ink| grounds.split(' ').map(move |ground| (ink, ground)))
                {
                    let ratio = contrast(colour(begin, ink), colour(begin, ground));
                    assert!(
                        ratio >= least,
                        "{ink} on {ground} in {begin}: {ratio:.2}, not {least}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_dark_is_of_screens_and_paper_has_rules() {
    let sheet = SHEET.0;
    assert!(sheet.contains("@media screen and (prefers-color-scheme: dark)"));
    let print = sheet.split_once("@media print {").unwrap().1;
    for rule in [
        "@page",
        "break-inside: avoid",
        "details-content",
        "nav, .skip { display: none; }",
    ] {
        assert!(print.contains(rule), "{rule}");
    }
    // Nothing is fetched, and the sheet can't end its element.
    assert!(!sheet.contains("url(") && !sheet.contains("@import") && !sheet.contains("</"));
}
