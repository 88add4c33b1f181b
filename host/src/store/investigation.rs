//! The rows of investigations: what was concluded, and when what was looked at.

use serde::{Deserialize, Serialize};

use super::{Evidence, TimelineEvent};
use crate::runtime::{Severity, Verdict};

/// How an investigation ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// With a conclusion.
    Concluded,
    /// The analyst gave up: why.
    GaveUp(String),
    /// The analyst failed, or ran into a limit: how.
    Failed(String),
}

/// The last investigation of an incident by an analyst.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct InvestigationRecord {
    /// The incident.
    pub incident: String,
    /// Name of the analyst.
    pub analyst: String,
    /// When, nanoseconds since the Unix epoch (time of the data).
    pub time: u64,
    /// Service that the incident was laid at.
    pub service: String,
    /// How bad it was.
    pub severity: Severity,
    /// Digest of everything that the outcome depends on: the same basis gives the same conclusion.
    pub basis: String,
    /// How it ended.
    pub ending: Ending,
    /// Failures in a row.
    pub failures: u32,
}

/// A sentence and the evidence that shows it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct StatementRecord {
    /// The sentence, its figures printed.
    pub text: String,
    /// Ids of evidence that is pinned with the incident; never empty.
    pub evidence: Vec<String>,
}

/// Something that may be the cause.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SuspectRecord {
    /// Service.
    pub service: String,
    /// Operation; empty if unknown.
    pub operation: String,
    /// Release; empty if unknown.
    pub release: String,
    /// `path:line` or function; empty if unknown.
    pub code: String,
    /// From 0 to 1.
    pub probability: f64,
    /// Why.
    pub reasons: Vec<StatementRecord>,
}

/// What an analyst concluded, checked by the host.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ConclusionRecord {
    /// `con-` and a hash of incident, analyst and time.
    pub id: String,
    /// The incident.
    pub incident: String,
    /// Name of the analyst.
    pub analyst: String,
    /// Its version.
    pub analyst_version: String,
    /// BLAKE3 of its file, hex.
    pub digest: String,
    /// When, nanoseconds since the Unix epoch (time of the data).
    pub time: u64,
    /// The outcome.
    pub verdict: Verdict,
    /// The explanation, sentence by sentence.
    pub statements: Vec<StatementRecord>,
    /// Suspects, likeliest first.
    pub suspects: Vec<SuspectRecord>,
    /// A unified diff that would mend it; empty if there is none.
    pub diff: String,
    /// Claims, suspects and diffs that the host dropped, because what they refer to doesn't exist.
    pub dropped: u32,
    /// Whether the analyst's verdict was another one, of which nothing was left after the check.
    pub downgraded: bool,
}

/// One line of a chart.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ChartSeries {
    /// What it shows, such as `p95`.
    pub name: String,
    /// A value for each step; none where nothing was seen.
    pub values: Vec<Option<f64>>,
}

/// Figures over time.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ChartRecord {
    /// What it shows.
    pub title: String,
    /// UCUM unit of the values.
    pub unit: String,
    /// Begin of the first step, nanoseconds since the Unix epoch.
    pub start: u64,
    /// Length of a step, nanoseconds.
    pub step: u64,
    /// Its lines.
    pub series: Vec<ChartSeries>,
}

/// All that an investigation leaves behind, stored at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Investigated {
    /// That it took place; replaces the record of the one before by the same analyst.
    pub record: InvestigationRecord,
    /// What was concluded; none if nothing was, or the same as before.
    pub conclusion: Option<ConclusionRecord>,
    /// Evidence that the conclusion refers to, to be pinned.
    pub evidence: Vec<Evidence>,
    /// For the timeline.
    pub event: Option<TimelineEvent>,
    /// The charts of the time around the incident; they replace those of before unless there are none.
    pub charts: Vec<ChartRecord>,
}
