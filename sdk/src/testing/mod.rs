//! For the tests of detectors: builders of batches, and a harness that feeds them as a host does.

mod builder;
mod harness;
mod logs;
mod metrics;
mod spans;
mod value;

pub use harness::Harness;
pub use logs::{LogBatchBuilder, TestLog};
pub use metrics::{MetricBatchBuilder, TestMetric, TestPoint};
pub use spans::{SpanBatchBuilder, TestSpan};
pub use value::TestValue;
