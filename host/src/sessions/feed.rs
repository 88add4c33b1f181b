//! Feeding: segments of a project's log, read and decoded once, go to every session that waits for them, and the sessions
//! of one project take them on several threads if there is enough of them. Each session still sees one segment after the
//! other.

use std::sync::atomic::{AtomicUsize, Ordering};

use aia_telemetry::{MAX_BATCH_ROWS, cut};
use parking_lot::Mutex;

use super::Shared;
use super::session::Session;
use crate::log::LogSegment;
use crate::runtime::Batch;
use crate::store::Scope;

/// Rows from which further threads are worth their start: that costs some 30 µs each, and detectors take several hundred
/// nanoseconds a row.
const WORTH_ROWS: u32 = 2_048;

/// A segment and its batches.
pub(super) struct Fed {
    pub(super) segment: LogSegment,
    /// Each names its segment's ordinal, which differs between sessions that began at different places of the log.
    batches: Vec<Batch>,
}

/// Threads that may help the workers, of all projects together: a machine with many busy projects has its workers at work
/// anyway.
pub(super) struct Helpers(AtomicUsize);

impl Helpers {
    /// As many as there are processors besides so many.
    pub(super) fn besides(busy: usize) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self(AtomicUsize::new(processors.saturating_sub(busy)))
    }

    /// Up to so many that are free; given back by [`Self::give_back`].
    fn take(&self, most: usize) -> usize {
        let mut taken = 0;
        // The closure always gives a value, so there is a previous one.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| {
            taken = free.min(most);
            Some(free - taken)
        });
        taken
    }

    fn give_back(&self, helpers: usize) {
        self.0.fetch_add(helpers, Ordering::AcqRel);
    }
}

impl Fed {
    /// Takes the columns of a segment apart into batches.
    pub(super) fn new(mut segment: LogSegment) -> Self {
        let received_at = segment.received_at;
        let pieces = segment.columns.take().map(|columns| cut(columns, MAX_BATCH_ROWS));
        let batches = pieces
            .into_iter()
            .flatten()
            .map(|(first_row, columns)| Batch::new(columns, received_at, 0, first_row))
            .collect();
        Self { segment, batches }
    }

    pub(super) fn rows(&self) -> u32 {
        self.batches.iter().map(Batch::rows).fold(0, u32::saturating_add)
    }

    /// For a session whose first segment is the one behind `base`.
    pub(super) fn set_base(&mut self, base: u64) {
        for batch in &mut self.batches {
            batch.set_segment(self.segment.sequence - base);
        }
    }

    /// Its batches, as [`Self::set_base`] made them.
    pub(super) fn batches(&self) -> &[Batch] {
        &self.batches
    }
}

/// Gives consecutive segments to every session that is waiting for them.
pub(super) fn feed(shared: &Shared, scope: &Scope, sessions: &mut [Session], fed: &mut [Fed]) {
    let mut bases: Vec<u64> = sessions.iter().map(Session::base).collect();
    bases.sort_unstable();
    bases.dedup();
    let rows = fed.iter().map(Fed::rows).fold(0, u32::saturating_add);
    for base in bases {
        // A session that begins later wants none of the segments before.
        for fed in fed.iter_mut().filter(|fed| fed.segment.sequence > base) {
            fed.set_base(base);
        }
        let ready = sessions
            .iter_mut()
            .filter(|session| session.base() == base && session.is_ready());
        run(shared, scope, ready.collect(), fed, rows);
    }
}

fn run(shared: &Shared, scope: &Scope, sessions: Vec<&mut Session>, fed: &[Fed], rows: u32) {
    let wanted = if rows < WORTH_ROWS {
        0
    } else {
        sessions.len().saturating_sub(1)
    };
    let helpers = shared.helpers.take(wanted);
    let queue = Mutex::new(sessions.into_iter());
    let work = || {
        loop {
            // The lock is held for no longer than this statement.
            let next = queue.lock().next();
            let Some(session) = next else { return };
            session.feed(shared, scope, fed);
        }
    };
    std::thread::scope(|threads| {
        for _ in 0..helpers {
            let helper = std::thread::Builder::new().name("sessions-help".into());
            if let Err(error) = helper.spawn_scoped(threads, work) {
                tracing::debug!(%error, "cannot start a thread; this one does it all");
            }
        }
        work();
    });
    shared.helpers.give_back(helpers);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_help_than_there_is() {
        let helpers = Helpers(AtomicUsize::new(3));
        assert_eq!(helpers.take(2), 2);
        assert_eq!(helpers.take(2), 1);
        assert_eq!(helpers.take(2), 0);
        helpers.give_back(3);
        assert_eq!(helpers.take(9), 3);
    }
}
