//! The detector: finds each point's series, reads its number, scores it, and tells of what is unusual for a while.

use std::collections::BTreeMap;
use std::time::Duration;

use aia_plugin_sdk::semconv::clip;
use aia_plugin_sdk::{
    Detector, Level, Manifest, Metric, Metrics, OpenError, Outcome, Point, Resource, TelemetryKind, Time,
    snapshot,
};
use serde::{Deserialize, Serialize};

use crate::cases::{Cases, Found, Kind};
use crate::config::{Config, SCHEMA};
use crate::habit::Habits;
use crate::identity::{Hashes, hash, hash_attributes, hash_resource, label, mix};
use crate::limit::Limit;
use crate::reading::{Previous, plausible, read};
use crate::series::{Finding, Score, Series, alarm_surprise};
use crate::signal;
use crate::table::{Entry, MAX_SERIES, Table};

/// Version of the state in snapshots.
const SNAPSHOT_VERSION: u32 = 3;

/// How much more surprising than the bar a single value has to be.
const ALONE: f64 = 2.0;

/// Values in a row that are far out, and the time from the first to the last of them, before that is told of as
/// lasting.
const LASTS: f64 = 3.0;
const MOST_LASTS: f64 = 30.0;
const RUNS: f64 = 2.0;
const LEAST_TIME: Duration = Duration::from_secs(60);

/// Values towards a limit in a row before that is told of.
const CLIMB: u8 = 10;

/// The least silence that is told of, and how long it is, in seconds.
const LEAST_SILENCE: u64 = 120;
const TELL_SILENCE: u64 = 60;

/// Values from which on a series is missed.
const MISSED: u32 = 60;

/// Longest release, in bytes.
const MAX_RELEASE_BYTES: usize = 48;

/// Finds metrics that are not as usual.
#[derive(Debug)]
pub struct MetricsDetector {
    config: Config,
    state: State,
}

/// All that a snapshot holds.
#[derive(Debug, Default, Deserialize, Serialize)]
struct State {
    table: Table,
    cases: Cases,
    habits: Habits,
    /// The last release of each service.
    releases: BTreeMap<u16, String>,
    /// When anything last came.
    received: Time,
}

/// Who sends, found once per batch.
#[derive(Clone, Copy, Debug)]
struct Sender {
    service: u16,
    hash: u64,
}

impl Detector for MetricsDetector {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new(
            "metrics",
            env!("CARGO_PKG_VERSION"),
            env!("CARGO_PKG_DESCRIPTION"),
        )
        .config_schema(SCHEMA)
        .reads([TelemetryKind::Metrics])
        .signal(signal::SPIKE, "A metric has a value that is far out")
        .signal(signal::SHIFT, "A metric is elsewhere than it has been")
        .signal(signal::UNREST, "A metric varies more or less than it does")
        .signal(
            signal::SEASON,
            "A metric isn't what it is at this time of the day or week",
        )
        .signal(signal::LIMIT, "A metric runs into its limit")
        .signal(signal::MISSING, "A metric doesn't come any more")
    }

    fn open(config: Config, snapshot: Option<&[u8]>) -> Result<Self, OpenError> {
        config.check()?;
        let mut state = match snapshot {
            Some(bytes) => snapshot::decode::<State>(SNAPSHOT_VERSION, bytes)?,
            None => State::default(),
        };
        state.table = state.table.restored();
        Ok(Self { config, state })
    }

    fn observe_metrics(&mut self, batch: Metrics<'_>, _: &mut Outcome) -> Result<(), String> {
        let now = batch.received_at();
        self.state.received = self.state.received.max(now);
        let mut hashes = Hashes::new(MAX_SERIES);
        let mut last: Option<(u32, Option<Sender>)> = None;
        for metric in batch.metrics() {
            let resource = metric.resource();
            let sender = match last {
                Some((index, sender)) if index == resource.index() => sender,
                _ => self.sender(resource, &mut hashes),
            };
            last = Some((resource.index(), sender));
            let Some(sender) = sender else {
                self.state.table.overflow();
                continue;
            };
            let of_metric = mix(sender.hash, hash(metric.name().as_bytes()));
            let limit = Limit::of(metric);
            for point in metric.points() {
                let id = mix(
                    of_metric,
                    hash_attributes(point.attributes(), &mut hashes, |_| true),
                );
                self.point(id, sender, (metric, limit), point, now);
            }
        }
        Ok(())
    }

    fn tick(&mut self, now: Time, out: &mut Outcome) -> Result<(), String> {
        self.miss(now);
        let update = Duration::from_secs(self.config.update_seconds);
        let State {
            table,
            cases,
            habits,
            releases,
            ..
        } = &mut self.state;
        for (case, found) in cases.take(now, update) {
            let release = releases.get(&case.service).map(String::as_str);
            if let Some(signal) = signal::of(&case, &found, table, release.unwrap_or_default()) {
                out.emit(signal);
            }
        }
        table.forget(now);
        habits.keep(|metric| table.metrics.has(metric));
        releases.retain(|service, _| table.services.has(*service));
        let overflow = table.take_overflow();
        if overflow > 0 {
            out.log(
                Level::Info,
                format_args!("{overflow} values weren't looked at: there is room for {MAX_SERIES} series"),
            );
        }
        Ok(())
    }

    fn snapshot(&self) -> Vec<u8> {
        snapshot::encode(SNAPSHOT_VERSION, &self.state)
    }
}

impl MetricsDetector {
    /// Who sends; nothing where there is no room for another service.
    fn sender(&mut self, resource: Resource<'_>, hashes: &mut Hashes) -> Option<Sender> {
        let service = self.state.table.services.number(resource.service_name())?;
        let release = clip(resource.service_version(), MAX_RELEASE_BYTES);
        if self.state.releases.get(&service).map(String::as_str) != Some(release) {
            self.state.releases.insert(service, release.to_owned());
        }
        let hash = hash_resource(resource, hashes);
        Some(Sender { service, hash })
    }

    /// Takes a point.
    fn point(
        &mut self,
        id: u64,
        sender: Sender,
        (metric, limit): (Metric<'_>, Option<Limit>),
        point: Point<'_>,
        now: Time,
    ) {
        let table = &mut self.state.table;
        let place = table.find(id).or_else(|| {
            let Some(number) = table.metrics.number(metric.name()) else {
                table.overflow();
                return None;
            };
            let resource = metric.resource();
            table.insert(id, (sender.service, number), metric.unit(), now, || {
                label(point.attributes(), resource)
            })
        });
        let room = table.room();
        let all = table.len();
        let Some(entry) = place.and_then(|place| table.get_mut(place)) else {
            return;
        };
        entry.received = now;
        let kept = entry.previous.as_deref().map_or(0, Previous::buckets);
        let time = plausible(point.time(), now);
        let value = read(metric, point, time, &mut entry.previous, room);
        let keeps = entry.previous.as_deref().map_or(0, Previous::buckets);
        if let Some(value) = value {
            let usual = entry.series.usual();
            let score = entry.series.observe(time, value);
            let is_taken = value.is_finite() && entry.series.time() == time;
            if is_taken {
                entry.last = value;
                entry.row = Some(point.row().into());
                if score.surprise >= 3.0 || entry.streak > 0 {
                    let interval = entry.series.interval_seconds();
                    let bar = alarm_surprise(all, interval, self.config.false_alarms_a_week);
                    let relearn = Duration::from_secs(self.config.relearn_seconds);
                    if let Some(found) =
                        judge(entry, &mut self.state.habits, time, &score, usual, (bar, relearn))
                    {
                        self.state.cases.find(found);
                    }
                }
                if let Some(found) =
                    limit.and_then(|limit| climb(entry, limit, time, self.config.limit_minutes))
                {
                    self.state.cases.find(found);
                }
            }
        }
        if kept != keeps {
            self.state.table.count_buckets(kept, keeps);
        }
    }

    /// Finds metrics of which nothing comes any more while others come.
    fn miss(&mut self, now: Time) {
        let State {
            table,
            cases,
            received,
            ..
        } = &mut self.state;
        let mut groups: BTreeMap<(u16, u16), &Entry> = BTreeMap::new();
        for entry in table.entries() {
            let group = groups.entry((entry.service, entry.metric)).or_insert(entry);
            // One instance less is no news: the last one of all counts.
            if entry.received > group.received {
                *group = entry;
            }
        }
        for entry in groups.into_values() {
            let interval = entry.series.interval_seconds();
            let silence = now.since(entry.received).as_secs();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the cast saturates"
            )]
            let usual = (interval * float(self.config.missing_intervals)) as u64;
            let least = usual.max(LEAST_SILENCE);
            let others_come = now.since(*received).as_secs() < least / 2;
            let is_due = silence >= least && silence < least + TELL_SILENCE;
            if entry.series.seen() >= MISSED && others_come && is_due {
                cases.find(Found {
                    kind: Kind::Missing,
                    surprise: 0.0,
                    is_high: false,
                    value: entry.last,
                    usual: entry.series.usual(),
                    seconds: u32::try_from(silence).unwrap_or(u32::MAX),
                    start: entry.received,
                    end: now,
                    rows: entry.row.into_iter().collect(),
                    ..blank(entry)
                });
            }
        }
    }
}

fn float(count: u64) -> f64 {
    aia_plugin_sdk::stats::float(count)
}

/// A finding of a series without anything found.
fn blank(entry: &Entry) -> Found {
    Found {
        kind: Kind::Spike,
        service: entry.service,
        metric: entry.metric,
        label: entry.label.clone(),
        unit: entry.unit.clone(),
        surprise: 0.0,
        is_high: true,
        value: entry.last,
        usual: entry.series.usual(),
        lasts: false,
        is_habit: false,
        seconds: 0,
        start: Time::UNSET,
        end: Time::UNSET,
        rows: Vec::new(),
    }
}

/// How many values in a row it takes to last: where they come in runs, twice as many as usual. One run is one event,
/// however many values show it.
fn least_streak(series: &Series) -> f64 {
    (RUNS * series.run_length()).clamp(LASTS, MOST_LASTS)
}

/// What there is to tell of a value: surprising ones in a row, or a single one that is far beyond the bar.
fn judge(
    entry: &mut Entry,
    habits: &mut Habits,
    time: Time,
    score: &Score,
    usual: f64,
    (bar, relearn): (f64, Duration),
) -> Option<Found> {
    let row = entry.row?;
    let is_odd = score.surprise >= bar;
    let goes_on = entry.streak > 0 && score.is_out;
    if !(is_odd || goes_on) {
        entry.streak = 0;
        entry.since = None;
        entry.habit = None;
        return None;
    }
    // On the way back from a peak its change is as odd as the peak: only where values stay out does it last.
    entry.streak = if goes_on {
        entry.streak.saturating_add(1)
    } else {
        1
    };
    if !goes_on {
        entry.since = Some((row, time));
        entry.habit = None;
    }
    let (first, start) = *entry.since.get_or_insert((row, time));
    let lasts = f64::from(entry.streak) >= least_streak(&entry.series) && time.since(start) >= LEAST_TIME;
    let is_far = is_odd && score.surprise >= bar + ALONE && score.is_out;
    if !lasts && !is_far || time.since(start) > relearn {
        return None;
    }
    // It is decided once: what begins as news stays it.
    let is_habit = lasts
        && *entry
            .habit
            .get_or_insert_with(|| habits.count(entry.metric, time));
    let kind = match score.finding {
        Finding::Season => Kind::Season,
        _ if lasts => Kind::Shift,
        Finding::Unrest => Kind::Unrest,
        _ => Kind::Spike,
    };
    let mut rows = vec![first];
    if first != row {
        rows.push(row);
    }
    Some(Found {
        kind,
        surprise: crate::tail::narrow(score.surprise),
        is_high: entry.last > usual,
        value: entry.last,
        usual,
        lasts,
        is_habit,
        start,
        end: time,
        rows,
        ..blank(entry)
    })
}

/// What there is to tell of a series on its way to a limit.
fn climb(entry: &mut Entry, limit: Limit, time: Time, minutes: u64) -> Option<Found> {
    let left = limit
        .seconds_left(&entry.series, entry.last)
        .filter(|left| *left <= float(minutes * 60));
    let Some(left) = left else {
        entry.climb = 0;
        return None;
    };
    entry.climb = entry.climb.saturating_add(1);
    if entry.climb < CLIMB {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "less than a day of seconds"
    )]
    let seconds = left as u32;
    Some(Found {
        kind: Kind::Limit,
        seconds,
        start: time,
        end: time,
        rows: entry.row.into_iter().collect(),
        ..blank(entry)
    })
}
