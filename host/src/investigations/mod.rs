//! Investigations: analysts explain incidents, and the host checks what they say.
//!
//! An analyst runs when an incident opens, again a minute of the data later (by then the telemetry around it is in), and
//! when the incident changes in what matters. All of it on a thread of its own, behind the commit that changed the
//! incident: a slow or broken analyst delays conclusions and nothing else. What is left of a conclusion after
//! [`check`](mod@check) is stored with the evidence it names, so that it can be read when the telemetry is gone.

mod charts;
mod check;
mod due;
mod gather;
mod operations;
mod run;
mod series;
#[cfg(test)]
mod tests;
mod worker;

pub use check::{Checked, check};
pub use due::{Due, due};
pub use gather::{GatherLimits, Gatherer};
pub(crate) use run::verdict;
pub use run::{Analyst, InvestigationConfig, Investigator, Models, NoModels};
pub use worker::{Investigations, Wake};
