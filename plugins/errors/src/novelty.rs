//! Whether a fault is new, by evidence. A session that is a minute old doesn't know what is usual, but it may have seen
//! enough requests that went without the fault to know that this isn't.

use std::collections::BTreeSet;

use crate::baseline::float;
use crate::fault::FaultKind;
use crate::group::Group;

/// Below this probability of chance a fault is called new. A group is asked until its warm-up is over, so about a dozen
/// times, and whatever is always there has its first occurrence among the first requests: then there is nothing before it
/// to compare with, and it isn't called new however often it is asked.
const CHANCE: f64 = 1e-4;

/// Most factors multiplied. Each is at most one, so that stopping early only calls less new.
const MAX_FACTORS: u64 = 4096;

/// Whether it is no chance that all of `marked` requests are among the last `of`, and none among the `before` that were
/// there until the first of them: Fisher's exact test, which is a product in this case. The first one doesn't count: it is
/// where before ends.
pub(crate) fn is_evident(marked: u64, of: u64, before: u64) -> bool {
    let marked = marked.saturating_sub(1);
    // Spans may come later than what tells of the fault: there can't be more faults than requests.
    let of = of.saturating_sub(1).max(marked);
    if before == 0 {
        return false;
    }
    let mut chance = 1.0;
    for n in 0..marked.min(MAX_FACTORS) {
        chance *= float(of - n) / float((of - n).saturating_add(before));
        if chance < CHANCE {
            return true;
        }
    }
    false
}

/// Requests of a service before a fault was first observed that went without any record of an error: who has always
/// written some writes another one some day.
pub(crate) fn clean_before<'a>(groups: impl Iterator<Item = &'a Group>, service: &str, requests: u64) -> u64 {
    let records = groups.filter(|group| group.fault.kind == FaultKind::Record && group.service == service);
    records.fold(requests, |clean, group| clean.saturating_sub(group.seen))
}

/// Families of faults that were there from the beginning.
pub(crate) fn familiar<'a>(
    groups: impl Iterator<Item = &'a Group>,
    was_always_there: impl Fn(&Group) -> bool,
) -> BTreeSet<u64> {
    groups
        .filter(|group| was_always_there(group))
        .filter_map(|group| group.family)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_requests_before_and_after() {
        assert!(!is_evident(10, 10, 0), "nothing to compare with");
        assert!(!is_evident(4, 4, 20), "four are few");
        assert!(is_evident(5, 5, 20), "five of five after none of twenty");
        assert!(!is_evident(5, 30, 20), "five of thirty after none of twenty");
        assert!(is_evident(14, 15, 7));
        assert!(!is_evident(0, 50, 50));
    }

    #[test]
    fn any_count_is_answered_at_once() {
        assert!(!is_evident(u64::MAX, 0, 1));
        assert!(is_evident(1 << 60, 1 << 60, 1 << 60));
    }
}
