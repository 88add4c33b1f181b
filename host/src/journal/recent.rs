//! Recognising a client's retry.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use aia_telemetry::SegmentId;

use crate::store::Scope;

/// The ids of the last minutes.
pub(super) struct RecentIds {
    window: Duration,
    ids: HashSet<(Scope, SegmentId)>,
    order: VecDeque<(u64, Scope, SegmentId)>,
}

impl RecentIds {
    pub(super) fn new(window: Duration) -> Self {
        Self {
            window,
            ids: HashSet::new(),
            order: VecDeque::new(),
        }
    }

    pub(super) fn contains(&self, scope: &Scope, id: SegmentId) -> bool {
        self.ids.contains(&(scope.clone(), id))
    }

    pub(super) fn remember(&mut self, received_at: u64, scope: Scope, id: SegmentId) {
        let window = u64::try_from(self.window.as_nanos()).unwrap_or(u64::MAX);
        while let Some((_, scope, id)) = self
            .order
            .pop_front_if(|(time, ..)| time.saturating_add(window) < received_at)
        {
            self.ids.remove(&(scope, id));
        }
        if self.ids.insert((scope.clone(), id)) {
            self.order.push_back((received_at, scope, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use aia_telemetry::{ProjectId, TenantId};

    use super::*;

    #[test]
    fn ids_are_forgotten_after_their_time() {
        let mut ids = RecentIds::new(Duration::from_secs(10));
        let scope = Scope {
            tenant: TenantId::new("t").unwrap(),
            project: ProjectId::new("a").unwrap(),
        };
        ids.remember(1_000_000_000, scope.clone(), SegmentId([1; 16]));
        ids.remember(11_000_000_000, scope.clone(), SegmentId([2; 16]));
        assert!(ids.contains(&scope, SegmentId([1; 16])));
        ids.remember(11_000_000_001, scope.clone(), SegmentId([3; 16]));
        assert!(!ids.contains(&scope, SegmentId([1; 16])));
        assert!(ids.contains(&scope, SegmentId([2; 16])));
        assert_eq!((ids.ids.len(), ids.order.len()), (2, 2));
    }
}
