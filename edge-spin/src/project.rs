//! A project behind the answers: who leads it gives its segments to the detectors, commits, and lets time pass, until nothing
//! has come for a while.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use aia_edge::{Config, Owner, Scope};
use spin_sdk::wasip3::spawn;

use crate::app::{App, log, now, trouble};
use crate::bucket::S3;
use crate::durable::{self, Placed};
use crate::lead::{Lead, LeadMemory, Taken};
use crate::plugins::Composed;

const SECOND: u64 = 1_000_000_000;

/// How often the leader looks for segments that other instances put, and for those that the store keeps. An instance can't
/// tell another one of a segment.
const LOOK_EVERY: u64 = 10 * SECOND;
/// Bytes of segments that may wait in memory while others are at work; more are found in the bucket.
const MAX_WAITING_BYTES: usize = 32 << 20;
/// How long detectors wait for requests that this instance is still answering: a detector that ends the instance ends
/// those, too.
const SETTLES_WITHIN: u64 = SECOND;
/// Pause between two looks at those.
const SETTLING: Duration = Duration::from_millis(5);
/// Shortest pause between two steps that nothing led to.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);

type ProjectOwner = Owner<S3, Composed, LeadMemory>;

/// A project in this instance.
#[derive(Default)]
pub(crate) struct Project {
    owner: RefCell<Option<(Rc<Lead>, ProjectOwner)>>,
    waiting: RefCell<Vec<Vec<u8>>>,
    is_at_work: Cell<bool>,
    has_timer: Cell<bool>,
    led_elsewhere_until: Cell<u64>,
    /// Whether something came since this instance last found another one leading.
    has_come: Cell<bool>,
    look_at: Cell<u64>,
    /// When the next step is due; none if there is nothing to wait for.
    next: Cell<Option<u64>>,
}

/// Goes on with a project once the answer is sent.
pub(crate) fn go_on(app: &Rc<App>, scope: &Scope, placed: Placed) {
    let project = app.project(scope);
    project.has_come.set(true);
    match placed {
        Placed::New(segment) => {
            let mut waiting = project.waiting.borrow_mut();
            let bytes: usize = waiting.iter().map(Vec::len).sum();
            if bytes.saturating_add(segment.len()) <= MAX_WAITING_BYTES {
                waiting.push(segment);
            }
        }
        Placed::Known => {}
        Placed::Kept => project.look_at.set(0),
    }
    let (app, scope) = (Rc::clone(app), scope.clone());
    spawn(async move {
        // Leaves the runtime a turn to send the answer before detectors take theirs.
        spin_sdk::time::sleep(SETTLING).await;
        project.work(&app, &scope).await;
        project.keep_time(&app, &scope).await;
    });
}

impl Project {
    /// Steps whenever it is time to: as long as this instance leads, and once more when another one's lead runs out, should
    /// that have ended.
    async fn keep_time(&self, app: &App, scope: &Scope) {
        if self.has_timer.replace(true) {
            return;
        }
        while let Some(next) = self.next.get() {
            let pause = Duration::from_nanos(next.saturating_sub(now()));
            spin_sdk::time::sleep(pause.max(SHORTEST_PAUSE)).await;
            self.work(app, scope).await;
        }
        self.has_timer.set(false);
    }

    /// Does what there is to do, one at a time: who comes meanwhile leaves its segment to whoever is at it.
    async fn work(&self, app: &App, scope: &Scope) {
        if self.is_at_work.replace(true) {
            return;
        }
        match self.lead(app, scope).await {
            Ok(Some((lead, owner))) => self.run(app, scope, lead, owner).await,
            Ok(None) => {
                // Who leads finds them in the bucket.
                self.waiting.borrow_mut().clear();
                let again = self.led_elsewhere_until.get().saturating_add(app.stagger);
                self.next.set(self.has_come.replace(false).then_some(again));
            }
            Err(error) => {
                trouble(format!(
                    "cannot take the lead of {}/{}: {error}",
                    scope.0, scope.1
                ));
                self.next.set(None);
            }
        }
        self.is_at_work.set(false);
    }

    /// The owner of the project's sessions, if this instance leads.
    async fn lead(&self, app: &App, scope: &Scope) -> Result<Option<(Rc<Lead>, ProjectOwner)>, String> {
        if let Some((lead, owner)) = self.owner.take() {
            return Ok(lead.hold().await?.then_some((lead, owner)));
        }
        if now() < self.led_elsewhere_until.get() {
            return Ok(None);
        }
        let lead = match Lead::take(&app.store, scope, &app.name).await? {
            Taken::Mine(lead) => Rc::new(lead),
            Taken::Others(until) => {
                self.led_elsewhere_until.set(until);
                return Ok(None);
            }
        };
        self.look_at.set(0);
        let config = Config {
            discover_every: LOOK_EVERY,
            ..Config::default()
        };
        let owner = Owner::new(
            app.bucket.clone(),
            app.plugins.clone(),
            LeadMemory(Rc::clone(&lead)),
            app.intake.settings.project_keys(&scope.0, &scope.1),
            config,
        );
        Ok(Some((lead, owner)))
    }

    async fn run(&self, app: &App, scope: &Scope, lead: Rc<Lead>, mut owner: ProjectOwner) {
        loop {
            self.drain(app, scope).await;
            settle(app).await;
            for segment in self.waiting.take() {
                if let Err(error) = owner.offer(&segment, now()) {
                    trouble(format!("a segment that was put doesn't verify: {error}"));
                }
            }
            owner.step(now()).await;
            owner.take_reports().into_iter().for_each(log);
            app.plugins.take_report().into_iter().for_each(log);
            if self.waiting.borrow().is_empty() {
                break;
            }
        }
        let next = owner.next_step(now());
        self.next.set(next);
        if next.is_some() {
            self.owner.replace(Some((lead, owner)));
        } else if let Err(error) = lead.release().await {
            trouble(format!(
                "cannot leave the lead of {}/{}: {error}",
                scope.0, scope.1
            ));
        }
    }

    /// Puts what the store keeps into the bucket, if it is time to look for it.
    async fn drain(&self, app: &App, scope: &Scope) {
        if now() < self.look_at.get() || app.bucket.is_down() {
            return;
        }
        let hand_on = |segment| self.waiting.borrow_mut().push(segment);
        match durable::drain(app, scope, hand_on).await {
            Ok(true) => {}
            Ok(false) => self.look_at.set(now().saturating_add(LOOK_EVERY)),
            Err(error) => {
                self.look_at.set(now().saturating_add(LOOK_EVERY / 2));
                trouble(error);
            }
        }
    }
}

async fn settle(app: &App) {
    let deadline = now().saturating_add(SETTLES_WITHIN);
    while app.in_flight.get() > 0 && now() < deadline {
        spin_sdk::time::sleep(SETTLING).await;
    }
}
