//! Evidence for the tests of analysts.

use crate::analyst::{Answer, EvidenceKind, Field, Item, Request, Selector, TimeRange, TraceIdHalves};

/// Most rows of one answer, as with a host.
const MAX_ROWS: usize = 1_000;

/// A piece of evidence that a test makes.
#[derive(Clone, Debug)]
pub struct TestItem(Item);

impl TestItem {
    fn new(kind: EvidenceKind, service: &str, title: &str) -> Self {
        Self(Item {
            id: String::new(),
            kind,
            time: 0,
            service: service.to_owned(),
            trace: TraceIdHalves { high: 0, low: 0 },
            span_id: 0,
            title: title.to_owned(),
            fields: Vec::new(),
        })
    }

    /// An operation's figures.
    #[must_use]
    pub fn operation(service: &str, operation: &str) -> Self {
        Self::new(EvidenceKind::Operation, service, operation).field("operation", operation)
    }

    /// A metric series' figures.
    #[must_use]
    pub fn series(service: &str, metric: &str) -> Self {
        Self::new(EvidenceKind::Series, service, metric).field("metric", metric)
    }

    /// A span: its name, start and length in nanoseconds.
    #[must_use]
    pub fn span(service: &str, name: &str, start: u64, nanos: u64) -> Self {
        Self::new(EvidenceKind::Span, service, name)
            .time(start)
            .field("name", name)
            .field("duration_ns", nanos)
    }

    /// A log record with a severity number and text.
    #[must_use]
    pub fn log(service: &str, time: u64, severity: u8, body: &str) -> Self {
        let text = match severity {
            0..5 => "TRACE",
            5..9 => "DEBUG",
            9..13 => "INFO",
            13..17 => "WARN",
            17..21 => "ERROR",
            _ => "FATAL",
        };
        Self::new(EvidenceKind::Log, service, body)
            .time(time)
            .field("severity", text)
            .field("severity_number", severity)
            .field("body", body)
    }

    /// A signal of a kind such as `errors.exception`.
    #[must_use]
    pub fn signal(service: &str, kind: &str, start: u64, end: u64) -> Self {
        Self::new(EvidenceKind::Signal, service, kind)
            .time(start)
            .field("kind", kind)
            .field("start", start)
            .field("end", end)
    }

    /// A change such as `deploy` of a release.
    #[must_use]
    pub fn change(service: &str, kind: &str, release: &str, time: u64) -> Self {
        Self::new(EvidenceKind::Change, service, kind)
            .time(time)
            .field("kind", kind)
            .field("release", release)
    }

    /// Sets when it was.
    #[must_use]
    pub fn time(mut self, time: u64) -> Self {
        self.0.time = time;
        self
    }

    /// Lays it into a trace, at a span.
    #[must_use]
    pub fn at(mut self, trace: u64, span_id: u64) -> Self {
        self.0.trace = TraceIdHalves { high: 0, low: trace };
        self.0.span_id = span_id;
        self
    }

    /// Sets a span's parent.
    #[must_use]
    pub fn parent(self, span_id: u64) -> Self {
        self.field("parent_span_id", format!("{span_id:016x}"))
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl ToString) -> Self {
        self.0.fields.push(Field {
            name: name.to_owned(),
            value: value.to_string(),
        });
        self
    }

    /// The item, with an id.
    #[must_use]
    pub fn build(mut self, id: &str) -> Item {
        id.clone_into(&mut self.0.id);
        self.0
    }
}

/// What a script host knows: answers an analyst's requests from tables. Rows are answered oldest first. Figures over
/// ranges (operations, series) are told per range; a request gets those of the range that overlaps its own most.
#[derive(Clone, Debug, Default)]
pub struct Script {
    rows: Vec<Item>,
    figures: Vec<(TimeRange, Vec<Item>)>,
    next_id: u32,
}

impl Script {
    /// A script that knows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds spans, log records, points, signals, changes or code.
    pub fn rows(&mut self, items: impl IntoIterator<Item = TestItem>) -> &mut Self {
        for item in items {
            let id = self.id();
            self.rows.push(item.build(&id));
        }
        self
    }

    /// Adds what operations did in a range.
    pub fn operations(&mut self, during: TimeRange, items: impl IntoIterator<Item = TestItem>) -> &mut Self {
        self.figures(during, items)
    }

    /// Adds what series did in a range.
    pub fn series(&mut self, during: TimeRange, items: impl IntoIterator<Item = TestItem>) -> &mut Self {
        self.figures(during, items)
    }

    fn figures(&mut self, during: TimeRange, items: impl IntoIterator<Item = TestItem>) -> &mut Self {
        let mut built = Vec::new();
        for item in items {
            let id = self.id();
            built.push(item.build(&id));
        }
        self.figures.push((during, built));
        self
    }

    fn id(&mut self) -> String {
        self.next_id += 1;
        format!("ev-{}", self.next_id)
    }

    /// Answers a request as a host would.
    #[must_use]
    pub fn answer(&self, request: &Request) -> Answer {
        use EvidenceKind::{Change, Log, Operation, Point, Series, Signal, Span};
        match request {
            Request::Trace(id) => found(self.kind(Span).filter(|item| item.trace == *id), MAX_ROWS),
            Request::Spans(selector) => self.select(Span, selector, "name", |_| true),
            Request::Logs((selector, least)) => self.select(Log, selector, "", |item| {
                item.count("severity_number").unwrap_or_default() >= u64::from(*least)
            }),
            Request::Points(selector) => self.select(Point, selector, "name", |_| true),
            Request::Operations(during) => self.figures_of(Operation, *during, |_| true),
            Request::Series(selector) => self.figures_of(Series, selector.during, |item| {
                fits(&selector.service, &item.service) && fits(&selector.operation, item.text("metric"))
            }),
            Request::Signals(during) => self.between(Signal, *during),
            Request::Changes(during) => self.between(Change, *during),
            Request::Code(_) => Answer::Unavailable("the script has no code".to_owned()),
        }
    }

    fn kind(&self, kind: EvidenceKind) -> impl Iterator<Item = &Item> {
        self.rows.iter().filter(move |item| item.kind == kind)
    }

    fn between(&self, kind: EvidenceKind, during: TimeRange) -> Answer {
        found(
            self.kind(kind).filter(|item| during.contains(item.time)),
            MAX_ROWS,
        )
    }

    fn select(
        &self,
        kind: EvidenceKind,
        selector: &Selector,
        operation: &str,
        keep: impl Fn(&Item) -> bool,
    ) -> Answer {
        let limit = usize::try_from(selector.limit).unwrap_or(MAX_ROWS).min(MAX_ROWS);
        let items = self.kind(kind).filter(|item| {
            selector.during.contains(item.time)
                && fits(&selector.service, &item.service)
                && fits(&selector.operation, item.text(operation))
                && keep(item)
        });
        found(items, limit)
    }

    fn figures_of(&self, kind: EvidenceKind, during: TimeRange, keep: impl Fn(&Item) -> bool) -> Answer {
        let overlap = |range: &TimeRange| {
            let end = range.end.min(during.end);
            end.saturating_sub(range.start.max(during.start))
        };
        let of_kind = |items: &[Item]| items.iter().any(|item| item.kind == kind);
        let tables = self
            .figures
            .iter()
            .filter(|(range, items)| overlap(range) > 0 && of_kind(items));
        let best = tables.max_by_key(|(range, _)| overlap(range));
        let items = best.map(|(_, items)| items.as_slice()).unwrap_or_default();
        found(
            items.iter().filter(|item| item.kind == kind && keep(item)),
            usize::MAX,
        )
    }
}

fn fits(wanted: &str, value: &str) -> bool {
    wanted.is_empty() || wanted == value
}

fn found<'a>(items: impl Iterator<Item = &'a Item>, limit: usize) -> Answer {
    let mut items: Vec<Item> = items.cloned().collect();
    // Stable: rows of one time stay in the order of the script.
    items.sort_by_key(|item| item.time);
    let more = items.len() > limit;
    items.truncate(limit);
    Answer::Found((items, more))
}
