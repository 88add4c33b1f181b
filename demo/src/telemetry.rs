//! Sets up the OpenTelemetry SDK: spans, metrics and logs over OTLP/HTTP, configured by the standard `OTEL_*`
//! variables only (endpoint, headers, batch delays, metric interval).

use std::time::Duration;

use opentelemetry::metrics::{Histogram, Meter, MeterProvider};
use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, MetricExporter, RetryPolicy, SpanExporter, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// Bucket bounds, in seconds, that the semantic conventions advise for `http.*.request.duration`.
const DURATION_BOUNDS_SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// An `OTEL_*` variable holds something unusable.
    #[error("building the OTLP exporter of {signal}")]
    Exporter {
        /// `traces`, `metrics` or `logs`.
        signal: &'static str,
        /// What the SDK says.
        #[source]
        source: ExporterBuildError,
    },
    /// The process has a log subscriber already.
    #[error("installing the log subscriber")]
    Subscriber(#[from] TryInitError),
}

/// The SDK's providers of one process.
#[derive(Debug)]
pub struct Telemetry {
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
    logs: Option<SdkLoggerProvider>,
}

impl Telemetry {
    /// Exports as the environment says, and writes the process's own log to stderr as well.
    ///
    /// # Errors
    /// When an exporter can't be built or the process has a log subscriber already.
    pub fn from_environment(service: &'static str, release: &str) -> Result<Self, TelemetryError> {
        // The exporters' HTTP client wants to know whose TLS it is to use; the first to say so is heard.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let resource = resource(service, release);
        let spans = SpanExporter::builder()
            .with_http()
            .with_retry_policy(patient())
            .build()
            .map_err(|source| TelemetryError::Exporter {
                signal: "traces",
                source,
            })?;
        let points = MetricExporter::builder()
            .with_http()
            .with_retry_policy(patient())
            .build()
            .map_err(|source| TelemetryError::Exporter {
                signal: "metrics",
                source,
            })?;
        let records = LogExporter::builder()
            .with_http()
            .with_retry_policy(patient())
            .build()
            .map_err(|source| TelemetryError::Exporter {
                signal: "logs",
                source,
            })?;

        let traces = SdkTracerProvider::builder()
            .with_batch_exporter(spans)
            .with_resource(resource.clone())
            .build();
        let metrics = SdkMeterProvider::builder()
            .with_periodic_exporter(points)
            .with_resource(resource.clone())
            .build();
        let logs = SdkLoggerProvider::builder()
            .with_batch_exporter(records)
            .with_resource(resource)
            .build();

        // Only the shop's own events are exported: exporting what the exporters log would feed itself.
        let bridge = OpenTelemetryTracingBridge::new(&logs)
            .with_filter(Targets::new().with_target("shop", LevelFilter::INFO));
        let stderr = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(std::io::stderr)
            .with_filter(
                Targets::new()
                    .with_default(LevelFilter::WARN)
                    .with_target("shop", LevelFilter::INFO),
            );
        tracing_subscriber::registry()
            .with(bridge)
            .with(stderr)
            .try_init()?;
        Ok(Self {
            traces,
            metrics,
            logs: Some(logs),
        })
    }

    /// Spans go to `exporter` as they end; metrics and logs go nowhere. For tests.
    #[cfg(test)]
    pub(crate) fn for_tests(
        service: &'static str,
        release: &str,
        exporter: impl opentelemetry_sdk::trace::SpanExporter + 'static,
    ) -> Self {
        let traces = SdkTracerProvider::builder()
            .with_simple_exporter(exporter)
            .with_resource(resource(service, release))
            .build();
        Self {
            traces,
            metrics: SdkMeterProvider::builder().build(),
            logs: None,
        }
    }

    /// Sends what is still in the batches and stops. What can't be sent is said on stderr, and lost.
    pub fn shutdown(self) {
        let results = [
            ("traces", self.traces.shutdown()),
            ("metrics", self.metrics.shutdown()),
            ("logs", self.logs.map_or(Ok(()), |logs| logs.shutdown())),
        ];
        for (signal, result) in results {
            if let Err(error) = result {
                eprintln!("the last {signal} weren't sent: {error}");
            }
        }
    }

    pub(crate) fn instruments(&self) -> Instruments {
        let scope = InstrumentationScope::builder("shop.http")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        let meter = self.metrics.meter_with_scope(scope.clone());
        Instruments {
            tracer: self.traces.tracer_with_scope(scope),
            server_duration: duration(
                &meter,
                "http.server.request.duration",
                "Duration of served requests.",
            ),
            client_duration: duration(
                &meter,
                "http.client.request.duration",
                "Duration of sent requests.",
            ),
        }
    }
}

/// What the shop measures itself with.
#[derive(Clone, Debug)]
pub(crate) struct Instruments {
    pub(crate) tracer: SdkTracer,
    /// Seconds.
    pub(crate) server_duration: Histogram<f64>,
    /// Seconds.
    pub(crate) client_duration: Histogram<f64>,
}

fn resource(service: &'static str, release: &str) -> Resource {
    Resource::builder()
        .with_service_name(service)
        .with_attributes([
            KeyValue::new("service.namespace", "shop"),
            KeyValue::new("service.version", release.to_owned()),
            KeyValue::new("service.instance.id", format!("{service}-{}", std::process::id())),
            KeyValue::new("deployment.environment.name", "demo"),
        ])
        .build()
}

fn duration(meter: &Meter, name: &'static str, description: &'static str) -> Histogram<f64> {
    meter
        .f64_histogram(name)
        .with_unit("s")
        .with_description(description)
        .with_boundaries(DURATION_BOUNDS_SECONDS.to_vec())
        .build()
}

/// Outlives a collector's restart of some seconds; the SDK's own choice gives up after about one.
fn patient() -> RetryPolicy {
    RetryPolicy::recommended()
        .with_max_retries(8)
        .with_max_delay(Duration::from_millis(1_600))
}
