//! What the API says of conclusions.

use serde::Serialize;

use super::time::rfc3339;
use crate::{investigations::verdict, store};

/// What an analyst concluded of an incident, checked: every sentence names evidence that exists.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Conclusion {
    /// Its id.
    pub(crate) id: String,
    /// Name of the analyst.
    pub(crate) analyst: String,
    /// Version of the analyst.
    pub(crate) analyst_version: String,
    /// When, in the time of the telemetry.
    #[schema(format = DateTime)]
    pub(crate) time: Option<String>,
    /// `cause`, `no-code-cause` or `not-enough-evidence`.
    pub(crate) verdict: String,
    /// The explanation, sentence by sentence.
    pub(crate) statements: Vec<Statement>,
    /// What may be the cause, likeliest first.
    pub(crate) suspects: Vec<Suspect>,
    /// Claims, suspects and diffs that were dropped because what they refer to doesn't exist.
    pub(crate) dropped: u32,
    /// Whether the analyst's verdict was another one, of which nothing was left.
    pub(crate) downgraded: bool,
}

/// A sentence and what shows it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Statement {
    /// The sentence.
    pub(crate) text: String,
    /// Ids of the evidence that shows it.
    pub(crate) evidence: Vec<String>,
}

/// Something that may be the cause.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Suspect {
    /// Service.
    pub(crate) service: String,
    /// Operation; empty if unknown.
    pub(crate) operation: String,
    /// Release; empty if unknown.
    pub(crate) release: String,
    /// `path:line` or function; empty if unknown.
    pub(crate) code: String,
    /// From 0 to 1.
    pub(crate) probability: f64,
    /// Why.
    pub(crate) reasons: Vec<Statement>,
}

impl From<store::ConclusionRecord> for Conclusion {
    fn from(record: store::ConclusionRecord) -> Self {
        Self {
            id: record.id,
            analyst: record.analyst,
            analyst_version: record.analyst_version,
            time: rfc3339(record.time),
            verdict: verdict(record.verdict).to_owned(),
            statements: record.statements.into_iter().map(Into::into).collect(),
            suspects: record.suspects.into_iter().map(Into::into).collect(),
            dropped: record.dropped,
            downgraded: record.downgraded,
        }
    }
}

impl From<store::StatementRecord> for Statement {
    fn from(record: store::StatementRecord) -> Self {
        let store::StatementRecord { text, evidence } = record;
        Self { text, evidence }
    }
}

impl From<store::SuspectRecord> for Suspect {
    fn from(record: store::SuspectRecord) -> Self {
        Self {
            service: record.service,
            operation: record.operation,
            release: record.release,
            code: record.code,
            probability: record.probability,
            reasons: record.reasons.into_iter().map(Into::into).collect(),
        }
    }
}
