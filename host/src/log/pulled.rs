//! What a pull from a bucket asks of the log: to take verified segments as they are, and to say which it holds.

use aia_telemetry::SegmentId;

use super::{Log, LogError, NoRoom};
use crate::journal::{Append, Appended, JournalError};
use crate::store::Scope;

impl Log {
    /// Whether there is room for more of a project.
    ///
    /// # Errors
    /// What there is too much of.
    pub fn room_for(&self, scope: &Scope) -> Result<(), NoRoom> {
        self.shared.check_room(scope)
    }

    /// Makes several segments of a project durable in this order, if there is room for them.
    ///
    /// # Errors
    /// As [`Self::append`], for the first that failed; those before it are durable.
    pub fn append_pulled_blocking(&self, appends: Vec<Append>) -> Result<Vec<Appended>, JournalError> {
        if let Some(first) = appends.iter().find(|append| append.note.signal.is_some()) {
            self.check_room(first)?;
        }
        // They lie in a bucket already: with `durability = "bucket"` they aren't put into another one.
        self.append_all_blocking(appends)
    }

    /// The segments of a project behind a sequence number that were received at or after `since`, each with that time.
    ///
    /// # Errors
    /// If store or objects don't answer. What a damaged block held is unknown, reported and left out.
    pub fn ids_behind(
        &self,
        scope: &Scope,
        sequence: u64,
        since: u64,
    ) -> Result<Vec<(u64, SegmentId)>, LogError> {
        let shared = &self.shared;
        // The journal first: what is compacted meanwhile is in a block before it leaves here.
        let mut ids: Vec<(u64, SegmentId)> = {
            let state = shared.state.lock();
            let tail = state.projects.get(scope).map(|project| &project.tail);
            tail.into_iter()
                .flat_map(|tail| tail.range(sequence.saturating_add(1)..))
                .map(|(_, entry)| (entry.received_at, entry.id))
                .collect()
        };
        for block in shared.store.blocks_from(scope, sequence.saturating_add(1))? {
            if block.received_at < since {
                continue;
            }
            match shared.blocks.footer(&block) {
                Ok(entries) => {
                    let behind = entries.iter().filter(|entry| entry.sequence > sequence);
                    ids.extend(behind.map(|entry| (entry.received_at, entry.id)));
                }
                Err(error) if error.is_lost() => {
                    tracing::error!(error = crate::chain(&error), %scope, "cannot tell what a damaged block held");
                }
                Err(source) => {
                    return Err(LogError::Block {
                        scope: scope.clone(),
                        sequence: block.first_sequence,
                        source,
                    });
                }
            }
        }
        ids.retain(|(received_at, _)| *received_at >= since);
        Ok(ids)
    }
}
