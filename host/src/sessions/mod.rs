//! Sessions: each detector's state for each project. Projects are spread over worker threads; a project's sessions
//! live on one of them, consume its log in order and advance by commits. All of it behind the acknowledgement: a slow
//! plugin makes lag, never a refused request.

mod project;
mod session;
#[cfg(test)]
mod tests;
mod worker;

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use crate::log::{KeyRing, Log, Wake};
use crate::metrics::Metrics;
use crate::runtime::Plugin;
use crate::store::{Scope, Store};

/// How sessions are run.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Worker threads. Default: one for each core.
    pub workers: usize,
    /// A commit has a snapshot at least every so many segments: bounds what a restart reads again.
    pub snapshot_segments: u64,
    /// … and at least after so much time of the data.
    pub snapshot_after: Duration,
    /// What was consumed is committed after this time even if nothing was found.
    pub commit_after: Duration,
    /// A project that sent nothing for this time has its sessions committed and dropped from memory.
    pub idle_after: Duration,
    /// Attempts at a segment on which a plugin fails before that plugin skips it.
    pub attempts: u32,
    /// Wait before the second attempt; doubles with each further one.
    pub backoff: Duration,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            snapshot_segments: 64,
            snapshot_after: Duration::from_secs(30),
            commit_after: Duration::from_secs(1),
            idle_after: Duration::from_secs(900),
            attempts: 3,
            backoff: Duration::from_secs(1),
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
    detectors: Vec<Detector>,
    log: Arc<Log>,
    store: Arc<dyn Store>,
    keys: Arc<KeyRing>,
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

/// Makes the queues of `workers` worker threads.
#[must_use]
pub fn queues(workers: usize) -> (Waker, Inboxes) {
    let (senders, receivers) = (0..workers.max(1)).map(|_| channel()).unzip();
    (
        Waker {
            senders: Arc::new(senders),
        },
        Inboxes(receivers),
    )
}

/// The running sessions.
pub struct Sessions {
    waker: Waker,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Sessions {
    /// Starts the workers, and wakes every project that has something to consume. `found` is called with a project whose
    /// signals were just committed; it must not block.
    ///
    /// # Errors
    /// If a thread can't be started.
    pub fn start(
        config: SessionConfig,
        detectors: Vec<Detector>,
        (waker, inboxes): (Waker, Inboxes),
        log: Arc<Log>,
        store: Arc<dyn Store>,
        keys: Arc<KeyRing>,
        metrics: Arc<Metrics>,
        found: Wake,
    ) -> std::io::Result<Self> {
        let lags = Mutex::new(vec![Duration::ZERO; inboxes.0.len()]);
        let shared = Arc::new(Shared {
            config,
            detectors,
            log,
            store,
            keys,
            metrics,
            found,
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
            waker,
            threads: Mutex::new(threads),
        })
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
