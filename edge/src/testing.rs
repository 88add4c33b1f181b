//! A bucket in memory that fails and dies as planned, and a detector that is an ordinary type.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use aia_telemetry::{
    Columns, Fingerprint, IngestKey, KeyId, ProjectId, ProjectKeys, RootSecret, RowId, ScanLimits, Scratch,
    Severity, Signal, SignalType, TenantId, object_key, scan_json,
};

use crate::bucket::{Bucket, BucketError, Created};
use crate::memory::{Memory, MemoryError, Note};
use crate::plugin::{Detector, OpenFailure, Outcome, Place, PluginInfo, Plugins};

/// What becomes of an operation of the bucket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// It fails, having done nothing.
    Fails,
    /// It is done, but its answer is lost.
    AnswerLost,
    /// Whoever asked dies before it.
    DiesBefore,
    /// Whoever asked dies behind it.
    DiesBehind,
}

/// A bucket in memory. Clones are the same bucket.
#[derive(Clone, Debug, Default)]
pub struct MemoryBucket {
    /// Objects.
    pub objects: Rc<RefCell<BTreeMap<String, Vec<u8>>>>,
    /// What becomes of operations by their number, counted from 0 by all clones.
    pub fates: Rc<RefCell<BTreeMap<u64, Fate>>>,
    operations: Rc<RefCell<u64>>,
}

impl MemoryBucket {
    /// The same objects, with nothing planned.
    #[must_use]
    pub fn calm(&self) -> Self {
        Self {
            objects: Rc::clone(&self.objects),
            ..Self::default()
        }
    }

    async fn operate<T>(
        &self,
        operation: &'static str,
        key: &str,
        act: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T,
    ) -> Result<T, BucketError> {
        let number = self.operations.replace_with(|number| *number + 1);
        let fate = self.fates.borrow().get(&number).copied();
        let failed = BucketError {
            operation,
            key: key.to_owned(),
            reason: "it was planned".to_owned(),
        };
        match fate {
            Some(Fate::Fails) => return Err(failed),
            Some(Fate::DiesBefore) => std::future::pending::<()>().await,
            _ => {}
        }
        let done = act(&mut self.objects.borrow_mut());
        match fate {
            Some(Fate::AnswerLost) => Err(failed),
            Some(Fate::DiesBehind) => std::future::pending().await,
            _ => Ok(done),
        }
    }
}

impl Bucket for MemoryBucket {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BucketError> {
        self.operate("get", key, |objects| objects.get(key).cloned())
            .await
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BucketError> {
        self.operate("put", key, |objects| {
            if objects.contains_key(key) {
                Created::Exists
            } else {
                objects.insert(key.to_owned(), bytes);
                Created::New
            }
        })
        .await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, BucketError> {
        self.operate("list", prefix, |objects| {
            let from = after.unwrap_or(prefix).to_owned();
            let keys = objects.range(from..).map(|(key, _)| key.clone());
            keys.filter(|key| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after))
                .take(3)
                .collect()
        })
        .await
    }
}

/// A memory. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct SharedMemory(pub Rc<RefCell<Note>>);

impl Memory for SharedMemory {
    async fn read(&self) -> Result<Note, MemoryError> {
        Ok(self.0.borrow().clone())
    }

    async fn write(&self, note: &Note) -> Result<(), MemoryError> {
        *self.0.borrow_mut() = note.clone();
        Ok(())
    }
}

/// Polls a future that waits for nothing but the bucket; none if it died there.
pub fn run<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

/// Detectors that count spans and tell of those whose names begin with `fail`. One that is called `trap` is an error, `die`
/// the end of the isolate (a panic), for the plugin named in the span's name: `trap toy`. From one that is called `dread` on
/// the next tick is such an end.
#[derive(Clone, Debug)]
pub struct Toys {
    /// What they say of themselves.
    pub infos: Vec<PluginInfo>,
    /// Instances opened, by all clones.
    pub opened: Rc<RefCell<u64>>,
}

impl Toys {
    /// Some of these names.
    #[must_use]
    pub fn new(names: &[&str]) -> Self {
        Self {
            infos: names.iter().map(|name| info(name)).collect(),
            opened: Rc::default(),
        }
    }
}

/// A toy's manifest.
#[must_use]
pub fn info(name: &str) -> PluginInfo {
    PluginInfo {
        name: name.to_owned(),
        digest: [7; 32],
        reads: vec![SignalType::Traces],
        signals: vec!["toy.fail".to_owned()],
    }
}

/// A toy's signal.
#[must_use]
pub fn signal(segment: u64, row: u32) -> Signal {
    Signal {
        kind: "toy.fail".to_owned(),
        severity: Severity::Medium,
        fingerprint: Fingerprint {
            version: 1,
            parts: vec!["toy".to_owned()],
        },
        title: "It failed".to_owned(),
        service: "cart".to_owned(),
        operation: String::new(),
        release: String::new(),
        affected: Vec::new(),
        start_time: 1,
        end_time: 2,
        count: 1,
        measures: Vec::new(),
        details: Vec::new(),
        evidence: vec![RowId { segment, row }],
    }
}

/// A toy's session: everything it saw goes into one number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Toy {
    name: String,
    seen: u64,
    state: u64,
}

/// What a toy has seen once it dreads ticks.
const DREAD: u64 = 1 << 40;

impl Toy {
    fn mix(&mut self, value: u64) {
        self.state = (self.state ^ value)
            .wrapping_mul(0x0100_0000_01b3)
            .rotate_left(17);
    }
}

impl Plugins for Toys {
    type Batch = Columns;
    type Detector = Toy;

    fn list(&self) -> &[PluginInfo] {
        &self.infos
    }

    fn prepare(&self, columns: Columns) -> Columns {
        columns
    }

    fn open(&self, plugin: usize, snapshot: Option<&[u8]>) -> Result<Toy, OpenFailure> {
        *self.opened.borrow_mut() += 1;
        let name = self
            .infos
            .get(plugin)
            .map_or_else(String::new, |info| info.name.clone());
        let (seen, state) = match snapshot.map(<[u8; 16]>::try_from) {
            None => (0, 0),
            Some(Ok(bytes)) => {
                let both = u128::from_le_bytes(bytes);
                let half =
                    |shift: u32| u64::try_from((both >> shift) & u128::from(u64::MAX)).unwrap_or_default();
                (half(0), half(64))
            }
            Some(Err(_)) => return Err(OpenFailure::Snapshot("not 16 bytes".to_owned())),
        };
        Ok(Toy { name, seen, state })
    }
}

impl Detector for Toy {
    type Batch = Columns;

    fn observe(&mut self, batch: &Columns, place: Place) -> Result<Outcome, String> {
        let Columns::Spans(columns) = batch else {
            return Err("given something that it doesn't read".to_owned());
        };
        let mut outcome = Outcome::default();
        self.mix(place.segment);
        self.mix(place.received_at);
        for (row, name) in (place.first_row..).zip(&columns.spans.name) {
            let name = columns.common.strings.get(*name);
            let of_mine = |what: &str| {
                name.strip_prefix(what)
                    .is_some_and(|whose| whose.trim() == self.name)
            };
            if of_mine("die") {
                std::panic::resume_unwind(Box::new("the isolate ends"));
            }
            if of_mine("trap") {
                return Err("unreachable".to_owned());
            }
            self.seen += if of_mine("dread") { DREAD } else { 1 };
            self.mix(name.len() as u64);
            if name.starts_with("fail") {
                let mut found = signal(place.segment, row);
                found.count = self.seen;
                outcome.signals.push(found);
            }
        }
        Ok(outcome)
    }

    fn tick(&mut self, now: u64) -> Result<Outcome, String> {
        if self.seen >= DREAD {
            std::panic::resume_unwind(Box::new("the isolate ends"));
        }
        self.mix(now);
        Ok(Outcome::default())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, String> {
        let both = u128::from(self.seen) | u128::from(self.state) << 64;
        Ok(both.to_le_bytes().to_vec())
    }
}

/// The keys of the project that [`segment`] seals for.
#[must_use]
pub fn keys() -> ProjectKeys {
    let key = ingest_key();
    ProjectKeys::derive(&RootSecret::new([3; 32]), &key.tenant, &key.project)
}

#[expect(clippy::unwrap_used, reason = "these names are valid, and this is for tests")]
fn ingest_key() -> IngestKey {
    IngestKey {
        tenant: TenantId::new("acme").unwrap(),
        project: ProjectId::new("shop").unwrap(),
        key_id: KeyId::new("k1").unwrap(),
        version: 1,
    }
}

/// A segment of spans with these names, received then, and where it belongs.
#[must_use]
#[expect(clippy::unwrap_used, reason = "the request is valid, and this is for tests")]
pub fn segment(names: &[&str], received_at: u64) -> (String, Vec<u8>) {
    let spans: Vec<String> = (1..)
        .zip(names)
        .map(|(number, name)| {
            format!(
                r#"{{"traceId":"{number:032x}","spanId":"{number:016x}","name":"{name}",
                "startTimeUnixNano":"{received_at}","endTimeUnixNano":"{received_at}"}}"#
            )
        })
        .collect();
    let body = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
        spans.join(",")
    );
    let scanned = scan_json(
        SignalType::Traces,
        body.as_bytes(),
        &ScanLimits::default(),
        &mut Scratch::default(),
    );
    let columns = scanned.unwrap().columns;
    let header = keys().header(&columns, body.as_bytes(), received_at, &ingest_key());
    (object_key(&header), keys().seal(&header, Some(&columns)).unwrap())
}
