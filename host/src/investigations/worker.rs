//! The thread that investigates: takes projects whose incidents changed in turn, one incident of each at a time, so that a
//! project with many incidents doesn't hold up the others.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::run::Investigator;
use super::{Due, due};
use crate::background;
use crate::store::{IncidentFilter, IncidentState, Scope, StoreError};

/// How often incidents that are to be looked at later are looked for.
const ROUND: Duration = Duration::from_secs(5);

/// While detection is further behind than this, investigations let it go first: they read the same log, and there is
/// nothing to explain that wasn't found.
const DETECTION_FIRST: f64 = 2.0;

/// … but for no longer than this: under a load that never ends people want to know all the more.
const MAX_DEFERRAL: Duration = Duration::from_secs(30);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Unresolved incidents of a project that are considered, newest first. Older ones wait until some are resolved.
const MAX_INCIDENTS: usize = 500;

/// Projects whose incidents have changed. At most one entry for each: a queue that can't grow.
#[derive(Default)]
struct Queue {
    changed: Mutex<BTreeSet<Scope>>,
    wake: Condvar,
}

/// Tells the investigations that a project's incidents have changed. Made before them, since the sessions want it first.
#[derive(Clone, Default)]
pub struct Wake(Arc<Queue>);

impl Wake {
    /// Has a project's incidents looked at. Never blocks for long.
    pub fn wake(&self, scope: &Scope) {
        self.0.changed.lock().insert(scope.clone());
        self.0.wake.notify_one();
    }
}

impl std::fmt::Debug for Wake {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Wake")
    }
}

/// The running investigations.
pub struct Investigations {
    investigator: Arc<Investigator>,
    wake: Wake,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What is left to do in a project.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Left {
    /// Possibly more at once.
    More,
    /// Something when time has passed.
    Later,
    /// Nothing until its incidents change.
    Nothing,
}

impl Investigations {
    /// Starts the thread, which first looks for what was left undone when the host last ended.
    ///
    /// # Errors
    /// If the thread can't be started.
    pub fn start(investigator: Arc<Investigator>, wake: Wake) -> std::io::Result<Self> {
        match investigator.store.all_projects() {
            Ok(projects) => wake.0.changed.lock().extend(projects),
            Err(error) => {
                tracing::error!(
                    error = crate::chain(&error),
                    "cannot list projects; investigations begin with the next signals"
                );
            }
        }
        let (thread_investigator, queue) = (Arc::clone(&investigator), Arc::clone(&wake.0));
        let thread = std::thread::Builder::new()
            .name("investigations".into())
            .spawn(move || {
                background::go_last();
                run(&thread_investigator, &queue);
            })?;
        Ok(Self {
            investigator,
            wake,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Ends the thread; what it was at is done again after the next start.
    pub fn close(&self) {
        self.investigator.is_closing.store(true, Ordering::Relaxed);
        self.wake.0.wake.notify_one();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of investigations panicked");
        }
    }
}

fn run(investigator: &Investigator, queue: &Queue) {
    let mut later: BTreeSet<Scope> = BTreeSet::new();
    let mut round_at = Instant::now() + ROUND;
    while !investigator.is_closing.load(Ordering::Relaxed) {
        let mut turn = {
            let mut changed = queue.changed.lock();
            if changed.is_empty() {
                queue.wake.wait_until(&mut changed, round_at);
            }
            std::mem::take(&mut *changed)
        };
        if Instant::now() >= round_at {
            turn.append(&mut later);
            round_at = Instant::now() + ROUND;
        }
        for scope in turn {
            investigator.let_detection_go_first();
            if investigator.is_closing.load(Ordering::Relaxed) {
                return;
            }
            match investigator.next(&scope) {
                Ok(Left::More) => {
                    queue.changed.lock().insert(scope);
                }
                Ok(Left::Later) => {
                    later.insert(scope);
                }
                Ok(Left::Nothing) => {}
                Err(error) => {
                    tracing::error!(error = crate::chain(&error), %scope, "cannot investigate; trying again");
                    later.insert(scope);
                }
            }
        }
    }
}

impl Investigator {
    /// Investigates every incident of a project that is due now, in order, until none is.
    ///
    /// # Errors
    /// If the store fails.
    pub fn investigate_due(&self, scope: &Scope) -> Result<(), StoreError> {
        while self.next(scope)? == Left::More {}
        Ok(())
    }

    fn let_detection_go_first(&self) {
        let until = Instant::now() + MAX_DEFERRAL;
        while self.metrics.lag_seconds() > DETECTION_FIRST
            && Instant::now() < until
            && !self.is_closing.load(Ordering::Relaxed)
        {
            std::thread::sleep(LOOK);
        }
    }

    /// Investigates one incident of a project, if one is due.
    fn next(&self, scope: &Scope) -> Result<Left, StoreError> {
        let analysts = self.analysts();
        if analysts.is_empty() {
            return Ok(Left::Nothing);
        }
        let filter = IncidentFilter {
            project: Some(scope.project.as_str().to_owned()),
            states: vec![
                IncidentState::Open,
                IncidentState::Acknowledged,
                IncidentState::Regressed,
            ],
            before: None,
            limit: MAX_INCIDENTS,
        };
        let head = self.log.head(scope).received_at;
        let mut left = Left::Nothing;
        for incident in self.store.incidents(&scope.tenant, &filter)? {
            let now = head.max(incident.updated_at);
            let records = self.store.investigations(&scope.tenant, &incident.id)?;
            let mut due_now = Vec::new();
            for analyst in analysts.iter() {
                let name = analyst.plugin.name();
                let last = records.iter().find(|record| record.analyst == name);
                match due(&self.config, &incident, last, now) {
                    Due::Now if !self.is_resting(name) => due_now.push(name),
                    Due::Now | Due::Later => left = Left::Later,
                    Due::No => {}
                }
            }
            if !due_now.is_empty() {
                self.investigate_with(scope, &incident.id, now, |name| due_now.contains(&name))?;
                return Ok(Left::More);
            }
        }
        Ok(left)
    }
}
