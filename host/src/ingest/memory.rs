//! Memory: near the configured bound nothing more is taken until some was given back, as the memory limiters of
//! collectors do it. What is in flight by then still has its room.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;

/// A reading holds for so long: it takes some microseconds, and within a millisecond no more than a few megabytes come in.
const READING_HOLDS: Duration = Duration::from_millis(1);

/// Being full is logged so often.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Bytes of memory for each byte of a body in flight, at most: what it is made into, columns and a segment among that.
/// Measured with the smallest spans and with strings that never come again.
const BYTES_PER_BODY_BYTE: usize = 8;

/// Watches the resident memory of the process.
pub(crate) struct MemoryLimit {
    /// From here on nothing is taken, in bytes.
    full_at: u64,
    limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    read_at: Option<Instant>,
    is_full: bool,
    told_at: Option<Instant>,
}

impl MemoryLimit {
    /// Keeps the process below `limit` bytes while bodies of `bytes_in_flight` bytes may still be at work. At least half
    /// of the limit may be used in any case; the configuration sees to it that this is enough.
    pub(crate) fn new(limit: usize, bytes_in_flight: usize) -> Self {
        let reserved = bytes_in_flight.saturating_mul(BYTES_PER_BODY_BYTE);
        let full_at = limit.saturating_sub(reserved).max(limit / 2);
        Self {
            full_at: full_at as u64,
            limit,
            state: Mutex::default(),
        }
    }

    /// Whether nothing more may be taken.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full_with(Instant::now(), resident_bytes)
    }

    fn is_full_with(&self, now: Instant, resident: impl FnOnce() -> Option<u64>) -> bool {
        let mut state = self.state.lock();
        if state
            .read_at
            .is_some_and(|at| now.duration_since(at) < READING_HOLDS)
        {
            return state.is_full;
        }
        state.read_at = Some(now);
        // Where the system doesn't tell, the other limits have to do.
        let resident = resident().unwrap_or(0);
        state.is_full = resident >= self.full_at;
        if state.is_full
            && state
                .told_at
                .is_none_or(|at| now.duration_since(at) >= TOLD_EVERY)
        {
            state.told_at = Some(now);
            tracing::warn!(
                resident_mib = resident >> 20,
                limit_mib = self.limit >> 20,
                "memory is used up, telemetry is refused (429) until some is given back; raise `limits.memory` if this stays"
            );
        }
        state.is_full
    }
}

/// Resident memory of this process; none where the system has no `/proc`.
fn resident_bytes() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let resident: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some(resident.saturating_mul(rustix::param::page_size() as u64))
}

/// The resident memory, under the name that every Prometheus client library gives it.
#[derive(Debug)]
pub(crate) struct ResidentMemory;

impl Collector for ResidentMemory {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(bytes) = resident_bytes() else {
            return Ok(());
        };
        let gauge = ConstGauge::new(i64::try_from(bytes).unwrap_or(i64::MAX));
        let encoder = encoder.encode_descriptor(
            "process_resident_memory_bytes",
            "Resident memory",
            None,
            gauge.metric_type(),
        )?;
        gauge.encode(encoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn is_full_before_the_limit_by_what_is_in_flight() {
        let limit = MemoryLimit::new(1_000 * MIB, 25 * MIB);
        let mut now = Instant::now();
        let mut full_at = |resident: usize| {
            now += READING_HOLDS;
            limit.is_full_with(now, || Some(resident as u64))
        };
        assert!(!full_at(799 * MIB));
        assert!(full_at(800 * MIB));
        assert!(!full_at(799 * MIB));
    }

    #[test]
    fn a_small_limit_leaves_half_of_it() {
        let limit = MemoryLimit::new(100 * MIB, 256 * MIB);
        assert!(!limit.is_full_with(Instant::now(), || Some(49 << 20)));
        let limit = MemoryLimit::new(100 * MIB, 256 * MIB);
        assert!(limit.is_full_with(Instant::now(), || Some(50 << 20)));
    }

    #[test]
    fn a_reading_holds_for_a_while() {
        let limit = MemoryLimit::new(100 * MIB, 0);
        let now = Instant::now();
        assert!(!limit.is_full_with(now, || Some(0)));
        assert!(!limit.is_full_with(now, || panic!("read again")));
    }

    #[test]
    fn a_system_that_does_not_tell_is_never_full() {
        assert!(!MemoryLimit::new(MIB, 0).is_full_with(Instant::now(), || None));
    }

    #[test]
    fn this_process_has_memory() {
        assert!(resident_bytes().is_none_or(|bytes| bytes > MIB as u64));
    }
}
