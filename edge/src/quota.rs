//! A project's quota of bytes a day, exact without a round trip a request: the project's owner hands isolates leases, from
//! which they take until they are used up.

use serde::{Deserialize, Serialize};

const DAY: u64 = 86_400_000_000_000;

/// How many leases a quota is divided into at least, so that isolates that end with half a lease cost the project little.
const LEASES: u64 = 64;

/// Largest lease: 64 MiB.
const MAX_LEASE_BYTES: u64 = 64 << 20;

/// What a project may send.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Quota {
    /// Decompressed bytes a day (UTC); 0 for no limit.
    pub bytes_a_day: u64,
}

/// How much of it was handed out. Kept by the owner.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct QuotaState {
    day: u64,
    handed_out: u64,
}

/// Bytes that an isolate may take in without asking.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Lease {
    /// How many; 0 if the quota is used up.
    pub bytes: u64,
    /// Until when, in nanoseconds since the Unix epoch: then the next day's quota begins.
    pub until: u64,
}

impl QuotaState {
    /// Hands out a lease of at least `wanted` bytes, or what is left if that is less than a usual lease but enough.
    pub fn lease(&mut self, quota: Quota, wanted: u64, now: u64) -> Lease {
        let day = now / DAY;
        if self.day != day {
            *self = Self { day, handed_out: 0 };
        }
        let left = quota.bytes_a_day.saturating_sub(self.handed_out);
        let usual = (quota.bytes_a_day / LEASES).clamp(1, MAX_LEASE_BYTES);
        let bytes = usual.max(wanted).min(left);
        let bytes = if bytes < wanted { 0 } else { bytes };
        self.handed_out += bytes;
        Lease {
            bytes,
            until: (day + 1) * DAY,
        }
    }
}

impl Lease {
    /// Takes `bytes` from it, if they are there and it still holds.
    pub fn take(&mut self, bytes: u64, now: u64) -> bool {
        if now >= self.until || bytes > self.bytes {
            return false;
        }
        self.bytes -= bytes;
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_new_day_has_a_new_quota() {
        let quota = Quota { bytes_a_day: 640 };
        let mut state = QuotaState::default();
        assert_eq!(
            state.lease(quota, 5, DAY),
            Lease {
                bytes: 10,
                until: 2 * DAY
            }
        );
        assert_eq!(state.lease(quota, 630, DAY).bytes, 630);
        assert_eq!(state.lease(quota, 1, DAY).bytes, 0);
        assert_eq!(state.lease(quota, 1, 2 * DAY).bytes, 10);
        let mut lease = Lease {
            bytes: 10,
            until: DAY,
        };
        assert!(lease.take(10, 0) && !lease.take(1, 0));
        assert!(
            !Lease {
                bytes: 10,
                until: DAY
            }
            .take(1, DAY)
        );
    }

    proptest! {
        #[test]
        fn no_more_than_the_quota_is_taken(
            bytes_a_day in 1_u64..1_000_000,
            requests in prop::collection::vec((0_usize..4, 1_u64..50_000), 1..200),
        ) {
            let (quota, mut state, mut isolates) = (Quota { bytes_a_day }, QuotaState::default(), [Lease::default(); 4]);
            let mut taken = 0;
            for (isolate, bytes) in requests {
                if !isolates[isolate].take(bytes, 1) {
                    isolates[isolate] = state.lease(quota, bytes, 1);
                    if !isolates[isolate].take(bytes, 1) {
                        continue;
                    }
                }
                taken += bytes;
            }
            prop_assert!(taken <= bytes_a_day);
        }
    }
}
