//! The detector: gathers paths, counts where they end, and signals where they end early.

use std::collections::BTreeMap;
use std::time::Duration;

use aia_plugin_sdk::{
    Detector, Level, Logs, Manifest, Memo, OpenError, Outcome, Resource, Spans, TelemetryKind, Time, snapshot,
};
use serde::{Deserialize, Serialize};

use crate::config::{Config, SCHEMA};
use crate::hold::{HeldSpan, Hold, Path, Record};
use crate::place::{Written, keys};
use crate::places::{Key, PlaceId, Places};
use crate::signal;

/// Version of the state in snapshots.
const SNAPSHOT_VERSION: u32 = 1;

/// OTLP's severity numbers of errors.
const ERRORS: std::ops::RangeInclusive<u8> = 17..=24;

/// Finds places in the code behind which nothing more comes.
#[derive(Debug)]
pub struct Paths {
    config: Config,
    state: State,
}

/// All that a snapshot holds.
#[derive(Debug, Default, Deserialize, Serialize)]
struct State {
    hold: Hold,
    places: Places,
}

impl Detector for Paths {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("paths", env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_DESCRIPTION"))
            .reads([TelemetryKind::Spans, TelemetryKind::Logs])
            .config_schema(SCHEMA)
            .signal(
                signal::END,
                "Log records of requests end at a place behind which more used to come",
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
        })
    }

    fn observe_spans(&mut self, batch: Spans<'_>, _: &mut Outcome) -> Result<(), String> {
        let now = batch.received_at();
        let State { hold, places } = &mut self.state;
        hold.begin(now);
        let mut operations: Memo<2, Option<(u32, PlaceId)>> = Memo::new(batch.len());
        for span in batch.spans() {
            let (trace, id) = (span.trace_id(), span.span_id());
            if !trace.is_set() || !id.is_set() || !hold.is_chosen(trace) {
                continue;
            }
            let resource = span.resource();
            let name = span.name_text();
            let operation = operations.get_or([resource.index(), name.index()], || {
                let service = resource.service_name();
                let number = hold.service(service).filter(|_| !service.is_empty())?;
                let key = Key::new(service, resource.service_version(), name.as_str(), true);
                let operation = places.id(key, now)?;
                places.may_log(operation).then_some((number, operation))
            });
            if let Some((service, operation)) = operation {
                let path = Path {
                    start: span.start_time(),
                    end: span.end_time().max(span.start_time()),
                    row: span.row(),
                };
                hold.span(
                    trace,
                    id,
                    HeldSpan {
                        operation,
                        service,
                        path,
                    },
                    now,
                );
            }
        }
        Ok(())
    }

    fn observe_logs(&mut self, batch: Logs<'_>, _: &mut Outcome) -> Result<(), String> {
        let now = batch.received_at();
        let State { hold, places } = &mut self.state;
        hold.begin(now);
        let keys = keys(batch);
        let mut known = Known::new(batch.len());
        let mut sender: Option<Sender<'_>> = None;
        let mut written = Vec::with_capacity(batch.len());
        for record in batch.records() {
            let resource = record.resource();
            let sender = match sender {
                Some(same) if same.resource == resource.index() => same,
                _ => *sender.insert(Sender::new(resource, hold)),
            };
            let Some(number) = sender.number else {
                continue;
            };
            written.push((record.time(), number));
            let (trace, id) = (record.trace_id(), record.span_id());
            if !trace.is_set() || !id.is_set() || !hold.is_chosen(trace) {
                continue;
            }
            let place = Written::of(&keys, record).and_then(|place| known.place(sender, place, places, now));
            let record = Record {
                time: record.time(),
                place,
                is_error: ERRORS.contains(&record.severity()),
            };
            hold.record(trace, id, record, now);
        }
        written.sort_unstable();
        for (time, service) in written {
            hold.wrote(service, time, now);
        }
        Ok(())
    }

    fn tick(&mut self, now: Time, out: &mut Outcome) -> Result<(), String> {
        for (span, records) in self.state.hold.take_due(now, self.config.hold()) {
            self.count(span, &records, now);
        }
        let update = Duration::from_secs(self.config.update_seconds);
        for (key, place) in self.state.places.iter_mut() {
            let passes = place.counts.now();
            let is_news = place
                .counts
                .tick(now, self.config.min_count, self.config.relearn_seconds);
            if is_news && (!place.last_signal.is_set() || now.since(place.last_signal) >= update) {
                out.emit(signal::ends(key, place, passes));
                place.signalled(now);
            }
            place.tidy(now);
        }
        self.state.places.forget(now);
        let dropped = self.state.hold.take_dropped();
        if dropped > 0 {
            out.log(
                Level::Info,
                format_args!("{dropped} paths were given up for want of room"),
            );
        }
        let overflow = self.state.places.take_overflow();
        if overflow > 0 {
            out.log(
                Level::Info,
                format_args!("there was no room for places {overflow} times"),
            );
        }
        Ok(())
    }

    fn snapshot(&self) -> Vec<u8> {
        snapshot::encode(SNAPSHOT_VERSION, &self.state)
    }
}

/// Who sends, found once for all records of a resource that stand together.
#[derive(Clone, Copy, Debug)]
struct Sender<'a> {
    resource: u32,
    /// Nothing where there is no room, or no name.
    number: Option<u32>,
    service: &'a str,
    release: &'a str,
}

impl<'a> Sender<'a> {
    fn new(resource: Resource<'a>, hold: &mut Hold) -> Self {
        let service = resource.service_name();
        Self {
            resource: resource.index(),
            number: hold.service(service).filter(|_| !service.is_empty()),
            service,
            release: resource.service_version(),
        }
    }
}

/// Places that records of a batch were written at.
struct Known<'a> {
    by_code: Memo<4, Option<PlaceId>>,
    by_text: BTreeMap<(u32, &'a str, &'a str), Option<PlaceId>>,
}

impl<'a> Known<'a> {
    fn new(records: usize) -> Self {
        Self {
            by_code: Memo::new(records),
            by_text: BTreeMap::new(),
        }
    }

    fn place(
        &mut self,
        sender: Sender<'a>,
        written: Written<'a>,
        places: &mut Places,
        now: Time,
    ) -> Option<PlaceId> {
        let mut find = || {
            places.id(
                Key::new(sender.service, sender.release, &written.name(), false),
                now,
            )
        };
        match written {
            Written::Code(text, line) => {
                // No file is so long; what says so is looked up every time.
                let line = match line.map(u32::try_from) {
                    Some(Ok(line)) => [1, line],
                    None => [0, 0],
                    Some(Err(_)) => return find(),
                };
                let [has_line, line] = line;
                self.by_code
                    .get_or([sender.resource, text.index(), has_line, line], find)
            }
            Written::Text(name, line) => *self
                .by_text
                .entry((sender.resource, name, line))
                .or_insert_with(find),
        }
    }
}

impl Paths {
    /// Counts where a path passed and where it ended.
    fn count(&mut self, span: HeldSpan, records: &[Record], now: Time) {
        let places = &mut self.state.places;
        let mut logs = false;
        if let Some(place) = places.get_mut(span.operation) {
            place.begin(!records.is_empty(), now);
            logs = place.has_logs;
        }
        // Of an operation that writes no records nothing is to be missed.
        let mut from = logs.then_some(span.operation);
        for record in records {
            // Where an error comes next, `errors` tells of it; when it comes no more, that is an improvement.
            if !record.is_error
                && let Some(place) = from.and_then(|id| places.get_mut(id))
            {
                place.pass(now);
            }
            from = record.place;
        }
        if let Some(place) = from.and_then(|id| places.get_mut(id)) {
            place.end(span.path, now);
        }
    }
}
