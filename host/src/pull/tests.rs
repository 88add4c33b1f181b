//! Pulling from a bucket in memory into a real log and store.

use aia_telemetry::{
    Header, IngestKey, ProjectId, ProjectKeys, SegmentId, TenantId, object_key, peek_header,
};

use super::memory::Memory;
use super::project::Looked;
use super::*;
use crate::log::Retention;
use crate::log::tests::{Fixture, columns, scope, sealed, wait_for_compaction};

mod hostile;

const HOUR: u64 = 3_600_000_000_000;

/// A bucket, and a host that pulls from it.
struct Bench {
    fixture: Fixture,
    bucket: Arc<Memory>,
    runtime: tokio::runtime::Runtime,
    stop: watch::Sender<bool>,
    config: PullConfig,
}

impl Bench {
    fn new() -> Self {
        let config = Config::defaults().unwrap();
        let limits = SegmentLimits {
            max_columns_bytes: 1 << 20,
        };
        Self {
            fixture: Fixture::new(),
            bucket: Arc::default(),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
            stop: watch::channel(false).0,
            config: PullConfig {
                sweep_every: Duration::MAX,
                ..PullConfig::new(&config, limits)
            },
        }
    }

    fn open(&self) -> Arc<Log> {
        Arc::new(self.fixture.open_with(1 << 20, Arc::new(|_| {})))
    }

    fn puller(&self, log: &Arc<Log>) -> Puller {
        let store = self.fixture.store();
        let target = Target {
            log: Arc::clone(log),
            leads: Arc::new(Leads::load(Arc::clone(&store)).unwrap()),
            store,
            keys: Fixture::keys(),
            root: root(1),
            metrics: Arc::new(Metrics::default()),
            has_room: Box::new(|| true),
        };
        Puller::new(
            self.config.clone(),
            Box::new(Arc::clone(&self.bucket)),
            target,
            PullMetrics::register(&mut Registry::default()),
            Stop::new(self.runtime.handle().clone(), self.stop.subscribe()),
        )
    }

    /// Puts the segment of a request, received then; gives its key.
    fn put(&self, number: u32, received_at: u64) -> String {
        let (key, bytes) = segment(&root(1), &scope(), number, received_at);
        self.bucket.insert(&key, bytes);
        key
    }

    fn got(&self) -> usize {
        let got = &self.bucket.0.lock().got;
        got.iter().filter(|key| key.starts_with("segments/")).count()
    }
}

fn root(secret: u8) -> RootSecret {
    RootSecret::new([secret; 32])
}

fn segment(root: &RootSecret, scope: &Scope, number: u32, received_at: u64) -> (String, Vec<u8>) {
    let (columns, body) = columns(number);
    let keys = ProjectKeys::derive(root, &scope.tenant, &scope.project);
    let key = IngestKey {
        tenant: scope.tenant.clone(),
        project: scope.project.clone(),
        key_id: "k".parse().unwrap(),
        version: 1,
    };
    let header: Header = keys.header(&columns, &body, received_at, &key);
    let segment = keys.seal(&header, Some(&columns)).unwrap();
    (object_key(&header), segment)
}

fn project(name: &str) -> Scope {
    Scope {
        tenant: TenantId::new("t").unwrap(),
        project: ProjectId::new(name).unwrap(),
    }
}

/// When what the log holds was received, in its order.
fn times(log: &Log, scope: &Scope) -> Vec<u64> {
    let head = log.head(scope).sequence;
    (1..=head)
        .map(|sequence| log.peek(scope, sequence).unwrap().received_at)
        .collect()
}

#[test]
fn segments_are_pulled_once_in_the_order_they_were_received() {
    let bench = Bench::new();
    let log = bench.open();
    let now = clock::now();
    let received: Vec<u64> = (0..20)
        .map(|number| now - HOUR + number * 7_000_000_000)
        .collect();
    // Ids have nothing to do with the order, and keys are in that of ids within a minute.
    for (number, received_at) in (0..).zip(&received) {
        bench.put(number, *received_at);
    }
    let mut puller = bench.puller(&log);
    let looked = puller.round().unwrap();
    assert_eq!((looked.segments, looked.has_more), (20, false));
    assert_eq!(times(&log, &scope()), received);
    assert_eq!(puller.metrics.segments.get(), 20);
    let bytes = bench.bucket.keys("segments/").len();
    assert_eq!((bytes, bench.got()), (20, 20));
    // The bytes are those that lay there.
    let lying = bench.bucket.0.lock().objects.clone();
    for (key, bytes) in lying.iter().filter(|(key, _)| key.starts_with("segments/")) {
        assert!(key.ends_with(&peek_header(bytes).unwrap().id.to_string()));
    }

    // Neither again, nor by a host that starts later, from journal or blocks.
    assert_eq!(puller.round().unwrap(), Looked::default());
    drop(puller);
    log.close();
    let log = bench.open();
    assert_eq!(bench.puller(&log).round().unwrap(), Looked::default());
    log.roll();
    wait_for_compaction(&bench.fixture.journal(), 0);
    assert_eq!(bench.puller(&log).round().unwrap(), Looked::default());
    assert_eq!((bench.got(), log.head(&scope()).sequence), (20, 20));
}

#[test]
fn a_host_that_dies_between_log_and_store_appends_nothing_twice() {
    for is_compacted in [false, true] {
        let mut bench = Bench::new();
        let now = clock::now();
        // Long ago: no journal remembers such ids.
        for number in 0..10 {
            bench.put(number, now - 5 * HOUR + u64::from(number));
        }
        bench.config.dies_after_append = true;
        let log = bench.open();
        assert!(matches!(bench.puller(&log).round(), Err(PullError::Stopped)));
        assert_eq!(log.head(&scope()).sequence, 10);
        log.close();
        drop(log);

        bench.config.dies_after_append = false;
        bench.put(10, now - 5 * HOUR + 5);
        let log = bench.open();
        if is_compacted {
            log.roll();
            wait_for_compaction(&bench.fixture.journal(), 0);
        }
        assert_eq!(bench.puller(&log).round().unwrap().segments, 1);
        assert_eq!(log.head(&scope()).sequence, 11);
        log.close();
    }
}

#[test]
fn a_failure_between_log_and_store_is_made_good_by_the_same_host() {
    let mut bench = Bench::new();
    let now = clock::now();
    let log = bench.open();
    bench.put(0, now - 9 * HOUR);
    bench.puller(&log).round().unwrap();
    (1..10).for_each(|number| drop(bench.put(number, now - 5 * HOUR)));
    bench.config.dies_after_append = true;
    let mut puller = bench.puller(&log);
    assert!(puller.round().is_err());
    puller.config.dies_after_append = false;
    assert_eq!(puller.round().unwrap().segments, 0);
    assert_eq!(log.head(&scope()).sequence, 10);
}

#[test]
fn a_new_store_beside_an_old_log_appends_nothing_twice() {
    let bench = Bench::new();
    let now = clock::now();
    let log = bench.open();
    for number in 0..4 {
        let (columns, body) = columns(number);
        let append = sealed(&scope(), columns, &body, now - 3 * HOUR);
        log.append_blocking(append).unwrap();
    }
    for number in 0..6 {
        bench.put(number, now - 3 * HOUR);
    }
    assert_eq!(bench.puller(&log).round().unwrap().segments, 2);
    assert_eq!(log.head(&scope()).sequence, 6);
}

#[test]
fn what_comes_late_is_found_by_the_overlap_or_by_a_sweep() {
    let mut bench = Bench::new();
    let now = clock::now();
    let log = bench.open();
    bench.put(0, now);
    let mut puller = bench.puller(&log);
    puller.round().unwrap();
    bench.put(1, now - HOUR / 6);
    assert_eq!(puller.round().unwrap().segments, 1);
    bench.put(2, now - 2 * HOUR);
    assert_eq!(puller.round().unwrap().segments, 0);
    puller.config.sweep_every = Duration::ZERO;
    assert_eq!(puller.round().unwrap().segments, 1);
    // A start begins with a sweep.
    bench.config.sweep_every = Duration::MAX;
    bench.put(3, now - 100 * HOUR);
    assert_eq!(bench.puller(&log).round().unwrap().segments, 1);
    assert_eq!(log.head(&scope()).sequence, 4);
}

#[test]
fn a_clock_at_the_edge_that_is_ahead_hides_nothing() {
    let bench = Bench::new();
    let now = clock::now();
    let log = bench.open();
    bench.put(0, now + 48 * HOUR);
    let mut puller = bench.puller(&log);
    puller.round().unwrap();
    bench.put(1, now);
    assert_eq!(puller.round().unwrap().segments, 1);
    assert_eq!(puller.round().unwrap().segments, 0);
}

#[test]
fn one_request_under_two_minutes_is_one_segment() {
    let bench = Bench::new();
    let now = clock::now();
    let log = bench.open();
    bench.put(0, now - HOUR / 60);
    bench.put(0, now - 3 * HOUR / 60);
    let mut puller = bench.puller(&log);
    puller.round().unwrap();
    bench.put(0, now);
    puller.round().unwrap();
    assert_eq!((log.head(&scope()).sequence, bench.got()), (1, 1));
}

#[test]
fn a_bucket_that_fails_and_comes_back_loses_nothing() {
    let bench = Bench::new();
    let log = bench.open();
    let now = clock::now();
    bench.put(0, now);
    bench.bucket.0.lock().is_down = true;
    let mut puller = bench.puller(&log);
    assert!(puller.round().is_err());
    assert!(puller.metrics.errors.get() > 0);
    bench.bucket.0.lock().is_down = false;
    assert_eq!(puller.round().unwrap().segments, 1);
    // An object that can't be got holds up no other, and is got when it can be.
    let broken = bench.put(1, now);
    bench.put(2, now);
    bench.bucket.0.lock().broken.insert(broken);
    assert_eq!(puller.round().unwrap().segments, 1);
    bench.bucket.0.lock().broken.clear();
    assert_eq!(puller.round().unwrap().segments, 1);
    assert_eq!(log.head(&scope()).sequence, 3);
}

#[test]
fn without_room_segments_wait_in_the_bucket() {
    let bench = Bench::new();
    let retention = Retention {
        project_bytes: 1,
        ..Retention::default()
    };
    let log = Arc::new(bench.fixture.open_keeping(retention));
    let now = clock::now();
    bench.put(0, now);
    let (key, other) = segment(&root(1), &project("zz"), 1, now);
    let mut puller = bench.puller(&log);
    puller.round().unwrap();
    bench.put(2, now);
    bench.bucket.insert(&key, other);
    puller.discovered = None;
    assert!(matches!(puller.round(), Err(PullError::NoRoom(_))));
    // The other project has room.
    assert_eq!(log.head(&project("zz")).sequence, 1);
    let got = bench.got();
    assert!(puller.round().is_err());
    assert_eq!(bench.got(), got, "nothing is fetched that can't be kept");
    log.close();
    let log = bench.open();
    assert_eq!(bench.puller(&log).round().unwrap().segments, 1);
}

#[test]
fn many_objects_are_pulled_in_several_looks() {
    let mut bench = Bench::new();
    bench.config.chunk_bytes = 2_000;
    let log = bench.open();
    let now = clock::now();
    for number in 0..5_000 {
        bench.put(number, now - HOUR + u64::from(number) * 1_000_000);
    }
    let mut puller = bench.puller(&log);
    let first = puller.round().unwrap();
    assert!(first.has_more && first.segments < 5_000, "{first:?}");
    let mut segments = first.segments;
    while segments < 5_000 {
        segments += puller.round().unwrap().segments;
    }
    let times = times(&log, &scope());
    assert_eq!(times.len(), 5_000);
    assert_eq!(bench.got(), 5_000);
}

#[test]
fn a_project_first_seen_in_the_bucket_can_be_led_by_the_edge() {
    let mut bench = Bench::new();
    bench.config.lead = Lead::Edge;
    let log = bench.open();
    let now = clock::now();
    bench.put(0, now);
    let (columns, body) = columns(1);
    let sent = project("sent");
    log.append_blocking(sealed(&sent, columns, &body, now)).unwrap();
    let (key, bytes) = segment(&root(1), &sent, 2, now);
    bench.bucket.insert(&key, bytes);
    let mut puller = bench.puller(&log);
    puller.round().unwrap();
    assert!(puller.leads.is_edge(&scope()));
    assert!(!puller.leads.is_edge(&sent));
    puller.leads.take_over(&scope(), &log, u64::MAX).unwrap();
    assert_eq!(puller.store.lead(&scope()).unwrap(), (Lead::Host, 1));
    // For good.
    bench.put(3, now);
    puller.round().unwrap();
    assert!(!bench.puller(&log).leads.is_edge(&scope()));
    assert_eq!(lead_of_new_project(), Lead::Edge);
}

#[test]
fn stopping_ends_it_in_the_middle() {
    let bench = Bench::new();
    let log = bench.open();
    bench.put(0, clock::now());
    let mut puller = bench.puller(&log);
    // Memory is used up, and nothing gives any back.
    puller.has_room = Box::new(|| false);
    let thread = std::thread::spawn(move || puller.run());
    bench.stop.send_replace(true);
    thread.join().unwrap();
    assert_eq!(log.head(&scope()).sequence, 0);
}

#[test]
fn ids_of_segments_say_nothing_about_their_order() {
    // What the tests above rely on.
    let ids: Vec<SegmentId> = (0..20)
        .map(|number| peek_header(&segment(&root(1), &scope(), number, 1).1).unwrap().id)
        .collect();
    assert!(!ids.is_sorted());
}
