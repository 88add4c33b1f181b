//! From a request's body to a durable segment: scan, redact, seal, journal.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aia_telemetry::{
    Columns, Encoding, Footer, IngestKey, Redactor, Refusal, Refused, ScanLimits, Scanned, Scratch,
    SealedSegment, SignalType, refused_rows, scan_body, seal_columns,
};
use bytes::Bytes;
use parking_lot::Mutex;

use super::memory::MemoryLimit;
use super::turns::Turns;
use super::{Accepted, Intake};
use crate::clock;
use crate::journal::{Append, Appended, JournalError};
use crate::log::{KeyRing, Log, Note};
use crate::metrics::Metrics;
use crate::sessions::Leads;
use crate::store::Scope;

/// A body up to this size is scanned where its request is handled (some 20 µs); a larger one in its turn, on a thread for
/// blocking work, so that it holds up no other connection.
const INLINE_BYTES: usize = 16 << 10;

/// What a client waits before it sends again while the journal can't be written.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The same while there is no room: deleting what is old takes its time.
const RETRY_NO_ROOM: Duration = Duration::from_secs(60);

/// The intake of a host with a journal.
pub(crate) struct JournalIntake {
    work: Arc<Pipeline>,
    log: Arc<Log>,
    leads: Arc<Leads>,
    turns: Arc<Turns>,
    memory: MemoryLimit,
}

/// From a request's body to a sealed segment. A replay goes through the same, with a time of its own.
pub(crate) struct Pipeline {
    keys: Arc<KeyRing>,
    redactor: Redactor,
    limits: ScanLimits,
    /// In nanoseconds; none where age doesn't matter.
    max_row_age: Option<u64>,
    metrics: Arc<Metrics>,
    /// Scratches that aren't in use: as many as there were scans at once.
    scratches: Mutex<Vec<Scratch>>,
}

impl JournalIntake {
    /// Scans as many large bodies at once as there are `workers`.
    pub(crate) fn new(
        log: Arc<Log>,
        leads: Arc<Leads>,
        pipeline: Pipeline,
        workers: usize,
        memory: MemoryLimit,
    ) -> Self {
        Self {
            work: Arc::new(pipeline),
            log,
            leads,
            turns: Turns::new(workers),
            memory,
        }
    }

    async fn take(
        &self,
        key: IngestKey,
        signal: SignalType,
        encoding: Encoding,
        body: Bytes,
    ) -> Result<Accepted, Refusal> {
        let bytes = body.len();
        let sealed = if bytes <= INLINE_BYTES {
            self.work.take(&key, signal, encoding, &body)
        } else {
            let work = Arc::clone(&self.work);
            let _turn = self.turns.wait(&key.tenant).await;
            let task = tokio::task::spawn_blocking(move || work.take(&key, signal, encoding, &body));
            task.await.unwrap_or_else(|error| {
                tracing::error!(%error, "scanning a request panicked");
                Err(Refusal::Unavailable {
                    retry_after: RETRY_AFTER,
                })
            })
        };
        let Sealed { append, refused } = sealed?;
        let Some(append) = append else {
            return Ok(accepted(signal, &refused));
        };
        let scope = append.scope.clone();
        self.lead(&scope, u64::MAX).await?;
        let (rows, sealed_bytes) = (u64::from(append.note.rows), append.segment.len() as u64);
        match self.log.append(append).await {
            Ok(Appended::Stored(sequence)) => {
                self.work.metrics.ingested(signal, rows, sealed_bytes);
                // The project may have been seen in the bucket for the first time at this very moment.
                self.lead(&scope, sequence.saturating_sub(1)).await?;
            }
            Ok(Appended::Duplicate) => self.work.metrics.duplicate(),
            Err(JournalError::NoRoom(reason)) => {
                tracing::debug!(%reason, "cannot take a request");
                return Err(Refusal::NoRoom {
                    reason: reason.to_string(),
                    retry_after: RETRY_NO_ROOM,
                });
            }
            Err(error) => {
                if !matches!(error, JournalError::Write(_)) {
                    tracing::warn!(error = crate::chain(&error), "cannot take a request");
                }
                return Err(Refusal::Unavailable {
                    retry_after: RETRY_AFTER,
                });
            }
        }
        Ok(accepted(signal, &refused))
    }

    /// What comes here is for this host's detectors: from the first such segment on, they run the project. They begin
    /// behind `last` at the latest.
    async fn lead(&self, scope: &Scope, last: u64) -> Result<(), Refusal> {
        if !self.leads.is_edge(scope) {
            return Ok(());
        }
        let (leads, log, scope) = (Arc::clone(&self.leads), Arc::clone(&self.log), scope.clone());
        let taken = tokio::task::spawn_blocking(move || leads.take_over(&scope, &log, last)).await;
        let reason = match taken {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => crate::chain(&error),
            Err(error) => crate::chain(&error),
        };
        tracing::error!(reason, "cannot take over a project that the edge leads");
        Err(Refusal::Unavailable {
            retry_after: RETRY_AFTER,
        })
    }
}

impl Intake for JournalIntake {
    fn accept(
        &self,
        key: &IngestKey,
        signal: SignalType,
        encoding: Encoding,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Result<Accepted, Refusal>> + Send + '_>> {
        Box::pin(self.take(key.clone(), signal, encoding, body))
    }

    fn has_room(&self) -> bool {
        let is_full = self.memory.is_full();
        if is_full {
            // What can be read again from the disk goes first.
            self.log.forget_columns();
        }
        !is_full
    }
}

struct Sealed {
    /// None if the request carried no row.
    append: Option<Append>,
    refused: Refused,
}

impl Pipeline {
    pub(crate) fn new(
        keys: Arc<KeyRing>,
        redactor: Redactor,
        limits: ScanLimits,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            keys,
            redactor,
            limits,
            max_row_age: None,
            metrics,
            scratches: Mutex::default(),
        }
    }

    /// Refuses rows that are older than this when they are received; zero refuses none.
    pub(crate) fn with_max_row_age(mut self, age: Duration) -> Self {
        let nanoseconds = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        self.max_row_age = Some(nanoseconds).filter(|age| *age > 0);
        self
    }

    /// A request that comes in now.
    fn take(
        &self,
        key: &IngestKey,
        signal: SignalType,
        encoding: Encoding,
        body: &[u8],
    ) -> Result<Sealed, Refusal> {
        let received_at = clock::now();
        let limits = ScanLimits {
            oldest: self.max_row_age.map_or(0, |age| received_at.saturating_sub(age)),
            ..self.limits
        };
        let Scanned { columns, refused } = self.scan_within(&limits, signal, encoding, body)?;
        if columns.rows() == 0 {
            return Ok(Sealed {
                append: None,
                refused,
            });
        }
        let append = self.seal(key, columns, body, received_at)?;
        Ok(Sealed {
            append: Some(append),
            refused,
        })
    }

    /// Scans a recorded body, in which no row is too old, and counts what is refused of it.
    pub(crate) fn scan(
        &self,
        signal: SignalType,
        encoding: Encoding,
        body: &[u8],
    ) -> Result<Scanned, Refusal> {
        self.scan_within(&self.limits, signal, encoding, body)
    }

    fn scan_within(
        &self,
        limits: &ScanLimits,
        signal: SignalType,
        encoding: Encoding,
        body: &[u8],
    ) -> Result<Scanned, Refusal> {
        let mut scratch = self.scratches.lock().pop().unwrap_or_default();
        let scanned = scan_body(signal, encoding, body, limits, &mut scratch);
        self.scratches.lock().push(scratch);
        let scanned = scanned?;
        for (reason, _, rows) in scanned.refused.by_reason() {
            self.metrics.rows_refused(reason, u64::from(rows));
        }
        Ok(scanned)
    }

    /// Redacts and seals columns as received at that time. `body` is what the segment's id is made of.
    pub(crate) fn seal(
        &self,
        key: &IngestKey,
        columns: Columns,
        body: &[u8],
        received_at: u64,
    ) -> Result<Append, Refusal> {
        let scope = Scope {
            tenant: key.tenant.clone(),
            project: key.project.clone(),
        };
        let keys = self.keys.of(&scope);
        let sealed =
            seal_columns(&keys, &self.redactor, columns, body, key, received_at).map_err(|error| {
                tracing::error!(error = crate::chain(&error), %scope, "cannot seal a request");
                Refusal::Unavailable {
                    retry_after: RETRY_AFTER,
                }
            })?;
        let SealedSegment {
            header,
            bytes: segment,
            columns,
            redactions,
        } = sealed;
        for (rule, times) in redactions.iter() {
            self.metrics.redacted(rule, times);
        }
        let note = Note {
            signal: header.signal,
            rows: header.rows,
            footer: Some(Arc::new(Footer::of(&columns))),
            // Columns take about what the message took.
            weight: body.len(),
            columns: Some(columns),
        };
        Ok(Append {
            scope,
            id: header.id,
            received_at: header.received_at,
            segment,
            note,
        })
    }
}

fn accepted(signal: SignalType, refused: &Refused) -> Accepted {
    let (refused_rows, message) = refused_rows(refused, signal);
    Accepted {
        refused_rows,
        message,
    }
}
