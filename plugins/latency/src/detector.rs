//! The detector: counts spans at their operations, measures where traces spend their time, and signals what is slow.

mod tell;

use std::time::Duration;

use aia_plugin_sdk::{
    Detector, Level, Manifest, Memo, OpenError, Outcome, Span, SpanKind, Spans, TelemetryKind, Time, snapshot,
};
use serde::{Deserialize, Serialize};

use crate::cases::Cases;
use crate::config::{Config, SCHEMA, TICK_SECONDS};
use crate::hold::{HeldSpan, HeldTrace, Hold, Part, Taken, plausible, short_id};
use crate::limits::{MAX_OPERATIONS, MAX_SPANS_OF_TRACE};
use crate::operation::{Role, Verdict};
use crate::operations::{OperationId, Operations};
use crate::pending::{Exemplar, Pending};
use crate::seen::Seen;
use crate::services::{ServiceId, Services};
use crate::signal;
use crate::source::{self, Source, SpanFound, SpanKeys, has_failed};
use crate::trace::Tree;

/// Version of the state in snapshots.
const SNAPSHOT_VERSION: u32 = 2;

/// How long after something was found slow by self times nothing is called slow by durations: who waited for it may
/// send late, or be slow for a whole window more.
const ECHO: Duration = Duration::from_secs(120);

/// Finds operations that are slower than usual, and lays the time where it is spent.
#[derive(Debug)]
pub struct Latency {
    config: Config,
    state: State,
}

/// All that a snapshot holds.
#[derive(Debug, Default, Deserialize, Serialize)]
struct State {
    ticks: u64,
    /// When something was last found slow by self times.
    measured_at: Time,
    services: Services,
    operations: Operations,
    hold: Hold,
    pending: Pending,
    cases: Cases,
}

impl Detector for Latency {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new(
            "latency",
            env!("CARGO_PKG_VERSION"),
            env!("CARGO_PKG_DESCRIPTION"),
        )
        .config_schema(SCHEMA)
        .reads([TelemetryKind::Spans])
        .signal(signal::SLOW, "An operation takes clearly longer than usual")
        .signal(
            signal::FELT,
            "An operation that is called from outside takes far longer than usual",
        )
        .signal(
            signal::ERROR_RATE,
            "Clearly more of an operation's requests fail than usual",
        )
    }

    fn open(config: Config, snapshot: Option<&[u8]>) -> Result<Self, OpenError> {
        config.check()?;
        let state = match snapshot {
            Some(bytes) => snapshot::decode::<State>(SNAPSHOT_VERSION, bytes)?.restored(),
            None => State::default(),
        };
        Ok(Self { config, state })
    }

    fn observe_spans(&mut self, batch: Spans<'_>, _: &mut Outcome) -> Result<(), String> {
        let now = batch.received_at();
        let mut reader = Reader::new(batch);
        for span in batch.spans() {
            if reader.seen.is_first(span.trace_id(), span.span_id()) {
                self.span(&mut reader, span, now);
            }
        }
        self.state.hold.fit();
        self.state.operations.fit();
        Ok(())
    }

    fn tick(&mut self, now: Time, out: &mut Outcome) -> Result<(), String> {
        for trace in self.state.hold.take_due(now, self.config.hold()) {
            self.decide(&trace, now);
        }
        let verdicts = self.judge(now);
        self.tell(&verdicts, now, out);
        self.tidy(now, out);
        Ok(())
    }

    fn snapshot(&self) -> Vec<u8> {
        snapshot::encode(SNAPSHOT_VERSION, &self.state)
    }
}

impl State {
    /// Makes up what isn't part of snapshots.
    fn restored(self) -> Self {
        Self {
            services: self.services.restored(),
            operations: self.operations.restored(),
            ..self
        }
    }
}

/// What is found once per batch.
struct Reader<'a> {
    batch: Spans<'a>,
    seen: Seen,
    keys: SpanKeys,
    /// The resource of the span before, with its service.
    sender: Option<(u32, Option<ServiceId>)>,
    /// Operations by service and by what names them.
    operations: Memo<5, Option<OperationId>>,
}

impl<'a> Reader<'a> {
    fn new(batch: Spans<'a>) -> Self {
        Self {
            batch,
            seen: Seen::new(batch.len()),
            keys: source::keys(batch),
            sender: None,
            operations: Memo::new(batch.len()),
        }
    }
}

/// What a span does in its trace.
fn part_of(kind: SpanKind) -> Part {
    match kind {
        SpanKind::Server => Part::Serve,
        SpanKind::Consumer => Part::Receive,
        SpanKind::Client | SpanKind::Producer => Part::Call,
        SpanKind::Internal | SpanKind::Unspecified => Part::Inner,
    }
}

/// Whole microseconds, an hour and more as 71 minutes. Without [`Duration`], whose seconds and nanoseconds would be taken
/// apart and put together for every span.
fn micros(from: Time, to: Time) -> u32 {
    u32::try_from(to.as_nanos().saturating_sub(from.as_nanos()) / 1000).unwrap_or(u32::MAX)
}

/// Microseconds from one moment to another; what is too far away is as far as can be said.
fn offset(from: Time, to: Time) -> i32 {
    let whole = |from, to| i32::try_from(micros(from, to)).unwrap_or(i32::MAX);
    whole(from, to) - whole(to, from)
}

impl Latency {
    fn span(&mut self, reader: &mut Reader<'_>, span: Span<'_>, now: Time) {
        let resource = span.resource();
        let service = match reader.sender {
            Some((index, service)) if index == resource.index() => service,
            _ => {
                let (name, release) = (resource.service_name(), resource.service_version());
                let service = self.state.services.observe(name, release, now);
                reader.sender = Some((resource.index(), service));
                service
            }
        };
        let part = part_of(span.kind());
        let (mut operation, mut has_failed_itself) = (None, false);
        if part != Part::Inner {
            let found = reader.keys.find(span.attributes());
            operation = service.and_then(|service| self.operation(reader, service, span, &found, part, now));
            has_failed_itself = has_failed(span, &found);
        }
        let (trace, began, ended) = (span.trace_id(), span.start_time(), span.end_time());
        let duration = micros(began, ended);
        let taken = self.state.hold.insert(trace, began, now, |base| HeldSpan {
            id: short_id(trace, span.span_id()),
            parent: short_id(trace, span.parent_span_id()),
            part,
            operation: operation.unwrap_or_default(),
            has_failed: has_failed_itself,
            start: offset(base, began),
            duration,
            row: span.row(),
        });
        if part == Part::Inner || taken == Taken::Twice {
            return;
        }
        let Some(id) = operation else {
            self.state.operations.overflow();
            return;
        };
        let start = plausible(began, ended.as_nanos().saturating_sub(began.as_nanos()), now);
        let is_entry = part == Part::Serve && trace.is_set() && !span.parent_span_id().is_set();
        let is_evidence = self
            .state
            .operations
            .observe(id, duration, has_failed_itself, start, is_entry);
        if is_evidence && let Some(evidence) = self.state.pending.of(id, now) {
            let exemplar = Exemplar {
                micros: duration,
                row: span.row(),
                root: span.row(),
            };
            evidence.slow(exemplar, start, start.after(span.duration()));
        }
    }

    /// The operation of a span; nothing where there is no room.
    fn operation(
        &mut self,
        reader: &mut Reader<'_>,
        service: ServiceId,
        span: Span<'_>,
        found: &SpanFound<'_>,
        part: Part,
        now: Time,
    ) -> Option<OperationId> {
        let (role, source) = match part {
            Part::Call => (Role::Call, Source::called(span, found)),
            _ => (Role::Serve, Source::served(span, found)),
        };
        let [kind, first, second, peer] = source.numbers();
        let (operations, batch) = (&mut self.state.operations, reader.batch);
        reader
            .operations
            .get_or([service, kind, first, second, peer], || {
                operations.find(service, role, &source.name(batch), now)
            })
    }

    /// Measures where a trace spent its time, and lays its failures where they began.
    fn decide(&mut self, trace: &HeldTrace, now: Time) {
        let State {
            operations, pending, ..
        } = &mut self.state;
        let tree = Tree::new(&trace.spans);
        let origins = tree.origins();
        for ((index, span), is_origin) in trace.spans.iter().enumerate().zip(origins) {
            if span.operation == 0 {
                continue;
            }
            let service_of = |id| operations.get(id).map(|operation| operation.service);
            let self_time = tree.self_time(index, |a, b| service_of(a) == service_of(b));
            let start = trace.start_of(span, now);
            let end = start.after(Duration::from_micros(span.duration.into()));
            operations.measure(span.operation, self_time, start);
            let Some(operation) = operations.get(span.operation) else {
                continue;
            };
            if operation.wants_slow()
                && operation.is_slow_itself(self_time)
                && let Some(evidence) = pending.of(span.operation, now)
            {
                let mut root = span.row;
                for (_, caller) in tree.callers(index) {
                    root = caller.row;
                    let waiting = operations
                        .get(caller.operation)
                        .filter(|operation| operation.is_slow(caller.duration));
                    if let Some(waiting) = waiting.filter(|waiting| waiting.service != operation.service) {
                        evidence.affect(waiting.service);
                    }
                }
                let exemplar = Exemplar {
                    micros: self_time,
                    row: span.row,
                    root,
                };
                evidence.slow(exemplar, start, end);
            }
            if operation.wants_failed()
                && span.has_failed
                && let Some(evidence) = pending.of(span.operation, now)
            {
                if is_origin {
                    evidence.failed(span.row, start, end);
                } else {
                    evidence.passed_on += 1;
                }
            }
        }
        operations.fit();
    }

    /// Ends the tick of every operation.
    fn judge(&mut self, now: Time) -> Vec<(OperationId, Verdict)> {
        self.state.ticks += 1;
        let ends_half = self.state.ticks.is_multiple_of(self.config.half_ticks());
        let max_buckets = self.state.operations.max_buckets();
        let config = &self.config;
        self.state
            .operations
            .iter_mut()
            .filter_map(|(id, operation)| {
                let verdict = operation.tick(now, ends_half, max_buckets, config)?;
                Some((id, verdict))
            })
            .collect()
    }

    /// Forgets what is over, makes room, and says what was left out.
    fn tidy(&mut self, now: Time, out: &mut Outcome) {
        let State {
            services,
            operations,
            hold,
            pending,
            cases,
            ..
        } = &mut self.state;
        hold.widen(now, self.config.hold());
        pending.forget_stale(now);
        cases.forget_quiet(now);
        operations.end_tick();
        if services.is_full() {
            services.keep(&operations.services());
        }
        let (requests, forgotten) = operations.take_overflow();
        if requests > 0 {
            out.log(
                Level::Info,
                format_args!(
                    "{requests} requests in {TICK_SECONDS} s weren't judged: there is room for {MAX_OPERATIONS} operations"
                ),
            );
        }
        if forgotten > 0 {
            out.log(
                Level::Info,
                format_args!("{forgotten} operations were forgotten for want of room"),
            );
        }
        let dropped = hold.take_dropped();
        if dropped > 0 {
            out.log(
                Level::Info,
                format_args!(
                    "{dropped} spans of traces with more than {MAX_SPANS_OF_TRACE} weren't looked at for where time is spent"
                ),
            );
        }
    }
}
