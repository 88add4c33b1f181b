//! For tests. Detectors: builders of batches, and a harness that feeds them as a host does. Analysts: a script of
//! evidence, and a harness that answers from it and checks what is claimed.

mod builder;
mod harness;
mod investigation;
mod logs;
mod metrics;
mod script;
mod spans;
mod value;

pub use harness::Harness;
pub use investigation::{InvestigationHarness, TestCase};
pub use logs::{LogBatchBuilder, TestLog};
pub use metrics::{MetricBatchBuilder, TestMetric, TestPoint};
pub use script::{Script, TestItem};
pub use spans::{SpanBatchBuilder, TestSpan};
pub use value::TestValue;
