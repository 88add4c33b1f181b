//! From ordered pieces to incidents: appends, lets sessions catch up, lets time pass.

use std::sync::Arc;

use aia_telemetry::{IngestKey, KeyId, SignalType, TICK_INTERVAL};

use super::error::ReplayError;
use super::merge::{Due, Merge, Plan, Reading};
use super::{Phase, Progress, ReplayOptions, Summary};
use crate::api::rfc3339;
use crate::clock;
use crate::ingest::Pipeline;
use crate::investigations::Investigator;
use crate::journal::{Append, Appended};
use crate::log::{KeyRing, Log, Note};
use crate::sessions::Offline;
use crate::store::{Scope, Store};

/// Most pieces appended before sessions consume them.
const STRIDE: usize = 64;

/// Most bytes of them.
const STRIDE_BYTES: usize = 16 << 20;

/// The key that replayed segments name.
const KEY: &str = "replay";

/// What a replay plays on.
pub(crate) struct Parts<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) log: &'a Arc<Log>,
    pub(crate) store: &'a dyn Store,
    pub(crate) keys: &'a KeyRing,
    pub(crate) sessions: &'a mut Offline,
    pub(crate) investigator: &'a Investigator,
    /// Largest request in bytes.
    pub(crate) limit: usize,
}

/// Replays.
pub(crate) fn play(
    parts: &mut Parts<'_>,
    options: &ReplayOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Summary, ReplayError> {
    let reading = Reading {
        pipeline: parts.pipeline,
        limit: parts.limit,
        keep_going: options.keep_going,
    };
    let mut summary = Summary::default();
    let plan = Plan::make(&options.inputs, &reading, &mut summary, progress)?;
    let head = parts.log.head(&options.scope);
    if head.received_at > plan.begin {
        let told = |time| rfc3339(time).unwrap_or_default();
        return Err(ReplayError::Older {
            folder: options.into.clone().unwrap_or_default(),
            project: options.scope.project.to_string(),
            newest: told(head.received_at),
            begin: told(plan.begin),
        });
    }
    summary.start_time = plan.begin;
    let failed = |what| {
        move |source: crate::store::StoreError| ReplayError::Host {
            what,
            source: source.into(),
        }
    };
    parts
        .store
        .ensure_project(&options.scope, plan.begin)
        .map_err(failed("make the project"))?;
    let mut merge = Merge::new(&plan, &reading);
    let mut player = Player {
        parts,
        scope: &options.scope,
        key: key(&options.scope)?,
        now: head.received_at,
        batch: Vec::new(),
        batch_bytes: 0,
        summary: &mut summary,
    };
    while let Some(due) = merge.next()? {
        player.take(due)?;
        progress(&Progress {
            phase: Phase::Playing,
            bytes: plan.bytes,
            read: plan.read.get(),
            rows: player.summary.rows(),
        });
    }
    player.flush()?;
    player.settle(clock::nanos(options.settle))?;
    Ok(summary)
}

fn key(scope: &Scope) -> Result<IngestKey, ReplayError> {
    let key_id = KeyId::new(KEY).map_err(|error| ReplayError::Host {
        what: "name the key",
        source: error.into(),
    })?;
    Ok(IngestKey {
        tenant: scope.tenant.clone(),
        project: scope.project.clone(),
        key_id,
        version: 1,
    })
}

struct Player<'a, 'p> {
    parts: &'a mut Parts<'p>,
    scope: &'a Scope,
    key: IngestKey,
    /// Time of receipt of the last piece.
    now: u64,
    batch: Vec<(Append, SignalType)>,
    batch_bytes: usize,
    summary: &'a mut Summary,
}

impl Player<'_, '_> {
    /// Takes the next piece. Pieces of one tick are consumed together, as requests are that come at once.
    fn take(&mut self, due: Due) -> Result<(), ReplayError> {
        let Due {
            time,
            columns,
            identity,
            weight,
            first,
        } = due;
        let is_next_tick = time / TICK_INTERVAL > self.now / TICK_INTERVAL;
        if is_next_tick || self.batch.len() >= STRIDE || self.batch_bytes >= STRIDE_BYTES {
            self.flush()?;
        }
        if time < self.now {
            self.summary.late_rows += columns.rows() as u64;
        }
        self.now = self.now.max(time);
        self.summary.end_time = self.summary.end_time.max(time);
        if let Some(refused) = first {
            self.summary.requests += 1;
            self.summary.refused_rows += refused;
        }
        let signal = columns.signal();
        let mut append = self
            .parts
            .pipeline
            .seal(&self.key, columns, &identity, self.now)
            .map_err(|refusal| ReplayError::Host {
                what: "seal a segment",
                source: refusal.to_string().into(),
            })?;
        append.note.weight = weight;
        self.batch.push((append, signal));
        self.batch_bytes += weight;
        Ok(())
    }

    /// Appends what was taken and lets the sessions catch up.
    fn flush(&mut self) -> Result<(), ReplayError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.batch_bytes = 0;
        let (appends, kinds): (Vec<Append>, Vec<(SignalType, u64)>) = self
            .batch
            .drain(..)
            .map(|(append, signal)| {
                let rows = u64::from(append.note.rows);
                (append, (signal, rows))
            })
            .unzip();
        let appended = self.append(appends)?;
        for (appended, (signal, rows)) in appended.into_iter().zip(kinds) {
            let summary = &mut *self.summary;
            let counter = match (appended, signal) {
                (Appended::Duplicate, _) => &mut summary.duplicate_rows,
                (Appended::Stored(_), SignalType::Traces) => &mut summary.spans,
                (Appended::Stored(_), SignalType::Logs) => &mut summary.log_records,
                (Appended::Stored(_), SignalType::Metrics) => &mut summary.points,
            };
            *counter += rows;
        }
        self.advance()
    }

    /// Lets time pass in silence, tick by tick as a host does.
    fn settle(&mut self, time: u64) -> Result<(), ReplayError> {
        let end = self.now.saturating_add(time);
        while self.now < end {
            let next_tick = (self.now / TICK_INTERVAL)
                .saturating_add(1)
                .saturating_mul(TICK_INTERVAL);
            self.now = next_tick.min(end);
            let keys = self.parts.keys.of(self.scope);
            let header = keys.empty_header(self.now);
            let segment = keys.seal(&header, None).map_err(|error| ReplayError::Host {
                what: "seal an empty segment",
                source: error.into(),
            })?;
            let append = Append {
                scope: self.scope.clone(),
                id: header.id,
                received_at: self.now,
                segment,
                note: Note {
                    signal: None,
                    rows: 0,
                    footer: None,
                    columns: None,
                    weight: 0,
                },
            };
            self.append(vec![append])?;
            self.advance()?;
        }
        Ok(())
    }

    /// What follows the time of the data, now that the log has grown up to `self.now`: detectors, and the incidents they
    /// find. Whatever else a host does when time passes belongs here, and takes its time from `self.now`.
    fn advance(&mut self) -> Result<(), ReplayError> {
        self.parts
            .sessions
            .catch_up(self.scope)
            .map_err(|error| ReplayError::Host {
                what: "run the detectors",
                source: error.into(),
            })?;
        self.parts
            .investigator
            .investigate_due(self.scope)
            .map_err(|error| ReplayError::Host {
                what: "investigate the incidents",
                source: error.into(),
            })
    }

    fn append(&self, appends: Vec<Append>) -> Result<Vec<Appended>, ReplayError> {
        self.parts
            .log
            .append_all_blocking(appends)
            .map_err(|error| ReplayError::Host {
                what: "write the journal",
                source: error.into(),
            })
    }
}
