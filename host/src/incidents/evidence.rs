//! Ids of evidence and of fingerprints, and rows of telemetry as evidence.

use aia_telemetry::{Row, RowKind, SegmentId};

use crate::runtime::Fingerprint;
use crate::store::Evidence;

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
