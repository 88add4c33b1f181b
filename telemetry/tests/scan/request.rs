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
pub(crate) enum Request {
    Traces(ExportTraceServiceRequest),
    Logs(ExportLogsServiceRequest),
    Metrics(ExportMetricsServiceRequest),
}

impl Request {
    pub(crate) fn decode(signal: SignalType, body: &[u8]) -> Result<Self, DecodeError> {
        match signal {
            SignalType::Traces => ExportTraceServiceRequest::decode(body).map(Self::Traces),
            SignalType::Logs => ExportLogsServiceRequest::decode(body).map(Self::Logs),
            SignalType::Metrics => ExportMetricsServiceRequest::decode(body).map(Self::Metrics),
        }
    }

    pub(crate) fn signal(&self) -> SignalType {
        match self {
            Self::Traces(_) => SignalType::Traces,
            Self::Logs(_) => SignalType::Logs,
            Self::Metrics(_) => SignalType::Metrics,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Traces(request) => request.encode_to_vec(),
            Self::Logs(request) => request.encode_to_vec(),
            Self::Metrics(request) => request.encode_to_vec(),
        }
    }

    /// The same request as columns say it.
    pub(crate) fn from_columns(columns: &Columns) -> Self {
        match columns {
            Columns::Spans(columns) => Self::Traces(rebuild::traces(columns)),
            Columns::Logs(columns) => Self::Logs(rebuild::logs(columns)),
            Columns::Metrics(columns) => Self::Metrics(rebuild_metrics::metrics(columns)),
        }
    }

    /// What scanners document that they make of it, and how many spans they refuse.
    pub(crate) fn normal(mut self) -> (Self, u32) {
        let refused = match &mut self {
            Self::Traces(request) => normal::traces(request),
            Self::Logs(request) => normal::logs(request),
            Self::Metrics(request) => normal::metrics(request),
        };
        (self, refused)
    }

    pub(crate) fn json(&self, style: json::Style) -> Vec<u8> {
        let value = match self {
            Self::Traces(request) => json::traces(request, style),
            Self::Logs(request) => json::logs(request, style),
            Self::Metrics(request) => json::metrics(request, style),
        };
        serde_json::to_vec(&value).unwrap()
    }

    /// Asserts that columns are valid and say the same as this request, in every field.
    pub(crate) fn assert_same(&self, scanned: &Scanned) {
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

pub(crate) fn protobuf(signal: SignalType, body: &[u8]) -> Result<Scanned, ScanError> {
    scan_protobuf(signal, body, &ScanLimits::default(), &mut Scratch::default())
}

pub(crate) fn json(signal: SignalType, body: &[u8]) -> Result<Scanned, ScanError> {
    scan_json(signal, body, &ScanLimits::default(), &mut Scratch::default())
}
