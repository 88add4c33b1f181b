//! Scanning requests into columns against decoding them into prost's messages.

use std::hint::black_box;

use aia_telemetry::{ScanLimits, Scratch, SignalType, scan_protobuf};
use anyhow::Result;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use super::ROWS;
use crate::generate::{LogShape, MetricShape, Random, SpanShape, logs, metrics, spans};
use crate::result::{Figure, Goal, Outcome};
use crate::timing::{Case, alternate};

pub(super) fn run() -> Result<Outcome> {
    let mut random = Random::new(1);
    let traces = spans(&mut random, &SpanShape::default()).encode_to_vec();
    let logs = logs(&mut random, &LogShape::default()).encode_to_vec();
    let metrics = metrics(&mut random, &MetricShape::default()).encode_to_vec();
    let mut figures = compare::<ExportTraceServiceRequest>("span", SignalType::Traces, &traces)?;
    // The promise is made for spans.
    if let Some(ratio) = figures.last_mut() {
        ratio.goal = Some(Goal::AtLeast(5.0));
    }
    figures.extend(compare::<ExportLogsServiceRequest>(
        "log record",
        SignalType::Logs,
        &logs,
    )?);
    figures.extend(compare::<ExportMetricsServiceRequest>(
        "point",
        SignalType::Metrics,
        &metrics,
    )?);
    Ok(Outcome {
        figures,
        ..Outcome::default()
    })
}

/// Both ways for the same bytes; the ratio comes last.
fn compare<M: Message + Default>(row: &str, signal: SignalType, body: &[u8]) -> Result<Vec<Figure>> {
    let (limits, mut scratch) = (ScanLimits::default(), Scratch::default());
    let timings = alternate(&mut [
        Case::new("scan", || {
            black_box(scan_protobuf(signal, black_box(body), &limits, &mut scratch)?);
            Ok(())
        }),
        Case::new("decode", || {
            black_box(M::decode(black_box(body))?);
            Ok(())
        }),
    ])?;
    let [scan, decode] = timings.as_slice() else {
        anyhow::bail!("two cases gave {} timings", timings.len())
    };
    Ok(vec![
        Figure::new(format!("{row}: to columns"), scan.median_ns / ROWS, "ns"),
        Figure::new(format!("{row}: prost's decode"), decode.median_ns / ROWS, "ns"),
        Figure::new(format!("{row}: ratio"), decode.median_ns / scan.median_ns, "×"),
    ])
}
