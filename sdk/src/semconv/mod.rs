//! What OpenTelemetry's semantic conventions say of a span, by current and by old names: what its operation is called,
//! whom it calls, whether it failed.
//!
//! Names are for grouping: few of them, without ids and of bounded length, whatever was sent.
//!
//! ```
//! use aia_plugin_sdk::semconv::{CallKeys, FailureKeys, OperationKeys};
//! use aia_plugin_sdk::testing::{SpanBatchBuilder, TestSpan};
//! use aia_plugin_sdk::{SpanKind, Spans, Time};
//!
//! let batch = SpanBatchBuilder::new(Time::from_secs(10))
//!     .span(TestSpan::new("GET").attribute("http.route", "/orders/{id}").error("boom"))
//!     .span(TestSpan::new("SELECT orders").kind(SpanKind::Client).attribute("db.system.name", "postgresql"))
//!     .build();
//! let batch = Spans::new(&batch);
//! // Keys are found once per batch.
//! let (operations, calls, failures) = (OperationKeys::new(batch), CallKeys::new(batch), FailureKeys::new(batch));
//! let mut spans = batch.spans();
//! let (request, query) = (spans.next().unwrap(), spans.next().unwrap());
//! assert_eq!(operations.source(request).name(), "/orders/{id}");
//! assert_eq!(calls.source(query).name(), "SELECT orders to postgresql");
//! assert!(failures.has_failed(request) && !failures.has_failed(query));
//! ```

mod call;
mod failure;
mod operation;
mod text;

pub use call::{CallKeys, CallSource};
pub use failure::FailureKeys;
pub use operation::{OperationKeys, OperationSource};
pub use text::{clip, without_ids};

use crate::view::{Key, Span, Value};

/// Longest name of an operation, in bytes. Arbitrary: routes are shorter, and a table of thousands stays small.
pub const MAX_NAME_BYTES: usize = 96;

/// The text of the first of these attributes that is there and not empty.
fn first_text<'a>(span: Span<'a>, keys: &[Key]) -> Option<&'a str> {
    let attributes = span.attributes();
    keys.iter().filter(|key| key.is_present()).find_map(|key| {
        attributes
            .get(*key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    })
}
