//! Waiting, on a thread, for what the bucket answers, unless the host is being stopped.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::error::PullError;

/// The thread's way to wait.
pub(super) struct Stop {
    runtime: Handle,
    stopped: watch::Receiver<bool>,
}

impl Stop {
    /// Waits on this runtime until `stopped` holds true or its sender is gone.
    pub(super) fn new(runtime: Handle, stopped: watch::Receiver<bool>) -> Self {
        Self { runtime, stopped }
    }

    /// Waits for what is done.
    ///
    /// # Errors
    /// [`PullError::Stopped`] if the host is stopped first.
    pub(super) fn or<T>(&self, done: impl Future<Output = T>) -> Result<T, PullError> {
        let mut stopped = self.stopped.clone();
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                // An error means that nobody can say so any more.
                _ = stopped.wait_for(|is_stopped| *is_stopped) => Err(PullError::Stopped),
                done = done => Ok(done),
            }
        })
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// [`PullError::Stopped`] if the host is stopped meanwhile.
    pub(super) fn wait(&self, time: Duration) -> Result<(), PullError> {
        self.or(async { tokio::time::sleep(time).await })
    }
}
