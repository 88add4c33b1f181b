//! Telemetry from the wire to sealed segments: OTLP to columns, redaction, segments and their ids, ingest keys,
//! batch cutting and the answers of the protocol. No I/O and no clock, so that the host, the Worker and the Spin app run
//! the same code.

mod answer;
mod column;
mod columns;
mod commit;
mod cut;
mod decompress;
mod deployment;
mod exchange;
mod footer;
mod frame;
mod intake;
mod keys;
mod names;
mod operation;
mod redact;
mod refusal;
mod revocation;
mod row;
mod scan;
mod secret;
mod segment;
mod signal;
mod ticks;
mod validate;

pub use answer::{Encoding, GrpcCode, status_body, success_body};
pub use columns::{
    Attributes, Column, Columns, Common, Exemplars, ExponentialHistograms, Histograms, LogColumns, Logs,
    MAX_VALUE_DEPTH, MetricColumns, Metrics, Points, Resources, Scopes, SignalType, SpanColumns, SpanEvents,
    SpanLinks, Spans, Strings, Summaries, pack_range, unpack_range, value_kind,
};
pub use commit::{
    Commit, CommitError, Consumed, commit_hash, commit_key, commit_number, session_prefix, signal_id,
};
pub use cut::{MAX_BATCH_ROWS, Piece, cut, shift_times, split_by_time, time_span};
pub use decompress::{ContentEncoding, decompress};
pub use deployment::DeploymentSecret;
pub use exchange::{BodyFormat, HttpAnswer, RequestHead};
pub use footer::{Footer, MAX_FOOTER_SERVICES};
pub use frame::{GRPC_FRAME_BYTES, unframe};
pub use intake::{SealedSegment, refused_rows, scan_body, seal_columns};
pub use keys::{IngestKey, IngestSecrets, KeyError};
pub use names::{KeyId, MAX_NAME_BYTES, NameError, ProjectId, SegmentId, SegmentIdError, TenantId};
pub use operation::{MAX_OPERATION_BYTES, SpanOperation, SpanReader, span_kind};
pub use redact::{RedactConfig, RedactError, Redactions, Redactor};
pub use refusal::{BodySize, Refusal};
pub use revocation::{RevocationError, RevocationList};
pub use row::{
    MAX_FIELDS, MAX_VALUE_BYTES, Row, RowKind, child_range, describe_row, duration, trace_of, value_text,
};
pub use scan::{Refused, ScanError, ScanLimits, Scanned, Scratch, scan_json, scan_protobuf};
pub use secret::{ROOT_SECRET_BYTES, RootSecret, RootSecretError};
pub use segment::{
    Header, ProjectKeys, SegmentError, SegmentLimits, hour_prefix, minute_of_key, minute_prefix, object_key,
    peek_header, project_prefix,
};
pub use signal::{Detail, Fingerprint, Measure, RowId, Severity, Signal};
pub use ticks::{MAX_TICKS, TICK_INTERVAL, ticks_between};
pub use validate::{InvalidColumns, validate};
