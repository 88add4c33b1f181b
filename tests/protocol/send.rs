//! Sends a request of any signal in every way that there is, and reads the answer.

use aia_oracle::{Request, Style};
use aia_tests::{Answer, Host};
use anyhow::{Context, Result, bail};
use opentelemetry_proto::tonic::collector::{
    logs::v1::{ExportLogsServiceResponse, logs_service_client::LogsServiceClient},
    metrics::v1::{ExportMetricsServiceResponse, metrics_service_client::MetricsServiceClient},
    trace::v1::{ExportTraceServiceResponse, trace_service_client::TraceServiceClient},
};
use prost::Message;
use tonic::transport::Channel;

use crate::taker::Taker;

/// How a request goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    Protobuf,
    Json,
    Grpc,
}

pub(crate) const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");

/// JSON as the specification's examples have it.
pub(crate) const STYLE: Style = Style {
    integers_as_strings: true,
    upper_case_hex: false,
    base64_of_urls: false,
    unknown_fields: false,
    nulls: false,
};

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Status {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub(crate) details: Vec<Vec<u8>>,
}

pub(crate) fn path(request: &Request) -> &'static str {
    match request {
        Request::Traces(_) => "/v1/traces",
        Request::Logs(_) => "/v1/logs",
        Request::Metrics(_) => "/v1/metrics",
    }
}

/// Sends a request; gives `rejected_*` and `error_message` of an answer with success, none where `partial_success` is
/// unset.
pub(crate) fn send(taker: &Taker, way: Way, request: &Request) -> Result<Option<(i64, String)>> {
    match way {
        Way::Protobuf => {
            let answer = taker.post(path(request), &[PROTOBUF], &request.encode())?;
            assert_eq!(answer.header("content-type"), Some(PROTOBUF.1));
            partial_in_protobuf(request, &success(answer)?)
        }
        Way::Json => {
            let answer = taker.post(path(request), &[JSON], &request.json(STYLE))?;
            assert_eq!(answer.header("content-type"), Some(JSON.1));
            let answer: serde_json::Value = serde_json::from_slice(&success(answer)?)?;
            let partial = &answer["partialSuccess"];
            let rejected = match request {
                Request::Traces(_) => "rejectedSpans",
                Request::Logs(_) => "rejectedLogRecords",
                Request::Metrics(_) => "rejectedDataPoints",
            };
            Ok(partial.as_object().map(|partial| {
                let rejected = partial[rejected].as_str().unwrap().parse().unwrap();
                (rejected, partial["errorMessage"].as_str().unwrap().to_owned())
            }))
        }
        Way::Grpc => {
            let host = taker.host().context("a Worker can't be reached by gRPC")?;
            Ok(grpc(host, request, &format!("Bearer {}", host.ingest_key()))?)
        }
    }
}

fn success(answer: Answer) -> Result<Vec<u8>> {
    if answer.status != 200 {
        bail!("{}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    Ok(answer.body)
}

fn partial_in_protobuf(request: &Request, body: &[u8]) -> Result<Option<(i64, String)>> {
    Ok(match request {
        Request::Traces(_) => ExportTraceServiceResponse::decode(body)?
            .partial_success
            .map(|partial| (partial.rejected_spans, partial.error_message)),
        Request::Logs(_) => ExportLogsServiceResponse::decode(body)?
            .partial_success
            .map(|partial| (partial.rejected_log_records, partial.error_message)),
        Request::Metrics(_) => ExportMetricsServiceResponse::decode(body)?
            .partial_success
            .map(|partial| (partial.rejected_data_points, partial.error_message)),
    })
}

/// Sends over gRPC, with the client that tonic generates.
pub(crate) fn grpc(
    host: &Host,
    request: &Request,
    authorization: &str,
) -> Result<Option<(i64, String)>, tonic::Status> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let channel = Channel::from_shared(host.otlp_grpc().to_owned())
            .unwrap()
            .connect()
            .await
            .unwrap();
        macro_rules! export {
            ($client:ident, $message:expr, $rejected:ident) => {{
                let mut message = tonic::Request::new($message.clone());
                if !authorization.is_empty() {
                    let value = authorization.parse().unwrap();
                    message.metadata_mut().insert("authorization", value);
                }
                let answer = $client::new(channel).export(message).await?.into_inner();
                let partial = answer.partial_success;
                Ok(partial.map(|partial| (partial.$rejected, partial.error_message)))
            }};
        }
        match request {
            Request::Traces(message) => export!(TraceServiceClient, message, rejected_spans),
            Request::Logs(message) => export!(LogsServiceClient, message, rejected_log_records),
            Request::Metrics(message) => export!(MetricsServiceClient, message, rejected_data_points),
        }
    })
}
