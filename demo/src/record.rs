//! Records what the shop exports: stands between it and a collector, forwards every request and appends those that were
//! taken in to files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use prost::Message;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use ureq::Agent;
use zstd::stream::write::Encoder;

/// Of zstd: the files are made once and kept in a repository.
const LEVEL: i32 = 19;

/// What to record, and where.
#[derive(Clone, Debug)]
pub struct Record {
    /// Base URL of the collector that gets everything.
    pub forward: String,
    /// Folder of the files, `shop.traces.otlp.zst` and so on: requests in protobuf, each behind its length as a varint.
    pub into: PathBuf,
    /// Texts that are replaced in what is recorded, such as paths of this machine in stack traces; in this order.
    pub replacements: Vec<(String, String)>,
}

impl Record {
    /// Records until SIGTERM or SIGINT. When it listens, it prints one JSON line on stdout, as a service does.
    ///
    /// # Errors
    /// When it can't listen or write.
    pub fn run(self) -> io::Result<()> {
        std::fs::create_dir_all(&self.into)?;
        let recorder = Arc::new(Recorder {
            agent: Agent::config_builder()
                .http_status_as_error(false)
                .build()
                .new_agent(),
            options: self,
            files: Mutex::default(),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let routes = Router::new()
            .route("/v1/{signal}", post(take))
            .with_state(Arc::clone(&recorder));
        runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let url = format!("http://{}", listener.local_addr()?);
            println!("{}", json!({ "ready": true, "service": "recorder", "url": url }));
            let (mut terminate, mut interrupt) =
                (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
            axum::serve(listener, routes)
                .with_graceful_shutdown(async move {
                    tokio::select! {
                        _ = terminate.recv() => {}
                        _ = interrupt.recv() => {}
                    }
                })
                .await
        })?;
        let mut files = recorder.files.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, file) in std::mem::take(&mut *files) {
            file.finish()?.sync_all()?;
        }
        Ok(())
    }
}

struct Recorder {
    options: Record,
    agent: Agent,
    files: Mutex<BTreeMap<String, Encoder<'static, File>>>,
}

async fn take(
    State(recorder): State<Arc<Recorder>>,
    Path(signal): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answered =
        tokio::task::spawn_blocking(move || recorder.forward_and_keep(&signal, &headers, &body)).await;
    match answered {
        Ok(Ok((status, body))) => {
            let media_type = [(header::CONTENT_TYPE, "application/x-protobuf")];
            (status, media_type, body).into_response()
        }
        Ok(Err(reason)) => (StatusCode::BAD_GATEWAY, reason).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

impl Recorder {
    fn forward_and_keep(
        &self,
        signal: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(StatusCode, Vec<u8>), String> {
        let url = format!("{}/v1/{signal}", self.options.forward);
        let mut request = self.agent.post(&url);
        for name in [header::AUTHORIZATION, header::CONTENT_TYPE] {
            if let Some(value) = headers.get(&name) {
                request = request.header(name, value);
            }
        }
        let mut response = request.send(body).map_err(|error| error.to_string())?;
        let status = response.status();
        let answer = response
            .body_mut()
            .read_to_vec()
            .map_err(|error| error.to_string())?;
        if status.is_success() {
            let cleaned = clean(signal, body, &self.options.replacements)?;
            self.keep(signal, &cleaned)
                .map_err(|error| format!("writing the record: {error}"))?;
        }
        Ok((status, answer))
    }

    fn keep(&self, signal: &str, message: &[u8]) -> io::Result<()> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if !files.contains_key(signal) {
            let path = self.options.into.join(format!("shop.{signal}.otlp.zst"));
            files.insert(signal.to_owned(), Encoder::new(File::create(path)?, LEVEL)?);
        }
        let Some(file) = files.get_mut(signal) else {
            return Ok(());
        };
        let mut length = Vec::new();
        prost::encode_length_delimiter(message.len(), &mut length).map_err(io::Error::other)?;
        file.write_all(&length)?;
        file.write_all(message)
    }
}

/// A request with texts replaced in events, log records and their attributes.
fn clean(signal: &str, body: &[u8], replacements: &[(String, String)]) -> Result<Vec<u8>, String> {
    fn refused(error: &prost::DecodeError) -> String {
        format!("the request isn't OTLP: {error}")
    }
    match signal {
        "traces" => {
            let mut request = ExportTraceServiceRequest::decode(body).map_err(|error| refused(&error))?;
            let resources = request.resource_spans.iter_mut();
            let scopes = resources.flat_map(|resource| &mut resource.scope_spans);
            for span in scopes.flat_map(|scope| &mut scope.spans) {
                replace_in(&mut span.attributes, replacements);
                for event in &mut span.events {
                    replace_in(&mut event.attributes, replacements);
                }
            }
            Ok(request.encode_to_vec())
        }
        "logs" => {
            let mut request = ExportLogsServiceRequest::decode(body).map_err(|error| refused(&error))?;
            let resources = request.resource_logs.iter_mut();
            let scopes = resources.flat_map(|resource| &mut resource.scope_logs);
            for record in scopes.flat_map(|scope| &mut scope.log_records) {
                replace_in(&mut record.attributes, replacements);
                if let Some(body) = &mut record.body {
                    replace(body, replacements);
                }
            }
            Ok(request.encode_to_vec())
        }
        "metrics" => {
            let request = ExportMetricsServiceRequest::decode(body).map_err(|error| refused(&error))?;
            Ok(request.encode_to_vec())
        }
        other => Err(format!("there is no signal `{other}`")),
    }
}

fn replace_in(attributes: &mut [KeyValue], replacements: &[(String, String)]) {
    for value in attributes
        .iter_mut()
        .filter_map(|attribute| attribute.value.as_mut())
    {
        replace(value, replacements);
    }
}

fn replace(value: &mut AnyValue, replacements: &[(String, String)]) {
    if let Some(Value::StringValue(text)) = &mut value.value {
        for (from, to) in replacements {
            *text = text.replace(from, to);
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span::Event};

    use super::*;

    #[test]
    fn paths_of_the_machine_are_replaced() {
        let stack = KeyValue {
            key: "exception.stacktrace".to_owned(),
            value: Some(AnyValue {
                value: Some(Value::StringValue("at /home/me/shop/src/a.rs:1".to_owned())),
            }),
            ..KeyValue::default()
        };
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                scope_spans: vec![ScopeSpans {
                    spans: vec![Span {
                        events: vec![Event {
                            attributes: vec![stack],
                            ..Event::default()
                        }],
                        ..Span::default()
                    }],
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            }],
        };
        let replacements = [("/home/me/shop".to_owned(), "/shop".to_owned())];
        let cleaned = clean("traces", &request.encode_to_vec(), &replacements).unwrap();
        let text = String::from_utf8_lossy(&cleaned);
        assert!(
            text.contains("at /shop/src/a.rs:1") && !text.contains("/home/me"),
            "{text}"
        );
        assert!(clean("profiles", b"", &[]).is_err());
    }
}
