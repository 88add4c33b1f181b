//! A request of any of the three signals, for tests that don't care which.

use aia_telemetry::{
    Columns, ScanError, ScanLimits, Scanned, Scratch, SignalType, scan_json, scan_protobuf, validate,
};
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use prost::{DecodeError, Message};

use crate::{json, normal, rebuild, rebuild_metrics};

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Spans.
    Traces(ExportTraceServiceRequest),
    /// Log records.
    Logs(ExportLogsServiceRequest),
    /// Metrics.
    Metrics(ExportMetricsServiceRequest),
}

impl Request {
    /// As prost reads it.
    ///
    /// # Errors
    /// As prost has it.
    pub fn decode(signal: SignalType, body: &[u8]) -> Result<Self, DecodeError> {
        match signal {
            SignalType::Traces => ExportTraceServiceRequest::decode(body).map(Self::Traces),
            SignalType::Logs => ExportLogsServiceRequest::decode(body).map(Self::Logs),
            SignalType::Metrics => ExportMetricsServiceRequest::decode(body).map(Self::Metrics),
        }
    }

    /// Of which signal it is.
    #[must_use]
    pub fn signal(&self) -> SignalType {
        match self {
            Self::Traces(_) => SignalType::Traces,
            Self::Logs(_) => SignalType::Logs,
            Self::Metrics(_) => SignalType::Metrics,
        }
    }

    /// As prost writes it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Traces(request) => request.encode_to_vec(),
            Self::Logs(request) => request.encode_to_vec(),
            Self::Metrics(request) => request.encode_to_vec(),
        }
    }

    /// The same request as columns say it.
    #[must_use]
    pub fn from_columns(columns: &Columns) -> Self {
        match columns {
            Columns::Spans(columns) => Self::Traces(rebuild::traces(columns)),
            Columns::Logs(columns) => Self::Logs(rebuild::logs(columns)),
            Columns::Metrics(columns) => Self::Metrics(rebuild_metrics::metrics(columns)),
        }
    }

    /// What scanners document that they make of it, and how many spans they refuse.
    #[must_use]
    pub fn normal(mut self) -> (Self, u32) {
        let refused = match &mut self {
            Self::Traces(request) => normal::traces(request),
            Self::Logs(request) => normal::logs(request),
            Self::Metrics(request) => normal::metrics(request),
        };
        (self, refused)
    }

    /// As OTLP's JSON.
    #[must_use]
    pub fn json(&self, style: json::Style) -> Vec<u8> {
        let value = match self {
            Self::Traces(request) => json::traces(request, style),
            Self::Logs(request) => json::logs(request, style),
            Self::Metrics(request) => json::metrics(request, style),
        };
        serde_json::to_vec(&value).unwrap()
    }

    /// Whether a value of it is an index into the string table of profiles, which is in development in OTLP: scanners
    /// skip it, and so leave what it replaces in its oneof.
    #[must_use]
    pub fn has_indexed_strings(&self) -> bool {
        format!("{self:?}").contains("StringValueStrindex")
    }

    /// Asserts that columns are valid and say the same as this request, in every field.
    pub fn assert_same(&self, scanned: &Scanned) {
        assert_eq!(validate(&scanned.columns), Ok(()));
        let (expected, refused) = self.clone().normal();
        let found = Self::from_columns(&scanned.columns);
        // Encoded, as NaN is equal to nothing.
        if found.encode() != expected.encode() {
            assert_eq!(format!("{found:#?}"), format!("{expected:#?}"));
            panic!("differs only in the bits of a double:\n{found:#?}");
        }
        assert_eq!(scanned.refused.total(), refused);
    }
}

/// Scans protobuf under the default limits.
///
/// # Errors
/// As the scanner has it.
pub fn protobuf(signal: SignalType, body: &[u8]) -> Result<Scanned, ScanError> {
    scan_protobuf(signal, body, &ScanLimits::default(), &mut Scratch::default())
}

/// Scans JSON under the default limits.
///
/// # Errors
/// As the scanner has it.
pub fn json(signal: SignalType, body: &[u8]) -> Result<Scanned, ScanError> {
    scan_json(signal, body, &ScanLimits::default(), &mut Scratch::default())
}

/// Asserts that the protobuf scanner and prost agree on any bytes: the same rows and values, or both refuse. What they
/// may differ in is listed here.
pub fn assert_agreement(signal: SignalType, body: &[u8]) {
    match (protobuf(signal, body), Request::decode(signal, body)) {
        // The scanner skips what it doesn't know or doesn't need, texts that aren't UTF-8 and replaced values included.
        (Ok(scanned), Err(_)) => assert_eq!(validate(&scanned.columns), Ok(())),
        (Ok(scanned), Ok(request)) if request.has_indexed_strings() => {
            assert_eq!(validate(&scanned.columns), Ok(()));
        }
        (Ok(scanned), Ok(request)) => request.assert_same(&scanned),
        // Limits that prost doesn't have, or not the same.
        (
            Err(
                ScanError::Depth { .. }
                | ScanError::Group { .. }
                | ScanError::Expansion { .. }
                | ScanError::Rows { .. },
            ),
            _,
        )
        | (Err(_), Err(_)) => {}
        (Err(error), Ok(request)) => panic!("{error}, but it is {request:?}"),
    }
}
