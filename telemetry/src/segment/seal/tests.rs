//! Tests of sealing and opening, against changed, moved, foreign and impossible segments.

use proptest::prelude::*;

use super::*;
use crate::columns::{Columns, LogColumns, SpanColumns};
use crate::keys::IngestKey;
use crate::names::{KeyId, ProjectId, TenantId};
use crate::secret::RootSecret;

const LIMITS: SegmentLimits = SegmentLimits {
    max_columns_bytes: 1 << 20,
};
const NOW: u64 = 1_674_981_234_567_890_123;

fn keys(tenant: &str, project: &str) -> ProjectKeys {
    let root = RootSecret::new([7; 32]);
    ProjectKeys::derive(
        &root,
        &TenantId::new(tenant).unwrap(),
        &ProjectId::new(project).unwrap(),
    )
}

fn shop() -> ProjectKeys {
    keys("acme", "shop")
}

fn ingest_key(keys: &ProjectKeys) -> IngestKey {
    IngestKey {
        tenant: keys.tenant().clone(),
        project: keys.project().clone(),
        key_id: KeyId::new("k1").unwrap(),
        version: 1,
    }
}

/// Spans that are valid and large enough to be worth compressing.
fn columns() -> Columns {
    let mut columns = SpanColumns::default();
    let common = &mut columns.common;
    common.strings.ends = vec![0, 12];
    common.strings.utf8 = b"POST /charge".to_vec();
    common.resources.attributes_end = vec![0];
    common.resources.dropped_attributes = vec![0];
    common.resources.schema_url = vec![0];
    common.scopes.resource = vec![0];
    common.scopes.name = vec![0];
    common.scopes.version = vec![0];
    common.scopes.attributes_end = vec![0];
    common.scopes.dropped_attributes = vec![0];
    common.scopes.schema_url = vec![0];
    let rows = 100;
    let spans = &mut columns.spans;
    let zeros = vec![0_u32; rows];
    spans.scope = zeros.clone();
    spans.trace_id_high = vec![1; rows];
    spans.trace_id_low = vec![2; rows];
    spans.span_id = (1..=rows as u64).collect();
    spans.parent_span_id = vec![0; rows];
    spans.trace_state = zeros.clone();
    spans.flags = zeros.clone();
    spans.name = vec![1; rows];
    spans.kind = vec![2; rows];
    spans.start_time = vec![NOW; rows];
    spans.end_time = vec![NOW + 5; rows];
    spans.status_code = vec![0; rows];
    spans.status_message = zeros.clone();
    spans.attributes_end = zeros.clone();
    spans.dropped_attributes = zeros.clone();
    spans.events_end = zeros.clone();
    spans.dropped_events = zeros.clone();
    spans.links_end = zeros.clone();
    spans.dropped_links = zeros;
    Columns::Spans(columns)
}

fn sealed(keys: &ProjectKeys) -> (Header, Vec<u8>) {
    let columns = columns();
    let header = keys.header(&columns, b"body", NOW, &ingest_key(keys));
    let segment = keys.seal(&header, Some(&columns)).unwrap();
    (header, segment)
}

#[test]
fn segments_come_back() {
    let (header, segment) = sealed(&shop());
    assert!(
        segment.len() < 1000,
        "100 spans of 70 bytes compress to {}",
        segment.len()
    );
    let (opened, found) = shop().open(&segment, &LIMITS).unwrap();
    assert_eq!((opened, found), (header.clone(), Some(columns())));
    let (opened, _) = shop().open_at(&object_key(&header), &segment, &LIMITS).unwrap();
    assert_eq!(opened.key_id.unwrap().as_str(), "k1");
}

#[test]
fn an_empty_segment_carries_only_time() {
    let header = shop().empty_header(NOW);
    let segment = shop().seal(&header, None).unwrap();
    assert_eq!(shop().open(&segment, &LIMITS).unwrap(), (header, None));
}

#[test]
fn moved_renamed_and_foreign_segments_are_refused() {
    let (header, segment) = sealed(&shop());
    let key = object_key(&header);
    let errors = [
        shop()
            .open_at(&key.replace("/08/", "/09/"), &segment, &LIMITS)
            .unwrap_err(),
        shop()
            .open_at(&key.replace("/shop/", "/blog/"), &segment, &LIMITS)
            .unwrap_err(),
        keys("acme", "blog").open(&segment, &LIMITS).unwrap_err(),
        keys("evil", "shop").open(&segment, &LIMITS).unwrap_err(),
        // The header rewritten to agree with where it was moved.
        keys("evil", "shop")
            .open(
                &rewritten(&segment, |header| header.tenant = TenantId::new("evil").unwrap()),
                &LIMITS,
            )
            .unwrap_err(),
        shop()
            .open(
                &rewritten(&segment, |header| header.received_at += 60_000_000_000),
                &LIMITS,
            )
            .unwrap_err(),
        shop()
            .open(&rewritten(&segment, |header| header.id.0[0] ^= 1), &LIMITS)
            .unwrap_err(),
        shop()
            .open(&rewritten(&segment, |header| header.key_id = None), &LIMITS)
            .unwrap_err(),
    ];
    let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(messages.join("\n"), @r#"
    opening the segment segments/acme/shop/2023-01-29/09/33/9c2c0d27692f5d52fc5db4e8509412f8: its header says that it belongs at segments/acme/shop/2023-01-29/08/33/9c2c0d27692f5d52fc5db4e8509412f8
    opening the segment segments/acme/blog/2023-01-29/08/33/9c2c0d27692f5d52fc5db4e8509412f8: its header says that it belongs at segments/acme/shop/2023-01-29/08/33/9c2c0d27692f5d52fc5db4e8509412f8
    the segment belongs to project shop of tenant acme, the keys to project blog of tenant acme
    the segment belongs to project shop of tenant acme, the keys to project shop of tenant evil
    opening the segment segments/evil/shop/2023-01-29/08/33/9c2c0d27692f5d52fc5db4e8509412f8: its MAC is wrong
    opening the segment segments/acme/shop/2023-01-29/08/34/9c2c0d27692f5d52fc5db4e8509412f8: its MAC is wrong
    opening the segment segments/acme/shop/2023-01-29/08/33/9d2c0d27692f5d52fc5db4e8509412f8: its MAC is wrong
    opening the segment segments/acme/shop/2023-01-29/08/33/9c2c0d27692f5d52fc5db4e8509412f8: its MAC is wrong
    "#);
}

/// A segment with another header and the same MAC.
fn rewritten(segment: &[u8], change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let (mut header, rest) = split_header(segment).unwrap();
    change(&mut header);
    [write_header(&header).unwrap(), rest.to_vec()].concat()
}

/// A segment whose MAC is right, whatever its payload: what a bug or a thief of the key could write.
fn genuine(header: &Header, payload: &[u8]) -> Vec<u8> {
    let mut segment = write_header(header).unwrap();
    segment.extend_from_slice(payload);
    let mac = shop().mac(&object_key(header), &segment).finalize().into_bytes();
    segment.extend_from_slice(&mac);
    segment
}

#[test]
fn genuine_segments_with_impossible_payloads_are_refused() {
    let columns = columns();
    let header = shop().header(&columns, b"body", NOW, &ingest_key(&shop()));
    let encoded = postcard::to_allocvec(&columns).unwrap();
    let payload = |length: u32, encoded: &[u8]| {
        [&length.to_le_bytes()[..], &lz4_flex::block::compress(encoded)].concat()
    };
    let whole = u32::try_from(encoded.len()).unwrap();
    let longer = [&encoded[..], b"x"].concat();
    let messages: Vec<String> = [
        (header.clone(), vec![]),
        (header.clone(), payload(2 << 20, &encoded)),
        (header.clone(), payload(1 << 20, &encoded)),
        (header.clone(), payload(whole + 1, &encoded)),
        (header.clone(), payload(whole - 1, &encoded)),
        (header.clone(), payload(whole + 1, &longer)),
        (header.clone(), payload(3, b"abc")),
        (
            Header {
                rows: 99,
                ..header.clone()
            },
            payload(whole, &encoded),
        ),
        (
            Header {
                signal: Some(crate::SignalType::Logs),
                ..header.clone()
            },
            payload(whole, &encoded),
        ),
        (
            Header {
                signal: None,
                ..header.clone()
            },
            payload(whole, &encoded),
        ),
    ]
    .into_iter()
    .map(|(header, payload)| {
        shop()
            .open(&genuine(&header, &payload), &LIMITS)
            .unwrap_err()
            .to_string()
    })
    .map(|message| message.replace(&object_key(&header), "<key>"))
    .collect();
    insta::assert_snapshot!(messages.join("\n"), @r#"
    opening a segment: not a segment of format version 1: it is cut off
    segment <key>: the size of its columns is limited to 1048576 bytes, this one has 2097152
    opening the segment <key>: its columns can't be decoded: the uncompressed length is impossible
    opening the segment <key>: its columns can't be decoded: 9534 bytes came out instead of 9535
    opening the segment <key>: its columns can't be decoded: provided output is too small for the decompressed data, actual 9533, expected 9534
    opening the segment <key>: its columns can't be decoded: 1 bytes are left over
    opening the segment <key>: its columns can't be decoded: Serde Deserialization Error
    segment <key>: header and columns disagree on the number of rows
    segment <key>: header and columns disagree on the signal
    segment <key>: header and columns disagree on whether there are any
    "#);
}

#[test]
fn header_and_columns_must_agree_before_sealing() {
    let (columns, logs) = (columns(), Columns::Logs(LogColumns::default()));
    let header = shop().header(&columns, b"body", NOW, &ingest_key(&shop()));
    for wrong in [None, Some(&logs)] {
        let error = shop().seal(&header, wrong).unwrap_err();
        assert!(
            matches!(
                error,
                SegmentError::Disagreement {
                    what: "the signal",
                    ..
                }
            ),
            "{error}"
        );
    }
    let error = keys("acme", "blog").seal(&header, Some(&columns)).unwrap_err();
    assert!(matches!(error, SegmentError::Foreign { .. }), "{error}");
}

proptest! {
    #[test]
    fn no_changed_segment_opens(at: prop::sample::Index, bit in 0_u8..8) {
        let (_, mut segment) = sealed(&shop());
        let at = at.index(segment.len());
        segment[at] ^= 1 << bit;
        prop_assert!(shop().open(&segment, &LIMITS).is_err());
    }

    #[test]
    fn no_cut_or_longer_segment_opens(cut: prop::sample::Index, behind in prop::collection::vec(any::<u8>(), 1..40)) {
        let (_, segment) = sealed(&shop());
        prop_assert!(shop().open(&segment[..cut.index(segment.len())], &LIMITS).is_err());
        prop_assert!(shop().open(&[segment, behind].concat(), &LIMITS).is_err());
    }

    #[test]
    fn genuine_garbage_is_refused_without_a_panic(length in 0_u32..2000, garbage: Vec<u8>) {
        let header = shop().header(&columns(), b"body", NOW, &ingest_key(&shop()));
        let payload = [&length.to_le_bytes()[..], &garbage].concat();
        prop_assert!(shop().open(&genuine(&header, &payload), &LIMITS).is_err());
    }
}
