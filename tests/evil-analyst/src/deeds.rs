//! What to do wrong.

use serde::{Deserialize, Serialize};

/// The configuration.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What to do.
    pub deed: Deed,
    /// How many of whatever the deed is about.
    pub count: usize,
}

/// What to do.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// Nothing wrong: ask for figures and signals, and conclude.
    #[default]
    Behave,
    /// Refuse the configuration.
    Refuse,
    /// Never end.
    Loop,
    /// Allocate for ever.
    Allocate,
    /// Panic, which is a trap.
    Trap,
    /// Give up, with `count` bytes of reason.
    GiveUp,
    /// Gather for ever.
    Steps,
    /// Make `count` requests at once.
    Requests,
    /// Ask for telemetry of a service whose name has `count` bytes.
    LongService,
    /// Ask for everything there is, and conclude from what was answered.
    Everything,
    /// Ask a model, and conclude whatever it says.
    Ask,
    /// Ask a model a question of `count` bytes.
    LongQuestion,
    /// Conclude with `count` suspects.
    Suspects,
    /// Conclude with `count` claims.
    Claims,
    /// Conclude with a sentence of `count` fragments.
    Fragments,
    /// Conclude with a sentence of `count` bytes.
    LongSentence,
    /// Conclude with a claim of `count` pieces of evidence.
    ManyEvidence,
    /// Conclude with a diff of `count` bytes.
    Diff,
    /// A probability of 1.5.
    Probability,
    /// A probability that is no number.
    NanProbability,
    /// Two suspects of 0.6 each.
    Sum,
    /// Cite evidence that it was not given.
    InventEvidence,
    /// Refer to a field that is not there.
    InventField,
    /// Put a number into words.
    InventNumber,
    /// Suspect a service that nobody has seen.
    InventService,
    /// Suspect an operation, a release and a line that nobody has seen.
    InventPlace,
    /// Suspect without a reason.
    NoReason,
}
