//! Segments and commits.

use std::sync::LazyLock;

use aia_oracle::{examples, request};
use aia_telemetry::{
    Columns, Commit, IngestKey, KeyId, ProjectId, ProjectKeys, RootSecret, SegmentError, SegmentLimits,
    TenantId, object_key, peek_header, validate,
};

use crate::scan::read;

const LIMITS: SegmentLimits = SegmentLimits {
    max_columns_bytes: 1 << 20,
};
const RECEIVED_AT: u64 = 1_700_000_000_000_000_000;

/// A project, its keys, and a segment of it.
struct Project {
    keys: ProjectKeys,
    ingest_key: IngestKey,
    segment: Vec<u8>,
}

static PROJECT: LazyLock<Project> = LazyLock::new(|| {
    let tenant = TenantId::new("acme").expect("a name");
    let project = ProjectId::new("shop").expect("a name");
    let keys = ProjectKeys::derive(&RootSecret::new([7; 32]), &tenant, &project);
    let ingest_key = IngestKey {
        tenant,
        project,
        key_id: KeyId::new("fuzz").expect("a name"),
        version: 1,
    };
    let example = examples::logs();
    let body = example.encode();
    let columns = request::protobuf(example.signal(), &body)
        .expect("an example")
        .columns;
    let header = keys.header(&columns, &body, RECEIVED_AT, &ingest_key);
    let segment = keys.seal(&header, Some(&columns)).expect("an example");
    Project {
        keys,
        ingest_key,
        segment,
    }
});

/// The first byte chooses: the rest is a whole segment; or columns as postcard, invalid ones too, which are sealed as if by
/// this host; or edits of a segment that was sealed.
pub fn segments(data: &[u8]) {
    match data.split_first() {
        Some((0, segment)) => any_bytes(segment),
        Some((1, columns)) => any_columns(columns),
        Some((_, edits)) => edited(edits),
        None => {}
    }
}

fn any_bytes(segment: &[u8]) {
    let Project { keys, .. } = &*PROJECT;
    let found_at = peek_header(segment).map(|header| object_key(&header));
    assert!(keys.open(segment, &LIMITS).is_err(), "opened what nobody sealed");
    if let Ok(found_at) = found_at {
        assert!(keys.open_at(&found_at, segment, &LIMITS).is_err());
    }
}

fn any_columns(bytes: &[u8]) {
    let Project { keys, ingest_key, .. } = &*PROJECT;
    let Ok(columns) = postcard::from_bytes::<Columns>(bytes) else {
        return;
    };
    let header = keys.header(&columns, bytes, RECEIVED_AT, ingest_key);
    let segment = keys
        .seal(&header, Some(&columns))
        .expect("header and columns agree");
    match (keys.open(&segment, &LIMITS), validate(&columns)) {
        (Ok((opened_header, opened)), Ok(())) => {
            assert_eq!(opened_header, header);
            assert_eq!(opened.as_ref(), Some(&columns));
            read(&columns);
        }
        (Err(SegmentError::Invalid { .. }), Err(_)) => {}
        (opened, valid) => panic!("opening gives {opened:?}, validating {valid:?}"),
    }
}

/// Pairs of a place and what is added to the byte there.
fn edited(edits: &[u8]) {
    let Project { keys, segment, .. } = &*PROJECT;
    let mut changed = segment.clone();
    for edit in edits.chunks_exact(3) {
        if let &[low, high, add] = edit {
            let at = usize::from(u16::from_le_bytes([low, high])) % changed.len();
            changed[at] = changed[at].wrapping_add(add);
        }
    }
    let opened = keys.open(&changed, &LIMITS);
    assert_eq!(opened.is_ok(), changed == *segment, "{opened:?}");
}

/// Any bytes as a commit: an error, or one that comes back as it is.
pub fn commits(data: &[u8]) {
    if let Some(commit) = Commit::decode(data) {
        let encoded = commit.encode().expect("a commit can be written");
        let again = Commit::decode(&encoded).expect("what was written can be read");
        // Not the commits: a figure may be no number, which equals nothing.
        assert_eq!(again.encode().expect("a commit can be written"), encoded);
    }
}
