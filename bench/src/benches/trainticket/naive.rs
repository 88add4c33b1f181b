//! What somebody without any tool would look at: the service of the latest error, and the slowest operation.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use aia_telemetry::{Columns, Common, ScanLimits, Scratch, SignalType, scan_protobuf, time_span, value_kind};
use anyhow::{Context, Result, bail};

use super::blame::service_of;

/// Log records of at least this severity are errors.
const ERROR: u8 = 17;
/// A span's status for errors.
const STATUS_ERROR: u8 = 2;

/// Services, the most suspicious first.
#[derive(Clone, Debug, Default)]
pub(super) struct Naive {
    /// By their latest error, be it a span or a log record.
    pub(super) latest_error: Vec<String>,
    /// By the mean duration of their slowest operation.
    pub(super) slowest: Vec<String>,
}

/// Earliest and latest time of these files.
pub(super) fn times(files: &[PathBuf]) -> Result<(u64, u64)> {
    let mut all = (u64::MAX, 0);
    for file in files {
        for columns in read(file)? {
            if let Some((start, end)) = time_span(&columns, 0) {
                all = (all.0.min(start), all.1.max(end));
            }
        }
    }
    Ok(all)
}

/// Ranks the services of these files.
pub(super) fn services(files: &[PathBuf]) -> Result<Naive> {
    let mut errors: BTreeMap<String, u64> = BTreeMap::new();
    let mut operations: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    let mut failed = |service: String, time: u64| {
        let latest = errors.entry(service).or_default();
        *latest = time.max(*latest);
    };
    for file in files {
        for columns in read(file)? {
            let common = columns.common();
            let services = scopes(common);
            let service = |scope: &u32| services.get(*scope as usize).cloned().unwrap_or_default();
            match &columns {
                Columns::Spans(columns) => {
                    let spans = &columns.spans;
                    for (row, scope) in spans.scope.iter().enumerate() {
                        let at = |column: &[u64]| column.get(row).copied().unwrap_or(0);
                        let (start, end) = (at(&spans.start_time), at(&spans.end_time));
                        let name = spans.name.get(row).copied().unwrap_or(0);
                        let operation = (service(scope), common.strings.get(name).to_owned());
                        let (total, count) = operations.entry(operation).or_default();
                        *total += end.saturating_sub(start);
                        *count += 1;
                        if spans.status_code.get(row) == Some(&STATUS_ERROR) {
                            failed(service(scope), end);
                        }
                    }
                }
                Columns::Logs(columns) => {
                    let logs = &columns.logs;
                    let severities = logs.severity_number.iter().zip(&logs.scope).zip(&logs.time);
                    for ((_, scope), time) in severities.filter(|((severity, _), _)| **severity >= ERROR) {
                        failed(service(scope), *time);
                    }
                }
                Columns::Metrics(_) => {}
            }
        }
    }
    let mut latest: Vec<_> = errors
        .into_iter()
        .map(|(service, time)| (Reverse(time), service))
        .collect();
    latest.sort();
    let mut slowest: Vec<_> = operations
        .into_iter()
        .map(|((service, _), (total, count))| (Reverse(total / count.max(1)), service))
        .collect();
    slowest.sort();
    Ok(Naive {
        latest_error: distinct(latest.into_iter().map(|(_, service)| service)),
        slowest: distinct(slowest.into_iter().map(|(_, service)| service)),
    })
}

/// Each once, where it comes first; unknown ones aren't named.
pub(super) fn distinct(services: impl Iterator<Item = String>) -> Vec<String> {
    let mut found = Vec::new();
    for service in services.filter(|service| !service.is_empty()) {
        if !found.contains(&service) {
            found.push(service);
        }
    }
    found
}

/// The service of each scope.
fn scopes(common: &Common) -> Vec<String> {
    let resources = &common.resources;
    let mut first = 0;
    let mut names = Vec::new();
    for end in &resources.attributes_end {
        let range = first..*end as usize;
        first = range.end;
        let attributes = &resources.attributes;
        let name = range.into_iter().find_map(|row| {
            let is_name = common.strings.get(*attributes.key.get(row)?) == "service.name"
                && *attributes.kind.get(row)? == value_kind::STRING;
            let data = u32::try_from(*attributes.data.get(row)?).ok()?;
            is_name.then(|| common.strings.get(data))
        });
        names.push(service_of(name.unwrap_or_default()).to_owned());
    }
    let of = |resource: &u32| names.get(*resource as usize).cloned().unwrap_or_default();
    common.scopes.resource.iter().map(of).collect()
}

/// The requests of a file, by AIA's own scanner.
fn read(file: &Path) -> Result<Vec<Columns>> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let signal = [SignalType::Traces, SignalType::Logs, SignalType::Metrics]
        .into_iter()
        .find(|signal| name.split('.').any(|part| part == signal.as_str()))
        .with_context(|| format!("{name} names no signal"))?;
    let bytes =
        zstd::stream::decode_all(File::open(file)?).with_context(|| format!("decompressing {name}"))?;
    let mut rest = bytes.as_slice();
    let mut scratch = Scratch::default();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let length = prost::decode_length_delimiter(&mut rest)?;
        let Some((body, behind)) = rest.split_at_checked(length) else {
            bail!("{name} ends within a request");
        };
        found.push(scan_protobuf(signal, body, &ScanLimits::default(), &mut scratch)?.columns);
        rest = behind;
    }
    Ok(found)
}
