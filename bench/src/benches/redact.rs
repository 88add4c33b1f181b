//! What looking for secrets adds to scanning.

use std::hint::black_box;

use aia_telemetry::{RedactConfig, Redactor, ScanLimits, Scratch, SignalType, scan_protobuf};
use anyhow::Result;
use prost::Message;

use super::ROWS;
use crate::generate::{LogShape, Random, SpanShape, logs, spans};
use crate::result::{Figure, Outcome};
use crate::timing::{Case, alternate};

pub(super) fn run() -> Result<Outcome> {
    let mut random = Random::new(2);
    let traces = spans(&mut random, &SpanShape::default()).encode_to_vec();
    let logs = logs(&mut random, &LogShape::default()).encode_to_vec();
    let mut figures = measure("span", SignalType::Traces, &traces)?;
    figures.extend(measure("log record", SignalType::Logs, &logs)?);
    Ok(Outcome {
        figures,
        ..Outcome::default()
    })
}

fn measure(row: &str, signal: SignalType, body: &[u8]) -> Result<Vec<Figure>> {
    let redactor = Redactor::new(&RedactConfig::default())?;
    let (limits, mut scratch, mut other) = (ScanLimits::default(), Scratch::default(), Scratch::default());
    let timings = alternate(&mut [
        Case::new("scan", || {
            black_box(scan_protobuf(signal, black_box(body), &limits, &mut scratch)?);
            Ok(())
        }),
        Case::new("scan and redact", || {
            let mut scanned = scan_protobuf(signal, black_box(body), &limits, &mut other)?;
            black_box(redactor.redact(&mut scanned.columns));
            black_box(scanned);
            Ok(())
        }),
    ])?;
    let [scan, both] = timings.as_slice() else {
        anyhow::bail!("two cases gave {} timings", timings.len())
    };
    let redact = both.median_ns - scan.median_ns;
    Ok(vec![
        Figure::new(format!("{row}: scan"), scan.median_ns / ROWS, "ns"),
        Figure::new(format!("{row}: redact"), redact / ROWS, "ns"),
        Figure::new(
            format!("{row}: redact, share of both"),
            100.0 * redact / both.median_ns,
            "%",
        ),
    ])
}
