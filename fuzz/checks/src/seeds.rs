//! Where fuzzing begins: inputs made from examples, and mutations of inputs for runs without libFuzzer.

use aia_oracle::{Style, examples, request};
use aia_telemetry::{Commit, Consumed, Fingerprint, RowId, SegmentId, Severity, Signal};

/// Inputs of a target that reach far into what it checks.
#[must_use]
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let bodies = || (0_u8..).zip(examples::all());
    match target {
        "protobuf" | "differential" => bodies()
            .map(|(signal, example)| prefixed(&[signal], &example.encode()))
            .collect(),
        "json_differential" => bodies()
            .map(|(signal, example)| prefixed(&[signal, 0b1_1001], &example.encode()))
            .collect(),
        "json" => bodies()
            .map(|(signal, example)| prefixed(&[signal], &example.json(PLAIN)))
            .collect(),
        "segments" => {
            let columns = bodies().filter_map(|(_, example)| {
                let scanned = request::protobuf(example.signal(), &example.encode()).ok()?;
                postcard::to_allocvec(&scanned.columns).ok()
            });
            columns
                .map(|columns| prefixed(&[1], &columns))
                .chain([vec![0], vec![2, 9, 0, 1]])
                .collect()
        }
        "commits" => commit().encode().into_iter().collect(),
        "keys" | "revocations" => vec![
            vec![0],
            vec![1],
            vec![1, 20, 65],
            b"\0aia_1.acme.shop.k1.x".to_vec(),
        ],
        "decompression" => (0..3)
            .map(|encoding| prefixed(&[encoding, 12], b"some telemetry, some telemetry"))
            .chain(compressed().map(|(encoding, body)| prefixed(&[encoding, 12], &body)))
            .collect(),
        "grpc_frame" => {
            let message = examples::logs().encode();
            let framed = |flag: u8, message: &[u8]| {
                let length = u32::try_from(message.len()).unwrap_or_default().to_be_bytes();
                [&[flag], length.as_slice(), message].concat()
            };
            compressed()
                .map(|(encoding, body)| prefixed(&[encoding + 1], &framed(1, &body)))
                .chain([prefixed(&[0], &framed(0, &message))])
                .collect()
        }
        _ => Vec::new(),
    }
}

const PLAIN: Style = Style {
    integers_as_strings: true,
    upper_case_hex: false,
    base64_of_urls: false,
    unknown_fields: false,
    nulls: false,
};

fn prefixed(prefix: &[u8], body: &[u8]) -> Vec<u8> {
    [prefix, body].concat()
}

/// A body in gzip (1) and zstd (2).
fn compressed() -> impl Iterator<Item = (u8, Vec<u8>)> {
    let body = examples::logs().encode();
    let gzip = {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder
            .write_all(&body)
            .and_then(|()| encoder.finish())
            .unwrap_or_default()
    };
    let zstd = zstd::encode_all(body.as_slice(), 3).unwrap_or_default();
    [(1, gzip), (2, zstd)].into_iter()
}

fn commit() -> Commit {
    Commit {
        number: 7,
        previous: [4; 32],
        plugin_digest: [5; 32],
        plugin: "errors".to_owned(),
        segments: [1, 2].map(consumed).to_vec(),
        first_segment_ordinal: 40,
        received_at: examples::START,
        signals: vec![(examples::START, signal())],
        snapshot: Some(vec![9; 20]),
        snapshot_commit: 7,
    }
}

fn consumed(id: u8) -> Consumed {
    Consumed {
        id: SegmentId([id; 16]),
        received_at: examples::START,
        observed_at: examples::START,
        rows: 3,
        is_skipped: false,
    }
}

fn signal() -> Signal {
    let evidence = vec![RowId { segment: 40, row: 2 }];
    Signal {
        kind: "errors.exception".to_owned(),
        severity: Severity::High,
        fingerprint: Fingerprint {
            version: 1,
            parts: vec!["payment".to_owned()],
        },
        title: "LedgerError".to_owned(),
        service: "payment".to_owned(),
        operation: "POST /charges".to_owned(),
        release: String::new(),
        affected: vec!["checkout".to_owned()],
        start_time: examples::START,
        end_time: examples::START,
        count: 1,
        measures: Vec::new(),
        details: Vec::new(),
        evidence,
    }
}

/// Changes an input: flips, inserts, removes, repeats, or takes a piece of another one. The same state gives the same
/// change.
#[must_use]
pub fn mutate(input: &[u8], other: &[u8], state: &mut u64) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=below(state, 4) {
        let at = below(state, bytes.len() + 1);
        let length = below(state, 16).min(bytes.len() - at);
        match below(state, 6) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << below(state, 8);
                }
            }
            1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = [0, 1, 0x7f, 0x80, 0xff][below(state, 5)];
                }
            }
            2 => bytes.insert(at, u8::try_from(below(state, 256)).unwrap_or_default()),
            3 => {
                bytes.drain(at..at + length);
            }
            4 => {
                let piece = bytes[at..at + length].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let from = below(state, other.len() + 1);
                let piece = &other[from..other.len().min(from + 32)];
                bytes.splice(at..at + length.min(piece.len()), piece.iter().copied());
            }
        }
    }
    bytes
}

/// Xorshift: a number below `end`.
fn below(state: &mut u64, end: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state % (end.max(1) as u64)).unwrap_or_default()
}
