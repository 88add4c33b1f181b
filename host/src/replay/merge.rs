//! Merges files by time, whatever their order and the order within them.
//!
//! A first pass reads everything once and keeps of each request the earliest time in it and behind it in its file: eight
//! bytes a request. With these the second pass knows, before it reads on, whether anything earlier can still come; it holds
//! only what was read too early. Where a file is so disordered that this is more than [`MAX_PENDING_BYTES`], rows come
//! later than they should, and are counted.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::rc::Rc;

use aia_telemetry::{Columns, Piece, TICK_INTERVAL, shift_times, split_by_time, time_span};

use super::error::{Flaw, ReplayError};
use super::source::{Input, Kind, Request, Requests, recognise};
use super::{Phase, Progress, Summary};
use crate::ingest::Pipeline;

/// Most requests that are indexed: 128 MiB of index.
const MAX_REQUESTS: usize = 16 << 20;

/// Most bytes of requests held because earlier ones may follow.
const MAX_PENDING_BYTES: usize = 256 << 20;

/// Most skipped requests that are told one by one.
const MAX_TOLD: usize = 20;

/// What files are read with.
pub(super) struct Reading<'a> {
    pub(super) pipeline: &'a Pipeline,
    /// Largest request.
    pub(super) limit: usize,
    /// Whether damage is passed over.
    pub(super) keep_going: bool,
}

/// The files and what the first pass found.
pub(super) struct Plan {
    files: Vec<Planned>,
    /// Bytes of all files.
    pub(super) bytes: u64,
    /// Bytes read, in both passes.
    pub(super) read: Rc<Cell<u64>>,
    /// The earliest time of all.
    pub(super) begin: u64,
}

struct Planned {
    input: Input,
    kind: Kind,
    /// For each request with rows the earliest time in it and all behind it.
    lows: Vec<u64>,
}

impl Plan {
    /// Reads all files once.
    pub(super) fn make(
        inputs: &[Input],
        reading: &Reading<'_>,
        summary: &mut Summary,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Self, ReplayError> {
        let mut plan = Self {
            files: Vec::new(),
            bytes: 0,
            read: Rc::default(),
            begin: u64::MAX,
        };
        for input in inputs {
            let kind = recognise(input)?;
            let metadata = std::fs::metadata(&input.path).map_err(|source| ReplayError::Read {
                file: input.path.clone(),
                source,
            })?;
            plan.bytes = plan.bytes.saturating_add(metadata.len());
            plan.files.push(Planned {
                input: input.clone(),
                kind,
                lows: Vec::new(),
            });
        }
        let mut requests = 0;
        for file in &mut plan.files {
            let mut open = Open::new(&file.input, file.kind, reading, Rc::clone(&plan.read))?;
            while let Some(scanned) = open.next(reading, &mut |error| summary.skip(error, MAX_TOLD))? {
                requests += 1;
                if requests > MAX_REQUESTS {
                    return Err(ReplayError::TooMany { limit: MAX_REQUESTS });
                }
                file.lows.push(scanned.low);
                progress(&Progress {
                    phase: Phase::Indexing,
                    bytes: plan.bytes,
                    read: plan.read.get(),
                    rows: 0,
                });
            }
            let mut low = u64::MAX;
            for slot in file.lows.iter_mut().rev() {
                low = low.min(*slot);
                *slot = low;
            }
            file.lows.shrink_to_fit();
            plan.begin = plan.begin.min(low);
        }
        if requests == 0 {
            return Err(ReplayError::Empty);
        }
        Ok(plan)
    }
}

/// A request's rows of one interval, due at their time.
pub(super) struct Due {
    pub(super) time: u64,
    pub(super) columns: Columns,
    /// What the segment's id is made of: the request's body where it is whole and as recorded.
    pub(super) identity: Rc<[u8]>,
    /// About its size in memory.
    pub(super) weight: usize,
    /// Whether it is the first of its request, and what was refused of that.
    pub(super) first: Option<u64>,
}

/// Place of a piece: time, file, request, piece.
type Place = (u64, usize, u64, usize);

/// The second pass.
pub(super) struct Merge<'a> {
    plan: &'a Plan,
    reading: &'a Reading<'a>,
    /// Files with requests to come, by the earliest time of these.
    next: BinaryHeap<Reverse<(u64, usize)>>,
    open: BTreeMap<usize, (Open, usize)>,
    pending: BTreeMap<Place, Due>,
    pending_bytes: usize,
    most_bytes: usize,
}

impl<'a> Merge<'a> {
    pub(super) fn new(plan: &'a Plan, reading: &'a Reading<'a>) -> Self {
        let next = plan.files.iter().enumerate();
        let next = next.filter_map(|(index, file)| Some(Reverse((*file.lows.first()?, index))));
        Self {
            plan,
            reading,
            next: next.collect(),
            open: BTreeMap::new(),
            pending: BTreeMap::new(),
            pending_bytes: 0,
            most_bytes: MAX_PENDING_BYTES,
        }
    }

    #[cfg(test)]
    pub(super) fn holding(self, most_bytes: usize) -> Self {
        Self { most_bytes, ..self }
    }

    /// What comes next; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Due>, ReplayError> {
        loop {
            let low = self.next.peek().map(|Reverse((low, _))| *low);
            let first = self.pending.first_key_value().map(|((time, ..), _)| *time);
            let is_ready = match (first, low) {
                (Some(first), Some(low)) => first <= low || self.pending_bytes > self.most_bytes,
                (Some(_), None) => true,
                (None, None) => return Ok(None),
                (None, Some(_)) => false,
            };
            if is_ready && let Some((_, due)) = self.pending.pop_first() {
                self.pending_bytes = self.pending_bytes.saturating_sub(due.weight);
                return Ok(Some(due));
            }
            self.read_on()?;
        }
    }

    /// Reads the next request of the file that has the earliest.
    fn read_on(&mut self) -> Result<(), ReplayError> {
        let Some(Reverse((_, index))) = self.next.pop() else {
            return Ok(());
        };
        let Some(file) = self.plan.files.get(index) else {
            return Ok(());
        };
        let (mut open, done) = match self.open.remove(&index) {
            Some(open) => open,
            None => (
                Open::new(&file.input, file.kind, self.reading, Rc::clone(&self.plan.read))?,
                0,
            ),
        };
        // What is damaged was told in the first pass.
        let Some(scanned) = open.next(self.reading, &mut |_| {})? else {
            return Ok(());
        };
        let shift = file.input.shift;
        let Scanned {
            request,
            columns,
            refused,
            before,
            ..
        } = scanned;
        let pieces = split_by_time(columns, TICK_INTERVAL, before);
        let is_as_recorded = pieces.len() == 1 && shift == 0;
        let weight = request.body.len() / pieces.len().max(1);
        let hash = blake3::hash(&request.body);
        let body: Rc<[u8]> = request.body.into();
        for (number, Piece { time, columns }) in pieces.into_iter().enumerate() {
            let identity = if is_as_recorded {
                Rc::clone(&body)
            } else {
                let mut identity = b"aia piece 1\0".to_vec();
                identity.extend_from_slice(hash.as_bytes());
                identity.extend_from_slice(&(time / TICK_INTERVAL).to_le_bytes());
                identity.extend_from_slice(&shift.to_le_bytes());
                identity.into()
            };
            let due = Due {
                time,
                columns,
                identity,
                weight,
                first: (number == 0).then_some(refused),
            };
            self.pending_bytes += weight;
            self.pending.insert((time, index, request.number, number), due);
        }
        if let Some(low) = file.lows.get(done + 1) {
            self.next.push(Reverse((*low, index)));
            self.open.insert(index, (open, done + 1));
        }
        Ok(())
    }
}

/// An open file, and what requests without any time are given.
struct Open {
    requests: Requests,
    shift: i64,
    /// The latest time of the request before.
    before: u64,
}

/// A scanned request that has rows.
struct Scanned {
    request: Request,
    columns: Columns,
    refused: u64,
    /// The earliest time in it.
    low: u64,
    /// The time of rows where none has any.
    before: u64,
}

impl Open {
    fn new(
        input: &Input,
        kind: Kind,
        reading: &Reading<'_>,
        read: Rc<Cell<u64>>,
    ) -> Result<Self, ReplayError> {
        Ok(Self {
            requests: Requests::open(&input.path, kind, reading.limit, read)?,
            shift: input.shift,
            before: 0,
        })
    }

    /// The next request that has rows; `skipped` is told of damage where that is passed over.
    fn next(
        &mut self,
        reading: &Reading<'_>,
        skipped: &mut dyn FnMut(&ReplayError),
    ) -> Result<Option<Scanned>, ReplayError> {
        loop {
            let scanned = match self.requests.next() {
                Ok(None) => return Ok(None),
                Ok(Some(request)) => reading
                    .pipeline
                    .scan(request.signal, request.encoding, &request.body)
                    .map_err(|refusal| {
                        let flaw = Flaw::Request {
                            signal: request.signal.as_str(),
                            reason: refusal.to_string(),
                        };
                        self.requests.damaged(request.offset, flaw)
                    })
                    .map(|scanned| (request, scanned)),
                Err(error) => Err(error),
            };
            let (request, aia_telemetry::Scanned { mut columns, refused }) = match scanned {
                Ok(scanned) => scanned,
                Err(error @ ReplayError::Damaged { .. }) if reading.keep_going => {
                    skipped(&error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if self.shift != 0 {
                shift_times(&mut columns, self.shift);
            }
            let before = self.before;
            let Some((low, high)) = time_span(&columns, before) else {
                continue;
            };
            self.before = high;
            return Ok(Some(Scanned {
                request,
                columns,
                refused: u64::from(refused.total()),
                low,
                before,
            }));
        }
    }
}
