//! Whose code takes other ways than before.
//!
//! The log records of a span are a path through the code: it starts at the operation, goes from place to place and
//! ends. Where a path goes on is compared with where it went before from the same place, so that neither the mix of
//! requests nor the traffic matters. What counts most is a path that ends where it never ended, and one that turns to
//! a warning or an error; a new turn to an ordinary record is often due to the data. A turn that another service
//! below the span can explain by a turn of its own speaks against that one only.

use std::collections::{BTreeMap, BTreeSet};

use aia_plugin_sdk::analyst::{EvidenceId, Sentence};

use crate::finding::{Finding, Findings, Kind};
use crate::math::{deviations, float, rise};
use crate::names::Names;
use crate::place::code;
use crate::sample::{Sample, SpanKey};

/// A turn that was seen before but rarer is a fifth of a new one: shares of branches follow the data.
const SEEN: f64 = 0.2;

/// The same where the path ends early: less often due to the data.
const SEEN_END: f64 = 0.6;

/// A turn to an ordinary record is a tenth of a turn to a warning: business as usual, on new data.
const ORDINARY: f64 = 0.1;

/// A turn to a place that was reached before from elsewhere.
const KNOWN_PLACE: f64 = 0.5;

/// Log-likelihood ratio from which a turn is looked at.
const MIN_SURPRISE: f64 = 1.0;

/// A turn below explains one above if it is at least so much of its surprise.
const EXPLAINS: f64 = 0.3;

/// Most log-odds of behaviour.
const MAX_WEIGHT: f64 = 8.0;

/// How far up a trace a turn explains others.
const MAX_DEPTH: usize = 64;

/// Where a path is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Point {
    /// At the start of an operation.
    Start(u32),
    /// At a log record's place.
    At(u32),
    /// At the end.
    End,
}

/// From where to where, in a service.
type Turns = BTreeMap<(u32, Point), BTreeMap<Point, Vec<SpanKey>>>;

/// The severest record of a place, by service and place.
pub(crate) type Severities = BTreeMap<(u32, u32), u8>;

/// A turn that is more frequent than before.
#[derive(Debug)]
struct Odd {
    surprise: f64,
    from: Point,
    to: Point,
    spans: Vec<SpanKey>,
}

/// Compares the paths of the samples.
pub(crate) fn find(samples: [&Sample; 2], severities: &Severities, names: &Names) -> Findings {
    let mut logging = BTreeSet::new();
    for sample in samples {
        let spans = sample.logs.keys().filter_map(|key| sample.spans.get(key));
        logging.extend(spans.map(|span| (span.service, span.operation)));
    }
    let (now, before) = (turns(samples[0], &logging), turns(samples[1], &logging));
    let odd = odd_turns(&now, &before, severities);
    let below = below(samples[0], &odd);
    let mut findings = Findings::new();
    for (service, turns) in &odd {
        let explained = |turn: &Odd| {
            let least = turn.surprise * EXPLAINS;
            let has = |key: &&SpanKey| below.get(key).is_some_and(|most| *most > least);
            float(turn.spans.iter().filter(has).count() as u64) / float(turn.spans.len().max(1) as u64)
        };
        let weighed = turns
            .iter()
            .map(|turn| (turn.surprise * (1.0 - explained(turn)), turn));
        let best =
            weighed.max_by(|left, right| left.0.total_cmp(&right.0).then(right.1.from.cmp(&left.1.from)));
        if let Some((surprise, turn)) = best.filter(|(surprise, _)| *surprise > 0.0) {
            let weight = deviations(surprise).min(MAX_WEIGHT);
            let finding = tell(weight, turn, &before, samples, *service, names);
            findings.insert(names.name(*service).to_owned(), finding);
        }
    }
    findings
}

fn turns(sample: &Sample, logging: &BTreeSet<(u32, u32)>) -> Turns {
    let mut turns = Turns::new();
    for (key, span) in &sample.spans {
        if !logging.contains(&(span.service, span.operation)) || !sample.is_whole(key, span) {
            continue;
        }
        let mut from = Point::Start(span.operation);
        let logs = sample.logs.get(key).map(Vec::as_slice).unwrap_or_default();
        let places = logs.iter().map(|log| Point::At(log.place));
        for to in places.chain([Point::End]) {
            let spans = turns
                .entry((span.service, from))
                .or_default()
                .entry(to)
                .or_default();
            spans.push(*key);
            from = to;
        }
    }
    turns
}

fn odd_turns(now: &Turns, before: &Turns, severities: &Severities) -> BTreeMap<u32, Vec<Odd>> {
    let severity = |service: u32, point: &Point| match point {
        Point::At(place) => severities.get(&(service, *place)).copied().unwrap_or_default(),
        Point::Start(_) | Point::End => 0,
    };
    let places: BTreeSet<(u32, Point)> = before
        .iter()
        .flat_map(|((service, _), nexts)| nexts.keys().map(|to| (*service, *to)))
        .collect();
    let count =
        |nexts: &BTreeMap<Point, Vec<SpanKey>>| float(nexts.values().map(Vec::len).sum::<usize>() as u64);
    let mut odd: BTreeMap<u32, Vec<Odd>> = BTreeMap::new();
    for ((service, from), nexts) in now {
        let Some(earlier) = before.get(&(*service, *from)) else {
            continue;
        };
        let all = count(nexts);
        // Turns to errors that are no more are an improvement: what came in their place isn't odd for that.
        let errors = earlier.iter().filter(|(to, _)| severity(*service, to) >= 17);
        let fine = count(earlier) - float(errors.map(|(_, spans)| spans.len()).sum::<usize>() as u64);
        for (to, spans) in nexts {
            let hits = float(spans.len() as u64);
            let seen = float(earlier.get(to).map_or(0, Vec::len) as u64);
            let is_error = severity(*service, to) >= 17;
            if fine <= 0.0 || (is_error && seen / count(earlier) >= hits / all) {
                continue;
            }
            let former = if is_error { count(earlier) } else { fine };
            let mut weight = match (seen > 0.0, *to == Point::End) {
                (true, true) => SEEN_END,
                (true, false) => SEEN,
                (false, false) if places.contains(&(*service, *to)) => KNOWN_PLACE,
                (false, _) => 1.0,
            };
            if *to != Point::End && severity(*service, to) < 13 {
                weight *= ORDINARY;
            }
            let surprise = rise(hits, all, seen, former) * weight;
            if surprise > MIN_SURPRISE {
                let (from, to) = (*from, *to);
                odd.entry(*service).or_default().push(Odd {
                    surprise,
                    from,
                    to,
                    spans: spans.clone(),
                });
            }
        }
    }
    odd
}

/// The most surprising turn of another service below each span.
fn below(sample: &Sample, odd: &BTreeMap<u32, Vec<Odd>>) -> BTreeMap<SpanKey, f64> {
    let mut below: BTreeMap<SpanKey, f64> = BTreeMap::new();
    for (service, turns) in odd {
        for turn in turns {
            for key in &turn.spans {
                let mut span = sample.spans.get(key);
                for _ in 0..MAX_DEPTH {
                    let Some((key, parent)) = span.and_then(|span| sample.parent(span)) else {
                        break;
                    };
                    if parent.service != *service {
                        let most = below.entry(key).or_default();
                        *most = most.max(turn.surprise);
                    }
                    span = Some(parent);
                }
            }
        }
    }
    below
}

fn tell(
    weight: f64,
    turn: &Odd,
    before: &Turns,
    samples: [&Sample; 2],
    service: u32,
    names: &Names,
) -> Finding {
    let mut finding = Finding::new(Kind::Behaviour, weight);
    let example = turn.spans.first();
    if let Some(span) = example.and_then(|key| samples[0].spans.get(key)) {
        finding = finding.operation(names.name(span.operation));
    }
    finding.code = match turn.from {
        Point::At(place) => code(names.name(place)).to_owned(),
        Point::Start(operation) => names.name(operation).to_owned(),
        Point::End => String::new(),
    };
    let here = |point| example.and_then(|key| record(samples[0], key, point));
    let usual = before.get(&(service, turn.from)).and_then(|nexts| {
        let place = nexts
            .iter()
            .filter(|(to, _)| **to != Point::End)
            .max_by_key(|(_, spans)| spans.len())?;
        record(samples[1], place.1.first()?, *place.0)
    });
    let Some(span) = example.and_then(|key| samples[0].spans.get(key)) else {
        return finding;
    };
    let mut sentence = match here(turn.from) {
        Some(log) => Sentence::new().text("Behind “").figure_of(log, "body").text("” "),
        None => Sentence::new()
            .text("In ")
            .figure_of(&span.item, "name")
            .text(" "),
    };
    sentence = match here(turn.to) {
        Some(log) => sentence
            .text("there comes “")
            .figure_of(log, "body")
            .text("”, oftener than before"),
        None => sentence.text("there comes nothing more, oftener than before"),
    };
    if let Some(usual) = usual {
        sentence = sentence
            .text("; it used to go on with “")
            .figure_of(usual, "body")
            .text("”");
    }
    finding.claim(sentence.text(".").evidence_id(&span.item).claim())
}

/// A span's record at a point.
fn record<'a>(sample: &'a Sample, key: &SpanKey, point: Point) -> Option<&'a EvidenceId> {
    let logs = sample.logs.get(key)?;
    let log = logs.iter().find(|log| Point::At(log.place) == point)?;
    Some(&log.item)
}
