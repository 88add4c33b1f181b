//! The attributes of spans and log records that are looked at, found once per batch.

use aia_plugin_sdk::{Found, Keys, LogRecord, Logs, Spans, Text};

/// `http.response.status_code`.
pub(crate) const HTTP_STATUS: usize = 0;
/// Its old name.
pub(crate) const OLD_HTTP_STATUS: usize = 1;
/// `rpc.grpc.status_code`, the old name of the next.
pub(crate) const GRPC_STATUS: usize = 2;
/// `rpc.response.status_code`.
pub(crate) const RPC_STATUS: usize = 3;
/// `http.route`.
pub(crate) const ROUTE: usize = 4;
/// `http.request.method`.
pub(crate) const METHOD: usize = 5;
/// Its old name.
pub(crate) const OLD_METHOD: usize = 6;
/// `rpc.service`.
pub(crate) const RPC_SERVICE: usize = 7;
/// `rpc.method`.
pub(crate) const RPC_METHOD: usize = 8;
/// `exception.type`, of events.
const EXCEPTION_TYPE: usize = 9;
/// `exception.message`, of events.
const EXCEPTION_MESSAGE: usize = 10;
/// `exception.stacktrace`, of events.
const EXCEPTION_STACKTRACE: usize = 11;
/// The name of events that are exceptions: no attribute, but found in the same pass.
pub(crate) const EXCEPTION: usize = 12;

/// Names by these positions.
const SPAN_NAMES: [&str; 13] = [
    "http.response.status_code",
    "http.status_code",
    "rpc.grpc.status_code",
    "rpc.response.status_code",
    "http.route",
    "http.request.method",
    "http.method",
    "rpc.service",
    "rpc.method",
    "exception.type",
    "exception.message",
    "exception.stacktrace",
    "exception",
];

/// The attributes of spans and of their events.
pub(crate) type SpanKeys = Keys<13>;

/// What a span or an event has of them.
pub(crate) type SpanFound<'a> = Found<'a, 13>;

/// Finds the attributes of spans.
pub(crate) fn of_spans(batch: Spans<'_>) -> SpanKeys {
    batch.keys(SPAN_NAMES)
}

/// The attributes of log records that tell of exceptions.
pub(crate) type LogKeys = Keys<3>;

/// Finds the attributes of log records.
pub(crate) fn of_logs(batch: Logs<'_>) -> LogKeys {
    batch.keys(["exception.type", "exception.message", "exception.stacktrace"])
}

/// An exception as it was sent, not yet read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exception<'a> {
    /// `exception.type`.
    pub(crate) kind: Option<Text<'a>>,
    /// `exception.message`.
    pub(crate) message: Option<Text<'a>>,
    /// `exception.stacktrace`.
    pub(crate) stacktrace: Option<Text<'a>>,
}

impl<'a> Exception<'a> {
    /// The exception that an event tells of; nothing if it has none of the three.
    pub(crate) fn of_event(found: &SpanFound<'a>) -> Option<Self> {
        Self::of(found, [EXCEPTION_TYPE, EXCEPTION_MESSAGE, EXCEPTION_STACKTRACE])
    }

    /// As [`Exception::of_event`], in a log record's attributes.
    pub(crate) fn of_log(keys: &LogKeys, record: LogRecord<'a>) -> Option<Self> {
        Self::of(&keys.find(record.attributes()), [0, 1, 2])
    }

    fn of<const N: usize>(found: &Found<'a, N>, positions: [usize; 3]) -> Option<Self> {
        let [kind, message, stacktrace] =
            positions.map(|position| found.text(position).filter(|text| !text.is_empty()));
        (kind.is_some() || message.is_some() || stacktrace.is_some()).then_some(Self {
            kind,
            message,
            stacktrace,
        })
    }
}
