//! Takes up plugins that change while the host runs.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::catalog::Catalog;
use crate::investigations::Investigator;
use crate::metrics::Metrics;
use crate::sessions::Sessions;

/// How often the folder is looked at. A file is taken up when it looks the same twice.
const EVERY: Duration = Duration::from_secs(1);

/// Looks at the folder of plugins until it is dropped.
pub(super) struct HotSwap {
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl HotSwap {
    pub(super) fn start(
        catalog: Arc<Catalog>,
        sessions: Arc<Sessions>,
        investigator: Arc<Investigator>,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("plugins".to_owned())
            .spawn(move || {
                let mut is_failing = false;
                while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                    match catalog.reload() {
                        Ok(reloaded) => {
                            is_failing = false;
                            metrics.plugins_loaded(reloaded.loaded, reloaded.failed);
                            if reloaded.has_changed {
                                metrics.show_plugins(catalog.loaded());
                                sessions.replace(catalog.detectors());
                                investigator.replace(catalog.analysts());
                            }
                        }
                        // Told once, not every second.
                        Err(error) if !is_failing => {
                            is_failing = true;
                            tracing::error!(%error, "the plugins that were loaded go on");
                        }
                        Err(_) => {}
                    }
                }
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for HotSwap {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that takes up changed plugins panicked");
        }
    }
}
