//! What a transpiled plugin gives, as Rust has it.

use aia_edge::{LogLine, Outcome};
use aia_telemetry::{Detail, Fingerprint, Measure, RowId, Severity, Signal};
use serde::Deserialize;
use worker::wasm_bindgen::JsValue;

#[derive(Deserialize)]
struct JsOutcome {
    signals: Vec<JsSignal>,
    logs: Vec<JsLogLine>,
}

#[derive(Deserialize)]
struct JsLogLine {
    level: JsLevel,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum JsLevel {
    Debug,
    Info,
    Warn,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsSignal {
    kind: String,
    severity: JsSeverity,
    fingerprint: Fingerprint,
    title: String,
    service: String,
    operation: String,
    release: String,
    affected: Vec<String>,
    start_time: u64,
    end_time: u64,
    count: u64,
    measures: Vec<JsMeasure>,
    details: Vec<Detail>,
    evidence: Vec<RowId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum JsSeverity {
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Deserialize)]
struct JsMeasure {
    name: String,
    unit: String,
    value: f64,
    // An absent option is `undefined`, or no key at all.
    #[serde(default)]
    baseline: Option<f64>,
}

/// Reads an outcome.
///
/// # Errors
/// If it is none, which the glue doesn't let happen.
pub(crate) fn read(value: JsValue) -> Result<Outcome, String> {
    let outcome: JsOutcome = serde_wasm_bindgen::from_value(value).map_err(|error| error.to_string())?;
    Ok(Outcome {
        signals: outcome.signals.into_iter().map(Signal::from).collect(),
        logs: outcome.logs.into_iter().map(LogLine::from).collect(),
    })
}

impl From<JsLogLine> for LogLine {
    fn from(line: JsLogLine) -> Self {
        let level = match line.level {
            JsLevel::Debug => "debug",
            JsLevel::Info => "info",
            JsLevel::Warn => "warn",
        };
        Self {
            level,
            message: line.message,
        }
    }
}

impl From<JsSignal> for Signal {
    fn from(signal: JsSignal) -> Self {
        let severity = match signal.severity {
            JsSeverity::Low => Severity::Low,
            JsSeverity::Medium => Severity::Medium,
            JsSeverity::High => Severity::High,
            JsSeverity::Critical => Severity::Critical,
        };
        let measure = |measure: JsMeasure| Measure {
            name: measure.name,
            unit: measure.unit,
            value: measure.value,
            baseline: measure.baseline,
        };
        Self {
            kind: signal.kind,
            severity,
            fingerprint: signal.fingerprint,
            title: signal.title,
            service: signal.service,
            operation: signal.operation,
            release: signal.release,
            affected: signal.affected,
            start_time: signal.start_time,
            end_time: signal.end_time,
            count: signal.count,
            measures: signal.measures.into_iter().map(measure).collect(),
            details: signal.details,
            evidence: signal.evidence,
        }
    }
}
