//! What wasmtime's plugins give, as JavaScript's plugins give it, in the notation of `calls.mjs`.

use aia::runtime::{Detail, Level, LogLine, Outcome, RowId, Severity, Signal};
use aia::runtime::{Fingerprint, Measure};
use serde_json::{Value, json};

/// An outcome. Records are taken apart, so that a new field doesn't compile until it is compared.
pub(crate) fn outcome(Outcome { signals, logs }: &Outcome) -> Value {
    json!({
        "signals": signals.iter().map(signal).collect::<Vec<_>>(),
        "logs": logs.iter().map(log).collect::<Vec<_>>(),
    })
}

fn log(LogLine { level, message }: &LogLine) -> Value {
    let level = match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
    };
    json!({ "level": level, "message": message })
}

fn signal(signal: &Signal) -> Value {
    let Signal {
        kind,
        severity,
        fingerprint: Fingerprint { version, parts },
        title,
        service,
        operation,
        release,
        affected,
        start_time,
        end_time,
        count,
        measures,
        details,
        evidence,
    } = signal;
    let severity = match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    };
    json!({
        "kind": kind,
        "severity": severity,
        "fingerprint": { "version": version, "parts": parts },
        "title": title,
        "service": service,
        "operation": operation,
        "release": release,
        "affected": affected,
        "startTime": long(*start_time),
        "endTime": long(*end_time),
        "count": long(*count),
        "measures": measures.iter().map(measure).collect::<Vec<_>>(),
        "details": details.iter().map(detail).collect::<Vec<_>>(),
        "evidence": evidence.iter().map(row).collect::<Vec<_>>(),
    })
}

fn measure(measure: &Measure) -> Value {
    let Measure {
        name,
        unit,
        value,
        baseline,
    } = measure;
    let mut measure = json!({ "name": name, "unit": unit, "value": double(*value) });
    if let Some(baseline) = baseline {
        measure["baseline"] = double(*baseline);
    }
    measure
}

fn detail(Detail { name, value }: &Detail) -> Value {
    json!({ "name": name, "value": value })
}

fn row(RowId { segment, row }: &RowId) -> Value {
    json!({ "segment": long(*segment), "row": row })
}

fn long(value: u64) -> Value {
    json!({ "$int": value.to_string() })
}

/// JavaScript's safe integers as they are, all other doubles by their bits.
fn double(value: f64) -> Value {
    const LARGEST_SAFE: f64 = 9_007_199_254_740_991.0;
    let is_safe = value.fract() == 0.0 && value.abs() <= LARGEST_SAFE;
    if is_safe && !(value == 0.0 && value.is_sign_negative()) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is an integer of less than 54 bits"
        )]
        return json!(value as i64);
    }
    json!({ "$f64": format!("{:x}", value.to_bits()) })
}
