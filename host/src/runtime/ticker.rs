//! The thread that tells running plugins that time passes.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::Engine;

/// Advances the engine's epoch at a steady pace until it is dropped. Whoever can call a plugin holds it, so that no
/// call is ever without a clock.
#[derive(Debug)]
pub(super) struct Ticker {
    tick: Duration,
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts it. Fails if no thread can be started.
    pub(super) fn start(engine: &Engine, tick: Duration) -> io::Result<Self> {
        // A tick of zero would be a busy loop.
        let tick = tick.max(Duration::from_millis(1));
        let engine = engine.weak();
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = thread::Builder::new()
            .name("plugin-epochs".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
                    let Some(engine) = engine.upgrade() else { return };
                    engine.increment_epoch();
                }
            })?;
        Ok(Self {
            tick,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The epochs that a call of at most `time` may see: one more than fit, as the first one may come at once.
    pub(super) fn epochs(&self, time: Duration) -> u64 {
        let ticks = time.as_nanos().div_ceil(self.tick.as_nanos());
        u64::try_from(ticks).unwrap_or(u64::MAX / 2).saturating_add(1)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that limits the time of plugins had ended early");
        }
    }
}
