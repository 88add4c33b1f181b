//! Recorded telemetry of a real system: every field of every request, in both encodings.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use aia_telemetry::{SignalType, cut, validate};
use prost::encoding::decode_varint;

use crate::{
    json::Style,
    request::{self, Request},
};

const STYLE: Style = Style {
    integers_as_strings: true,
    upper_case_hex: false,
    base64_of_urls: false,
    unknown_fields: false,
    nulls: false,
};

/// Files of at most this many of each signal are read; which ones follows from their names.
const FILES_PER_SIGNAL: usize = 6;

fn folder() -> PathBuf {
    match std::env::var_os("AIA_DATA") {
        Some(folder) => folder.into(),
        // Next to the repository; asked of cargo now, since checkouts may share a target folder.
        None => Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../../shared/data"),
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else if path.to_string_lossy().ends_with(".otlp.zst") {
            found.push(path);
        }
    }
    Ok(())
}

fn requests(path: &Path) -> Vec<Vec<u8>> {
    let file = zstd::decode_all(fs::File::open(path).unwrap()).unwrap();
    let mut rest = file.as_slice();
    let mut requests = Vec::new();
    while !rest.is_empty() {
        let length = usize::try_from(decode_varint(&mut rest).unwrap()).unwrap();
        let (request, behind) = rest.split_at(length);
        requests.push(request.to_vec());
        rest = behind;
    }
    requests
}

fn check(signal: SignalType, body: &[u8]) -> usize {
    let request = Request::decode(signal, body).unwrap();
    let scanned = request::protobuf(signal, body).unwrap();
    request.assert_same(&scanned);
    request.assert_same(&request::json(signal, &request.json(STYLE)).unwrap());
    let rows = scanned.columns.rows();
    let mut first_row = 0;
    for (first, batch) in cut(scanned.columns, 500) {
        assert_eq!(first as usize, first_row);
        assert_eq!(validate(&batch), Ok(()));
        first_row += batch.rows();
    }
    assert_eq!(first_row, rows);
    rows
}

#[test]
fn recorded_telemetry_says_the_same() {
    let folder = folder();
    let mut found = Vec::new();
    if let Err(error) = files(&folder, &mut found) {
        // The data isn't part of the repository. Where someone says where it is, it must be there.
        assert!(
            std::env::var_os("AIA_DATA").is_none(),
            "AIA_DATA: {}: {error}",
            folder.display()
        );
        eprintln!(
            "NOT CHECKED: no recorded telemetry in {} ({error}); AIA_DATA may name it",
            folder.display()
        );
        return;
    }
    found.sort();
    for (signal, name) in [
        (SignalType::Traces, "traces"),
        (SignalType::Logs, "logs"),
        (SignalType::Metrics, "metrics"),
    ] {
        let suffix = format!(".{name}.otlp.zst");
        let files: Vec<&PathBuf> = found
            .iter()
            .filter(|path| path.to_string_lossy().ends_with(suffix.as_str()))
            .collect();
        let step = files.len().div_ceil(FILES_PER_SIGNAL).max(1);
        let chosen: Vec<_> = files.iter().step_by(step).collect();
        let rows: usize = chosen
            .iter()
            .flat_map(|path| requests(path))
            .map(|body| check(signal, &body))
            .sum();
        assert!(rows > 0, "{} has no {name}", folder.display());
        println!("{name}: {rows} rows of {} files", chosen.len());
    }
}
