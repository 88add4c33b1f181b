//! Detectors of metrics on a folder laid out as the Numenta Anomaly Benchmark: `data/**/*.csv` of `timestamp,value` and
//! `labels/combined_windows.json`.
//!
//! A detector sees each value once, in order, and knows neither file nor labels. What it gives is judged twice: by the
//! benchmark's own rules (Lavin & Ahmad, *Evaluating real-time anomaly detection algorithms*, 2015), and as an operator
//! would: windows found, false alarms, time until the alarm.

mod corpus;
mod counts;
mod error;
mod profile;
mod report;
mod run;
mod sweep;

pub use corpus::{Corpus, File, Row, Window};
pub use counts::Counts;
pub use error::Error;
pub use profile::{PROFILES, Profile};
pub use report::{FileReport, ProfileReport, Report};
pub use run::{Alarms, evaluate, run};
pub use sweep::{Judged, Sweep, best_threshold, normalised};
