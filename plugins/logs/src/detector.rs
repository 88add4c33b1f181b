//! The detector: mines templates of each service and signals those that are new, too many or missed.

use std::collections::BTreeMap;

use aia_plugin_sdk::snapshot::{self, DecodeError};
use aia_plugin_sdk::stats::float;
use aia_plugin_sdk::{Detector, Level, LogRecord, Logs, Manifest, OpenError, Outcome, TelemetryKind, Time};
use serde::{Deserialize, Serialize};

use crate::body::{clip, first_line, line};
use crate::config::{Config, SCHEMA};
use crate::memo::Memo;
use crate::miner::template::{Template as MinedTemplate, decode};
use crate::miner::words::names_failure;
use crate::miner::{Miner, Place};
use crate::mix::{Counted, Mix};
use crate::signal::{self, Subject, What};
use crate::stats::{Stats, TEMPLATES};

/// Version of the state in snapshots.
const SNAPSHOT_VERSION: u32 = 2;

/// Most services. Each takes at most 2,900 bytes of a snapshot beside its templates, all of them 190 KB. Lines of further
/// ones aren't looked at.
const SERVICES: usize = 64;

/// Most templates of one service: a few noisy ones leave room for the others.
const TEMPLATES_OF_A_SERVICE: u32 = 400;

/// Longest example, name of a service and release kept, in bytes.
const EXAMPLE_BYTES: usize = 96;
const NAME_BYTES: usize = 96;

/// OTLP's severity number from which on a record is a warning or worse.
const WARNING: u8 = 13;

/// Share of the ticks that may bring a new template to be told of, as far as is known: in 90 ticks none, in 180 one. So a
/// service is told of as new four times an hour at most, and not in its first quarter of one.
const NEW_SHARE: f64 = 1.0 / 90.0;

/// Ticks of a service that are remembered.
const REMEMBERED_TICKS: u64 = 8640;

/// Finds log lines that are new, come more often than usual or stay away.
#[derive(Debug)]
pub struct LogLines {
    config: Config,
    state: State,
}

/// All that a snapshot holds.
#[derive(Debug, Default, Deserialize, Serialize)]
struct State {
    services: BTreeMap<String, Service>,
    overflow: u64,
}

/// A service.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Service {
    release: String,
    miner: Miner<Stats>,
    mix: Mix,
    ticks: u64,
    /// Ticks with new templates that were worth telling.
    new_ticks: u64,
    /// When its newest line was received.
    newest: Time,
}

/// A template, as a snapshot has it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Template {
    /// The service.
    pub service: String,
    /// The template's id: the same over restarts.
    pub id: u64,
    /// Its text, with `<*>` for variables.
    pub text: String,
    /// Lines.
    pub count: u64,
    /// The worst severity number among them.
    pub severity: u8,
    /// The first line.
    pub example: String,
    /// When the last came, in nanoseconds since the Unix epoch.
    pub last: u64,
}

/// Reads the templates out of a snapshot, those that came most often first.
///
/// # Errors
/// When it is no snapshot of this version of the detector.
pub fn templates(snapshot: &[u8]) -> Result<Vec<Template>, DecodeError> {
    let state: State = snapshot::decode(SNAPSHOT_VERSION, snapshot)?;
    let mut found = Vec::new();
    for (name, service) in &state.services {
        found.extend(service.miner.iter().map(|template| Template {
            service: name.clone(),
            id: template.id,
            text: template.text(),
            count: template.count,
            severity: template.extra.severity,
            example: template.extra.example.clone(),
            last: template.extra.last.as_nanos(),
        }));
    }
    found.sort_by(|a, b| (&a.service, b.count, a.id).cmp(&(&b.service, a.count, b.id)));
    Ok(found)
}

impl Detector for LogLines {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("logs", env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_DESCRIPTION"))
            .reads([TelemetryKind::Logs])
            .config_schema(SCHEMA)
            .signal(
                signal::NEW,
                "A line at warning or worse, or one that names failure, comes for the first time",
            )
            .signal(signal::BURST, "A line comes clearly more often than usual")
            .signal(
                signal::STOPPED,
                "A line that came by the clock doesn't come any more",
            )
            .signal(
                signal::MIX,
                "A service's lines are others, or come in other shares, since a release",
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

    fn observe_logs(&mut self, batch: Logs<'_>, _: &mut Outcome) -> Result<(), String> {
        let (mut buffer, mut memo) = (String::new(), Memo::default());
        let mut records = batch.records().peekable();
        // Records of a resource come together: its service is looked up once.
        while let Some(first) = records.peek() {
            let resource = first.resource();
            let of_resource = resource.index();
            let service = self.state.service(resource.service_name());
            let release = clip(resource.service_version(), NAME_BYTES);
            if let Some(service) = service {
                let counted = service.enter_release(release, batch.received_at());
                let mut lines = 0;
                // What is remembered of lines holds for one service.
                memo.clear();
                while let Some(record) = records.next_if(|record| record.resource().index() == of_resource) {
                    let (line, is_text) = line(record, &mut buffer);
                    let place = if is_text {
                        memo.place(line, &mut service.miner)
                    } else {
                        service.miner.place(line)
                    };
                    service.add(line, place, record, batch.received_at(), counted);
                    lines += 1;
                }
                service.mix.add(counted, lines);
            } else {
                let mut skipped = 0;
                while records
                    .next_if(|record| record.resource().index() == of_resource)
                    .is_some()
                {
                    skipped += 1;
                }
                self.state.overflow = self.state.overflow.saturating_add(skipped);
            }
        }
        self.state.keep_bounds();
        Ok(())
    }

    fn tick(&mut self, now: Time, out: &mut Outcome) -> Result<(), String> {
        for (name, service) in &mut self.state.services {
            service.tick(name, &self.config, now, out);
        }
        let overflow = std::mem::take(&mut self.state.overflow);
        if overflow > 0 {
            out.log(
                Level::Info,
                format_args!("{overflow} lines were of services that there was no room for"),
            );
        }
        Ok(())
    }

    fn snapshot(&self) -> Vec<u8> {
        snapshot::encode(SNAPSHOT_VERSION, &self.state)
    }
}

impl State {
    /// The service of a name; none where there is no room.
    fn service(&mut self, name: &str) -> Option<&mut Service> {
        let name = clip(name, NAME_BYTES);
        if !self.services.contains_key(name) {
            if self.services.len() >= SERVICES {
                return None;
            }
            let service = Service {
                miner: Miner::new(TEMPLATES_OF_A_SERVICE),
                ..Service::default()
            };
            self.services.insert(name.to_owned(), service);
        }
        self.services.get_mut(name)
    }

    /// Takes templates from the service that has most as long as all have too many.
    fn keep_bounds(&mut self) {
        while self
            .services
            .values()
            .map(|service| service.miner.len())
            .sum::<usize>()
            > TEMPLATES as usize
        {
            let Some(most) = self
                .services
                .values_mut()
                .max_by_key(|service| service.miner.len())
            else {
                return;
            };
            most.miner.make_room_for(most.miner.len() / 8 + 1);
        }
    }
}

impl Service {
    fn add(&mut self, line: &[u8], place: Place, record: LogRecord<'_>, received: Time, counted: Counted) {
        self.newest = received;
        // Records may be dated ahead; what has been received can't be later than now.
        let time = record.time().min(received);
        if let Some(template) = self.miner.get_mut(place.slot) {
            if place.is_new {
                let line = first_line(line);
                let text = String::from_utf8_lossy(line.get(..2 * EXAMPLE_BYTES).unwrap_or(line));
                template.extra.example = clip(&text, EXAMPLE_BYTES).to_owned();
                template.extra.is_news = true;
            }
            template
                .extra
                .add(record.row(), time, received, record.severity(), counted);
        }
    }

    /// A release that wasn't the last one: what came by the clock may come otherwise.
    fn enter_release(&mut self, release: &str, now: Time) -> Counted {
        if self.release != release {
            release.clone_into(&mut self.release);
            self.miner
                .iter_mut()
                .for_each(|template| template.extra.release());
        }
        let hash = Miner::<Stats>::hash(release.as_bytes());
        self.mix.enter(release, hash, now, &mut self.miner)
    }

    fn tick(&mut self, name: &str, config: &Config, now: Time, out: &mut Outcome) {
        let lines_now = self.miner.iter().map(|template| template.extra.now()).sum();
        let lines_usual = self.miner.iter().map(|template| template.extra.known()).sum();
        let is_novelty_rare = (float(self.new_ticks) + 1.0) / (float(self.ticks) + 1.0) <= NEW_SHARE;
        let mut has_new = false;
        // Where the service says nothing at all, that is no matter of one line.
        let is_silent = now.since(self.newest).as_secs() > 30;
        for template in self.miner.iter_mut() {
            let mut told = None;
            if std::mem::take(&mut template.extra.is_news) && fails(template) {
                has_new = true;
                told = is_novelty_rare.then_some(What::New);
            }
            let burst = template.extra.burst(lines_now, lines_usual, config.min_count);
            told = told.or(burst.map(What::Burst));
            if told.is_none() && !is_silent {
                told = template.extra.stopped(self.newest).map(What::Stopped);
            }
            let last = template.extra.last_signal;
            if let Some(what) = told
                && (!last.is_set() || now.since(last).as_secs() >= config.update_seconds)
            {
                let text = template.text();
                let subject = Subject {
                    service: name,
                    release: &self.release,
                    id: template.id,
                    text: &text,
                    fails: fails(template),
                    stats: &template.extra,
                };
                out.emit(subject.signal(what));
                template.extra.last_signal = now;
            }
            template.extra.tick();
            template.extra.rows.clear();
        }
        if let Some(change) = self.mix.tick(&mut self.miner) {
            out.emit(signal::mix(name, &change, &self.miner, now));
        }
        if !is_silent {
            self.ticks += 1;
            self.new_ticks += u64::from(has_new);
        }
        if self.ticks >= REMEMBERED_TICKS {
            self.ticks /= 2;
            self.new_ticks /= 2;
        }
    }
}

/// Whether a template is at warning or worse, or its constant words name failure.
pub(crate) fn fails(template: &MinedTemplate<Stats>) -> bool {
    let names_one = || decode(&template.pieces).any(|piece| names_failure(piece.text));
    template.extra.severity >= WARNING || names_one()
}
