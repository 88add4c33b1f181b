//! The analyst `suspects`: ranks who may be the cause of an incident, without a model.
//!
//! The way of an investigation: `windows` says what is compared with what; `analyst` asks for figures, then for pages
//! of spans and logs (`pages`), which `sample` keeps in a compact form. Each kind of evidence is weighed by a module of
//! its own, which gives findings: `errors`, `behaviour`, `latency`, `resources`, `silence`, `releases`, `complaints`.
//! `rank` makes probabilities of them, `conclude` a verdict and sentences. The README says why it is done like this.

mod analyst;
mod behaviour;
mod calls;
mod complaints;
mod conclude;
mod cover;
mod errors;
mod exclusive;
mod figures;
mod finding;
mod latency;
mod math;
mod names;
mod pages;
mod place;
mod rank;
mod releases;
mod resources;
mod sample;
mod silence;
mod windows;

pub use analyst::Suspects;

aia_plugin_sdk::export_analyst!(Suspects);
