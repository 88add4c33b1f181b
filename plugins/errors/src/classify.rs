//! Whether a span failed, by status codes of HTTP and RPC and by its own status.

use aia_plugin_sdk::{SpanKind, Status, Value};

use crate::attributes::{GRPC_STATUS, HTTP_STATUS, OLD_HTTP_STATUS, RPC_STATUS, SpanFound};

/// How a span failed, exceptions aside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Failure {
    /// HTTP answered with this code, 500 or above.
    Http(u16),
    /// An RPC ended with this status, one that blames the server.
    Rpc(&'static str),
    /// The span's status says so, and nothing says more.
    Status,
}

/// What is to be made of a span.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// It went well, or somebody decided that it did.
    Fine,
    /// It failed by itself only if a span around it failed: exceptions that were recorded and then handled, and
    /// requests that were the client's fault.
    Perhaps,
    /// It failed.
    Failed(Failure),
}

impl Failure {
    /// What of it is in fingerprints.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Http(_) => "5xx",
            Self::Rpc(name) => name,
            Self::Status => "error",
        }
    }
}

/// Judges a span by its status and attributes.
pub(crate) fn judge(status: Status, found: &SpanFound<'_>) -> Verdict {
    if status == Status::Ok {
        return Verdict::Fine;
    }
    let either = |one: usize, other: usize| if found.has(one) { one } else { other };
    if let Some(code) = found.int(either(HTTP_STATUS, OLD_HTTP_STATUS)) {
        return match u16::try_from(code) {
            Ok(code @ 500..) => Verdict::Failed(Failure::Http(code)),
            // Conventions give client spans the status "error" for the client's own fault, too.
            Ok(400..) => Verdict::Perhaps,
            _ => by_status(status),
        };
    }
    if let Some(code) = found.get(either(GRPC_STATUS, RPC_STATUS)).and_then(grpc_code) {
        return match server_fault(code) {
            Some(name) => Verdict::Failed(Failure::Rpc(name)),
            None if code != 0 => Verdict::Perhaps,
            None => by_status(status),
        };
    }
    by_status(status)
}

fn by_status(status: Status) -> Verdict {
    if status == Status::Error {
        Verdict::Failed(Failure::Status)
    } else {
        Verdict::Perhaps
    }
}

/// Whether the span is the service's answer to somebody: what requests are counted by.
pub(crate) fn is_request(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Server | SpanKind::Consumer)
}

/// The names of gRPC's status codes, by number.
const GRPC_NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// A code as number or, by current conventions, as name.
fn grpc_code(value: Value<'_>) -> Option<usize> {
    match value.as_int() {
        Some(number) => usize::try_from(number).ok(),
        None => GRPC_NAMES.iter().position(|name| Some(*name) == value.as_str()),
    }
}

/// The name of a code that conventions lay at the server.
fn server_fault(code: usize) -> Option<&'static str> {
    if matches!(code, 2 | 4 | 12 | 13 | 14 | 15) {
        GRPC_NAMES.get(code).copied()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::testing::{SpanBatchBuilder, TestSpan};
    use aia_plugin_sdk::{Spans, Time};

    use super::*;
    use crate::attributes;

    fn judge(span: TestSpan) -> Verdict {
        let batch = SpanBatchBuilder::new(Time::from_secs(1)).span(span).build();
        let batch = Spans::new(&batch);
        let keys = attributes::of_spans(batch);
        let span = batch.spans().next().unwrap();
        super::judge(span.status(), &keys.find(span.attributes()))
    }

    #[test]
    fn http_by_current_and_old_names() {
        let span = || TestSpan::new("GET").kind(SpanKind::Server);
        let failed = |code| Verdict::Failed(Failure::Http(code));
        assert_eq!(
            judge(span().attribute("http.response.status_code", 503)),
            failed(503)
        );
        assert_eq!(judge(span().attribute("http.status_code", 500)), failed(500));
        assert_eq!(judge(span().attribute("http.status_code", "502")), failed(502));
        assert_eq!(
            judge(span().attribute("http.response.status_code", 404).error("")),
            Verdict::Perhaps
        );
        assert_eq!(
            judge(span().attribute("http.response.status_code", 200)),
            Verdict::Perhaps
        );
        let odd = span()
            .attribute("http.response.status_code", 200)
            .error("body was cut");
        assert_eq!(judge(odd), Verdict::Failed(Failure::Status));
    }

    #[test]
    fn rpc_by_number_and_name() {
        let span = || TestSpan::new("Charge").kind(SpanKind::Client);
        assert_eq!(
            judge(span().attribute("rpc.grpc.status_code", 14)),
            Verdict::Failed(Failure::Rpc("UNAVAILABLE"))
        );
        let named = span().attribute("rpc.response.status_code", "INTERNAL");
        assert_eq!(judge(named), Verdict::Failed(Failure::Rpc("INTERNAL")));
        assert_eq!(
            judge(span().attribute("rpc.grpc.status_code", 5).error("")),
            Verdict::Perhaps
        );
        assert_eq!(
            judge(span().attribute("rpc.grpc.status_code", 0).ok()),
            Verdict::Fine
        );
    }

    #[test]
    fn own_status_where_nothing_says_more() {
        assert_eq!(
            judge(TestSpan::new("work").error("boom")),
            Verdict::Failed(Failure::Status)
        );
        assert_eq!(judge(TestSpan::new("work")), Verdict::Perhaps);
        assert_eq!(judge(TestSpan::new("work").ok()), Verdict::Fine);
    }
}
