//! A changed mix of templates after a release, and what only looks like one.

use aia_plugin_logs::LogLines;
use aia_plugin_sdk::testing::{Harness, LogBatchBuilder, TestLog};
use aia_plugin_sdk::{Severity, Signal};

use crate::world::{Random, at};

/// What an instance writes in a tick: list, show and retry lines.
#[derive(Clone, Copy)]
struct Writes {
    list: u64,
    show: u64,
    retry: u64,
}

const USUAL: Writes = Writes {
    list: 12,
    show: 7,
    retry: 1,
};
const CHANGED: Writes = Writes {
    list: 10,
    show: 2,
    retry: 8,
};

/// A service over releases.
struct World {
    harness: Harness<LogLines>,
    random: Random,
    tick: u64,
    /// How often a batch's rows come.
    copies: u64,
    /// Seconds by which the rows' times are off.
    skew: i64,
}

impl World {
    fn new() -> Self {
        Self {
            harness: Harness::new().without_restoring(),
            random: Random(7),
            tick: 0,
            copies: 1,
            skew: 0,
        }
    }

    /// Lets a release write for some ticks, every line with chance one half and twice if so.
    fn write(&mut self, release: &str, ticks: u64, writes: Writes) -> &mut Self {
        for _ in 0..ticks {
            let received = 20_000 + 10 * self.tick + 1;
            let resource = [("service.name", "cart"), ("service.version", release)];
            let mut batch = LogBatchBuilder::new(at(received)).resource(&resource);
            let time = at(received.saturating_add_signed(self.skew));
            let lines = [
                (9, "list of carts", writes.list),
                (9, "show cart", writes.show),
                (13, "retry of the ledger", writes.retry),
            ];
            for (severity, text, count) in lines {
                for _ in 0..count {
                    let n = self.random.below(1000);
                    for _ in 0..2 * self.random.below(2) * self.copies {
                        batch = batch.log(TestLog::new(severity, format!("{text} {n} done")).at(time));
                    }
                }
            }
            self.harness.logs(batch.build());
            self.tick += 1;
        }
        self
    }

    fn mixes(&mut self) -> Vec<Signal> {
        let mut signals = self.harness.take_signals();
        signals.retain(|signal| signal.kind == "logs.mix.changed");
        signals
    }
}

#[test]
fn a_changed_mix_is_told_of_once_and_of_its_release() {
    let mut world = World::new();
    world.write("1.4", 400, USUAL).write("1.5", 500, CHANGED);
    let signals = world.mixes();
    assert_eq!(signals.len(), 1, "{signals:?}");
    let signal = &signals[0];
    assert_eq!(
        (signal.service.as_str(), signal.release.as_str()),
        ("cart", "1.5")
    );
    assert_eq!(signal.severity, Severity::Medium);
    assert!(
        signal
            .title
            .starts_with("cart logs otherwise since release 1.5: "),
        "{}",
        signal.title
    );
    assert!(
        signal.title.ends_with("retry of the ledger <*> done"),
        "{}",
        signal.title
    );
    let named = |name: &str| -> Vec<_> {
        signal
            .details
            .iter()
            .filter(|one| one.name == name)
            .map(|one| one.value.as_str())
            .collect()
    };
    assert_eq!(named("release.previous"), ["1.4"]);
    let templates = named("log.template");
    assert_eq!(templates.len(), 2, "{templates:?}");
    assert!(templates[1].ends_with(": show cart <*> done"), "{templates:?}");
    assert!(!signal.evidence.is_empty());
    // The same once more is what is usual.
    world.write("1.6", 500, CHANGED);
    assert_eq!(world.mixes(), []);
}

#[test]
fn the_same_mix_is_not() {
    let mut world = World::new();
    for release in ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"] {
        world.write(release, 400, USUAL);
    }
    assert_eq!(world.harness.signals(), []);
}

#[test]
fn a_changed_mix_without_a_release_or_without_a_known_one_before_is_not() {
    let mut world = World::new();
    world.write("1", 400, USUAL).write("1", 400, CHANGED);
    assert_eq!(world.mixes(), []);
    let mut world = World::new();
    world.write("1", 100, USUAL).write("2", 400, CHANGED);
    assert_eq!(world.mixes(), []);
}

#[test]
fn lines_of_the_start_are_not() {
    let mut world = World::new();
    world
        .write("1", 400, USUAL)
        .write("2", 25, CHANGED)
        .write("2", 400, USUAL);
    assert_eq!(world.mixes(), []);
}

#[test]
fn low_traffic_is_not() {
    let few = |retry| Writes {
        list: 1 - retry,
        show: 0,
        retry,
    };
    let mut world = World::new();
    for _ in 0..8 {
        world.write("1", 1, few(0)).write("1", 1, few(1));
        world.tick += 60;
    }
    world.write("2", 3, few(1));
    world.tick += 600;
    world.write("2", 3, few(1));
    assert_eq!(world.harness.signals(), []);
}

#[test]
fn wrong_clocks_and_late_rows_are_not() {
    let mut world = World::new();
    world.write("1", 400, USUAL);
    for (release, skew) in [("2", 7200), ("3", -7200)] {
        world.skew = skew;
        world.write(release, 400, USUAL);
    }
    // Late rows of the first release among the fourth's, of another mix.
    for _ in 0..200 {
        world.write("1", 1, CHANGED).write("4", 1, USUAL);
    }
    assert_eq!(world.mixes(), []);
}

#[test]
fn repeated_rows_are_not() {
    let mut world = World::new();
    world.write("1", 400, USUAL);
    world.copies = 2;
    world.write("2", 400, USUAL);
    world.copies = 1;
    world.write("3", 100, USUAL);
    // One batch, again and again for a minute.
    world.copies = 30;
    world.write(
        "3",
        6,
        Writes {
            list: 0,
            show: 0,
            retry: 5,
        },
    );
    world.copies = 1;
    world.write("3", 400, USUAL);
    assert_eq!(world.mixes(), []);
}

#[test]
fn a_rolling_release_is_compared_by_its_own_lines() {
    let mut world = World::new();
    world.write("1", 400, USUAL);
    for _ in 0..250 {
        world.write("1", 1, USUAL).write("2", 1, CHANGED);
    }
    let signals = world.mixes();
    assert_eq!(signals.len(), 1, "{signals:?}");
    assert_eq!(signals[0].release, "2");
}

#[test]
fn hundreds_of_releases_of_a_swaying_mix_stay_within_the_budget() {
    let mut random = Random(11);
    let mut false_signals = 0;
    for seed in 1..40 {
        let mut world = World::new();
        world.random = Random(seed);
        for release in 0..6 {
            for _ in 0..24 {
                // Every two to five minutes the traffic is another.
                let writes = Writes {
                    list: 8 + random.below(8),
                    show: 4 + random.below(6),
                    retry: random.below(4),
                };
                world.write(&release.to_string(), 12 + random.below(18), writes);
            }
        }
        false_signals += world.mixes().len();
    }
    // One in a thousand is allowed; here are two hundred.
    assert!(false_signals <= 1, "{false_signals}");
}

#[test]
fn restoring_during_a_comparison_changes_nothing() {
    let mut world = World::new();
    world.harness = Harness::new();
    world.write("1", 260, USUAL).write("2", 110, CHANGED);
    assert_eq!(world.mixes().len(), 1);
}
