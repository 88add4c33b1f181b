//! Which segment an ordinal of a session means: commits say it.

use std::collections::BTreeMap;

use aia_edge::{ChainError, read_commits};
use aia_telemetry::{Commit, Consumed, ProjectKeys};

use super::objects::Objects;

/// Commits that are read at once on the way back.
const STRIDE: u64 = 16;

/// Segments that are remembered.
const MAX_SEGMENTS: usize = 65_536;

/// Segments by ordinal, as far back as they were asked for.
#[derive(Default)]
pub(super) struct Ordinals {
    segments: BTreeMap<u64, Consumed>,
    /// Number of the oldest commit that was read.
    oldest: Option<u64>,
}

impl Ordinals {
    /// Learns what a commit consumed.
    pub(super) fn learn(&mut self, commit: &Commit) {
        self.segments
            .extend((commit.first_segment_ordinal..).zip(commit.segments.iter().copied()));
        let oldest = self
            .oldest
            .map_or(commit.number, |oldest| oldest.min(commit.number));
        self.oldest = Some(oldest);
        while self.segments.len() > MAX_SEGMENTS {
            self.segments.pop_first();
            // What was forgotten isn't known to be read any more.
            self.oldest = None;
        }
    }

    /// The segment with that ordinal; none if its commit isn't there any more.
    ///
    /// # Errors
    /// If commits can't be read now.
    pub(super) async fn find(
        &mut self,
        objects: &Objects,
        keys: &ProjectKeys,
        plugin: &str,
        ordinal: u64,
    ) -> Result<Option<Consumed>, ChainError> {
        loop {
            if let Some(found) = self.segments.get(&ordinal) {
                return Ok(Some(*found));
            }
            let is_newer = self
                .segments
                .first_key_value()
                .is_some_and(|(first, _)| *first < ordinal);
            let Some(before) = self.oldest.filter(|oldest| *oldest > 1 && !is_newer) else {
                return Ok(None);
            };
            let first = before.saturating_sub(STRIDE).max(1);
            match read_commits(objects, keys, plugin, first, before - 1).await {
                Ok(links) => links.iter().for_each(|link| self.learn(&link.commit)),
                Err(ChainError::Missing { .. } | ChainError::Commit(_) | ChainError::Broken { .. }) => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }
}
