//! Anchors: the few bytes that give a secret away, looked for in all texts of a request at once. Each hit is then looked at
//! by the matcher of its rule.
//!
//! The list is case-sensitive and has at most 64 entries of at least three bytes, because then the search runs as SIMD
//! (Teddy) where there is any, four times faster than the automaton. Names are written without their first letter, so that
//! two entries find `secret`, `Secret`, `SECRET` and `clientSecret`.

use aho_corasick::{AhoCorasick, MatchKind};

use super::RedactError;
use super::tokens::{TOKENS, Token};

/// What looks at a hit.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    /// The name of something secret: as an attribute's key, or followed by its value.
    Name,
    /// A key or token with a shape of its own.
    Token(&'static Token),
    /// `-----BEGIN `.
    Pem,
    /// `://`.
    Url,
    /// An authentication scheme and credentials.
    Scheme,
    /// `@`.
    Email,
}

/// Parts of the names in `secret_names.rs`.
const NAMES: &[&str] = &[
    "assw",
    "assW",
    "ASSW",
    "assph",
    "ASSPH",
    "pwd",
    "Pwd",
    "PWD",
    "ecret",
    "ECRET",
    "oken",
    "OKEN",
    "uthoriz",
    "UTHORIZ",
    "ookie",
    "OOKIE",
    "redential",
    "REDENTIAL",
    "pi_k",
    "PI_K",
    "pi-k",
    "pi-K",
    "PI-K",
    "piK",
    "pik",
    "ountKey",
    "dAccessKey",
    "ivate_k",
    "ivateK",
    "IVATE_K",
    "sig=",
];

const SCHEMES: &[&str] = &["earer ", "EARER ", "asic ", "ASIC "];

/// All anchors.
#[derive(Debug)]
pub(super) struct Anchors {
    automaton: AhoCorasick,
    anchors: Vec<Anchor>,
    /// The configured ones, which can be any number and are found in any case, but at the automaton's speed.
    configured: Option<(AhoCorasick, Vec<Anchor>)>,
}

/// Where an anchor was found.
pub(super) struct Hit {
    pub(super) anchor: Anchor,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Anchors {
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a str>, emails: bool) -> Result<Self, RedactError> {
        let mut patterns = vec!["-----BEGIN ", "://"];
        let mut anchors = vec![Anchor::Pem, Anchor::Url];
        for (texts, anchor) in [(NAMES, Anchor::Name), (SCHEMES, Anchor::Scheme)] {
            patterns.extend(texts);
            anchors.resize(patterns.len(), anchor);
        }
        patterns.extend(TOKENS.iter().map(|token| token.prefix));
        anchors.extend(TOKENS.iter().map(Anchor::Token));
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(&patterns)?;

        let mut patterns: Vec<&str> = names.collect();
        let mut others = vec![Anchor::Name; patterns.len()];
        if emails {
            patterns.push("@");
            others.push(Anchor::Email);
        }
        let configured = if patterns.is_empty() {
            None
        } else {
            let builder = AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostFirst)
                .ascii_case_insensitive(true)
                .build(&patterns)?;
            Some((builder, others))
        };
        Ok(Self {
            automaton,
            anchors,
            configured,
        })
    }

    /// All hits in a text: the built-in ones in order, then the configured ones in order.
    pub(super) fn hits<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = Hit> + 'a {
        let built_in = std::iter::once((&self.automaton, &self.anchors));
        let configured = self
            .configured
            .iter()
            .map(|(automaton, anchors)| (automaton, anchors));
        built_in.chain(configured).flat_map(move |(automaton, anchors)| {
            automaton.find_iter(text).filter_map(|found| {
                let anchor = *anchors.get(found.pattern().as_usize())?;
                Some(Hit {
                    anchor,
                    start: found.start(),
                    end: found.end(),
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_anchors_suit_the_fast_search() {
        let anchors = Anchors::new(std::iter::empty(), false).unwrap();
        assert!(anchors.anchors.len() <= 64, "{} anchors", anchors.anchors.len());
        assert_eq!(anchors.automaton.patterns_len(), anchors.anchors.len());
        assert!(anchors.automaton.min_pattern_len() >= 3);
    }

    #[test]
    fn configured_names_are_found_in_any_case() {
        let anchors = Anchors::new(["merchant"].into_iter(), true).unwrap();
        let found: Vec<_> = anchors
            .hits(b"a@b MERCHANT_pin=1 my_secret")
            .map(|hit| hit.start..hit.end)
            .collect();
        assert_eq!(found, [23..28, 1..2, 4..12]);
    }
}
