//! What a running `aia` has stored, read from its data folder as the messages of OTLP.

use std::path::Path;

use aia::config::Config;
use aia::core::StoredLog;
use aia::store::Scope;
use aia_oracle::Request;
use aia_telemetry::{Columns, ProjectId, TenantId};
use anyhow::{Context, Result, anyhow};
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

/// The project that every first start makes.
///
/// # Errors
/// Never, as the names stand.
pub fn default_scope() -> Result<Scope> {
    Ok(Scope {
        tenant: TenantId::new("default")?,
        project: ProjectId::new("default")?,
    })
}

/// The log of the default project as it lies in a data folder.
///
/// # Errors
/// If the folder can't be read.
pub fn open_log(data: &Path) -> Result<StoredLog> {
    let config = Config {
        data: data.to_owned(),
        ..Config::defaults()?
    };
    StoredLog::open(&config, &default_scope()?).map_err(|error| anyhow!("{}", aia::chain(error.as_ref())))
}

/// What a data folder holds of the default project. Reads beside a running host, through the same code as
/// `aia backtest`: every segment is verified.
///
/// # Errors
/// If the folder can't be read or a segment doesn't verify.
pub fn stored(data: &Path) -> Result<Telemetry> {
    let log = open_log(data)?;
    let log = log.view();
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
    /// Number of spans called `work` in a trace, whose id is given in hexadecimal digits.
    #[must_use]
    pub fn spans_of(&self, trace: &str) -> usize {
        let scopes = self
            .traces
            .resource_spans
            .iter()
            .flat_map(|resource| &resource.scope_spans);
        let is_of = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>() == trace;
        scopes
            .flat_map(|scope| &scope.spans)
            .filter(|span| span.name == "work" && is_of(&span.trace_id))
            .count()
    }

    pub(crate) fn add(&mut self, columns: &Columns) {
        match Request::from_columns(columns) {
            Request::Traces(request) => self.traces.resource_spans.extend(request.resource_spans),
            Request::Logs(request) => self.logs.resource_logs.extend(request.resource_logs),
            Request::Metrics(request) => self.metrics.resource_metrics.extend(request.resource_metrics),
        }
    }
}
