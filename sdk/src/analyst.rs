//! The trait of analysts and the types of an investigation.
//!
//! An analyst is a state machine: it says what it wants to see, and concludes. This is a whole one, with its test: it
//! lays the incident at the operation with the most errors of its own.
//!
//! ```
//! use aia_plugin_sdk::analyst::{
//!     Analyst, Answer, Budget, Case, Conclusion, Event, Request, Sentence, Step, Suspect, TimeRange, Verdict,
//! };
//! use aia_plugin_sdk::{Manifest, NoConfig, export_analyst};
//!
//! struct Blame {
//!     during: TimeRange,
//! }
//!
//! impl Analyst for Blame {
//!     type Config = NoConfig;
//!
//!     fn manifest() -> Manifest {
//!         Manifest::new("blame", "0.1.0", "Blames the operation with the most errors")
//!     }
//!
//!     fn open(case: Case, _: NoConfig, _: Budget) -> Result<Self, String> {
//!         Ok(Self { during: case.during })
//!     }
//!
//!     fn advance(&mut self, event: Event) -> Step {
//!         let Event::Gathered(answers) = event else {
//!             return Step::Gather(vec![Request::Operations(self.during)]);
//!         };
//!         let items = answers.iter().flat_map(Answer::items);
//!         let worst = items.max_by_key(|item| item.count("errors.own").unwrap_or_default());
//!         let Some(worst) = worst.filter(|item| item.count("errors.own") > Some(0)) else {
//!             return Step::Conclude(Conclusion::nothing(Verdict::NotEnoughEvidence));
//!         };
//!         // A sentence holds no figure of its own: the host prints them from the evidence.
//!         let sentence = Sentence::new()
//!             .figure(worst, "errors.own")
//!             .text(" of ")
//!             .figure(worst, "count")
//!             .text(" requests failed there.");
//!         Step::Conclude(Conclusion {
//!             suspects: vec![Suspect {
//!                 operation: worst.text("operation").to_owned(),
//!                 claims: sentence.claim().into_iter().collect(),
//!                 ..Suspect::of_service(&worst.service, 0.5)
//!             }],
//!             ..Conclusion::nothing(Verdict::Cause)
//!         })
//!     }
//! }
//!
//! export_analyst!(Blame);
//!
//! // And its test: a script has the evidence, the harness checks every claim as a host does.
//! use aia_plugin_sdk::testing::{InvestigationHarness, Script, TestCase, TestItem};
//!
//! let during = TimeRange::new(1_000, 2_000);
//! let mut script = Script::new();
//! script.operations(during, [
//!     TestItem::operation("cart", "GET /cart").field("count", 200).field("errors.own", 0),
//!     TestItem::operation("pay", "POST /pay").field("count", 120).field("errors.own", 48),
//! ]);
//! let conclusion = InvestigationHarness::<Blame>::new(TestCase::new("pay", during).build(), script).conclusion();
//! assert_eq!(conclusion.suspects[0].service, "pay");
//! ```

mod item;
mod request;
mod sentence;

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

pub use sentence::Sentence;

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
