//! Ids of evidence and of fingerprints, and rows of telemetry as evidence.

use aia_telemetry::{Row, RowKind, SegmentId};

use super::severity::word;
use crate::runtime::{EvidenceKind, Field, Fingerprint, Item, TraceId};
use crate::store::{ChangeRecord, Evidence, PinnedSignal};

/// The id of a row of telemetry as evidence: whoever has the segment can check it.
#[must_use]
pub fn evidence_id(segment: SegmentId, row: u32) -> String {
    format!("ev-{segment}-{row}")
}

/// A row of telemetry as evidence.
#[must_use]
pub fn from_row(segment: SegmentId, row: u32, content: Row) -> Evidence {
    let trace = content.trace;
    Evidence {
        id: evidence_id(segment, row),
        segment: segment.to_string(),
        row,
        kind: match content.kind {
            RowKind::Span => "span",
            RowKind::Log => "log",
            RowKind::Point => "point",
        }
        .to_owned(),
        time: content.time,
        service: content.service,
        trace_id: if trace == (0, 0) {
            String::new()
        } else {
            format!("{:016x}{:016x}", trace.0, trace.1)
        },
        span_id: if content.span_id == 0 {
            String::new()
        } else {
            format!("{:016x}", content.span_id)
        },
        title: content.title,
        fields: content.fields,
    }
}

/// A piece of evidence as plugins get it.
#[must_use]
pub fn item(evidence: &Evidence) -> Item {
    let kind = match evidence.kind.as_str() {
        "log" => EvidenceKind::Log,
        "point" => EvidenceKind::Point,
        "operation" => EvidenceKind::Operation,
        "series" => EvidenceKind::Series,
        "signal" => EvidenceKind::Signal,
        "change" => EvidenceKind::Change,
        "code" => EvidenceKind::Code,
        _ => EvidenceKind::Span,
    };
    let trace = u128::from_str_radix(&evidence.trace_id, 16).unwrap_or(0);
    #[expect(clippy::cast_possible_truncation, reason = "the halves of a trace id")]
    let trace = TraceId {
        high: (trace >> 64) as u64,
        low: trace as u64,
    };
    Item {
        id: evidence.id.clone(),
        kind,
        time: evidence.time,
        service: evidence.service.clone(),
        trace,
        span_id: u64::from_str_radix(&evidence.span_id, 16).unwrap_or(0),
        title: evidence.title.clone(),
        fields: evidence
            .fields
            .iter()
            .map(|(name, value)| Field {
                name: name.clone(),
                value: value.clone(),
            })
            .collect(),
    }
}

/// A signal as evidence for an analyst.
#[must_use]
pub fn from_signal(pinned: &PinnedSignal) -> Evidence {
    let signal = &pinned.signal;
    let mut fields = Vec::new();
    let mut push = |name: &str, value: String| {
        if !value.is_empty() {
            fields.push((name.to_owned(), value));
        }
    };
    push("detector", pinned.detector.clone());
    push("kind", signal.kind.clone());
    push("severity", word(signal.severity).to_owned());
    push("operation", signal.operation.clone());
    push("release", signal.release.clone());
    push("start", signal.start_time.to_string());
    push("end", signal.end_time.to_string());
    push("count", signal.count.to_string());
    push("affected", signal.affected.join(","));
    for measure in &signal.measures {
        push(&format!("measure.{}", measure.name), measure.value.to_string());
        if let Some(usual) = measure.baseline {
            push(&format!("baseline.{}", measure.name), usual.to_string());
        }
    }
    for detail in &signal.details {
        push(&format!("detail.{}", detail.name), detail.value.clone());
    }
    Evidence {
        time: signal.start_time,
        service: signal.service.clone(),
        title: signal.title.clone(),
        fields,
        ..derived("signal", format!("sig-{}", pinned.id))
    }
}

/// A change as evidence for an analyst.
#[must_use]
pub fn from_change(change: &ChangeRecord) -> Evidence {
    let mut fields = vec![
        ("kind".to_owned(), change.kind.as_str().to_owned()),
        ("release".to_owned(), change.release.clone()),
        ("release.previous".to_owned(), change.release_previous.clone()),
        ("author".to_owned(), change.author.clone()),
        ("text".to_owned(), change.text.clone()),
        ("link".to_owned(), change.link.clone()),
    ];
    fields.retain(|(_, value)| !value.is_empty());
    let words = [
        change.kind.as_str(),
        &change.service,
        &change.release,
        &change.text,
    ];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    Evidence {
        time: change.time,
        service: change.service.clone(),
        title: words.join(" "),
        fields,
        ..derived("change", format!("ch-{}", change.id))
    }
}

/// Evidence of a kind that is no row of telemetry, without content.
#[must_use]
pub fn derived(kind: &str, id: String) -> Evidence {
    Evidence {
        id,
        segment: String::new(),
        row: 0,
        kind: kind.to_owned(),
        time: 0,
        service: String::new(),
        trace_id: String::new(),
        span_id: String::new(),
        title: String::new(),
        fields: Vec::new(),
    }
}

/// Hash of a fingerprint: the same for the same detector, version and parts, whatever bytes the parts hold.
#[must_use]
pub fn fingerprint_hash(detector: &str, fingerprint: &Fingerprint) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("AIA 2026-11 fingerprint");
    let mut add = |text: &str| {
        // The length in front keeps ("ab", "c") and ("a", "bc") apart.
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    add(detector);
    add(&fingerprint.version.to_string());
    for part in &fingerprint.parts {
        add(part);
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_differ_where_anything_does() {
        let hash = |detector: &str, version, parts: &[&str]| {
            let parts = parts.iter().map(|part| (*part).to_owned()).collect();
            fingerprint_hash(detector, &Fingerprint { version, parts })
        };
        let all = [
            hash("errors", 1, &["ab", "c"]),
            hash("errors", 1, &["a", "bc"]),
            hash("errors", 1, &["abc"]),
            hash("errors", 2, &["ab", "c"]),
            hash("latency", 1, &["ab", "c"]),
        ];
        assert_eq!(
            all.iter().collect::<std::collections::BTreeSet<_>>().len(),
            all.len()
        );
        assert_eq!(all.first(), Some(&hash("errors", 1, &["ab", "c"])));
    }
}
