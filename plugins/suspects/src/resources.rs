//! Who uses far more of a resource than before.

use std::collections::BTreeMap;

use aia_plugin_sdk::analyst::{Item, Sentence};

use crate::figures::Figures;
use crate::finding::{Finding, Findings, Kind};
use crate::math::ln;

/// Words in metrics' names that mean a resource which a service can run out of.
const RESOURCES: [&str; 18] = [
    "cpu",
    "memory",
    "mem",
    "rss",
    "heap",
    "gc",
    "disk",
    "filesystem",
    "fs",
    "throttled",
    "throttling",
    "thread",
    "threads",
    "pool",
    "queue",
    "restarts",
    "restart",
    "oom",
];

/// Words that mean a machine shared by many.
const SHARED: [&str; 3] = ["node", "host", "system"];

/// Of which remains.
const SHARED_PART: f64 = 0.3;

/// What remains where a service sends no spans while others do: it may be a database that all wait for, but it is one of
/// the many series that have nothing to do with the requests in trouble.
const UNSEEN_PART: f64 = 0.3;

/// A series' ordinary wobble, as a share of its mean, even where it stood still before.
const WOBBLE: f64 = 0.1;

/// Deviations from which a resource is conspicuous.
const MIN_DEVIATIONS: f64 = 3.0;

/// Log-odds for each e-fold beyond that.
const PER_FOLD: f64 = 2.0;

/// Points needed before.
const MIN_POINTS: u64 = 3;

/// Most log-odds of a resource.
const MAX_WEIGHT: f64 = 8.0;

/// Compares series by service, metric and attributes.
pub(crate) fn find(series: [&[Item]; 2], figures: &Figures) -> Findings {
    let mut before: BTreeMap<(&str, String), &Item> = BTreeMap::new();
    for item in series[1] {
        before.insert((&item.service, key(item)), item);
    }
    let mut findings = Findings::new();
    for now in series[0].iter().filter(|item| !item.service.is_empty()) {
        let Some(part) = part(now.text("metric")) else {
            continue;
        };
        let Some(before) = before.get(&(now.service.as_str(), key(now))) else {
            continue;
        };
        let Some(deviations) = deviations(now, before) else {
            continue;
        };
        if deviations < MIN_DEVIATIONS {
            continue;
        }
        let is_unseen = figures.spans() > 0 && !figures.services.contains_key(&now.service);
        let part = if is_unseen { part * UNSEEN_PART } else { part };
        let weight = (PER_FOLD * ln(deviations / MIN_DEVIATIONS)).min(MAX_WEIGHT) * part;
        if findings
            .get(&now.service)
            .is_none_or(|found| weight > found.weight)
        {
            let sentence = Sentence::new()
                .text("Its ")
                .figure(now, "metric")
                .text(" rose from ");
            let sentence = sentence
                .figure(before, "mean")
                .text(" to ")
                .figure(now, "mean")
                .text(" on average.");
            let finding = Finding::new(Kind::Resource, weight).claim(sentence.claim());
            findings.insert(now.service.clone(), finding);
        }
    }
    findings
}

/// What tells series of a service apart: the metric and what it is an attribute of, without figures.
fn key(item: &Item) -> String {
    const FIGURES: [&str; 10] = [
        "count",
        "mean",
        "deviation",
        "min",
        "max",
        "first",
        "last",
        "unit",
        "start",
        "end",
    ];
    let own = item.fields.iter().filter(|field| {
        let name = field.name.trim_end_matches("_ns");
        !FIGURES.contains(&name)
    });
    own.map(|field| format!("{}\u{0}{}\u{0}", field.name, field.value))
        .collect()
}

/// How much a metric's rise says of its service; none if it is no resource.
fn part(metric: &str) -> Option<f64> {
    let words = words(metric);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    if !has(&RESOURCES) {
        return None;
    }
    Some(if has(&SHARED) { SHARED_PART } else { 1.0 })
}

/// The words of `container.cpu_usage` and `ContainerCpuUsage`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for letter in name.chars().take(200) {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        was_lower = letter.is_lowercase();
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

/// By how many of its former deviations a series' mean rose.
fn deviations(now: &Item, before: &Item) -> Option<f64> {
    if before.count("count")? < MIN_POINTS {
        return None;
    }
    if is_counter(now) && is_counter(before) {
        return None;
    }
    let (mean, former) = (now.number("mean")?, before.number("mean")?);
    let deviation = before.number("deviation")?;
    let floor = former * WOBBLE;
    let usual = (deviation * deviation + floor * floor).sqrt();
    let rise = (mean - former) / usual.max(f64::MIN_POSITIVE);
    rise.is_finite().then_some(rise)
}

/// Whether a series only ever rises: then its mean says how old it is.
fn is_counter(item: &Item) -> bool {
    let number = |name| item.number(name);
    let (first, last) = (number("first"), number("last"));
    item.text("is_monotonic") == "true"
        || (first < last && first == number("min") && last == number("max") && item.count("count") > Some(5))
}

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::testing::TestItem;

    use super::*;

    fn series(metric: &str, mean: f64, deviation: f64) -> Item {
        let item = TestItem::series("pay", metric)
            .field("count", 10)
            .field("mean", mean);
        item.field("deviation", deviation).build("ev-1")
    }

    #[test]
    fn a_rise_counts_by_its_former_wobble() {
        let find = |now: f64, before: f64, deviation: f64| {
            let found = find(
                [
                    &[series("container.cpu.usage", now, 0.0)],
                    &[series("container.cpu.usage", before, deviation)],
                ],
                &Figures::default(),
            );
            found.get("pay").map_or(0.0, |finding| finding.weight)
        };
        assert!(find(170.0, 5.0, 0.5) > 4.0);
        assert_eq!(find(6.0, 5.0, 2.0), 0.0);
        assert_eq!(find(1.0, 5.0, 0.5), 0.0);
        assert_eq!(find(f64::NAN, 5.0, 0.5), 0.0);
        assert_eq!(find(f64::INFINITY, 5.0, 0.5), 0.0);
    }

    #[test]
    fn who_sends_no_spans_while_others_do_counts_less() {
        let find = |figures: &Figures| {
            let found = find(
                [
                    &[series("container.cpu.usage", 170.0, 0.0)],
                    &[series("container.cpu.usage", 5.0, 0.5)],
                ],
                figures,
            );
            found.get("pay").map_or(0.0, |finding| finding.weight)
        };
        let spans = TestItem::operation("shop", "GET /")
            .field("count", 50)
            .build("ev-9");
        let (all, part) = (find(&Figures::default()), find(&Figures::of(vec![spans])));
        assert!((part - UNSEEN_PART * all).abs() < 1e-9 && part > 0.0);
    }

    #[test]
    fn only_resources_count() {
        assert_eq!(part("CpuUsageRate"), Some(1.0));
        assert_eq!(part("NodeCpuUsageRate"), Some(SHARED_PART));
        assert_eq!(part("jvm.gc.duration"), Some(1.0));
        assert_eq!(part("http.server.request.duration"), None);
        assert_eq!(part("LatencyP99"), None);
    }
}
