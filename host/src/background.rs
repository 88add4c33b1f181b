//! Threads whose work can wait: what is asked of the host goes first.

/// How much less of a busy processor such a thread gets: about a third of what another gets, so that it comes on and
/// doesn't hold a lock for long.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// Has the calling thread wait for others where processors are busy.
pub(crate) fn go_last() {
    // Elsewhere than on Linux this would be the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "a thread in the background runs like any other");
    }
}
