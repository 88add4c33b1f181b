//! Finding secrets in one text, and the text without them.

use super::anchors::{Anchor, Anchors, Hit};
use super::found::Found;
use super::marker::marker;
use super::secret_names::SecretNames;
use super::{RedactConfig, RedactError, card, email, named, pem, tokens, url};

/// Taking out one secret can bring another to light, as when a value stood in two pairs of quotes. Texts of applications
/// need one round; the limit keeps a text that was made for it from costing more than a few.
const MAX_ROUNDS: usize = 8;

/// All rules.
#[derive(Debug)]
pub(super) struct Finder {
    pub(super) anchors: Anchors,
    pub(super) names: SecretNames,
}

impl Finder {
    pub(super) fn new(config: &RedactConfig) -> Result<Self, RedactError> {
        let names = SecretNames::new(&config.secret_names)?;
        let anchors = Anchors::new(SecretNames::anchors(&config.secret_names), config.emails)?;
        Ok(Self { anchors, names })
    }

    /// Looks at a hit within a text.
    pub(super) fn look(&self, text: &[u8], hit: &Hit) -> Option<Found> {
        match hit.anchor {
            Anchor::Name => named::find(&self.names, text, hit.start, hit.end),
            Anchor::Token(token) => tokens::find(token, text, hit.start, hit.end),
            Anchor::Pem => pem::find(text, hit.start, hit.end),
            Anchor::Url => url::find(text, hit.end),
            Anchor::Scheme => named::find_credentials(text, hit.start, hit.end),
            Anchor::Email => email::find(text, hit.start),
        }
    }

    /// The text without its secrets; none if it has none. Calls `count` for each one replaced.
    pub(super) fn clean(&self, text: &[u8], count: &mut dyn FnMut(&'static str)) -> Option<Vec<u8>> {
        let mut cleaned: Option<Vec<u8>> = None;
        for _ in 0..MAX_ROUNDS {
            let text = cleaned.as_deref().unwrap_or(text);
            let found = self.find(text);
            if found.is_empty() {
                break;
            }
            let mut out = Vec::with_capacity(text.len());
            let mut done = 0;
            for secret in found {
                out.extend_from_slice(text.get(done..secret.start).unwrap_or_default());
                out.extend_from_slice(marker(secret.rule).as_bytes());
                done = secret.end;
                count(secret.rule);
            }
            out.extend_from_slice(text.get(done..).unwrap_or_default());
            cleaned = Some(out);
        }
        cleaned
    }

    /// All secrets of a text, in order; those that overlap are one, under the rule of the first.
    fn find(&self, text: &[u8]) -> Vec<Found> {
        let mut all: Vec<Found> = Vec::new();
        for hit in self.anchors.hits(text) {
            // What is within the last secret goes with it. This also keeps a long one with many anchors from being read
            // once for each.
            if all
                .last()
                .is_none_or(|last| hit.start >= last.end || hit.end < last.start)
            {
                all.extend(self.look(text, &hit));
            }
        }
        card::find_all(text, &mut |card| all.push(card));
        all.sort_by_key(|found| (found.start, std::cmp::Reverse(found.end)));
        all.dedup_by(|next, last| {
            let is_overlap = next.start < last.end;
            if is_overlap {
                last.end = last.end.max(next.end);
            }
            is_overlap
        });
        all
    }
}
