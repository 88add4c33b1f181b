//! One project's objects: what is new among them goes into the log, in the order it was received.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aia_telemetry::{SegmentId, project_prefix};

use super::bucket::Listed;
use super::fetch::Found;
use super::key::{self, MINUTE, SegmentKey};
use super::list::Pages;
use super::quarantine::{self, Reason};
use super::{PullError, Puller, append, expire};
use crate::clock;
use crate::sessions::Releases;
use crate::store::{PullCursor, Scope};

/// Segments of one look at a project, so that others get their turn.
const MAX_SEGMENTS: usize = 4_096;

/// Objects put aside in one look at a project: each takes two requests.
const MAX_REFUSED: usize = 1_024;

/// Objects that wait to be fetched, at most: a minute of more than these is pulled in parts, by when they were put.
const MAX_WAITING: usize = 16_384;

/// Where the overlap takes more than a page, most looks go back only so far …
const NEAR: u64 = 1;

/// … and so often over all of it.
const OVERLAP_EVERY: Duration = Duration::from_secs(30);

/// What was pulled is remembered for so many minutes at least, whatever the bucket still holds.
const REMEMBER_MINUTES: u64 = 60;

/// What could not be put aside is looked at again after so long.
const REFUSED_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// A look at a project.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Look {
    /// At everything.
    Sweep,
    /// At the newest, back by the overlap.
    Overlap,
    /// At the newest.
    Near,
}

/// What a look has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Looked {
    /// Segments that were pulled.
    pub(super) segments: usize,
    /// It ended before it had seen everything: there is more to do at once.
    pub(super) has_more: bool,
}

/// What is known of a project while the host runs.
#[derive(Default)]
pub(super) struct Project {
    /// None until something of it was pulled.
    pub(super) cursor: Option<PullCursor>,
    is_read: bool,
    /// Whether the store knows all that the log holds: not so after a start, and after a failure between the two.
    pub(super) is_accounted: bool,
    sweep: Sweep,
    /// When all of the overlap was last looked at, and whether that took more than a page.
    overlap: Option<(Instant, bool)>,
    /// Releases that its telemetry has shown.
    pub(super) releases: Releases,
}

/// The sweep that is under way, or the last one.
#[derive(Default)]
struct Sweep {
    ended: Option<Instant>,
    /// The key behind which it goes on.
    after: Option<String>,
    /// The oldest minute it has seen.
    oldest: Option<u64>,
}

/// What a look gathers, page by page.
#[derive(Default)]
struct Gathered {
    waiting: Vec<Found>,
    refused: Vec<(Listed, Reason)>,
    expired: Vec<String>,
    segments: usize,
    put_aside: usize,
    pages: usize,
    last_key: Option<String>,
}

impl Gathered {
    fn is_enough(&self) -> bool {
        self.segments + self.waiting.len() >= MAX_SEGMENTS || self.put_aside >= MAX_REFUSED
    }
}

impl Puller {
    /// Looks at a project once. Until everything was seen once, that is in the order of time.
    pub(super) fn look(&mut self, scope: &Scope, project: &mut Project) -> Result<Looked, PullError> {
        if !project.is_read {
            project.cursor = self.store.pull_cursor(scope)?;
            project.is_read = true;
            let newest = project.cursor.map_or(0, |cursor| cursor.minute);
            self.metrics.received(newest.saturating_mul(MINUTE));
        }
        let is_due = project
            .sweep
            .ended
            .is_none_or(|ended| ended.elapsed() >= self.config.sweep_every);
        let is_first = project.sweep.ended.is_none();
        let mut looked = Looked::default();
        if is_due {
            looked = self.look_at(scope, project, Look::Sweep)?;
            if is_first && looked.has_more {
                return Ok(looked);
            }
        }
        let far = project
            .overlap
            .is_none_or(|(at, is_long)| !is_long || at.elapsed() >= OVERLAP_EVERY);
        let newest = self.look_at(scope, project, if far { Look::Overlap } else { Look::Near })?;
        Ok(Looked {
            segments: looked.segments + newest.segments,
            has_more: looked.has_more || newest.has_more,
        })
    }

    fn look_at(&mut self, scope: &Scope, project: &mut Project, look: Look) -> Result<Looked, PullError> {
        // Of a project of which nothing was pulled yet, only what comes now is new: a sweep finds the rest.
        let newest = project
            .cursor
            .map(|cursor| cursor.minute)
            .filter(|minute| *minute > 0);
        let newest = newest.unwrap_or_else(|| clock::now() / MINUTE);
        let behind = |minutes: u64| key::minute_key(scope, newest.saturating_sub(minutes));
        let after = match look {
            Look::Sweep => project.sweep.after.clone(),
            Look::Overlap => behind(self.config.overlap.as_secs().div_ceil(60)),
            Look::Near => behind(NEAR),
        };
        let mut pages = Pages::new(project_prefix(&scope.tenant, &scope.project), after);
        let mut gathered = Gathered::default();
        let mut has_more = false;
        while let Some(objects) = self.stop.or(pages.next(self.bucket.as_ref()))?? {
            gathered.pages += 1;
            self.sort_out(scope, project, look, objects, &mut gathered)?;
            // What a page ends in is only pulled with the rest of its minute.
            self.take(scope, project, &mut gathered, false)?;
            if gathered.is_enough() {
                has_more = true;
                break;
            }
        }
        self.take(scope, project, &mut gathered, true)?;
        match look {
            Look::Sweep if has_more => project.sweep.after.clone_from(&gathered.last_key),
            Look::Sweep => self.end_sweep(scope, project)?,
            Look::Overlap if !has_more => project.overlap = Some((Instant::now(), gathered.pages > 1)),
            Look::Overlap | Look::Near => {}
        }
        Ok(Looked {
            segments: gathered.segments,
            has_more,
        })
    }

    /// Finds out what of a page is new, what is wrong by its key alone, and what may be deleted.
    fn sort_out(
        &mut self,
        scope: &Scope,
        project: &mut Project,
        look: Look,
        objects: Vec<Listed>,
        gathered: &mut Gathered,
    ) -> Result<(), PullError> {
        if let Some(last) = objects.last() {
            gathered.last_key = Some(last.key.clone());
        }
        let mut segments = Vec::with_capacity(objects.len());
        for object in objects {
            match key::parse(scope, &object.key) {
                Some(segment) => segments.push(Found { object, segment }),
                None if self.store.is_refused(scope, &object.key, &object.tag)? => {}
                None => gathered.refused.push((object, Reason::Name)),
            }
        }
        let Some(first) = segments.first().map(|found| found.segment.minute) else {
            return Ok(());
        };
        if look == Look::Sweep {
            project.sweep.oldest.get_or_insert(first);
        }
        self.account_for_log(scope, project, first)?;
        let ids: Vec<SegmentId> = segments.iter().map(|found| found.segment.id).collect();
        let known = self.store.pulled(scope, &ids)?;
        let expired_before = match (look, self.config.keep) {
            (Look::Sweep, keep) if !keep.is_zero() => {
                clock::now().saturating_sub(clock::nanos(keep)) / MINUTE
            }
            _ => 0,
        };
        let mut seen: BTreeSet<SegmentId> = gathered.waiting.iter().map(|found| found.segment.id).collect();
        for found in segments {
            let SegmentKey { minute, id } = found.segment;
            let is_known = known.contains(&id)
                || self
                    .store
                    .is_refused(scope, &found.object.key, &found.object.tag)?;
            if is_known {
                if minute < expired_before {
                    gathered.expired.push(found.object.key);
                }
            } else if seen.insert(id) {
                gathered.waiting.push(found);
            }
        }
        Ok(())
    }

    /// Pulls what waits, whole minutes of it unless it is all there is, and puts aside and deletes what is to be.
    fn take(
        &mut self,
        scope: &Scope,
        project: &mut Project,
        gathered: &mut Gathered,
        is_all: bool,
    ) -> Result<(), PullError> {
        let minute = |found: &Found| found.segment.minute;
        let whole = match gathered.waiting.last().map(minute) {
            Some(last) if !is_all && gathered.waiting.len() < MAX_WAITING => {
                gathered.waiting.partition_point(|found| minute(found) < last)
            }
            _ => gathered.waiting.len(),
        };
        let rest = gathered.waiting.split_off(whole);
        let waiting = std::mem::replace(&mut gathered.waiting, rest);
        for chunk in append::chunks(waiting, self.config.chunk_bytes) {
            gathered.segments += self.pull(scope, project, chunk, &mut gathered.refused)?;
            self.refuse(scope, gathered)?;
        }
        self.refuse(scope, gathered)?;
        let expired = std::mem::take(&mut gathered.expired);
        if !expired.is_empty() {
            let deleted = self.stop.or(expire::delete(self.bucket.as_ref(), expired))?;
            self.tell_of_deletions(deleted);
        }
        Ok(())
    }

    fn refuse(&self, scope: &Scope, gathered: &mut Gathered) -> Result<(), PullError> {
        let refused = std::mem::take(&mut gathered.refused);
        if refused.is_empty() {
            return Ok(());
        }
        gathered.put_aside += refused.len();
        let done = self
            .stop
            .or(quarantine::put_aside(self.bucket.as_ref(), refused))?;
        quarantine::account(self.store.as_ref(), &self.metrics, scope, done)?;
        Ok(())
    }

    /// Sweeps end with what they make forgettable.
    fn end_sweep(&self, scope: &Scope, project: &mut Project) -> Result<(), PullError> {
        let now = clock::now();
        let oldest = project.sweep.oldest.unwrap_or(u64::MAX);
        project.sweep = Sweep {
            ended: Some(Instant::now()),
            ..Sweep::default()
        };
        self.store
            .forget_refused(scope, now.saturating_sub(clock::nanos(REFUSED_FOR)))?;
        let Some(cursor) = project.cursor.filter(|_| project.is_accounted) else {
            return Ok(());
        };
        let cursor = PullCursor {
            sequence: self.log.head(scope).sequence,
            ..cursor
        };
        self.store.record_pulled(scope, &[], &cursor)?;
        project.cursor = Some(cursor);
        let remembered = (now / MINUTE).saturating_sub(REMEMBER_MINUTES);
        // The same request, sent twice, may lie there under two minutes.
        let forgotten = oldest.saturating_sub(REMEMBER_MINUTES).min(remembered);
        self.store.forget_pulled(scope, forgotten)?;
        Ok(())
    }
}
