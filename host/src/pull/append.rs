//! What was found goes into the log, and what is in the log is recorded as pulled, so that each segment is appended once.

use aia_telemetry::SegmentId;

use super::bucket::Listed;
use super::fetch::{self, Found};
use super::key::MINUTE;
use super::project::Project;
use super::quarantine::Reason;
use super::{KEEP_COLUMNS_BYTES, PullError, Puller, WAIT_FOR_ROOM};
use crate::clock;
use crate::journal::{Append, Appended};
use crate::store::{PullCursor, Scope};

impl Puller {
    /// Has the store know what the log holds: a host that died between writing the one and the other, or that was given a
    /// new store, must not append it again. `first` is the oldest minute that is in the bucket.
    pub(super) fn account_for_log(
        &mut self,
        scope: &Scope,
        project: &mut Project,
        first: u64,
    ) -> Result<(), PullError> {
        if project.is_accounted {
            return Ok(());
        }
        let (sequence, since) = match project.cursor {
            Some(cursor) => (cursor.sequence, 0),
            // What was received before anything that is in the bucket can't be there once more.
            None => (0, first.saturating_mul(MINUTE)),
        };
        let head = self.log.head(scope).sequence;
        let ids = self.log.ids_behind(scope, sequence, since)?;
        if !ids.is_empty() {
            let cursor = self.begin(scope, project)?;
            let pulled: Vec<(u64, SegmentId)> = ids
                .into_iter()
                .map(|(received_at, id)| (received_at / MINUTE, id))
                .collect();
            let cursor = PullCursor {
                sequence: head,
                ..cursor
            };
            self.store.record_pulled(scope, &pulled, &cursor)?;
            project.cursor = Some(cursor);
        }
        project.is_accounted = true;
        Ok(())
    }

    /// The cursor of a project; the first time, before anything of it is appended, decides who leads it.
    fn begin(&self, scope: &Scope, project: &mut Project) -> Result<PullCursor, PullError> {
        match project.cursor {
            Some(cursor) => Ok(cursor),
            None => {
                let cursor = self.leads.begin_pull(scope, &self.log, self.config.lead)?;
                project.cursor = Some(cursor);
                Ok(cursor)
            }
        }
    }

    /// Gets some objects, and appends those that verify; gives how many these were.
    pub(super) fn pull(
        &mut self,
        scope: &Scope,
        project: &mut Project,
        chunk: Vec<Found>,
        refused: &mut Vec<(Listed, Reason)>,
    ) -> Result<usize, PullError> {
        while !(self.has_room)() {
            self.stop.wait(WAIT_FOR_ROOM)?;
        }
        self.log.room_for(scope).map_err(PullError::NoRoom)?;
        let got = self
            .stop
            .or(fetch::get(self.bucket.as_ref(), chunk, self.config.object_bytes))?;
        refused.extend(got.refused);
        let keys = self.keys.of(scope);
        let limits = &self.config.segment_limits;
        let keep_columns =
            got.bytes.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() <= KEEP_COLUMNS_BYTES;
        let mut appends = Vec::with_capacity(got.bytes.len());
        let mut releases = Vec::new();
        for (found, bytes) in got.bytes {
            match fetch::verify(scope, &keys, &found.object.key, &bytes, limits, keep_columns) {
                Ok((append, found)) => {
                    releases.push((append.received_at, found));
                    appends.push(append);
                }
                Err(reason) => refused.push((found.object, reason)),
            }
        }
        appends.sort_by_key(|append| (append.received_at, append.id));
        let count = appends.len();
        if count > 0 {
            self.append(scope, project, appends)?;
        }
        if self.leads.is_edge(scope) {
            // Where this host runs the detectors, their sessions do it.
            releases.sort_by_key(|(received_at, _)| *received_at);
            for (received_at, found) in releases {
                project
                    .releases
                    .note(self.store.as_ref(), scope, found, received_at);
            }
        }
        match got.failure {
            Some(error) if got.is_down => return Err(error.into()),
            // The others count. This one comes up again, now and then.
            Some(error) => self.trouble.tell(&self.metrics, &PullError::Object(error)),
            None => {}
        }
        Ok(count)
    }

    /// Appends verified segments, and records that.
    fn append(&self, scope: &Scope, project: &mut Project, appends: Vec<Append>) -> Result<(), PullError> {
        let cursor = self.begin(scope, project)?;
        let pulled: Vec<(u64, SegmentId)> = appends
            .iter()
            .map(|append| (append.received_at / MINUTE, append.id))
            .collect();
        let sizes: Vec<_> = appends
            .iter()
            .map(|append| (append.note.signal, append.note.rows, append.segment.len() as u64))
            .collect();
        let newest = appends.last().map_or(0, |append| append.received_at);
        // Until both are written the log is ahead of the store.
        project.is_accounted = false;
        let appended = self.log.append_pulled_blocking(appends)?;
        #[cfg(test)]
        if self.config.dies_after_append {
            return Err(PullError::Stopped);
        }
        let cursor = PullCursor {
            // A clock at the edge that is ahead must not have the present passed over.
            minute: cursor.minute.max(newest.min(clock::now()) / MINUTE),
            sequence: self.log.head(scope).sequence,
        };
        self.store.record_pulled(scope, &pulled, &cursor)?;
        project.cursor = Some(cursor);
        project.is_accounted = true;
        for ((signal, rows, bytes), appended) in sizes.into_iter().zip(appended) {
            if matches!(appended, Appended::Stored(_)) {
                self.metrics.segments.inc();
                self.metrics.bytes.inc_by(bytes);
                if let Some(signal) = signal {
                    self.core_metrics.ingested(signal, u64::from(rows), bytes);
                }
            }
        }
        self.metrics.received(newest);
        Ok(())
    }
}

/// What is pulled together: whole minutes as far as they fit. A minute that doesn't is cut by when its objects were put,
/// which is about when they were received.
pub(super) fn chunks(waiting: Vec<Found>, chunk_bytes: u64) -> Vec<Vec<Found>> {
    let mut minutes: Vec<Vec<Found>> = Vec::new();
    for found in waiting {
        match minutes.last_mut() {
            Some(minute)
                if minute
                    .first()
                    .is_some_and(|first| first.segment.minute == found.segment.minute) =>
            {
                minute.push(found);
            }
            _ => minutes.push(vec![found]),
        }
    }
    let mut chunks: Vec<Vec<Found>> = Vec::new();
    let mut bytes = 0_u64;
    for mut minute in minutes {
        let size: u64 = minute.iter().map(|found| found.object.size).sum();
        if chunks.is_empty() || bytes.saturating_add(size) > chunk_bytes {
            chunks.push(Vec::new());
            bytes = 0;
        }
        if size > chunk_bytes {
            minute.sort_by_key(|found| (found.object.modified, found.segment.id));
        }
        for found in minute {
            if bytes > 0 && bytes.saturating_add(found.object.size) > chunk_bytes {
                chunks.push(Vec::new());
                bytes = 0;
            }
            bytes = bytes.saturating_add(found.object.size);
            if let Some(chunk) = chunks.last_mut() {
                chunk.push(found);
            }
        }
    }
    chunks
}
