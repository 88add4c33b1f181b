//! Sessions: each detector's state for each project. Projects are spread over worker threads; a project's sessions
//! live on one of them, consume its log in order and advance by commits. All of it behind the acknowledgement: a slow
//! plugin makes lag, never a refused request.

#[cfg(test)]
mod crashes;
mod feed;
mod lead;
mod offline;
mod project;
mod releases;
mod session;
#[cfg(test)]
mod tests;
mod worker;

pub use lead::Leads;
pub use offline::{Offline, Stalled};
pub(crate) use releases::{Release, Releases, of as releases_of};

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use crate::incidents::Rules;
use crate::log::{KeyRing, Log, Wake};
use crate::metrics::Metrics;
use crate::runtime::Plugin;
use crate::store::{Scope, Store};

/// How sessions are run.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Worker threads. Default: one for each core.
    pub workers: usize,
    /// A commit has a snapshot at least every so many segments, which bounds what a commit names …
    pub snapshot_segments: u64,
    /// … every so many rows, which bounds what a restart reads again: a quarter of a million take some 200 ms …
    pub snapshot_rows: u64,
    /// … and after so much time of the data.
    pub snapshot_after: Duration,
    /// What was consumed is committed after this time even if nothing was found.
    pub commit_after: Duration,
    /// A project that sent nothing for this time has its sessions committed and dropped from memory.
    pub idle_after: Duration,
    /// Attempts at a segment on which a plugin fails before that plugin skips it.
    pub attempts: u32,
    /// Wait before the second attempt; doubles with each further one.
    pub backoff: Duration,
    /// What becomes of incidents.
    pub rules: Rules,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            snapshot_segments: 4_096,
            snapshot_rows: 1 << 18,
            snapshot_after: Duration::from_secs(30),
            commit_after: Duration::from_secs(1),
            idle_after: Duration::from_secs(900),
            attempts: 3,
            backoff: Duration::from_secs(1),
            rules: Rules::default(),
        }
    }
}

/// A detector and its configuration.
#[derive(Clone)]
pub struct Detector {
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// Its configuration, JSON.
    pub config: String,
}

/// What all workers share.
struct Shared {
    config: SessionConfig,
    /// The detectors in force; projects compare the pointer to see that they were replaced.
    detectors: RwLock<Arc<Vec<Detector>>>,
    helpers: feed::Helpers,
    log: Arc<Log>,
    store: Arc<dyn Store>,
    keys: Arc<KeyRing>,
    leads: Arc<Leads>,
    metrics: Arc<Metrics>,
    /// Told when signals of a project were committed.
    found: Wake,
    /// The lag that each worker saw last.
    lags: Mutex<Vec<Duration>>,
}

enum Message {
    /// A project's log has grown.
    Grown(Scope),
    /// Commit everything and end.
    Close,
}

/// Hands a project to its worker. Made before the workers, since the log wants it when it opens.
#[derive(Clone)]
pub struct Waker {
    senders: Arc<Vec<Sender<Message>>>,
    found: Wake,
}

impl Waker {
    /// Tells the project's worker that the log has grown.
    pub fn wake(&self, scope: &Scope) {
        let mut hasher = std::hash::DefaultHasher::new();
        scope.hash(&mut hasher);
        let count = self.senders.len().max(1) as u64;
        let index = usize::try_from(hasher.finish() % count).unwrap_or(0);
        if let Some(sender) = self.senders.get(index) {
            // A worker that has ended is being shut down: what it leaves is consumed after the next start.
            let _ = sender.send(Message::Grown(scope.clone()));
        }
    }
}

/// Receiving ends of the workers to be started.
pub struct Inboxes(Vec<std::sync::mpsc::Receiver<Message>>);

/// Makes the queues of `workers` worker threads. These call `found` with a project whose signals they have just committed;
/// it must not block.
#[must_use]
pub fn queues(workers: usize, found: Wake) -> (Waker, Inboxes) {
    let (senders, receivers) = (0..workers.max(1)).map(|_| channel()).unzip();
    (
        Waker {
            senders: Arc::new(senders),
            found,
        },
        Inboxes(receivers),
    )
}

impl Shared {
    fn detectors(&self) -> Arc<Vec<Detector>> {
        Arc::clone(&self.detectors.read())
    }
}

/// The running sessions.
pub struct Sessions {
    shared: Arc<Shared>,
    waker: Waker,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Sessions {
    /// Starts the workers, and wakes every project that has something to consume.
    ///
    /// # Errors
    /// If a thread can't be started, or the store can't be read.
    pub fn start(
        config: SessionConfig,
        detectors: Vec<Detector>,
        (waker, inboxes): (Waker, Inboxes),
        log: Arc<Log>,
        store: Arc<dyn Store>,
        keys: Arc<KeyRing>,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let lags = Mutex::new(vec![Duration::ZERO; inboxes.0.len()]);
        let leads = Leads::load(Arc::clone(&store)).map_err(std::io::Error::other)?;
        let shared = Arc::new(Shared {
            config,
            detectors: RwLock::new(Arc::new(detectors)),
            helpers: feed::Helpers::besides(1),
            log,
            store,
            keys,
            leads: Arc::new(leads),
            metrics,
            found: Arc::clone(&waker.found),
            lags,
        });
        let mut threads = Vec::new();
        for (index, inbox) in inboxes.0.into_iter().enumerate() {
            let worker = worker::Worker::new(Arc::clone(&shared), index);
            let name = format!("sessions-{index}");
            threads.push(
                std::thread::Builder::new()
                    .name(name)
                    .spawn(move || worker.run(&inbox))?,
            );
        }
        for (scope, _) in shared.log.projects() {
            waker.wake(&scope);
        }
        Ok(Self {
            shared,
            waker,
            threads: Mutex::new(threads),
        })
    }

    /// Who runs the detectors of which project.
    #[must_use]
    pub fn leads(&self) -> Arc<Leads> {
        Arc::clone(&self.shared.leads)
    }

    /// The detectors in force.
    #[must_use]
    pub fn detectors(&self) -> Arc<Vec<Detector>> {
        self.shared.detectors()
    }

    /// Hands a project to its worker.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Puts other detectors in the place of those that run. Each project commits its sessions with a snapshot between two
    /// segments and goes on from there with the new ones, all of them at once.
    pub fn replace(&self, detectors: Vec<Detector>) {
        *self.shared.detectors.write() = Arc::new(detectors);
    }

    /// Commits every session with a snapshot and ends the workers.
    pub fn close(&self) {
        for sender in self.waker.senders.iter() {
            // It may have ended already.
            let _ = sender.send(Message::Close);
        }
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a worker of the sessions panicked");
            }
        }
    }
}
