//! The SDK from a plugin author's side: views of batches, good and damaged, the harness, and the plugins that authors
//! begin with.

mod damaged;
mod harness;
mod views;

#[path = "../../templates/analyst.rs"]
mod analyst_template;
#[path = "../../templates/detector.rs"]
mod detector_template;
#[path = "../../templates/reporter.rs"]
mod reporter_template;
