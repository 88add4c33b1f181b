//! The bodies of OTLP's answers, in protobuf and JSON. Written by hand, five messages of one to three fields, so that the
//! Worker needs no protobuf library; the tests read them with one.

use std::time::Duration;

use serde_json::json;

use crate::columns::SignalType;
use crate::refusal::Refusal;

/// How a request, and so its answer, is encoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encoding {
    /// Binary protobuf.
    Protobuf,
    /// OTLP's JSON.
    Json,
}

impl Encoding {
    /// Reads a request's `Content-Type`, whatever its case and parameters.
    ///
    /// # Errors
    /// If it is missing or neither of the two. That is best answered in JSON, which a person can read.
    pub fn from_content_type(content_type: Option<&str>) -> Result<Self, Refusal> {
        let content_type = content_type.ok_or(Refusal::WrongContentType)?;
        let media_type = content_type
            .split_once(';')
            .map_or(content_type, |(media_type, _)| media_type)
            .trim();
        [Self::Protobuf, Self::Json]
            .into_iter()
            .find(|encoding| media_type.eq_ignore_ascii_case(encoding.content_type()))
            .ok_or(Refusal::WrongContentType)
    }

    /// The answer's `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// The gRPC codes that AIA answers with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum GrpcCode {
    /// What was sent is wrong and stays so.
    InvalidArgument = 3,
    /// The sender is known and not allowed.
    PermissionDenied = 7,
    /// Over a limit; to be retried only if the answer says when.
    ResourceExhausted = 8,
    /// No such service, method or compression.
    Unimplemented = 12,
    /// To be retried.
    Unavailable = 14,
    /// The sender isn't known.
    Unauthenticated = 16,
}

/// The body of a success: an `ExportTraceServiceResponse`, `ExportLogsServiceResponse` or
/// `ExportMetricsServiceResponse`.
///
/// `partial_success` is unset if no row was refused and there is nothing to say. A message without refused rows is a
/// warning, by OTLP's specification.
#[must_use]
pub fn success_body(encoding: Encoding, signal: SignalType, refused_rows: u64, message: &str) -> Vec<u8> {
    let is_full = refused_rows == 0 && message.is_empty();
    match encoding {
        Encoding::Protobuf if is_full => Vec::new(),
        Encoding::Protobuf => {
            // All three: partial_success = 1 { rejected = 1, error_message = 2 }.
            let mut partial = Vec::new();
            put_varint_field(&mut partial, 1, refused_rows);
            put_bytes_field(&mut partial, 2, message.as_bytes());
            let mut body = Vec::new();
            put_bytes_field(&mut body, 1, &partial);
            body
        }
        Encoding::Json if is_full => b"{}".to_vec(),
        Encoding::Json => {
            let rejected = match signal {
                SignalType::Traces => "rejectedSpans",
                SignalType::Logs => "rejectedLogRecords",
                SignalType::Metrics => "rejectedDataPoints",
            };
            // 64-bit integers are texts in protobuf's JSON.
            json!({"partialSuccess": {rejected: refused_rows.to_string(), "errorMessage": message}})
                .to_string()
                .into_bytes()
        }
    }
}

/// The body of a refusal: a `google.rpc.Status`, with `google.rpc.RetryInfo` among its details if the client is to try
/// again. gRPC sends the protobuf as `grpc-status-details-bin`.
#[must_use]
pub fn status_body(
    encoding: Encoding,
    code: GrpcCode,
    message: &str,
    retry_after: Option<Duration>,
) -> Vec<u8> {
    const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
    match encoding {
        Encoding::Protobuf => {
            let mut body = Vec::new();
            put_varint_field(&mut body, 1, code as u64);
            put_bytes_field(&mut body, 2, message.as_bytes());
            if let Some(after) = retry_after {
                let mut delay = Vec::new();
                put_varint_field(&mut delay, 1, seconds(after));
                put_varint_field(&mut delay, 2, u64::from(after.subsec_nanos()));
                let mut retry_info = Vec::new();
                put_bytes_field(&mut retry_info, 1, &delay);
                let mut any = Vec::new();
                put_bytes_field(&mut any, 1, RETRY_INFO.as_bytes());
                put_bytes_field(&mut any, 2, &retry_info);
                put_bytes_field(&mut body, 3, &any);
            }
            body
        }
        Encoding::Json => {
            let mut body = json!({"code": code as u8, "message": message});
            if let (Some(after), Some(fields)) = (retry_after, body.as_object_mut()) {
                let delay = match after.subsec_millis() {
                    0 => format!("{}s", seconds(after)),
                    millis => format!("{}.{millis:03}s", seconds(after)),
                };
                fields.insert(
                    "details".to_owned(),
                    json!([{"@type": RETRY_INFO, "retryDelay": delay}]),
                );
            }
            body.to_string().into_bytes()
        }
    }
}

/// Seconds of a `google.protobuf.Duration`, which ends after 10,000 years.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs().min(315_576_000_000)
}

fn put_varint(to: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return to.push(low);
        }
        to.push(low | 0x80);
    }
}

/// Writes a number, unless it is 0, as proto3 has it.
fn put_varint_field(to: &mut Vec<u8>, field: u64, value: u64) {
    if value != 0 {
        put_varint(to, field << 3);
        put_varint(to, value);
    }
}

/// Writes a text or a message, also an empty one: in a message field that counts as set.
fn put_bytes_field(to: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(to, field << 3 | 2);
    put_varint(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    #[derive(Clone, PartialEq, prost::Message)]
    struct Status {
        #[prost(int32, tag = "1")]
        code: i32,
        #[prost(string, tag = "2")]
        message: String,
        #[prost(message, repeated, tag = "3")]
        details: Vec<Any>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Any {
        #[prost(string, tag = "1")]
        type_url: String,
        #[prost(bytes = "vec", tag = "2")]
        value: Vec<u8>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct RetryInfo {
        #[prost(message, optional, tag = "1")]
        retry_delay: Option<Delay>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Delay {
        #[prost(int64, tag = "1")]
        seconds: i64,
        #[prost(int32, tag = "2")]
        nanos: i32,
    }

    #[test]
    fn content_types_are_read_whatever_their_case_and_parameters() {
        for (content_type, encoding) in [
            ("application/x-protobuf", Encoding::Protobuf),
            ("Application/X-Protobuf", Encoding::Protobuf),
            ("application/json", Encoding::Json),
            (" application/json ; charset=utf-8", Encoding::Json),
        ] {
            assert_eq!(
                Encoding::from_content_type(Some(content_type)),
                Ok(encoding),
                "{content_type}"
            );
        }
        for content_type in [
            None,
            Some(""),
            Some("text/plain"),
            Some("application/json5"),
            Some(";application/json"),
        ] {
            assert_eq!(
                Encoding::from_content_type(content_type),
                Err(Refusal::WrongContentType)
            );
        }
    }

    #[test]
    fn full_success_leaves_partial_success_unset() {
        for signal in [SignalType::Traces, SignalType::Logs, SignalType::Metrics] {
            assert_eq!(success_body(Encoding::Protobuf, signal, 0, ""), b"");
            assert_eq!(success_body(Encoding::Json, signal, 0, ""), b"{}");
        }
    }

    #[test]
    fn json_bodies() {
        let text = |body: Vec<u8>| String::from_utf8(body).unwrap();
        let bodies = [
            text(success_body(
                Encoding::Json,
                SignalType::Traces,
                3,
                "3 spans without a trace id",
            )),
            text(success_body(Encoding::Json, SignalType::Logs, 1, "")),
            text(success_body(
                Encoding::Json,
                SignalType::Metrics,
                0,
                "be \"warned\"",
            )),
            text(status_body(Encoding::Json, GrpcCode::InvalidArgument, "no", None)),
            text(status_body(
                Encoding::Json,
                GrpcCode::Unavailable,
                "later",
                Some(Duration::from_secs(5)),
            )),
            text(status_body(
                Encoding::Json,
                GrpcCode::Unavailable,
                "later",
                Some(Duration::from_millis(1050)),
            )),
        ];
        insta::assert_snapshot!(bodies.join("\n"), @r#"
        {"partialSuccess":{"errorMessage":"3 spans without a trace id","rejectedSpans":"3"}}
        {"partialSuccess":{"errorMessage":"","rejectedLogRecords":"1"}}
        {"partialSuccess":{"errorMessage":"be \"warned\"","rejectedDataPoints":"0"}}
        {"code":3,"message":"no"}
        {"code":14,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"5s"}],"message":"later"}
        {"code":14,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.050s"}],"message":"later"}
        "#);
    }

    proptest! {
        #[test]
        fn protobuf_successes_are_read_by_prost(refused in 1..u64::MAX / 2, message: String) {
            let body = success_body(Encoding::Protobuf, SignalType::Traces, refused, &message);
            let partial = ExportTraceServiceResponse::decode(&body[..]).unwrap().partial_success.unwrap();
            prop_assert_eq!((partial.rejected_spans as u64, &partial.error_message), (refused, &message));
            let body = success_body(Encoding::Protobuf, SignalType::Logs, refused, &message);
            let partial = ExportLogsServiceResponse::decode(&body[..]).unwrap().partial_success.unwrap();
            prop_assert_eq!((partial.rejected_log_records as u64, &partial.error_message), (refused, &message));
            let body = success_body(Encoding::Protobuf, SignalType::Metrics, refused, &message);
            let partial = ExportMetricsServiceResponse::decode(&body[..]).unwrap().partial_success.unwrap();
            prop_assert_eq!((partial.rejected_data_points as u64, &partial.error_message), (refused, &message));
        }

        #[test]
        fn protobuf_statuses_are_read_by_prost(message: String, millis in proptest::option::of(0..u64::MAX)) {
            let after = millis.map(Duration::from_millis);
            let body = status_body(Encoding::Protobuf, GrpcCode::ResourceExhausted, &message, after);
            let status = Status::decode(&body[..]).unwrap();
            prop_assert_eq!((status.code, &status.message), (8, &message));
            prop_assert_eq!(status.details.len(), usize::from(after.is_some()));
            if let (Some(any), Some(after)) = (status.details.first(), after) {
                prop_assert_eq!(&any.type_url, "type.googleapis.com/google.rpc.RetryInfo");
                let delay = RetryInfo::decode(&any.value[..]).unwrap().retry_delay.unwrap();
                prop_assert_eq!(delay.seconds as u64, after.as_secs().min(315_576_000_000));
                prop_assert_eq!(delay.nanos as u32, after.subsec_nanos());
            }
        }

        #[test]
        fn json_statuses_are_json(message: String) {
            let body = status_body(Encoding::Json, GrpcCode::Unauthenticated, &message, None);
            let status: serde_json::Value = serde_json::from_slice(&body).unwrap();
            prop_assert_eq!(status, json!({"code": 16, "message": message}));
        }
    }
}
