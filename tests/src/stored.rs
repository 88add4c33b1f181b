//! What a running `aia` has stored, read from its data folder as the messages of OTLP.

use std::path::Path;
use std::sync::Arc;

use aia::log::{KeyRing, LogView};
use aia::secrets::Secrets;
use aia::store::{Scope, Store, sqlite::Sqlite};
use aia_oracle::Request;
use aia_telemetry::{Columns, ProjectId, SegmentLimits, TenantId};
use anyhow::{Context, Result};
use object_store::local::LocalFileSystem;
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};

/// Everything stored, each signal as one request.
#[derive(Debug, Default)]
pub struct Telemetry {
    /// Spans.
    pub traces: ExportTraceServiceRequest,
    /// Log records.
    pub logs: ExportLogsServiceRequest,
    /// Metrics.
    pub metrics: ExportMetricsServiceRequest,
}

/// What a data folder holds of the default project. Reads beside a running host, through the same code as
/// `aia backtest`: every segment is verified.
///
/// # Errors
/// If the folder can't be read or a segment doesn't verify.
pub fn stored(data: &Path) -> Result<Telemetry> {
    let secrets = Secrets::load(data, None)?;
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(&data.join("aia.db"))?);
    let scope = Scope {
        tenant: TenantId::new("default")?,
        project: ProjectId::new("default")?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()?;
    let log = LogView::open(
        &scope,
        data.join("journal"),
        SegmentLimits::default(),
        Arc::new(LocalFileSystem::new_with_prefix(data.join("objects"))?),
        runtime.handle().clone(),
        Arc::new(KeyRing::new(secrets.segments(), secrets.block_footers())),
        store,
    )?;
    let mut telemetry = Telemetry::default();
    for (sequence, _) in log.segments() {
        let segment = log
            .read(sequence)
            .with_context(|| format!("segment {sequence}"))?;
        let Some(columns) = segment.columns else { continue };
        telemetry.add(&columns);
    }
    Ok(telemetry)
}

impl Telemetry {
    fn add(&mut self, columns: &Columns) {
        match Request::from_columns(columns) {
            Request::Traces(request) => self.traces.resource_spans.extend(request.resource_spans),
            Request::Logs(request) => self.logs.resource_logs.extend(request.resource_logs),
            Request::Metrics(request) => self.metrics.resource_metrics.extend(request.resource_metrics),
        }
    }
}
