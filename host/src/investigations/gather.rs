//! Answers what analysts ask for, from one project's own log and store and nothing else, and remembers what was given: a
//! conclusion may refer to that alone.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use aia_telemetry::{Columns, RowKind, SignalType, SpanReader, child_range, describe_row};

use super::{operations, series};
use crate::incidents::{from_change, from_row, from_signal, item};
use crate::log::{Log, LogSegment, ScanBudget, Wanted};
use crate::runtime::{Answer, Item, Request, Selector, TimeRange};
use crate::store::{Evidence, Scope, Store};

/// What answers may cost and hold.
#[derive(Clone, Debug)]
pub struct GatherLimits {
    /// What one request may read of the log.
    pub scan: ScanBudget,
    /// Items of an answer. 1,000, as the contract says.
    pub items: usize,
    /// Bytes of the texts of one answer. Default 1 MiB: sixteen of them and what a plugin makes of them fit into its
    /// memory.
    pub answer_bytes: usize,
    /// Bytes of the texts of all answers of an investigation. Default 16 MiB: a quarter of a plugin's memory, and all
    /// that the host keeps of them.
    pub total_bytes: usize,
    /// Spans that figures of operations are computed from at once; of more, whole traces are left out. Default
    /// 500,000: some 40 MiB while they are computed.
    pub spans: usize,
    /// Series whose figures are kept at once. 1,000, as many as an answer has.
    pub series: usize,
}

impl Default for GatherLimits {
    fn default() -> Self {
        Self {
            scan: ScanBudget {
                // Some ten seconds of reading on one processor.
                segments: 20_000,
                bytes: 512 << 20,
            },
            items: 1_000,
            answer_bytes: 1 << 20,
            total_bytes: 16 << 20,
            spans: 500_000,
            series: 1_000,
        }
    }
}

/// What could not be answered.
type Unavailable = String;

/// Answers requests of one investigation.
pub struct Gatherer<'a> {
    log: &'a Log,
    store: &'a dyn Store,
    scope: &'a Scope,
    limits: &'a GatherLimits,
    given: BTreeMap<String, Evidence>,
    bytes: usize,
}

impl<'a> Gatherer<'a> {
    /// Nothing is given yet.
    #[must_use]
    pub fn new(log: &'a Log, store: &'a dyn Store, scope: &'a Scope, limits: &'a GatherLimits) -> Self {
        Self {
            log,
            store,
            scope,
            limits,
            given: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// All that was given, by id.
    #[must_use]
    pub fn given(&self) -> &BTreeMap<String, Evidence> {
        &self.given
    }

    /// Gives evidence without having been asked, as much as fits into one answer.
    pub fn give(&mut self, evidence: impl IntoIterator<Item = Evidence>) -> Vec<Item> {
        self.hand_out(evidence).0
    }

    /// Answers a request.
    pub fn answer(&mut self, request: &Request) -> Answer {
        if self.bytes >= self.limits.total_bytes {
            return Answer::Unavailable(
                "this investigation has been given as much as it may have".to_owned(),
            );
        }
        let found = match request {
            Request::Trace(id) => self.rows(&Rows {
                wanted: Wanted {
                    trace: (id.high, id.low),
                    ..Wanted::default()
                },
                operation: "",
                min_severity: 0,
                limit: self.limits.items,
            }),
            Request::Spans(selector) => self.selected(selector, SignalType::Traces, 0),
            Request::Logs((selector, severity)) => self.selected(selector, SignalType::Logs, *severity),
            Request::Points(selector) => self.selected(selector, SignalType::Metrics, 0),
            Request::Operations(range) => self.operations(*range),
            Request::Series(selector) => self.series(selector),
            Request::Signals(range) => self.signals(*range),
            Request::Changes(range) => self.changes(*range),
            Request::Code(_) => Err("no source code is connected".to_owned()),
        };
        match found {
            Ok((evidence, has_more)) => {
                let (items, is_cut) = self.hand_out(evidence);
                Answer::Found((items, has_more || is_cut))
            }
            Err(reason) => Answer::Unavailable(reason),
        }
    }

    fn hand_out(&mut self, evidence: impl IntoIterator<Item = Evidence>) -> (Vec<Item>, bool) {
        let mut items = Vec::new();
        let mut bytes = 0_usize;
        let mut is_cut = false;
        for evidence in evidence {
            bytes = bytes.saturating_add(size(&evidence));
            if items.len() >= self.limits.items || bytes > self.limits.answer_bytes {
                is_cut = true;
                break;
            }
            items.push(item(&evidence));
            self.given.insert(evidence.id.clone(), evidence);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        (items, is_cut)
    }

    fn unreadable(&self, error: &dyn std::error::Error) -> Unavailable {
        tracing::warn!(error = crate::chain(error), scope = %self.scope, "cannot gather evidence");
        "it can't be read at the moment".to_owned()
    }

    fn selected(
        &self,
        selector: &Selector,
        signal: SignalType,
        min_severity: u8,
    ) -> Result<(Vec<Evidence>, bool), Unavailable> {
        let limit = usize::try_from(selector.limit).unwrap_or(usize::MAX);
        self.rows(&Rows {
            wanted: wanted(selector, signal),
            operation: &selector.operation,
            min_severity,
            limit: limit.min(self.limits.items),
        })
    }

    /// Rows in the order of the log.
    fn rows(&self, rows: &Rows<'_>) -> Result<(Vec<Evidence>, bool), Unavailable> {
        let mut found = Vec::new();
        let mut bytes = 0_usize;
        let mut is_full = false;
        let scanned = self
            .log
            .scan(self.scope, &rows.wanted, self.limits.scan, &mut |segment| {
                for row in rows.matching(segment) {
                    is_full = found.len() >= rows.limit || bytes > self.limits.answer_bytes;
                    if is_full {
                        return ControlFlow::Break(());
                    }
                    let content = segment
                        .columns
                        .as_ref()
                        .and_then(|columns| describe_row(columns, row));
                    if let Some(content) =
                        content.filter(|content| rows.accepts(content.kind, &content.service))
                    {
                        let evidence = from_row(segment.id, row, content);
                        bytes = bytes.saturating_add(size(&evidence));
                        found.push(evidence);
                    }
                }
                ControlFlow::Continue(())
            })
            .map_err(|error| self.unreadable(&error))?;
        Ok((found, is_full || scanned.is_cut))
    }

    fn operations(&self, range: TimeRange) -> Result<(Vec<Evidence>, bool), Unavailable> {
        let mut table = operations::Table::new(range, self.limits.spans);
        let wanted = Wanted {
            start: range.start,
            end: table.read_until(),
            signal: Some(SignalType::Traces),
            ..Wanted::default()
        };
        let scanned = self
            .log
            .scan(self.scope, &wanted, self.limits.scan, &mut |segment| {
                if let Some(Columns::Spans(columns)) = &segment.columns {
                    table.add(columns);
                }
                ControlFlow::Continue(())
            })
            .map_err(|error| self.unreadable(&error))?;
        Ok((table.finish(self.scope), scanned.is_cut))
    }

    fn series(&self, selector: &Selector) -> Result<(Vec<Evidence>, bool), Unavailable> {
        let limit = usize::try_from(selector.limit).unwrap_or(usize::MAX);
        let mut table = series::Table::new(selector, self.limits.series);
        let wanted = wanted(selector, SignalType::Metrics);
        let scanned = self
            .log
            .scan(self.scope, &wanted, self.limits.scan, &mut |segment| {
                if let Some(Columns::Metrics(columns)) = &segment.columns {
                    table.add(columns);
                }
                ControlFlow::Continue(())
            })
            .map_err(|error| self.unreadable(&error))?;
        let has_more = table.is_full() || scanned.is_cut;
        let mut found = table.finish(self.scope);
        let is_cut = found.len() > limit;
        found.truncate(limit);
        Ok((found, has_more || is_cut))
    }

    fn signals(&self, range: TimeRange) -> Result<(Vec<Evidence>, bool), Unavailable> {
        let limit = self.limits.items.saturating_add(1);
        let found = self
            .store
            .signals_between(self.scope, range.start, range.end, limit)
            .map_err(|error| self.unreadable(&error))?;
        Ok((found.iter().map(from_signal).collect(), false))
    }

    fn changes(&self, range: TimeRange) -> Result<(Vec<Evidence>, bool), Unavailable> {
        let Some(last) = range.end.checked_sub(1) else {
            return Ok((Vec::new(), false));
        };
        let found = self
            .store
            .changes(self.scope, range.start, last)
            .map_err(|error| self.unreadable(&error))?;
        Ok((found.iter().map(from_change).collect(), false))
    }
}

/// About the bytes that a piece of evidence takes.
fn size(evidence: &Evidence) -> usize {
    let fields = evidence
        .fields
        .iter()
        .map(|(name, value)| name.len() + value.len() + 32);
    fields.fold(
        256 + evidence.title.len() + evidence.service.len(),
        usize::saturating_add,
    )
}

fn wanted(selector: &Selector, signal: SignalType) -> Wanted {
    Wanted {
        start: selector.during.start,
        end: selector.during.end,
        signal: Some(signal),
        service: selector.service.clone(),
        trace: (0, 0),
    }
}

/// Which rows are wanted.
struct Rows<'a> {
    wanted: Wanted,
    /// Operation, or name of the metric; any if empty.
    operation: &'a str,
    /// Least severity number of log records.
    min_severity: u8,
    limit: usize,
}

impl Rows<'_> {
    /// What only the described row tells.
    fn accepts(&self, kind: RowKind, service: &str) -> bool {
        (self.wanted.service.is_empty() || self.wanted.service == service)
            // The trace of an exemplar is not that of its point.
            && (self.wanted.trace == (0, 0) || kind != RowKind::Point)
    }

    /// The rows of a segment that are of the time, operation and severity wanted.
    fn matching(&self, segment: &LogSegment) -> Vec<u32> {
        let matches: Box<dyn Fn(usize) -> bool> = match &segment.columns {
            None => return Vec::new(),
            Some(Columns::Spans(columns)) => {
                let spans = &columns.spans;
                let reader = SpanReader::new(columns);
                Box::new(move |row| {
                    let is_named = self.operation.is_empty() || {
                        let name = spans.name.get(row).copied().unwrap_or(0);
                        columns.common.strings.get(name) == self.operation
                            || reader.operation(row).name() == self.operation
                            || reader.call(row).name() == self.operation
                    };
                    self.is_in(
                        at(&spans.start_time, row),
                        at(&spans.trace_id_high, row),
                        at(&spans.trace_id_low, row),
                    ) && is_named
                })
            }
            Some(Columns::Logs(columns)) => {
                let logs = &columns.logs;
                Box::new(move |row| {
                    let time = match at(&logs.time, row) {
                        0 => at(&logs.observed_time, row),
                        time => time,
                    };
                    let severity = logs.severity_number.get(row).copied().unwrap_or(0);
                    severity >= self.min_severity
                        && self.is_in(time, at(&logs.trace_id_high, row), at(&logs.trace_id_low, row))
                })
            }
            Some(Columns::Metrics(columns)) => {
                let names = &columns.metrics.name;
                let by_metric: Vec<&str> = columns
                    .points
                    .metric
                    .iter()
                    .map(|metric| {
                        let name = names.get(*metric as usize).copied().unwrap_or(0);
                        columns.common.strings.get(name)
                    })
                    .collect();
                let times = &columns.points.time;
                Box::new(move |row| {
                    self.wanted.trace == (0, 0)
                        && self.is_in(at(times, row), 0, 0)
                        && (self.operation.is_empty() || by_metric.get(row) == Some(&self.operation))
                })
            }
        };
        let rows = segment.columns.as_ref().map_or(0, Columns::rows);
        let rows = 0..u32::try_from(rows).unwrap_or(u32::MAX);
        rows.filter(|row| matches(*row as usize)).collect()
    }

    fn is_in(&self, time: u64, high: u64, low: u64) -> bool {
        if self.wanted.trace != (0, 0) {
            return self.wanted.trace == (high, low);
        }
        (self.wanted.start..self.wanted.end).contains(&time)
    }
}

/// A column's item; 0 if it has none.
pub(super) fn at(column: &[u64], row: usize) -> u64 {
    column.get(row).copied().unwrap_or(0)
}

/// The attribute rows of a row, bounded even if the column of ends is wrong.
pub(super) fn attribute_rows(ends: &[u32], row: usize, rows: usize) -> std::ops::Range<usize> {
    let range = child_range(ends, row);
    range.start.min(rows)..range.end.min(rows)
}
