//! Exports one of everything with the OpenTelemetry SDK for Rust.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use aia_tests::Host;
use anyhow::Result;
use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Link, Span, SpanKind, Status, Tracer, TracerProvider};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_otlp::{
    LogExporter, MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{Aggregation, Instrument, SdkMeterProvider, Stream};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tonic::metadata::MetadataMap;

/// Exports over a protocol; gives the trace.
pub(super) fn export(protocol: &'static str, host: &Host) -> Result<String> {
    // The exporter's HTTP client wants to know whose TLS it is to use; the first to say so is heard.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The exporter over gRPC wants a runtime around it.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let _entered = runtime.enter();
    let authorization = format!("Bearer {}", host.ingest_key());
    macro_rules! exporter {
        ($exporter:ident, $path:literal) => {
            if protocol == "grpc" {
                let mut metadata = MetadataMap::new();
                metadata.insert("authorization", authorization.parse()?);
                $exporter::builder()
                    .with_tonic()
                    .with_endpoint(host.otlp_grpc())
                    .with_metadata(metadata)
                    .build()?
            } else {
                let encoding = if protocol == "http/json" {
                    Protocol::HttpJson
                } else {
                    Protocol::HttpBinary
                };
                $exporter::builder()
                    .with_http()
                    .with_protocol(encoding)
                    .with_endpoint(format!("{}{}", host.otlp_http(), $path))
                    .with_headers(HashMap::from([(
                        "authorization".to_owned(),
                        authorization.clone(),
                    )]))
                    .build()?
            }
        };
    }
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "client"),
            KeyValue::new("service.version", "1.2.3"),
            KeyValue::new("client.protocol", protocol),
        ])
        .build();
    let scope = || {
        InstrumentationScope::builder("client.scope")
            .with_version("0.1")
            .build()
    };

    let traces = SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_batch_exporter(exporter!(SpanExporter, "/v1/traces"))
        .build();
    let tracer = traces.tracer_with_scope(scope());
    let mut linked = tracer.start("linked");
    linked.end();
    let link = Link::new(
        linked.span_context().clone(),
        vec![KeyValue::new("link.kind", "follows")],
        0,
    );
    let mut span = tracer
        .span_builder("work")
        .with_kind(SpanKind::Server)
        .with_links(vec![link])
        .with_attributes([
            KeyValue::new("a.string", "gr\u{fc}n"),
            KeyValue::new("a.bool", true),
            KeyValue::new("an.int", -9_007_199_254_740_991_i64),
            KeyValue::new("a.double", 0.1),
            KeyValue::new("texts", Value::Array(Array::String(vec!["a".into(), "b".into()]))),
            KeyValue::new("ints", Value::Array(Array::I64(vec![1, 2]))),
        ])
        .start(&tracer);
    span.add_event("step", vec![KeyValue::new("step.number", 3)]);
    span.add_event(
        "exception",
        vec![
            KeyValue::new("exception.type", "client::WentWrong"),
            KeyValue::new("exception.message", "it went wrong"),
            KeyValue::new(
                "exception.stacktrace",
                format!("   0: client::work\n             at ./{}\n", file!()),
            ),
        ],
    );
    span.set_status(Status::error("it went wrong"));
    let context = span.span_context().clone();

    let logs = SdkLoggerProvider::builder()
        .with_resource(resource.clone())
        .with_batch_exporter(exporter!(LogExporter, "/v1/logs"))
        .build();
    let logger = logs.logger("client.scope");
    let mut record = logger.create_log_record();
    record.set_timestamp(SystemTime::UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_001));
    record.set_severity_number(Severity::Error);
    record.set_severity_text("ERROR");
    record.set_body(AnyValue::from("a line"));
    record.add_attribute("log.number", 7);
    record.set_trace_context(context.trace_id(), context.span_id(), Some(context.trace_flags()));
    logger.emit(record);
    span.end();

    let metrics = SdkMeterProvider::builder()
        .with_resource(resource)
        .with_periodic_exporter(exporter!(MetricExporter, "/v1/metrics"))
        .with_view(|instrument: &Instrument| {
            let aggregation = Aggregation::Base2ExponentialHistogram {
                max_size: 160,
                max_scale: 20,
                record_min_max: true,
            };
            (instrument.name() == "sizes")
                .then(|| Stream::builder().with_aggregation(aggregation).build().ok())
                .flatten()
        })
        .build();
    let meter = metrics.meter("client.scope");
    let counter = meter.u64_counter("requests").build();
    counter.add(5, &[KeyValue::new("route", "/a")]);
    meter.f64_gauge("temperature").build().record(21.5, &[]);
    let (durations, sizes) = (
        meter.f64_histogram("durations").build(),
        meter.f64_histogram("sizes").build(),
    );
    for value in [0.5, 1.5, 300.0] {
        durations.record(value, &[]);
        sizes.record(value, &[]);
    }

    metrics.shutdown()?;
    logs.shutdown()?;
    traces.shutdown()?;
    Ok(context.trace_id().to_string())
}
