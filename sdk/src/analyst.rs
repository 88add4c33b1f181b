//! The trait of analysts and the types of an investigation.

use serde::de::DeserializeOwned;

pub use crate::bindings::analyst::aia::plugin::conclusions::{
    Claim, Conclusion, Figure, Fragment, Suspect, Verdict,
};
pub use crate::bindings::analyst::aia::plugin::evidence::{
    Answer, Case, CodeRegion, EvidenceId, EvidenceKind, Field, Item, Request, Selector, TimeRange,
    TraceId as TraceIdHalves,
};
pub use crate::bindings::analyst::exports::aia::plugin::analyst::{Event, Message, Question, Role, Step};
use crate::manifest::Manifest;

/// What the project allows an investigation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Budget {
    /// Whether a model may be asked.
    pub has_model: bool,
    /// Steps left before the host ends the investigation.
    pub max_steps: u32,
}

/// An analyst explains an incident. It does no I/O: each step says what it wants next, and the host gets it.
pub trait Analyst: Sized + 'static {
    /// What the operator may set, as with [`Detector::Config`](crate::Detector::Config).
    type Config: DeserializeOwned + Default;

    /// What it says of itself: always the same.
    fn manifest() -> Manifest;

    /// Opens an investigation.
    ///
    /// # Errors
    /// What in the configuration was refused.
    fn open(case: Case, config: Self::Config, budget: Budget) -> Result<Self, String>;

    /// Takes what happened, gives what to do next. The first event is [`Event::Begin`].
    fn advance(&mut self, event: Event) -> Step;
}
