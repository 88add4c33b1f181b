//! Typed views over the columns of a batch. A view is two words, copied freely, and reads only what is asked for.
//!
//! Views never panic: an index, range or length out of range reads as the contract says, as string 0, an empty range
//! or an empty value.

mod common;
mod key;
mod log;
mod metric;
mod span;
mod text;
mod value;

pub use common::{Resource, Scope};
pub use key::{AttributeKey, Found, Key, Keys};
pub use log::{LogRecord, Logs};
pub use metric::{
    Buckets, Exemplar, ExponentialHistogram, Histogram, Metric, MetricKind, Metrics, Number, Point,
    PointValue, Summary, Temporality,
};
pub use span::{Event, Link, Span, SpanKind, Spans, Status};
pub use text::Text;
pub use value::{Attribute, Attributes, List, Value};
