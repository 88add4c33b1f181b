//! Sentences of words and figures.

use super::{Claim, EvidenceId, Figure, Fragment, Item};

/// A sentence that is being written. Words are text; every figure is a reference to a field of the evidence, which
/// the host prints: it drops sentences with figures of their own, and so does [`claim`](Self::claim).
///
/// ```
/// # use aia_plugin_sdk::analyst::Sentence;
/// # use aia_plugin_sdk::testing::TestItem;
/// let before = TestItem::operation("pay", "POST /pay").field("self.p95", "310 ms").build("ev-1");
/// let now = TestItem::operation("pay", "POST /pay").field("self.p95", "1.31 s").build("ev-2");
/// let sentence = || Sentence::new().text("Its own time rose from ").figure(&before, "self.p95").text(" to ");
/// let claim = sentence().figure(&now, "self.p95").text(".").claim().unwrap();
/// assert_eq!(claim.evidence, ["ev-1", "ev-2"]);
///
/// assert_eq!(sentence().text("1.31 s.").claim(), None);
/// assert_eq!(sentence().figure(&now, "self.p42").text(".").claim(), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sentence {
    fragments: Vec<Fragment>,
    evidence: Vec<EvidenceId>,
    is_broken: bool,
}

impl Sentence {
    /// An empty sentence.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds words; not one digit may be among them.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.is_broken |= text.chars().any(char::is_numeric);
        match self.fragments.last_mut() {
            Some(Fragment::Text(last)) => last.push_str(text),
            _ => self.fragments.push(Fragment::Text(text.to_owned())),
        }
        self
    }

    /// Adds the value of a field, or the item's `service` or `title`, and the item to the evidence. Where there is no
    /// such value there will be no claim.
    #[must_use]
    pub fn figure(mut self, item: &Item, field: &str) -> Self {
        self.is_broken |= item.quotable(field).is_none();
        self.figure_of(&item.id, field)
    }

    /// Adds the value of a field of an item of which only the id was kept; the host drops the claim if the item has no
    /// such field.
    #[must_use]
    pub fn figure_of(mut self, evidence: &EvidenceId, field: &str) -> Self {
        self.fragments.push(Fragment::Figure(Figure {
            evidence: evidence.clone(),
            field: field.to_owned(),
        }));
        self.evidence_id(evidence)
    }

    /// Adds evidence that shows it without being quoted.
    #[must_use]
    pub fn evidence(mut self, item: &Item) -> Self {
        self.push_evidence(&item.id);
        self
    }

    /// Adds evidence by its id.
    #[must_use]
    pub fn evidence_id(mut self, id: &EvidenceId) -> Self {
        self.push_evidence(id);
        self
    }

    fn push_evidence(&mut self, id: &EvidenceId) {
        if !self.evidence.contains(id) {
            self.evidence.push(id.clone());
        }
    }

    /// The claim; none if the sentence is empty, has digits among its words, quotes a field that isn't there, or has
    /// no evidence.
    #[must_use]
    pub fn claim(self) -> Option<Claim> {
        let is_whole = !self.is_broken && !self.fragments.is_empty() && !self.evidence.is_empty();
        is_whole.then_some(Claim {
            sentence: self.fragments,
            evidence: self.evidence,
        })
    }
}
