//! Whether a span failed, by status codes of HTTP and gRPC and by its own status.

use crate::view::{Key, Span, Spans, Status, Value};

/// Keys of the attributes that tell failures, found once per batch.
#[derive(Clone, Copy, Debug)]
pub struct FailureKeys {
    http: [Key; 2],
    rpc: [Key; 2],
}

/// The gRPC codes that conventions lay at the server, with the names current conventions give instead of numbers.
const RPC_FAILURES: [(i64, &str); 6] = [
    (2, "UNKNOWN"),
    (4, "DEADLINE_EXCEEDED"),
    (12, "UNIMPLEMENTED"),
    (13, "INTERNAL"),
    (14, "UNAVAILABLE"),
    (15, "DATA_LOSS"),
];

impl FailureKeys {
    /// Finds the keys in a batch.
    #[must_use]
    pub fn new(batch: Spans<'_>) -> Self {
        Self {
            http: [
                batch.key("http.response.status_code"),
                batch.key("http.status_code"),
            ],
            rpc: [
                batch.key("rpc.grpc.status_code"),
                batch.key("rpc.response.status_code"),
            ],
        }
    }

    /// Whether the work that the span stands for failed. A request that was the client's fault (4xx, `NOT_FOUND`)
    /// didn't, and neither did one that somebody gave the status "ok".
    #[must_use]
    pub fn has_failed(&self, span: Span<'_>) -> bool {
        if span.status() == Status::Ok {
            return false;
        }
        let value = |keys: &[Key; 2]| {
            let present = keys.iter().filter(|key| key.is_present());
            present.filter_map(|key| span.attribute(*key)).next()
        };
        match value(&self.http).and_then(Value::as_int) {
            Some(500..) => return true,
            Some(400..) => return false,
            _ => {}
        }
        if let Some(code) = value(&self.rpc) {
            let is_failure = RPC_FAILURES
                .iter()
                .any(|(number, name)| code.as_int() == Some(*number) || code.as_str() == Some(name));
            let is_ok = code.as_int() == Some(0) || code.as_str() == Some("OK");
            return is_failure || (is_ok && span.status() == Status::Error);
        }
        span.status() == Status::Error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SpanBatchBuilder, TestSpan};
    use crate::time::Time;

    fn has_failed(span: TestSpan) -> bool {
        let batch = SpanBatchBuilder::new(Time::from_secs(1)).span(span).build();
        let batch = Spans::new(&batch);
        let keys = FailureKeys::new(batch);
        batch.spans().all(|span| keys.has_failed(span))
    }

    #[test]
    fn by_codes_then_by_status() {
        let span = || TestSpan::new("x");
        for failed in [
            span().error("boom"),
            span().attribute("http.response.status_code", 503),
            span().attribute("http.status_code", 500),
            span().attribute("http.response.status_code", 200).error("cut"),
            span().attribute("rpc.grpc.status_code", 14),
            span().attribute("rpc.response.status_code", "INTERNAL"),
            span().attribute("rpc.grpc.status_code", 0).error("cut"),
        ] {
            assert!(has_failed(failed.clone()), "{failed:?}");
        }
        for fine in [
            span(),
            span().attribute("http.response.status_code", 503).ok(),
            span().attribute("http.response.status_code", 404).error(""),
            span().attribute("rpc.grpc.status_code", 5).error(""),
            span().attribute("rpc.response.status_code", "NOT_FOUND"),
        ] {
            assert!(!has_failed(fine.clone()), "{fine:?}");
        }
    }
}
