//! Which services explain that ways between services became slow: as few as possible. A delay in one service shows on
//! all of its ways; so who has only slow ways is likelier than who has a slow one among many, and what a service
//! explains speaks against no other one.

use std::collections::{BTreeMap, BTreeSet};

/// A slow way's other reading: the caller may be slow to send or to wake up. The callee is the likelier one.
const CALLERS_PART: f64 = 0.7;

/// A way is slow if it is at least so much slower as the slowest one: the rest is what waiting does to all.
const SLOW_PART: f64 = 0.2;

/// What remains against the other end of a way that a service explains, times the share of its ways that are slow.
const OTHER_END: f64 = 0.4;

/// Slowness of each way, by caller and callee; 0 is as before.
pub(crate) type Ways = BTreeMap<(u32, u32), f64>;

/// The services that explain the slow ways, and how slow they are thereby.
pub(crate) fn explain(ways: &Ways) -> BTreeMap<u32, f64> {
    let slowest = ways.values().copied().fold(0.0, f64::max);
    let slow = ways
        .iter()
        .filter(|(_, slowness)| **slowness > 0.0 && **slowness >= slowest * SLOW_PART);
    let slow: Ways = slow.map(|(way, slowness)| (*way, *slowness)).collect();
    let mut left = slow.clone();
    let mut explained = BTreeMap::new();
    let mut others: BTreeMap<u32, f64> = BTreeMap::new();
    while !left.is_empty() {
        let mut best: Option<(f64, u32)> = None;
        for service in ends(&left) {
            let to = side(ways, &slow, &left, |way| way.1 == service);
            let from = side(ways, &slow, &left, |way| way.0 == service) * CALLERS_PART;
            if best.is_none_or(|(most, _)| to + from > most) {
                best = Some((to + from, service));
            }
        }
        let Some((sum, service)) = best else { break };
        let is_of = |way: &(u32, u32)| way.0 == service || way.1 == service;
        let mine: Ways = left
            .iter()
            .filter(|(way, _)| is_of(way))
            .map(|(way, slowness)| (*way, *slowness))
            .collect();
        left.retain(|way, _| !is_of(way));
        explained.insert(service, sum / count(mine.len()).max(1.0));
        for (way, slowness) in mine {
            let other = if way.0 == service { way.1 } else { way.0 };
            let touches =
                |ways: &Ways| count(ways.keys().filter(|way| way.0 == other || way.1 == other).count());
            let rest = slowness * OTHER_END * touches(&slow) / touches(ways).max(1.0);
            let most = others.entry(other).or_default();
            *most = most.max(rest);
        }
    }
    for (service, slowness) in others {
        explained.entry(service).or_insert(slowness);
    }
    explained
}

fn ends(ways: &Ways) -> BTreeSet<u32> {
    ways.keys()
        .flat_map(|(caller, callee)| [*caller, *callee])
        .collect()
}

fn count(of: usize) -> f64 {
    u32::try_from(of).map_or(f64::MAX, f64::from)
}

/// The slowness that is left on one side of a service, times the share of that side's ways that are slow.
fn side(ways: &Ways, slow: &Ways, left: &Ways, on_side: impl Fn(&(u32, u32)) -> bool) -> f64 {
    let all = count(ways.keys().filter(|way| on_side(way)).count());
    let slow = count(slow.keys().filter(|way| on_side(way)).count());
    let sum = left
        .iter()
        .filter(|(way, _)| on_side(way))
        .fold(0.0, |sum, (_, slowness)| sum + slowness);
    if all > 0.0 { sum * slow / all } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeliest(ways: impl IntoIterator<Item = ((u32, u32), f64)>) -> Option<u32> {
        let explained = explain(&ways.into_iter().collect());
        explained
            .into_iter()
            .max_by(|left, right| left.1.total_cmp(&right.1))
            .map(|(service, _)| service)
    }

    #[test]
    fn one_service_explains_all_its_ways() {
        // 1 calls 2, 3 and 4; 4 calls 5 and 6. All ways of 4 are slow.
        let ways = [
            ((1, 2), 0.0),
            ((1, 3), 0.0),
            ((1, 4), 3.0),
            ((4, 5), 3.0),
            ((4, 6), 3.0),
        ];
        assert_eq!(likeliest(ways), Some(4));
        // Only what comes in at 3 is slow.
        assert_eq!(likeliest([((1, 2), 0.0), ((1, 3), 5.0), ((2, 3), 5.0)]), Some(3));
        // A little slowness elsewhere doesn't matter.
        assert_eq!(likeliest([((1, 2), 0.5), ((2, 3), 5.0)]), Some(3));
    }

    #[test]
    fn of_one_way_the_callee_is_likelier() {
        assert_eq!(
            explain(&Ways::from([((1, 2), 2.0)])),
            BTreeMap::from([(1, 0.8), (2, 2.0)])
        );
        assert_eq!(explain(&Ways::from([((1, 2), 0.0)])), BTreeMap::new());
    }
}
