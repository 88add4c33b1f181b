//! The scanners. The first byte says of which signal the rest is a request.

use aia_oracle::{Request, Style, request};
use aia_telemetry::{
    Columns, Footer, RedactConfig, Redactor, ScanError, ScanLimits, Scanned, Scratch, SignalType, cut,
    describe_row, scan_json, scan_protobuf, validate,
};
use std::cell::RefCell;
use std::sync::LazyLock;

/// Rows of a request that are put into words: all the same code.
const DESCRIBED_ROWS: u32 = 4;

/// Any bytes as protobuf: an error, or valid columns that everything behind the scanner can read.
pub fn protobuf(data: &[u8]) {
    if let Some((signal, body)) = split(data) {
        scanned(scan_protobuf, signal, body);
    }
}

/// Any bytes as JSON: an error, or valid columns that everything behind the scanner can read.
pub fn json(data: &[u8]) {
    if let Some((signal, body)) = split(data) {
        scanned(scan_json, signal, body);
    }
}

/// Any bytes as protobuf: the scanner and prost agree.
pub fn differential(data: &[u8]) {
    if let Some((signal, body)) = split(data) {
        request::assert_agreement(signal, body);
    }
}

/// What prost reads, written as JSON in a style that the second byte chooses: the JSON scanner says the same.
pub fn json_differential(data: &[u8]) {
    let Some((signal, [style, body @ ..])) = split(data) else {
        return;
    };
    let Ok(request) = Request::decode(signal, body) else {
        return;
    };
    // JSON has one NaN, without sign and payload.
    if request.has_indexed_strings() || format!("{request:?}").contains("NaN") {
        return;
    }
    let has = |bit: u8| style >> bit & 1 == 1;
    let style = Style {
        integers_as_strings: has(0),
        upper_case_hex: has(1),
        base64_of_urls: has(2),
        unknown_fields: has(3),
        nulls: has(4),
    };
    match request::json(signal, &request.json(style)) {
        Ok(scanned) => request.assert_same(&scanned),
        Err(ScanError::Depth { .. } | ScanError::Expansion { .. } | ScanError::Rows { .. }) => {}
        Err(error) => panic!("{error}, but it is {request:?}"),
    }
}

/// The signal that the first byte says, and the rest.
fn split(data: &[u8]) -> Option<(SignalType, &[u8])> {
    let (signal, body) = data.split_first()?;
    let signal = match signal % 3 {
        0 => SignalType::Traces,
        1 => SignalType::Logs,
        _ => SignalType::Metrics,
    };
    Some((signal, body))
}

type Scan = fn(SignalType, &[u8], &ScanLimits, &mut Scratch) -> Result<Scanned, ScanError>;

fn scanned(scan: Scan, signal: SignalType, body: &[u8]) {
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| {
        Redactor::new(&RedactConfig::default()).expect("the default configuration is valid")
    });
    thread_local! {
        // One for all inputs: nothing of one request may show in the next.
        static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::with_seed(1));
    }
    let limits = ScanLimits::default();
    let result = SCRATCH.with_borrow_mut(|scratch| scan(signal, body, &limits, scratch));
    let Ok(Scanned { mut columns, .. }) = result else {
        return;
    };
    assert_eq!(validate(&columns), Ok(()));
    REDACTOR.redact(&mut columns);
    assert_eq!(validate(&columns), Ok(()), "redacted");
    read(&columns);
}

/// What the host does with columns whoever they came from.
pub(crate) fn read(columns: &Columns) {
    std::hint::black_box(Footer::of(columns));
    for row in 0..DESCRIBED_ROWS {
        std::hint::black_box(describe_row(columns, row));
    }
    for (_, piece) in cut(columns.clone(), 1) {
        assert_eq!(validate(&piece), Ok(()), "cut");
    }
}
