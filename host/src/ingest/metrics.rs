//! What ingest counts.

use std::time::Duration;

use aia_telemetry::{Refusal, SignalType};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::memory::ResidentMemory;

/// How a request came.
#[derive(Clone, Copy, Debug)]
pub(super) enum Protocol {
    Http,
    Grpc,
}

impl Protocol {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
        }
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Taken {
    protocol: &'static str,
    signal: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Refused {
    protocol: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct By {
    protocol: &'static str,
}

/// Requests taken and refused, bytes, time.
#[derive(Clone)]
pub(crate) struct IngestMetrics {
    taken: Family<Taken, Counter>,
    refused: Family<Refused, Counter>,
    received_bytes: Family<By, Counter>,
    decompressed_bytes: Counter,
    seconds: Histogram,
}

impl IngestMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            taken: Family::default(),
            refused: Family::default(),
            received_bytes: Family::default(),
            decompressed_bytes: Counter::default(),
            // From a small batch on a fast disk to a huge one on a slow one.
            seconds: Histogram::new([0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0]),
        };
        registry.register(
            "aia_ingest_requests",
            "OTLP requests taken and durable, by protocol and signal",
            metrics.taken.clone(),
        );
        registry.register(
            "aia_ingest_refusals",
            "OTLP requests refused, by protocol and reason",
            metrics.refused.clone(),
        );
        registry.register_with_unit(
            "aia_ingest_received",
            "Bodies of OTLP requests as sent",
            Unit::Bytes,
            metrics.received_bytes.clone(),
        );
        registry.register_with_unit(
            "aia_ingest_decompressed",
            "Bodies of OTLP requests after decompression",
            Unit::Bytes,
            metrics.decompressed_bytes.clone(),
        );
        registry.register_with_unit(
            "aia_ingest_request",
            "Time from the head of an OTLP request to its answer, if it was taken",
            Unit::Seconds,
            metrics.seconds.clone(),
        );
        registry.register_collector(Box::new(ResidentMemory));
        metrics
    }

    pub(super) fn received(&self, protocol: Protocol, bytes: usize) {
        self.received_bytes
            .get_or_create(&By {
                protocol: protocol.as_str(),
            })
            .inc_by(bytes as u64);
    }

    pub(super) fn decompressed(&self, bytes: usize) {
        self.decompressed_bytes.inc_by(bytes as u64);
    }

    pub(super) fn taken(&self, protocol: Protocol, signal: SignalType, took: Duration) {
        self.taken
            .get_or_create(&Taken {
                protocol: protocol.as_str(),
                signal: signal.as_str(),
            })
            .inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub(super) fn refused(&self, protocol: Protocol, refusal: &Refusal) {
        self.refused
            .get_or_create(&Refused {
                protocol: protocol.as_str(),
                reason: refusal.reason(),
            })
            .inc();
        tracing::debug!(protocol = protocol.as_str(), reason = refusal.reason(), "refused");
    }
}
