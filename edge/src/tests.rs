//! Promise: whatever dies, fails or races, every segment is consumed once by every session, and what is found is what would
//! have been found.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use aia_telemetry::{Commit, SegmentId};
use proptest::prelude::*;

use crate::chain::{last_commit, read_commits};
use crate::testing::{Fate, MemoryBucket, SharedMemory, Toys, keys, run, segment};
use crate::{Bucket, Config, Owner};

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_700_000_000 * SECOND;

type TestOwner = Owner<MemoryBucket, Toys, SharedMemory>;

#[derive(Clone)]
struct World {
    bucket: MemoryBucket,
    memory: SharedMemory,
    toys: Toys,
    config: Config,
}

impl World {
    fn new() -> Self {
        Self {
            bucket: MemoryBucket::default(),
            memory: SharedMemory::default(),
            toys: Toys::new(&["toy", "top"]),
            config: Config::default(),
        }
    }

    fn owner(&self) -> TestOwner {
        let Self {
            bucket,
            memory,
            toys,
            config,
        } = self.clone();
        Owner::new(bucket, toys, memory, keys(), config)
    }

    /// Puts a segment of spans as an isolate does, past every planned fate.
    fn put(&self, names: &[&str], at: u64) -> Vec<u8> {
        let (key, bytes) = segment(names, at);
        self.bucket
            .objects
            .borrow_mut()
            .entry(key)
            .or_insert_with(|| bytes.clone());
        bytes
    }

    fn commits(&self, plugin: &str) -> Vec<Commit> {
        let calm = self.bucket.calm();
        let last = run(last_commit(&calm, &keys(), plugin, 0)).unwrap().unwrap();
        let links = run(read_commits(&calm, &keys(), plugin, 1, last))
            .unwrap()
            .unwrap();
        links.into_iter().map(|link| link.commit).collect()
    }

    fn consumed(&self, plugin: &str) -> Vec<(SegmentId, bool)> {
        let commits = self.commits(plugin);
        let segments = commits.iter().flat_map(|commit| &commit.segments);
        segments
            .map(|consumed| (consumed.id, consumed.is_skipped))
            .collect()
    }

    /// Steps until nothing is left to do, at most for an hour.
    fn settle(&self, owner: &mut TestOwner, mut now: u64) -> u64 {
        for _ in 0..400 {
            run(owner.step(now)).unwrap();
            match owner.next_step(now) {
                Some(next) => now = next,
                None => break,
            }
        }
        now
    }
}

#[test]
fn segments_are_consumed_and_signals_committed_at_once() {
    let world = World::new();
    let mut owner = world.owner();
    let bytes = world.put(&["ok", "fail 1"], START);
    owner.offer(&bytes, START).unwrap();
    run(owner.step(START)).unwrap();
    for plugin in ["toy", "top"] {
        let commits = world.commits(plugin);
        assert_eq!(commits.len(), 1, "{plugin}");
        assert_eq!(commits[0].signals.len(), 1);
        assert_eq!(commits[0].segments[0].rows, 2);
        assert_eq!(commits[0].signals[0].1.evidence[0].row, 1);
    }
    assert!(owner.take_reports().is_empty());
    // The same request again changes nothing, in this minute or the next.
    owner.offer(&bytes, START + SECOND).unwrap();
    run(owner.step(START + 40 * SECOND)).unwrap();
    assert_eq!(world.consumed("toy").len(), 1);
}

#[test]
fn what_is_put_but_not_told_of_is_found() {
    let world = World::new();
    world.put(&["fail"], START);
    let mut owner = world.owner();
    run(owner.step(START + 5 * SECOND)).unwrap();
    assert_eq!(world.consumed("toy").len(), 1);
    // Nothing tells of this one either.
    world.put(&["fail later"], START + 20 * SECOND);
    run(owner.step(START + 90 * SECOND)).unwrap();
    assert_eq!(world.consumed("toy").len(), 2);
    // Nor did anybody while there was no owner at all.
    drop(owner);
    world.put(&["fail at night"], START + 30_000 * SECOND);
    run(world.owner().step(START + 40_000 * SECOND)).unwrap();
    assert_eq!(world.consumed("toy").len(), 3);
}

#[test]
fn silence_is_committed_and_then_the_project_sleeps() {
    let world = World::new();
    let mut owner = world.owner();
    owner.offer(&world.put(&["ok"], START), START).unwrap();
    let end = world.settle(&mut owner, START);
    assert!(
        (900..=920).contains(&((end - START) / SECOND)),
        "{}",
        (end - START) / SECOND
    );
    let commits = world.commits("toy");
    let last = commits.last().unwrap();
    assert!(last.snapshot.is_some() && last.received_at > START + 880 * SECOND);
    assert!(commits.len() < 20, "{} commits", commits.len());
    assert_eq!(world.consumed("toy").len(), 1);
}

#[test]
fn a_plugin_that_traps_is_spared_the_segment_and_holds_up_nobody() {
    let world = World::new();
    let mut owner = world.owner();
    for (index, names) in [["ok"], ["trap toy"], ["fail"]].iter().enumerate() {
        let at = START + index as u64 * SECOND;
        owner.offer(&world.put(names, at), at).unwrap();
    }
    run(owner.step(START + 3 * SECOND)).unwrap();
    // The other one has gone on.
    assert_eq!(world.commits("top").last().unwrap().signals.len(), 1);
    assert!(world.commits("toy").is_empty());
    world.settle(&mut owner, START + 4 * SECOND);
    let skipped: Vec<bool> = world
        .consumed("toy")
        .into_iter()
        .map(|(_, is_skipped)| is_skipped)
        .collect();
    assert_eq!(skipped, [false, true, false]);
    let reports: Vec<String> = owner
        .take_reports()
        .into_iter()
        .map(|report| report.text)
        .collect();
    assert_eq!(
        reports.iter().filter(|text| text.contains("unreachable")).count(),
        3,
        "{reports:?}"
    );
    // Behind it is a snapshot: whoever goes on doesn't meet it again.
    let with = world
        .commits("toy")
        .into_iter()
        .find(|commit| commit.segments.iter().any(|segment| segment.is_skipped));
    assert!(with.unwrap().snapshot.is_some());
    world.put(&["fail once more"], START + 2000 * SECOND);
    let mut next = world.owner();
    run(next.step(START + 2001 * SECOND)).unwrap();
    assert_eq!(world.consumed("toy").len(), 4);
    assert!(next.take_reports().is_empty());
}

#[test]
fn a_plugin_that_ends_the_isolate_is_found_by_its_note_and_spared_the_segment() {
    let world = World::new();
    for (index, names) in [["ok"], ["die top"], ["fail"]].iter().enumerate() {
        world.put(names, START + index as u64 * SECOND);
    }
    let mut deaths = 0;
    for attempt in 0..10 {
        let mut owner = world.owner();
        let now = START + (10 + attempt) * SECOND;
        let ended = catch_unwind(AssertUnwindSafe(|| run(owner.step(now)).unwrap()));
        if ended.is_ok() {
            break;
        }
        deaths += 1;
    }
    // Once with a note of all that was at work, once with a note of the call.
    assert_eq!(deaths, 2);
    let skipped = |plugin| {
        world
            .consumed(plugin)
            .iter()
            .filter(|(_, is_skipped)| *is_skipped)
            .count()
    };
    assert_eq!((skipped("toy"), skipped("top")), (0, 1));
    assert_eq!((world.consumed("toy").len(), world.consumed("top").len()), (3, 3));
    assert!(world.memory.0.borrow().skips.is_empty() && world.memory.0.borrow().call.is_none());
}

#[test]
fn of_two_owners_one_wins_each_commit_and_the_other_goes_on_behind_it() {
    let world = World::new();
    let (mut one, mut two) = (
        world.owner(),
        World {
            memory: SharedMemory::default(),
            ..world.clone()
        }
        .owner(),
    );
    run(one.step(START)).unwrap();
    run(two.step(START)).unwrap();
    let bytes = world.put(&["fail a"], START);
    one.offer(&bytes, START).unwrap();
    two.offer(&bytes, START).unwrap();
    run(one.step(START)).unwrap();
    run(two.step(START)).unwrap();
    assert!(two.has_rival() && !one.has_rival());
    assert!(
        two.take_reports()
            .iter()
            .any(|report| report.text.contains("another owner was faster"))
    );
    let bytes = world.put(&["fail b"], START + SECOND);
    two.offer(&bytes, START + SECOND).unwrap();
    run(two.step(START + SECOND)).unwrap();
    one.offer(&bytes, START + SECOND).unwrap();
    run(one.step(START + SECOND)).unwrap();
    run(one.step(START + 2 * SECOND)).unwrap();
    assert_eq!(world.consumed("toy").len(), 2);
    assert_eq!(
        world
            .commits("toy")
            .iter()
            .map(|commit| commit.signals.len())
            .sum::<usize>(),
        2
    );
}

#[test]
fn a_forged_commit_stops_its_session_and_no_other() {
    let world = World::new();
    let mut owner = world.owner();
    owner.offer(&world.put(&["fail"], START), START).unwrap();
    run(owner.step(START)).unwrap();
    drop(owner);
    let key = "sessions/acme/shop/toy/00000000000000000001";
    *world
        .bucket
        .objects
        .borrow_mut()
        .get_mut(key)
        .unwrap()
        .last_mut()
        .unwrap() ^= 1;
    let mut owner = world.owner();
    owner
        .offer(&world.put(&["fail 2"], START + SECOND), START + SECOND)
        .unwrap();
    run(owner.step(START + SECOND)).unwrap();
    let reports = owner.take_reports();
    assert!(
        reports
            .iter()
            .any(|report| report.text.contains("its MAC is wrong")),
        "{reports:?}"
    );
    assert_eq!(world.consumed("top").len(), 2);
}

#[test]
fn objects_that_are_no_segments_are_reported_and_passed_over() {
    let world = World::new();
    let (key, mut bytes) = segment(&["fail"], START);
    bytes[60] ^= 1;
    {
        let mut objects = world.bucket.objects.borrow_mut();
        objects.insert(key.clone(), bytes);
        objects.insert(key.replace("shop/", "shop/zzz/"), Vec::new());
        objects.insert("segments/acme/shop/~".to_owned(), Vec::new());
    }
    world.put(&["fail good"], START + SECOND);
    let mut owner = world.owner();
    run(owner.step(START + 2 * SECOND)).unwrap();
    assert_eq!(world.consumed("toy").len(), 1);
    assert!(
        owner
            .take_reports()
            .iter()
            .any(|report| report.text.contains("can't be read"))
    );
}

/// One thing that happens to a project.
#[derive(Clone, Debug)]
enum Event {
    /// A segment is put, and its owner told of it or not.
    Segment { spans: u8, is_told: bool },
    /// Time passes.
    Pass { seconds: u64 },
    /// The owner dies without a word.
    Death,
    /// It is closed.
    Close,
    /// Another owner takes a step of its own.
    Race,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1_u8..5, prop::bool::weighted(0.8)).prop_map(|(spans, is_told)| Event::Segment { spans, is_told }),
        3 => (0_u64..70).prop_map(|seconds| Event::Pass { seconds }),
        1 => Just(Event::Death),
        1 => Just(Event::Close),
        1 => Just(Event::Race),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::Fails),
        Just(Fate::AnswerLost),
        Just(Fate::DiesBefore),
        Just(Fate::DiesBehind)
    ]
}

/// Runs events; the ids of all segments put.
fn play(world: &World, events: &[Event]) -> BTreeSet<String> {
    let mut owner = world.owner();
    let rival = World {
        memory: SharedMemory::default(),
        ..world.clone()
    };
    let mut rival = rival.owner();
    let mut now = START;
    let mut put = BTreeSet::new();
    for (index, event) in events.iter().enumerate() {
        let mut is_dead = false;
        match event {
            Event::Segment { spans, is_told } => {
                let names: Vec<String> = (0..*spans)
                    .map(|span| format!("{} {index}", if span == 3 { "fail" } else { "ok" }))
                    .collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                put.insert(segment(&names, now).0);
                let bytes = world.put(&names, now);
                if *is_told {
                    owner.offer(&bytes, now).unwrap();
                    is_dead = run(owner.step(now)).is_none();
                }
            }
            Event::Pass { seconds } => {
                now += seconds * SECOND;
                is_dead = run(owner.step(now)).is_none();
            }
            Event::Death => is_dead = true,
            Event::Close => is_dead = run(owner.close(now)).is_none(),
            Event::Race => {
                if run(rival.step(now)).is_none() {
                    let fresh = World {
                        memory: SharedMemory::default(),
                        ..world.clone()
                    };
                    rival = fresh.owner();
                }
            }
        }
        if is_dead {
            owner = world.owner();
        }
        now += SECOND;
    }
    // Then nothing fails any more.
    world.bucket.fates.borrow_mut().clear();
    world.settle(&mut world.owner(), now + 400 * SECOND);
    put
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_segment_is_consumed_once_whatever_happens(
        events in prop::collection::vec(event(), 1..40),
        fates in prop::collection::btree_map(0_u64..300, fate(), 0..12),
    ) {
        let world = World::new();
        world.bucket.fates.borrow_mut().extend(fates);
        let put = play(&world, &events);
        for plugin in ["toy", "top"] {
            let commits = world.commits(plugin);
            let mut seen = BTreeMap::new();
            for (id, is_skipped) in world.consumed(plugin) {
                prop_assert!(!is_skipped);
                *seen.entry(id.to_string()).or_insert(0) += 1;
            }
            let ids: BTreeMap<String, i32> = put.iter().map(|key| (key.rsplit_once('/').unwrap().1.to_owned(), 1)).collect();
            prop_assert_eq!(&seen, &ids);
            // What one without trouble would have found and remembered, given the same segments in the same order.
            for (commit, again) in commits.iter().zip(rederived(&world, plugin)) {
                prop_assert_eq!(commit, &again);
            }
        }
    }
}

/// The commits of a session made anew from what they name.
fn rederived(world: &World, plugin: &str) -> Vec<Commit> {
    use crate::{Detector, Place, Plugins};
    let index = world
        .toys
        .infos
        .iter()
        .position(|info| info.name == plugin)
        .unwrap();
    let mut toy = world.toys.open(index, None).unwrap();
    let mut previous = [0; 32];
    let (mut ordinal, mut received_at) = (0, 0);
    let mut made = Vec::new();
    for commit in world.commits(plugin) {
        let mut signals = Vec::new();
        for consumed in &commit.segments {
            let at = consumed.observed_at;
            for tick in aia_telemetry::ticks_between(received_at, at) {
                toy.tick(tick).unwrap();
            }
            (ordinal, received_at) = (ordinal + 1, at);
            let objects = world.bucket.objects.borrow();
            let (key, bytes) = objects
                .iter()
                .find(|(key, _)| key.ends_with(&consumed.id.to_string()))
                .unwrap();
            let (_, columns) = keys()
                .open_at(key, bytes, &aia_telemetry::SegmentLimits::default())
                .unwrap();
            let place = Place {
                segment: ordinal,
                received_at: at,
                first_row: 0,
            };
            let outcome = toy.observe(&columns.unwrap(), place).unwrap();
            signals.extend(outcome.signals.into_iter().map(|signal| (at, signal)));
        }
        for tick in aia_telemetry::ticks_between(received_at, commit.received_at) {
            toy.tick(tick).unwrap();
        }
        received_at = received_at.max(commit.received_at);
        let snapshot = commit.snapshot.as_ref().map(|_| toy.snapshot().unwrap());
        let commit = Commit {
            signals,
            snapshot,
            previous,
            received_at,
            ..commit
        };
        previous = aia_telemetry::commit_hash(&keys().seal_commit(&commit).unwrap());
        made.push(commit);
    }
    made
}

#[test]
fn a_bucket_lists_in_pages() {
    let bucket = MemoryBucket::default();
    for number in 0..7 {
        run(bucket.create(&format!("a/{number}"), Vec::new()))
            .unwrap()
            .unwrap();
    }
    let page = run(bucket.list("a/", Some("a/2"))).unwrap().unwrap();
    assert_eq!(page, ["a/3", "a/4", "a/5"]);
}

#[test]
fn a_plugin_that_ends_the_isolate_in_silence_is_found_by_its_note() {
    let world = World::new();
    let mut owner = world.owner();
    // From its first segment on it can't bear a tick.
    owner.offer(&world.put(&["dread top"], START), START).unwrap();
    run(owner.step(START)).unwrap();
    run(owner.close(START)).unwrap();
    drop(owner);
    let mut deaths = 0;
    for attempt in 0..10 {
        let mut owner = world.owner();
        let now = START + (30 + attempt * 30) * SECOND;
        if catch_unwind(AssertUnwindSafe(|| run(owner.step(now)).unwrap())).is_ok() {
            break;
        }
        deaths += 1;
    }
    assert_eq!(deaths, 2);
    // The other one's time has passed.
    assert!(world.commits("toy").last().unwrap().received_at > START + 60 * SECOND);
}
