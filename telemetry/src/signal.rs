//! Signals, as `wit/0.1.0/detector.wit` has them: what commits hold, the same bytes whatever runtime wrote them.

use serde::{Deserialize, Serialize};

/// How bad it is for the users of the system observed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Some users, or not for long.
    Medium,
    /// Many users.
    High,
    /// Most users, or loss of data.
    Critical,
}

/// A row of telemetry.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct RowId {
    /// Ordinal of its segment in the session, from 1.
    pub segment: u64,
    /// Its row there.
    pub row: u32,
}

/// What makes two signals the same trouble.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fingerprint {
    /// Version of the method.
    pub version: u32,
    /// The parts, in order.
    pub parts: Vec<String>,
}

/// A figure, with what it usually is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Measure {
    /// Lower case with dots, such as `errors.rate`.
    pub name: String,
    /// Unit in UCUM.
    pub unit: String,
    /// What it is now.
    pub value: f64,
    /// What it usually is, where that is known.
    pub baseline: Option<f64>,
}

/// A fact in words.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Detail {
    /// Name; OpenTelemetry's where there is one.
    pub name: String,
    /// Value.
    pub value: String,
}

/// A finding.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Signal {
    /// One of the manifest's `signals`.
    pub kind: String,
    /// How bad it is.
    pub severity: Severity,
    /// What makes it the same trouble as another one.
    pub fingerprint: Fingerprint,
    /// One line for a person.
    pub title: String,
    /// `service.name` where the trouble began; empty if unknown.
    pub service: String,
    /// The operation there; empty if unknown.
    pub operation: String,
    /// `service.version` there; empty if unknown.
    pub release: String,
    /// Other services that complain of it.
    pub affected: Vec<String>,
    /// First occurrence counted, in nanoseconds since the Unix epoch.
    pub start_time: u64,
    /// Last occurrence counted, in nanoseconds since the Unix epoch.
    pub end_time: u64,
    /// Occurrences between the two.
    pub count: u64,
    /// Figures.
    pub measures: Vec<Measure>,
    /// Facts.
    pub details: Vec<Detail>,
    /// Rows that show it.
    pub evidence: Vec<RowId>,
}
