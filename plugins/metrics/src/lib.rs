//! Detector of metrics that are not as usual. The README says what it finds and why.
//!
//! [`Series`] is the scoring by itself: it takes a value after another and says how unusual each is.
//!
//! ```
//! use aia_plugin_metrics::Series;
//! use aia_plugin_sdk::Time;
//!
//! let mut series = Series::new();
//! for minute in 0..500_u32 {
//!     let value = 10.0 + f64::from(minute % 7);
//!     assert!(series.observe(Time::from_secs(60 * u64::from(minute) + 60), value).anomaly < 0.4);
//! }
//! assert!(series.observe(Time::from_secs(60 * 501), 90.0).anomaly > 0.5);
//! ```

mod cases;
mod config;
mod detector;
mod feature;
mod habit;
mod identity;
mod limit;
mod reading;
mod season;
mod series;
mod signal;
mod table;
mod tail;
mod week;

pub use config::Config;
pub use detector::MetricsDetector;
pub use series::{Finding, Score, Series, alarm_surprise};

aia_plugin_sdk::export_detector!(MetricsDetector);
