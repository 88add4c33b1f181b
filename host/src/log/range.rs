//! Reading what may hold rows of a time range or of a trace, one decoded segment at a time, so that memory stays flat
//! however long the range is.

use std::ops::ControlFlow;
use std::sync::Arc;

use aia_telemetry::{Footer, SegmentId, SignalType};

use super::lookup::{skip_lost, tail};
use super::{LogError, LogSegment, Shared};
use crate::store::{BlockRecord, Scope};

/// Which segments are wanted: those whose footer doesn't rule out all of this.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Rows at or after this, nanoseconds since the Unix epoch.
    pub start: u64,
    /// Rows before this.
    pub end: u64,
    /// Of this signal; any if none.
    pub signal: Option<SignalType>,
    /// From this service; any if empty.
    pub service: String,
    /// Of this trace, whatever its time; both halves 0 for any.
    pub trace: (u64, u64),
}

/// The most that a scan reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ScanBudget {
    /// Segments. Of more than that, as many are read evenly over the range.
    pub segments: usize,
    /// Bytes of sealed segments. What comes behind is left out.
    pub bytes: u64,
}

/// How a scan ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Scanned {
    /// Segments read.
    pub segments: usize,
    /// Whether there were more than the budget allows, or the visitor stopped before the end.
    pub is_cut: bool,
}

/// Where a segment lies that may hold something.
enum Candidate {
    /// In the block of this index.
    Block {
        block: usize,
        sequence: u64,
        id: SegmentId,
        offset: u64,
        length: u32,
    },
    /// In the journal.
    Tail { sequence: u64 },
}

impl Wanted {
    fn may_be_in(&self, footer: &Footer) -> bool {
        if self.signal.is_some_and(|signal| signal != footer.signal)
            || !(self.service.is_empty() || footer.may_contain_service(&self.service))
        {
            return false;
        }
        if self.trace != (0, 0) {
            return footer.may_contain_trace(self.trace.0, self.trace.1);
        }
        self.end > 0 && footer.overlaps(self.start, self.end - 1)
    }

    /// Whether a whole block can be passed over.
    fn may_be_in_block(&self, block: &BlockRecord) -> bool {
        self.trace != (0, 0)
            || (block.end_time != 0 && block.start_time < self.end && self.start <= block.end_time)
    }
}

/// Gives each segment that may hold what is wanted to `visit`, in the order of the log, until it breaks off or the budget
/// is used up. Lost segments are reported and left out.
pub(super) fn scan(
    shared: &Shared,
    scope: &Scope,
    wanted: &Wanted,
    budget: ScanBudget,
    visit: &mut dyn FnMut(&LogSegment) -> ControlFlow<()>,
) -> Result<Scanned, LogError> {
    // The tail first: what is compacted between the two is then in both, not in neither.
    let tail = tail(shared, scope);
    let mut blocks = shared.blocks.all(scope).map_err(|source| failed(scope, source))?;
    blocks.retain(|block| wanted.may_be_in_block(block));
    let candidates = candidates(shared, scope, wanted, &blocks, tail)?;
    let total = candidates.len();
    let mut scanned = Scanned {
        segments: 0,
        is_cut: total > budget.segments,
    };
    let mut bytes = 0_u64;
    for (index, candidate) in candidates.into_iter().enumerate() {
        if !is_sampled(index, total, budget.segments) {
            continue;
        }
        if bytes >= budget.bytes {
            scanned.is_cut = true;
            break;
        }
        let read = match candidate {
            Candidate::Block {
                block,
                sequence,
                id,
                offset,
                length,
            } => {
                let Some(block) = blocks.get(block) else { continue };
                bytes = bytes.saturating_add(u64::from(length));
                shared
                    .blocks
                    .bytes(block, offset, length)
                    .map_err(|source| failed(scope, source))
                    .and_then(|bytes| shared.open_segment(scope, sequence, id, &bytes))
            }
            Candidate::Tail { sequence } => shared.read_keeping(scope, sequence).inspect(|_| {
                bytes = bytes.saturating_add(shared.tail_bytes(scope, sequence));
            }),
        };
        match read {
            Ok(segment) => {
                scanned.segments += 1;
                if visit(&segment).is_break() {
                    scanned.is_cut |= index + 1 < total;
                    break;
                }
            }
            Err(error) => skip_lost(shared, error)?,
        }
    }
    Ok(scanned)
}

/// Whether the candidate of this index is read: all of them if there is room, else evenly over the range.
fn is_sampled(index: usize, total: usize, most: usize) -> bool {
    // In u128 nothing here overflows.
    let step = |index: usize| index as u128 * most as u128 / total.max(1) as u128;
    total <= most || step(index + 1) > step(index)
}

fn candidates(
    shared: &Shared,
    scope: &Scope,
    wanted: &Wanted,
    blocks: &[BlockRecord],
    tail: Vec<(u64, Option<Arc<Footer>>)>,
) -> Result<Vec<Candidate>, LogError> {
    let mut found = Vec::new();
    let mut last = 0;
    for (index, block) in blocks.iter().enumerate() {
        let entries = match shared.blocks.footer(block) {
            Ok(entries) => entries,
            Err(error) => {
                skip_lost(shared, failed(scope, error))?;
                continue;
            }
        };
        for entry in entries.iter() {
            last = entry.sequence.max(last);
            if entry
                .footer
                .as_ref()
                .is_some_and(|footer| wanted.may_be_in(footer))
            {
                found.push(Candidate::Block {
                    block: index,
                    sequence: entry.sequence,
                    id: entry.id,
                    offset: entry.offset,
                    length: entry.length,
                });
            }
        }
    }
    let tail = tail.into_iter().filter(|(sequence, footer)| {
        *sequence > last && footer.as_ref().is_none_or(|footer| wanted.may_be_in(footer))
    });
    found.extend(tail.map(|(sequence, _)| Candidate::Tail { sequence }));
    Ok(found)
}

fn failed(scope: &Scope, source: super::BlockError) -> LogError {
    LogError::Block {
        scope: scope.clone(),
        sequence: 0,
        source,
    }
}

/// The earliest time of a row; of a segment in the journal whose footer isn't known, when it was received. 0 if there is no
/// telemetry.
pub(super) fn known_since(shared: &Shared, scope: &Scope) -> Result<u64, LogError> {
    let blocks = shared.blocks.all(scope).map_err(|source| failed(scope, source))?;
    let in_blocks = blocks.iter().map(|block| block.start_time);
    let in_tail: Vec<u64> = {
        let state = shared.state.lock();
        let project = state.projects.get(scope);
        let entries = project.into_iter().flat_map(|project| project.tail.values());
        let telemetry = entries.filter(|entry| entry.signal.is_some());
        telemetry
            .map(|entry| {
                entry
                    .footer
                    .as_ref()
                    .map_or(entry.received_at, |footer| footer.min_time)
            })
            .collect()
    };
    Ok(in_blocks
        .chain(in_tail)
        .filter(|time| *time > 0)
        .min()
        .unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_spread_evenly() {
        let of = |total, most| -> Vec<usize> {
            (0..total)
                .filter(|index| is_sampled(*index, total, most))
                .collect()
        };
        assert_eq!(of(4, 4), [0, 1, 2, 3]);
        assert_eq!(of(9, 3), [2, 5, 8]);
        assert_eq!(of(7, 3).len(), 3);
        assert_eq!(of(0, 3), Vec::<usize>::new());
    }
}
