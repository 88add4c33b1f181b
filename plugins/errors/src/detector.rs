//! The detector: reads errors out of telemetry, holds them, lays them at their origins and signals groups.

mod judge;

use aia_plugin_sdk::{
    Detector, Level, LogRecord, Logs, Manifest, OpenError, Outcome, Resource, RowId, Span, Spans,
    TelemetryKind, Time, TraceId, snapshot,
};
use serde::{Deserialize, Serialize};

use crate::attributes::{self, EXCEPTION, Exception, LogKeys, SpanFound, SpanKeys};
use crate::classify::{Verdict, is_request, judge};
use crate::config::{Config, SCHEMA};
use crate::decided::{Decided, Late};
use crate::fault::{Fault, FaultKind, GroupId};
use crate::group::{Group, MAX_SERVICE_BYTES};
use crate::groups::Groups;
use crate::hold::{HeldLog, HeldSpan, Hold, Linked};
use crate::identify::{Cause, Identify};
use crate::novelty::clean_before;
use crate::operation::OperationSource;
use crate::origin::{Laid, decide};
use crate::releases::{MAX_RELEASE_BYTES, Releases};
use crate::tally::Tally;
use crate::text::clip;
use crate::traffic::Traffic;

/// Version of the state in snapshots.
const SNAPSHOT_VERSION: u32 = 2;

/// OTLP's smallest severity number of an error.
const SEVERITY_ERROR: u8 = 17;

/// Severity numbers above are unknown ones.
const SEVERITY_LAST: u8 = 24;

/// Finds errors and lays them at the service where they began.
#[derive(Debug)]
pub struct Errors {
    config: Config,
    state: State,
    identify: Identify,
}

/// All that a snapshot holds.
#[derive(Debug, Default, Deserialize, Serialize)]
struct State {
    /// When the session's life began, by the first telemetry it saw.
    started: Time,
    hold: Hold,
    decided: Decided,
    groups: Groups,
    traffic: Traffic,
    releases: Releases,
}

impl Detector for Errors {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("errors", env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_DESCRIPTION"))
            .reads([TelemetryKind::Spans, TelemetryKind::Logs])
            .config_schema(SCHEMA)
            .signal("errors.exception", "The same exception occurs repeatedly")
            .signal(
                "errors.http",
                "Requests to an operation end with HTTP 5xx repeatedly",
            )
            .signal(
                "errors.rpc",
                "Calls of an operation end with an RPC status that is the server's fault",
            )
            .signal(
                "errors.status",
                "Spans of an operation have the status \"error\" repeatedly",
            )
            .signal(
                "errors.record",
                "A service writes a log record of an error repeatedly that it didn't write before",
            )
    }

    fn open(config: Config, snapshot: Option<&[u8]>) -> Result<Self, OpenError> {
        config.check()?;
        let state = snapshot
            .map(|bytes| snapshot::decode(SNAPSHOT_VERSION, bytes))
            .transpose()?;
        Ok(Self {
            config,
            state: state.unwrap_or_default(),
            identify: Identify::default(),
        })
    }

    fn observe_spans(&mut self, batch: Spans<'_>, _: &mut Outcome) -> Result<(), String> {
        let now = self.begin(batch.received_at());
        let keys = attributes::of_spans(batch);
        let mut sender = Sender::default();
        let mut tally = Tally::new();
        for span in batch.spans() {
            let resource = span.resource();
            if sender.is_another(resource) {
                sender = Sender::new(resource);
                self.state.releases.observe(sender.service, sender.release, now);
            }
            let found = keys.find(span.attributes());
            if is_request(span.kind()) {
                let source = OperationSource::of(span, &found);
                tally.add(resource.index(), sender.service, source);
            }
            let failure = match judge(span.status(), &found) {
                Verdict::Fine => continue,
                Verdict::Perhaps => None,
                Verdict::Failed(failure) => Some(failure),
            };
            let is_failed = failure.is_some();
            let failed = || Some(Cause::Failure(failure?, OperationSource::of(span, &found), span));
            let cause = exception(span, &keys).map(Cause::Exception).or_else(failed);
            // Without a cause, nothing is to be told of it.
            if let Some(cause) = cause {
                self.span(span, sender, &cause, is_failed, &found, now);
            }
        }
        let ticks = self.config.window_ticks();
        for count in tally.counts() {
            let traffic = &mut self.state.traffic;
            traffic.add(count.service, count.source, batch, count.requests, ticks);
        }
        self.decide_due(Time::UNSET, now);
        Ok(())
    }

    fn observe_logs(&mut self, batch: Logs<'_>, _: &mut Outcome) -> Result<(), String> {
        let now = self.begin(batch.received_at());
        let mut keys = None;
        let mut sender = Sender::default();
        for record in batch.records() {
            if sender.is_another(record.resource()) {
                sender = Sender::new(record.resource());
                self.state.releases.observe(sender.service, sender.release, now);
            }
            if (SEVERITY_ERROR..=SEVERITY_LAST).contains(&record.severity()) {
                let keys = keys.get_or_insert_with(|| attributes::of_logs(batch));
                self.log(record, sender, keys, now);
            }
        }
        self.decide_due(Time::UNSET, now);
        Ok(())
    }

    fn tick(&mut self, now: Time, out: &mut Outcome) -> Result<(), String> {
        let hold = self.config.hold_seconds.saturating_mul(1_000_000_000);
        self.decide_due(Time::from_nanos(now.as_nanos().saturating_sub(hold)), now);
        self.signal(now, out);
        self.state.traffic.tick();
        self.state.groups.recount();
        let dropped = self.state.hold.take_dropped();
        if dropped > 0 {
            out.log(
                Level::Info,
                format_args!("{dropped} errors beyond the limit of 32 a trace were left out"),
            );
        }
        let forgotten = self.state.groups.take_forgotten();
        if forgotten > 0 {
            out.log(
                Level::Info,
                format_args!("{forgotten} groups of errors were forgotten for want of room"),
            );
        }
        Ok(())
    }

    fn snapshot(&self) -> Vec<u8> {
        snapshot::encode(SNAPSHOT_VERSION, &self.state)
    }
}

/// Who sent a row.
#[derive(Clone, Copy, Debug, Default)]
struct Sender<'a> {
    resource: Option<u32>,
    service: &'a str,
    release: &'a str,
}

impl<'a> Sender<'a> {
    fn new(resource: Resource<'a>) -> Self {
        Self {
            resource: Some(resource.index()),
            service: clip(resource.service_name(), MAX_SERVICE_BYTES),
            release: clip(resource.service_version(), MAX_RELEASE_BYTES),
        }
    }

    fn is_another(&self, resource: Resource<'_>) -> bool {
        self.resource != Some(resource.index())
    }
}

/// The last exception of a span's events: the one that left it.
fn exception<'a>(span: Span<'a>, keys: &SpanKeys) -> Option<Exception<'a>> {
    let exceptions = span.events().filter(|event| event.is_named(keys.key(EXCEPTION)));
    Exception::of_event(&keys.find(exceptions.last()?.attributes()))
}

impl Errors {
    fn begin(&mut self, now: Time) -> Time {
        if !self.state.started.is_set() {
            self.state.started = now;
        }
        now
    }

    /// Takes a span in that failed, or perhaps did. In Wasm a function of its own: the loop over all spans is quicker,
    /// the less is in it.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn span(
        &mut self,
        span: Span<'_>,
        sender: Sender<'_>,
        cause: &Cause<'_>,
        is_failed: bool,
        found: &SpanFound<'_>,
        now: Time,
    ) {
        let trace = span.trace_id();
        let decided = self.state.decided.get(trace);
        match decided.map(|decided| decided.late(span.span_id(), span.parent_span_id())) {
            Some(Late::Known) => return,
            Some(Late::Passing) => {
                self.pass(trace, sender.service, span.row());
                return;
            }
            Some(Late::Deeper) | None => {}
        }
        let (id, fault) = self.identify.group(sender.service, cause);
        let fault = || fault.or_else(|| Some(cause.fault(sender.service)));
        self.group(
            id,
            fault,
            sender,
            || OperationSource::of(span, found).name(span.batch()),
            now,
        );
        let held = HeldSpan {
            id: span.span_id(),
            parent: span.parent_span_id(),
            link: span.links().map(|link| (link.trace_id(), link.span_id())).next(),
            group: id,
            perhaps: !is_failed,
            is_request: is_request(span.kind()),
            is_exception: matches!(cause, Cause::Exception(_)),
            start: span.start_time(),
            end: span.end_time(),
            row: span.row(),
        };
        self.state.hold.span(trace, held, now);
    }

    /// Takes a log record of an error in, if it tells of an exception.
    fn log(&mut self, record: LogRecord<'_>, sender: Sender<'_>, keys: &LogKeys, now: Time) {
        let cause = Exception::of_log(keys, record).map(Cause::Exception);
        let (id, fault) = match &cause {
            Some(cause) => self.identify.group(sender.service, cause),
            None => match Fault::from_body(sender.service, record)
                .or_else(|| Fault::from_record(sender.service, record))
            {
                Some(fault) => (fault.group(), Some(fault)),
                None => return,
            },
        };
        let is_plain = match &fault {
            Some(fault) => fault.kind == FaultKind::Record,
            None => false,
        };
        let time = if record.time().is_set() {
            record.time()
        } else {
            now
        };
        let trace = record.trace_id();
        if trace.is_set() && self.state.decided.get(trace).is_some() {
            self.pass(trace, sender.service, record.row());
            return;
        }
        let fault = || fault.or_else(|| Some(cause?.fault(sender.service)));
        self.group(id, fault, sender, String::new, now);
        let log = HeldLog {
            span: record.span_id(),
            group: id,
            is_plain,
            time,
            row: record.row(),
        };
        if trace.is_set() {
            self.state.hold.log(trace, log, now);
        } else if let Some(group) = self.state.groups.get_mut(id) {
            group.count(Laid::of_log(&log), now);
        }
    }

    /// Notes that a group's fault occurred; makes the group if it isn't there.
    fn group(
        &mut self,
        id: GroupId,
        fault: impl FnOnce() -> Option<Fault>,
        sender: Sender<'_>,
        operation: impl FnOnce() -> String,
        now: Time,
    ) {
        match self.state.groups.get_mut(id) {
            Some(group) => {
                group.last_seen = now;
                group.seen = group.seen.saturating_add(1);
                if group.release != sender.release {
                    group.release = sender.release.to_owned();
                }
            }
            None => {
                let Some(fault) = fault() else { return };
                let ticks = self.config.window_ticks();
                let (service, release) = (sender.service, sender.release);
                let traffic = &self.state.traffic;
                let family = fault.family(|name| traffic.knows(name));
                let before = traffic.total(service);
                let groups = &self.state.groups;
                let clean = match fault.kind {
                    FaultKind::Record => clean_before(groups.iter(), service, before),
                    _ => before,
                };
                let mut group = Group::new(fault, service, &operation(), release, now, ticks);
                group.family = family;
                group.requests_before = before;
                group.clean_before = clean;
                self.state.groups.insert(id, group);
            }
        }
    }

    /// Notes an error of a decided trace that came late.
    fn pass(&mut self, trace: TraceId, service: &str, row: RowId) {
        let groups = self
            .state
            .decided
            .get(trace)
            .map(|decided| decided.groups.clone())
            .unwrap_or_default();
        for id in groups {
            if let Some(group) = self.state.groups.get_mut(id) {
                group.pass(service, row);
            }
        }
    }

    /// Decides the traces first seen up to `before`, and the oldest of too many.
    fn decide_due(&mut self, before: Time, now: Time) {
        while let Some(traces) = self.state.hold.next_due(before) {
            self.decide(&traces, now);
        }
    }

    fn decide(&mut self, traces: &Linked, now: Time) {
        let groups = &self.state.groups;
        let decision = decide(traces, |id| groups.get(id).map(|group| group.service.as_str()));
        if decision.laid.is_empty() {
            return;
        }
        // What comes later of a trace that only left records is no echo of them.
        for (trace, _) in traces.iter().filter(|_| decision.is_certain) {
            let laid = decision.laid.iter().map(|laid| laid.group);
            self.state.decided.remember(*trace, laid, &decision.spans);
        }
        for laid in decision.laid {
            let groups = &mut self.state.groups;
            let request = laid.request.filter(|id| *id != laid.group);
            let operation = request
                .and_then(|id| groups.get(id))
                .map(|group| group.operation.clone())
                .filter(|operation| !operation.is_empty());
            if let Some(group) = groups.get_mut(laid.group) {
                if let Some(operation) = operation {
                    group.operation = operation;
                }
                group.count(laid, now);
            }
        }
    }
}
