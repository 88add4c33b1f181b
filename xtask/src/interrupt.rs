//! Ctrl-C and SIGTERM: noticed between two looks at something, so that whoever waits can clean up and leave.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How often something waited for is looked at.
pub(crate) const POLL: Duration = Duration::from_millis(100);

/// From now on, Ctrl-C, SIGTERM and SIGHUP make [`check`] fail instead of ending the process.
pub(crate) fn watch() -> Result<()> {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::SeqCst)).context("watching for Ctrl-C")
}

/// Fails when the person at the keyboard wants to leave.
pub(crate) fn check() -> Result<()> {
    if INTERRUPTED.load(Ordering::SeqCst) {
        bail!("interrupted");
    }
    Ok(())
}

/// Looks at something until it is there, or until `limit` is over: `None` then.
pub(crate) fn wait_for<T>(limit: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    let started = Instant::now();
    loop {
        check()?;
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        if started.elapsed() >= limit {
            return Ok(None);
        }
        sleep(POLL);
    }
}
