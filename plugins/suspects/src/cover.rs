//! Which services explain that ways between services became slow: as few as possible. A delay in one service shows on
//! all of its ways; so who has only slow ways is likelier than who has a slow one among many, and what a service
//! explains speaks against no other one.

use std::collections::{BTreeMap, BTreeSet};

/// A slow way's other reading: the caller may be slow to send or to wake up. The callee is the likelier one.
const CALLERS_PART: f64 = 0.9;

/// Slowness of each way, by caller and callee; 0 is as before.
pub(crate) type Ways = BTreeMap<(u32, u32), f64>;

/// The services that explain the slow ways, and the mean slowness of what each explains.
pub(crate) fn explain(ways: &Ways) -> BTreeMap<u32, f64> {
    let mut left: BTreeMap<(u32, u32), f64> = ways
        .iter()
        .filter(|(_, slow)| **slow > 0.0)
        .map(|(way, slow)| (*way, *slow))
        .collect();
    let mut explained = BTreeMap::new();
    while !left.is_empty() {
        let ends: BTreeSet<u32> = left
            .keys()
            .flat_map(|(caller, callee)| [*caller, *callee])
            .collect();
        let mut best: Option<(f64, u32)> = None;
        for service in ends {
            let to = side(ways, &left, |way| way.1 == service);
            let from = side(ways, &left, |way| way.0 == service) * CALLERS_PART;
            if best.is_none_or(|(most, _)| to + from > most) {
                best = Some((to + from, service));
            }
        }
        let Some((sum, service)) = best else { break };
        let before = left.len();
        left.retain(|(caller, callee), _| *caller != service && *callee != service);
        let count = u32::try_from(before - left.len()).unwrap_or(u32::MAX);
        explained.insert(service, sum / f64::from(count.max(1)));
    }
    explained
}

/// The slowness on one side of a service, times the share of that side's ways that are slow.
fn side(ways: &Ways, left: &Ways, on_side: impl Fn(&(u32, u32)) -> bool) -> f64 {
    let (mut all, mut slow, mut sum) = (0.0, 0.0, 0.0);
    for (way, slowness) in ways.iter().filter(|(way, _)| on_side(way)) {
        all += 1.0;
        slow += if *slowness > 0.0 { 1.0 } else { 0.0 };
        sum += left.get(way).copied().unwrap_or_default();
    }
    if all > 0.0 { sum * slow / all } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_service_explains_all_its_ways() {
        // 1 calls 2, 3 and 4; 4 calls 5 and 6. All ways of 4 are slow.
        let ways = Ways::from([
            ((1, 2), 0.0),
            ((1, 3), 0.0),
            ((1, 4), 3.0),
            ((4, 5), 3.0),
            ((4, 6), 3.0),
        ]);
        assert_eq!(explain(&ways).into_keys().collect::<Vec<_>>(), [4]);
        // Only what comes in at 3 is slow.
        let ways = Ways::from([((1, 2), 0.0), ((1, 3), 5.0), ((2, 3), 5.0)]);
        assert_eq!(explain(&ways).into_keys().collect::<Vec<_>>(), [3]);
        // One way alone: the callee.
        assert_eq!(explain(&Ways::from([((1, 2), 2.0)])), BTreeMap::from([(2, 2.0)]));
        assert!(explain(&Ways::from([((1, 2), 0.0)])).is_empty());
    }
}
